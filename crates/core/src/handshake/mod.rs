//! The opening handshake (RFC 6455 §4), as pure functions over bytes.
//!
//! Owns: what a request and a response must say, and how they are written. Must not know: when they are sent, or who waits.

mod client;
mod head;
pub(crate) mod headers;
mod server;

pub use client::{ClientRequest, Response};
pub use headers::{Header, Headers};
pub use server::{Accept, Reject, Request};

pub(crate) use client::ClientHandshake;
pub(crate) use server::ServerHandshake;

use alloc::string::String;
use base64::prelude::{BASE64_STANDARD, Engine};
use sha1::{Digest, Sha1};

/// The GUID that RFC 6455 §1.3 appends to the key.
const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// The value of `Sec-WebSocket-Accept` for a key (RFC 6455 §4.2.2, step 5.4): 28 characters of base64.
// R4.2.2-15
pub fn accept_key(key: &[u8]) -> String {
    BASE64_STANDARD.encode(Sha1::new().chain_update(key).chain_update(GUID).finalize())
}
