//! An echo server: what a client sends comes back.
//!
//! ```text
//! cargo run -p adieu-tokio --example echo 127.0.0.1:9001
//! cargo run -p adieu -- connect ws://127.0.0.1:9001/
//! ```
//!
//! Try: type lines; `/ping`; `/close 1000 bye`. Pings are answered, limits are kept and the closing handshake is
//! done for you: there is nothing about them below.
#![allow(clippy::print_stdout, reason = "a program talks to its user")]

use std::sync::Arc;
use std::{env, io};

use adieu_tokio::{Accept, Incoming, OriginPolicy, ServerConfig, serve};
use tokio::net::{TcpListener, TcpStream};

#[tokio::main]
async fn main() -> io::Result<()> {
    let address = env::args().nth(1).unwrap_or("127.0.0.1:0".into());
    let listener = TcpListener::bind(address).await?;
    println!("listening on ws://{}/", listener.local_addr()?);
    let config = ServerConfig::new(OriginPolicy::Any);
    serve(listener, Arc::new(config), echo).await;
    Ok(())
}

/// Runs once for each client.
async fn echo(incoming: Incoming<TcpStream>) {
    let Ok(mut ws) = incoming.accept(Accept::new()).await else { return };
    while let Ok(message) = ws.recv().await {
        if ws.send(message).await.is_err() {
            break;
        }
    }
}
