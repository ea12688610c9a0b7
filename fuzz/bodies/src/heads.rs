//! Opening handshakes that are nearly right: a good head, and changes to it.

use adieu_core::handshake::accept_key;
use adieu_core::{Event, Role};

use crate::bytes::{Mode, client, compare};
use crate::endpoint::{Endpoint, at};

const REQUEST: [&[u8]; 6] = [
    b"GET /chat HTTP/1.1",
    b"Host: localhost",
    b"Upgrade: websocket",
    b"Connection: Upgrade",
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    b"Sec-WebSocket-Version: 13",
];

/// A head, and what comes behind it.
struct Head {
    lines: Vec<Vec<u8>>,
    behind: Vec<u8>,
    /// Bytes that go into the finished head: where, and which.
    splices: Vec<(usize, Vec<u8>)>,
    changed: bool,
}

impl Head {
    fn new<'l>(lines: impl IntoIterator<Item = &'l [u8]>) -> Self {
        let lines = lines.into_iter().map(<[u8]>::to_vec).collect();
        Self { lines, behind: Vec::new(), splices: Vec::new(), changed: false }
    }

    /// Changes: what, where, how many bytes, the bytes.
    fn change(&mut self, mut data: &[u8]) {
        while let [what, place, len, rest @ ..] = data {
            let (bytes, rest) = rest.split_at(usize::from(*len).min(rest.len()));
            self.apply(what % 8, usize::from(*place), bytes);
            data = rest;
        }
    }

    fn apply(&mut self, what: u8, place: usize, bytes: &[u8]) {
        let line = place % self.lines.len().max(1);
        match what {
            0 => return self.behind.extend(bytes),
            1 => self.lines.insert(line, bytes.to_vec()),
            2 if self.lines.len() > 1 => drop(self.lines.remove(line)),
            3 => self.splices.push((place * 2, bytes.to_vec())),
            4 => self.lines.push(self.lines[line].clone()),
            5 => self.lines[line].extend(bytes),
            _ => {
                let name =
                    self.lines[line].iter().position(|byte| *byte == b':').map_or(0, |colon| colon + 1);
                self.lines[line].truncate(name);
                self.lines[line].extend(bytes);
            }
        }
        self.changed = true;
    }

    fn bytes(&self) -> Vec<u8> {
        let mut bytes = [self.lines.join(&b"\r\n"[..]), b"\r\n\r\n".to_vec()].concat();
        for (place, splice) in &self.splices {
            let place = *place.min(&bytes.len());
            bytes.splice(place..place, splice.iter().copied());
        }
        [bytes, self.behind.clone()].concat()
    }
}

/// A request that is nearly right, to a server. What is accepted is a request by a second, naive reading (RFC 6455 §4.2.1), the
/// answer belongs to the key, what is refused is refused in HTTP, and the request that nothing was changed in is accepted.
///
/// The first byte is the mode, the second the length of the cuts, then come changes: what, where, a length, bytes.
pub fn handshake_request(data: &[u8]) {
    let [bits, cut, rest @ ..] = data else { return };
    let mode = Mode { role: Role::Server, bits: bits & 0b10_1100 };
    let mut head = Head::new(REQUEST);
    head.change(rest);
    let bytes = head.bytes();
    let server = compare(mode, &bytes, *cut, || mode.server(mode.config()));
    let opened = server.written.starts_with(b"HTTP/1.1 101 ");
    assert!(opened || head.changed, "a good request is accepted");
    if opened {
        judge_request(&bytes, &server.written);
    } else if !server.written.is_empty() {
        judge_refusal(&server);
    }
}

/// What RFC 6455 §4.2.1 wants, read line by line.
fn judge_request(bytes: &[u8], written: &[u8]) {
    let fields = Fields::read(bytes);
    // A path, or a whole URI, whose scheme has no case (RFC 3986 §3.1).
    let asked = fields.first.to_ascii_lowercase();
    let gets = ["get /", "get http://", "get https://"].iter().any(|begin| asked.starts_with(begin));
    let is_get = fields.first.starts_with("GET ") && gets;
    assert!(is_get && fields.first.ends_with(" HTTP/1.1"), "{}", fields.first);
    assert_eq!(fields.all("host").count(), 1, "one Host");
    assert!(fields.lists("upgrade", "websocket"), "Upgrade");
    assert!(fields.lists("connection", "upgrade"), "Connection");
    assert!(fields.all("sec-websocket-version").eq(["13"]), "Sec-WebSocket-Version");
    let keys: Vec<&str> = fields.all("sec-websocket-key").collect();
    let [key] = keys[..] else { panic!("one key: {keys:?}") };
    assert!(key.len() == 24 && key.ends_with("=="), "16 bytes in base64: {key}");
    let answer = Fields::read(written);
    assert!(
        answer.all("sec-websocket-accept").eq([accept_key(key.as_bytes()).as_str()]),
        "the answer to the key"
    );
    assert_eq!(answer.all("sec-websocket-extensions").count(), 0, "no extension");
}

fn judge_refusal(server: &Endpoint) {
    let answer = Fields::read(&server.written);
    let status: u16 = answer.first.split(' ').nth(1).and_then(|code| code.parse().ok()).expect("a status");
    assert!((400..=599).contains(&status), "refused with {}", answer.first);
    assert!(answer.all("connection").eq(["close"]), "a refusal closes");
    assert!(server.messages.is_empty(), "nothing behind a refused request is interpreted");
}

/// A response that is nearly right, to a client. What opens the connection is a response by a second, naive reading (RFC 6455 §4.1),
/// and the response that nothing was changed in opens it.
///
/// As [`handshake_request`].
pub fn handshake_response(data: &[u8]) {
    let [bits, cut, rest @ ..] = data else { return };
    let mode = Mode { role: Role::Client, bits: bits & 0b10_0100 };
    let request = client(mode.config()).flush(at(0));
    let accept = Fields::read(&request).all("sec-websocket-key").next().map(|key| accept_key(key.as_bytes()));
    let accept = accept.expect("a request has a key");
    let accept_line = format!("Sec-WebSocket-Accept: {accept}");
    let lines: [&[u8]; 4] = [
        b"HTTP/1.1 101 Switching Protocols",
        b"Upgrade: websocket",
        b"Connection: Upgrade",
        accept_line.as_bytes(),
    ];
    let mut head = Head::new(lines);
    head.change(rest);
    let bytes = head.bytes();
    let client = compare(mode, &bytes, *cut, || client(mode.config()));
    let opened = client.notices.iter().any(|event| matches!(event, Event::Open(_)));
    assert!(opened || head.changed, "a good response opens");
    if opened {
        judge_response(&bytes, &accept);
    } else {
        assert_eq!(client.written, request, "nothing is written to a server that did not answer well");
        assert!(client.messages.is_empty(), "nothing behind a bad response is interpreted");
    }
}

/// What RFC 6455 §4.1 wants of a response, read line by line.
fn judge_response(bytes: &[u8], accept: &str) {
    let fields = Fields::read(behind_interim(bytes));
    assert!(fields.first.starts_with("HTTP/1.1 101"), "{}", fields.first);
    let upgrades: Vec<&str> = fields.all("upgrade").collect();
    assert!(matches!(upgrades[..], [name] if name.eq_ignore_ascii_case("websocket")), "Upgrade");
    assert!(fields.lists("connection", "upgrade"), "Connection");
    assert!(fields.all("sec-websocket-accept").eq([accept]), "Sec-WebSocket-Accept");
    assert_eq!(fields.all("sec-websocket-extensions").count(), 0, "no extension was offered");
    assert_eq!(fields.all("sec-websocket-protocol").count(), 0, "no subprotocol was offered");
}

/// Interim responses come before the one that counts (RFC 9110 §15.2).
fn behind_interim(mut bytes: &[u8]) -> &[u8] {
    loop {
        let first = Fields::read(bytes).first;
        let interim = first
            .split(' ')
            .nth(1)
            .is_some_and(|code| code.starts_with('1') && code.len() == 3 && code != "101");
        let end = bytes.windows(3).position(|window| window.starts_with(b"\n\n") || window == b"\n\r\n");
        let Some(end) = end.filter(|_| interim) else { return bytes };
        bytes = &bytes[end + if bytes[end + 1] == b'\n' { 2 } else { 3 }..];
    }
}

/// A head, read without care: lines, and what stands before and behind a colon.
struct Fields {
    first: String,
    fields: Vec<(String, String)>,
}

impl Fields {
    fn read(bytes: &[u8]) -> Self {
        let text: String = bytes.iter().copied().map(char::from).collect();
        let mut lines =
            text.split('\n').map(|line| line.trim_end_matches('\r')).skip_while(|line| line.is_empty());
        let first = lines.next().unwrap_or_default().to_owned();
        let fields = lines
            .take_while(|line| !line.is_empty())
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim_matches([' ', '\t']).to_owned()))
            .collect();
        Self { first, fields }
    }

    fn all<'f>(&'f self, name: &'f str) -> impl Iterator<Item = &'f str> {
        self.fields.iter().filter(move |field| field.0 == name).map(|field| field.1.as_str())
    }

    /// The lists of a name have an item, whatever its case.
    fn lists(&self, name: &str, item: &str) -> bool {
        self.all(name).flat_map(|list| list.split(',')).any(|found| found.trim().eq_ignore_ascii_case(item))
    }
}
