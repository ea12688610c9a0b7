//! `adieu serve`: a server that people can talk to, and that misbehaves on request.

use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use adieu_mio::mio;
use adieu_tokio::tls::TlsStream;
use adieu_tokio::{Config, Deflate, NetStream, OriginPolicy, ServerConfig, serve_over};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::time::timeout;

use crate::counter::Counter;
use crate::endpoints::{self, Shared};
use crate::{Failure, certificate, compression, endpoints_mio, log};

/// Stopping takes at most so much longer than a closing handshake may: whoever does not answer gets its verdict too.
const STOP_MARGIN: Duration = Duration::from_secs(1);

/// So long the last lines of the log may take to be written.
const LOG_TIMEOUT: Duration = Duration::from_secs(1);

/// Serve a page to try WebSocket from a browser, and endpoints for any client
///
/// The page is at /. The WebSocket endpoints are:
///
///   /echo                  sends back what it gets, up to 64 MiB in a message
///   /counter               a counter shared by all: {"action": "plus"} or "minus"
///   /close?code=&reason=   closes first (1000 by default, code=none for no code)
///   /abort                 resets the connection once it is open
///   /drop                  ends the stream without a Close
///   /silent                never says anything, and never answers a Close
///   /burst?count=&size=    sends so many messages of so many bytes, then closes
///
/// Ctrl-C stops it: open connections are closed with 1001 first.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Arguments {
    /// Where to listen, HOST:PORT; port 0 takes a free port
    #[arg(value_name = "ADDR", default_value = "127.0.0.1:9001")]
    address: String,

    /// Let only these pages connect: "same" for those served here, or the origin of others
    ///
    /// An origin is a scheme, a host, and a port unless it is the default one. Several
    /// can be given. Without this option any page of any site may connect, which suits
    /// a server to try things against. Clients other than browsers send no Origin, and
    /// may always connect.
    #[arg(long, value_name = "same|URL", value_parser = parse_origin, verbatim_doc_comment)]
    origin: Vec<Origin>,

    /// Serve all connections in one thread, over mio instead of tokio; without TLS
    #[arg(long, conflicts_with_all = ["cert", "self_signed"])]
    mio: bool,

    #[command(flatten)]
    certificate: certificate::Certificate,

    /// Take up permessage-deflate where a client offers it
    ///
    /// SETTINGS is a length in bytes, below which messages go as they are (128), and parameters
    /// of RFC 7692: `--deflate="0; server_no_context_takeover; client_max_window_bits=9"`.
    ///
    /// Off without this option: the length of a compressed message tells how much of it repeats
    /// what was sent before. Where one connection carries both secrets and text of an attacker's
    /// choice, that gives the secrets away (RFC 7692, section 8). It also takes about 330 KB for
    /// each connection that uses it in both directions.
    #[arg(long, value_name = "SETTINGS", num_args = 0..=1, require_equals = true, verbatim_doc_comment)]
    #[arg(default_missing_value = "", value_parser = compression::parse)]
    deflate: Option<Deflate>,

    /// Print a line for each connection that has ended: who, what, and the verdict
    #[arg(short, long)]
    log: bool,
}

#[derive(Clone, Debug)]
enum Origin {
    Same,
    Url(String),
}

fn parse_origin(text: &str) -> Result<Origin, String> {
    if text == "same" {
        return Ok(Origin::Same);
    }
    match text.split_once("://") {
        Some((scheme, host)) if !scheme.is_empty() && !host.is_empty() && !host.contains('/') => {
            Ok(Origin::Url(text.to_owned()))
        }
        Some(_) | None => Err("an origin is scheme://host or scheme://host:port".to_owned()),
    }
}

fn policy(origins: Vec<Origin>) -> Result<OriginPolicy, Failure> {
    let mut urls = Vec::new();
    let mut same = false;
    for origin in origins {
        match origin {
            Origin::Same => same = true,
            Origin::Url(url) => urls.push(url),
        }
    }
    match (same, urls.is_empty()) {
        (false, true) => Ok(OriginPolicy::Any),
        (false, false) => Ok(OriginPolicy::List(urls)),
        (true, true) => Ok(OriginPolicy::SameOrigin),
        (true, false) => Err(Failure::usage("--origin is either same or URLs, not both")),
    }
}

/// Serves until it is told to stop.
pub(crate) async fn run(arguments: Arguments) -> Result<ExitCode, Failure> {
    let policy = policy(arguments.origin)?;
    let address = arguments.address;
    let cannot = |error: io::Error| Failure::new(format!("cannot listen on {address}: {error}"));
    let tls = certificate::server(&arguments.certificate, &address)?;
    let listener = TcpListener::bind(&address).await.map_err(cannot)?;
    let told = told_to_stop().map_err(|error| Failure::new(format!("cannot hear signals: {error}")))?;
    announce(&listener, tls.is_some()).map_err(|error| Failure::new(format!("cannot write: {error}")))?;

    let (stop, stopping) = watch::channel(false);
    let told = async move {
        told.await;
        let _ = stop.send(true);
        stop
    };
    let (log, writer) = arguments.log.then(log::start).unzip();
    let shared = Arc::new(Shared { counter: Arc::new(Counter::default()), stopping, log });
    let config = server_config(policy, arguments.deflate);
    let stop_timeout = stop_timeout(&config.connection);
    if arguments.mio {
        run_mio(listener, config, shared, told, stop_timeout)
            .await
            .map_err(|error| Failure::new(error.to_string()))?;
    } else {
        let over = move |tcp| match &tls {
            Some(tls) => TlsStream::server(tcp, Arc::clone(tls)).ok().map(NetStream::from),
            None => Some(NetStream::from(tcp)),
        };
        serve_over(listener, over, config, move |incoming| endpoints::handle(Arc::clone(&shared), incoming))
            .with_graceful_shutdown(async move { drop(told.await) })
            .shutdown_timeout(stop_timeout)
            .await;
    }
    if let Some(writer) = writer {
        writer.finish(LOG_TIMEOUT);
    }
    Ok(ExitCode::SUCCESS)
}

/// Serves with one thread for all connections; what it does without the library stays with the runtime.
async fn run_mio(
    listener: TcpListener,
    config: Arc<ServerConfig>,
    shared: Arc<Shared>,
    told: impl Future<Output = watch::Sender<bool>>,
    stop_timeout: Duration,
) -> io::Result<()> {
    let listener = mio::net::TcpListener::from_std(listener.into_std()?);
    let mut serving = endpoints_mio::serve(listener, config, shared)?;
    serving.shutdown_timeout = stop_timeout;
    let handle = Arc::clone(&serving.handle);
    let thread = thread::spawn(move || serving.run().map(drop));
    let stop = told.await;
    handle.shut_down();
    // Its end is bounded, and nothing else goes on here.
    let ended = tokio::task::spawn_blocking(move || thread.join()).await?;
    // Those who held the other end of this said all that they had to say.
    let _ = timeout(stop_timeout, stop.closed()).await;
    ended.unwrap_or_else(|_| Err(io::Error::other("the loop has panicked")))
}

fn announce(listener: &TcpListener, secure: bool) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    let scheme = if secure { "https" } else { "http" };
    writeln!(stdout, "serving {scheme}://{}/", listener.local_addr()?)?;
    stdout.flush()
}

/// Large enough for whoever tests a client, also with messages in very many fragments.
fn server_config(policy: OriginPolicy, deflate: Option<Deflate>) -> Arc<ServerConfig> {
    let mut config = Config::default();
    config.max_message_len = 64 << 20;
    config.max_frame_len = 64 << 20;
    config.max_fragments = 1 << 22;
    config.send_high = 16 << 20;
    config.send_low = 4 << 20;
    config.deflate = deflate;
    let mut server = ServerConfig::new(policy).with(config);
    server.plain_http = true;
    Arc::new(server)
}

/// The answers to our Close are worth a wait, but not any wait.
fn stop_timeout(config: &Config) -> Duration {
    config.close_timeout + config.drain_timeout + STOP_MARGIN
}

/// Ctrl-C, or the signal that asks a service to stop: heard from the call on, whenever it is waited for.
#[cfg(unix)]
fn told_to_stop() -> io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

#[cfg(windows)]
fn told_to_stop() -> io::Result<impl Future<Output = ()>> {
    let mut interrupt = tokio::signal::windows::ctrl_c()?;
    Ok(async move { _ = interrupt.recv().await })
}
