//! The shared state of a connection under schedules that a checker chooses: no lost wake-up, no deadlock, every call answered.
//!
//! The driver's own modules are compiled here against the checker's locks, counters and thread-locals ([`sync`]), and against a clock
//! that stands still until it is told to go on ([`clock`]). So no deadline comes to the rescue of a wake-up that was lost: it is a deadlock,
//! which the checker finds.

// The driver's modules as they are, with what no scenario uses.
#![allow(dead_code, unreachable_pub)]

mod checker;
mod clock;
mod ending;
mod pipe;
mod sending;
mod sync;

#[path = "../../src/driver.rs"]
mod driver;
#[path = "../../src/error.rs"]
mod error;
#[path = "../../src/hub.rs"]
mod hub;
#[path = "../../src/progress.rs"]
mod progress;
#[path = "../../src/sender.rs"]
mod sender;
#[path = "../../src/shared.rs"]
mod shared;
#[path = "../../src/sink.rs"]
mod sink;
#[path = "../../src/thread.rs"]
mod thread;
#[path = "../../src/transport.rs"]
mod transport;
#[path = "../../src/waiters.rs"]
mod waiters;
#[path = "../../src/websocket.rs"]
mod websocket;
#[path = "../../src/wire.rs"]
mod wire;
