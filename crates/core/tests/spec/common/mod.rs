//! A small test kit: frames built and parsed by hand, and a world around one connection: a peer, a transport, a clock.
//!
//! Nothing here uses the library's own encoders or decoders, so a mistake in them cannot hide itself.
#![allow(dead_code, unused_imports)] // Each test binary uses another part of it.

mod config;
mod events;
mod expect;
mod frames;
mod hands;
pub(crate) mod script;
mod world;

pub(crate) use config::{config, max_close_time, secs};
pub(crate) use events::{event_name, own};
pub(crate) use expect::{Expect, close};
pub(crate) use frames::{Form, Frame, Peer, Raw, frame_names, parse_frames};
pub(crate) use hands::{KEY, KEY_ACCEPT, Reply, header_of, request, request_lines, response_to, split_head};
pub(crate) use world::{BOTH, SEED, START, World};
