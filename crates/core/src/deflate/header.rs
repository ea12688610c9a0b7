//! The text of `Sec-WebSocket-Extensions` (RFC 6455 §9.1).

use alloc::{borrow::Cow, string::String, vec::Vec};

use crate::handshake::headers::is_token;

/// An extension with its parameters, as they stand there.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Extension<'h> {
    pub(super) name: &'h str,
    pub(super) parameters: Vec<(&'h str, Option<Cow<'h, str>>)>,
}

/// The extensions in the values of all fields, in order. `None`: what stands there is no such list.
// R9.1-01, R9.1-08
pub(super) fn parse<'h>(values: impl Iterator<Item = &'h [u8]>) -> Option<Vec<Extension<'h>>> {
    let mut found = Vec::new();
    let mut fields = 0;
    for value in values {
        fields += 1;
        let mut rest = str::from_utf8(value).ok()?;
        loop {
            rest = skip(rest);
            if !rest.starts_with(',') && !rest.is_empty() {
                found.push(extension(&mut rest)?);
            }
            match rest.strip_prefix(',') {
                Some(behind) => rest = behind,
                None if rest.is_empty() => break,
                None => return None,
            }
        }
    }
    (fields == 0 || !found.is_empty()).then_some(found)
}

fn skip(text: &str) -> &str {
    text.trim_start_matches([' ', '\t'])
}

fn extension<'h>(rest: &mut &'h str) -> Option<Extension<'h>> {
    let name = token(rest)?;
    let mut parameters = Vec::new();
    while let Some(behind) = rest.strip_prefix(';') {
        *rest = skip(behind);
        let name = token(rest)?;
        let value = match rest.strip_prefix('=') {
            Some(behind) => {
                *rest = skip(behind);
                Some(if rest.starts_with('"') { quoted(rest)?.into() } else { token(rest)?.into() })
            }
            None => None,
        };
        parameters.push((name, value));
    }
    Some(Extension { name, parameters })
}

/// A token, and the whitespace behind it.
fn token<'h>(rest: &mut &'h str) -> Option<&'h str> {
    let end = rest.find([' ', '\t', ',', ';', '=', '"']).unwrap_or(rest.len());
    let (token, behind) = rest.split_at(end);
    *rest = skip(behind);
    is_token(token.as_bytes()).then_some(token)
}

/// A quoted string, whose content is a token; and the whitespace behind it.
// R4.3-01, R9.1-04
fn quoted(rest: &mut &str) -> Option<String> {
    let mut content = String::new();
    let mut chars = rest.strip_prefix('"')?.chars();
    loop {
        match chars.next()? {
            '"' => break,
            '\\' => content.push(chars.next()?),
            char => content.push(char),
        }
    }
    *rest = skip(chars.as_str());
    is_token(content.as_bytes()).then_some(content)
}
