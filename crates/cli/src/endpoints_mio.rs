//! The same endpoints over mio: one thread for all connections.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::sync::Arc;

use adieu_mio::mio::net::TcpListener;
use adieu_mio::{
    Accept, Close, Closed, EventLoop, Handler, Instant, Key, Message, Pong, Prepared, Request, SendRefusal,
    ServerConfig, Sockets,
};
use tokio::net::TcpStream;
use tokio::runtime;

use crate::counter::{self, Action, Notice};
use crate::endpoint::{self, Endpoint};
use crate::endpoints::{self, BURST_BYTE, Ending, PATIENCE, Shared};

/// A loop that serves the endpoints. What misbehaves without the library does so in tasks of the current runtime.
///
/// # Errors
///
/// The system's.
pub(crate) fn serve(
    listener: TcpListener,
    config: Arc<ServerConfig>,
    shared: Arc<Shared>,
) -> io::Result<EventLoop<Lab>> {
    let lab = Lab {
        shared,
        runtime: runtime::Handle::current(),
        talks: HashMap::new(),
        counter: Counter::default(),
        aborts: VecDeque::new(),
    };
    EventLoop::new(lab)?.serve(listener, config)
}

/// All that goes on.
#[derive(Debug)]
pub(crate) struct Lab {
    shared: Arc<Shared>,
    runtime: runtime::Handle,
    talks: HashMap<Key, Talk>,
    counter: Counter,
    /// Who is to be reset, and when at the latest.
    aborts: VecDeque<(Instant, Key)>,
}

/// One connection.
#[derive(Debug)]
struct Talk {
    about: Option<String>,
    what: What,
}

/// What it is for.
#[derive(Debug)]
enum What {
    Page,
    Echo,
    Counter,
    Abort,
    Burst {
        left: u64,
        message: Prepared,
    },
    /// It is closing, or refused.
    Nothing,
}

impl Handler for Lab {
    type Command = ();

    fn on_request(&mut self, sockets: &mut Sockets, key: Key, request: Box<Request>) {
        let peer = || sockets.get(key)?.stream.as_ref()?.peer_addr().ok();
        let about = self.shared.about(&request, peer);
        let parsed = endpoint::parse(request.path(), request.query(), request.is_websocket());
        let Some((socket, now)) = sockets.reach(key) else { return };
        // An answer fails only where the connection has ended meanwhile, and is told then.
        let connection = &mut socket.connection;
        let what = match parsed {
            Err(refused) => {
                let _ended = connection.reject(now, &endpoints::refusal(refused));
                What::Nothing
            }
            Ok(Endpoint::Page) => {
                let _ended = connection.reject(now, &endpoints::page());
                What::Page
            }
            Ok(endpoint @ (Endpoint::Drop | Endpoint::Silent)) => {
                return self.misbehave(sockets, key, endpoint, &request, about);
            }
            Ok(endpoint) => {
                let _ended = connection.accept(now, &Accept::new());
                self.begin(sockets, key, endpoint)
            }
        };
        self.talks.insert(key, Talk { about, what });
        self.burst(sockets, key);
    }

    fn on_message(&mut self, sockets: &mut Sockets, key: Key, message: Message<'_>) {
        match self.talks.get(&key).map(|talk| &talk.what) {
            // Refused only where it is closing.
            Some(What::Echo) => drop(sockets.send(key, message)),
            Some(What::Counter) => match counter::read(message.as_bytes()) {
                Ok(Action::Plus) => self.counter.add(sockets, 1),
                Ok(Action::Minus) => self.counter.add(sockets, -1),
                Err(message) => drop(sockets.send(key, counter::json(&Notice::Error { message }))),
            },
            Some(What::Page | What::Abort | What::Burst { .. } | What::Nothing) | None => {}
        }
    }

    fn on_pong(&mut self, sockets: &mut Sockets, key: Key, _pong: Pong) {
        if self.talks.get(&key).is_some_and(|talk| matches!(talk.what, What::Abort)) {
            abort(sockets, key);
        }
    }

    fn on_writable(&mut self, sockets: &mut Sockets, key: Key) {
        self.burst(sockets, key);
    }

    fn on_closed(&mut self, sockets: &mut Sockets, key: Key, verdict: Box<Closed>) {
        self.counter.leave(sockets, key);
        if let Some(talk) = self.talks.remove(&key) {
            let ending = match talk.what {
                What::Page => Ending::of_page(verdict),
                _ => Ending::Verdict(verdict),
            };
            self.shared.tell(talk.about.as_deref(), &ending);
        }
    }

    fn deadline(&self) -> Option<Instant> {
        self.aborts.front().map(|(at, _)| *at)
    }

    fn on_deadline(&mut self, sockets: &mut Sockets) {
        while let Some((_, key)) = self.aborts.pop_front_if(|(at, _)| *at <= sockets.now()) {
            abort(sockets, key);
        }
    }
}

impl Lab {
    /// What an endpoint does first, on a connection that was just accepted.
    fn begin(&mut self, sockets: &mut Sockets, key: Key, endpoint: Endpoint) -> What {
        let Some((socket, now)) = sockets.reach(key) else { return What::Nothing };
        match endpoint {
            Endpoint::Echo => What::Echo,
            Endpoint::Counter => {
                self.counter.join(sockets, key);
                What::Counter
            }
            Endpoint::Abort => {
                // Once it is answered the client is certainly open: a reset may destroy what is on its way, the 101 too.
                let _ended = socket.connection.ping(now);
                self.aborts.push_back((now + PATIENCE, key));
                What::Abort
            }
            Endpoint::Burst { count, size } => {
                // A client that closes in the middle is not kept waiting behind what it said before.
                socket.connection.stop_receiving(now);
                What::Burst { left: count, message: Prepared::binary(&vec![BURST_BYTE; size]) }
            }
            Endpoint::Close(close) => {
                let _already = socket.connection.close(now, close);
                What::Nothing
            }
            Endpoint::Page | Endpoint::Drop | Endpoint::Silent => What::Nothing,
        }
    }

    /// Sends as much of a burst as there is room for, and closes behind it.
    fn burst(&mut self, sockets: &mut Sockets, key: Key) {
        let Some(Talk { what: What::Burst { left, message }, .. }) = self.talks.get_mut(&key) else { return };
        while *left > 0 {
            match sockets.send_prepared(key, message) {
                Ok(_) => *left -= 1,
                Err(_) => return,
            }
        }
        close(sockets, key, 1000, "");
    }

    /// What the library never does, without it.
    fn misbehave(
        &self,
        sockets: &mut Sockets,
        key: Key,
        endpoint: Endpoint,
        request: &Request,
        about: Option<String>,
    ) {
        let (shared, key_header) = (Arc::clone(&self.shared), endpoints::key(request));
        let Some(stream) = sockets.take_stream(key) else { return };
        self.runtime.spawn(async move {
            if let Ok(stream) = TcpStream::from_std(stream.into()) {
                endpoints::misbehave(&endpoint, stream.into(), &key_header, shared.stopping.clone()).await;
            }
            shared.tell(about.as_deref(), &Ending::Unseen);
        });
    }
}

fn abort(sockets: &mut Sockets, key: Key) {
    if let Some((socket, now)) = sockets.reach(key) {
        socket.connection.abort(now);
    }
}

fn close(sockets: &mut Sockets, key: Key, code: u16, reason: &str) {
    if let Some((socket, now)) = sockets.reach(key) {
        // Refused only where it is closing already.
        let _already = Close::new(code, reason).and_then(|close| socket.connection.close(now, close));
    }
}

/// The counter: the value, and who looks at it. In one thread it needs no lock.
#[derive(Debug, Default)]
struct Counter {
    value: i64,
    users: Vec<Key>,
}

impl Counter {
    fn join(&mut self, sockets: &mut Sockets, key: Key) {
        // Refused only where it has ended, which is told.
        drop(sockets.send(key, counter::json(&Notice::Value { value: self.value })));
        self.users.push(key);
        self.tell(sockets, &Notice::Users { count: self.users.len() });
    }

    fn leave(&mut self, sockets: &mut Sockets, key: Key) {
        if let Some(at) = self.users.iter().position(|user| *user == key) {
            self.users.swap_remove(at);
            self.tell(sockets, &Notice::Users { count: self.users.len() });
        }
    }

    fn add(&mut self, sockets: &mut Sockets, difference: i64) {
        self.value = self.value.saturating_add(difference);
        self.tell(sockets, &Notice::Value { value: self.value });
    }

    /// Tells everybody, encoded once. Whose queue is full does not keep up, and has to go.
    fn tell(&self, sockets: &mut Sockets, notice: &Notice) {
        let message = Prepared::text(&counter::json(notice));
        for user in &self.users {
            if sockets.send_prepared(*user, &message) == Err(SendRefusal::Full) {
                close(sockets, *user, 1013, "too slow");
            }
        }
    }
}
