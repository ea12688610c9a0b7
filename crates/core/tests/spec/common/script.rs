//! Random lives of a connection: what the peer, the application, the transport and the clock may do, in any order.

#![allow(dead_code)] // Each test binary uses another part of it.

use std::time::Duration;

use adieu_core::handshake::{Accept, Reject};
use adieu_core::{Close, Config, Role, State, TransportError};
use proptest::prelude::*;

use crate::common::{World, config, max_close_time, request, response_to};

/// Something that the peer sends; its bytes depend on who masks.
#[derive(Clone, Debug)]
pub(crate) enum Piece {
    Text(String),
    Binary(usize),
    Start(String),
    Middle(String),
    Last(String),
    Ping(String),
    Pong(String),
    Close(u16, String),
    EmptyClose,
    /// A frame with these first bits and this opcode, mostly forbidden.
    Odd(bool, u8, u8),
    /// The start of a frame whose rest may or may not come.
    Torn(usize),
    Bytes(Vec<u8>),
}

impl Piece {
    pub(crate) fn bytes(&self, w: &World) -> Vec<u8> {
        let p = w.peer;
        match self {
            Self::Text(text) => p.text(text),
            Self::Binary(len) => p.binary(&vec![0xA5; *len]),
            Self::Start(text) => p.start(text),
            Self::Middle(text) => p.middle(text),
            Self::Last(text) => p.last(text),
            Self::Ping(text) => p.ping(text),
            Self::Pong(text) => p.pong(text),
            Self::Close(code, reason) => p.close(*code, reason),
            Self::EmptyClose => p.empty_close(),
            Self::Odd(fin, rsv, opcode) => p.frame(*opcode, "odd").fin(*fin).rsv(*rsv).bytes(),
            Self::Torn(len) => {
                let mut frame = p.binary(&[0x5A; 300]);
                frame.truncate(*len);
                frame
            }
            Self::Bytes(bytes) => bytes.clone(),
        }
    }
}

fn short() -> impl Strategy<Value = String> {
    proptest::string::string_regex("[a-zé𝄞]{0,12}").expect("a pattern")
}

/// Frames that no peer is to be blamed for, though not always in a good order.
pub(crate) fn good_piece() -> impl Strategy<Value = Piece> {
    prop_oneof![
        5 => short().prop_map(Piece::Text),
        2 => prop_oneof![0..300_usize, 60_000..70_000_usize].prop_map(Piece::Binary),
        2 => short().prop_map(Piece::Start),
        2 => short().prop_map(Piece::Middle),
        2 => short().prop_map(Piece::Last),
        2 => short().prop_map(Piece::Ping),
        1 => short().prop_map(Piece::Pong),
        1 => (3000..5000_u16, short()).prop_map(|(code, reason)| Piece::Close(code, reason)),
        1 => Just(Piece::EmptyClose),
    ]
}

pub(crate) fn any_piece() -> impl Strategy<Value = Piece> {
    prop_oneof![
        12 => good_piece(),
        1 => (any::<u16>(), short()).prop_map(|(code, reason)| Piece::Close(code, reason)),
        1 => (any::<bool>(), 0..8_u8, 0..16_u8).prop_map(|(fin, rsv, op)| Piece::Odd(fin, rsv, op)),
        1 => (1..300_usize).prop_map(Piece::Torn),
        1 => proptest::collection::vec(any::<u8>(), 0..40).prop_map(Piece::Bytes),
    ]
}

/// One thing that happens.
#[derive(Clone, Debug)]
pub(crate) enum Op {
    /// Read, and ask until there is no event.
    Feed(Vec<Piece>),
    /// Read, and look ahead.
    Ahead(Vec<Piece>),
    /// Read, and ask once; the rest is looked ahead at.
    Lend(Vec<Piece>),
    Poll,
    Write(usize),
    Flush,
    Send(usize),
    Fragment(usize, bool),
    Ping,
    Pong,
    /// A buffer is lent, or taken back.
    Exchange,
    /// The peer answers the last Ping that was written.
    Answer,
    Close(u16),
    CloseCutting,
    Fail,
    Abort,
    StopReceiving,
    Dropped,
    Eof,
    ReadError(bool),
    WriteError,
    /// Milliseconds pass; every deadline is acted on when it is due.
    Wait(u64),
    /// Milliseconds pass, and nobody looks at the clock.
    Sleep(u64),
    Accept,
    Reject,
}

fn pieces() -> impl Strategy<Value = Vec<Piece>> {
    proptest::collection::vec(any_piece(), 0..5)
}

/// What any of the parties may do, ends among it.
pub(crate) fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        6 => pieces().prop_map(Op::Feed),
        6 => pieces().prop_map(Op::Ahead),
        4 => pieces().prop_map(Op::Lend),
        4 => Just(Op::Poll),
        6 => (0..2000_usize).prop_map(Op::Write),
        3 => Just(Op::Flush),
        6 => (0..3000_usize).prop_map(Op::Send),
        3 => (0..300_usize, any::<bool>()).prop_map(|(len, end)| Op::Fragment(len, end)),
        2 => Just(Op::Ping),
        1 => Just(Op::Pong),
        1 => Just(Op::Exchange),
        2 => Just(Op::Answer),
        2 => (1000..1004_u16).prop_map(Op::Close),
        1 => prop_oneof![
            Just(Op::CloseCutting),
            Just(Op::Fail),
            Just(Op::Abort),
            Just(Op::StopReceiving),
            Just(Op::Dropped),
        ],
        1 => prop_oneof![
            Just(Op::Eof),
            any::<bool>().prop_map(Op::ReadError),
            Just(Op::WriteError),
        ],
        6 => (0..20_000_u64).prop_map(Op::Wait),
        1 => (0..60_000_u64).prop_map(Op::Sleep),
        2 => Just(Op::Accept),
        1 => Just(Op::Reject),
    ]
}

/// Where a life begins.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Birth {
    Open(Role),
    Shaken(Role),
    /// In CONNECTING, with so many bytes of the peer's head read.
    Connecting(Role, usize),
}

pub(crate) fn birth() -> impl Strategy<Value = Birth> {
    let role = || prop_oneof![Just(Role::Client), Just(Role::Server)];
    prop_oneof![
        role().prop_map(Birth::Open),
        role().prop_map(Birth::Shaken),
        (role(), 0..200_usize).prop_map(|(role, len)| Birth::Connecting(role, len)),
    ]
}

/// Short and strange deadlines and bounds.
pub(crate) fn configs() -> impl Strategy<Value = Config> {
    let timeout = || (0..40_u64).prop_map(Duration::from_secs);
    let interval = || proptest::option::of((1..40_u64).prop_map(Duration::from_secs));
    let times = (timeout(), timeout(), timeout(), timeout(), timeout(), timeout());
    let sizes = (0..3000_usize, 0..3000_usize, 0..3000_usize, any::<bool>());
    (times, interval(), interval(), timeout(), sizes).prop_map(|(times, ping, idle, pong, sizes)| {
        config(|c| {
            (c.write_timeout, c.close_timeout, c.drain_timeout) = (times.0, times.1, times.2);
            (c.closing_timeout, c.close_linger, c.handshake_timeout) = (times.3, times.4, times.5);
            (c.ping_interval, c.idle_timeout, c.pong_timeout) = (ping, idle, pong);
            (c.inbox_len, c.send_high, c.send_low, c.chunks) = sizes;
        })
    })
}

/// A world, and what its script must remember.
#[derive(Debug)]
pub(crate) struct Life {
    pub(crate) w: World,
    pub(crate) config: Config,
    /// How much of the wire is the opening handshake's.
    head_len: usize,
    opened: bool,
    /// When an end had begun at the latest.
    began: Option<adieu_core::Instant>,
    /// The payload lengths of our messages that were taken, by ticket; whether the last one is unfinished.
    sent: Vec<usize>,
    unfinished: bool,
    spare: Vec<u8>,
}

impl Life {
    pub(crate) fn new(birth: Birth, config: &Config) -> Self {
        let (w, opened) = match birth {
            Birth::Open(role) => (World::open(role, config), true),
            Birth::Shaken(role) => {
                // The handshake itself is not under test here.
                let mut patient = config.clone();
                patient.handshake_timeout = Duration::from_secs(1000);
                (World::shaken(role, &patient), true)
            }
            Birth::Connecting(Role::Server, len) => {
                let mut w = World::any_server(config);
                let request = request(&[]);
                w.feed(&request[..len.min(request.len())]);
                (w, false)
            }
            Birth::Connecting(Role::Client, len) => {
                let mut w = World::any_client(config);
                let request = w.take_request();
                let response = response_to(&request, &[]);
                w.feed(&response[..len.min(response.len())]);
                let opened = w.state() != State::Connecting;
                (w, opened)
            }
        };
        let (sent, spare) = (Vec::new(), Vec::new());
        Self { w, config: config.clone(), head_len: 0, opened, began: None, sent, unfinished: false, spare }
    }

    /// Something happens; what must hold at all times holds afterwards.
    pub(crate) fn happen(&mut self, op: &Op) {
        match op {
            Op::Feed(pieces) => self.feed(pieces),
            Op::Ahead(pieces) => {
                let bytes = self.bytes(pieces);
                self.w.ahead(&bytes);
            }
            Op::Lend(pieces) => {
                let mut bytes = self.bytes(pieces);
                self.w.lend(&mut bytes);
                self.w.ahead(&bytes);
            }
            Op::Wait(ms) => self.w.wait(Duration::from_millis(*ms)),
            Op::Sleep(ms) => self.w.now = self.w.now + Duration::from_millis(*ms),
            Op::Poll => drop(self.w.poll()),
            Op::Write(limit) => drop(self.w.write(*limit)),
            Op::Flush => self.w.flush(),
            Op::Eof => self.w.eof(),
            Op::ReadError(true) => self.w.reset(),
            Op::ReadError(false) => self.w.read_error(TransportError::Truncated),
            Op::WriteError => self.w.write_error(),
            Op::Answer => self.answer(),
            Op::Accept => self.accept(),
            _ => self.apply(op),
        }
        self.w.check();
        self.note_beginning();
        let buffered = self.w.conn.buffered();
        assert!(buffered <= self.config.send_high.saturating_add(8192), "{buffered} bytes wait");
    }

    fn bytes(&self, pieces: &[Piece]) -> Vec<u8> {
        pieces.iter().flat_map(|piece| piece.bytes(&self.w)).collect()
    }

    fn feed(&mut self, pieces: &[Piece]) {
        let bytes = self.bytes(pieces);
        self.w.feed(&bytes);
    }

    /// Calls of the application; each is either refused or taken, and a refused one changes nothing.
    fn apply(&mut self, op: &Op) {
        let now = self.w.now;
        let w = &mut self.w;
        let close = |code| Close::new(code, "why").expect("a good code");
        match op {
            Op::Send(len) => {
                let (payload, refusal) = (vec![7; *len], w.conn.refusal());
                let result = w.conn.send(now, payload.clone());
                assert_eq!(refusal, result.as_ref().err().map(|error| error.refusal));
                match result {
                    Ok(ticket) => {
                        assert_eq!(ticket.0, self.sent.len() as u64);
                        self.sent.push(*len);
                    }
                    Err(error) => assert_eq!(error.message.as_bytes(), payload),
                }
            }
            Op::Fragment(len, end) => self.fragment(*len, *end),
            Op::Exchange => w.conn.exchange_buffer(&mut self.spare),
            Op::Ping => drop(w.conn.ping(now)),
            Op::Pong => drop(w.conn.pong(now, b"mine")),
            Op::Close(code) => {
                if w.conn.close(now, close(*code)).is_ok() {
                    assert!(w.conn.refusal().is_some() && w.state() != State::Open);
                }
            }
            Op::CloseCutting => drop(w.conn.close_cutting(now, close(1000))),
            Op::Fail => drop(w.conn.fail(now, close(1011))),
            Op::Abort => w.conn.abort(now),
            Op::StopReceiving => w.conn.stop_receiving(now),
            Op::Dropped => w.conn.handle_dropped(now),
            Op::Reject => drop(w.conn.reject(now, &Reject::new(404).expect("a status"))),
            other => panic!("not a call of the application: {other:?}"),
        }
    }

    fn fragment(&mut self, len: usize, end: bool) {
        let result = self.w.conn.send_fragment(self.w.now, vec![8; len], end);
        let Ok(ticket) = result else { return };
        if !self.unfinished {
            self.sent.push(0);
        }
        let (last, before) = self.sent.split_last_mut().expect("a message of ours");
        assert_eq!(ticket.0, before.len() as u64);
        *last += len;
        self.unfinished = !end;
    }

    fn accept(&mut self) {
        if self.w.conn.accept(self.w.now, &Accept::new()).is_ok() {
            self.opened = true;
            self.head_len = self.w.wire.len();
            // The 101 is the first thing that is written; its length is known once it is out.
            let committed = self.w.committed();
            let end = committed.windows(4).position(|window| window == b"\r\n\r\n");
            self.head_len += end.expect("a 101") + 4;
        }
    }

    fn answer(&mut self) {
        let frames = self.frames();
        if let Some(ping) = frames.iter().rev().find(|frame| frame.opcode == 9) {
            self.w.feed(&self.w.peer.pong(&ping.payload));
        }
    }

    /// All frames that were written, which checks their order (rule 1 among it).
    pub(crate) fn frames(&self) -> Vec<crate::common::Frame> {
        if !self.opened || self.w.wire.len() < self.head_len {
            return Vec::new();
        }
        crate::common::parse_frames(self.w.role, &self.w.wire[self.head_len..]).0
    }

    fn note_beginning(&mut self) {
        let begun =
            matches!(self.w.state(), State::Closing | State::Closed) || self.w.conn.peer_close().is_some();
        if begun {
            self.began.get_or_insert(self.w.now);
        }
    }

    /// CLOSED is decided within the bound after an end began; only for scripts that never sleep.
    pub(crate) fn check_bound(&mut self) {
        let bound = self.began.map(|began| began + max_close_time(&self.config));
        if bound.is_some_and(|bound| bound <= self.w.now) {
            self.w.tick();
            assert_eq!(self.w.state(), State::Closed, "began {:?}", self.began);
        }
        let opening = self.config.handshake_timeout + max_close_time(&self.config);
        if self.w.state() == State::Connecting && crate::common::START + opening <= self.w.now {
            self.w.tick();
            assert_eq!(self.w.state(), State::Closed, "it never opened");
        }
    }

    /// The application goes away, and the peer does nothing: the verdict comes in time, and is told once, as the last thing.
    pub(crate) fn finish(&mut self, writes: bool) {
        self.happen(&Op::Dropped);
        if writes {
            self.w.flush();
        }
        self.w.wait(max_close_time(&self.config));
        assert_eq!(self.w.state(), State::Closed);
        self.w.wait(self.config.drain_timeout);
        assert!(self.w.transport() >= adieu_core::Transport::Close);
        let heard = self.w.heard();
        assert_eq!(heard.iter().filter(|event| *event == "closed").count(), 1, "{heard:?}");
        assert_eq!(heard.last().map(String::as_str), Some("closed"));
        assert!(self.w.send("no").is_err());
        self.check_conservation();
    }

    /// Every message of ours was written whole or is counted in `unsent`, and only what was written is confirmed.
    fn check_conservation(&self) {
        let whole = self.frames().iter().filter(|frame| frame.fin && frame.opcode < 8).count();
        let verdict = self.w.verdict();
        let (first, messages, bytes) = verdict.unsent;
        assert_eq!(whole as u64 + messages, self.sent.len() as u64, "{verdict:?}");
        assert_eq!(first, (messages > 0).then_some(whole as u64));
        let lost: usize = self.sent[whole..].iter().sum();
        assert!(bytes == lost as u64 || self.unfinished, "{bytes} of {lost}");
        assert!(bytes <= lost as u64);
        assert!(verdict.confirmed.is_none_or(|ticket| ticket < whole as u64));
        assert!(!verdict.clean || (verdict.flushed && verdict.sent.is_some() && verdict.received.is_some()));
        assert_eq!(verdict.flushed, self.frames().iter().any(|frame| frame.opcode == 8));
    }
}
