//! The runner over the mio driver's socket: in memory under a virtual clock, driven as its own loop drives it.

use std::sync::Arc;
use std::time::Duration;

use adieu_core::handshake::{Accept, ClientRequest, Reject};
use adieu_core::{Closed, Connection, Event, Instant, Role};
use adieu_mio::{Buffers, Hold, READS, Ready, Socket};

use super::trace::{Verdict, close_name, event_name, state_name};
use super::words::{close_refusal, new_close, ping_refusal, send_refusal};
use super::{Act, AppAct, Fault, Fragment, Peer, PeerAct, Pipe, Runner, Scenario, Seen, Wanted};

/// More turns than any script needs to come to rest.
const TURNS: usize = 10_000;

/// An endpoint of the mio driver, its application, and a raw peer.
#[derive(Debug)]
pub struct MioRunner {
    socket: Socket<Pipe>,
    buffers: Buffers,
    now: Instant,
    pipe: Pipe,
    peer: Peer,
    /// The application asks for one message, and then for none.
    once: bool,
    seen: Vec<Seen>,
    /// The verdict that was seen, which must not change.
    verdict: Option<Closed>,
    /// How often it was told.
    told_closed: usize,
    /// The peer has seen the end, or a reset; the endpoint has let go of the transport.
    ended: bool,
    released: bool,
}

impl MioRunner {
    /// A runner for one play of this scenario.
    pub fn new(scenario: &Scenario, role: Role) -> Self {
        let now = Instant::from_nanos(1_000_000_000_000);
        let connecting = scenario.acts().any(|act| *act == Act::Connecting);
        let (config, seed) = (Arc::new(scenario.settings.config()), *b"thirty-two bytes of sheer chance");
        let connection = match (connecting, role) {
            (false, role) => Connection::open(role, config, seed, now),
            (true, Role::Server) => Connection::server(Arc::new(scenario.settings.server_config()), now),
            (true, Role::Client) => {
                let request = ClientRequest::new("server.example.com", "/chat").expect("a plain request");
                Connection::client(request, config, seed, now)
            }
        };
        let pipe = Pipe::default();
        let mut socket = Socket::new(pipe.clone(), connection);
        socket.hold = Hold::Never;
        Self {
            socket,
            buffers: Buffers::default(),
            now,
            pipe,
            peer: Peer::of(role, connecting),
            once: false,
            seen: Vec::new(),
            verdict: None,
            told_closed: 0,
            ended: false,
            released: false,
        }
    }

    /// The call into the stream with this number, counted from 0, fails.
    #[must_use]
    pub fn failing(self, at: usize, fault: Fault) -> Self {
        self.pipe.fail(at, fault);
        self
    }

    /// How many calls into the stream there were.
    pub fn calls(&self) -> usize {
        self.pipe.calls()
    }

    /// Gives the endpoint turns until it rests.
    fn rest(&mut self) {
        let mut turns = 0;
        while self.turn() || self.is_due() || self.pipe.take_edge() {
            turns += 1;
            assert!(turns < TURNS, "it spins");
        }
    }

    /// The peer ends, the application takes what there is, and all the time passes that is asked for.
    ///
    /// # Panics
    ///
    /// If there is not one verdict, told once, or something is left over.
    pub fn conclude(mut self) {
        self.settle(&Wanted::these(Vec::new()));
        (self.once, self.socket.hold) = (false, Hold::Never);
        self.pipe.set_room(|_| None);
        self.pipe.send(&[], true);
        self.rest();
        while let Some(at) = self.socket.deadline() {
            self.now = at.max(self.now);
            self.rest();
        }
        assert!(
            self.verdict.is_some() && self.told_closed == 1,
            "one verdict, told {} times",
            self.told_closed
        );
        assert_eq!(self.pipe.holders(), 1, "the stream is let go of");
        let connection = &self.socket.connection;
        assert!(!connection.has_event() && !connection.wants_output(), "nothing is left");
    }

    fn is_due(&self) -> bool {
        self.socket.deadline().is_some_and(|at| at <= self.now)
    }

    /// A turn, as the loop gives it; whatever has happened, the poll tells of both directions.
    fn turn(&mut self) -> bool {
        self.socket.ready(Ready { readable: true, writable: true, hung_up: false });
        let now = self.now;
        self.socket.begin(now, &mut self.buffers);
        self.look();
        // The events borrow the buffers.
        let mut buffers = std::mem::take(&mut self.buffers);
        for _ in 0..READS {
            let mut input = self.socket.read(now, &mut buffers);
            let last = input.is_empty();
            while let Some(event) = self.socket.next(now, &mut input) {
                self.told(&event);
            }
            if last {
                break;
            }
        }
        self.buffers = buffers;
        self.look();
        let more = self.socket.settle(now, &mut self.buffers);
        self.look();
        more
    }

    fn told(&mut self, event: &Event<'_>) {
        self.check_verdict();
        self.told_closed += usize::from(matches!(event, Event::Closed(_)));
        let name = event_name(event, self.socket.connection.peer_close());
        self.seen.push(Seen::App(name));
        if self.once && matches!(event, Event::Message(_) | Event::Closed(_)) {
            self.socket.hold = Hold::Always;
        }
    }

    fn check_verdict(&mut self) {
        let closed = self.socket.connection.closed();
        if let Some(told) = &self.verdict {
            assert_eq!(Some(told), closed, "a verdict never changes");
        } else if let Some(closed) = closed {
            self.seen.push(Seen::Verdict(Verdict::of(closed)));
            self.verdict = Some(closed.clone());
        }
    }

    /// What the endpoint did by now, as far as the peer can tell.
    fn look(&mut self) {
        self.check_verdict();
        let names = self.peer.receive(&self.pipe.take());
        self.seen.extend(names.into_iter().map(Seen::Peer));
        let (gone, blind) = (self.socket.stream.is_none(), self.pipe.is_blind());
        if gone && !self.released && !blind && self.pipe.is_reset() {
            (self.ended, self.released) = (true, true);
            self.seen.push(Seen::Peer("reset".to_owned()));
        } else if (gone || self.pipe.is_shut()) && !self.ended {
            self.ended = true;
            self.seen.extend((!blind).then(|| Seen::Peer("end".to_owned())));
        }
        if gone && !self.released {
            self.released = true;
            self.seen.push(Seen::Released);
        }
    }

    fn peer_act(&mut self, act: &PeerAct) {
        match act {
            PeerAct::Send(pieces, end) => self.pipe.send(&self.peer.segment(pieces), *end),
            PeerAct::Reset | PeerAct::Truncate => {
                self.rest();
                let reset = *act == PeerAct::Reset;
                self.pipe.lose(if reset {
                    std::io::ErrorKind::ConnectionReset
                } else {
                    std::io::ErrorKind::UnexpectedEof
                });
            }
            PeerAct::Stalls => self.pipe.set_room(|_| Some(0)),
            PeerAct::Takes(len) => self.pipe.set_room(|room| room.map(|room| room + len)),
            PeerAct::Reads => self.pipe.set_room(|_| None),
        }
    }

    fn app_act(&mut self, act: &AppAct) {
        let now = self.now;
        if matches!(act, AppAct::Send(_) | AppAct::Fragment(..)) {
            self.socket.look(now, &mut self.buffers);
        }
        let connection = &mut self.socket.connection;
        let refused = match act {
            AppAct::Hold => return self.socket.hold = Hold::Always,
            AppAct::Next => return (self.once, self.socket.hold) = (true, Hold::Never),
            AppAct::Send(fragment) => send(fragment, |message| connection.send(now, message)),
            AppAct::Fragment(fragment, end) => {
                send(fragment, |message| connection.send_fragment(now, message, *end))
            }
            AppAct::Ping => ping_refusal(connection.ping(now).map(drop)),
            AppAct::Pong(payload) => ping_refusal(connection.pong(now, payload)),
            AppAct::Close(code, reason) => {
                close_refusal(new_close(*code, reason).and_then(|close| connection.close(now, close)))
            }
            AppAct::CloseCutting(code, reason) => {
                close_refusal(new_close(*code, reason).and_then(|close| connection.close_cutting(now, close)))
            }
            AppAct::Fail(code, reason) => {
                close_refusal(new_close(Some(*code), reason).and_then(|close| connection.fail(now, close)))
            }
            AppAct::Accept => {
                // Where a call has failed there may be none; where one should be, what follows is missed.
                let _no_request = connection.accept(now, &Accept::new());
                None
            }
            AppAct::Reject(status, body) => {
                let answer = Reject::new(*status).expect("a status").body(body.as_bytes());
                let _no_request = connection.reject(now, &answer);
                None
            }
            AppAct::Abort => return connection.abort(now),
            AppAct::StopReceiving => return connection.stop_receiving(now),
            AppAct::Drop => {
                connection.handle_dropped(now);
                return self.socket.hold = Hold::Always;
            }
        };
        self.seen.extend(refused.map(|why| Seen::App(format!("refused {why}"))));
    }

    /// Time passes; each deadline on the way is acted on when it is due.
    fn wait(&mut self, time: Duration) {
        let end = self.now + time;
        self.rest();
        while let Some(at) = self.socket.deadline().filter(|at| *at <= end) {
            self.now = at;
            self.rest();
        }
        self.now = end;
    }
}

pub(super) fn send<'m>(
    Fragment { text, payload }: &'m Fragment,
    send: impl FnOnce(adieu_core::Message<'m>) -> adieu_core::SendResult<'m>,
) -> Option<String> {
    let message = match str::from_utf8(payload) {
        Ok(words) if *text => words.into(),
        _ => payload[..].into(),
    };
    send_refusal(send(message).map(drop).map_err(|error| error.refusal))
}

impl Runner for MioRunner {
    fn act(&mut self, act: &Act) {
        match act {
            Act::Open | Act::Connecting => {}
            Act::Peer(act) => self.peer_act(act),
            Act::App(act) => self.app_act(act),
            Act::WritingFails => self.pipe.fail_writing(),
            Act::Wait(time) => self.wait(*time),
        }
    }

    fn settle(&mut self, wanted: &Wanted<'_>) -> Vec<Seen> {
        self.rest();
        for level in wanted.levels() {
            let connection = &self.socket.connection;
            self.seen.push(match level {
                Seen::State(_) => Seen::State(state_name(connection.state())),
                _ => Seen::Noted(connection.peer_close().map_or_else(|| "nothing".to_owned(), close_name)),
            });
        }
        std::mem::take(&mut self.seen)
    }

    fn finish(&mut self) -> Vec<Seen> {
        self.rest();
        std::mem::take(&mut self.seen)
    }
}
