//! The runner over the core: a `Connection`, driven by hand under a virtual clock.

use std::collections::VecDeque;
use std::sync::Arc;

use adieu_core::handshake::ClientRequest;
use adieu_core::lifecycle::{Input, Phase};
use adieu_core::{Closed, Connection, Instant, Role};

use super::trace::{Verdict, close_name, state_name};
use super::{Act, Coverage, Peer, Runner, Scenario, Seen, Wanted};

mod app;
mod wire;

/// Where the bytes that the peer sent are cut into reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// Nowhere: a segment is a read.
    Whole,
    /// Behind every byte.
    EveryByte,
    /// Behind so many bytes of all that the peer sends, beside the ends of segments.
    At(usize),
}

/// How what was read is given to the core.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Feed {
    /// By asking for an event while there is input, where the application asks (`handle_input`).
    Asking,
    /// By looking ahead, and asking afterwards (`handle_ahead`, `poll_event`).
    Ahead,
}

/// What the application waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asks {
    No,
    Once,
    Always,
}

/// An endpoint under test, its transport and its clock.
#[derive(Debug)]
pub struct CoreRunner {
    role: Role,
    conn: Connection,
    now: Instant,
    peer: Peer,
    cut: Cut,
    feed: Feed,
    asks: Asks,
    /// A message was delivered, and the application has not asked since.
    handling: bool,
    /// What arrived and was not read yet; then the end.
    unread: VecDeque<u8>,
    end: bool,
    read: usize,
    /// How many bytes the transport takes; `None`: any number.
    room: Option<usize>,
    link: Link,
    seen: Vec<Seen>,
    /// The verdict that was seen, which must not change.
    verdict: Option<Closed>,
    coverage: Coverage,
    /// What the last segment is to the lifecycle, if it is one frame.
    frame: Option<Input>,
}

/// What became of the transport.
#[derive(Debug, Default)]
struct Link {
    /// The peer is not there any more to see anything.
    lost: bool,
    writing_fails: bool,
    shut: bool,
    released: bool,
}

impl CoreRunner {
    /// A runner for one play of this scenario.
    pub fn new(scenario: &Scenario, role: Role, cut: Cut, feed: Feed) -> Self {
        let now = Instant::from_nanos(1_000_000_000_000);
        let head = scenario.acts().any(|act| *act == Act::Connecting);
        let (config, seed) = (Arc::new(scenario.settings.config()), *b"thirty-two bytes of sheer chance");
        let conn = match (head, role) {
            (false, role) => Connection::open(role, config, seed, now),
            (true, Role::Server) => Connection::server(Arc::new(scenario.settings.server_config()), now),
            (true, Role::Client) => {
                let request = ClientRequest::new("server.example.com", "/chat").expect("a plain request");
                Connection::client(request, config, seed, now)
            }
        };
        Self {
            role,
            conn,
            now,
            peer: Peer::of(role, head),
            cut,
            feed,
            asks: Asks::Always,
            handling: false,
            unread: VecDeque::new(),
            end: false,
            read: 0,
            room: None,
            link: Link::default(),
            seen: Vec::new(),
            verdict: None,
            coverage: Coverage::default(),
            frame: None,
        }
    }

    /// Which rows of the lifecycle's table were gone through.
    pub const fn coverage(&self) -> &Coverage {
        &self.coverage
    }

    /// How many bytes the peer sent.
    pub const fn read_len(&self) -> usize {
        self.read
    }

    fn note(&mut self, before: Phase, inputs: &[Input]) {
        self.coverage.moved(self.role, before, self.conn.phase(), inputs);
    }

    fn certain(&mut self, before: Phase, input: Input) {
        self.coverage.certain(self.role, before, input);
    }

    fn app(&mut self, what: impl Into<String>) {
        self.seen.push(Seen::App(what.into()));
    }

    /// Runs the endpoint until it rests.
    fn pump(&mut self) {
        loop {
            self.check_verdict();
            let moved = self.poll() | self.write();
            self.check_verdict();
            self.follow();
            if !moved && !self.read() && !self.tick() {
                return;
            }
        }
    }

    fn check_verdict(&mut self) {
        let closed = self.conn.closed();
        if let Some(told) = &self.verdict {
            assert_eq!(Some(told), closed, "a verdict never changes");
        } else if let Some(closed) = closed {
            self.seen.push(Seen::Verdict(Verdict::of(closed)));
            self.verdict = Some(closed.clone());
        }
    }
}

impl Runner for CoreRunner {
    fn act(&mut self, act: &Act) {
        match act {
            Act::Open | Act::Connecting => {}
            Act::Peer(act) => self.peer_act(act),
            Act::App(act) => self.app_act(act),
            Act::WritingFails => self.link.writing_fails = true,
            Act::Wait(time) => self.wait(*time),
        }
    }

    fn settle(&mut self, wanted: &Wanted<'_>) -> Vec<Seen> {
        self.pump();
        for level in wanted.levels() {
            match level {
                Seen::State(_) => self.seen.push(Seen::State(state_name(self.conn.state()))),
                _ => {
                    let noted = self.conn.peer_close().map_or_else(|| "nothing".to_owned(), close_name);
                    self.seen.push(Seen::Noted(noted));
                }
            }
        }
        std::mem::take(&mut self.seen)
    }
}
