//! Close codes and the payload of a Close frame (RFC 6455 §5.5.1, §7.4).
//!
//! Owns: which codes may travel, how a payload is read and written. Must not know: when a Close is sent.

use alloc::{string::String, vec::Vec};
use core::fmt;

use crate::{CloseError, Violation};

/// A reason takes at most this many bytes of UTF-8: 125 of a control frame less 2 of the code.
pub const MAX_REASON_LEN: usize = 123;

/// A code that may stand in a Close frame: 1000–1003, 1007–1014, 3000–4999 (RFC 6455 §7.4, and the registry of §11.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CloseCode(u16);

impl CloseCode {
    /// 1000: the purpose of the connection is fulfilled.
    pub const NORMAL: Self = Self(1000);
    /// 1001: the endpoint goes away, as a server that stops or a page that is left.
    pub const GOING_AWAY: Self = Self(1001);
    /// 1002: the peer broke the protocol.
    pub const PROTOCOL_ERROR: Self = Self(1002);
    /// 1003: a kind of data that this endpoint cannot take.
    pub const UNSUPPORTED_DATA: Self = Self(1003);
    /// 1007: a payload that is not what its type says, such as text that is not UTF-8.
    pub const INVALID_PAYLOAD: Self = Self(1007);
    /// 1008: a message that breaks this endpoint's policy.
    pub const POLICY_VIOLATION: Self = Self(1008);
    /// 1009: a message that is too large to process.
    pub const MESSAGE_TOO_BIG: Self = Self(1009);
    /// 1010: a client expected an extension that the server did not agree to.
    pub const MANDATORY_EXTENSION: Self = Self(1010);
    /// 1011: something unexpected kept this endpoint from going on.
    pub const INTERNAL_ERROR: Self = Self(1011);
    /// 1012: the service restarts.
    pub const SERVICE_RESTART: Self = Self(1012);
    /// 1013: the service is overloaded; try again later.
    pub const TRY_AGAIN_LATER: Self = Self(1013);
    /// 1014: a gateway got a bad answer from upstream.
    pub const BAD_GATEWAY: Self = Self(1014);

    /// The code, if it may travel in a Close frame.
    pub const fn new(code: u16) -> Option<Self> {
        match code {
            // R7.4.1-01, R7.4.1-02, R7.4.1-04, R7.4.2-01
            1000..=1003 | 1007..=1014 | 3000..=4999 => Some(Self(code)),
            _ => None,
        }
    }

    /// The number.
    pub const fn get(self) -> u16 {
        self.0
    }
}

impl fmt::Display for CloseCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What a Close frame said: a code and a reason, or nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Close {
    code: Option<CloseCode>,
    reason: String,
}

impl Close {
    /// An empty Close: no code, no reason.
    pub const EMPTY: Self = Self { code: None, reason: String::new() };

    /// A Close with a code and a reason of at most [`MAX_REASON_LEN`] bytes.
    ///
    /// # Errors
    ///
    /// [`CloseError::Code`] if the code may not travel, [`CloseError::Reason`] if the reason is too long.
    pub fn new(code: u16, reason: &str) -> Result<Self, CloseError> {
        let code = CloseCode::new(code).ok_or(CloseError::Code(code))?;
        // R5.5-01
        if reason.len() > MAX_REASON_LEN {
            return Err(CloseError::Reason(reason.len()));
        }
        Ok(Self { code: Some(code), reason: reason.into() })
    }

    /// A Close with a code that may travel, and a reason that is cut to [`MAX_REASON_LEN`] bytes, between two characters.
    pub fn cut(code: CloseCode, reason: &str) -> Self {
        Self { code: Some(code), reason: reason[..reason.floor_char_boundary(MAX_REASON_LEN)].into() }
    }

    /// The code that the frame carried; `None` for an empty Close, never an invented one.
    pub const fn code(&self) -> Option<CloseCode> {
        self.code
    }

    /// The reason; empty if there was none.
    // R7.1.6-01
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// The code as §7.1.5 shows it: 1005 for an empty Close.
    pub fn shown_code(&self) -> u16 {
        self.code.map_or(1005, CloseCode::get)
    }

    /// Reads a Close frame's payload.
    ///
    /// # Errors
    ///
    /// The [`Violation`] for one byte, a code that may not travel, or a reason that is not UTF-8.
    pub fn parse(payload: &[u8]) -> Result<Self, Violation> {
        let (code, reason) = match *payload {
            [] => return Ok(Self::EMPTY),
            // R5.5.1-01
            [_] => return Err(Violation::CloseLength),
            [high, low, ref reason @ ..] => (u16::from_be_bytes([high, low]), reason),
        };
        // R8.1-02
        let reason = str::from_utf8(reason).map_err(|_| Violation::CloseReasonUtf8)?;
        let code = CloseCode::new(code).ok_or(Violation::CloseCode(code))?;
        Ok(Self { code: Some(code), reason: reason.into() })
    }

    /// The frame's payload: 0 bytes, or 2 to 125.
    // R5.5.1-01
    pub fn payload(&self) -> Vec<u8> {
        self.code.map_or(Vec::new(), |code| [&code.0.to_be_bytes()[..], self.reason.as_bytes()].concat())
    }
}

/// `1000 "bye"`, or `no code`; the reason escaped, so that it is safe to print.
impl fmt::Display for Close {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.code {
            None => f.write_str("no code"),
            Some(code) if self.reason.is_empty() => code.fmt(f),
            Some(code) => write!(f, "{code} {:?}", self.reason),
        }
    }
}
