//! A loop for those who have none.
//!
//! Owns: the poll, in which order sockets have their turns, and the end of the loop. Must not know: what a connection does in its
//! turn.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

use adieu_core::{Close, Connection, Event, Instant, ServerConfig};
use mio::net::TcpListener;
use mio::{Events, Interest, Poll, Token, Waker};

use crate::buffers::Buffers;
use crate::handle::{COMMANDS, Handle};
use crate::handler::Handler;
use crate::listener::Listener;
use crate::slab::Key;
use crate::socket::{Hold, READS, Ready, Socket};
use crate::sockets::Sockets;

const LISTENER: Token = Token(usize::MAX);
const WAKER: Token = Token(usize::MAX - 1);

/// Events of one poll, and clients or commands of one round, at most.
const ROUND: usize = 1024;

/// How long a shutdown waits by default.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(30);

/// Runs a handler: one thread, and as many connections as there are descriptors.
pub struct EventLoop<H: Handler> {
    handler: H,
    sockets: Sockets,
    buffers: Buffers,
    poll: Poll,
    server: Option<(Listener, Arc<ServerConfig>)>,
    waker: Arc<Waker>,
    sender: SyncSender<H::Command>,
    commands: Receiver<H::Command>,
    commanded: bool,
    stop: Arc<AtomicBool>,
    shutdown_timeout: Duration,
    /// When what is left is reset, once it stops.
    stopping: Option<Instant>,
}

impl<H: Handler> EventLoop<H> {
    /// A loop that serves nobody yet.
    ///
    /// # Errors
    ///
    /// The system's.
    pub fn new(handler: H) -> io::Result<Self> {
        let poll = Poll::new()?;
        let (sender, commands) = sync_channel(COMMANDS);
        Ok(Self {
            handler,
            sockets: Sockets::new(poll.registry().try_clone()?),
            buffers: Buffers::default(),
            server: None,
            waker: Arc::new(Waker::new(poll.registry(), WAKER)?),
            poll,
            sender,
            commands,
            commanded: false,
            stop: Arc::default(),
            shutdown_timeout: SHUTDOWN_TIMEOUT,
            stopping: None,
        })
    }

    /// Serves the clients of a [`listener`](crate::listen).
    ///
    /// # Errors
    ///
    /// The system's.
    pub fn serve(mut self, mut listener: TcpListener, config: Arc<ServerConfig>) -> io::Result<Self> {
        self.poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
        self.server = Some((Listener::new(listener), config));
        Ok(self)
    }

    /// How long a shutdown may take before what is left is reset. 30 s by default.
    #[must_use]
    pub const fn shutdown_timeout(mut self, timeout: Duration) -> Self {
        self.shutdown_timeout = timeout;
        self
    }

    /// For other threads.
    pub fn handle(&self) -> Handle<H::Command> {
        let (commands, waker, stop) = (self.sender.clone(), Arc::clone(&self.waker), Arc::clone(&self.stop));
        Handle { commands, waker, stop }
    }

    /// The connections, before it runs: for a client to connect.
    pub const fn sockets(&mut self) -> &mut Sockets {
        &mut self.sockets
    }

    /// Runs until it is [shut down](Handle::shut_down), and gives the handler back.
    ///
    /// # Errors
    ///
    /// The poll's: none that a connection or a client could cause.
    pub fn run(mut self) -> io::Result<H> {
        let mut events = Events::with_capacity(ROUND);
        self.sockets.tick();
        while !(self.stopping.is_some() && self.sockets.is_empty()) {
            match self.poll.poll(&mut events, self.timeout()) {
                Err(error) if error.kind() != io::ErrorKind::Interrupted => return Err(error),
                Ok(()) | Err(_) => {}
            }
            self.sockets.tick();
            self.sockets.begin_round();
            for event in &events {
                self.note(event);
            }
            self.round();
        }
        Ok(self.handler)
    }

    /// How long there is nothing to do; `None`: until something happens.
    fn timeout(&self) -> Option<Duration> {
        if self.commanded || !self.sockets.queue.is_empty() {
            return Some(Duration::ZERO);
        }
        let now = self.sockets.now();
        let accepting = self.server.as_ref().and_then(|(listener, _)| listener.deadline(now));
        let alarms = [self.sockets.timers.next(), accepting, self.handler.deadline(), self.stopping];
        alarms.into_iter().flatten().min().map(|at| at.since(now))
    }

    fn note(&mut self, event: &mio::event::Event) {
        match event.token() {
            WAKER => self.commanded = true,
            LISTENER => self.server.iter_mut().for_each(|(listener, _)| listener.note()),
            token => {
                if let Some((key, slot)) = self.sockets.slab.at(token) {
                    slot.socket.note(Ready::from(event));
                    self.sockets.queue.push_back(key);
                }
            }
        }
    }

    /// What has come to be done: a bounded share of each thing, and of each connection.
    fn round(&mut self) {
        self.admit();
        self.obey();
        let now = self.sockets.now();
        while let Some(key) = self.sockets.timers.due(&mut self.sockets.slab, now) {
            self.sockets.queue.push_back(key);
        }
        for _ in 0..self.sockets.queue.len() {
            if let Some(key) = self.sockets.queue.pop_front() {
                self.turn(key);
            }
        }
        if self.handler.deadline().is_some_and(|deadline| deadline <= now) {
            self.handler.on_deadline(&mut self.sockets);
        }
        if self.stopping.is_none() && self.stop.load(Ordering::Acquire) {
            self.begin_to_stop();
        }
        if self.stopping.is_some_and(|bound| bound <= now) {
            self.reset_all();
        }
        self.sockets.settle_changed();
    }

    /// Accepts those who have come.
    fn admit(&mut self) {
        let Some((listener, config)) = &mut self.server else { return };
        for _ in 0..ROUND {
            let now = self.sockets.now();
            let Some(stream) = listener.accept(now) else { break };
            let socket = Socket::new(stream, Connection::server(Arc::clone(config), now));
            // One that cannot be registered is dropped: the system is out of something.
            let _dropped = self.sockets.admit(socket);
        }
    }

    fn obey(&mut self) {
        let waiting = std::mem::take(&mut self.commanded);
        for _ in 0..if waiting { ROUND } else { 0 } {
            let Ok(command) = self.commands.try_recv() else { return };
            self.handler.on_command(&mut self.sockets, command);
        }
        self.commanded = waiting;
    }

    /// A connection's turn.
    fn turn(&mut self, key: Key) {
        let Self { handler, sockets, buffers, .. } = self;
        sockets.tick();
        let now = sockets.now();
        let Some(slot) = sockets.slab.get_mut(key) else { return };
        let begun = slot.socket.begin(now, buffers);
        sockets.current = Some(key);
        if let Err(error) = begun {
            handler.on_unreachable(sockets, key, error);
        }
        for _ in 0..READS {
            let Some(slot) = sockets.slab.get_mut(key) else { break };
            let mut input = slot.socket.read(now, buffers);
            let last = input.is_empty();
            while let Some(event) = sockets.slab.get_mut(key).and_then(|slot| slot.socket.next(now, &mut input)) {
                dispatch(handler, sockets, key, event);
            }
            if last {
                break;
            }
        }
        sockets.current = None;
        sockets.settle(key);
    }

    /// Nobody is accepted any more but those who have connected already, and all are closed (CLOSE.md B17).
    fn begin_to_stop(&mut self) {
        self.admit();
        self.stopping = Some(self.sockets.now() + self.shutdown_timeout);
        if let Some((mut listener, _)) = self.server.take() {
            // It is closed next, which does as well.
            let _closed = self.poll.registry().deregister(&mut listener.socket);
        }
        let Ok(close) = Close::new(1001, "the server shuts down") else { return };
        for key in self.sockets.keys().collect::<Vec<_>>() {
            self.sockets.hold(key, Hold::Never);
            if let Some((connection, now)) = self.sockets.reach(key) {
                // One that is closing already needs nothing.
                let _already = connection.close_cutting(now, close.clone());
            }
        }
    }

    fn reset_all(&mut self) {
        for key in self.sockets.keys().collect::<Vec<_>>() {
            if let Some((connection, now)) = self.sockets.reach(key) {
                connection.abort(now);
            }
        }
    }
}

/// Tells the application.
fn dispatch<H: Handler>(handler: &mut H, sockets: &mut Sockets, key: Key, event: Event<'_>) {
    match event {
        Event::Request(request) => handler.on_request(sockets, key, request),
        Event::Open(response) => handler.on_open(sockets, key, response),
        Event::Message(message) => handler.on_message(sockets, key, message),
        Event::Chunk(chunk) => handler.on_chunk(sockets, key, chunk),
        Event::Pong(pong) => handler.on_pong(sockets, key, pong),
        Event::Drained => handler.on_writable(sockets, key),
        Event::Closing => handler.on_closing(sockets, key),
        Event::Closed(verdict) => handler.on_closed(sockets, key, verdict),
        _ => {}
    }
}

impl<H: Handler> fmt::Debug for EventLoop<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let connections = self.sockets.len();
        f.debug_struct("EventLoop").field("connections", &connections).finish_non_exhaustive()
    }
}
