//! The servers: each echoes every message, on one thread.

use std::io::{self, BufRead};

use nix::sys::resource::{UsageWho, getrusage};
use tokio::net::{TcpListener, TcpStream};

use crate::{Fallible, peers};

/// The servers' names; the first is what the others are compared with.
pub(crate) const NAMES: [&str; 5] =
    ["adieu", "tokio-tungstenite", "tungstenite-16k", "tokio-websockets", "sockudo-ws"];

/// Serves until standard input ends. Prints the address, then answers each line of input with the CPU time used so far, user
/// and system, in microseconds.
///
/// # Errors
///
/// When there is no such server, or it cannot listen.
pub(crate) fn run(name: &str) -> Fallible<()> {
    // Calibrates a clock that one of them would calibrate with its first connection.
    sockudo_ws::init_clock();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        println!("{}", listener.local_addr()?);
        std::thread::spawn(answer);
        match name {
            "adieu" => adieu(listener).await,
            "tokio-tungstenite" => accept(listener, peers::tungstenite).await,
            "tungstenite-16k" => accept(listener, peers::tungstenite_16k).await,
            "tokio-websockets" => accept(listener, peers::tokio_websockets).await,
            "sockudo-ws" => accept(listener, peers::sockudo).await,
            _ => Err(format!("no server is called {name}").into()),
        }
    })
}

fn answer() {
    for _ in io::stdin().lock().lines() {
        match getrusage(UsageWho::RUSAGE_SELF) {
            Ok(usage) => {
                let micros = |time: nix::sys::time::TimeVal| time.tv_sec() * 1_000_000 + time.tv_usec();
                println!("{} {}", micros(usage.user_time()), micros(usage.system_time()));
            }
            Err(_) => break,
        }
    }
    std::process::exit(0);
}

async fn adieu(listener: TcpListener) -> Fallible<()> {
    use adieu_core::handshake::Accept;
    use adieu_core::{OriginPolicy, ServerConfig};

    let config = std::sync::Arc::new(ServerConfig::new(OriginPolicy::Any));
    let serve =
        adieu_tokio::serve(listener, config, |incoming: adieu_tokio::Incoming<TcpStream>| async move {
            let Ok(mut socket) = incoming.accept(Accept::new()).await else {
                return;
            };
            while let Ok(message) = socket.recv().await {
                if socket.send(message).await.is_err() {
                    break;
                }
            }
        });
    serve.await;
    Ok(())
}

/// One task for each connection.
async fn accept<F>(listener: TcpListener, echo: fn(TcpStream) -> F) -> Fallible<()>
where
    F: Future<Output = Fallible<()>> + 'static,
    F: Send,
{
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let echo = echo(stream);
        // A client that goes away ends its own connection only.
        tokio::spawn(async move { drop(echo.await) });
    }
}
