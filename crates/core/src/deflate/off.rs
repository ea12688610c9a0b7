//! permessage-deflate, where the feature `deflate` is off: it is never agreed on.

use alloc::{boxed::Box, string::String};

use crate::connection::Handshake;
use crate::frame::Opcode;
use crate::handshake::Headers;
use crate::protocol::Data;
use crate::{Config, Connection, Event, Instant, Message, ResponseFault, SendResult, TransportError};

/// There is no configuration without the feature `deflate`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Deflate {}

impl Deflate {
    pub(crate) const fn max_memory(&self, _: &Config) -> u128 {
        match *self {}
    }
}

/// Nothing is agreed on without the feature `deflate`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Parameters {}

pub(crate) type Codec = Parameters;

/// There is nothing to choose without the feature `deflate`.
pub fn choose(config: &Deflate, _: &[&[u8]]) -> Option<Parameters> {
    match *config {}
}

pub(crate) fn offer(_: &Config) -> String {
    String::new()
}

pub(crate) fn is_well_formed(_: &Config, _: &Headers) -> bool {
    true
}

pub(crate) fn answer(_: &Config, _: &Headers) -> Option<(Parameters, String)> {
    None
}

pub(crate) fn agreed(_: &Config, headers: &Headers) -> Result<Option<Parameters>, ResponseFault> {
    if headers.get("sec-websocket-extensions").is_some() { Err(ResponseFault::Extension) } else { Ok(None) }
}

#[allow(clippy::unused_self, reason = "the form that it has with the feature")]
impl Connection {
    /// Queues a message like [`send`](Self::send): nothing is compressed without the feature `deflate`.
    ///
    /// # Errors
    ///
    /// As there.
    pub fn send_uncompressed<'m>(&mut self, now: Instant, message: impl Into<Message<'m>>) -> SendResult<'m> {
        self.send(now, message)
    }

    /// Queues a fragment like [`send_fragment`](Self::send_fragment): nothing is compressed without the feature `deflate`.
    ///
    /// # Errors
    ///
    /// As there.
    pub fn send_fragment_uncompressed<'m>(
        &mut self,
        now: Instant,
        part: impl Into<Message<'m>>,
        end: bool,
    ) -> SendResult<'m> {
        self.send_fragment(now, part, end)
    }

    /// Nothing can be agreed on without the feature `deflate`.
    pub fn agree(&mut self, agreed: Option<Parameters>) {
        if let Some(never) = agreed {
            self.handshake = Some(Box::new(Handshake::Agreed(never)));
        }
    }

    /// The opening handshake succeeded.
    pub(crate) fn opened(&mut self, now: Instant, agreed: Option<Parameters>) {
        self.protocol.handle_opened(now);
        self.agree(agreed);
    }

    pub(crate) fn queues_compressed(&mut self, _: Instant, _: bool, _: Opcode, _: &[u8]) -> bool {
        false
    }

    pub(crate) fn inflate(&mut self, _: Instant, _: &Data<'_>) -> Option<Event<'static>> {
        None
    }

    pub(crate) fn catch_up(&mut self, _: Instant) {}

    pub(crate) fn puts_by(&mut self, _: Instant, _: &mut &mut [u8]) -> bool {
        false
    }

    /// The peer's direction has ended, in order or not.
    pub(crate) fn end(&mut self, now: Instant, error: Option<TransportError>) {
        self.then_settle(now, |protocol| protocol.handle_end(now, error));
    }
}
