//! All sockets of a loop, as the application reaches them.
//!
//! Owns: which of them are to be written, which are to have a turn, and that a stream is looked at before it is written to. Must not
//! know: a poll's events.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time;

use adieu_core::handshake::{Accept, ClientRequest, Reject};
use adieu_core::{
    AnswerError, Close, CloseError, Config, Connection, Instant, Message, SendError, SendRefusal, SendResult,
};
use mio::net::TcpStream;
use mio::{Interest, Registry};

use crate::buffers::Buffers;
use crate::slab::{Key, Slab};
use crate::socket::{Hold, Socket};
use crate::timers::Timers;

/// When so many connections have something to write, it is written: what they hold meanwhile is bounded.
const UNWRITTEN: usize = 1024;

/// The connections of an [`EventLoop`](crate::EventLoop).
#[derive(Debug)]
pub struct Sockets {
    pub(crate) slab: Slab,
    pub(crate) timers: Timers,
    /// Who is to have a turn.
    pub(crate) queue: VecDeque<Key>,
    /// Whose turn it is.
    pub(crate) current: Option<Key>,
    /// Who was changed outside of a turn.
    changed: Vec<Key>,
    /// For looks, while the loop's own buffers hold what a turn has read.
    buffers: Buffers,
    registry: Registry,
    epoch: time::Instant,
    now: Instant,
    round: u32,
}

impl Sockets {
    pub(crate) fn new(registry: Registry) -> Self {
        Self {
            slab: Slab::default(),
            timers: Timers::default(),
            queue: VecDeque::new(),
            current: None,
            changed: Vec::new(),
            buffers: Buffers::default(),
            registry,
            epoch: time::Instant::now(),
            now: Instant::EPOCH,
            round: 0,
        }
    }

    /// The time, as this turn has it.
    pub const fn now(&self) -> Instant {
        self.now
    }

    /// How many connections there are, whatever their state.
    pub fn len(&self) -> usize {
        self.slab.len()
    }

    /// There is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All connections.
    pub fn keys(&self) -> impl Iterator<Item = Key> {
        self.slab.keys()
    }

    /// A connection, to be asked.
    pub fn get(&self, key: Key) -> Option<&Connection> {
        self.slab.get(key).map(|slot| slot.socket.connection())
    }

    /// The peer's address.
    pub fn peer_addr(&self, key: Key) -> Option<SocketAddr> {
        self.slab.get(key)?.socket.stream()?.peer_addr().ok()
    }

    /// A connection, to be changed, and the time, which the call will ask for. What its stream holds is looked at first (CLOSE.md S2), and
    /// what follows from the change is done when the handler has returned.
    pub fn reach(&mut self, key: Key) -> Option<(&mut Connection, Instant)> {
        // What the current one has read is being handed out: that comes first. Its turn does what follows.
        if self.current != Some(key) {
            self.touch(key);
            let slot = self.slab.get_mut(key)?;
            if slot.looked != self.round {
                slot.looked = self.round;
                slot.socket.look(self.now, &mut self.buffers);
            }
            self.buffers.lend(slot.socket.connection_mut());
        }
        Some((self.slab.get_mut(key)?.socket.connection_mut(), self.now))
    }

    /// Accepts a request.
    ///
    /// # Errors
    ///
    /// [`AnswerError`]; nothing changed.
    pub fn accept(&mut self, key: Key, answer: &Accept) -> Result<(), AnswerError> {
        let (connection, now) = self.reach(key).ok_or(AnswerError::NoRequest)?;
        connection.accept(now, answer)
    }

    /// Refuses a request, or answers one that does not ask for WebSocket.
    ///
    /// # Errors
    ///
    /// [`AnswerError::NoRequest`]; nothing changed.
    pub fn reject(&mut self, key: Key, answer: &Reject) -> Result<(), AnswerError> {
        let (connection, now) = self.reach(key).ok_or(AnswerError::NoRequest)?;
        connection.reject(now, answer)
    }

    /// Queues a message; all that a connection is sent in a round goes out in one write.
    ///
    /// # Errors
    ///
    /// [`SendError`], with the message; a connection that is gone has ended.
    pub fn send<'m>(&mut self, key: Key, message: impl Into<Message<'m>>) -> SendResult<'m> {
        match self.reach(key) {
            Some((connection, now)) => connection.send(now, message),
            None => Err(SendError { refusal: SendRefusal::Ended, message: message.into() }),
        }
    }

    /// Closes, with a code and a reason.
    ///
    /// # Errors
    ///
    /// [`CloseError`]; nothing changed.
    pub fn close(&mut self, key: Key, code: u16, reason: &str) -> Result<(), CloseError> {
        let close = Close::new(code, reason)?;
        let (connection, now) = self.reach(key).ok_or(CloseError::Already)?;
        connection.close(now, close)
    }

    /// When the application is not asked to take this connection's messages.
    pub fn hold(&mut self, key: Key, hold: Hold) {
        if let Some(slot) = self.slab.get_mut(key) {
            slot.socket.hold(hold);
            self.queue.push_back(key);
        }
    }

    /// Takes a connection's stream out of the loop, for something else to go on with. Nothing more is told of the connection.
    pub fn take_stream(&mut self, key: Key) -> Option<TcpStream> {
        let mut stream = self.slab.remove(key)?.socket.take_stream()?;
        self.registry.deregister(&mut stream).ok()?;
        Some(stream)
    }

    /// Begins to connect to a server. What becomes of it is told: [`on_open`](crate::Handler::on_open), or the verdict.
    ///
    /// # Errors
    ///
    /// The system's, if it cannot even begin.
    pub fn connect(
        &mut self,
        server: SocketAddr,
        request: ClientRequest,
        config: Arc<Config>,
    ) -> io::Result<Key> {
        let mut seed = [0; 32];
        // R4.1-30, R5.3-03
        getrandom::fill(&mut seed).map_err(io::Error::other)?;
        let stream = TcpStream::connect(server)?;
        let connection = Connection::client(request, config, seed, self.now);
        self.admit(Socket::connecting(stream, connection))
    }

    /// Takes a socket in.
    pub(crate) fn admit(&mut self, socket: Socket<TcpStream>) -> io::Result<Key> {
        let key = self.slab.insert(socket);
        let both = Interest::READABLE | Interest::WRITABLE;
        let stream = self.slab.get_mut(key).and_then(|slot| slot.socket.stream_mut());
        if let Some(Err(error)) = stream.map(|stream| self.registry.register(stream, key.token(), both)) {
            self.slab.remove(key);
            return Err(error);
        }
        self.queue.push_back(key);
        Ok(key)
    }

    /// Reads the clock.
    pub(crate) fn tick(&mut self) {
        self.now = Instant::EPOCH + self.epoch.elapsed();
    }

    /// A poll has answered: what streams held before is not all that they hold now.
    pub(crate) const fn begin_round(&mut self) {
        self.round = self.round.wrapping_add(1);
    }

    /// The socket is to be settled.
    fn touch(&mut self, key: Key) {
        if self.changed.last() == Some(&key) {
            return;
        }
        if self.changed.len() >= UNWRITTEN {
            self.settle_changed();
        }
        self.changed.push(key);
    }

    pub(crate) fn settle_changed(&mut self) {
        let mut changed = std::mem::take(&mut self.changed);
        for key in changed.drain(..) {
            self.settle(key);
        }
        self.changed = changed;
    }

    /// Does what follows from a change.
    pub(crate) fn settle(&mut self, key: Key) {
        let Some(slot) = self.slab.get_mut(key) else { return };
        if slot.socket.settle(self.now, &mut self.buffers) {
            self.queue.push_back(key);
        }
        if slot.socket.is_done() {
            self.slab.remove(key);
        } else {
            self.timers.arm(&mut self.slab, key);
        }
    }
}
