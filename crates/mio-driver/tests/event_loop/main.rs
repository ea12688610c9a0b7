//! The loop, over sockets: what no scenario can show.

mod common;
mod fairness;
mod life;
mod many;
mod slow;
mod stopping;
