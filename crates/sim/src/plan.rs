//! What a network does to those who use it.

use core::time::Duration;

use adieu_core::Role;

use crate::Dice;
use crate::text::plain_enum;

/// How a network behaves: plain data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The shortest way from one side to the other.
    pub latency: Duration,
    /// What it may take longer, by chance.
    pub jitter: Duration,
    /// Bytes that fit between a write and its read, in each direction. A write takes what fits.
    pub capacity_len: usize,
    /// Where reads and writes are cut.
    pub cuts: Cuts,
    /// How long a side may sleep, by chance, before it looks at what happened.
    pub lag: Duration,
    /// What goes wrong.
    pub faults: Vec<Fault>,
}

/// Where reads and writes are cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cuts {
    /// Nowhere.
    Whole,
    /// Behind at most so many bytes.
    Every(usize),
    /// Anywhere, by chance.
    Anywhere,
}

/// Something goes wrong, once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The direction: that of the bytes which this side sends. A reset hits both.
    pub from: Role,
    /// When.
    pub when: When,
    /// What.
    pub harm: Harm,
}

/// When a fault happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// So long after the beginning.
    At(Duration),
    /// Behind so many bytes of its direction.
    After(u64),
}

plain_enum! {
    /// What may go wrong on the way.
    pub enum Harm {
        /// Nothing that is sent from now on arrives for so long; `Duration::MAX` is for ever.
        Stall(time: Duration) = "stall",
        /// The direction ends in order, and the rest is swallowed.
        End = "end",
        /// The direction ends without TLS's `close_notify`, and the rest is swallowed.
        Truncate = "truncate",
        /// Writing fails, and the rest is swallowed; what the other side sends still arrives.
        FailWriting = "fail-writing",
        /// Both sides learn that the connection was reset.
        Reset = "reset",
    }
}

impl Default for Plan {
    /// A calm network: 10 ms each way, 64 KiB, no fault.
    fn default() -> Self {
        Self {
            latency: Duration::from_millis(10),
            jitter: Duration::ZERO,
            capacity_len: 64 << 10,
            cuts: Cuts::Whole,
            lag: Duration::ZERO,
            faults: Vec::new(),
        }
    }
}

impl Plan {
    /// The rough network of a seed: any cuts, buffers and delays, and in two of three cases a fault or two.
    pub fn rough(seed: u64) -> Self {
        let dice = &mut Dice::new(seed);
        let pick_time = |dice: &mut Dice| Duration::from_millis(dice.pick(&[0, 1, 20, 200]));
        let (latency, jitter) = (pick_time(dice), pick_time(dice));
        let lag = Duration::from_millis(dice.pick(&[0, 0, 1, 50]));
        // A byte at a time is too slow where each takes its time.
        let least = if latency + jitter + lag > Duration::from_millis(2) { 100 } else { 1 };
        let capacity_len = dice.pick(&[1, 100, 1_000, 10_000, 100_000]).max(least);
        let every = Cuts::Every(1 + dice.below(50) as usize);
        let cuts = dice.pick(&[Cuts::Whole, every, Cuts::Anywhere, Cuts::Anywhere]);
        let count = dice.pick(&[0, 1, 2]);
        let faults = (0..count).map(|_| Fault::any(dice)).collect();
        Self { latency, jitter, capacity_len, cuts, lag, faults }
    }
}

impl Fault {
    /// Any fault, within the first seconds or kilobytes.
    pub fn any(dice: &mut Dice) -> Self {
        let from = dice.pick(&[Role::Client, Role::Server]);
        let at = When::At(dice.time(Duration::from_secs(8)));
        let after = When::After(dice.below(3_000));
        let when = dice.pick(&[at, after]);
        let harm = match dice.below(6) {
            0 => Harm::Stall(dice.time(Duration::from_secs(10))),
            1 => Harm::Stall(Duration::MAX),
            2 => Harm::End,
            3 => Harm::Truncate,
            4 => Harm::FailWriting,
            _ => Harm::Reset,
        };
        Self { from, when, harm }
    }
}
