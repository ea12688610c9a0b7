//! Configurations for tests.

use core::time::Duration;

use adieu_core::Config;

/// Whole seconds.
pub(crate) const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// The default configuration without keepalive, so that only the deadlines under test are armed, then changed by `change`.
pub(crate) fn config(change: impl FnOnce(&mut Config)) -> Config {
    let mut config = Config::default();
    config.ping_interval = None;
    change(&mut config);
    config
}

/// Within which time CLOSED is decided once an end has begun.
pub(crate) fn max_close_time(config: &Config) -> Duration {
    config.max_close_time()
}
