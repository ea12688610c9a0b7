//! Header fields: bytes until somebody validates them.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::HeaderError;

/// Fields that the handshake writes itself.
const RESERVED: [&str; 11] = [
    "host", "origin", "upgrade", "connection", "content-length", "transfer-encoding", "sec-websocket-key",
    "sec-websocket-accept", "sec-websocket-version", "sec-websocket-protocol", "sec-websocket-extensions",
];

/// One header field.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Header {
    name: String,
    value: Vec<u8>,
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
        if value.iter().any(|&byte| byte != b'\t' && (byte < 0x20 || byte == 0x7F)) {
            return Err(HeaderError::Value);
        }
        Ok(Self { name: name.to_string(), value: value.to_vec() })
    }

    /// The name, as it was written.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The value, without the whitespace around it.
    pub fn value(&self) -> &[u8] {
        &self.value
    }

    /// The value as text, if it is UTF-8.
    pub fn text(&self) -> Option<&str> {
        str::from_utf8(&self.value).ok()
    }
}

/// Header fields in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Headers(Vec<Header>);

impl Headers {
    pub(super) fn from_parsed(parsed: &[httparse::Header<'_>]) -> Self {
        let field = |header: &httparse::Header<'_>| Header {
            name: header.name.to_string(),
            value: header.value.trim_ascii().to_vec(),
        };
        Self(parsed.iter().map(field).collect())
    }

    /// With a further field of the application's, unless the handshake writes that itself.
    pub(super) fn with(mut self, name: &str, value: impl AsRef<[u8]>) -> Result<Self, HeaderError> {
        if RESERVED.iter().any(|reserved| name.eq_ignore_ascii_case(reserved)) {
            return Err(HeaderError::Reserved);
        }
        self.0.push(Header::new(name, value)?);
        Ok(self)
    }

    /// All fields, in order.
    pub fn iter(&self) -> core::slice::Iter<'_, Header> {
        self.0.iter()
    }

    /// The values of all fields of this name (ASCII case does not matter), in order.
    pub fn all<'h>(&'h self, name: &'h str) -> impl Iterator<Item = &'h [u8]> {
        self.iter().filter(move |field| field.name.eq_ignore_ascii_case(name)).map(Header::value)
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

impl<'h> IntoIterator for &'h Headers {
    type Item = &'h Header;
    type IntoIter = core::slice::Iter<'h, Header>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// A token of RFC 9110 §5.6.2.
pub(super) fn is_token(text: &[u8]) -> bool {
    let is_tchar = |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte);
    !text.is_empty() && text.iter().all(is_tchar)
}
