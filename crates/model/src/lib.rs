//! The closing lifecycle, model-checked.
//!
//! Owns: a [`System`] of a client's and a server's real [`Protocol`](adieu_core::protocol::Protocol), two byte streams between
//! them, and everything that an application, a transport and a clock can do to them; the properties that hold in every state that can be
//! reached; the [`Setup`]s that bound the search. Must not know: how a connection ends. That is what is checked.
//!
//! `docs/model-check.md` tells what is modelled, what is not, and what was found.

mod actions;
mod agreement;
mod deeds;
mod end;
mod monitor;
mod properties;
mod setup;
mod setups;
mod sights;
mod system;
mod wire;

pub use actions::Act;
pub use deeds::{Deeds, Lost, Reason, Waits};
pub use end::{End, Ghost};
pub use monitor::Rule;
pub use setup::{Budget, Cut, Fault, Faults, Setup, Times};
pub use setups::{quick, setups};
pub use sights::Sight;
pub use system::{Lifecycle, System};
pub use wire::{Frame, Tail, Wire};
