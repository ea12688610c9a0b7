//! The servers: each echoes every message, on one thread.

use adieu_bench::process::answer;
use adieu_bench::{Fallible, servers};
use tokio::net::{TcpListener, TcpStream};

use crate::peers;

/// The servers' names; the first is what the others are compared with.
pub(crate) const NAMES: [&str; 6] =
    ["adieu", "adieu-mio", "tokio-tungstenite", "tungstenite-16k", "tokio-websockets", "sockudo-ws"];

/// Serves until standard input ends. Prints the address, then answers each line of input with the CPU time used so far, user
/// and system, in microseconds.
///
/// # Errors
///
/// When there is no such server, or it cannot listen.
pub(crate) fn run(name: &str) -> Fallible<()> {
    // Calibrates a clock that one of them would calibrate with its first connection.
    sockudo_ws::init_clock();
    if name == "adieu-mio" {
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0))?;
        println!("{}", listener.local_addr()?);
        std::thread::spawn(answer);
        return servers::over_mio(listener);
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        println!("{}", listener.local_addr()?);
        std::thread::spawn(answer);
        match name {
            "adieu" => servers::over_tokio(listener).await,
            "tokio-tungstenite" => accept(listener, peers::tungstenite).await,
            "tungstenite-16k" => accept(listener, peers::tungstenite_16k).await,
            "tokio-websockets" => accept(listener, peers::tokio_websockets).await,
            "sockudo-ws" => accept(listener, peers::sockudo).await,
            _ => Err(format!("no server is called {name}").into()),
        }
    })
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
