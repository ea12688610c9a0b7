//! The lifecycle's table, followed to its fixed point: every sequence of inputs, of every length, for both roles.
//!
//! A [`Monitor`](graph::Monitor) beside the phase remembers what the rules of CLOSE.md speak of. Phases and monitors are finitely many, so all
//! that can ever happen is a graph, and every rule is asked of every edge.

mod asked;
mod graph;
mod reach;
mod rows;
mod rules;
mod unasked;
