//! The runner over the tokio driver: in memory under tokio's paused clock, where the endpoint runs until it rests, or over a pair
//! of sockets on the loopback interface, where what is wanted is awaited.

use std::io;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use adieu_core::Role;
use socket2::SockRef;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{sleep, timeout};

use super::unplayed::{why_not_over_sockets, why_not_over_tokio};
use super::{
    Act, AppAct, Direction, FrameSpec, Hidden, Peer, PeerAct, Piece, Pipe, Runner, Scenario, Seen, Wanted,
};

mod app;
mod watched;

use app::{App, Log, Order};
use watched::{Fate, Watched};

/// What the bytes travel over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Over {
    /// A pipe in memory, and a virtual clock.
    Pipe,
    /// TCP on the loopback interface.
    Sockets,
}

/// No scenario waits that long for anything; one that does has failed.
const PATIENCE: Duration = Duration::from_secs(20);

/// The peer's side of the transport.
#[derive(Debug)]
enum Side {
    Pipe(Pipe),
    Socket(Option<TcpStream>),
}

/// An endpoint of the tokio driver, an application in a task, and a raw peer.
#[derive(Debug)]
pub struct TokioRunner {
    runtime: Runtime,
    side: Side,
    peer: Peer,
    fate: Arc<Fate>,
    log: Arc<Log>,
    orders: mpsc::UnboundedSender<Order>,
    view: View,
}

/// How the endpoint's direction of the stream ended, to the peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    None,
    End,
    Reset,
}

/// What the runner can still see, and what it saw last.
#[derive(Clone, Copy, Debug, Default)]
struct View {
    /// The connection is not open yet: only the handshake's result tells something.
    connecting: bool,
    /// The request is in the application's hands, and tells it nothing.
    waiting: bool,
    /// The application has dropped its handles, and with them the verdict.
    dropped: bool,
    /// The peer saw the end, or a reset.
    end: bool,
    released: bool,
    /// The peer is gone.
    lost: bool,
}

impl TokioRunner {
    /// What a program over the tokio driver cannot see.
    pub const HIDES: [Hidden; 3] = [
        Hidden {
            what: "`closing` and `drained`",
            why: "`recv` answers with messages and the verdict, and a `send` that waits for room needs no event",
        },
        Hidden {
            what: "the verdict and `closed` while a request waits for the application's answer",
            why: "a request has nothing that can be awaited: the answer to it is told",
        },
        Hidden {
            what: "the verdict, `closed`, `state` and `noted` after `drop`",
            why: "who has dropped all handles has none to ask",
        },
    ];

    /// A runner for one play of this scenario.
    ///
    /// # Panics
    ///
    /// If the system has no runtime or no socket for it.
    pub fn new(scenario: &Scenario, role: Role, over: Over) -> Self {
        let mut builder = Builder::new_current_thread();
        let runtime = builder.enable_all().start_paused(over == Over::Pipe).build().expect("a runtime");
        let (side, stream) = runtime.block_on(transport(over));
        let (log, fate) = (Arc::<Log>::default(), Arc::<Fate>::default());
        let watched = Watched::new(stream, Arc::clone(&fate));
        let connecting = scenario.acts().any(|act| *act == Act::Connecting);
        let (orders, receiver) = mpsc::unbounded_channel();
        let entered = runtime.enter();
        let begin = if connecting { App::connecting } else { App::open };
        runtime.spawn(begin(watched, role, &scenario.settings, Arc::clone(&log)).run(receiver));
        drop(entered);
        let (peer, view) = (Peer::of(role, connecting), View { connecting, ..View::default() });
        Self { runtime, side, peer, fate, log, orders, view }
    }

    /// Why this scenario cannot be played over this, if it cannot.
    pub fn excuse(scenario: &Scenario, over: Over) -> Option<&str> {
        let sockets = || why_not_over_sockets(scenario).filter(|_| over == Over::Sockets);
        why_not_over_tokio(scenario).or_else(sockets)
    }

    fn peer_act(&mut self, act: &PeerAct) {
        match act {
            PeerAct::Send(pieces, end) => {
                let segment = self.peer.segment(pieces);
                self.send(&segment, *end);
            }
            PeerAct::Reset | PeerAct::Truncate => self.lose(*act == PeerAct::Truncate),
            PeerAct::Stalls => self.set_room(|_| Some(0)),
            PeerAct::Takes(len) => self.set_room(|room| room.map(|room| room + len)),
            PeerAct::Reads => self.set_room(|_| None),
        }
    }

    fn send(&mut self, bytes: &[u8], end: bool) {
        match &mut self.side {
            Side::Pipe(pipe) => pipe.send(bytes, end),
            Side::Socket(None) => {}
            Side::Socket(Some(socket)) => self.runtime.block_on(async {
                use tokio::io::AsyncWriteExt;
                // An endpoint that is gone does not take it.
                let _ = socket.write_all(bytes).await;
                if end {
                    let _ = socket.shutdown().await;
                }
            }),
        }
    }

    fn lose(&mut self, truncated: bool) {
        self.view.lost = true;
        match &mut self.side {
            Side::Pipe(pipe) if truncated => pipe.lose(io::ErrorKind::UnexpectedEof),
            Side::Pipe(pipe) => pipe.lose(io::ErrorKind::ConnectionReset),
            Side::Socket(socket) => {
                let socket = socket.take().expect("a peer that is there");
                SockRef::from(&socket).set_linger(Some(Duration::ZERO)).expect("a linger of nothing");
            }
        }
    }

    fn set_room(&self, room: impl FnOnce(Option<usize>) -> Option<usize>) {
        match &self.side {
            Side::Pipe(pipe) => pipe.set_room(room),
            Side::Socket(_) => panic!("sockets cannot be stalled to the byte"),
        }
    }

    fn app_act(&mut self, act: &AppAct) {
        self.view.waiting &= !matches!(act, AppAct::Accept | AppAct::Reject(..));
        self.view.connecting &= *act != AppAct::Accept;
        let gives_up = self.view.connecting && matches!(act, AppAct::Close(..));
        self.view.dropped |= gives_up || *act == AppAct::Drop;
        self.view.waiting &= !self.view.dropped;
        let (done, is_done) = oneshot::channel();
        self.orders.send(Order::Do(act.clone(), done)).expect("an application");
        let result = self.runtime.block_on(async { timeout(PATIENCE, is_done).await });
        result.expect("a call that returns").expect("an application that answers");
    }

    /// Runs until all tasks rest: under the paused clock no sleep ends before that.
    fn rest(&self) {
        self.tell();
        self.runtime.block_on(async { sleep(Duration::from_millis(1)).await });
    }

    /// What the peer has sent is noticed now, and not while the application acts at the same moment.
    fn tell(&self) {
        if let Side::Pipe(pipe) = &self.side {
            pipe.tell();
        }
    }

    fn ask(&self, level: &Seen) -> Option<Seen> {
        let (answer, answered) = oneshot::channel();
        let order = if matches!(level, Seen::State(_)) { Order::State } else { Order::Noted };
        self.orders.send(order(answer)).expect("an application");
        self.runtime.block_on(answered).expect("an application that answers")
    }
}

/// The peer's side and the endpoint's.
async fn transport(over: Over) -> (Side, Box<dyn adieu_tokio::Transport + Send>) {
    if over == Over::Pipe {
        let pipe = Pipe::default();
        return (Side::Pipe(pipe.clone()), Box::new(pipe));
    }
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a listener");
    let address = listener.local_addr().expect("its address");
    let (peer, endpoint) = tokio::join!(TcpStream::connect(address), listener.accept());
    let peer = peer.expect("a peer");
    peer.set_nodelay(true).expect("no delay");
    (Side::Socket(Some(peer)), Box::new(endpoint.expect("an endpoint").0))
}

// What the peer sees.
impl TokioRunner {
    /// What the endpoint did, as far as the peer can tell by now.
    fn look(&mut self, seen: &mut Vec<Seen>) {
        let before = seen.len();
        let dropped = self.fate.was_dropped();
        let (bytes, ending) = match &self.side {
            Side::Pipe(pipe) => (pipe.take(), self.pipe_ending(pipe, dropped)),
            Side::Socket(None) => (Vec::new(), Ending::None),
            Side::Socket(Some(socket)) => read(socket),
        };
        seen.extend(self.peer.receive(&bytes).into_iter().map(Seen::Peer));
        if ending == Ending::Reset && !self.view.released {
            (self.view.end, self.view.released) = (true, true);
            seen.push(Seen::Peer("reset".to_owned()));
        } else if ending == Ending::End && !self.view.end {
            self.view.end = true;
            seen.push(Seen::Peer("end".to_owned()));
        }
        let blind = self.view.lost || matches!(&self.side, Side::Pipe(pipe) if pipe.is_blind());
        if dropped && !self.view.released && (self.view.end || blind) {
            self.view.released = true;
            seen.push(Seen::Released);
        }
        seen.extend(self.log.take());
        self.view.waiting |= seen[before..].contains(&Seen::App("request".to_owned()));
        self.view.connecting &= !seen[before..].contains(&Seen::App("open".to_owned()));
    }

    /// A reset of a pipe is what its driver asked for when it dropped it.
    fn pipe_ending(&self, pipe: &Pipe, dropped: bool) -> Ending {
        match (pipe.is_blind(), dropped, pipe.is_shut()) {
            (true, ..) | (false, false, false) => Ending::None,
            (false, true, _) if self.fate.was_reset() => Ending::Reset,
            (false, true, _) | (false, false, true) => Ending::End,
        }
    }

    /// Over sockets: looks until as much as is wanted was seen.
    fn look_for(&mut self, wanted: &Wanted<'_>) -> Vec<Seen> {
        let mut seen = Vec::new();
        let start = std::time::Instant::now();
        loop {
            self.look(&mut seen);
            let enough = |direction: &Direction| {
                let count = seen.iter().filter(|seen| seen.direction() == *direction).count();
                *direction == Direction::Level || count >= wanted.count(*direction)
            };
            let level = |level: &Seen| self.ask(level).as_ref() == Some(level);
            let done = Direction::ALL.iter().all(enough) && wanted.levels().all(level);
            if done || start.elapsed() > PATIENCE {
                return seen;
            }
            // Nothing is decided by this: it only gives the endpoint's tasks their turn.
            self.runtime.block_on(async { sleep(Duration::from_millis(1)).await });
        }
    }
}

/// What is there, and how it ends.
fn read(socket: &TcpStream) -> (Vec<u8>, Ending) {
    use std::io::Read;
    let (mut bytes, mut buffer) = (Vec::new(), vec![0; 64 << 10]);
    loop {
        match (&*SockRef::from(socket)).read(&mut buffer) {
            Ok(0) => return (bytes, Ending::End),
            Ok(len) => bytes.extend_from_slice(&buffer[..len]),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return (bytes, Ending::None),
            Err(_) => return (bytes, Ending::Reset),
        }
    }
}

impl Runner for TokioRunner {
    fn act(&mut self, act: &Act) {
        match act {
            Act::Open | Act::Connecting => {}
            Act::Peer(act) => self.peer_act(act),
            Act::App(act) => self.app_act(act),
            Act::WritingFails => match &self.side {
                Side::Pipe(pipe) => pipe.fail_writing(),
                Side::Socket(_) => panic!("no raw peer can make writing fail and reading not"),
            },
            Act::Wait(time) => {
                self.tell();
                self.runtime.block_on(async { sleep(*time).await });
            }
        }
    }

    fn settle(&mut self, wanted: &Wanted<'_>) -> Vec<Seen> {
        let mut seen = match self.side {
            Side::Socket(_) => self.look_for(wanted),
            Side::Pipe(_) => {
                self.rest();
                let mut seen = Vec::new();
                self.look(&mut seen);
                seen
            }
        };
        let levels: Vec<Seen> = wanted.levels().filter_map(|level| self.ask(level)).collect();
        seen.extend(levels);
        seen
    }

    fn hides(&self, what: &Seen) -> Option<&'static Hidden> {
        let View { waiting, dropped, .. } = self.view;
        let [events, unanswered, gone] = &Self::HIDES;
        let hidden = match what {
            Seen::App(what) if what.starts_with("closing") || what == "drained" => [Some(events), None],
            Seen::App(what) if what != "closed" => [None; 2],
            Seen::App(_) | Seen::Verdict(_) => [waiting.then_some(unanswered), dropped.then_some(gone)],
            Seen::State(_) | Seen::Noted(_) => [None, dropped.then_some(gone)],
            Seen::Peer(_) | Seen::Released => [None; 2],
        };
        hidden.into_iter().flatten().next()
    }

    fn finish(&mut self) -> Vec<Seen> {
        let mut seen = Vec::new();
        match self.side {
            Side::Pipe(_) => self.rest(),
            Side::Socket(_) if self.ask(&Seen::State("open")) == Some(Seen::State("open")) => {
                // What the endpoint did before, it did before it answers this.
                let ping = Piece::Frame(FrameSpec::new(9, true, b"barrier".to_vec()));
                self.peer_act(&PeerAct::Send(vec![ping], false));
                let pong = Seen::Peer("pong \"barrier\"".to_owned());
                seen = self.look_for(&Wanted::these(vec![&pong]));
                if seen.last() == Some(&pong) {
                    seen.pop();
                }
            }
            Side::Socket(_) => {}
        }
        self.look(&mut seen);
        seen
    }
}
