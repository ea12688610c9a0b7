//! What a client asks `adieu serve` for: the path and query of its request, understood or refused.

use adieu_tokio::Close;

/// The most that `/burst` sends, in bytes of payload (an empty message counts as one byte).
const MAX_BURST_BYTES: u64 = 1 << 30;

/// The longest message of `/burst`, in bytes: one is held whole while it is written.
const MAX_BURST_MESSAGE_BYTES: u64 = 64 << 20;

/// What there is, for those who ask for something else.
const ENDPOINTS: &str = "/echo, /counter, /close, /abort, /drop, /silent and /burst";

/// Something that `adieu serve` offers.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Endpoint {
    /// The page, over plain HTTP.
    Page,
    /// Whatever comes goes back.
    Echo,
    /// The shared counter.
    Counter,
    /// The server closes first, with this.
    Close(Close),
    /// The server resets the connection.
    Abort,
    /// The server ends the stream without a Close.
    Drop,
    /// The server never says anything, and does not answer a Close.
    Silent,
    /// So many messages of so many bytes, and a Close.
    Burst { count: u64, size: usize },
}

/// A request that is refused: the HTTP status, and one line that says why.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    pub(crate) status: u16,
    pub(crate) line: String,
}

impl Refused {
    fn bad(line: impl Into<String>) -> Self {
        Self { status: 400, line: line.into() }
    }
}

/// What the request is for. Only the page is there for plain HTTP, all else only for WebSocket.
pub(crate) fn parse(path: &str, query: Option<&str>, is_websocket: bool) -> Result<Endpoint, Refused> {
    let query = Query(query.unwrap_or_default());
    let endpoint = match path {
        "/" => Endpoint::Page,
        "/echo" => Endpoint::Echo,
        "/counter" => Endpoint::Counter,
        "/close" => close(&query)?,
        "/abort" => Endpoint::Abort,
        "/drop" => Endpoint::Drop,
        "/silent" => Endpoint::Silent,
        "/burst" => burst(&query)?,
        _ => return Err(not_found()),
    };
    match (is_websocket, &endpoint) {
        (true, Endpoint::Page) => Err(not_found()),
        (false, Endpoint::Page) => Ok(endpoint),
        (true, _) => Ok(endpoint),
        (false, _) => Err(Refused { status: 426, line: format!("{path} is for WebSocket clients") }),
    }
}

fn not_found() -> Refused {
    Refused {
        // R4.2.2-06
        status: 404,
        line: format!("not here: there are {ENDPOINTS} for WebSocket, and / for a browser"),
    }
}

/// `code=none` asks for a Close without a code; no code at all means 1000.
fn close(query: &Query<'_>) -> Result<Endpoint, Refused> {
    let reason = query.text("reason")?.unwrap_or_default();
    let code = match query.text("code")?.as_deref() {
        None => 1000,
        Some("none") if reason.is_empty() => return Ok(Endpoint::Close(Close::EMPTY)),
        Some("none") => return Err(Refused::bad("a Close without a code has no reason")),
        Some(text) => number("code", text)?,
    };
    let code = u16::try_from(code).map_err(|_| Refused::bad(format!("code {code} is too large")))?;
    match Close::new(code, &reason) {
        Ok(close) => Ok(Endpoint::Close(close)),
        Err(error) => Err(Refused::bad(error.to_string())),
    }
}

fn burst(query: &Query<'_>) -> Result<Endpoint, Refused> {
    let ask = |name, default| match query.text(name)? {
        None => Ok(default),
        Some(text) => number(name, &text),
    };
    let (count, size) = (ask("count", 1000)?, ask("size", 1024)?);
    if size > MAX_BURST_MESSAGE_BYTES {
        return Err(Refused::bad("size is at most 64 MiB"));
    }
    if count.saturating_mul(size.max(1)) > MAX_BURST_BYTES {
        return Err(Refused::bad("count times size is at most 1 GiB"));
    }
    let size = usize::try_from(size).map_err(|_| Refused::bad("size is too large"))?;
    Ok(Endpoint::Burst { count, size })
}

fn number(name: &str, text: &str) -> Result<u64, Refused> {
    text.parse().map_err(|_| Refused::bad(format!("{name} is not a number")))
}

/// `name=value` pairs between `&`, percent-encoded.
struct Query<'q>(&'q str);

impl Query<'_> {
    /// The first value of this name, decoded; an empty one is none.
    fn text(&self, name: &str) -> Result<Option<String>, Refused> {
        let mut pairs = self.0.split('&').filter_map(|pair| pair.split_once('='));
        match pairs.find(|(found, _)| *found == name) {
            None | Some((_, "")) => Ok(None),
            Some((_, value)) => match decode(value) {
                Some(text) => Ok(Some(text)),
                None => Err(Refused::bad(format!("{name} is not percent-encoded UTF-8"))),
            },
        }
    }
}

/// Undoes percent-encoding, and `+` for a space.
fn decode(value: &str) -> Option<String> {
    let mut decoded = Vec::with_capacity(value.len());
    let mut rest = value.as_bytes();
    while let [first, after @ ..] = rest {
        rest = after;
        decoded.push(match first {
            b'+' => b' ',
            b'%' => {
                let (digits, after) = rest.split_at_checked(2)?;
                rest = after;
                hex(digits[0])? << 4 | hex(digits[1])?
            }
            byte => *byte,
        });
    }
    String::from_utf8(decoded).ok()
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(target: &str) -> Result<Endpoint, String> {
        let (path, query) = match target.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (target, None),
        };
        parse(path, query, true).map_err(|refused| format!("{} {}", refused.status, refused.line))
    }

    fn refused(target: &str) -> String {
        asked(target).expect_err(target)
    }

    #[test]
    fn close_takes_a_code_and_a_decoded_reason() {
        let close = |code, reason| Ok(Endpoint::Close(Close::new(code, reason).expect("it may travel")));
        assert_eq!(asked("/close"), close(1000, ""));
        assert_eq!(asked("/close?code=&reason="), close(1000, ""));
        assert_eq!(asked("/close?reason=a+b%20%C3%A9%26&code=4001"), close(4001, "a b é&"));
        assert_eq!(asked("/close?code=none"), Ok(Endpoint::Close(Close::EMPTY)));
    }

    #[test]
    fn a_close_that_may_not_travel_is_refused_with_one_line() {
        assert_eq!(refused("/close?code=1006"), "400 code 1006 may not travel in a Close frame");
        assert_eq!(refused("/close?code=65536"), "400 code 65536 is too large");
        assert_eq!(refused("/close?code=x"), "400 code is not a number");
        assert_eq!(refused("/close?code=none&reason=x"), "400 a Close without a code has no reason");
        let long = format!("/close?reason={}", "x".repeat(124));
        assert_eq!(refused(&long), "400 a reason of 124 bytes is over 123");
        for broken in ["%", "%4", "%zz", "%+1", "%FF"] {
            let line = "400 reason is not percent-encoded UTF-8";
            assert_eq!(refused(&format!("/close?reason={broken}")), line);
        }
    }

    #[test]
    fn burst_is_bounded() {
        assert_eq!(asked("/burst"), Ok(Endpoint::Burst { count: 1000, size: 1024 }));
        let largest = Ok(Endpoint::Burst { count: 16, size: 64 << 20 });
        assert_eq!(asked("/burst?count=16&size=67108864"), largest);
        let empty = Ok(Endpoint::Burst { count: 1 << 30, size: 0 });
        assert_eq!(asked("/burst?count=1073741824&size=0"), empty);
        let over = "400 count times size is at most 1 GiB";
        assert_eq!(refused("/burst?count=17&size=67108864"), over);
        assert_eq!(refused("/burst?count=1073741825&size=0"), over);
        assert_eq!(refused("/burst?count=18446744073709551615&size=2"), over);
        assert_eq!(refused("/burst?count=1&size=67108865"), "400 size is at most 64 MiB");
        assert_eq!(refused("/burst?count=-1"), "400 count is not a number");
    }

    #[test]
    fn the_page_is_for_http_and_the_rest_for_websocket() {
        assert_eq!(parse("/", None, false), Ok(Endpoint::Page));
        assert_eq!(parse("/", None, true), Err(not_found()));
        assert_eq!(parse("/echo", None, true), Ok(Endpoint::Echo));
        assert_eq!(parse("/ECHO", None, true), Err(not_found()));
        assert_eq!(parse("/style.css", None, false), Err(not_found()));
        let line = "/echo is for WebSocket clients".to_owned();
        assert_eq!(parse("/echo", None, false), Err(Refused { status: 426, line }));
    }
}
