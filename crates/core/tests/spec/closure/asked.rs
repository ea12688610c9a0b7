//! Which rows the core asks for: every short sequence of what an application, a transport, a clock and a peer can do. Deadlines of one kind pass
//! at a time, and what is written is written whole.
//!
//! The core has no hook for that. What a call asks for is said here, and held against the phase that it leads to; of a row that stays in its phase
//! only that.

use std::collections::{BTreeSet, HashSet};
use std::mem::take;
use std::sync::Arc;
use std::time::Duration;

use adieu_core::lifecycle::{Input, Phase, step};
use adieu_core::protocol::Protocol;
use adieu_core::{Close, Config, Instant, Kind, Role, State, Transport, TransportError};

use super::unasked::is_parsed;

/// What one act may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Act {
    Open,
    Refuse,
    Send,
    Ping,
    Pong,
    Close,
    Fail,
    Abort,
    StopReceiving,
    Ask,
    Frame(&'static [u8], Input),
    Flood,
    End(Option<TransportError>),
    WriteError,
    Write,
    Timeout,
}

const ACTS: [Act; 21] = [
    Act::Open,
    Act::Refuse,
    Act::Send,
    Act::Ping,
    Act::Pong,
    Act::Close,
    Act::Fail,
    Act::Abort,
    Act::StopReceiving,
    Act::Ask,
    Act::Frame(&[0x82, 0], Input::PeerData),
    Act::Frame(&[0x89, 0], Input::PeerPing),
    Act::Frame(&[0x88, 0], Input::PeerClose),
    Act::Frame(&[0xF0, 0], Input::Violation),
    Act::Flood,
    Act::End(None),
    Act::End(Some(TransportError::Truncated)),
    Act::End(Some(TransportError::Reset)),
    Act::WriteError,
    Act::Write,
    Act::Timeout,
];

/// How many acts are tried; `ADIEU_CLOSURE_ACTS` says another number. Four are too few; seven ask for no other row.
const ACTS_MOST: usize = 5;
const SHORT: Duration = Duration::from_secs(1);
const LONG: Duration = Duration::from_secs(1_000_000);
const DRAIN_LEN: usize = 64;
const FRAME_LEN: usize = 8;

/// A configuration in which only deadlines of one kind pass, and what they are to the lifecycle.
type Watch = (Input, fn(&mut Config));

const WATCHES: [Watch; 6] = [
    (Input::Due, |config| {
        config.handshake_timeout = SHORT;
        (config.close_timeout, config.drain_timeout, config.close_linger) = (SHORT, SHORT, SHORT);
    }),
    (Input::WriteTimeout, |config| config.write_timeout = SHORT),
    (Input::ClosingTimeout, |config| config.closing_timeout = SHORT),
    (Input::Fail, |config| config.pong_timeout = SHORT),
    (Input::IdleTimeout, |config| config.idle_timeout = Some(SHORT)),
    (Input::SendPing, |config| config.ping_interval = Some(SHORT)),
];

fn config(watch: Watch) -> Arc<Config> {
    let mut config = Config::default();
    (config.handshake_timeout, config.write_timeout, config.closing_timeout) = (LONG, LONG, LONG);
    (config.close_timeout, config.drain_timeout, config.close_linger) = (LONG, LONG, LONG);
    (config.pong_timeout, config.ping_interval, config.idle_timeout) = (LONG, None, None);
    config.drain_len = DRAIN_LEN;
    watch.1(&mut config);
    Arc::new(config)
}

/// An endpoint, and what its connection and its driver know of it.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Place {
    protocol: Protocol,
    now: Instant,
    /// A message waits for the application; there is no second one.
    waiting: bool,
    /// A message is being handled.
    handling: bool,
    ended: bool,
}

impl Place {
    fn new(role: Role, config: Arc<Config>) -> Self {
        let now = Instant::EPOCH;
        let mut protocol = Protocol::new(role, config, now);
        if role == Role::Client {
            protocol.handle_queued(now, FRAME_LEN, 0);
        }
        Self { protocol, now, waiting: false, handling: false, ended: false }
    }

    /// Does it, and tells what was asked of the table, in this order. `None`: it cannot be done here.
    fn act(&mut self, act: Act, due: Input) -> Option<Vec<Input>> {
        let (phase, now) = (self.protocol.phase(), self.now);
        let connecting = phase == Phase::Connecting;
        let noted = matches!(phase, Phase::CloseNoted | Phase::FaultNoted);
        let lost = !(self.ended || self.protocol.transport() >= Transport::Close);
        Some(match act {
            Act::Open => connecting.then(|| self.call(Input::Opened, |p| p.handle_opened(now)))?,
            Act::Refuse => connecting.then(|| self.call(Input::Refused, |p| p.handle_refused(now)))?,
            Act::Send => self.send(),
            Act::Ping => self.ping(),
            Act::Pong => self.call(Input::PeerPing, |p| p.pong(now, b"").is_ok()),
            Act::Close => self.call(Input::Close, |p| p.close(now, Close::EMPTY, false).is_ok()),
            Act::Fail => self.call(Input::Fail, |p| p.fail(now, Close::EMPTY).is_ok()),
            Act::Abort => self.call(Input::Abort, |p| p.abort(now)),
            Act::StopReceiving => self.stop_receiving(noted),
            Act::Ask => self.ask(noted),
            Act::Frame(..) if connecting => return None,
            Act::Frame(_, Input::PeerData) if self.waiting => return None,
            Act::Frame(bytes, input) => self.frame(bytes, input),
            Act::Flood => (phase.state() == State::Closed).then(|| self.flood())?,
            Act::End(error) => {
                self.ended |= lost;
                let input = if error == Some(TransportError::Reset) { Input::Reset } else { Input::End };
                let asked = self.call(input, |p| p.handle_end(now, error));
                if lost { asked } else { Vec::new() }
            }
            Act::WriteError => {
                self.call(Input::WriteError, |p| p.handle_write_error(now, TransportError::Reset))
            }
            Act::Write => self.write(),
            Act::Timeout => {
                let deadline = self.protocol.deadline().filter(|deadline| *deadline <= now + SHORT)?;
                self.now = deadline;
                self.call(due, |p| p.handle_timeout(deadline))
            }
        })
    }

    fn call<T>(&mut self, input: Input, call: impl FnOnce(&mut Protocol) -> T) -> Vec<Input> {
        call(&mut self.protocol);
        vec![input]
    }

    fn send(&mut self) -> Vec<Input> {
        if self.protocol.send(self.now, Kind::Binary, true, false).is_ok() {
            self.protocol.handle_queued(self.now, FRAME_LEN, 1);
        }
        vec![Input::Send]
    }

    fn ping(&mut self) -> Vec<Input> {
        if self.protocol.ping(self.protocol.buffered()).is_ok() {
            self.protocol.handle_queued(self.now, FRAME_LEN, 0);
        }
        vec![Input::SendPing]
    }

    fn stop_receiving(&mut self, noted: bool) -> Vec<Input> {
        self.release();
        self.handling = false;
        self.protocol.stop_receiving(self.now);
        if noted { vec![Input::Due] } else { Vec::new() }
    }

    fn ask(&mut self, noted: bool) -> Vec<Input> {
        self.protocol.ask(self.now);
        self.handling = self.release();
        if noted && !self.handling { vec![Input::Due] } else { Vec::new() }
    }

    fn release(&mut self) -> bool {
        if self.waiting {
            self.protocol.released(self.now, 1);
        }
        take(&mut self.waiting)
    }

    /// Frames of the peer's are parsed, or what they are made of is discarded.
    fn frame(&mut self, bytes: &[u8], input: Input) -> Vec<Input> {
        let protocol = &mut self.protocol;
        let parsed = is_parsed(protocol.role(), protocol.phase());
        let open = protocol.state() == State::Open;
        let waits = protocol.has_urgent() || protocol.buffered() > 0 && protocol.writes();
        let behind = if open { self.waiting || self.handling } else { waits };
        let mut bytes = bytes.to_vec();
        if protocol.role() == Role::Server && input != Input::Violation {
            bytes[1] |= 0x80;
            bytes.extend([0; 4]);
        }
        if protocol.receive(self.now, &mut &mut bytes[..]).is_some() {
            assert!(parsed && input == Input::PeerData, "data in {:?}", protocol.phase());
            if protocol.admits() {
                protocol.held(self.now, 1);
                self.waiting = true;
            } else {
                protocol.dropped(0, true);
            }
        }
        match (parsed, input, behind) {
            (false, ..) | (true, Input::PeerData, _) => vec![Input::PeerData],
            (true, Input::PeerClose, true) => vec![Input::PeerData, Input::PeerCloseBehind],
            (true, Input::Violation, true) => vec![Input::PeerData, Input::ViolationBehind],
            (true, ..) => vec![Input::PeerData, input],
        }
    }

    /// More comes after the verdict than is read.
    fn flood(&mut self) -> Vec<Input> {
        let mut bytes = [0; DRAIN_LEN + 1];
        let none = self.protocol.receive(self.now, &mut &mut bytes[..]).is_none();
        assert!(none, "data after the verdict");
        vec![Input::PeerData, Input::Due]
    }

    /// Writes all there is.
    fn write(&mut self) -> Vec<Input> {
        let (protocol, now) = (&mut self.protocol, self.now);
        let writes = protocol.writes();
        let queued_len = protocol.buffered();
        while let Some((_, payload)) = protocol.take_urgent() {
            protocol.handle_queued(now, FRAME_LEN + payload.len(), 0);
        }
        protocol.handle_committed(protocol.buffered() - queued_len, protocol.buffered());
        let (phase, len) = (protocol.phase(), protocol.buffered());
        protocol.handle_written(now, len, false);
        if writes && len > 0 && phase != Phase::Open { vec![Input::Flushed] } else { Vec::new() }
    }

    /// Queues what the protocol asks for after it was in `before`: our Close, or a refusal.
    fn settle(&mut self, before: Phase) {
        let refuses = before != Phase::Refusing && self.protocol.phase() == Phase::Refusing;
        if self.protocol.take_close().is_some() || refuses {
            self.protocol.handle_queued(self.now, FRAME_LEN, 0);
        }
    }
}

type Row = (Role, Phase, Input);

/// The rows of `asked`, one behind the other; and that of the end, where it came before the verdict. They lead to `place`.
fn rows(from: &Place, asked: &[Input], to: &Place) -> Vec<Row> {
    let (role, mut phase) = (from.protocol.role(), from.protocol.phase());
    let mut found = Vec::new();
    let mut ask = |phase: &mut Phase, input: Input| {
        found.push((role, *phase, input));
        *phase = step(role, *phase, input).0;
    };
    for &input in asked {
        let decided = phase.state() == State::Closed;
        ask(&mut phase, input);
        if !decided && phase.state() == State::Closed && to.ended {
            ask(&mut phase, Input::End);
        }
    }
    assert_eq!(phase, to.protocol.phase(), "{asked:?} in {:?}", from.protocol.phase());
    found
}

fn acts_most() -> usize {
    std::env::var("ADIEU_CLOSURE_ACTS").map_or(ACTS_MOST, |acts| acts.parse().expect("a number of acts"))
}

/// Goes so many acts far.
fn explore(role: Role, watch: Watch, acts_most: usize, found: &mut BTreeSet<String>) {
    let start = Place::new(role, config(watch));
    let mut seen = HashSet::from([start.clone()]);
    let mut edge = vec![start];
    for _ in 0..acts_most {
        let mut next = Vec::new();
        for (from, act) in edge.iter().flat_map(|from| ACTS.map(|act| (from, act))) {
            let mut to = from.clone();
            let Some(asked) = to.act(act, watch.0) else { continue };
            found.extend(rows(from, &asked, &to).into_iter().map(name));
            to.settle(from.protocol.phase());
            if seen.insert(to.clone()) {
                next.push(to);
            }
        }
        edge = next;
    }
}

/// What a row is called.
pub(crate) fn name((role, phase, input): Row) -> String {
    format!("{role:?} {phase:?} {input:?}")
}

/// Every row that is asked for.
pub(crate) fn asked() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for role in super::graph::BOTH {
        for watch in WATCHES {
            explore(role, watch, acts_most(), &mut found);
        }
    }
    found
}
