//! Header fields: bytes until somebody validates them.

use alloc::{string::String, vec::Vec};

use crate::HeaderError;

/// Fields that the handshake writes itself.
// R11.3.1-01, R11.3.2-01, R11.3.3-01, R11.3.4-01, R11.3.5-01
const RESERVED: [&str; 11] = [
    "host", "origin", "upgrade", "connection", "content-length", "transfer-encoding", "sec-websocket-key",
    "sec-websocket-accept", "sec-websocket-version", "sec-websocket-protocol", "sec-websocket-extensions",
];

/// One header field.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Header {
    /// The name, as it was written.
    pub name: String,
    /// The value, without the whitespace around it.
    pub value: Vec<u8>,
}

impl Header {
    /// A field to send: a token, and a value without control characters.
    ///
    /// # Errors
    ///
    /// [`HeaderError::Name`] or [`HeaderError::Value`]; so CR and LF cannot travel.
    pub fn new(name: &str, value: impl AsRef<[u8]>) -> Result<Self, HeaderError> {
        let value = value.as_ref();
        if !is_token(name.as_bytes()) {
            return Err(HeaderError::Name);
        }
        // R4.1-19, R4.2.2-11
        if value.iter().any(|&byte| byte.is_ascii_control() && byte != b'\t') {
            return Err(HeaderError::Value);
        }
        Ok(Self { name: name.into(), value: value.to_vec() })
    }
}

/// Header fields in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Headers(pub Vec<Header>);

impl Headers {
    pub(super) fn from_parsed(parsed: &[httparse::Header<'_>]) -> Self {
        let field =
            |it: &httparse::Header<'_>| Header { name: it.name.into(), value: it.value.trim_ascii().into() };
        Self(parsed.iter().map(field).collect())
    }

    /// With a further field of the application's, unless the handshake writes that itself.
    pub(super) fn with(mut self, name: &str, value: impl AsRef<[u8]>) -> Result<Self, HeaderError> {
        // R4.1-36
        if RESERVED.iter().any(|reserved| name.eq_ignore_ascii_case(reserved)) {
            return Err(HeaderError::Reserved);
        }
        self.0.push(Header::new(name, value)?);
        Ok(self)
    }

    /// The values of all fields of this name (ASCII case does not matter), in order.
    pub fn all<'h>(&'h self, name: &'h str) -> impl Iterator<Item = &'h [u8]> {
        self.0.iter().filter(move |field| field.name.eq_ignore_ascii_case(name)).map(|field| &*field.value)
    }

    /// The value of the first field of this name.
    pub fn get<'h>(&'h self, name: &'h str) -> Option<&'h [u8]> {
        self.all(name).next()
    }

    /// The value of the only field of this name; `None` if there is none, or more than one.
    pub fn only<'h>(&'h self, name: &'h str) -> Option<&'h [u8]> {
        let mut values = self.all(name);
        values.next().filter(|_| values.next().is_none())
    }

    /// The elements of the comma-separated lists in all fields of this name, empty ones left out.
    // R9.1-08
    pub fn list<'h>(&'h self, name: &'h str) -> impl Iterator<Item = &'h [u8]> {
        self.all(name)
            .flat_map(|value| value.split(|&byte| byte == b','))
            .map(<[u8]>::trim_ascii)
            .filter(|element| !element.is_empty())
    }

    /// A list of this name has this element; ASCII case does not matter.
    pub(super) fn list_has(&self, name: &str, element: &str) -> bool {
        self.list(name).any(|found| found.eq_ignore_ascii_case(element.as_bytes()))
    }
}

/// A token of RFC 9110 §5.6.2.
pub(crate) fn is_token(text: &[u8]) -> bool {
    let is_tchar = |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte);
    !text.is_empty() && text.iter().all(is_tchar)
}

/// What may stand in `Host`: a name or an address, and a port (RFC 3986 §3.2.2).
pub(super) fn is_authority(text: &[u8]) -> bool {
    let may_stand = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=%:[]".contains(byte);
    !text.is_empty() && text.iter().all(may_stand)
}

/// What may stand in a request line's target: visible ASCII without a fragment (RFC 6455 §3).
// R4.2.1-06
pub(super) fn is_visible(target: &str) -> bool {
    target.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#')
}
