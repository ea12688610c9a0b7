//! The runner over the mio driver's loop: a thread of its own, and a pair of sockets on the loopback interface.

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use adieu_core::handshake::{Accept, ClientRequest, Reject, Request, Response};
use adieu_core::{Closed, Connection, Event, Instant, Message, Pong, Role};
use adieu_mio::{Buffers, EventLoop, Handle, Handler, Hold, Key, Socket, Sockets, mio};
use socket2::SockRef;

use super::over_mio::send;
use super::trace::{Verdict, close_name, event_name, state_name};
use super::words::{close_refusal, new_close, ping_refusal};
use super::{Act, AppAct, Direction, FrameSpec, Peer, PeerAct, Piece, Runner, Scenario, Seen, Wanted};

/// No scenario waits that long for anything; one that does has failed.
const PATIENCE: Duration = Duration::from_secs(20);

/// An endpoint in a loop, and a raw peer.
#[derive(Debug)]
pub struct MioLoopRunner {
    handle: Arc<Handle<Order>>,
    thread: Option<JoinHandle<()>>,
    log: Log,
    peer: Peer,
    socket: Option<TcpStream>,
    /// The peer saw the end, or a reset; it is gone itself.
    ended: bool,
    released: bool,
    lost: bool,
}

type Log = Arc<Mutex<Vec<Seen>>>;

/// What the application is to do; it tells when it has.
#[derive(Debug)]
enum Order {
    Do(AppAct, Sender<()>),
    /// Tell how things stand: the state, the peer's Close, and whether the transport is let go of.
    Tell(Sender<Told>),
}

#[derive(Debug)]
struct Told {
    state: Seen,
    noted: Seen,
    gone: bool,
}

impl MioLoopRunner {
    /// A runner for one play of this scenario.
    ///
    /// # Panics
    ///
    /// If the system has no socket for it.
    pub fn new(scenario: &Scenario, role: Role) -> Self {
        let connecting = scenario.acts().any(|act| *act == Act::Connecting);
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a listener");
        let socket = TcpStream::connect(listener.local_addr().expect("bound")).expect("a peer");
        socket.set_nodelay(true).expect("no delay");
        let (stream, _) = listener.accept().expect("an endpoint");
        stream.set_nonblocking(true).expect("a socket");
        let log = Log::default();
        let app =
            App { key: None, once: false, verdict: None, log: Arc::clone(&log), buffers: Buffers::default() };
        let mut event_loop = EventLoop::new(app).expect("a loop");
        let connection = connection(scenario, role, connecting, event_loop.sockets.now());
        let mut endpoint = Socket::new(mio::net::TcpStream::from_std(stream), connection);
        endpoint.hold = Hold::Never;
        event_loop.handler.key = Some(event_loop.sockets.admit(endpoint).expect("room"));
        event_loop.shutdown_timeout = Duration::ZERO;
        let handle = Arc::clone(&event_loop.handle);
        let thread = Some(thread::spawn(move || drop(event_loop.run().expect("a poll"))));
        let (peer, socket) = (Peer::of(role, connecting), Some(socket));
        Self { handle, thread, log, peer, socket, ended: false, released: false, lost: false }
    }

    fn ask(&self) -> Told {
        let (answer, told) = channel();
        self.handle.send(Order::Tell(answer)).expect("a loop");
        told.recv_timeout(PATIENCE).expect("an application that answers")
    }

    fn peer_act(&mut self, act: &PeerAct) {
        match act {
            PeerAct::Send(pieces, end) => {
                let segment = self.peer.segment(pieces);
                let Some(socket) = &mut self.socket else { return };
                socket.set_nonblocking(false).expect("a socket");
                // An endpoint that is gone does not take it.
                let _gone = socket.write_all(&segment);
                if *end {
                    let _gone = socket.shutdown(Shutdown::Write);
                }
            }
            PeerAct::Reset => {
                self.lost = true;
                let socket = self.socket.take().expect("a peer that is there");
                SockRef::from(&socket).set_linger(Some(Duration::ZERO)).expect("a linger of nothing");
            }
            act => panic!("{act:?} cannot be done over sockets"),
        }
    }

    /// What the endpoint did, as far as can be told by now.
    fn look(&mut self, told: &Told, seen: &mut Vec<Seen>) {
        let (bytes, ending) = self.socket.as_mut().map_or((Vec::new(), None), read);
        seen.extend(self.peer.receive(&bytes).into_iter().map(Seen::Peer));
        if ending == Some("reset") && !self.released {
            (self.ended, self.released) = (true, true);
            seen.push(Seen::Peer("reset".to_owned()));
        } else if ending == Some("end") && !self.ended {
            self.ended = true;
            seen.push(Seen::Peer("end".to_owned()));
        }
        if told.gone && !self.released && (self.ended || self.lost) {
            self.released = true;
            seen.push(Seen::Released);
        }
        seen.append(&mut self.log.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Looks until as much as is wanted was seen.
    fn look_for(&mut self, wanted: &Wanted<'_>) -> (Vec<Seen>, Told) {
        let (mut seen, start) = (Vec::new(), std::time::Instant::now());
        loop {
            let told = self.ask();
            self.look(&told, &mut seen);
            let enough = |direction: &Direction| {
                let count = seen.iter().filter(|seen| seen.direction() == *direction).count();
                *direction == Direction::Level || count >= wanted.count(*direction)
            };
            let levels = wanted.levels().all(|level| *level == told.state || *level == told.noted);
            if Direction::ALL.iter().all(enough) && levels || start.elapsed() > PATIENCE {
                return (seen, told);
            }
            thread::yield_now();
        }
    }
}

fn connection(scenario: &Scenario, role: Role, connecting: bool, now: Instant) -> Connection {
    let (config, seed) = (Arc::new(scenario.settings.config()), *b"thirty-two bytes of sheer chance");
    match (connecting, role) {
        (false, role) => Connection::open(role, config, seed, now),
        (true, Role::Server) => Connection::server(Arc::new(scenario.settings.server_config()), now),
        (true, Role::Client) => {
            let request = ClientRequest::new("server.example.com", "/chat").expect("a plain request");
            Connection::client(request, config, seed, now)
        }
    }
}

/// What is there, and how it ends.
fn read(socket: &mut TcpStream) -> (Vec<u8>, Option<&'static str>) {
    socket.set_nonblocking(true).expect("a socket");
    let (mut bytes, mut buffer) = (Vec::new(), vec![0; 64 << 10]);
    loop {
        match socket.read(&mut buffer) {
            Ok(0) => return (bytes, Some("end")),
            Ok(len) => bytes.extend_from_slice(&buffer[..len]),
            Err(error) if error.kind() == ErrorKind::WouldBlock => return (bytes, None),
            Err(_) => return (bytes, Some("reset")),
        }
    }
}

impl Runner for MioLoopRunner {
    fn act(&mut self, act: &Act) {
        match act {
            Act::Open | Act::Connecting => {}
            Act::Peer(act) => self.peer_act(act),
            Act::App(act) => {
                let (done, is_done) = channel();
                self.handle.send(Order::Do(act.clone(), done)).expect("a loop");
                is_done.recv_timeout(PATIENCE).expect("a call that returns");
            }
            act => panic!("{act:?} cannot be done over sockets"),
        }
    }

    fn settle(&mut self, wanted: &Wanted<'_>) -> Vec<Seen> {
        let (mut seen, told) = self.look_for(wanted);
        seen.extend(wanted.levels().map(|level| match level {
            Seen::State(_) => told.state.clone(),
            _ => told.noted.clone(),
        }));
        seen
    }

    fn finish(&mut self) -> Vec<Seen> {
        let mut seen = Vec::new();
        let told = self.ask();
        if told.state == Seen::State("open") && !self.lost {
            // What the endpoint did before, it did before it answers this.
            let ping = Piece::Frame(FrameSpec::new(9, true, b"barrier".to_vec()));
            self.peer_act(&PeerAct::Send(vec![ping], false));
            let pong = Seen::Peer("pong \"barrier\"".to_owned());
            seen = self.look_for(&Wanted::these(vec![&pong])).0;
            if seen.last() == Some(&pong) {
                seen.pop();
            }
        }
        self.look(&told, &mut seen);
        seen
    }
}

impl Drop for MioLoopRunner {
    fn drop(&mut self) {
        self.handle.shut_down();
        // A panic there was told.
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

/// The application.
#[derive(Debug)]
struct App {
    key: Option<Key>,
    /// It asks for one message, and then for none.
    once: bool,
    verdict: Option<Closed>,
    log: Log,
    buffers: Buffers,
}

impl App {
    fn add(&self, seen: Seen) {
        self.log.lock().unwrap_or_else(PoisonError::into_inner).push(seen);
    }

    fn check_verdict(&mut self, verdict: Option<&Closed>) {
        if self.verdict.is_none()
            && let Some(verdict) = verdict
        {
            self.add(Seen::Verdict(Verdict::of(verdict)));
            self.verdict = Some(verdict.clone());
        }
    }

    fn told(&mut self, sockets: &mut Sockets, key: Key, event: &Event<'_>) {
        let Some((socket, _)) = sockets.reach(key) else { return };
        self.check_verdict(socket.connection.closed());
        self.add(Seen::App(event_name(event, socket.connection.peer_close())));
        if self.once && matches!(event, Event::Message(_) | Event::Closed(_)) {
            socket.hold = Hold::Always;
        }
    }

    /// Does it, and tells why not.
    fn act(&mut self, sockets: &mut Sockets, key: Key, act: &AppAct) -> Option<String> {
        if let AppAct::Send(fragment) = act {
            return send(fragment, |message| sockets.send(key, message));
        }
        let Some((socket, now)) = sockets.reach(key) else {
            // What the loop has let go of is as ended as it can be, and there is nothing to abort.
            if *act == AppAct::Abort {
                return None;
            }
            let closes = matches!(act, AppAct::Close(..) | AppAct::CloseCutting(..) | AppAct::Fail(..));
            return Some(if closes { "already" } else { "ended" }.to_owned());
        };
        let connection = &mut socket.connection;
        let close = |code, reason: &str| new_close(code, reason);
        match act {
            AppAct::Hold => socket.hold = Hold::Always,
            AppAct::Next => (self.once, socket.hold) = (true, Hold::Never),
            AppAct::Send(_) => {}
            AppAct::Fragment(fragment, end) => {
                return send(fragment, |message| connection.send_fragment(now, message, *end));
            }
            AppAct::Ping => return ping_refusal(connection.ping(now).map(drop)),
            AppAct::Pong(payload) => return ping_refusal(connection.pong(now, payload)),
            AppAct::Close(code, reason) => {
                return close_refusal(close(*code, reason).and_then(|close| connection.close(now, close)));
            }
            AppAct::CloseCutting(code, reason) => {
                let cut = close(*code, reason).and_then(|close| connection.close_cutting(now, close));
                return close_refusal(cut);
            }
            AppAct::Fail(code, reason) => {
                return close_refusal(
                    close(Some(*code), reason).and_then(|close| connection.fail(now, close)),
                );
            }
            AppAct::Accept => connection.accept(now, &Accept::new()).expect("a request to accept"),
            AppAct::Reject(status, body) => {
                let answer = Reject::new(*status).expect("a status").body(body.as_bytes());
                connection.reject(now, &answer).expect("a request to refuse");
            }
            AppAct::Abort => connection.abort(now),
            AppAct::StopReceiving => connection.stop_receiving(now),
            AppAct::Drop => {
                connection.handle_dropped(now);
                socket.hold = Hold::Always;
            }
        }
        None
    }
}

impl Handler for App {
    type Command = Order;

    fn on_request(&mut self, sockets: &mut Sockets, key: Key, request: Box<Request>) {
        self.told(sockets, key, &Event::Request(request));
    }

    fn on_open(&mut self, sockets: &mut Sockets, key: Key, response: Box<Response>) {
        self.told(sockets, key, &Event::Open(response));
    }

    fn on_message(&mut self, sockets: &mut Sockets, key: Key, message: Message<'_>) {
        self.told(sockets, key, &Event::Message(message));
    }

    fn on_pong(&mut self, sockets: &mut Sockets, key: Key, pong: Pong) {
        self.told(sockets, key, &Event::Pong(pong));
    }

    fn on_writable(&mut self, sockets: &mut Sockets, key: Key) {
        self.told(sockets, key, &Event::Drained);
    }

    fn on_closing(&mut self, sockets: &mut Sockets, key: Key) {
        self.told(sockets, key, &Event::Closing);
    }

    fn on_closed(&mut self, sockets: &mut Sockets, key: Key, verdict: Box<Closed>) {
        self.told(sockets, key, &Event::Closed(verdict));
    }

    fn on_command(&mut self, sockets: &mut Sockets, order: Order) {
        let Some(key) = self.key else { return };
        match order {
            Order::Do(act, done) => {
                let refused = self.act(sockets, key, &act);
                refused.into_iter().for_each(|why| self.add(Seen::App(format!("refused {why}"))));
                let _ = done.send(());
            }
            Order::Tell(answer) => {
                // What the peer has sent up to now is part of how things stand.
                if let Some((socket, now)) = sockets.reach(key) {
                    socket.look(now, &mut self.buffers);
                }
                let connection = sockets.get(key).map(|socket| &socket.connection);
                self.check_verdict(connection.and_then(|connection| connection.closed()));
                let noted = connection.and_then(|connection| connection.peer_close()).map(close_name);
                let state = connection.map_or("closed", |connection| state_name(connection.state()));
                let told = Told {
                    state: Seen::State(state),
                    noted: Seen::Noted(noted.unwrap_or_else(|| "nothing".to_owned())),
                    gone: sockets.get(key).is_none_or(|socket| socket.stream.is_none()),
                };
                let _ = answer.send(told);
            }
        }
    }
}
