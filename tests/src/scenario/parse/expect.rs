//! What must follow a step.

use adieu_core::Role;

use super::super::peer::frame_name;
use super::super::text::{Cursor, quote};
use super::super::trace::{Verdict, close_words};
use super::super::{Expect, Piece, Seen, Step};
use super::{Result, piece};

/// `(server)` in front of a line.
pub(super) fn only(cursor: &mut Cursor<'_>) -> Result<Option<Role>> {
    if cursor.eat("(server)") {
        Ok(Some(Role::Server))
    } else if cursor.eat("(client)") {
        Ok(Some(Role::Client))
    } else {
        Ok(None)
    }
}

/// What stands behind `=>`.
pub(super) fn expect(step: &mut Step, only: Option<Role>, cursor: &mut Cursor<'_>) -> Result<()> {
    if cursor.eat("nothing") {
        if !step.expect.is_empty() {
            return cursor.fail("nothing follows, and something does");
        }
        return cursor.done();
    }
    let mut add = |what| step.expect.push(Expect { role: only, what });
    if cursor.eat("peer:") {
        loop {
            add(Seen::Peer(peer_sees(cursor)?));
            if !cursor.eat("+") {
                break;
            }
        }
    } else if cursor.eat("app:") {
        add(Seen::App(app_sees(cursor)?));
    } else if cursor.eat("verdict:") {
        add(Seen::Verdict(verdict(cursor)?));
    } else if cursor.eat("released") {
        add(Seen::Released);
    } else if cursor.eat("state:") {
        let states = ["connecting", "open", "closing", "closed"];
        let word = cursor.word()?;
        match states.into_iter().find(|state| *state == word) {
            Some(state) => add(Seen::State(state)),
            None => return cursor.fail(format!("not a state: `{word}`")),
        }
    } else if cursor.eat("noted:") {
        add(Seen::Noted(close(cursor)?));
    } else {
        return cursor.fail("peer:, app:, verdict:, released, state:, noted: or nothing expected");
    }
    cursor.done()
}

/// `1000 "bye"`, `1002 *`, `1000`, `empty`.
fn close(cursor: &mut Cursor<'_>) -> Result<String> {
    if cursor.eat("empty") {
        return Ok("empty".to_owned());
    }
    let code = cursor.number()? as u16;
    if cursor.eat("*") {
        return Ok(format!("{code} *"));
    }
    Ok(close_words(code, &cursor.text()?))
}

fn peer_sees(cursor: &mut Cursor<'_>) -> Result<String> {
    if cursor.eat("close") {
        return Ok(format!("close {}", close(cursor)?));
    }
    for fixed in ["end", "reset", "request", "ping *"] {
        if cursor.eat(fixed) {
            return Ok(fixed.to_owned());
        }
    }
    if cursor.eat("http") {
        let status = cursor.number()?;
        let version = if cursor.eat("version") { Some(cursor.number()?) } else { None };
        return Ok(version.map_or_else(|| format!("http {status}"), |v| format!("http {status} version {v}")));
    }
    match piece(cursor)? {
        Piece::Frame(frame) => Ok(frame_name(frame.fin, frame.opcode, &frame.payload)),
        _ => cursor.fail("not something that a peer sees"),
    }
}

fn app_sees(cursor: &mut Cursor<'_>) -> Result<String> {
    Ok(match cursor.word()? {
        kind @ ("text" | "binary") => format!("{kind} {}", quote(&cursor.payload()?)),
        "closing" => format!("closing {}", close(cursor)?),
        "pong" => {
            let id = cursor.number()?;
            let confirmed = if cursor.eat("confirms") { Some(cursor.number()?) } else { None };
            super::super::trace::pong_name(id, confirmed)
        }
        "refused" => format!("refused {}", cursor.word()?),
        word @ ("request" | "open" | "closed" | "drained") => word.to_owned(),
        other => return cursor.fail(format!("not something that an application sees: `{other}`")),
    })
}

/// The cause, then what else is true, in the order in which verdicts are told.
fn verdict(cursor: &mut Cursor<'_>) -> Result<Verdict> {
    let mut ranked = vec![(0, cause(cursor)?)];
    while cursor.eat(",") {
        let (rank, item) = item(cursor)?;
        if ranked.iter().any(|(other, _)| *other == rank) {
            return cursor.fail(format!("`{item}` stands twice"));
        }
        ranked.push((rank, item));
    }
    // Clean means that both Closes were exchanged and ours was flushed.
    if ranked.iter().any(|(rank, _)| *rank == 1) {
        ranked.push((2, "flushed".to_owned()));
    }
    ranked.sort_by_key(|(rank, _)| *rank);
    Ok(Verdict { items: ranked.into_iter().map(|(_, item)| item).collect() })
}

fn cause(cursor: &mut Cursor<'_>) -> Result<String> {
    let word = cursor.word()?;
    let allowed: &[&str] = match word {
        "handshake" | "failed" | "reset" | "truncated" | "aborted" | "abandoned" => &[],
        "timeout" => &["handshake", "write", "close", "closing", "pong", "idle"],
        "end-of-stream" => &["between-frames", "inside-frame"],
        "refused" => {
            let status = cursor.eat_number()?;
            return Ok(status.map_or_else(|| "refused".to_owned(), |status| format!("refused {status}")));
        }
        "violation" => return Ok(format!("violation {}", cursor.word()?)),
        other => return cursor.fail(format!("not a cause: `{other}`")),
    };
    let which = allowed.iter().find(|which| cursor.eat(which));
    if word == "timeout" && which.is_none() {
        return cursor.fail("which timeout?");
    }
    Ok(which.map_or_else(|| word.to_owned(), |which| format!("{word} {which}")))
}

fn item(cursor: &mut Cursor<'_>) -> Result<(u8, String)> {
    let counts = |cursor: &mut Cursor<'_>| {
        cursor.expect("messages")?;
        let messages = cursor.number()?;
        cursor.expect("bytes")?;
        cursor.number().map(|bytes| format!("messages {messages} bytes {bytes}"))
    };
    Ok(match cursor.word()? {
        "clean" => (1, "clean".to_owned()),
        "flushed" => (2, "flushed".to_owned()),
        "initiator" => match cursor.word()? {
            who @ ("local" | "peer") => (3, format!("initiator {who}")),
            other => return cursor.fail(format!("local or peer expected, not `{other}`")),
        },
        "sent" => (4, format!("sent {}", close(cursor)?)),
        "received" => (5, format!("received {}", close(cursor)?)),
        "cut-in" => (6, "cut-in".to_owned()),
        "cut-out" => (7, "cut-out".to_owned()),
        "unsent" => {
            cursor.expect("first")?;
            let first = cursor.number()?;
            (8, format!("unsent first {first} {}", counts(cursor)?))
        }
        "undelivered" => (9, format!("undelivered {}", counts(cursor)?)),
        "confirmed" => (10, format!("confirmed {}", cursor.number()?)),
        other => return cursor.fail(format!("not part of a verdict: `{other}`")),
    })
}
