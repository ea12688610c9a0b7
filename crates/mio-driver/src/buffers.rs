//! Buffers that belong to a loop or a thread, and not to a connection.
//!
//! Owns: one buffer to read into, and a few that connections write to for as long as they have something to write. Must not know:
//! whose turn it is.

use super::*;

/// A buffer that grew beyond this is not kept: four messages of the usual limit.
const SPARE_LEN: usize = 4 << 20;

/// As many buffers are kept: one to write to, and some for large messages that are under way at the same time.
const SPARES_KEPT: usize = 4;

/// What is lent to a connection for its turn. One is enough for any number of connections that take turns.
#[derive(Debug, Default)]
pub struct Buffers {
    scratch: Vec<u8>,
    spares: Vec<Vec<u8>>,
}

impl Buffers {
    /// The read buffer, of `len` bytes.
    pub(crate) fn scratch(&mut self, len: usize) -> &mut [u8] {
        self.scratch.resize(self.scratch.len().max(len), 0);
        &mut self.scratch[..len]
    }

    /// Gives a connection that writes nothing a buffer to write to.
    pub(crate) fn lend(&mut self, connection: &mut Connection) {
        let mut spare = self.spares.pop().unwrap_or_default();
        connection.exchange_buffer(&mut spare);
        self.keep(spare);
    }

    /// Takes all buffers that a connection does not need.
    pub(crate) fn take_back(&mut self, connection: &mut Connection) {
        let mut buffer = Vec::new();
        connection.exchange_buffer(&mut buffer);
        while buffer.capacity() > 0 {
            self.keep(std::mem::take(&mut buffer));
            connection.exchange_buffer(&mut buffer);
        }
    }

    fn keep(&mut self, buffer: Vec<u8>) {
        if (1..=SPARE_LEN).contains(&buffer.capacity()) {
            self.spares.push(buffer);
            // The largest is last, and the smallest goes.
            self.spares.sort_unstable_by_key(Vec::capacity);
            self.spares.drain(..self.spares.len().saturating_sub(SPARES_KEPT));
        }
    }
}
