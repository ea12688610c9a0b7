//! Scripts, and how they are read out of any bytes: by a fuzzer, or by a test that draws them.

use std::time::Duration;

use adieu_core::{Config, Kind, Role, TransportError};

pub use super::wire::Flaw;

/// What happens next.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Step {
    Send(Kind, usize),
    /// The kind, how long it is, and whether it is the last.
    Fragment(Kind, usize, bool),
    /// Code 0: an empty Close.
    Close(u16),
    CloseCutting(u16),
    Fail(u16),
    Abort,
    Ping,
    Pong(usize),
    PollPong,
    StopReceiving,
    /// The application is gone.
    Leave,
    /// A frame that the peer writes: its first byte, its payload, and what is wrong with it.
    Peer(u8, Vec<u8>, Flaw),
    /// The peer answers one of the Pings that it can have seen.
    Answer(usize),
    /// So many of the peer's bytes arrive, and one event is asked for.
    Ask(usize),
    /// The same, until there is no event.
    AskAll(usize),
    /// So many of the peer's bytes arrive, and nobody asks.
    Ahead(usize),
    Poll,
    /// Commit, and so many bytes are taken.
    Write(usize),
    WriteError(TransportError),
    EndOfStream,
    ReadError(TransportError),
    Wait(u64),
    /// Deadlines are looked at.
    Timeout,
    /// Time passes until the next deadline, which is looked at.
    Sleep,
}

/// One script.
#[derive(Debug, Clone)]
#[allow(missing_docs)]
pub struct Script {
    pub role: Role,
    pub config: Config,
    pub steps: Vec<Step>,
}

/// What a long script costs more than it finds.
const MAX_STEPS: usize = 120;

/// More than any script makes at once.
const ALL: usize = 4000;

impl Script {
    /// Any bytes are a script; no bytes are one without steps.
    pub fn decode(bytes: &[u8]) -> Self {
        let mut dice = Dice(bytes);
        let role = if dice.roll(2) == 0 { Role::Server } else { Role::Client };
        let config = dice.config();
        let mut steps = Vec::new();
        while !dice.0.is_empty() && steps.len() < MAX_STEPS {
            dice.steps(&mut steps);
        }
        Self { role, config, steps }
    }
}

/// Bytes as dice; when there are none left, each falls on 0.
struct Dice<'b>(&'b [u8]);

impl Dice<'_> {
    fn roll(&mut self, sides: usize) -> usize {
        self.0.split_off_first().map_or(0, |byte| usize::from(*byte) % sides)
    }

    fn pick<T: Clone>(&mut self, of: &[T]) -> T {
        of[self.roll(of.len())].clone()
    }

    /// Small limits and short times, of which no two are multiples of each other.
    fn config(&mut self) -> Config {
        let mut config = Config::default();
        (config.max_frame_len, config.max_message_len, config.max_fragments) = (200, 250, 3);
        config.inbox_len = self.pick(&[60_000, 20, 0]);
        (config.send_high, config.send_low) = self.pick(&[(60_000, 0), (300, 0), (40, 10)]);
        config.drain_len = 60_000;
        config.write_timeout = Duration::from_millis(self.pick(&[211, 37]));
        config.close_timeout = Duration::from_millis(53);
        config.drain_timeout = Duration::from_millis(29);
        config.closing_timeout = Duration::from_millis(self.pick(&[307, 151]));
        config.close_linger = Duration::from_millis(self.pick(&[1000, 1000, 13, 13, 0]));
        config.pong_timeout = Duration::from_millis(43);
        config.ping_interval = self.pick(&[None, Some(Duration::from_millis(71))]);
        config.idle_timeout = self.pick(&[None, None, Some(Duration::from_millis(97))]);
        config
    }

    fn steps(&mut self, steps: &mut Vec<Step>) {
        match self.roll(256) {
            0..136 => steps.push(self.world()),
            136..184 => steps.push(self.application()),
            184..229 => steps.push(self.peer()),
            229..237 => self.fragments(steps),
            237..241 => self.noted(steps),
            241..248 => self.confirmed(steps),
            248..250 => self.flood(steps),
            _ => steps.push(self.end()),
        }
    }

    fn world(&mut self) -> Step {
        match self.roll(70) {
            0..20 => Step::Write(self.amount()),
            20..28 => Step::Ask(self.amount()),
            28..36 => Step::AskAll(self.amount()),
            36..44 => Step::Ahead(self.amount()),
            44..48 => Step::Answer(self.roll(8)),
            48..52 => Step::Poll,
            52..58 => Step::Wait(self.pick(&[1, 5, 20, 100])),
            58..64 => Step::Timeout,
            _ => Step::Sleep,
        }
    }

    fn application(&mut self) -> Step {
        match self.roll(25) {
            0..10 => Step::Send(self.kind(), self.len()),
            10..15 => Step::Fragment(self.kind(), self.len(), self.roll(2) == 1),
            15 => Step::Close(self.code()),
            16 => Step::CloseCutting(self.code()),
            17 => Step::Fail(self.code()),
            18..22 => Step::Ping,
            22..24 => Step::Pong(self.pick(&[0, 3, 125, 126])),
            _ => Step::PollPong,
        }
    }

    fn end(&mut self) -> Step {
        match self.roll(8) {
            0..2 => Step::EndOfStream,
            2 => Step::ReadError(TransportError::Reset),
            3 => Step::ReadError(TransportError::Truncated),
            4 => Step::WriteError(TransportError::Reset),
            5 => Step::Abort,
            6 => Step::StopReceiving,
            _ => Step::Leave,
        }
    }

    fn kind(&mut self) -> Kind {
        self.pick(&[Kind::Text, Kind::Binary])
    }

    fn code(&mut self) -> u16 {
        self.pick(&[0, 1000, 1001, 1014, 3000, 4999])
    }

    /// Those that matter to headers and limits, and small ones.
    fn len(&mut self) -> usize {
        self.pick(&[0, 1, 2, 3, 4, 5, 7, 9, 11, 0, 1, 2, 3, 125, 126, 200, 201, 300])
    }

    /// How many bytes move at once.
    fn amount(&mut self) -> usize {
        self.pick(&[ALL, ALL, ALL, 0, 1, 2, 3, 5, 8, 13, 29, ALL, ALL, ALL, ALL])
    }

    fn peer(&mut self) -> Step {
        let (first, payload) = match self.roll(17) {
            0..8 => (self.pick(&[0x81, 0x82]), self.text()),
            8..10 => (self.pick(&[0x01, 0x02, 0x00, 0x80]), self.text()),
            10..13 => (0x89, self.text()),
            13 => (0x8A, self.text()),
            14..16 => (0x88, self.close_payload()),
            _ => (self.pick(&[0x83, 0x8B, 0xC1, 0x91, 0x08, 0x09, 0x0A, 0x03, 0xA2]), self.text()),
        };
        let flaw = match self.roll(240) {
            0 => Flaw::Masking,
            1 => Flaw::NotMinimal16,
            2 => Flaw::NotMinimal64,
            3 => Flaw::TopBit,
            4 => Flaw::Longer(3),
            5 => Flaw::Longer(400),
            _ => Flaw::None,
        };
        Step::Peer(first, payload, flaw)
    }

    fn text(&mut self) -> Vec<u8> {
        match self.roll(7) {
            0..4 => vec![b'x'; self.len()],
            4..6 => self.pick(&["é", "€", "𝄞", "a€"]).into(),
            _ => self
                .pick(&[&b"\xC3"[..], b"\xE2\x82", b"\xA9", b"\xFF", b"a\xED\xA0\x80", b"\xF0\x9D"])
                .to_vec(),
        }
    }

    fn close_payload(&mut self) -> Vec<u8> {
        let code: u16 = match self.roll(13) {
            0..2 => return Vec::new(),
            2 => return vec![3],
            3 => self.pick(&[0, 999, 1004, 1005, 1006, 1015, 2999, 5000]),
            _ => self.pick(&[1000, 1001, 1007, 1014, 3000, 4999]),
        };
        let reason = self.pick(&[&b"bye"[..], b"bye", b"bye", b"bye", b"bye", b"", b"", b"\xFF"]);
        [&code.to_be_bytes(), reason].concat()
    }

    /// A message of the peer's in fragments, with a Ping between the first two.
    fn fragments(&mut self, steps: &mut Vec<Step>) {
        let (opcode, count) = (self.pick(&[1, 2]), 2 + self.roll(3));
        for index in 0..count {
            let first = if index == 0 { opcode } else { 0 } | if index + 1 == count { 0x80 } else { 0 };
            let len = self.pick(&[3, 3, 3, 3, 3, 3, 126, 200]);
            steps.push(Step::Peer(first, vec![b'f'; len], Flaw::None));
            steps.extend((index == 0).then_some(Step::Peer(0x89, b"p".into(), Flaw::None)));
        }
    }

    /// A message and a Close, of which the application asks only for the message.
    fn noted(&mut self, steps: &mut Vec<Step>) {
        let last = Step::Peer(0x81, b"last".into(), Flaw::None);
        let close = Step::Peer(0x88, self.close_payload(), Flaw::None);
        steps.extend([last, close, Step::Ahead(ALL), Step::Ask(0)]);
    }

    /// A message of ours, a Ping behind it, and the peer's answer.
    fn confirmed(&mut self, steps: &mut Vec<Step>) {
        let (send, write) = (Step::Send(Kind::Binary, self.len()), Step::Write(self.amount()));
        steps.extend([send, Step::Ping, write, Step::Answer(self.roll(3)), Step::Ask(ALL)]);
    }

    /// More of the same than there are slots.
    fn flood(&mut self, steps: &mut Vec<Step>) {
        let ping = |index| Step::Peer(0x89, vec![index], Flaw::None);
        match self.roll(2) {
            0 => steps.extend(vec![Step::Ping; 20]),
            _ => steps.extend((0..20).map(ping)),
        }
    }
}
