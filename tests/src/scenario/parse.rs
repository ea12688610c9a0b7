//! From text to scenarios: strict, with the number of the line in every error.

use adieu_core::Role;

use super::pieces::{FrameSpec, Head, Length, Piece};
use super::text::Cursor;
use super::{Act, AppAct, Expect, Fragment, PeerAct, Scenario, Seen, Settings, Step, SyntaxError};

mod expect;
mod table;

use table::Table;

type Result<T> = std::result::Result<T, SyntaxError>;

/// Reads a file of scenarios.
///
/// # Errors
///
/// [`SyntaxError`] with the line.
pub fn parse(text: &str) -> Result<Vec<Scenario>> {
    let mut scenarios: Vec<Scenario> = Vec::new();
    for block in blocks(text)? {
        for (variant, lines) in block.variants()? {
            let scenario = scenario(&block, &variant, &lines)?;
            if scenarios.iter().any(|other| other.id == scenario.id) {
                return Cursor::new("", block.line).fail(format!("{} stands twice", scenario.id));
            }
            scenarios.push(scenario);
        }
    }
    Ok(scenarios)
}

/// The lines of one scenario, before its table is applied.
struct Block<'t> {
    line: usize,
    id: &'t str,
    words: &'t str,
    lines: Vec<(usize, &'t str)>,
}

/// Lines with their numbers, the table applied.
type Lines = Vec<(usize, String)>;

impl Block<'_> {
    /// One list of lines for each row of the table; one without a table.
    fn variants(&self) -> Result<Vec<(String, Lines)>> {
        let (table, rest) = Table::read(&self.lines)?;
        let lines = |row: usize| {
            let apply = |(line, text): &(usize, &str)| (*line, table.apply(row, text));
            rest.iter().map(apply).collect()
        };
        if table.is_empty() {
            return Ok(vec![(String::new(), lines(0))]);
        }
        Ok((0..table.len()).map(|row| (format!("/{}", table.name(row)), lines(row))).collect())
    }
}

fn blocks(text: &str) -> Result<Vec<Block<'_>>> {
    let mut blocks: Vec<Block<'_>> = Vec::new();
    for (line, text) in text.lines().enumerate().map(|(at, text)| (at + 1, text)) {
        let trimmed = text.trim_ascii();
        if trimmed.is_empty() || trimmed.starts_with('#') {
            continue;
        }
        if let Some(rest) = trimmed.strip_prefix('[') {
            let Some((id, words)) = rest.split_once(']') else {
                return Cursor::new(trimmed, line).fail("`]` expected behind the id");
            };
            blocks.push(Block { line, id, words: words.trim_ascii(), lines: Vec::new() });
        } else if let Some(block) = blocks.last_mut() {
            block.lines.push((line, trimmed));
        } else {
            return Cursor::new(trimmed, line).fail("a scenario begins with its id in brackets");
        }
    }
    Ok(blocks)
}

fn scenario(block: &Block<'_>, variant: &str, lines: &[(usize, String)]) -> Result<Scenario> {
    let roles = vec![Role::Client, Role::Server];
    let (whole, not_over_sockets) = (None, None);
    let (settings, steps) = (Settings::default(), Vec::new());
    let (id, words) = (format!("{}{variant}", block.id), block.words.to_owned());
    let mut scenario = Scenario { id, words, roles, settings, whole, not_over_sockets, steps };
    for (line, text) in lines {
        let mut cursor = Cursor::new(text, *line);
        if scenario.steps.is_empty() && header(&mut scenario, &mut cursor)? {
            continue;
        }
        body(&mut scenario, &mut cursor)?;
    }
    if scenario.steps.is_empty() {
        return Cursor::new("", block.line).fail("a scenario needs `open` or `connecting`");
    }
    Ok(scenario)
}

/// Reads a line before the beginning; `false` if it is none.
fn header(scenario: &mut Scenario, cursor: &mut Cursor<'_>) -> Result<bool> {
    if cursor.eat("roles:") {
        scenario.roles.clear();
        loop {
            let role = role(cursor)?;
            scenario.roles.push(role);
            if !cursor.eat(",") {
                return cursor.done().map(|()| true);
            }
        }
    }
    if cursor.eat("config:") {
        scenario.settings = Settings::parse(cursor)?;
        return Ok(true);
    }
    let reasons = [("whole:", &mut scenario.whole), ("not over sockets:", &mut scenario.not_over_sockets)];
    for (name, reason) in reasons {
        if cursor.eat(name) {
            *reason = Some(cursor.take_rest().to_owned());
            return Ok(true);
        }
    }
    Ok(false)
}

fn role(cursor: &mut Cursor<'_>) -> Result<Role> {
    match cursor.word()? {
        "client" => Ok(Role::Client),
        "server" => Ok(Role::Server),
        other => cursor.fail(format!("client or server expected, not `{other}`")),
    }
}

/// Reads a line from the beginning on.
fn body(scenario: &mut Scenario, cursor: &mut Cursor<'_>) -> Result<()> {
    let only = expect::only(cursor)?;
    if cursor.eat("=>") {
        let Some(step) = scenario.steps.last_mut() else {
            return cursor.fail("something must happen before something can follow");
        };
        return expect::expect(step, only, cursor);
    }
    if only.is_some() {
        return cursor.fail("only what follows can be for one role");
    }
    if cursor.eat("tcp ends") {
        cursor.done()?;
        return tcp_ends(scenario, cursor);
    }
    let text = cursor.clone().take_rest().to_owned();
    let joined = cursor.eat("and");
    let act = act(cursor)?;
    cursor.done()?;
    if matches!(act, Act::Open | Act::Connecting) != scenario.steps.is_empty() {
        return cursor.fail("a scenario begins with `open` or `connecting`, once");
    }
    match scenario.steps.last_mut() {
        Some(step) if joined && step.expect.is_empty() => {
            step.text = format!("{}, {text}", step.text);
            step.acts.push(act);
        }
        _ if joined => return cursor.fail("`and` joins what happens at once: nothing can follow before it"),
        _ => scenario.steps.push(Step { line: cursor.line(), text, acts: vec![act], expect: Vec::new() }),
    }
    Ok(())
}

/// CLOSE.md's rule 11: the server ends its direction of the stream first, then the client, and the transport is not needed.
fn tcp_ends(scenario: &mut Scenario, cursor: &Cursor<'_>) -> Result<()> {
    let end = || Seen::Peer("end".to_owned());
    let Some(step) = scenario.steps.last_mut() else { return cursor.fail("nothing happened yet") };
    step.expect.push(Expect { role: Some(Role::Server), what: end() });
    let expect =
        vec![Expect { role: Some(Role::Client), what: end() }, Expect { role: None, what: Seen::Released }];
    let act = Act::Peer(PeerAct::Send(Vec::new(), true));
    scenario.steps.push(Step { line: cursor.line(), text: "peer: end".to_owned(), acts: vec![act], expect });
    Ok(())
}

fn act(cursor: &mut Cursor<'_>) -> Result<Act> {
    if cursor.eat("peer:") {
        peer_act(cursor).map(Act::Peer)
    } else if cursor.eat("app:") {
        app_act(cursor).map(Act::App)
    } else if cursor.eat("wait") {
        cursor.time().map(Act::Wait)
    } else if cursor.eat("transport:") {
        cursor.expect("writing fails").map(|()| Act::WritingFails)
    } else if cursor.eat("open") {
        Ok(Act::Open)
    } else if cursor.eat("connecting") {
        Ok(Act::Connecting)
    } else {
        cursor.fail(format!("not understood: `{}`", cursor.clone().take_rest()))
    }
}

fn peer_act(cursor: &mut Cursor<'_>) -> Result<PeerAct> {
    if cursor.eat("reset") {
        return Ok(PeerAct::Reset);
    } else if cursor.eat("truncate") {
        return Ok(PeerAct::Truncate);
    } else if cursor.eat("stalls") {
        return Ok(PeerAct::Stalls);
    } else if cursor.eat("reads") {
        return Ok(PeerAct::Reads);
    } else if cursor.eat("takes") {
        return Ok(PeerAct::Takes(cursor.number()? as usize));
    }
    let mut pieces = Vec::new();
    loop {
        if cursor.eat("end") {
            return Ok(PeerAct::Send(pieces, true));
        }
        pieces.push(piece(cursor)?);
        if !cursor.eat("+") {
            return Ok(PeerAct::Send(pieces, false));
        }
    }
}

fn piece(cursor: &mut Cursor<'_>) -> Result<Piece> {
    if cursor.eat("first") {
        let len = cursor.number()? as usize;
        cursor.expect("of")?;
        return Ok(Piece::First(len, Box::new(piece(cursor)?)));
    }
    if cursor.eat("all but") {
        let len = cursor.number()? as usize;
        cursor.expect("of")?;
        return Ok(Piece::AllBut(len, Box::new(piece(cursor)?)));
    }
    let frame = |opcode, fin, payload| Ok(Piece::Frame(FrameSpec::new(opcode, fin, payload)));
    match cursor.word()? {
        kind @ ("text" | "binary") => {
            let fin = !cursor.eat("begin");
            frame(if kind == "text" { 1 } else { 2 }, fin, cursor.payload()?)
        }
        "more" => frame(0, false, cursor.payload()?),
        "last" => frame(0, true, cursor.payload()?),
        "ping" => frame(9, true, cursor.payload()?),
        "pong" => frame(10, true, cursor.payload()?),
        "close" => frame(8, true, close_payload(cursor)?),
        "answer" => Ok(Piece::Answer),
        "frame" => odd_frame(cursor).map(Piece::Frame),
        "bytes" => cursor.hex().map(Piece::Bytes),
        "raw" => cursor.payload().map(Piece::Bytes),
        "request" => head(cursor).map(Piece::Request),
        "response" => head(cursor).map(Piece::Response),
        other => cursor.fail(format!("not something that a peer sends: `{other}`")),
    }
}

/// The code is not looked at: a peer may send any.
fn close_payload(cursor: &mut Cursor<'_>) -> Result<Vec<u8>> {
    let Some(code) = cursor.eat_number()? else { return Ok(Vec::new()) };
    let Ok(code) = u16::try_from(code) else { return cursor.fail("a code has 16 bits") };
    let mut payload = code.to_be_bytes().to_vec();
    payload.extend(cursor.payload()?);
    Ok(payload)
}

/// `frame 3 fin=0 rsv=4 mask=no len16 "x"`.
fn odd_frame(cursor: &mut Cursor<'_>) -> Result<FrameSpec> {
    let opcode = match cursor.word()? {
        "text" => 1,
        "binary" => 2,
        "close" => 8,
        "ping" => 9,
        "pong" => 10,
        word => match word.parse() {
            Ok(opcode @ 0..16) => opcode,
            _ => return cursor.fail(format!("not an opcode: `{word}`")),
        },
    };
    let mut frame = FrameSpec::new(opcode, true, Vec::new());
    loop {
        if cursor.eat("fin=0") {
            frame.fin = false;
        } else if cursor.eat("mask=no") {
            frame.mask = Some(false);
        } else if cursor.eat("mask=yes") {
            frame.mask = Some(true);
        } else if cursor.eat("len16") {
            frame.length = Length::Bits16;
        } else if cursor.eat("len64") {
            frame.length = Length::Bits64;
        } else if cursor.eat("says=") {
            frame.length = Length::Says(cursor.number()?);
        } else if cursor.eat("rsv=") {
            frame.rsv = cursor.number()? as u8 & 7;
        } else {
            frame.payload = cursor.payload()?;
            return Ok(frame);
        }
    }
}

/// `line "..." without "Host" with "Origin: ..."`.
fn head(cursor: &mut Cursor<'_>) -> Result<Head> {
    let mut head = Head::default();
    loop {
        if cursor.eat("line") {
            head.first_line = Some(cursor.text()?);
        } else if cursor.eat("without") {
            head.without.push(cursor.text()?);
        } else if cursor.eat("with") {
            head.with.push(cursor.text()?);
        } else {
            return Ok(head);
        }
    }
}

fn app_act(cursor: &mut Cursor<'_>) -> Result<AppAct> {
    Ok(match cursor.word()? {
        "hold" => AppAct::Hold,
        "next" => AppAct::Next,
        "send" => AppAct::Send(fragment(cursor)?),
        "begin" | "more" => AppAct::Fragment(fragment(cursor)?, false),
        "finish" => AppAct::Fragment(fragment(cursor)?, true),
        "ping" => AppAct::Ping,
        "pong" => AppAct::Pong(cursor.payload()?),
        "close" => {
            let cutting = cursor.eat("cutting");
            let code = cursor.eat_number()?.map(|code| code as u16);
            let reason = cursor.text()?;
            if cutting { AppAct::CloseCutting(code, reason) } else { AppAct::Close(code, reason) }
        }
        "fail" => AppAct::Fail(cursor.number()? as u16, cursor.text()?),
        "abort" => AppAct::Abort,
        "accept" => AppAct::Accept,
        "reject" => AppAct::Reject(cursor.number()? as u16, cursor.text()?),
        "stop" => cursor.expect("receiving").map(|()| AppAct::StopReceiving)?,
        "drop" => AppAct::Drop,
        other => return cursor.fail(format!("not something that an application does: `{other}`")),
    })
}

fn fragment(cursor: &mut Cursor<'_>) -> Result<Fragment> {
    let text = match cursor.word()? {
        "text" => true,
        "binary" => false,
        other => return cursor.fail(format!("text or binary expected, not `{other}`")),
    };
    let payload = cursor.payload()?;
    if text && str::from_utf8(&payload).is_err() {
        return cursor.fail("an application sends text in UTF-8");
    }
    Ok(Fragment { text, payload })
}
