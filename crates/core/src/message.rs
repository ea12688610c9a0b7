//! What applications exchange.

use alloc::{borrow::Cow, string::String, vec::Vec};

/// The two kinds of messages (RFC 6455 §5.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// UTF-8.
    Text,
    /// Bytes.
    Binary,
}

/// A message, borrowed from where it lies or owned.
///
/// A received one is borrowed when it arrived in one frame in one buffer, owned when it was gathered.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Message<'a> {
    /// UTF-8, validated.
    Text(Cow<'a, str>),
    /// Bytes.
    Binary(Cow<'a, [u8]>),
}

impl Message<'_> {
    /// An empty message, with an empty buffer to grow in.
    pub(crate) fn begin(kind: Kind, room: Vec<u8>) -> Self {
        match kind {
            Kind::Text => String::from_utf8(room).unwrap_or_default().into(),
            Kind::Binary => room.into(),
        }
    }

    /// The payload's bytes.
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Text(text) => text.as_bytes(),
            Self::Binary(bytes) => bytes,
        }
    }

    /// The text, if it is one.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Binary(_) => None,
        }
    }

    /// Text or binary.
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Text(_) => Kind::Text,
            Self::Binary(_) => Kind::Binary,
        }
    }

    /// The payload's length in bytes.
    pub fn len(&self) -> usize {
        self.as_bytes().len()
    }

    /// The payload is empty.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The same message on its own: copied only if it is borrowed.
    pub fn into_owned(self) -> Message<'static> {
        match self {
            Self::Text(text) => Message::Text(Cow::Owned(text.into_owned())),
            Self::Binary(bytes) => Message::Binary(Cow::Owned(bytes.into_owned())),
        }
    }

    /// The same message, borrowed from this one.
    pub fn borrowed(&self) -> Message<'_> {
        match self {
            Self::Text(text) => Message::Text(Cow::Borrowed(text)),
            Self::Binary(bytes) => Message::Binary(Cow::Borrowed(bytes)),
        }
    }
}

macro_rules! from {
    ($($payload:ty => $kind:ident),*) => { $(
        #[allow(single_use_lifetimes, reason = "what is owned borrows nothing")]
        impl<'a> From<$payload> for Message<'a> {
            fn from(payload: $payload) -> Self {
                Self::$kind(payload.into())
            }
        }
    )* };
}

from!(&'a str => Text, String => Text, &'a [u8] => Binary, Vec<u8> => Binary);
