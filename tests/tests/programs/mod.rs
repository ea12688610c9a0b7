//! The programs of this workspace as processes of their own: built, started, talked to, ended.
#![allow(dead_code, reason = "each test file uses its part")]

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command as Blocking, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::net::TcpStream;
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

/// A test that waits for longer than this fails instead of hanging.
const PATIENCE: Duration = Duration::from_secs(60);

/// What `future` gives, unless it hangs.
pub(crate) async fn within<F: Future>(future: F) -> F::Output {
    timeout(PATIENCE, future).await.expect("it hangs")
}

/// The folder of the programs, which are up to date with their sources.
fn folder() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let test = std::env::current_exe().expect("a test knows where it is");
        let folder = test.ancestors().nth(2).expect("a test lies in deps, beside the programs");
        build(folder);
        folder.to_owned()
    })
}

/// Builds as this test was built. The same targets at once, so that dependencies have the same features as in a test of the
/// workspace, and are not built anew.
fn build(folder: &Path) {
    let profile = match folder.file_name().and_then(OsStr::to_str) {
        Some("debug") | None => "dev",
        Some(profile) => profile,
    };
    let target = folder.parent().expect("a profile has a folder in the target's");
    let built = Blocking::new(env!("CARGO"))
        .args(["build", "--quiet", "--workspace", "--bins", "--examples"])
        .args(["--profile", profile])
        .arg("--target-dir")
        .arg(target)
        .current_dir(adieu_tests::tree::root())
        .status()
        .expect("cargo runs");
    assert!(built.success(), "the programs do not build");
}

/// A running program. It ends with its test.
#[derive(Debug)]
pub(crate) struct Program {
    child: Child,
    stdin: Option<ChildStdin>,
    out: Lines<BufReader<ChildStdout>>,
    err: Lines<BufReader<ChildStderr>>,
}

/// How a program ended, and what nobody had read of it.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) code: Option<i32>,
    pub(crate) out: Vec<String>,
    pub(crate) err: Vec<String>,
}

impl Program {
    /// Starts `adieu`.
    pub(crate) fn adieu(arguments: &[&str]) -> Self {
        Self::start(&folder().join("adieu"), arguments)
    }

    /// Starts an example of the tokio driver.
    pub(crate) fn example(name: &str, arguments: &[&str]) -> Self {
        Self::start(&folder().join("examples").join(name), arguments)
    }

    fn start(program: &Path, arguments: &[&str]) -> Self {
        let mut child = Command::new(program)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap_or_else(|error| panic!("{}: {error}", program.display()));
        let stdin = child.stdin.take();
        let out = lines(child.stdout.take().expect("it is a pipe"));
        let err = lines(child.stderr.take().expect("it is a pipe"));
        Self { child, stdin, out, err }
    }

    /// The next line of its stdout.
    pub(crate) async fn line(&mut self) -> String {
        within(self.out.next_line()).await.expect("text").expect("stdout goes on")
    }

    /// The next line of its stderr.
    pub(crate) async fn complaint(&mut self) -> String {
        within(self.err.next_line()).await.expect("text").expect("stderr goes on")
    }

    /// Types a line.
    pub(crate) async fn say(&mut self, line: &str) {
        let stdin = self.stdin.as_mut().expect("stdin is open");
        within(stdin.write_all(format!("{line}\n").as_bytes())).await.expect("it reads");
    }

    /// Ends its stdin.
    pub(crate) fn hang_up(&mut self) {
        self.stdin = None;
    }

    /// Sends it a signal, such as `TERM`.
    #[cfg(unix)]
    pub(crate) async fn signal(&self, name: &str) {
        let id = self.child.id().expect("it runs");
        let kill = Command::new("sh").arg("-c").arg(format!("kill -{name} {id}")).status().await;
        assert!(kill.expect("sh runs").success());
    }

    /// Waits until it has ended by itself, and reads nothing of it meanwhile: its exit status.
    pub(crate) async fn finish_unread(mut self) -> Option<i32> {
        within(self.child.wait()).await.expect("it can be waited for").code()
    }

    /// Waits until it has ended by itself. Its stdin stays open meanwhile.
    pub(crate) async fn finish(mut self) -> Finished {
        let (out, err) = within(async { tokio::join!(rest(&mut self.out), rest(&mut self.err)) }).await;
        let code = within(self.child.wait()).await.expect("it can be waited for").code();
        Finished { code, out, err }
    }
}

fn lines<R: AsyncRead + Unpin>(reader: R) -> Lines<BufReader<R>> {
    BufReader::new(reader).lines()
}

async fn rest<R: AsyncRead + Unpin>(lines: &mut Lines<BufReader<R>>) -> Vec<String> {
    let mut rest = Vec::new();
    while let Some(line) = lines.next_line().await.expect("text") {
        rest.push(line);
    }
    rest
}

/// An opening handshake by hand, over TCP: the stream behind the response's head, and that head.
pub(crate) async fn shake_hands(address: &str, target: &str) -> (TcpStream, String) {
    let mut stream = within(TcpStream::connect(address)).await.expect("it listens");
    let request = format!(
        "GET {target} HTTP/1.1\r\nHost: {address}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    );
    within(stream.write_all(request.as_bytes())).await.expect("it reads");
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(within(stream.read_u8()).await.expect("a whole head"));
    }
    (stream, String::from_utf8(head).expect("a head in ASCII"))
}

/// A request without WebSocket: the whole answer.
pub(crate) async fn http(address: &str, method: &str, target: &str) -> String {
    let mut stream = within(TcpStream::connect(address)).await.expect("it listens");
    let request = format!("{method} {target} HTTP/1.1\r\nHost: {address}\r\n\r\n");
    within(stream.write_all(request.as_bytes())).await.expect("it reads");
    let mut answer = String::new();
    within(stream.read_to_string(&mut answer)).await.expect("an answer and its end");
    answer
}
