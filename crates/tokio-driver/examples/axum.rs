//! WebSocket on one route of an axum application.
//!
//! The route's handler lets Adieu judge the request, returns its response, and takes over the TCP stream that axum served.
//!
//! ```text
//! cargo run -p adieu-tokio --example axum 127.0.0.1:9001
//! cargo run -p adieu -- connect ws://127.0.0.1:9001/
//! ```
//!
//! Try: any text comes back; `close` makes the server close first, and `abort` reset.
#![allow(clippy::print_stdout, reason = "a program talks to its user")]

use std::error::Error;
use std::sync::Arc;
use std::{env, io};

use adieu_tokio::{Accept, Accepted, Close, Closed, Driver, OriginPolicy, ServerConfig, Upgrade, WebSocket};
use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use axum::routing::get;
use hyper_util::rt::TokioIo;
use hyper_util::server::conn::auto::upgrade::downcast;
use tokio::net::{TcpListener, TcpStream};

#[tokio::main]
async fn main() -> io::Result<()> {
    let address = env::args().nth(1).unwrap_or("127.0.0.1:0".into());
    let listener = TcpListener::bind(address).await?;
    println!("listening on ws://{}/", listener.local_addr()?);
    let config = Arc::new(ServerConfig::new(OriginPolicy::SameOrigin));
    let app = Router::new()
        .route("/hello", get(|| async { "hello over HTTP\n" }))
        .route("/", get(upgrade))
        .with_state(config);
    axum::serve(listener, app).await
}

/// The handler of the WebSocket route.
async fn upgrade(State(config): State<Arc<ServerConfig>>, request: Request) -> Response {
    let upgrade = match Upgrade::new(&request, config) {
        Ok(upgrade) => upgrade,
        Err(refusal) => return refusal.map(Body::from),
    };
    let (response, accepted) = upgrade.accept(&Accept::new()).expect("no subprotocol was chosen");
    tokio::spawn(async move {
        match take_over(request, accepted).await {
            Ok((ws, driver)) => {
                tokio::spawn(driver);
                println!("verdict: {}", echo(ws).await);
            }
            Err(error) => println!("not upgraded: {error}"),
        }
    });
    response.map(|()| Body::empty())
}

/// The stream below axum, once it has sent the response, and what axum has read of it too far.
async fn take_over(
    request: Request,
    accepted: Accepted,
) -> Result<(WebSocket<TcpStream>, Driver<TcpStream>), Box<dyn Error + Send + Sync>> {
    let upgraded = hyper::upgrade::on(request).await?;
    let parts = downcast::<TokioIo<TcpStream>>(upgraded).map_err(|_| "another stream than was given")?;
    Ok(accepted.over(parts.io.into_inner(), &mut parts.read_buf.to_vec()))
}

/// Sends back what it gets, until the end.
async fn echo(mut ws: WebSocket<TcpStream>) -> Box<Closed> {
    while let Ok(message) = ws.recv().await {
        match message.as_text() {
            Some("close") => {
                let _already = Close::new(4000, "as you wish").and_then(|close| ws.start_close(close));
            }
            Some("abort") => ws.abort(),
            _ => {}
        }
        if let Err(refused) = ws.send(message).await {
            println!("{refused}; {:?} came back", refused.message);
        }
    }
    ws.closed().await
}
