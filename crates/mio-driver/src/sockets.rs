//! All sockets of a loop, as the application reaches them.
//!
//! Owns: their places and keys, when each wakes and who is to have a turn, and that a stream is looked at before it is written to. Must not
//! know: a poll's events, and what happens in a turn.

use super::*;

/// Whenever so many connections were changed, what they have to write is written: so what they hold meanwhile is bounded.
const UNWRITTEN: usize = 1024;

/// So many alarms that nobody waits for any more are kept, beside as many as there are sockets.
const STALE: usize = 1024;

/// Names a connection of a loop, as long as it is there, and never another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    index: u32,
    serial: u32,
}

impl Key {
    fn get(self, slots: &slab::Slab<Slot>) -> Option<&Slot> {
        slots.get(self.index as usize).filter(|slot| slot.serial == self.serial)
    }

    fn find(self, slots: &mut slab::Slab<Slot>) -> Option<&mut Slot> {
        slots.get_mut(self.index as usize).filter(|slot| slot.serial == self.serial)
    }
}

#[derive(Debug)]
pub(crate) struct Slot {
    socket: Socket<TcpStream>,
    serial: u32,
    /// In which round the stream was looked at last.
    looked: u32,
    /// When its alarm rings.
    armed: Option<Instant>,
}

/// The connections of an [`EventLoop`](crate::EventLoop).
#[derive(Debug)]
pub struct Sockets {
    slots: slab::Slab<Slot>,
    serial: u32,
    /// One alarm for each socket. One whose deadline has moved away is left as it is: when it rings, one looks, and sets it anew. So
    /// nothing is paid where nothing expires.
    pub(crate) alarms: BinaryHeap<Reverse<(Instant, Key)>>,
    /// Who is to have a turn.
    pub(crate) queue: VecDeque<Key>,
    /// Whose turn it is.
    current: Option<Key>,
    round: u32,
    /// For looks and for writing, while the loop's own hold what a turn has read.
    buffers: Buffers,
    registry: Registry,
    epoch: time::Instant,
    now: Instant,
}

impl Sockets {
    pub(crate) fn new(registry: Registry) -> Self {
        let (slots, alarms, queue, buffers, serial, current, round) = Default::default();
        let (epoch, now) = (time::Instant::now(), Instant::EPOCH);
        Self { slots, serial, alarms, queue, current, round, buffers, registry, epoch, now }
    }

    /// The time, as this turn has it.
    pub const fn now(&self) -> Instant {
        self.now
    }

    /// All connections, whatever their state.
    pub fn keys(&self) -> impl Iterator<Item = Key> {
        self.slots.iter().map(|(index, slot)| Key { index: index as u32, serial: slot.serial })
    }

    /// A connection, to be asked.
    pub fn get(&self, key: Key) -> Option<&Socket<TcpStream>> {
        key.get(&self.slots).map(|slot| &slot.socket)
    }

    /// A connection, to be changed, and the time that its calls ask for. What follows from the change is done when the handler has returned.
    pub fn reach(&mut self, key: Key) -> Option<(&mut Socket<TcpStream>, Instant)> {
        // Of the current one, its turn does that.
        if self.current != Some(key) {
            self.touch(key);
        }
        let now = self.now;
        self.own(key).map(|socket| (socket, now))
    }

    /// Looks at what a stream holds, once in a round (CLOSE.md S2). What the current one has read is being handed out: that comes first.
    fn look(&mut self, key: Key) {
        let slot = key.find(&mut self.slots).filter(|slot| slot.looked != self.round);
        if let Some(slot) = slot.filter(|_| self.current != Some(key)) {
            slot.looked = self.round;
            slot.socket.look(self.now, &mut self.buffers);
        }
    }

    /// Queues a message, behind a look at what the stream holds: after the peer's Close it is refused (CLOSE.md S2). All that a connection is
    /// sent in a round goes out in one write.
    ///
    /// # Errors
    ///
    /// [`SendError`], with the message; a connection that is gone has ended.
    pub fn send<'m>(&mut self, key: Key, message: impl Into<Message<'m>>) -> SendResult<'m> {
        self.look(key);
        match self.reach(key) {
            Some((socket, now)) => socket.connection.send(now, message),
            None => Err(SendError { refusal: SendRefusal::Ended, message: message.into() }),
        }
    }

    /// Queues a message that was prepared for many.
    ///
    /// # Errors
    ///
    /// As of [`send`](Self::send).
    pub fn send_prepared(&mut self, key: Key, message: &Prepared) -> Result<Ticket, SendRefusal> {
        self.look(key);
        let (socket, now) = self.reach(key).ok_or(SendRefusal::Ended)?;
        socket.connection.send_prepared(now, message)
    }

    /// Takes a connection's stream out of the loop, for something else to go on with. Nothing more is told of the connection.
    pub fn take_stream(&mut self, key: Key) -> Option<TcpStream> {
        let mut stream = self.own(key)?.stream.take()?;
        self.slots.remove(key.index as usize);
        self.registry.deregister(&mut stream).ok().map(|()| stream)
    }

    /// Begins to connect to a server. What becomes of it is told: [`on_open`](crate::Handler::on_open), or the verdict.
    ///
    /// # Errors
    ///
    /// The system's, if it cannot even begin.
    pub fn connect(
        &mut self,
        to: SocketAddr,
        request: ClientRequest,
        config: Arc<Config>,
    ) -> io::Result<Key> {
        let mut seed = [0; 32];
        // R4.1-30, R5.3-03
        getrandom::fill(&mut seed).map_err(io::Error::other)?;
        // Before the loop runs its clock stands still.
        let connection = Connection::client(request, config, seed, Instant::EPOCH + self.epoch.elapsed());
        self.admit(Socket::new(TcpStream::connect(to)?, connection))
    }

    /// Takes a socket in: of a stream that something else has accepted, or upgraded.
    ///
    /// # Errors
    ///
    /// The system's.
    pub fn admit(&mut self, mut socket: Socket<TcpStream>) -> io::Result<Key> {
        let index = self.slots.vacant_key();
        if let Some(stream) = &mut socket.stream {
            self.registry.register(stream, Token(index), Interest::READABLE | Interest::WRITABLE)?;
        }
        self.serial = self.serial.wrapping_add(1);
        let key = Key { index: index as u32, serial: self.serial };
        self.slots.insert(Slot { socket, serial: key.serial, looked: self.round, armed: None });
        self.touch(key);
        Ok(key)
    }

    /// Reads the clock.
    pub(crate) fn tick(&mut self) {
        self.now = Instant::EPOCH + self.epoch.elapsed();
    }

    /// One whose turn it is.
    pub(crate) fn own(&mut self, key: Key) -> Option<&mut Socket<TcpStream>> {
        key.find(&mut self.slots).map(|slot| &mut slot.socket)
    }

    /// A round begins: whose alarm rings is to have a turn.
    pub(crate) fn begin_round(&mut self) {
        self.tick();
        self.round = self.round.wrapping_add(1);
        while self.alarms.peek().is_some_and(|Reverse((at, _))| *at <= self.now) {
            self.alarms.pop().into_iter().for_each(|Reverse((_, key))| self.touch(key));
        }
    }

    /// A poll tells of the socket at this place.
    pub(crate) fn ready(&mut self, Token(index): Token, ready: Ready) {
        if let Some(slot) = self.slots.get_mut(index) {
            slot.socket.ready(ready);
            let key = Key { index: index as u32, serial: slot.serial };
            self.touch(key);
        }
    }

    /// It is to have a turn.
    fn touch(&mut self, key: Key) {
        let Some(slot) = key.find(&mut self.slots).filter(|slot| !slot.socket.due) else { return };
        slot.socket.due = true;
        self.queue.push_back(key);
        if self.queue.len().is_multiple_of(UNWRITTEN) {
            for key in self.queue.range(self.queue.len() - UNWRITTEN..) {
                let other = key.find(&mut self.slots).filter(|_| self.current != Some(*key));
                other.map(|slot| slot.socket.settle(self.now, &mut self.buffers));
            }
        }
    }

    /// Its turn begins.
    pub(crate) fn begin(&mut self, key: Key) {
        self.tick();
        key.find(&mut self.slots).into_iter().for_each(|slot| slot.socket.begin(self.now, &mut self.buffers));
        self.current = Some(key);
    }

    /// Its turn is over: does what follows.
    pub(crate) fn settle(&mut self, key: Key) {
        self.current = None;
        let Some(slot) = key.find(&mut self.slots) else { return };
        slot.socket.due = false;
        let more = slot.socket.settle(self.now, &mut self.buffers);
        let done = slot.socket.stream.is_none() && !slot.socket.connection.has_event();
        let is_late = |at: &Instant| slot.armed.is_none_or(|armed| armed <= self.now || *at < armed);
        let alarm = slot.socket.deadline().filter(is_late);
        slot.armed = alarm.or(slot.armed);
        self.alarms.extend(alarm.map(|at| Reverse((at, key))));
        if done {
            self.slots.remove(key.index as usize);
        } else if more {
            self.touch(key);
        }
        if self.alarms.len() > 2 * self.slots.len() + STALE {
            let rings = |key: Key| key.get(&self.slots).and_then(|slot| slot.armed);
            self.alarms.retain(|Reverse((at, key))| rings(*key) == Some(*at));
        }
    }
}
