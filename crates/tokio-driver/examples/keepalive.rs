//! Keepalive: a client that goes silent is noticed in time.
//!
//! A laptop that sleeps and a cable that is pulled end no TCP connection. So when nothing has arrived for a while
//! the server pings, and a client whose pong does not come in time is given up, whatever the application is doing.
//! A client that is merely quiet answers (every WebSocket endpoint does, browsers too), and stays.
//!
//! ```text
//! cargo run -p adieu-tokio --example keepalive 127.0.0.1:9001
//! cargo run -p adieu -- connect ws://127.0.0.1:9001/
//! ```
//!
//! Try: suspend the client with Ctrl-Z, and watch the server. A second argument is the number of seconds that both
//! the interval and the patience last (1 if there is none).
#![allow(clippy::print_stdout, reason = "a program talks to its user")]

use std::env;
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use adieu_tokio::{Accept, Config, Incoming, OriginPolicy, ServerConfig, serve};
use tokio::net::{TcpListener, TcpStream};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let address = arguments.next().unwrap_or("127.0.0.1:0".into());
    let seconds = arguments.next().unwrap_or("1".into()).parse()?;

    let mut config = Config::default();
    config.ping_interval = Some(Duration::try_from_secs_f64(seconds)?);
    config.pong_timeout = Duration::try_from_secs_f64(seconds)?;

    let listener = TcpListener::bind(address).await?;
    println!("listening on ws://{}/", listener.local_addr()?);
    let config = ServerConfig::new(OriginPolicy::Any).with(config);
    serve(listener, Arc::new(config), watch).await;
    Ok(())
}

/// Runs once for each client: echoes, and tells how it ended.
async fn watch(incoming: Incoming<TcpStream>) {
    let Ok(mut ws) = incoming.accept(Accept::new()).await else { return };
    println!("a client came");
    while let Ok(message) = ws.recv().await {
        if ws.send(message).await.is_err() {
            break;
        }
    }
    println!("a client went: {}", ws.closed().await);
}
