//! The same again, without a network.

use core::fmt;

use adieu_core::{Instant, Role};

use crate::trace::{Record, Trace, What};
use crate::traced::Traced;

/// Where a replay differs first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The index among the records of this endpoint.
    pub index: usize,
    /// What the trace says; `None` if it ends here.
    pub expected: Option<Record>,
    /// What happens now; `None` if nothing does.
    pub found: Option<Record>,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let show = |record: &Option<Record>| record.as_ref().map_or("nothing".into(), ToString::to_string);
        let (expected, found) = (show(&self.expected), show(&self.found));
        write!(f, "record {}:\nexpected {expected}\n   found {found}", self.index)
    }
}

impl core::error::Error for Difference {}

/// Gives a fresh connection what the trace's endpoint in `role` was given, and compares what comes of it. A trace without such an endpoint
/// has nothing to compare; one that was written down before [`What::Wants`] was recorded is compared without it.
///
/// # Errors
///
/// The first [`Difference`].
pub fn replay(trace: &Trace, role: Role) -> Result<(), Box<Difference>> {
    let Some(setup) = trace.setups.iter().find(|setup| setup.role == role) else { return Ok(()) };
    let Ok(conn) = setup.connection(Instant::EPOCH) else { return Ok(()) };
    let mut again = Traced::new(conn, Instant::EPOCH);
    let network = |record: &&Record| !matches!(record.what, What::Fault(_));
    let expected: Vec<_> = trace.of(role).filter(network).collect();
    for record in &expected {
        again.now = record.at;
        repeat(&mut again, &record.what);
    }
    let told = trace.tells_wants(role);
    let comparable = |record: &&Record| told || !matches!(record.what, What::Wants(_));
    let found: Vec<_> = again.records.iter().filter(comparable).collect();
    let longest = expected.len().max(found.len());
    let pair = |index: usize| (expected.get(index).copied(), found.get(index).copied());
    match (0..longest).find(|&index| pair(index).0 != pair(index).1) {
        None => Ok(()),
        Some(index) => {
            let (expected, found) = pair(index);
            Err(Box::new(Difference { index, expected: expected.cloned(), found: found.cloned() }))
        }
    }
}

/// Does what is done to a connection; what is only seen of it follows by itself.
fn repeat(again: &mut Traced, what: &What) {
    match what {
        What::Read(bytes) => again.read(bytes.clone()),
        What::End => again.end(),
        What::ReadError(error) => again.read_error(*error),
        What::WriteError(error) => again.write_error(*error),
        What::Timeout => again.timeout(),
        What::Ask(_) => drop(again.ask()),
        What::Ahead => again.ahead(),
        What::Call(call, _) => again.perform(call),
        What::Commit(_) => drop(again.commit().len()),
        What::Written(len) => again.written(*len),
        What::State(_) | What::PeerClose(_) | What::Level(_) => {}
        What::Verdict(_) | What::Wants(_) | What::Fault(_) => {}
    }
}
