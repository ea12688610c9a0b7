//! Scenarios as data: how a connection ends, as scripts for one endpoint and a raw peer, and runners for them.
//!
//! The scripts are `tests/scenarios/*.txt`; their format is described in `tests/scenarios/README.md`. A [`Runner`] carries what
//! they say to an endpoint and tells what the endpoint did; [`play`] walks through a script and compares. The rules live in the
//! scripts, so a runner has none.

mod coverage;
mod over_core;
mod over_mio;
mod over_mio_loop;
mod over_sim;
mod over_tokio;
mod parse;
mod peer;
mod pieces;
mod pipe;
mod play;
mod settings;
mod text;
mod trace;
mod unplayed;
mod words;

use std::fmt;
use std::path::Path;
use std::time::Duration;

use adieu_core::Role;

pub use coverage::{Coverage, Row, every_row, why_unasked, why_unseen};
pub use over_core::{CoreRunner, Cut, Feed};
pub use over_mio::MioRunner;
pub use over_mio_loop::MioLoopRunner;
pub use over_sim::SimRunner;
pub use over_tokio::{Over, TokioRunner};
pub use parse::parse;
pub use peer::Peer;
pub use pieces::{FrameSpec, Head, Length, Piece};
pub use pipe::{Fault, Pipe};
pub use play::{Runner, Wanted, play};
pub use settings::Settings;
pub use trace::{Direction, Moment, Seen, Trace, Verdict};
pub use unplayed::{ELSEWHERE, Hidden, why_not_over_sockets};

/// One script: a row of `docs/CLOSE.md` section 3, or a variant of it.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// `A4/999`.
    pub id: String,
    /// What it is about, in words.
    pub words: String,
    /// For which roles of the endpoint under test.
    pub roles: Vec<Role>,
    /// How the endpoint is configured, where that matters.
    pub settings: Settings,
    /// Why the peer's segments must arrive whole, if they must.
    pub whole: Option<String>,
    /// Why it cannot be played over sockets, beside what [`why_not_over_sockets`] finds.
    pub not_over_sockets: Option<String>,
    /// What happens, and what must follow; the first step is the beginning.
    pub steps: Vec<Step>,
}

impl Scenario {
    /// The row of `docs/CLOSE.md`: `A4`.
    pub fn row(&self) -> &str {
        self.id.split('/').next().unwrap_or(&self.id)
    }

    /// Every action, the beginning included.
    pub fn acts(&self) -> impl Iterator<Item = &Act> {
        self.steps.iter().flat_map(|step| &step.acts)
    }
}

/// Something happens, and this is all that must follow.
#[derive(Clone, Debug)]
pub struct Step {
    /// Its line in the file.
    pub line: usize,
    /// The line itself.
    pub text: String,
    /// What happens, at once: the endpoint gets no time in between.
    pub acts: Vec<Act>,
    /// What must follow: in this order in each direction, and nothing else.
    pub expect: Vec<Expect>,
}

/// Something that must follow.
#[derive(Clone, Debug)]
pub struct Expect {
    /// Only where the endpoint under test has this role.
    pub role: Option<Role>,
    /// What.
    pub what: Seen,
}

/// Something that happens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// The connection begins in OPEN.
    Open,
    /// The connection begins in CONNECTING.
    Connecting,
    /// The peer does something.
    Peer(PeerAct),
    /// The application does something.
    App(AppAct),
    /// What the endpoint writes from here on fails; what the peer sent can be read.
    WritingFails,
    /// Time passes.
    Wait(Duration),
}

/// What the peer does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PeerAct {
    /// Sends this as one segment; then, perhaps, ends its direction of the stream.
    Send(Vec<Piece>, bool),
    /// Resets.
    Reset,
    /// Ends a TLS stream without `close_notify`.
    Truncate,
    /// Stops taking bytes: from here on the endpoint's transport is full.
    Stalls,
    /// Takes so many bytes more.
    Takes(usize),
    /// Takes all bytes again.
    Reads,
}

/// What the application does. It asks for messages without pause until it is told to hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AppAct {
    /// Stops asking.
    Hold,
    /// Asks for the next message, or the end.
    Next,
    /// Sends a text message, or a binary one.
    Send(Fragment),
    /// Sends a fragment; the last one if so.
    Fragment(Fragment, bool),
    /// Pings.
    Ping,
    /// Sends a Pong that answers nothing, with this payload.
    Pong(Vec<u8>),
    /// Closes with this code and reason; without a code if there is none.
    Close(Option<u16>, String),
    /// The same, even inside a message of its own.
    CloseCutting(Option<u16>, String),
    /// Fails the connection.
    Fail(u16, String),
    /// Resets the connection.
    Abort,
    /// Server: accepts the request.
    Accept,
    /// Server: refuses the request with a status and a body.
    Reject(u16, String),
    /// Gives up receiving.
    StopReceiving,
    /// Drops all it holds of the connection.
    Drop,
}

/// A payload, and whether it is text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fragment {
    /// Text, not binary.
    pub text: bool,
    /// The bytes; UTF-8 if it is text.
    pub payload: Vec<u8>,
}

/// A line of a script that is not understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyntaxError {
    /// Its number, from 1.
    pub line: usize,
    /// What is wrong.
    pub what: String,
}

impl fmt::Display for SyntaxError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.what)
    }
}

impl std::error::Error for SyntaxError {}

/// All scripts of the repository, in the order of the files' names.
///
/// # Panics
///
/// If a file cannot be read or is not understood, with its name and line.
pub fn all() -> Vec<Scenario> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    let entries = std::fs::read_dir(&folder).expect("the folder of scenarios");
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "txt"));
    paths.sort();
    let read = |path: &std::path::PathBuf| {
        let text = std::fs::read_to_string(path).expect("a file of scenarios");
        parse(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    };
    paths.iter().flat_map(read).collect()
}
