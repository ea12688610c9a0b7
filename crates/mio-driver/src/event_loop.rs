//! A loop for those who have none.
//!
//! Owns: the poll, in which order things are done, and the end of the loop. Must not know: why a connection does what it does in its
//! turn.

use super::*;

const LISTENER: Token = Token(usize::MAX);
const WAKER: Token = Token(usize::MAX - 1);

/// Events of one poll, and clients that are accepted in one round, at most.
const ROUND: usize = 1024;

/// So many commands wait, at most.
const COMMANDS: usize = 4096;

/// Connections that wait in the system's queue, at most.
const BACKLOG: i32 = 4096;

/// How long accepting pauses when the system is out of something, such as descriptors.
const PAUSE: Duration = Duration::from_millis(100);

/// How long a shutdown waits by default.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(30);

/// Listens for clients, without blocking. `shared`: several threads may listen at the same address, each with a loop of its own, and the
/// system deals out the clients (`SO_REUSEPORT`, where there is one). So may another process of the same user, which is why it has to be asked for.
///
/// # Errors
///
/// The system's.
pub fn listen(address: SocketAddr, shared: bool) -> io::Result<TcpListener> {
    let socket = socket2::Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    #[cfg(all(unix, not(any(target_os = "solaris", target_os = "illumos", target_os = "cygwin"))))]
    socket.set_reuse_address(true).and(socket.set_reuse_port(shared))?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(TcpListener::from_std(socket.into()))
}

/// Runs a handler: one thread, and as many connections as there are descriptors.
#[derive(Debug)]
pub struct EventLoop<H: Handler> {
    /// The application.
    pub handler: H,
    /// The connections; before it runs, for a client to connect.
    pub sockets: Sockets,
    /// How long a shutdown may take before what is left is reset. 30 s by default.
    pub shutdown_timeout: Duration,
    /// For other threads.
    pub handle: Arc<Handle<H::Command>>,
    orders: Receiver<H::Command>,
    buffers: Buffers,
    poll: Poll,
    server: Option<(TcpListener, Arc<ServerConfig>)>,
    /// When to ask for clients; `None`: when the poll tells.
    accept_at: Option<Instant>,
    /// When what is left is reset, once it stops.
    end: Option<Instant>,
}

impl<H: Handler> EventLoop<H> {
    /// A loop that serves nobody yet.
    ///
    /// # Errors
    ///
    /// The system's.
    pub fn new(handler: H) -> io::Result<Self> {
        let (poll, shutdown_timeout) = (Poll::new()?, SHUTDOWN_TIMEOUT);
        let (commands, orders) = sync_channel(COMMANDS);
        let (waker, stop) = (Waker::new(poll.registry(), WAKER)?, AtomicBool::new(false));
        let handle = Arc::new(Handle { commands, waker, stop });
        let sockets = Sockets::new(poll.registry().try_clone()?);
        let (buffers, server, accept_at, end) = Default::default();
        Ok(Self { handler, sockets, shutdown_timeout, buffers, poll, handle, orders, server, accept_at, end })
    }

    /// Serves the clients of a [`listener`](crate::listen).
    ///
    /// # Errors
    ///
    /// The system's.
    pub fn serve(mut self, mut listener: TcpListener, config: Arc<ServerConfig>) -> io::Result<Self> {
        self.poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
        self.server = Some((listener, config));
        Ok(self)
    }

    /// Runs until it is [shut down](Handle::shut_down), and gives the handler back.
    ///
    /// # Errors
    ///
    /// The poll's: none that a connection or a client could cause.
    pub fn run(mut self) -> io::Result<H> {
        let mut events = mio::Events::with_capacity(ROUND);
        while self.end.is_none_or(|end| self.sockets.now() < end && self.sockets.keys().next().is_some()) {
            match self.poll.poll(&mut events, self.timeout()) {
                Err(error) if error.kind() != ErrorKind::Interrupted => return Err(error),
                Ok(()) | Err(_) => self.round(&events),
            }
        }
        // Who is left is told so.
        self.for_all(|socket, now| (socket.hold, _) = (Hold::Never, socket.connection.abort(now)));
        std::mem::take(&mut self.sockets.queue).into_iter().for_each(|key| self.turn(key));
        Ok(self.handler)
    }

    /// For how long there is nothing to do; `None`: until something happens.
    fn timeout(&self) -> Option<Duration> {
        let now = self.sockets.now();
        let queued = self.sockets.queue.front().map(|_| now);
        let alarm = self.sockets.alarms.peek().map(|Reverse((at, _))| *at);
        let alarms = [queued, alarm, self.handler.deadline(), self.accept_at, self.end];
        alarms.into_iter().flatten().min().map(|at| at.since(now))
    }

    /// What has come to be done: a bounded share of each thing, and of each connection.
    fn round(&mut self, events: &mio::Events) {
        self.sockets.begin_round();
        let now = self.sockets.now();
        for event in events {
            match event.token() {
                LISTENER => self.accept_at = self.accept_at.or(Some(now)),
                token => self.sockets.ready(token, event.into()),
            }
        }
        self.accept();
        // What is sent from here on wakes once more.
        for command in self.orders.try_iter().take(COMMANDS) {
            self.handler.on_command(&mut self.sockets, command);
        }
        for _ in 0..self.sockets.queue.len() {
            self.sockets.queue.pop_front().into_iter().for_each(|key| self.turn(key));
        }
        if self.handler.deadline().is_some_and(|deadline| deadline <= now) {
            self.handler.on_deadline(&mut self.sockets);
        }
        if self.end.is_none() && self.handle.stop.load(Ordering::Acquire) {
            self.begin_to_stop();
        }
        // What was done took its time: it is not to make the poll sleep longer.
        self.sockets.tick();
    }

    /// Accepts those who have come.
    fn accept(&mut self) {
        let (Some((listener, config)), now) = (&self.server, self.sockets.now()) else { return };
        for _ in 0..ROUND {
            if self.accept_at.is_none_or(|at| at > now) {
                break;
            }
            match listener.accept() {
                Ok((stream, _)) => {
                    // One that cannot be registered is dropped: the system is out of something.
                    drop(self.sockets.admit(Socket::new(stream, Connection::server(config.clone(), now))));
                }
                Err(why) if why.kind() == ErrorKind::WouldBlock => self.accept_at = None,
                // Because of the client that was next, or a signal, and not for want of something.
                Err(why) if matches!(why.kind(), ErrorKind::ConnectionAborted | ErrorKind::Interrupted) => {}
                Err(_) => self.accept_at = Some(now + PAUSE),
            }
        }
    }

    /// A connection's turn.
    fn turn(&mut self, key: Key) {
        let Self { handler, sockets, buffers, .. } = self;
        sockets.begin(key);
        let now = sockets.now();
        let mut reads = READS;
        while reads > 0 {
            let mut input = sockets.own(key).map_or(&mut [][..], |socket| socket.read(now, buffers));
            reads = if input.is_empty() { 0 } else { reads - 1 };
            while let Some(event) = sockets.own(key).and_then(|socket| socket.next(now, &mut input)) {
                dispatch(handler, sockets, key, event);
            }
        }
        sockets.settle(key);
    }

    /// Nobody is accepted any more, and all are closed (CLOSE.md B17).
    fn begin_to_stop(&mut self) {
        // Who comes now is told so, too.
        self.accept_at = Some(self.sockets.now());
        self.accept();
        (self.server, self.accept_at) = (None, None);
        self.end = Some(self.sockets.now() + self.shutdown_timeout);
        self.for_all(|socket, now| {
            socket.hold = Hold::Never;
            // One that is closing already needs nothing.
            let close = Close::new(1001, "the server shuts down");
            let _already = close.and_then(|close| socket.connection.close_cutting(now, close));
        });
    }

    fn for_all(&mut self, change: impl Fn(&mut Socket<TcpStream>, Instant)) {
        for key in self.sockets.keys().collect::<Vec<_>>() {
            self.sockets.reach(key).into_iter().for_each(|(socket, now)| change(socket, now));
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
