//! What both programs need: frames made by hand, options, medians.

pub mod options;
pub mod stats;
pub mod wire;
