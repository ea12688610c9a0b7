//! The program `adieu serve --mio`: what `cli.rs` tests of the other driver.

#[path = "cli.rs"]
mod cli;
