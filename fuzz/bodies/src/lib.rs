//! What the fuzz targets do with their input, and what must hold whatever it is.
//!
//! Each function takes any bytes and panics when an invariant is broken: under a fuzzer, and in the tests that replay seeds and
//! corpora. `docs/fuzzing.md` tells what each of them checks.

mod bytes;
mod deflate;
mod endpoint;
mod heads;
mod memory;
mod pair;
pub mod reference;
mod versus;
mod wire;

pub use bytes::{client_bytes, server_bytes};
pub use deflate::{extensions, inflation};
pub use heads::{handshake_request, handshake_response};
pub use memory::{Counters, count_with};
pub use pair::pair;
pub use reference::versus_reference;
pub use versus::versus_tungstenite;
