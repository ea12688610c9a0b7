//! Plain data as words on a line, and back.

use core::fmt::Write;
use core::time::Duration;

use adieu_core::{Close, Initiator, Instant, Kind, Role, State, Transport, TransportError};

/// What can stand on a line. `read` is the inverse of `put`.
pub(crate) trait Field: Sized {
    fn put(&self, line: &mut String);
    fn read(words: &mut Words<'_>) -> Option<Self>;
}

/// Appends a word.
pub(crate) fn word(line: &mut String, word: &str) {
    if !line.is_empty() {
        line.push(' ');
    }
    line.push_str(word);
}

/// What is left of a line.
pub(crate) struct Words<'t>(pub(crate) &'t str);

impl<'t> Words<'t> {
    pub(crate) fn next(&mut self) -> Option<&'t str> {
        let (next, rest) = self.0.split_once(' ').unwrap_or((self.0, ""));
        self.0 = rest;
        (!next.is_empty()).then_some(next)
    }

    /// The word must come next.
    pub(crate) fn expect(&mut self, word: &str) -> Option<()> {
        (self.next()? == word).then_some(())
    }

    /// The line ends here.
    pub(crate) fn end(&self) -> Option<()> {
        self.0.is_empty().then_some(())
    }

    fn quoted(&mut self) -> Option<Vec<u8>> {
        let mut bytes = self.0.strip_prefix('"')?.bytes();
        let mut content = Vec::new();
        loop {
            let byte = match bytes.next()? {
                b'"' => break,
                b'\\' => match bytes.next()? {
                    b'n' => b'\n',
                    b'r' => b'\r',
                    b't' => b'\t',
                    b'x' => {
                        let digits = [bytes.next()?, bytes.next()?];
                        u8::from_str_radix(str::from_utf8(&digits).ok()?, 16).ok()?
                    }
                    escaped => escaped,
                },
                plain => plain,
            };
            content.push(byte);
        }
        let rest = &self.0[self.0.len() - bytes.len()..];
        self.0 = rest.strip_prefix(' ').unwrap_or(rest);
        Some(content)
    }
}

/// In quotes, escaped as in a literal of Rust.
impl Field for Vec<u8> {
    fn put(&self, line: &mut String) {
        word(line, &format!("\"{}\"", self.escape_ascii()));
    }

    fn read(words: &mut Words<'_>) -> Option<Self> {
        words.quoted()
    }
}

impl Field for String {
    fn put(&self, line: &mut String) {
        self.as_bytes().to_vec().put(line);
    }

    fn read(words: &mut Words<'_>) -> Option<Self> {
        Self::from_utf8(words.quoted()?).ok()
    }
}

macro_rules! numbers {
    ($($type:ty)*) => { $(
        impl Field for $type {
            fn put(&self, line: &mut String) {
                word(line, &self.to_string());
            }

            fn read(words: &mut Words<'_>) -> Option<Self> {
                words.next()?.parse().ok()
            }
        }
    )* };
}

numbers!(bool u16 u32 u64 u128 usize);

/// `-` for none.
impl<T: Field> Field for Option<T> {
    fn put(&self, line: &mut String) {
        match self {
            None => word(line, "-"),
            Some(some) => some.put(line),
        }
    }

    fn read(words: &mut Words<'_>) -> Option<Self> {
        if words.0 == "-" || words.0.starts_with("- ") {
            words.next()?;
            return Some(None);
        }
        T::read(words).map(Some)
    }
}

/// How many, and those.
impl<T: Field> Field for Vec<T> {
    fn put(&self, line: &mut String) {
        self.len().put(line);
        self.iter().for_each(|item| item.put(line));
    }

    fn read(words: &mut Words<'_>) -> Option<Self> {
        (0..usize::read(words)?).map(|_| T::read(words)).collect()
    }
}

impl<A: Field, B: Field> Field for (A, B) {
    fn put(&self, line: &mut String) {
        self.0.put(line);
        self.1.put(line);
    }

    fn read(words: &mut Words<'_>) -> Option<Self> {
        Some((A::read(words)?, B::read(words)?))
    }
}

impl<T: Field> Field for Box<T> {
    fn put(&self, line: &mut String) {
        T::put(self, line);
    }

    fn read(words: &mut Words<'_>) -> Option<Self> {
        T::read(words).map(Self::new)
    }
}

/// Seconds, to the nanosecond.
impl Field for Duration {
    fn put(&self, line: &mut String) {
        word(line, "");
        let _infallible = write!(line, "{}.{:09}", self.as_secs(), self.subsec_nanos());
    }

    fn read(words: &mut Words<'_>) -> Option<Self> {
        let (secs, nanos) = words.next()?.split_once('.')?;
        (nanos.len() == 9).then_some(())?;
        Some(Self::new(secs.parse().ok()?, nanos.parse().ok()?))
    }
}

impl Field for Instant {
    fn put(&self, line: &mut String) {
        self.since(Self::EPOCH).put(line);
    }

    fn read(words: &mut Words<'_>) -> Option<Self> {
        Duration::read(words).map(|nanos| Self::EPOCH + nanos)
    }
}

/// Code and reason, or `empty`.
impl Field for Close {
    fn put(&self, line: &mut String) {
        match self.code() {
            None => word(line, "empty"),
            Some(code) => {
                code.get().put(line);
                self.reason().to_string().put(line);
            }
        }
    }

    fn read(words: &mut Words<'_>) -> Option<Self> {
        match words.next()? {
            "empty" => Some(Self::EMPTY),
            code => Self::new(code.parse().ok()?, &String::read(words)?).ok(),
        }
    }
}

macro_rules! named {
    ($($type:ident: $($variant:ident = $name:literal),* or $other:literal;)*) => { $(
        impl Field for $type {
            fn put(&self, line: &mut String) {
                word(line, $(if *self == Self::$variant { $name } else)* { $other });
            }

            fn read(words: &mut Words<'_>) -> Option<Self> {
                match words.next()? {
                    $($name => Some(Self::$variant),)*
                    _ => None,
                }
            }
        }
    )* };
}

named! {
    Role: Client = "client", Server = "server" or "?";
    Kind: Text = "text", Binary = "binary" or "?";
    Initiator: Local = "local", Peer = "peer" or "?";
    State: Connecting = "CONNECTING", Open = "OPEN", Closing = "CLOSING", Closed = "CLOSED" or "?";
    Transport: Open = "open", ShutdownWrite = "shutdown-write", Close = "close", Reset = "reset" or "?";
    TransportError: Reset = "reset", Truncated = "truncated" or "?";
}

/// What it is called on a line.
pub(crate) fn name(field: &impl Field) -> String {
    let mut line = String::new();
    field.put(&mut line);
    line
}

/// Declares an enum whose variants are a word and their fields.
macro_rules! plain_enum {
    ($(#[$about:meta])* pub enum $name:ident { $(
        $(#[$doc:meta])*
        $variant:ident $(($($field:ident: $type:ty),+))? = $word:literal,
    )* }) => {
        $(#[$about])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub enum $name { $($(#[$doc])* $variant $(($($type),+))?,)* }

        impl crate::text::Field for $name {
            fn put(&self, line: &mut String) {
                match self { $(
                    Self::$variant $(($($field),+))? => {
                        crate::text::word(line, $word);
                        $($($field.put(line);)+)?
                    }
                )* }
            }

            fn read(words: &mut crate::text::Words<'_>) -> Option<Self> {
                match words.next()? {
                    $($word => Some(Self::$variant $(($(<$type>::read(words)?),+))?),)*
                    _ => None,
                }
            }
        }
    };
}

/// Declares a struct whose fields are a name and their content.
macro_rules! plain_struct {
    ($(#[$about:meta])* pub struct $name:ident { $(
        $(#[$doc:meta])*
        pub $field:ident: $type:ty,
    )* }) => {
        $(#[$about])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct $name { $($(#[$doc])* pub $field: $type,)* }

        impl crate::text::Field for $name {
            fn put(&self, line: &mut String) {
                $(
                    crate::text::word(line, stringify!($field));
                    self.$field.put(line);
                )*
            }

            fn read(words: &mut crate::text::Words<'_>) -> Option<Self> {
                Some(Self { $($field: {
                    words.expect(stringify!($field))?;
                    <$type>::read(words)?
                },)* })
            }
        }
    };
}

pub(crate) use {plain_enum, plain_struct};
