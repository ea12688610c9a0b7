//! What the programs need: frames made by hand, options, medians, servers in processes of their own, and Adieu's.

pub mod options;
pub mod process;
pub mod servers;
pub mod stats;
pub mod wire;

/// What a program comes to.
pub type Fallible<T> = Result<T, Box<dyn std::error::Error>>;
