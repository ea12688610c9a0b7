//! WebSocket on one path of a hyper server.
//!
//! hyper owns the connection until the request is accepted; then Adieu takes over the very TCP stream, with the bytes that hyper has
//! read too far.
//!
//! ```text
//! cargo run -p adieu-tokio --example hyper 127.0.0.1:9001
//! cargo run -p adieu -- connect ws://127.0.0.1:9001/
//! ```
//!
//! Try: any text comes back; `close` makes the server close first, and `abort` reset.
#![allow(clippy::print_stdout, reason = "a program talks to its user")]

use std::convert::Infallible;
use std::error::Error;
use std::sync::Arc;
use std::{env, io};

use adieu_tokio::{Accept, Accepted, Close, Closed, Driver, OriginPolicy, ServerConfig, Upgrade, WebSocket};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};

type Answer = Response<Full<Bytes>>;

#[tokio::main]
async fn main() -> io::Result<()> {
    let address = env::args().nth(1).unwrap_or("127.0.0.1:0".into());
    let listener = TcpListener::bind(address).await?;
    println!("listening on ws://{}/", listener.local_addr()?);
    loop {
        let (stream, _) = listener.accept().await?;
        tokio::spawn(async move {
            let http = hyper::server::conn::http1::Builder::new();
            let serving = http.serve_connection(TokioIo::new(stream), service_fn(answer)).with_upgrades();
            if let Err(error) = serving.await {
                println!("HTTP: {error}");
            }
        });
    }
}

/// Answers a request: a page at `/hello`, WebSocket elsewhere.
async fn answer(request: Request<Incoming>) -> Result<Answer, Infallible> {
    if request.uri().path() == "/hello" {
        return Ok(Response::new(Full::from("hello over HTTP\n")));
    }
    let config = ServerConfig::new(OriginPolicy::SameOrigin);
    let upgrade = match Upgrade::new(&request, Arc::new(config)) {
        Ok(upgrade) => upgrade,
        Err(refusal) => return Ok(refusal.map(Full::from)),
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
    Ok(response.map(|()| Full::default()))
}

/// The stream below hyper, once it has sent the response.
async fn take_over(
    request: Request<Incoming>,
    accepted: Accepted,
) -> Result<(WebSocket<TcpStream>, Driver<TcpStream>), Box<dyn Error + Send + Sync>> {
    let upgraded = hyper::upgrade::on(request).await?;
    let parts = upgraded.downcast::<TokioIo<TcpStream>>().map_err(|_| "another stream than was given")?;
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
