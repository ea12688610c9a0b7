//! The client's role in the Autobahn cases over mio: what `autobahn-client` does over tokio.
//!
//! `autobahn-client-mio ws://HOST:PORT [AGENT]`; driven by `tests/conformance/run.py`.

use std::error::Error;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;

use adieu_core::handshake::ClientRequest;
use adieu_core::{Closed, Message};
use adieu_mio::{EventLoop, Handle, Handler, Key, Sockets};
use adieu_tests::conformance;

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let Some(base) = arguments.next() else {
        eprintln!("usage: autobahn-client-mio ws://HOST:PORT [AGENT]");
        return ExitCode::from(2);
    };
    let agent = arguments.next().unwrap_or_else(|| "adieu".to_owned());
    match run(base.trim_start_matches("ws://").trim_end_matches('/'), agent) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("autobahn-client-mio: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(authority: &str, agent: String) -> Result<(), Box<dyn Error>> {
    let (suite, authority) = (authority.parse()?, authority.to_owned());
    let client = Client { suite, authority, agent, handle: None, asked: Asked::Count, fault: None };
    let mut event_loop = EventLoop::new(client)?;
    event_loop.handler.handle = Some(Arc::clone(&event_loop.handle));
    event_loop.handler.connect(&mut event_loop.sockets, "/getCaseCount")?;
    event_loop.run()?.fault.map_or(Ok(()), Err)
}

/// What the suite was asked for last.
enum Asked {
    Count,
    Case { number: u32, count: u32 },
    Report,
}

struct Client {
    suite: SocketAddr,
    authority: String,
    agent: String,
    handle: Option<Arc<Handle<()>>>,
    asked: Asked,
    fault: Option<Box<dyn Error>>,
}

impl Client {
    fn connect(&self, sockets: &mut Sockets, target: &str) -> Result<(), Box<dyn Error>> {
        let request = ClientRequest::new(&self.authority, target)?;
        sockets.connect(self.suite, request, Arc::new(conformance::config()))?;
        Ok(())
    }

    /// Asks for what comes next.
    fn go_on(&mut self, sockets: &mut Sockets) -> Result<(), Box<dyn Error>> {
        self.asked = match self.asked {
            Asked::Count => return Err("no count".into()),
            Asked::Case { number, count } if number < count => Asked::Case { number: number + 1, count },
            Asked::Case { .. } => Asked::Report,
            Asked::Report => {
                self.handle.iter().for_each(|handle| handle.shut_down());
                return Ok(());
            }
        };
        let agent = &self.agent;
        match self.asked {
            Asked::Case { number, .. } => {
                self.connect(sockets, &format!("/runCase?case={number}&agent={agent}"))
            }
            Asked::Count | Asked::Report => self.connect(sockets, &format!("/updateReports?agent={agent}")),
        }
    }
}

impl Handler for Client {
    type Command = ();

    fn on_message(&mut self, sockets: &mut Sockets, key: Key, message: Message<'_>) {
        match self.asked {
            Asked::Count => {
                let count = message.as_text().and_then(|count| count.parse().ok());
                self.asked = count.map_or(Asked::Count, |count| Asked::Case { number: 0, count });
            }
            // Refused where it is closing: the suite judges.
            Asked::Case { .. } => drop(sockets.send(key, message)),
            Asked::Report => {}
        }
    }

    fn on_closed(&mut self, sockets: &mut Sockets, _key: Key, _verdict: Box<Closed>) {
        if let Err(fault) = self.go_on(sockets) {
            self.fault = Some(fault);
            self.handle.iter().for_each(|handle| handle.shut_down());
        }
    }
}
