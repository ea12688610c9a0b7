//! `adieu connect`: an interactive client.

use std::future::{Future, poll_fn};
use std::io::{self, BufRead, IsTerminal, Write};
use std::path::PathBuf;
use std::pin::Pin;
use std::process::{self, ExitCode};
use std::sync::Arc;
use std::task::Poll;
use std::thread;

use adieu_tokio::{
    Cause, Close, CloseCode, CloseError, Closed, Config, Connect, ConnectError, Deflate, Message, NetStream,
    Sender, WebSocket,
};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::command::{self, Command};
use crate::{Failure, certificate, complain, compression, escape, record, say};

/// So many characters are shown of why a server refused.
const EXPLAINED: usize = 200;

/// So many lines are read ahead of what was sent.
const LINES_AHEAD: usize = 16;

/// Talk to a WebSocket server: each line of stdin is sent as a text message
///
/// Messages that arrive are printed one a line, after "< ": text with control characters
/// escaped, binary as its length and first 32 bytes. All else is said on stderr. Lines of
/// stdin that begin with a slash are commands:
///
///   /ping                   sends a Ping, and tells how long its answer took
///   /close [CODE [REASON]]  closes (without a code: with none)
///   /quit                   closes with 1000, as the end of stdin and Ctrl-C do
///   //text                  sends "/text"
///
/// A second Ctrl-C ends at once.
///
/// The way leads through the proxy that the environment names, read as curl does: http_proxy for
/// ws://, https_proxy for wss://, all_proxy, and no_proxy. HTTP and SOCKS5 proxies will do.
///
/// The verdict is told at the end. Exit status: 0 for a clean end (both
/// sides closed), 1 for any other, 2 for arguments that cannot be.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
#[allow(rustdoc::broken_intra_doc_links, clippy::doc_markdown, reason = "printed as it stands by --help")]
pub(crate) struct Arguments {
    #[arg(value_name = "URL", help = "Where to: ws:// or wss://host[:port][/path][?query]")]
    pub(crate) url: String,

    /// Offer this subprotocol; can be given several times, the preferred one first
    #[arg(long, value_name = "NAME")]
    pub(crate) subprotocol: Vec<String>,

    /// Send this header field with the request; can be given several times
    #[arg(long, value_name = "NAME: VALUE", value_parser = parse_header)]
    pub(crate) header: Vec<(String, String)>,

    /// Send this Origin, as a browser on that page would
    #[arg(long, value_name = "URL")]
    pub(crate) origin: Option<String>,

    /// Trust the certificates in this file, in PEM, instead of those that the system trusts
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,

    /// Offer permessage-deflate
    ///
    /// SETTINGS is a length in bytes, below which messages go as they are (128), and parameters of RFC 7692 to ask for:
    /// `--deflate="0; server_no_context_takeover; server_max_window_bits=9"`.
    ///
    /// Off without this option: the length of a compressed message tells how much of it repeats what was sent before. Where one
    /// connection carries both secrets and text of an attacker's choice, that gives the secrets away (RFC 7692, section 8).
    #[arg(long, value_name = "SETTINGS", num_args = 0..=1, require_equals = true)]
    #[arg(default_missing_value = "", value_parser = compression::parse)]
    deflate: Option<Deflate>,

    /// Record the connection in this file, for `adieu trace` and `adieu replay`
    ///
    /// For debugging: the file holds every payload, sent and received, the header fields, and what the masking keys come from.
    /// Whoever has it can read all that was said. A driver that writes everything down takes the place of the usual one.
    #[arg(long, value_name = "FILE")]
    trace: Option<PathBuf>,
}

fn parse_header(text: &str) -> Result<(String, String), String> {
    match text.split_once(':') {
        Some((name, value)) => Ok((name.to_owned(), value.trim().to_owned())),
        None => Err("a header field is \"NAME: VALUE\"".to_owned()),
    }
}

/// Talks until the connection has ended.
pub(crate) async fn run(arguments: Arguments) -> Result<ExitCode, Failure> {
    if let Some(path) = &arguments.trace {
        return record::run(&arguments, path).await;
    }
    let connect = prepare(&arguments)?;
    let (ws, driver) = connect.open_with_driver().await.map_err(|error| failure(&error))?;
    let driving = tokio::spawn(driver);
    if io::stdin().is_terminal() {
        say("connected: a line is a message; /ping, /close [CODE [REASON]] and /quit are commands");
    }
    let outcome = talk(ws).await.map(|verdict| {
        say(&verdict.to_string());
        if verdict.clean { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    });
    // TCP ends after the verdict. To leave before that could destroy what the server has yet to read.
    let _ = driving.await;
    outcome
}

/// What is asked for, if it can be.
pub(crate) fn prepare(arguments: &Arguments) -> Result<Connect, Failure> {
    let connect = request(arguments).map_err(|error| failure(&error))?;
    match &arguments.ca {
        Some(path) => Ok(connect.tls(certificate::trusting(path)?)),
        None => Ok(connect),
    }
}

fn request(arguments: &Arguments) -> Result<Connect, ConnectError> {
    let mut connect = Connect::new(&arguments.url)?.config(Arc::new(config(arguments)));
    for name in &arguments.subprotocol {
        connect = connect.subprotocol(name)?;
    }
    for (name, value) in &arguments.header {
        connect = connect.header(name, value)?;
    }
    if let Some(origin) = &arguments.origin {
        connect = connect.origin(origin)?;
    }
    Ok(connect)
}

/// Takes large messages, and many of them: what is on its way when stdin ends should still be printed.
pub(crate) fn config(arguments: &Arguments) -> Config {
    let mut config = Config::default();
    config.deflate.clone_from(&arguments.deflate);
    config.max_message_len = 64 << 20;
    config.max_frame_len = 64 << 20;
    config.inbox_len = 64 << 20;
    config
}

pub(crate) fn failure(error: &ConnectError) -> Failure {
    match error {
        ConnectError::Url(_) | ConnectError::Header(_) => Failure::usage(error.to_string()),
        ConnectError::Handshake(verdict) => Failure::new(format!("{error}{}", explained(verdict))),
        _ => Failure::new(error.to_string()),
    }
}

/// What a server that refused said for people: the first line of a plain text.
fn explained(verdict: &Closed) -> String {
    let Cause::Refused(Some(response)) = &verdict.cause else { return String::new() };
    let kind = response.headers.get("content-type").unwrap_or_default();
    let essence = kind.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
    let is_plain = essence.eq_ignore_ascii_case(b"text/plain");
    let body = String::from_utf8_lossy(&response.body);
    match body.trim().lines().next() {
        Some(line) if is_plain => format!(": {}", escape::beginning(line, EXPLAINED)),
        Some(_) | None => String::new(),
    }
}

/// Prints and sends at the same time, so that a server that echoes does not wait for us while we wait for it.
async fn talk(mut ws: WebSocket<NetStream>) -> Result<Box<Closed>, Failure> {
    if let Some(interrupted) = begun(interrupted(ws.sender())).await {
        tokio::spawn(interrupted);
    }
    let typing = tokio::spawn(obey(ws.sender(), lines()));
    loop {
        match ws.recv().await {
            Ok(message) => {
                if let Err(error) = print(&message) {
                    let _ = ws.close(1001, "").await;
                    return Err(Failure::new(format!("cannot write: {error}")));
                }
            }
            Err(verdict) => {
                // It ends with the connection; what it has to tell comes before the verdict.
                let _ = typing.await;
                return Ok(verdict);
            }
        }
    }
}

pub(crate) fn print(message: &Message<'_>) -> io::Result<()> {
    let line = match message {
        Message::Text(text) => escape::text(text),
        Message::Binary(bytes) => escape::binary(bytes),
    };
    writeln!(io::stdout(), "< {line}")
}

/// Ctrl-C closes; a second one ends the process, whatever it is stuck in.
async fn interrupted(client: Sender<NetStream>) {
    if tokio::signal::ctrl_c().await.is_err() {
        return;
    }
    if quit(&client).is_err() {
        client.abort();
    }
    if tokio::signal::ctrl_c().await.is_ok() {
        process::exit(1);
    }
}

fn quit(client: &Sender<NetStream>) -> Result<(), CloseError> {
    client.start_close(Close::cut(CloseCode::NORMAL, ""))
}

/// Does what is typed, until there is no more of it or nothing more can be sent.
async fn obey(client: Sender<NetStream>, mut lines: mpsc::Receiver<String>) {
    let mut pings = JoinSet::new();
    loop {
        let line = tokio::select! {
            line = lines.recv() => line,
            _ = client.closed() => break,
        };
        let Some(line) = line else {
            let _ = quit(&client);
            break;
        };
        match command::parse(&line) {
            Ok(Command::Ping) => {
                // Begun before the next line, the Ping keeps its place behind what was typed before.
                if let Some(ping) = begun(ping(client.clone())).await {
                    pings.spawn(ping);
                }
            }
            Ok(Command::Close(close)) => {
                if let Err(error) = client.start_close(close) {
                    complain(&error.to_string());
                }
            }
            Ok(Command::Send(text)) => {
                if let Err(refused) = client.send(text).await {
                    complain(&refused.to_string());
                    break;
                }
            }
            Err(why) => complain(&why),
        }
    }
    pings.join_all().await;
}

/// Begins here and now what a task of its own may finish; nothing if that was all.
async fn begun<F: Future<Output = ()>>(work: F) -> Option<Pin<Box<F>>> {
    let mut work = Box::pin(work);
    let begun = poll_fn(|cx| Poll::Ready(work.as_mut().poll(cx))).await;
    begun.is_pending().then_some(work)
}

async fn ping(client: Sender<NetStream>) {
    match client.ping().await {
        Ok(round_trip) => say(&format!("pong after {round_trip:.1?}")),
        Err(error) => complain(&error.to_string()),
    }
}

/// The lines of stdin, read by a thread of their own: nothing can interrupt it, and the process need not wait for it.
pub(crate) fn lines() -> mpsc::Receiver<String> {
    let (sender, receiver) = mpsc::channel(LINES_AHEAD);
    thread::spawn(move || {
        for line in io::stdin().lock().lines() {
            match line {
                Ok(line) => {
                    if sender.blocking_send(line).is_err() {
                        return;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                    complain("not sent: a line that is not UTF-8");
                }
                Err(error) => return complain(&format!("cannot read: {error}")),
            }
        }
    });
    receiver
}
