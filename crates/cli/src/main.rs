//! `adieu`: serve, try and test WebSocket connections.

mod certificate;
mod command;
mod compression;
mod connect;
mod counter;
mod endpoint;
mod endpoints;
mod endpoints_mio;
mod escape;
mod log;
mod record;
mod serve;
mod trace;

use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand};
use tokio::runtime::Runtime;

/// So long a thread that is stuck keeps the process at its end.
const STUCK_TIMEOUT: Duration = Duration::from_secs(1);

/// What `--help` ends with.
const EXAMPLES: &str = "Examples:
  adieu serve                                   then open the address that it prints in a browser
  adieu connect ws://127.0.0.1:9001/echo        and type: what you say comes back
  adieu connect 'ws://127.0.0.1:9001/close?code=4000&reason=bye'
  adieu connect --trace talk.trace ws://127.0.0.1:9001/echo
  adieu serve --self-signed cert.pem            wss:// and https://, for trying
  adieu connect --ca cert.pem wss://127.0.0.1:9001/echo
  adieu trace talk.trace --svg talk.svg         then look at what happened
  adieu replay talk.trace                       and whether it would happen again";

/// Serve, try and test WebSocket connections (RFC 6455)
#[derive(Debug, Parser)]
#[command(version, arg_required_else_help = true, after_help = EXAMPLES)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Serve(serve::Arguments),
    Connect(connect::Arguments),
    Trace(trace::Arguments),
    Replay(trace::ReplayArguments),
}

/// What keeps a command from going on: one line for people, and the exit status.
#[derive(Debug)]
struct Failure {
    status: u8,
    line: String,
}

impl Failure {
    /// The world did not play along.
    fn new(line: impl Into<String>) -> Self {
        Self { status: 1, line: line.into() }
    }

    /// The command line asks for what cannot be.
    fn usage(line: impl Into<String>) -> Self {
        Self { status: 2, line: line.into() }
    }
}

fn main() -> ExitCode {
    match start(Arguments::parse().command) {
        Ok(status) => status,
        Err(failure) => {
            complain(&failure.line);
            ExitCode::from(failure.status)
        }
    }
}

fn start(command: Command) -> Result<ExitCode, Failure> {
    let runtime = Runtime::new().map_err(|error| Failure::new(format!("cannot start: {error}")))?;
    let outcome = runtime.block_on(async {
        match command {
            Command::Serve(arguments) => serve::run(arguments).await,
            Command::Connect(arguments) => connect::run(arguments).await,
            Command::Trace(arguments) => trace::run(&arguments),
            Command::Replay(arguments) => trace::run_again(&arguments),
        }
    });
    runtime.shutdown_timeout(STUCK_TIMEOUT);
    outcome
}

/// One line of what went wrong, on stderr.
fn complain(line: &str) {
    say(&format!("adieu: {line}"));
}

/// One line on stderr. If nobody listens there, nothing is lost.
fn say(line: &str) {
    let _ = writeln!(io::stderr(), "{line}");
}
