//! What the tests of the whole workspace share.

pub mod close_semantics;
pub mod conformance;
pub mod scenario;
pub mod source;
pub mod tree;

/// The README's programs, as far as they are whole.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
pub struct Readme;

/// The programs on the page about testing.
#[cfg(doctest)]
#[doc = include_str!("../../docs/testing.md")]
pub struct Testing;
