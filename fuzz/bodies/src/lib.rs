//! What the fuzz targets do with their input, and what must hold whatever it is.
//!
//! Each function takes any bytes and panics when an invariant is broken: under a fuzzer, and in the tests that replay seeds.

mod calls;
mod endpoint;
mod input;
mod wire;

pub use calls::calls;
pub use input::input;
