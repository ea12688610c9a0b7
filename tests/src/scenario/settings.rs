//! How the endpoint under test is configured.

use std::time::Duration;

use adieu_core::deflate::Deflate;
use adieu_core::{Config, OriginPolicy, ServerConfig};

use super::SyntaxError;
use super::text::{Cursor, parse_time};

/// What a scenario says of the configuration; all else is the default, without keepalive.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    pairs: Vec<(String, String)>,
}

impl Settings {
    /// Reads `close_timeout=5s, inbox_len=10`.
    pub(super) fn parse(cursor: &mut Cursor<'_>) -> Result<Self, SyntaxError> {
        let mut settings = Self::default();
        loop {
            let word = cursor.word()?;
            let Some((name, value)) = word.split_once('=') else {
                return cursor.fail(format!("name=value expected, not `{word}`"));
            };
            settings.pairs.push((name.to_owned(), value.to_owned()));
            if !settings.apply(&mut Config::default(), &mut OriginPolicy::Any) {
                return cursor.fail(format!("not a setting: `{word}`"));
            }
            if !cursor.eat(",") {
                return cursor.done().map(|()| settings);
            }
        }
    }

    /// Applies everything; `false` if something is not understood.
    fn apply(&self, config: &mut Config, origin: &mut OriginPolicy) -> bool {
        let each = |(name, value): &(String, String)| match (parse_time(value), value.parse::<usize>()) {
            (Some(time), _) => set_time(config, name, time),
            (_, Ok(size)) => set_size(config, name, size),
            _ => match (&name[..], &value[..]) {
                ("origin", "same") => {
                    *origin = OriginPolicy::SameOrigin;
                    true
                }
                ("deflate", "on") => {
                    config.deflate = Some(Deflate::default());
                    true
                }
                _ => false,
            },
        };
        self.pairs.iter().all(each)
    }

    /// The configuration.
    pub fn config(&self) -> Config {
        let mut config = Config::default();
        config.ping_interval = None;
        self.apply(&mut config, &mut OriginPolicy::Any);
        config
    }

    /// A server's configuration.
    pub fn server_config(&self) -> ServerConfig {
        let mut origin = OriginPolicy::Any;
        self.apply(&mut Config::default(), &mut origin);
        ServerConfig::new(origin).with(self.config())
    }
}

fn set_time(config: &mut Config, name: &str, time: Duration) -> bool {
    match name {
        "handshake_timeout" => config.handshake_timeout = time,
        "write_timeout" => config.write_timeout = time,
        "close_timeout" => config.close_timeout = time,
        "drain_timeout" => config.drain_timeout = time,
        "closing_timeout" => config.closing_timeout = time,
        "close_linger" => config.close_linger = time,
        "ping_interval" => config.ping_interval = Some(time),
        "pong_timeout" => config.pong_timeout = time,
        "idle_timeout" => config.idle_timeout = Some(time),
        _ => return false,
    }
    true
}

fn set_size(config: &mut Config, name: &str, size: usize) -> bool {
    match name {
        "max_message_len" => config.max_message_len = size,
        "max_frame_len" => config.max_frame_len = size,
        "max_fragments" => config.max_fragments = size as u32,
        "inbox_len" => config.inbox_len = size,
        "max_head_len" => config.max_head_len = size,
        "send_high" => config.send_high = size,
        "send_low" => config.send_low = size,
        _ => return false,
    }
    true
}
