//! A driver: bytes between the line and the core, events to the application, the clock.
//!
//! Owns: in which order. Must not know: why, which the core tells in levels.

use adieu_core::{Connection, Instant, Role, Transport};

use crate::application::{Application, Port};
use crate::line::{Line, Read};
use crate::network::Side;
use crate::trace::Record;
use crate::traced::Traced;

/// After so many rounds without rest in one moment, somebody does nothing but talk to himself.
const MAX_ROUNDS: usize = 10_000;

/// After so many records in one go, the connection has always one more event to tell.
const MAX_RECORDS: usize = 1_000_000;

/// An endpoint and its application.
pub(crate) struct Endpoint<'a> {
    driver: Driver,
    application: Box<dyn Application + 'a>,
}

/// All that a driver has.
pub(crate) struct Driver {
    pub(crate) traced: Traced,
    role: Role,
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
    fn fetch(&mut self, line: &mut Line) -> bool {
        if !self.reads() {
            return false;
        }
        let read = line.read(self.role, self.traced.connection().config().read_len);
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
    pub(crate) fn look(&mut self, line: &mut Line) {
        while !self.read_all {
            self.digest();
            if !self.fetch(line) {
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

    fn mind_clock(&mut self, line: &mut Line) {
        if self.is_late() {
            self.read_all = false;
            self.look(line);
            self.digest();
            self.traced.timeout();
        }
    }

    fn flush(&mut self, line: &mut Line) {
        while self.writes() {
            match line.write(self.role, self.traced.commit()) {
                Ok(0) => return,
                Ok(len) => self.traced.written(len),
                Err(error) => {
                    self.mute = true;
                    self.traced.write_error(error);
                }
            }
        }
    }

    fn follow_level(&mut self, line: &mut Line) {
        let level = self.traced.connection().transport();
        if level == self.level || self.is_gone() {
            return;
        }
        self.level = level;
        match level {
            Transport::Open => {}
            Transport::ShutdownWrite => line.shutdown_write(self.role),
            Transport::Close => line.close(self.role),
            Transport::Reset => line.reset(self.role),
        }
    }
}

impl<'a> Endpoint<'a> {
    pub(crate) fn new(conn: Connection, application: Box<dyn Application + 'a>) -> Self {
        let role = conn.role();
        let traced = Traced::new(conn, Instant::EPOCH);
        let (left, read_all, heard_end, mute, level) = (false, false, false, false, Transport::Open);
        let driver = Driver { traced, role, left, read_all, heard_end, mute, level };
        Self { driver, application }
    }

    fn alarm(&self) -> Option<Instant> {
        self.application.alarm().filter(|_| !self.driver.left)
    }

    /// The application waits for an event.
    fn receives(&self) -> bool {
        !self.driver.left && self.application.receives(self.driver.traced.now)
    }

    fn receive(&mut self, line: &mut Line) {
        loop {
            let waits = self.driver.traced.holds_rest() || self.driver.traced.connection().has_event();
            if self.receives() && waits {
                self.tell(line);
            }
            self.driver.digest();
            if !self.driver.fetch(line) {
                return;
            }
        }
    }

    /// Asks for events until there is none, or the application is busy.
    fn tell(&mut self, line: &mut Line) {
        let before = self.driver.traced.records.len();
        while self.receives()
            && let Some(event) = self.driver.traced.ask()
        {
            let told = self.driver.traced.records.len() - before;
            assert!(told < MAX_RECORDS, "events without end: {event:?}");
            let port = &mut Port { driver: &mut self.driver, line };
            self.application.handle_event(port, event);
        }
    }

    fn mind_alarm(&mut self, line: &mut Line) {
        if self.alarm().is_some_and(|at| at <= line.now) {
            self.application.handle_alarm(&mut Port { driver: &mut self.driver, line });
        }
    }
}

impl Side for Endpoint<'_> {
    fn next_at(&self) -> Option<Instant> {
        self.alarm().into_iter().chain(self.driver.traced.connection().deadline()).min()
    }

    fn is_ready(&self, line: &Line) -> bool {
        let driver = &self.driver;
        let reads = driver.reads() && line.readable(driver.role);
        let writes = driver.writes() && line.writable(driver.role);
        reads || writes || self.next_at().is_some_and(|at| at <= line.now)
    }

    fn turn(&mut self, line: &mut Line) {
        self.driver.traced.now = line.now;
        self.driver.read_all = false;
        let mut spare = Vec::with_capacity(64);
        self.driver.traced.exchange_buffer(&mut spare);
        for round in 0.. {
            assert!(round < MAX_ROUNDS, "the application never comes to rest");
            let before = self.driver.traced.records.len();
            self.receive(line);
            self.mind_alarm(line);
            self.driver.mind_clock(line);
            self.driver.flush(line);
            self.driver.follow_level(line);
            if self.driver.traced.records.len() == before {
                break;
            }
        }
        self.driver.traced.exchange_buffer(&mut Vec::new());
    }

    fn records(&mut self) -> &mut Vec<Record> {
        &mut self.driver.traced.records
    }
}
