//! How an endpoint begins.

use std::sync::Arc;

use adieu_core::deflate::Deflate;
use adieu_core::handshake::ClientRequest;
use adieu_core::{Config, Connection, HeaderError, Instant, OriginPolicy, Role, ServerConfig};

use crate::text::{Field, Words, plain_struct, word};

plain_struct! {
    /// All that a [`Connection`] is made of.
    pub struct Setup {
        /// Its role.
        pub role: Role,
        /// OPEN from the beginning, without an opening handshake.
        pub upgraded: bool,
        /// Server: pages of another origin are refused.
        pub same_origin: bool,
        /// Client: the host that it asks, with its port unless that is the default.
        pub host: String,
        /// Client: the target of its request.
        pub target: String,
        /// Client: the subprotocols that it offers.
        pub subprotocols: Vec<String>,
        /// Client: further fields of its request, with their values.
        pub headers: Vec<(String, String)>,
        /// Client: the masking keys and the nonce come from this.
        pub entropy: u128,
        /// Limits and deadlines.
        pub config: Config,
    }
}

impl Setup {
    /// A client that asks for `/`.
    pub fn client() -> Self {
        Self::new(Role::Client)
    }

    /// A server that lets every origin pass.
    pub fn server() -> Self {
        Self::new(Role::Server)
    }

    fn new(role: Role) -> Self {
        let (host, target, config) = ("sim.example".to_string(), "/".to_string(), Config::default());
        let (upgraded, same_origin, subprotocols, headers) = (false, false, Vec::new(), Vec::new());
        Self { role, upgraded, same_origin, host, target, subprotocols, headers, entropy: 0, config }
    }

    /// The same, OPEN from the beginning: both sides must agree on that.
    #[must_use]
    pub fn upgraded(self) -> Self {
        Self { upgraded: true, ..self }
    }

    /// The same with another configuration.
    #[must_use]
    pub fn config(mut self, change: impl FnOnce(&mut Config)) -> Self {
        change(&mut self.config);
        self
    }

    /// The connection.
    ///
    /// # Errors
    ///
    /// [`HeaderError`] if a part of the request cannot travel.
    pub fn connection(&self, now: Instant) -> Result<Connection, HeaderError> {
        let mut seed = [0; 32];
        seed[..16].copy_from_slice(&self.entropy.to_le_bytes());
        let config = self.config.clone();
        if self.upgraded {
            return Ok(Connection::open(self.role, Arc::new(config), seed, now));
        }
        if self.role == Role::Server {
            let origin = if self.same_origin { OriginPolicy::SameOrigin } else { OriginPolicy::Any };
            let config = ServerConfig::new(origin).with(config);
            return Ok(Connection::server(Arc::new(config), now));
        }
        let mut request = ClientRequest::new(&self.host, &self.target)?;
        for name in &self.subprotocols {
            request = request.subprotocol(name)?;
        }
        for (name, value) in &self.headers {
            request = request.header(name, value)?;
        }
        Ok(Connection::client(request, Arc::new(config), seed, now))
    }
}

macro_rules! settings {
    ($($name:ident)*) => {
        /// Each setting that differs from the default: its name and its value.
        fn differing(config: &Config) -> Vec<(&'static str, String)> {
            let (default, mut found) = (Config::default(), Vec::new());
            $(if config.$name != default.$name {
                found.push((stringify!($name), crate::text::name(&config.$name)));
            })*
            found
        }

        fn set(config: &mut Config, name: &str, words: &mut Words<'_>) -> Option<()> {
            match name {
                $(stringify!($name) => config.$name = Field::read(words)?,)*
                _ => return None,
            }
            Some(())
        }
    };
}

settings! {
    max_message_len max_frame_len max_fragments chunks inbox_len read_len send_high send_low max_head_len max_headers
    handshake_timeout write_timeout close_timeout drain_timeout closing_timeout close_linger
    ping_interval pong_timeout idle_timeout drain_len deflate
}

/// Its fields, in their order.
impl Field for Deflate {
    fn put(&self, line: &mut String) {
        self.server_no_context_takeover.put(line);
        self.client_no_context_takeover.put(line);
        let numbers = [self.server_max_window_bits, self.client_max_window_bits, self.level, self.mem_level];
        numbers.into_iter().for_each(|number| u16::from(number).put(line));
        self.threshold.put(line);
    }

    fn read(words: &mut Words<'_>) -> Option<Self> {
        let small = |words: &mut Words<'_>| u8::try_from(u16::read(words)?).ok();
        let mut read = Self::default();
        read.server_no_context_takeover = bool::read(words)?;
        read.client_no_context_takeover = bool::read(words)?;
        read.server_max_window_bits = small(words)?;
        read.client_max_window_bits = small(words)?;
        read.level = small(words)?;
        read.mem_level = small(words)?;
        read.threshold = usize::read(words)?;
        Some(read)
    }
}

/// How many settings differ from the default, and those.
impl Field for Config {
    fn put(&self, line: &mut String) {
        let differing = differing(self);
        differing.len().put(line);
        for (name, value) in differing {
            word(line, name);
            word(line, &value);
        }
    }

    fn read(words: &mut Words<'_>) -> Option<Self> {
        let mut config = Self::default();
        for _ in 0..usize::read(words)? {
            let name = words.next()?;
            set(&mut config, name, words)?;
        }
        Some(config)
    }
}

#[cfg(test)]
mod tests {
    use adieu_core::Config;

    use crate::text::{Field, Words, name};

    #[test]
    fn every_setting_can_be_written_and_read() {
        let shown = format!("{:?}", Config::default());
        let inner = shown.trim_start_matches("Config { ").split(", ");
        for field in inner.map(|field| field.split_once(':').expect("a field").0) {
            let values = ["7", "true", "7.000000000", "true false 9 10 6 8 0"];
            let value = values.into_iter().find_map(|value| {
                let line = format!("1 {field} {value}");
                let config = Config::read(&mut Words(&line))?;
                assert_ne!(config, Config::default(), "{field}");
                Some(name(&config) == line)
            });
            assert_eq!(value, Some(true), "{field}");
        }
    }
}
