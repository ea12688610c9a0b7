//! Input that was read and waits for room in the inbox, where what is left to inflate could become a thousand times as long.
//!
//! To the protocol it is as if it had not been read; it waits only while the inbox is full, so that nothing is read behind it.

use alloc::vec::Vec;

use crate::{Kind, TransportError};

/// What waits, in this order.
#[derive(Default)]
pub(crate) struct Waiting {
    /// The rest of a part of a compressed message.
    pub(super) part: Option<Rest>,
    /// What was read behind it.
    pub(super) input: Vec<u8>,
    /// How much of that is taken.
    pub(super) taken: usize,
    /// How the peer's direction ended behind that.
    pub(super) end: Option<Option<TransportError>>,
}

/// The rest of a part of a compressed message: what is left to inflate.
pub(super) struct Rest {
    pub(super) kind: Kind,
    pub(super) payload: Vec<u8>,
    /// How much of that is taken.
    pub(super) taken: usize,
    /// The message ends behind it.
    pub(super) end: bool,
}
