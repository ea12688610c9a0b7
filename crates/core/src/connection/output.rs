//! What goes to the transport.

use super::outbox::Block;
use super::*;
use crate::frame::Header;

impl Connection {
    /// The bytes to write next, as slices: fills `out` from the front and tells how many it filled, 0 when there is nothing to
    /// write.
    ///
    /// What is handed out is committed: it will be written in that order. Calling again before
    /// [`handle_written`](Self::handle_written) gives the same bytes. One batch is committed at a time, of about 64 KiB unless a
    /// single frame is longer.
    // R5.4-13
    pub fn transmit<'c>(&'c mut self, now: Instant, out: &mut [&'c [u8]]) -> usize {
        if out.is_empty() || !self.protocol.writes() {
            return 0;
        }
        if self.outbox.committed_len() == 0 {
            let mut urgent = Block::default();
            while !self.outbox.begins_with_head()
                && let Some((opcode, payload)) = self.protocol.take_urgent()
            {
                // R5.1-01, R5.5.1-03
                let key = self.masking_key();
                // R5.4-02
                let header = Header { fin: true, rsv1: false, opcode, len: payload.len() as u64, key };
                let len = urgent.push(header, Cow::Owned(payload));
                self.protocol.handle_queued(now, len, 0);
            }
            let urgent_len = urgent.len();
            self.outbox.commit(urgent);
            self.protocol.handle_committed(urgent_len, self.outbox.committed_len());
        }
        // R6.1-08
        self.outbox.slices(out)
    }

    /// The transport took the first `len` of the committed bytes (no more than are committed).
    pub fn handle_written(&mut self, now: Instant, len: usize) {
        let len = len.min(self.outbox.committed_len());
        let mut left = len;
        // The idle clock wants to know of each frame.
        if len == self.protocol.buffered() && self.config().idle_timeout.is_none() {
            self.outbox.pass_all();
            left = 0;
        }
        while let Some(frame) = self.outbox.advance(&mut left) {
            self.protocol.handle_frame_written(now, frame);
        }
        self.protocol.handle_written(now, len, self.outbox.is_in_data());
        self.settle(now);
    }

    /// Writing failed. That ends sending only: reading goes on to its own end.
    pub fn handle_write_error(&mut self, now: Instant, error: TransportError) {
        self.then_settle(now, |protocol| protocol.handle_write_error(now, error));
    }

    /// Exchanges the output buffer against `spare` if there is nothing in it. Lend one before a turn and take it back after
    /// it, and an idle connection holds none.
    pub fn exchange_buffer(&mut self, spare: &mut Vec<u8>) {
        self.outbox.exchange(spare);
    }

    // R5.3-02, R5.3-04, R10.3-01
    pub(super) fn masking_key(&mut self) -> Option<[u8; 4]> {
        self.keys.as_mut().map(|keys| keys.next_u32().to_ne_bytes())
    }

    // R6.1-04
    #[inline]
    pub(super) fn queue_frame(&mut self, now: Instant, fin: bool, opcode: Opcode, payload: Cow<'_, [u8]>) {
        if !self.queues_compressed(now, fin, opcode, &payload) {
            self.push_frame(now, Header { fin, rsv1: false, opcode, len: 0, key: None }, payload);
        }
    }

    /// Queues a frame with this header, whose length and key are set here.
    #[inline]
    pub(crate) fn push_frame(&mut self, now: Instant, header: Header, payload: Cow<'_, [u8]>) {
        let payload_len = if header.opcode.is_control() { 0 } else { payload.len() };
        let header = Header { len: payload.len() as u64, key: self.masking_key(), ..header };
        // R5.4-03
        let len = self.outbox.tail().push(header, payload);
        self.protocol.handle_queued(now, len, payload_len);
    }

    pub(super) fn queue_head(&mut self, now: Instant, head: &[u8]) {
        self.outbox.push_head(head);
        self.protocol.handle_queued(now, head.len(), 0);
    }
}
