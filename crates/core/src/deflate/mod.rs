//! permessage-deflate (RFC 7692): messages that travel compressed.
//!
//! Owns: the configuration, negotiation as pure functions over header text, what inflates and deflates, and input that waits because it
//! would expand. Must not know: frames, their order and RSV1, which are the protocol's.
//!
//! Off unless [`Config::deflate`](crate::Config::deflate) says otherwise: compression tells the length of what it compresses, and so, beside
//! text that an attacker chooses, secrets (§8, CRIME, BREACH). It also costs memory and time.

mod codec;
mod config;
mod connection;
mod deflating;
mod header;
mod inflating;
mod offer;
mod waiting;

pub use config::Deflate;
pub use offer::{Parameters, choose};

pub(crate) use codec::Codec;
pub(crate) use offer::{agreed, answer, is_well_formed, offer};
