//! What goes to the transport.

use alloc::borrow::Cow;
use alloc::vec::Vec;

use super::Connection;
use super::outbox::Written;
use crate::frame::{Header, Opcode};
use crate::mask::mask;
use crate::protocol::Control;
use crate::{Instant, TransportError};

impl Connection {
    /// The bytes to write next, as slices: fills `out` from the front and tells how many it filled, 0 when there is nothing to
    /// write.
    ///
    /// What is handed out is committed: it will be written in that order. Calling again before
    /// [`handle_written`](Self::handle_written) gives the same bytes. One batch is committed at a time, of about 64 KiB unless a
    /// single frame is longer.
    pub fn transmit<'c>(&'c mut self, now: Instant, out: &mut [&'c [u8]]) -> usize {
        if out.is_empty() || !self.protocol.writes() {
            return 0;
        }
        if self.outbox.batch_is_done() {
            let mut urgent = Vec::new();
            while !self.outbox.begins_with_head()
                && let Some(control) = self.protocol.take_urgent()
            {
                let before = urgent.len();
                self.encode(control, &mut urgent);
                self.protocol.handle_queued(now, urgent.len() - before, 0);
            }
            self.outbox.commit(urgent);
            self.protocol.handle_committed();
        }
        self.outbox.slices(out)
    }

    fn encode(&mut self, Control { opcode, mut payload }: Control, out: &mut Vec<u8>) {
        let key = self.masking_key();
        if let Some(key) = key {
            mask(key, &mut payload);
        }
        Header { fin: true, opcode, len: payload.len() as u64, key }.write(out);
        out.extend_from_slice(&payload);
    }

    /// The transport took the first `len` of the committed bytes (no more than are committed).
    pub fn handle_written(&mut self, now: Instant, len: usize) {
        let mut left = len.min(self.outbox.committed_len());
        let all = left > 0 && left == self.protocol.buffered();
        self.protocol.handle_written(now, left);
        if all && self.outbox.pass_all() {
            self.protocol.handle_messages_written();
            return self.settle(now);
        }
        while let Some(written) = self.outbox.advance(&mut left) {
            match written {
                Written::Head => self.protocol.handle_head_written(now),
                Written::Frame(header) => self.protocol.handle_frame_written(now, header),
            }
        }
        self.protocol.handle_mid_frame(self.outbox.is_in_data());
        self.settle(now);
    }

    /// Writing failed. That ends sending only: reading goes on to its own end.
    pub fn handle_write_error(&mut self, now: Instant, error: TransportError) {
        self.protocol.handle_write_error(now, error);
        self.settle(now);
    }

    /// Exchanges the output buffer against `spare` if there is nothing in it. Lend one before a turn and take it back after
    /// it, and an idle connection holds none.
    pub fn exchange_buffer(&mut self, spare: &mut Vec<u8>) {
        self.outbox.exchange(spare);
    }

    #[inline]
    pub(super) fn masking_key(&mut self) -> Option<[u8; 4]> {
        self.keys.as_mut().map(|keys| keys.masking_key())
    }

    #[inline]
    pub(super) fn queue_frame(&mut self, now: Instant, fin: bool, opcode: Opcode, payload: Cow<'_, [u8]>) {
        let payload_len = if opcode.is_control() { 0 } else { payload.len() };
        let key = self.masking_key();
        let len = self.outbox.push_frame(fin, opcode, key, payload);
        self.protocol.handle_queued(now, len, payload_len);
    }

    pub(super) fn queue_head(&mut self, now: Instant, head: &[u8]) {
        self.outbox.push_head(head);
        self.protocol.handle_queued(now, head.len(), 0);
    }
}
