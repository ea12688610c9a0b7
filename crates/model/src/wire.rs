//! One direction of a transport: frames as bytes, cut where a write or a read was cut.

use std::collections::VecDeque;
use std::sync::Arc;

use adieu_core::Role;
use adieu_core::frame::{Header, Opcode};
use adieu_core::mask::mask;

/// Every client's frame has this key: what is checked does not depend on it.
const KEY: [u8; 4] = [0x11, 0x22, 0x33, 0x44];

/// An encoded frame.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Frame(Arc<[u8]>);

impl std::fmt::Debug for Frame {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.header() {
            Some(header) => write!(f, "{:?}{}", header.opcode, if header.fin { "" } else { "…" }),
            None => f.write_str("garbage"),
        }
    }
}

impl Frame {
    /// Encodes a frame of `sender`'s.
    pub fn new(sender: Role, fin: bool, opcode: Opcode, payload: &[u8]) -> Self {
        let key = (sender == Role::Client).then_some(KEY);
        let mut payload = payload.to_vec();
        if let Some(key) = key {
            mask(key, &mut payload);
        }
        let mut bytes = Vec::new();
        Header { fin, rsv1: false, opcode, len: payload.len() as u64, key }.write(&mut bytes);
        bytes.append(&mut payload);
        Self(bytes.into())
    }

    /// What no endpoint sends: reserved bits are set.
    pub fn garbage() -> Self {
        Self([0xF0].into())
    }

    /// Its length in bytes, header included.
    pub fn size(&self) -> usize {
        self.0.len()
    }

    /// Garbage has no header.
    pub fn header(&self) -> Option<Header> {
        let masked = self.0.get(1).is_some_and(|second| second & 0x80 != 0);
        let receiver = if masked { Role::Server } else { Role::Client };
        Header::parse(&self.0, receiver, false).ok().flatten().map(|(header, _)| header)
    }

    /// Its payload, unmasked.
    pub fn payload(&self) -> Vec<u8> {
        let Some(header) = self.header() else { return Vec::new() };
        let mut payload = self.0[self.0.len() - usize::try_from(header.len).unwrap_or(0)..].to_vec();
        if let Some(key) = header.key {
            mask(key, &mut payload);
        }
        payload
    }

    pub(crate) fn is_garbage(&self) -> bool {
        self.header().is_none()
    }

    pub(crate) fn is(&self, opcode: Opcode) -> bool {
        self.header().is_some_and(|header| header.opcode == opcode)
    }
}

/// What comes behind the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Tail {
    /// More bytes may come.
    Open,
    /// The end of the stream.
    End,
    /// The end of the stream without `close_notify`.
    Truncated,
    /// A reset.
    Reset,
}

/// One direction of a transport.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Wire {
    /// What is under way; the first may be partly read, the last partly written.
    pub frames: VecDeque<Frame>,
    /// Bytes of the first frame that were read.
    pub read: usize,
    /// Bytes of the last frame that are not written.
    pub missing: usize,
    /// What comes behind.
    pub tail: Tail,
    /// The reader was told of the tail.
    pub told: bool,
    /// The reader has closed its socket.
    pub gone: bool,
    /// Bytes came to a closed socket, or were in it: the writer may be answered with a reset.
    pub spilt: bool,
    /// A Close was written.
    pub closed: bool,
}

impl Default for Wire {
    fn default() -> Self {
        Self {
            frames: VecDeque::new(),
            read: 0,
            missing: 0,
            tail: Tail::Open,
            told: false,
            gone: false,
            spilt: false,
            closed: false,
        }
    }
}

impl Wire {
    /// The transport takes the bytes `from..to` of a frame. After the tail they vanish.
    pub fn put(&mut self, frame: &Frame, from: usize, to: usize) {
        if self.gone {
            self.spilt = true;
        } else if self.tail == Tail::Open {
            if from == 0 {
                self.frames.push_back(frame.clone());
            }
            self.missing = frame.size() - to;
        }
    }

    /// How many bytes of the first frame can be read.
    pub fn available(&self) -> usize {
        let missing = if self.frames.len() == 1 { self.missing } else { 0 };
        self.frames.front().map_or(0, |frame| frame.size() - self.read - missing)
    }

    /// The reader stands between two frames.
    pub fn is_between(&self) -> bool {
        self.read == 0
    }

    /// Reads `len` bytes; and the frame, if they end it.
    pub fn take(&mut self, len: usize) -> (Vec<u8>, Option<Frame>) {
        let Some(front) = self.frames.front() else { return (Vec::new(), None) };
        let bytes = front.0[self.read..self.read + len].to_vec();
        self.read += len;
        if self.read < front.size() {
            return (bytes, None);
        }
        self.read = 0;
        (bytes, self.frames.pop_front())
    }

    /// What is under way is lost, and nothing comes behind it but `tail`.
    pub fn lose(&mut self, tail: Tail) {
        self.frames.clear();
        self.missing = 0;
        self.tail = tail;
    }

    /// The writer shuts its direction down.
    pub fn shut(&mut self) {
        if self.tail == Tail::Open {
            self.tail = Tail::End;
        }
    }

    /// The reader closes its socket.
    pub fn leave(&mut self) {
        self.spilt |= !self.frames.is_empty();
        self.frames.clear();
        (self.read, self.missing, self.gone) = (0, 0, true);
    }
}
