//! A driver: bytes between the line and the core, events to the application, the clock.
//!
//! Owns: in which order. Must not know: why, which the core tells in levels; what carries the bytes.

use adieu_core::{Connection, HeaderError, Instant, Transport, TransportError};

use crate::Setup;
use crate::application::{Application, Port};
use crate::trace::Record;
use crate::traced::Traced;

/// What carries an endpoint's bytes. Nothing of it waits.
pub trait Wire {
    /// Reads at most so many bytes.
    fn read(&mut self, most: usize) -> Read;

    /// Writes the beginning of `bytes`: so many, none if there is no room.
    ///
    /// # Errors
    ///
    /// Nothing can be written any more.
    fn write(&mut self, bytes: &[u8]) -> Result<usize, TransportError>;

    /// Ends the sending direction.
    fn shutdown_write(&mut self);

    /// Lets go of the transport, in order.
    fn close(&mut self);

    /// Lets go of the transport with a reset.
    fn reset(&mut self);
}

/// What a read came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Read {
    /// Bytes, and whether more can be read at once.
    Bytes(Vec<u8>, bool),
    /// The end of the stream.
    End,
    /// It failed.
    Error(TransportError),
    /// Nothing is there, and not the end.
    Nothing,
}

/// After so many rounds without rest in one moment, somebody does nothing but talk to himself.
const MAX_ROUNDS: usize = 10_000;

/// After so many records in one go, the connection has always one more event to tell.
const MAX_RECORDS: usize = 1_000_000;

/// An endpoint and its application, over any [`Wire`]: the simulator's own driver, for those who have a transport and a clock.
///
/// All that happens to it is recorded, and [`replay`](crate::replay()) repeats it.
pub struct Endpoint<'a> {
    driver: Driver,
    application: Box<dyn Application + 'a>,
    /// The connection knows that the application waits: it asked, and there was nothing.
    waits: bool,
}

/// All that a driver has.
pub(crate) struct Driver {
    pub(crate) traced: Traced,
    /// The application is gone.
    pub(crate) left: bool,
    /// Nothing more can be read before the line moves on.
    read_all: bool,
    /// The stream's end, or an error, was read.
    heard_end: bool,
    /// Writing failed.
    mute: bool,
    /// What the transport was brought to.
    level: Transport,
}

impl Driver {
    fn is_gone(&self) -> bool {
        self.level >= Transport::Close
    }

    fn reads(&self) -> bool {
        self.traced.connection().wants_input() && !self.heard_end && !self.is_gone()
    }

    fn writes(&self) -> bool {
        self.traced.connection().wants_output() && !self.mute && !self.is_gone()
    }

    fn is_late(&self) -> bool {
        self.traced.connection().deadline().is_some_and(|deadline| deadline <= self.traced.now)
    }

    /// Reads once; `false` if there is nothing.
    fn fetch(&mut self, wire: &mut dyn Wire) -> bool {
        if !self.reads() {
            return false;
        }
        let read = wire.read(self.traced.connection().config().read_len);
        self.read_all = !matches!(read, Read::Bytes(_, true));
        self.heard_end = matches!(read, Read::End | Read::Error(_));
        match read {
            Read::Nothing => return false,
            Read::Bytes(bytes, _) => self.traced.read(bytes),
            Read::End => self.traced.end(),
            Read::Error(error) => self.traced.read_error(error),
        }
        true
    }

    /// Reads what is there, on behalf of nobody, unless it was just read to the end.
    pub(crate) fn look(&mut self, wire: &mut dyn Wire) {
        while !self.read_all {
            self.digest();
            if !self.fetch(wire) {
                break;
            }
        }
        // What came with the end of it.
        self.read_all = true;
    }

    fn digest(&mut self) {
        if self.traced.holds_rest() {
            self.traced.ahead();
        }
    }

    fn mind_clock(&mut self, wire: &mut dyn Wire) {
        if self.is_late() {
            self.read_all = false;
            self.look(wire);
            self.digest();
            self.traced.timeout();
        }
    }

    fn flush(&mut self, wire: &mut dyn Wire) {
        while self.writes() {
            match wire.write(self.traced.commit()) {
                Ok(0) => return,
                Ok(len) => self.traced.written(len),
                Err(error) => {
                    self.mute = true;
                    self.traced.write_error(error);
                }
            }
        }
    }

    fn follow_level(&mut self, wire: &mut dyn Wire) {
        let level = self.traced.connection().transport();
        if level == self.level || self.is_gone() {
            return;
        }
        self.level = level;
        match level {
            Transport::Open => {}
            Transport::ShutdownWrite => wire.shutdown_write(),
            Transport::Close => wire.close(),
            Transport::Reset => wire.reset(),
        }
    }
}

/// A driver's life: a turn when something came or there is room, or when it is time.
impl<'a> Endpoint<'a> {
    /// At the beginning of time, [`Instant::EPOCH`].
    ///
    /// # Errors
    ///
    /// [`HeaderError`] if the setup has what cannot travel.
    pub fn new(setup: &Setup, application: impl Application + 'a) -> Result<Self, HeaderError> {
        let traced = Traced::new(setup.connection(Instant::EPOCH)?, Instant::EPOCH);
        let (left, read_all, heard_end, mute, level) = (false, false, false, false, Transport::Open);
        let driver = Driver { traced, left, read_all, heard_end, mute, level };
        Ok(Self { driver, application: Box::new(application), waits: true })
    }

    /// Everything that can be done now.
    ///
    /// # Panics
    ///
    /// If the application never comes to rest.
    pub fn turn(&mut self, now: Instant, wire: &mut dyn Wire) {
        self.begin(now);
        let mut spare = Vec::with_capacity(64);
        self.driver.traced.exchange_buffer(&mut spare);
        for round in 0.. {
            assert!(round < MAX_ROUNDS, "the application never comes to rest");
            let before = self.driver.traced.records.len();
            self.receive(wire);
            self.mind_alarm(wire);
            self.driver.mind_clock(wire);
            self.driver.flush(wire);
            self.driver.follow_level(wire);
            if self.driver.traced.records.len() == before {
                break;
            }
        }
        self.driver.traced.exchange_buffer(&mut Vec::new());
    }

    /// The connection as the application has it, from elsewhere. A turn is due afterwards.
    pub fn port<'p>(&'p mut self, now: Instant, wire: &'p mut dyn Wire) -> Port<'p> {
        self.begin(now);
        Port { driver: &mut self.driver, wire }
    }

    fn begin(&mut self, now: Instant) {
        self.driver.traced.now = now;
        self.driver.read_all = false;
    }

    /// The connection, for all questions.
    pub const fn connection(&self) -> &Connection {
        self.driver.traced.connection()
    }

    /// It waits for something to read.
    pub fn reads(&self) -> bool {
        self.driver.reads()
    }

    /// It waits for room to write.
    pub fn writes(&self) -> bool {
        self.driver.writes()
    }

    /// The transport is done with.
    pub fn is_gone(&self) -> bool {
        self.driver.is_gone()
    }

    /// When a turn is due at the latest.
    pub fn next_at(&self) -> Option<Instant> {
        self.alarm().into_iter().chain(self.connection().deadline()).min()
    }

    /// What happened since the last question.
    pub fn take_records(&mut self) -> Vec<Record> {
        core::mem::take(&mut self.driver.traced.records)
    }

    fn alarm(&self) -> Option<Instant> {
        self.application.alarm().filter(|_| !self.driver.left)
    }

    /// The application waits for an event.
    fn receives(&self) -> bool {
        !self.driver.left && self.application.receives(self.driver.traced.now)
    }

    fn receive(&mut self, wire: &mut dyn Wire) {
        loop {
            let waiting = self.driver.traced.holds_rest() || self.connection().has_event();
            if !self.receives() {
                self.waits = false;
            } else if waiting || !self.waits {
                self.tell(wire);
            }
            self.driver.digest();
            if !self.driver.fetch(wire) {
                return;
            }
        }
    }

    /// Asks for events until there is none, or the application is busy.
    fn tell(&mut self, wire: &mut dyn Wire) {
        let before = self.driver.traced.records.len();
        while self.receives() {
            let Some(event) = self.driver.traced.ask() else {
                self.waits = true;
                return;
            };
            let told = self.driver.traced.records.len() - before;
            assert!(told < MAX_RECORDS, "events without end: {event:?}");
            let port = &mut Port { driver: &mut self.driver, wire };
            self.application.handle_event(port, event);
        }
    }

    fn mind_alarm(&mut self, wire: &mut dyn Wire) {
        if self.alarm().is_some_and(|at| at <= self.driver.traced.now) {
            self.application.handle_alarm(&mut Port { driver: &mut self.driver, wire });
        }
    }
}

impl core::fmt::Debug for Endpoint<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        self.driver.traced.fmt(f)
    }
}
