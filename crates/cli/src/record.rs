//! `adieu connect --trace`: the same talk, over a driver that writes down all that it does to the connection.
//!
//! Owns: the file, and the calls into the stream. Must not know: what the bytes mean, which the core knows; in which order things are
//! done, which the driver of `adieu-sim` knows.

use std::cell::{Cell, RefCell};
use std::fs::File;
use std::future::{pending, poll_fn};
use std::io::{self, ErrorKind, Write};
use std::path::Path;
use std::pin::Pin;
use std::process::{self, ExitCode};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use adieu_core::{Event, Instant, TransportError};
use adieu_sim::{Application, Endpoint, Port, Read, Setup, Trace, Wire};
use adieu_tokio::{Close, CloseCode, ConnectError, NetStream, SendError, SendRefusal, Transport};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::{Instant as Moment, sleep_until};

use crate::command::{self, Command};
use crate::connect::{Arguments, config, failure, lines, prepare, print};
use crate::{Failure, complain, say};

/// So many bytes are read while waiting.
const READ_LEN: usize = 16 << 10;

/// Talks until the connection has ended, and records it.
pub(crate) async fn run(arguments: &Arguments, path: &Path) -> Result<ExitCode, Failure> {
    let connect = prepare(arguments)?;
    let unwritable = |error: io::Error| Failure::new(format!("{}: {error}", path.display()));
    let mut file = File::create(path).map_err(unwritable)?;
    let mut entropy = [0; 16];
    getrandom::fill(&mut entropy).map_err(|error| Failure::new(error.to_string()))?;
    let setup = Setup { entropy: u128::from_le_bytes(entropy), ..setup(arguments) };
    write!(file, "{}", Trace { seed: None, setups: vec![setup.clone()], records: Vec::new() })
        .map_err(unwritable)?;
    let mut stream = connect.reach().await.map_err(|error| failure(&error))?;
    stream.prepare();
    let app = Rc::<App>::default();
    let endpoint = Endpoint::new(&setup, Told(Rc::clone(&app)));
    let endpoint = endpoint.map_err(|error| failure(&ConnectError::Header(error)))?;
    let mut session = Session { endpoint, socket: Socket::new(stream), begun: Moment::now(), file, app };
    session.talk().await.map_err(unwritable)?;
    session.outcome()
}

/// What the URL and the options ask for; both were found right.
fn setup(arguments: &Arguments) -> Setup {
    let (scheme, behind_scheme) = arguments.url.split_once("://").unwrap_or_default();
    let default = if scheme.eq_ignore_ascii_case("wss") { ":443" } else { ":80" };
    let end = behind_scheme.find(['/', '?']).unwrap_or(behind_scheme.len());
    let (host, target) = behind_scheme.split_at(end);
    let host = host.strip_suffix(default).or(host.strip_suffix(':')).unwrap_or(host).to_owned();
    let target = if target.starts_with('/') { target.to_owned() } else { format!("/{target}") };
    let origin = arguments.origin.iter().map(|origin| ("Origin".to_owned(), origin.clone()));
    let headers = origin.chain(arguments.header.iter().cloned()).collect();
    let subprotocols = arguments.subprotocol.clone();
    Setup { host, target, subprotocols, headers, config: config(arguments), ..Setup::client() }
}

/// What the connection has told.
#[derive(Debug, Default)]
struct App {
    open: Cell<bool>,
    unprinted: RefCell<Option<io::Error>>,
}

struct Told(Rc<App>);

impl Application for Told {
    fn handle_event(&mut self, port: &mut Port<'_>, event: Event<'static>) {
        match event {
            Event::Open(_) => self.0.open.set(true),
            Event::Pong(pong) => say(&format!("pong after {:.1?}", pong.round_trip)),
            Event::Message(message) => {
                if let Err(error) = print(&message) {
                    *self.0.unprinted.borrow_mut() = Some(error);
                    let _already = port.close(Close::cut(CloseCode::GOING_AWAY, ""));
                }
            }
            _ => {}
        }
    }
}

/// A connection that is recorded.
struct Session {
    endpoint: Endpoint<'static>,
    socket: Socket,
    begun: Moment,
    file: File,
    app: Rc<App>,
}

/// What is typed, and what did not fit into the queue.
#[derive(Default)]
struct Typing {
    lines: Option<mpsc::Receiver<String>>,
    unsent: Option<String>,
}

impl Typing {
    /// The next line; `None` inside at the end.
    async fn line(&mut self) -> Option<String> {
        match &mut self.lines {
            Some(lines) if self.unsent.is_none() => lines.recv().await,
            _ => pending().await,
        }
    }
}

impl Session {
    async fn talk(&mut self) -> io::Result<()> {
        let (mut typing, mut interrupts) = (Typing::default(), interrupts());
        loop {
            self.endpoint.turn(self.now(), &mut self.socket);
            self.write_down()?;
            if self.endpoint.is_gone() {
                return Ok(());
            }
            if self.app.open.take() {
                typing.lines = Some(lines());
            }
            if let Some(text) = typing.unsent.take() {
                self.send(text, &mut typing);
            }
            let alarm = self.endpoint.next_at().map(|at| self.begun + at.since(Instant::EPOCH));
            tokio::select! {
                line = typing.line() => self.obey(line, &mut typing),
                Some(()) = interrupts.recv() => self.close(Close::cut(CloseCode::NORMAL, "")),
                () = self.socket.ready(self.endpoint.reads(), self.endpoint.writes()) => {}
                () = async { sleep_until(alarm.unwrap_or(self.begun)).await }, if alarm.is_some() => {}
            }
        }
    }

    fn now(&self) -> Instant {
        Instant::EPOCH + self.begun.elapsed()
    }

    fn write_down(&mut self) -> io::Result<()> {
        let records = self.endpoint.take_records();
        let text: String = records.iter().map(|record| format!("{record}\n")).collect();
        self.file.write_all(text.as_bytes())
    }

    fn port(&mut self) -> Port<'_> {
        let now = self.now();
        self.endpoint.port(now, &mut self.socket)
    }

    fn obey(&mut self, line: Option<String>, typing: &mut Typing) {
        let Some(line) = line else {
            typing.lines = None;
            // It may be closing already: that is what is wanted.
            let _already = self.port().close(Close::cut(CloseCode::NORMAL, ""));
            return;
        };
        match command::parse(&line) {
            Ok(Command::Send(text)) => self.send(text.to_owned(), typing),
            Ok(Command::Close(close)) => self.close(close),
            Ok(Command::Ping) => {
                if let Err(error) = self.port().ping() {
                    complain(&error.to_string());
                }
            }
            Err(why) => complain(&why),
        }
    }

    fn send(&mut self, text: String, typing: &mut Typing) {
        match self.port().send(&*text) {
            Ok(_) => {}
            Err(SendError { refusal: SendRefusal::Full, .. }) => typing.unsent = Some(text),
            Err(refused) => {
                complain(&refused.to_string());
                typing.lines = None;
            }
        }
    }

    fn close(&mut self, close: Close) {
        if let Err(error) = self.port().close(close) {
            complain(&error.to_string());
        }
    }

    /// How it ended.
    fn outcome(self) -> Result<ExitCode, Failure> {
        if let Some(error) = self.app.unprinted.take() {
            return Err(Failure::new(format!("cannot write: {error}")));
        }
        let Some(verdict) = self.endpoint.connection().closed() else {
            return Err(Failure::new("the connection has no verdict"));
        };
        say(&verdict.to_string());
        Ok(if verdict.clean { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

/// Ctrl-C; a second one ends the process, whatever it is stuck in.
fn interrupts() -> mpsc::Receiver<()> {
    let (sender, receiver) = mpsc::channel(1);
    tokio::spawn(async move {
        if tokio::signal::ctrl_c().await.is_ok() {
            let _gone = sender.send(()).await;
        }
        if tokio::signal::ctrl_c().await.is_ok() {
            process::exit(1);
        }
    });
    receiver
}

/// A stream, until it is let go of.
struct Socket {
    stream: Option<NetStream>,
    /// What was read while waiting.
    held: Option<io::Result<Vec<u8>>>,
    /// Nothing more is to be written.
    shut: bool,
}

/// A context for what is asked again when the stream is ready.
fn again() -> Context<'static> {
    Context::from_waker(Waker::noop())
}

impl Socket {
    const fn new(stream: NetStream) -> Self {
        Self { stream: Some(stream), held: None, shut: false }
    }

    /// Until something was read, or can be written, as far as that is wished. What is written goes on its way meanwhile.
    async fn ready(&mut self, reads: bool, writes: bool) {
        poll_fn(|cx| {
            let Some(stream) = &mut self.stream else { return Poll::Pending };
            // An error shows when the stream is used.
            let _ = Pin::new(&mut *stream).poll_flush(cx);
            if self.shut {
                let _ = Pin::new(&mut *stream).poll_shutdown(cx);
            }
            if reads && self.held.is_none() {
                self.held = poll_read(stream, cx, READ_LEN);
            }
            let writable = writes && tcp(stream).poll_write_ready(cx).is_ready();
            if writable || (reads && self.held.is_some()) { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }
}

fn tcp(stream: &NetStream) -> &TcpStream {
    match stream {
        NetStream::Tcp(stream) => stream,
        NetStream::Tls(stream) => stream.get_ref(),
        _ => unreachable!("there are no others"),
    }
}

fn poll_read(stream: &mut NetStream, cx: &mut Context<'_>, most: usize) -> Option<io::Result<Vec<u8>>> {
    let mut bytes = vec![0; most];
    let mut into = ReadBuf::new(&mut bytes);
    let Poll::Ready(result) = Pin::new(stream).poll_read(cx, &mut into) else { return None };
    let len = into.filled().len();
    bytes.truncate(len);
    Some(result.map(|()| bytes))
}

/// What the system holds, of which the reactor knows only what its last turn saw.
fn look(stream: &mut NetStream, most: usize) -> Option<io::Result<Vec<u8>>> {
    let mut bytes = vec![0; most];
    let result = stream.look(&mut bytes)?;
    Some(result.map(|len| bytes[..len].to_vec()))
}

impl Wire for Socket {
    fn read(&mut self, most: usize) -> Read {
        let Some(stream) = &mut self.stream else { return Read::Nothing };
        let most = most.max(1);
        let held = self.held.take().or_else(|| poll_read(stream, &mut again(), most));
        match held.or_else(|| look(stream, most)) {
            Some(Ok(mut bytes)) if bytes.len() > most => {
                self.held = Some(Ok(bytes.split_off(most)));
                Read::Bytes(bytes, true)
            }
            Some(Ok(bytes)) if bytes.is_empty() => Read::End,
            Some(Ok(bytes)) => {
                let filled = bytes.len() == most;
                Read::Bytes(bytes, filled)
            }
            Some(Err(error)) if !matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {
                Read::Error(TransportError::from(&error))
            }
            Some(Err(_)) | None => Read::Nothing,
        }
    }

    fn write(&mut self, bytes: &[u8]) -> Result<usize, TransportError> {
        let Some(stream) = &mut self.stream else { return Err(TransportError::Reset) };
        match Pin::new(stream).poll_write(&mut again(), bytes) {
            Poll::Ready(Ok(0)) if !bytes.is_empty() => Err(TransportError::Reset),
            Poll::Ready(Ok(len)) => Ok(len),
            Poll::Ready(Err(error)) => Err(TransportError::from(&error)),
            Poll::Pending => Ok(0),
        }
    }

    fn shutdown_write(&mut self) {
        self.shut = true;
        if let Some(stream) = &mut self.stream {
            // A failure shows on the reading side.
            let _ = Pin::new(stream).poll_shutdown(&mut again());
        }
    }

    fn close(&mut self) {
        self.shutdown_write();
        self.stream = None;
    }

    fn reset(&mut self) {
        self.stream.iter_mut().for_each(Transport::reset);
        self.stream = None;
    }
}
