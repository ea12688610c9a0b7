//! The rules of RFC 6455 and of docs/CLOSE.md, held against the core.

mod chunks;
mod close_a;
mod close_b;
mod close_b_end;
mod close_c;
mod close_f;
mod close_n;
mod close_s;
mod closure;
mod common;
#[cfg(feature = "deflate")]
mod deflate;
mod fuzzish;
mod handshake;
mod handshake_client;
mod handshake_refusals;
mod limits;
mod prepared;
mod protocol;
mod rfc6455;
mod rfc6455_handshake;
mod rules;
mod rules_bound;
mod rules_clock;
mod rules_noted;
mod rules_verdict;
mod shown;
mod split;
mod talk;
mod torn;
