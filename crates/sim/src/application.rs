//! The application port.

use core::ops::{Deref, DerefMut};
use std::collections::VecDeque;
use std::time::Duration;

use adieu_core::{Event, Instant, Message, Prepared, SendError, SendRefusal, Ticket};

use crate::Traced;
use crate::endpoint::{Driver, Wire};
use crate::trace::Call;

/// What uses a connection. A closure over [`Port`] and [`Event`] is one; so is a pair, whose halves are both told everything.
pub trait Application {
    /// The answer to an event.
    fn handle_event(&mut self, port: &mut Port<'_>, event: Event<'static>);

    /// When it wants to act without an event.
    fn alarm(&self) -> Option<Instant> {
        None
    }

    /// It is that time.
    fn handle_alarm(&mut self, _port: &mut Port<'_>) {}

    /// It waits for events. Where it does not, the driver looks ahead, and asks again after an alarm.
    fn receives(&self, _now: Instant) -> bool {
        true
    }
}

impl<F: FnMut(&mut Port<'_>, Event<'static>)> Application for F {
    fn handle_event(&mut self, port: &mut Port<'_>, event: Event<'static>) {
        self(port, event);
    }
}

impl<A: Application, B: Application> Application for (A, B) {
    fn handle_event(&mut self, port: &mut Port<'_>, event: Event<'static>) {
        self.0.handle_event(port, event.clone());
        self.1.handle_event(port, event);
    }

    fn alarm(&self) -> Option<Instant> {
        self.0.alarm().into_iter().chain(self.1.alarm()).min()
    }

    fn handle_alarm(&mut self, port: &mut Port<'_>) {
        let now = port.now();
        if self.0.alarm().is_some_and(|at| at <= now) {
            self.0.handle_alarm(port);
        }
        if self.1.alarm().is_some_and(|at| at <= now) {
            self.1.handle_alarm(port);
        }
    }

    fn receives(&self, now: Instant) -> bool {
        self.0.receives(now) && self.1.receives(now)
    }
}

/// The connection as an application has it, behind a driver that looks at what has arrived before it sends.
pub struct Port<'p> {
    pub(crate) driver: &'p mut Driver,
    pub(crate) wire: &'p mut dyn Wire,
}

impl Deref for Port<'_> {
    type Target = Traced;

    fn deref(&self) -> &Traced {
        &self.driver.traced
    }
}

impl DerefMut for Port<'_> {
    fn deref_mut(&mut self) -> &mut Traced {
        &mut self.driver.traced
    }
}

impl Port<'_> {
    /// As [`Connection::send`](adieu_core::Connection::send).
    ///
    /// # Errors
    ///
    /// As there.
    pub fn send<'m>(&mut self, message: impl Into<Message<'m>>) -> Result<Ticket, SendError<Message<'m>>> {
        self.driver.look(self.wire);
        self.driver.traced.send(message.into())
    }

    /// As [`Connection::send_uncompressed`](adieu_core::Connection::send_uncompressed).
    ///
    /// # Errors
    ///
    /// As there.
    pub fn send_uncompressed<'m>(
        &mut self,
        message: impl Into<Message<'m>>,
    ) -> Result<Ticket, SendError<Message<'m>>> {
        self.driver.look(self.wire);
        self.driver.traced.send_uncompressed(message.into())
    }

    /// As [`Connection::send_prepared`](adieu_core::Connection::send_prepared).
    ///
    /// # Errors
    ///
    /// As there.
    pub fn send_prepared(&mut self, message: &Prepared) -> Result<Ticket, SendRefusal> {
        self.driver.look(self.wire);
        self.driver.traced.send_prepared(message)
    }

    /// As [`Connection::send_fragment`](adieu_core::Connection::send_fragment).
    ///
    /// # Errors
    ///
    /// As there.
    pub fn send_fragment<'m>(
        &mut self,
        fragment: impl Into<Message<'m>>,
        end: bool,
    ) -> Result<Ticket, SendError<Message<'m>>> {
        self.driver.look(self.wire);
        self.driver.traced.send_fragment(fragment.into(), end)
    }

    /// The application goes away and is told nothing more: as
    /// [`Connection::handle_dropped`](adieu_core::Connection::handle_dropped).
    pub fn leave(&mut self) {
        self.driver.left = true;
        self.driver.traced.leave();
    }

    /// A call as data; its outcome is in the trace.
    pub fn perform(&mut self, call: &Call) {
        let sends = matches!(
            call,
            Call::Send(..) | Call::SendUncompressed(..) | Call::SendPrepared(..) | Call::Fragment(..)
        );
        if sends {
            self.driver.look(self.wire);
        }
        self.driver.left |= *call == Call::Leave;
        self.driver.traced.perform(call);
    }
}

impl core::fmt::Debug for Port<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        self.driver.traced.fmt(f)
    }
}

/// Accepts, and answers each message with itself, in order; what does not fit waits for room.
#[derive(Debug, Default)]
pub struct Echo {
    waiting: VecDeque<Message<'static>>,
}

impl Application for Echo {
    fn handle_event(&mut self, port: &mut Port<'_>, event: Event<'static>) {
        match event {
            Event::Request(_) => drop(port.accept(None)),
            Event::Message(message) => self.waiting.push_back(message),
            _ => {}
        }
        while let Some(message) = self.waiting.pop_front() {
            match port.send(message) {
                Ok(_) => {}
                Err(SendError { refusal: SendRefusal::Full, message }) => {
                    return self.waiting.push_front(message);
                }
                // The end: nobody is there to answer.
                Err(_) => self.waiting.clear(),
            }
        }
    }
}

/// Accepts, and does nothing more: what it was told is in the trace.
#[derive(Debug, Default)]
pub struct Collect;

impl Application for Collect {
    fn handle_event(&mut self, port: &mut Port<'_>, event: Event<'static>) {
        if let Event::Request(_) = event {
            let _refusal = port.accept(None);
        }
    }
}

/// Makes calls at times, and after numbers of events.
#[derive(Clone, Debug, Default)]
pub struct Script {
    timed: VecDeque<(Instant, Call)>,
    prompted: Vec<(usize, Call)>,
    told: usize,
}

impl Script {
    /// Nothing to do.
    pub fn new() -> Self {
        Self::default()
    }

    /// And a call so long after the beginning of the run.
    #[must_use]
    pub fn at(mut self, time: Duration, call: Call) -> Self {
        let at = Instant::EPOCH + time;
        self.timed.insert(self.timed.partition_point(|(before, _)| *before <= at), (at, call));
        self
    }

    /// And a call when so many events were told.
    #[must_use]
    pub fn after(mut self, events: usize, call: Call) -> Self {
        self.prompted.push((events, call));
        self
    }
}

impl Application for Script {
    fn handle_event(&mut self, port: &mut Port<'_>, _event: Event<'static>) {
        self.told += 1;
        let due = self.prompted.iter().filter(|(events, _)| *events == self.told);
        due.for_each(|(_, call)| port.perform(call));
    }

    fn alarm(&self) -> Option<Instant> {
        self.timed.front().map(|(at, _)| *at)
    }

    fn handle_alarm(&mut self, port: &mut Port<'_>) {
        let now = port.now();
        while let Some((_, call)) = self.timed.pop_front_if(|(at, _)| *at <= now) {
            port.perform(&call);
        }
    }
}
