//! What a typed line means to `adieu connect`.

use adieu_tokio::Close;

/// What to do.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Command<'l> {
    /// Send this text.
    Send(&'l str),
    /// Ping, and tell the round-trip time.
    Ping,
    /// Close with this.
    Close(Close),
}

/// Reads a line; the error is one line for people.
pub(crate) fn parse(line: &str) -> Result<Command<'_>, String> {
    let Some(command) = line.strip_prefix('/') else {
        return Ok(Command::Send(line));
    };
    if command.starts_with('/') {
        return Ok(Command::Send(command));
    }
    let (name, rest) = command.split_once(' ').unwrap_or((command, ""));
    match (name, rest.trim()) {
        ("ping", "") => Ok(Command::Ping),
        ("quit", "") => close("1000"),
        ("ping" | "quit", _) => Err(format!("/{name} takes nothing behind it")),
        ("close", "") => Ok(Command::Close(Close::EMPTY)),
        ("close", rest) => close(rest),
        _ => {
            Err(format!("no command {line:?}: there are /ping, /close and /quit, and //text sends \"/text\""))
        }
    }
}

/// A code, and perhaps a reason.
fn close(rest: &str) -> Result<Command<'_>, String> {
    let (code, reason) = rest.split_once(' ').unwrap_or((rest, ""));
    let code = code.parse().map_err(|_| format!("{code:?} is not a close code"))?;
    match Close::new(code, reason.trim_start()) {
        Ok(close) => Ok(Command::Close(close)),
        Err(error) => Err(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_a_message_and_two_slashes_are_one() {
        for text in ["", " ", "hello", " /ping", "a /close"] {
            assert_eq!(parse(text), Ok(Command::Send(text)));
        }
        assert_eq!(parse("//ping"), Ok(Command::Send("/ping")));
        assert_eq!(parse("///"), Ok(Command::Send("//")));
    }

    #[test]
    fn close_takes_a_code_and_a_reason_of_many_words() {
        let close = |code, reason| Ok(Command::Close(Close::new(code, reason).expect("it may travel")));
        assert_eq!(parse("/close 4000 see you  later"), close(4000, "see you  later"));
        assert_eq!(parse("/close 1000"), close(1000, ""));
        assert_eq!(parse("/quit"), close(1000, ""));
        assert_eq!(parse("/close"), Ok(Command::Close(Close::EMPTY)));
        assert_eq!(parse("/ping "), Ok(Command::Ping));
    }

    #[test]
    fn what_cannot_be_done_is_said() {
        for line in ["/", "/pin", "/Ping", "/close 1006", "/close x", "/close 70000", "/quit now", "/ping 1"]
        {
            assert!(parse(line).is_err(), "{line}");
        }
        assert!(parse(&format!("/close 1000 {}", "x".repeat(124))).is_err());
    }
}
