//! `adieu connect --trace`, `adieu trace` and `adieu replay`: a connection is recorded, told and run again.

mod programs;

use std::fs;
use std::path::PathBuf;

use adieu_core::Role;
use adieu_sim::Trace;
use programs::{Finished, Program};

/// A file that is gone with its test.
#[derive(Debug)]
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let file = format!("adieu-{}-{name}", std::process::id());
        Self(std::env::temp_dir().join(file))
    }

    fn holding(name: &str, content: impl AsRef<[u8]>) -> Self {
        let scratch = Self::new(name);
        fs::write(&scratch.0, content).expect("a file");
        scratch
    }

    fn path(&self) -> &str {
        self.0.to_str().expect("a path in UTF-8")
    }

    fn text(&self) -> String {
        fs::read_to_string(&self.0).expect("a text")
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// Starts `adieu serve`; the address that it serves.
async fn serve() -> (Program, String) {
    let mut program = Program::adieu(&["serve", "127.0.0.1:0"]);
    let line = program.line().await;
    let address = line.strip_prefix("serving http://").and_then(|rest| rest.strip_suffix('/'));
    let address = address.unwrap_or_else(|| panic!("{line}")).to_owned();
    (program, address)
}

async fn adieu(arguments: &[&str]) -> Finished {
    Program::adieu(arguments).finish().await
}

/// Records a talk with an echo, of these lines.
async fn recorded_echo(name: &str, lines: &[&str]) -> Scratch {
    let (_server, address) = serve().await;
    let file = Scratch::new(name);
    let url = format!("ws://{address}/echo");
    let mut client = Program::adieu(&["connect", "--trace", file.path(), &url]);
    for line in lines {
        client.say(line).await;
        assert_eq!(client.line().await, format!("< {line}"));
    }
    client.hang_up();
    let finished = client.finish().await;
    assert_eq!((finished.code, finished.out.len()), (Some(0), 0), "{finished:?}");
    assert!(
        finished.err[0].starts_with("clean: closing handshake complete; we closed first"),
        "{finished:?}"
    );
    file
}

#[track_caller]
fn assert_complains(finished: &Finished, code: i32, words: &[&str]) {
    assert_eq!((finished.code, finished.err.len()), (Some(code), 1), "{finished:?}");
    assert!(words.iter().all(|words| finished.err[0].contains(words)), "{finished:?}");
}

#[tokio::test]
async fn a_recorded_connection_is_told_and_is_the_same_again() {
    let file = recorded_echo("echo", &["hello", "wörld"]).await;
    let trace: Trace = file.text().parse().expect("a trace");
    assert_eq!(trace.texts(Role::Client), ["hello", "wörld"]);
    assert!(trace.verdict(Role::Client).is_some_and(|verdict| verdict.clean));

    let svg = Scratch::new("echo.svg");
    let told = adieu(&["trace", file.path(), "--svg", svg.path()]).await;
    assert_eq!((told.code, told.err.len()), (Some(0), 0), "{told:?}");
    let story = told.out.join("\n");
    for words in ["client > GET /echo", "client < HTTP/1.1 101", "| send text \"hello\"", "verdict: clean"] {
        assert!(story.contains(words), "{words}\n{story}");
    }
    let svg = svg.text();
    assert!(
        svg.starts_with("<svg ") && svg.contains("Server (not recorded)") && svg.contains("hello"),
        "{svg}"
    );
    assert_eq!(svg.matches("class=\"lost\"").count(), 0, "nothing is known to be lost");

    let again = adieu(&["replay", file.path()]).await;
    assert_eq!((again.code, again.err.len(), again.out.len()), (Some(0), 0, 1), "{again:?}");
    assert!(again.out[0].starts_with("no difference in "), "{again:?}");
}

#[tokio::test]
async fn however_a_connection_ends_its_record_is_the_same_again() {
    let (_server, address) = serve().await;
    for (target, code, cause) in [
        ("/close?code=4000&reason=bye", 0, "closing handshake complete"),
        ("/drop", 1, "end of stream"),
        ("/abort", 1, "reset"),
        ("/no-such-endpoint", 1, "refused"),
    ] {
        let file = Scratch::new("ending");
        let url = format!("ws://{address}{target}");
        let finished = adieu(&["connect", "--trace", file.path(), &url]).await;
        assert_eq!(finished.code, Some(code), "{target}: {finished:?}");
        assert!(finished.err.iter().any(|line| line.contains(cause)), "{target}: {finished:?}");
        let trace: Trace = file.text().parse().expect("a trace");
        assert!(trace.verdict(Role::Client).is_some(), "{target}: {}", trace.story());
        let again = adieu(&["replay", file.path()]).await;
        assert_eq!(again.code, Some(0), "{target}: {again:?}");
    }
}

#[tokio::test]
async fn a_replay_of_other_bytes_says_where_it_differs() {
    let file = recorded_echo("changed", &["hello"]).await;
    let text = file.text();
    let is_echo = |line: &&str| line.contains(" client read \"") && line.contains("hello");
    let echo = text.lines().find(is_echo).expect("the echo was read");
    let number = text.lines().position(|line| line == echo).expect("it is there") + 1;
    let changed = Scratch::holding("changed-byte", text.replace(echo, &echo.replace("hello", "jello")));
    let again = adieu(&["replay", changed.path()]).await;
    assert_eq!((again.code, again.err.len()), (Some(1), 0), "{again:?}");
    // What was read is taken as it stands; the message that comes of it is told behind it.
    let place = again.out[0].strip_prefix(&format!("{}:", changed.path())).expect("the file");
    let line: usize = place.split(':').next().and_then(|line| line.parse().ok()).expect("the line");
    let expected = text.lines().nth(line - 1).expect("a line of the file");
    assert!(line > number && expected.contains("ask message text \"hello\""), "{again:?}");
    assert!(again.out[1].contains("\"hello\"") && again.out[2].contains("\"jello\""), "{again:?}");
}

#[tokio::test]
async fn a_replay_compares_deadlines_and_says_so_where_an_older_record_has_none() {
    let text = recorded_echo("deadlines", &[]).await.text();
    let first = text.lines().nth(2).expect("a record");
    assert!(first.ends_with(" client wants input true output true deadline 10.000000000"), "{first}");
    let later = Scratch::holding("later", text.replacen("deadline 10.", "deadline 11.", 1));
    let again = adieu(&["replay", later.path()]).await;
    assert_eq!((again.code, again.err.len()), (Some(1), 0), "{again:?}");
    assert!(again.out[0].starts_with(&format!("{}:3: ", later.path())), "{again:?}");

    let without = text.lines().filter(|line| !line.contains(" client wants "));
    let older: String = without.map(|line| format!("{line}\n")).collect();
    let older = Scratch::holding("older", older);
    let again = adieu(&["replay", older.path()]).await;
    assert_eq!((again.code, again.err.len()), (Some(0), 0), "{again:?}");
    assert!(again.out[0].ends_with(" (deadlines are not in it)"), "{again:?}");
}

#[tokio::test]
async fn a_file_that_is_no_trace_is_refused_in_one_line() {
    let good = recorded_echo("good", &[]).await.text();
    let broken = |number: usize, line: &str| {
        let mut lines: Vec<_> = good.lines().collect();
        lines[number - 1] = line;
        lines.join("\n")
    };
    let cases = [
        (String::new(), "line 1 "),
        ("hello\n".to_owned(), "line 1 is not one of a trace: hello"),
        (broken(2, "endpoint nobody"), "line 2 "),
        (broken(4, &format!("\x1b[31m{}", "x".repeat(1000))), r"line 4 is not one of a trace: \u{1b}[31mxxx"),
    ];
    for command in ["trace", "replay"] {
        for (content, words) in &cases {
            let file = Scratch::holding(&format!("bad-{command}"), content);
            let finished = adieu(&[command, file.path()]).await;
            assert_complains(&finished, 1, &[file.path(), words]);
            assert!(finished.err[0].len() < 300, "{finished:?}");
        }
        let absent = Scratch::new("absent");
        assert_complains(&adieu(&[command, absent.path()]).await, 1, &[absent.path()]);
        let binary = Scratch::holding(&format!("binary-{command}"), [0xFF, 0xFE]);
        assert_complains(&adieu(&[command, binary.path()]).await, 1, &[binary.path()]);
    }
    let nobody = Scratch::holding("nobody", "seed 0\n");
    assert_complains(&adieu(&["replay", nobody.path()]).await, 1, &["no endpoint"]);
}

#[tokio::test]
async fn what_cannot_be_recorded_is_said_before_anything_is_connected() {
    let nowhere = Scratch::new("no-such-folder");
    let inside = format!("{}/trace", nowhere.path());
    let finished = adieu(&["connect", "--trace", &inside, "ws://127.0.0.1:1/"]).await;
    assert_complains(&finished, 1, &[&inside]);
    let file = Scratch::new("usage");
    assert_complains(&adieu(&["connect", "--trace", file.path(), "http://127.0.0.1/"]).await, 2, &["ws://"]);
    assert!(!file.0.exists(), "nothing was recorded");
}

#[tokio::test]
async fn the_help_says_what_such_a_file_holds() {
    let help = adieu(&["connect", "--help"]).await.out.join(" ");
    assert!(
        help.contains("For debugging") && help.contains("payload") && help.contains("masking keys"),
        "{help}"
    );
}

#[tokio::test]
async fn a_compressed_connection_is_recorded_told_and_replayed() {
    let mut server = Program::adieu(&["serve", "--deflate=0", "127.0.0.1:0"]);
    let line = server.line().await;
    let address = line.strip_prefix("serving http://").and_then(|rest| rest.strip_suffix('/'));
    let url = format!("ws://{}/echo", address.unwrap_or_else(|| panic!("{line}")));
    let file = Scratch::new("compressed");
    let mut client = Program::adieu(&["connect", "--deflate=0", "--trace", file.path(), &url]);
    for _ in 0..2 {
        client.say("so so so so").await;
        assert_eq!(client.line().await, "< so so so so");
    }
    client.say("/close 4000 bye").await;
    client.hang_up();
    let finished = client.finish().await;
    assert_eq!((finished.code, finished.err.len()), (Some(0), 1), "{finished:?}");

    let told = adieu(&["trace", file.path()]).await;
    let compressed = told.out.iter().filter(|line| line.contains("compressed text")).count();
    assert!(compressed >= 4 && told.out.iter().any(|line| line.contains("Close 4000 \"bye\"")), "{told:?}");
    let replayed = adieu(&["replay", file.path()]).await;
    assert_eq!(replayed.code, Some(0), "{replayed:?}");
}
