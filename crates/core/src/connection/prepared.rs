//! Messages for many receivers.
//!
//! Owns: a message's frame, encoded once, what refers to it, and what waits for a receiver that is slow. Must not know: who receives.

use alloc::collections::VecDeque;

use super::outbox::Block;
use super::*;
use crate::frame::{Header, MAX_HEADER_LEN};
use crate::{Kind, Message, SendRefusal, Ticket};

/// From this length on, in bytes, a prepared payload is referred to and not copied.
pub(super) const SHARED_LEN: usize = 32 << 10;

/// A message that is encoded once, for any number of server connections to send. Clones share it.
///
/// A connection that sends it ([`Connection::send_prepared`]) copies it if it is small, and refers to it if it is large. A client's has to
/// mask it, and copies it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Prepared(Arc<Encoded>);

#[derive(Debug, PartialEq, Eq, Hash)]
struct Encoded {
    kind: Kind,
    /// Header and payload.
    frame: Vec<u8>,
    header_len: usize,
}

impl Prepared {
    /// Encodes a message.
    pub fn new(message: &Message<'_>) -> Self {
        let (kind, payload) = (message.kind(), message.as_bytes());
        let opcode = if kind == Kind::Text { Opcode::Text } else { Opcode::Binary };
        let mut frame = Vec::with_capacity(MAX_HEADER_LEN + payload.len());
        Header { fin: true, rsv1: false, opcode, len: payload.len() as u64, key: None }.write(&mut frame);
        let header_len = frame.len();
        frame.extend_from_slice(payload);
        Self(Arc::new(Encoded { kind, frame, header_len }))
    }

    /// Encodes a text message.
    pub fn text(text: &str) -> Self {
        Self::new(&text.into())
    }

    /// Encodes a binary message.
    pub fn binary(payload: &[u8]) -> Self {
        Self::new(&payload.into())
    }

    /// Text or binary.
    pub fn kind(&self) -> Kind {
        self.0.kind
    }

    /// The payload's bytes.
    pub fn payload(&self) -> &[u8] {
        &self.0.frame[self.0.header_len..]
    }
}

impl Connection {
    /// Queues a message that was prepared for many. It is not compressed.
    ///
    /// # Errors
    ///
    /// The [`SendRefusal`], as of [`send`](Self::send); nothing changed.
    // R6.1-01
    pub fn send_prepared(&mut self, now: Instant, message: &Prepared) -> Result<Ticket, SendRefusal> {
        let (opcode, ticket) = self.protocol.send(now, message.kind(), true, false)?;
        let payload = message.payload();
        let len = if self.role() == Role::Client {
            let key = self.masking_key();
            let header = Header { fin: true, rsv1: false, opcode, len: payload.len() as u64, key };
            self.outbox.tail().push(header, Cow::Borrowed(payload))
        } else {
            self.outbox.tail().push_prepared(message)
        };
        self.protocol.handle_queued(now, len, payload.len());
        Ok(ticket)
    }
}

impl Block {
    /// Appends a frame that is encoded already; there is room. Answers with its length.
    fn push_prepared(&mut self, message: &Prepared) -> usize {
        let Encoded { frame, header_len, .. } = &*message.0;
        if frame.len() < SHARED_LEN {
            self.frames.extend_from_slice(frame);
        } else {
            self.frames.extend_from_slice(&frame[..*header_len]);
            self.payload = Payload::Shared(message.clone());
        }
        frame.len()
    }
}

/// A large payload on its way out.
#[derive(Debug)]
pub(super) enum Payload {
    Own(Vec<u8>),
    Shared(Prepared),
}

impl Payload {
    /// Takes a payload of the connection's own, and gives it to be masked.
    pub(super) fn put(&mut self, payload: Vec<u8>) -> &mut [u8] {
        *self = Self::Own(payload);
        match self {
            Self::Own(payload) => payload,
            Self::Shared(_) => &mut [],
        }
    }

    /// The buffer, if it is the connection's.
    pub(super) fn own(&mut self) -> Option<&mut Vec<u8>> {
        match self {
            Self::Own(buffer) => Some(buffer),
            Self::Shared(_) => None,
        }
    }

    /// Empties it; a buffer of the connection's stays.
    pub(super) fn clear(&mut self) {
        match self {
            Self::Own(buffer) => buffer.clear(),
            Self::Shared(_) => *self = Self::default(),
        }
    }
}

impl Default for Payload {
    fn default() -> Self {
        Self::Own(Vec::new())
    }
}

impl Deref for Payload {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Own(buffer) => buffer,
            Self::Shared(message) => message.payload(),
        }
    }
}

/// Prepared messages that wait for a slow receiver, outside of its connection, the oldest first: a bound for what is kept for it, and a choice
/// of what is dropped.
///
/// `send` is what sends on a connection, such as [`Connection::send_prepared`]. What is kept here has no ticket, and does not count as
/// unsent in the verdict.
#[derive(Clone, Debug, Default)]
pub struct Backlog(VecDeque<Prepared>);

impl Backlog {
    /// Sends a message behind those that wait, or lets it wait too while the queue is full: at most the latest `limit` do. Answers how many
    /// were dropped for that.
    ///
    /// # Errors
    ///
    /// The [`SendRefusal`], if the connection takes nothing any more: then nothing waits for it. While it only takes nothing yet (`Full`,
    /// `MessageUnfinished`, `Connecting`) messages wait.
    pub fn send(
        &mut self,
        message: &Prepared,
        limit: usize,
        send: impl FnMut(&Prepared) -> Result<Ticket, SendRefusal>,
    ) -> Result<usize, SendRefusal> {
        self.0.push_back(message.clone());
        self.resume(send)?;
        let dropped = self.0.len().saturating_sub(limit);
        self.0.drain(..dropped);
        Ok(dropped)
    }

    /// Sends what waits, as far as there is room; to be called when there is room again ([`Event::Drained`]; over tokio `Sender::room`),
    /// after the last fragment of a message, and once the connection is open.
    ///
    /// # Errors
    ///
    /// As of [`send`](Self::send).
    pub fn resume(
        &mut self,
        mut send: impl FnMut(&Prepared) -> Result<Ticket, SendRefusal>,
    ) -> Result<(), SendRefusal> {
        while let Some(next) = self.0.front() {
            match send(next) {
                Ok(_) => drop(self.0.pop_front()),
                Err(SendRefusal::Full | SendRefusal::MessageUnfinished | SendRefusal::Connecting) => break,
                Err(refusal) => {
                    self.0.clear();
                    return Err(refusal);
                }
            }
        }
        Ok(())
    }

    /// How many wait.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// None waits.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
