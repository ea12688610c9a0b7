//! Deadlines (rules 8 and 9).

use std::time::Duration;

use adieu_core::{Cause, Close, State, Timeout, Transport};

use super::{Ping, Reference};

/// Deadlines; of two at the same time the first here is first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Due {
    Linger,
    Close,
    Drain,
    Closing,
    Write,
    Pong,
    Ping,
    Idle,
}

impl Reference {
    pub(super) fn after(&self, now: u64, duration: Duration) -> u64 {
        now + u64::try_from(duration.as_millis()).expect("a time that ends")
    }

    /// Remembers from when to when reading stood still; to be called after each step.
    pub fn observe(&mut self, now: u64) {
        match (self.wants_input(), self.paused()) {
            (false, false) => self.pauses.push((now, u64::MAX)),
            (true, true) => self.pauses.last_mut().expect("it is paused").1 = now,
            _ => {}
        }
    }

    fn paused(&self) -> bool {
        self.pauses.last().is_some_and(|pause| pause.1 == u64::MAX)
    }

    /// When `duration` will have passed since `since`, on a clock that stands still while reading does.
    fn reading(&self, since: u64, duration: Duration) -> Option<u64> {
        let pauses = self.pauses.iter().filter(|pause| pause.1 > since);
        let paused = pauses.map(|pause| pause.1.saturating_sub(pause.0.max(since)));
        let paused = paused.fold(0, u64::saturating_add);
        (!self.paused()).then(|| self.after(since, duration) + paused)
    }

    fn due(&self) -> Vec<(u64, Due)> {
        let config = &self.config;
        let mut due = Vec::new();
        let mut add = |at: Option<u64>, what| due.extend(at.map(|at| (at, what)));
        if self.closed.is_some() {
            add(self.drain_due.filter(|_| self.transport() < Transport::Close), Due::Drain);
            return due;
        }
        add(self.linger_due, Due::Linger);
        add(self.close_due, Due::Close);
        add(self.drain_due, Due::Drain);
        add(self.closing_bound, Due::Closing);
        let writing = self.outgoing() && !self.write_ended;
        add(writing.then(|| self.after(self.progress_at, config.write_timeout)), Due::Write);
        // Latitude: where an end has been noted, linger and the bound are clocks enough.
        if self.state() != State::Open || self.discards() {
            return due;
        }
        let awaited = self.pings().filter(|ping| !ping.resolved).find_map(|ping| ping.flushed_at);
        add(awaited.and_then(|flushed| self.reading(flushed, config.pong_timeout)), Due::Pong);
        // Latitude: an unanswered keepalive ping stands for the next one, a Ping of the application's does not.
        let keepalive = |ping: &Ping| ping.id.is_none() && !ping.resolved;
        let interval = config.ping_interval.filter(|_| !self.keepalive && !self.pings().any(keepalive));
        add(interval.and_then(|interval| self.reading(self.heard_at, interval)), Due::Ping);
        let idle = config.idle_timeout.filter(|_| self.buffered() == 0);
        add(idle.map(|idle| self.after(self.message_at, idle)), Due::Idle);
        due
    }

    /// The next deadline.
    pub fn deadline(&self) -> Option<u64> {
        self.due().into_iter().map(|(at, _)| at).min()
    }

    /// Acts on every deadline that has passed, the earliest first.
    pub fn timeout(&mut self, now: u64) {
        while let Some((_, due)) = self.due().into_iter().min().filter(|(at, _)| *at <= now) {
            self.act_on(now, due);
            self.settle(now);
            self.observe(now);
        }
    }

    fn act_on(&mut self, now: u64, due: Due) {
        let close = |code, words| Close::new(code, words).expect("it may travel");
        match due {
            Due::Linger => self.effect(now),
            Due::Close => self.time_out(now, Timeout::Close, Transport::Close),
            Due::Closing => self.time_out(now, Timeout::Closing, Transport::Close),
            Due::Write => self.time_out(now, Timeout::Write, Transport::Reset),
            Due::Drain if self.closed.is_none() => self.decide(now, Cause::Reset, Transport::Close),
            Due::Drain => self.close_transport(),
            // Latitude: the words.
            Due::Pong => {
                self.failing(now, Cause::Timeout(Timeout::Pong), close(1011, "no pong in time"));
            }
            Due::Ping => {
                self.start_writing(now);
                self.keepalive = true;
            }
            Due::Idle => {
                self.cause.get_or_insert(Cause::Timeout(Timeout::Idle));
                self.queue_close(now, close(1001, "idle for too long"));
            }
        }
    }

    fn time_out(&mut self, now: u64, timeout: Timeout, transport: Transport) {
        self.cause.get_or_insert(Cause::Timeout(timeout));
        self.decide(now, Cause::Timeout(timeout), transport);
    }
}
