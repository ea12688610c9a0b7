//! A client that opens ten thousand connections to an echo, and says hello on each:
//! `cargo run --release -p adieu-mio --example ten_thousand 127.0.0.1:9001`.
//!
//! `cargo run --release -p adieu-mio --example mio_echo 127.0.0.1:9001` is such an echo; it needs as many descriptors: `ulimit -n 20000`.

use std::error::Error;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use adieu_mio::{
    ClientRequest, Close, CloseCode, Closed, Config, EventLoop, Handle, Handler, Key, Message, Response,
    Sockets,
};
use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// Handshakes under way at a time: a server's backlog is no larger.
const AT_A_TIME: usize = 128;

struct Client {
    server: SocketAddr,
    config: Arc<Config>,
    handle: Option<Arc<Handle<()>>>,
    begun: Instant,
    wanted: usize,
    asked: usize,
    open: Vec<Key>,
    echoes: usize,
    closed: usize,
    clean: usize,
}

impl Client {
    fn connect(&mut self, sockets: &mut Sockets) {
        if self.asked < self.wanted {
            self.asked += 1;
            let request = ClientRequest::new(&self.server.to_string(), "/").expect("an address can travel");
            if let Err(error) = sockets.connect(self.server, request, Arc::clone(&self.config)) {
                eprintln!("{error}");
                self.stop();
            }
        }
    }

    fn stop(&self) {
        self.handle.iter().for_each(|handle| handle.shut_down());
    }
}

impl Handler for Client {
    type Command = ();

    fn on_open(&mut self, sockets: &mut Sockets, key: Key, _response: Box<Response>) {
        self.open.push(key);
        self.connect(sockets);
        if self.open.len() == self.wanted {
            eprintln!("{} open after {:.1?}", self.wanted, self.begun.elapsed());
            for key in &self.open {
                // Refused? Then its end is told.
                drop(sockets.send(*key, "hello"));
            }
        }
    }

    fn on_message(&mut self, sockets: &mut Sockets, _key: Key, message: Message<'_>) {
        self.echoes += usize::from(message.as_text() == Some("hello"));
        if self.echoes == self.wanted {
            eprintln!("{} echoes after {:.1?}", self.wanted, self.begun.elapsed());
            for key in &self.open {
                // Refused only where it is closing already.
                if let Some((socket, now)) = sockets.reach(*key) {
                    let _already = socket.connection.close(now, Close::cut(CloseCode::NORMAL, ""));
                }
            }
        }
    }

    fn on_closed(&mut self, sockets: &mut Sockets, _key: Key, verdict: Box<Closed>) {
        self.closed += 1;
        self.clean += usize::from(verdict.clean);
        if !verdict.clean {
            eprintln!("{verdict}");
            self.connect(sockets);
        }
        if self.closed == self.wanted {
            eprintln!("{} ended after {:.1?}, {} clean", self.closed, self.begun.elapsed(), self.clean);
            self.stop();
        }
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let (_, most) = getrlimit(Resource::RLIMIT_NOFILE)?;
    setrlimit(Resource::RLIMIT_NOFILE, most, most)?;
    let mut arguments = std::env::args().skip(1);
    let server = arguments.next().unwrap_or_else(|| "127.0.0.1:9001".to_owned()).parse()?;
    let wanted = arguments.next().map_or(Ok(10_000), |count| count.parse())?;
    let (config, begun) = (Arc::default(), Instant::now());
    let (handle, open) = (None, Vec::new());
    let client =
        Client { server, config, handle, begun, wanted, asked: 0, open, echoes: 0, closed: 0, clean: 0 };
    let mut event_loop = EventLoop::new(client)?;
    event_loop.handler.handle = Some(Arc::clone(&event_loop.handle));
    for _ in 0..AT_A_TIME {
        event_loop.handler.connect(&mut event_loop.sockets);
    }
    let client = event_loop.run()?;
    if client.clean == wanted { Ok(()) } else { Err("not all ended clean".into()) }
}
