//! Negotiation (RFC 7692 §5, §7.1), as pure functions over header text.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use super::config::{Deflate, MAX_BITS, MIN_BITS};
use super::header::{self, Extension};
use crate::handshake::Headers;
use crate::{Config, ResponseFault};

const NAME: &str = "permessage-deflate";
const FIELD: &str = "sec-websocket-extensions";

/// The four parameters, as an offer or an answer names them; displayed as one stands in `Sec-WebSocket-Extensions`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Parameters {
    /// `server_no_context_takeover` is there.
    pub server_no_context_takeover: bool,
    /// `client_no_context_takeover` is there.
    pub client_no_context_takeover: bool,
    /// `server_max_window_bits`, 8 to 15, if it is there.
    pub server_max_window_bits: Option<u8>,
    /// `client_max_window_bits`, if it is there, and its value, 8 to 15, if it has one.
    pub client_max_window_bits: Option<Option<u8>>,
}

impl Parameters {
    /// Reads an extension's; `None`: one is unknown, is there twice, or has a value that it may not have.
    fn read(extension: &Extension<'_>) -> Option<Self> {
        let mut read = Self::default();
        for (name, value) in &extension.parameters {
            let bits = |text: &str| (8..=15).find(|bits: &u8| bits.to_string() == text);
            let value = value.as_deref().map(bits);
            let twice = match (*name, value) {
                ("server_no_context_takeover", None) => {
                    core::mem::replace(&mut read.server_no_context_takeover, true)
                }
                ("client_no_context_takeover", None) => {
                    core::mem::replace(&mut read.client_no_context_takeover, true)
                }
                ("server_max_window_bits", Some(Some(bits))) => {
                    read.server_max_window_bits.replace(bits).is_some()
                }
                ("client_max_window_bits", None) => read.client_max_window_bits.replace(None).is_some(),
                ("client_max_window_bits", Some(Some(bits))) => {
                    read.client_max_window_bits.replace(Some(bits)).is_some()
                }
                _ => return None,
            };
            if twice {
                return None;
            }
        }
        Some(read)
    }

    /// A client's offer.
    fn offered(config: &Deflate) -> Self {
        let below = |bits: u8| (bits < MAX_BITS).then_some(bits);
        Self {
            server_no_context_takeover: config.server_no_context_takeover,
            client_no_context_takeover: config.client_no_context_takeover,
            server_max_window_bits: below(config.server_bits()),
            client_max_window_bits: Some(below(config.client_bits())),
        }
    }

    /// A server's answer to this offer; `None`: it cannot be served. A window of 8 bits is asked for in vain, for zlib has none.
    fn answered(self, config: &Deflate) -> Option<Self> {
        let below = |bits: u8, asked: bool| (asked || bits < MAX_BITS).then_some(bits);
        let server_bits = config.server_bits().min(self.server_max_window_bits.unwrap_or(MAX_BITS));
        let client_bits =
            |hint: Option<u8>| below(config.client_bits().min(hint.unwrap_or(MAX_BITS)), hint.is_some());
        let client_bits = self.client_max_window_bits.and_then(client_bits);
        (server_bits >= MIN_BITS).then_some(Self {
            server_no_context_takeover: self.server_no_context_takeover || config.server_no_context_takeover,
            client_no_context_takeover: self.client_no_context_takeover || config.client_no_context_takeover,
            server_max_window_bits: below(server_bits, self.server_max_window_bits.is_some()),
            client_max_window_bits: client_bits.map(Some),
        })
    }

    /// A server may answer so to `offer`: what was asked of it is there and is no more than was asked, and what it asks for can be
    /// asked (§7.1).
    fn fits(self, offer: Self) -> bool {
        let most = offer.server_max_window_bits.unwrap_or(MAX_BITS);
        let server_bits =
            self.server_max_window_bits.map_or(offer.server_max_window_bits.is_none(), |bits| bits <= most);
        let client_bits = match (self.client_max_window_bits, offer.client_max_window_bits) {
            (None, _) => true,
            (Some(Some(bits)), Some(most)) => bits <= most.unwrap_or(MAX_BITS),
            (Some(_), _) => false,
        };
        server_bits && client_bits && (self.server_no_context_takeover || !offer.server_no_context_takeover)
    }
}

impl fmt::Display for Parameters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(NAME)?;
        if self.server_no_context_takeover {
            f.write_str("; server_no_context_takeover")?;
        }
        if self.client_no_context_takeover {
            f.write_str("; client_no_context_takeover")?;
        }
        if let Some(bits) = self.server_max_window_bits {
            write!(f, "; server_max_window_bits={bits}")?;
        }
        match self.client_max_window_bits {
            Some(Some(bits)) => write!(f, "; client_max_window_bits={bits}"),
            Some(None) => f.write_str("; client_max_window_bits"),
            None => Ok(()),
        }
    }
}

/// A server's answer to the offers in the values of a request's `Sec-WebSocket-Extensions`: to the first that can be served. `None`: none
/// can, or there is none.
pub fn choose(config: &Deflate, offers: &[&[u8]]) -> Option<Parameters> {
    let offers = header::parse(offers.iter().copied())?;
    let ours = offers.iter().filter(|offer| offer.name == NAME);
    ours.filter_map(Parameters::read).find_map(|offer| offer.answered(config))
}

/// Client: the offer's text, empty if there is none.
// R5.2-08, R5.8-01, R9.1-06
pub(crate) fn offer(config: &Config) -> String {
    config.deflate.as_ref().map(|config| Parameters::offered(config).to_string()).unwrap_or_default()
}

/// Server: whether the field is what it must be, if anybody reads it.
pub(crate) fn is_well_formed(config: &Config, headers: &Headers) -> bool {
    config.deflate.is_none() || header::parse(headers.all(FIELD)).is_some()
}

/// Server: the answer, and its text.
// R4.2.2-09, R4.2.2-10, R5.8-01, R9-01, R9-02
pub(crate) fn answer(config: &Config, headers: &Headers) -> Option<(Parameters, String)> {
    let answer = choose(config.deflate.as_ref()?, &headers.all(FIELD).collect::<Vec<_>>())?;
    Some((answer, answer.to_string()))
}

/// Client: what the server has answered; that it stays silent is an answer too.
// R9.1-02, R9.1-03, R9.1-07
pub(crate) fn agreed(config: &Config, headers: &Headers) -> Result<Option<Parameters>, ResponseFault> {
    let extensions = header::parse(headers.all(FIELD)).ok_or(ResponseFault::Extension)?;
    let (answer, offer) = match (&*extensions, &config.deflate) {
        ([], _) => return Ok(None),
        ([answer], Some(config)) if answer.name == NAME => (answer, Parameters::offered(config)),
        (_, _) => return Err(ResponseFault::Extension),
    };
    let answer = Parameters::read(answer).filter(|answer| answer.fits(offer));
    answer.map(Some).ok_or(ResponseFault::ExtensionParameters)
}
