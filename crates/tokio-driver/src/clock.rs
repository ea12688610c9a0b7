//! tokio's clock, in the core's terms.

use std::sync::OnceLock;
use std::time::Duration;

use adieu_core::Instant;
pub(crate) use tokio::time::{Sleep, sleep_until};

/// The epoch lies before the first question: the paused clocks of tests do not agree with each other.
const HEAD_START: Duration = Duration::from_secs(3600);

fn epoch() -> tokio::time::Instant {
    static EPOCH: OnceLock<tokio::time::Instant> = OnceLock::new();
    *EPOCH.get_or_init(|| {
        let now = tokio::time::Instant::now();
        now.checked_sub(HEAD_START).unwrap_or(now)
    })
}

pub(crate) fn now() -> Instant {
    Instant::EPOCH + tokio::time::Instant::now().saturating_duration_since(epoch())
}

/// The same point on tokio's clock; one that it cannot express is an hour away, when the question comes again.
pub(crate) fn on_tokio(point: Instant) -> tokio::time::Instant {
    let passed = point.since(Instant::EPOCH);
    epoch().checked_add(passed).unwrap_or_else(|| tokio::time::Instant::now() + HEAD_START)
}
