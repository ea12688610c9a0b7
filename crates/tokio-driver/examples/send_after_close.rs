//! Sending to somebody who has left.
//!
//! An application that only sends, and never receives, is where most libraries surprise: the client closes and
//! goes away, and `send` goes on succeeding, message after message, into the void. Here the first `send` after
//! the client's Close has arrived is refused, says why, and hands the message back.
//!
//! ```text
//! cargo run -p adieu-tokio --example send_after_close 127.0.0.1:9001
//! cargo run -p adieu -- connect ws://127.0.0.1:9001/
//! ```
//!
//! Try: watch a few numbers arrive, then `/close 1000 enough`. Or kill the client: that ends differently, and the
//! verdict says so.
#![allow(clippy::print_stdout, reason = "a program talks to its user")]

use std::sync::Arc;
use std::time::Duration;
use std::{env, io};

use adieu_tokio::{Accept, Incoming, OriginPolicy, ServerConfig, serve};
use tokio::net::{TcpListener, TcpStream};

#[tokio::main]
async fn main() -> io::Result<()> {
    let address = env::args().nth(1).unwrap_or("127.0.0.1:0".into());
    let listener = TcpListener::bind(address).await?;
    println!("listening on ws://{}/", listener.local_addr()?);
    let config = ServerConfig::new(OriginPolicy::Any);
    serve(listener, Arc::new(config), count).await;
    Ok(())
}

/// Runs once for each client: sends numbers, and learns from `send` alone that the client has left.
async fn count(incoming: Incoming<TcpStream>) {
    let Ok(ws) = incoming.accept(Accept::new()).await else { return };
    // Nobody will ask for what this client says. So its Close need not wait behind messages that nobody reads.
    ws.stop_receiving();
    let mut pace = tokio::time::interval(Duration::from_millis(200));
    for number in 1_u64.. {
        pace.tick().await;
        if let Err(refused) = ws.send(number.to_string()).await {
            println!("{refused}; {:?} came back", refused.message);
            break;
        }
    }
    println!("verdict: {}", ws.closed().await);
}
