//! What a connection on which permessage-deflate was agreed has beside others.

use alloc::{boxed::Box, vec::Vec};
use core::fmt;

use super::config::MIN_BITS;
use super::deflating::Deflating;
use super::inflating::Inflating;
use super::waiting::Waiting;
use super::{Deflate, Parameters};
use crate::Role;

/// Both directions' compression.
pub(crate) struct Codec {
    config: Deflate,
    pub(super) inflating: Inflating,
    deflating: Deflating,
    /// The peer's messages refer to those before.
    pub(super) peer_takes_over: bool,
    /// So do ours.
    takes_over: bool,
    /// Our window, in bits.
    bits: u8,
    /// Our unfinished message is compressed.
    compressing: bool,
    /// The message that is being sent is not to be.
    pub(super) plain: bool,
    pub(super) waiting: Option<Box<Waiting>>,
}

impl Codec {
    pub(super) fn new(role: Role, config: &Deflate, agreed: Parameters) -> Self {
        let client_forgets = agreed.client_no_context_takeover;
        let server_forgets = agreed.server_no_context_takeover;
        let (bits, forgets, peer_forgets) = match role {
            Role::Server => {
                let bits = agreed
                    .server_max_window_bits
                    .map_or(config.server_bits(), |it| it.min(config.server_bits()));
                (bits, server_forgets || config.server_no_context_takeover, client_forgets)
            }
            Role::Client => {
                let agreed_bits = agreed.client_max_window_bits.flatten();
                let bits = agreed_bits.map_or(config.client_bits(), |it| it.min(config.client_bits()));
                (bits, client_forgets || config.client_no_context_takeover, server_forgets)
            }
        };
        Self {
            config: config.clone(),
            inflating: Inflating::default(),
            deflating: Deflating::default(),
            peer_takes_over: !peer_forgets,
            takes_over: !forgets,
            bits,
            compressing: false,
            plain: false,
            waiting: None,
        }
    }

    /// Compresses a message, or a part of one that begins with it (`start`) or ends with it. `None`: it goes as it is.
    ///
    /// With a window of 8 bits, which a server may ask for, all do: zlib has none.
    pub(super) fn deflate(&mut self, start: bool, end: bool, part: &[u8]) -> Option<Vec<u8>> {
        if start {
            let long = !end || part.len() >= self.config.threshold;
            self.compressing = long && !self.plain && self.bits >= MIN_BITS;
        }
        let out = self.compressing.then(|| self.deflating.next(&self.config, self.bits, part, end));
        if end && !self.takes_over {
            self.deflating.forget();
        }
        out
    }
}

/// What a window holds are messages: they are not shown.
impl fmt::Debug for Codec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Codec").finish_non_exhaustive()
    }
}
