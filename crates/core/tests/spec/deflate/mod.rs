//! permessage-deflate (RFC 7692), rule by rule.

mod answers;
mod any;
mod bits;
mod fragments;
mod inflation;
mod kit;
mod limits;
mod offers;
mod sending;
mod takeover;
