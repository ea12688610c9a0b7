//! The driver over loopback TCP and in-memory streams, with the real core and nothing simulated. Numbers such as S2 are the
//! cases of the close semantics.

mod cancel;
mod cancellation;
mod connecting;
#[cfg(feature = "deflate")]
mod deflate;
mod echo;
mod ending;
mod faults;
mod guests;
mod halves;
mod last_words;
mod peers;
mod proxies;
mod queueing;
mod reaching;
mod script;
mod sending;
mod serving;
mod turns;
mod upgrading;

use script::steps;
