//! The client's role in the Autobahn cases: asks how many there are, echoes through each, asks for the report.
//!
//! `autobahn-client ws://HOST:PORT [AGENT]`; driven by `tests/conformance/run.py`.

use std::process::ExitCode;
use std::sync::Arc;

use adieu_core::{Config, Message};
use adieu_tests::conformance;
use adieu_tokio::{Connect, ConnectError, NetStream, WebSocket};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let Some(base) = arguments.next() else {
        eprintln!("usage: autobahn-client ws://HOST:PORT [AGENT]");
        return ExitCode::from(2);
    };
    let agent = arguments.next().unwrap_or_else(|| "adieu".to_owned());
    match run(base.trim_end_matches('/'), &agent).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("autobahn-client: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(base: &str, agent: &str) -> Result<(), Box<dyn std::error::Error>> {
    let config = Arc::new(conformance::config());
    let count = case_count(base, &config).await?;
    for case in 1..=count {
        let url = format!("{base}/runCase?case={case}&agent={agent}");
        echo(open(&url, &config).await?).await;
    }
    // The suite ends when it has written its report, with or without a Close.
    let mut last = open(&format!("{base}/updateReports?agent={agent}"), &config).await?;
    while last.recv().await.is_ok() {}
    Ok(())
}

async fn open(url: &str, config: &Arc<Config>) -> Result<WebSocket<NetStream>, ConnectError> {
    Connect::new(url)?.config(Arc::clone(config)).open().await
}

async fn case_count(base: &str, config: &Arc<Config>) -> Result<u32, Box<dyn std::error::Error>> {
    let mut socket = open(&format!("{base}/getCaseCount"), config).await?;
    let message = socket.recv().await.map_err(|closed| format!("no count: {closed}"))?;
    let Message::Text(count) = message else { return Err("the count is not text".into()) };
    Ok(count.parse()?)
}

/// Sends back what arrives until the connection ends, however it ends: the suite judges.
async fn echo(mut socket: WebSocket<NetStream>) {
    while let Ok(message) = socket.recv().await {
        if socket.send(message).await.is_err() {
            break;
        }
    }
    socket.closed().await;
}
