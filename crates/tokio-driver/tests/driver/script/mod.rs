//! Scripts: a sequence of calls of the application's, and a peer that talks. Each is run again and again, whole on a runtime of its own
//! with a paused clock, with one call dropped or one call into the stream failing.

pub(crate) mod check;
pub(crate) mod peer;
mod receiving;
mod sending;
pub(crate) mod steps;
pub(crate) mod subject;
pub(crate) mod tap;
mod together;

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use adieu_tokio::deflate::choose;
use adieu_tokio::{
    Accept, Closed, Config, Connect, ConnectError, Driver, HandshakeError, Reject, Role, WebSocket,
    incoming_with_driver, open_agreed,
};
use tokio::io::duplex;
use tokio::runtime::Builder;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};

use crate::peers::{config, serving};
use peer::Peer;
use steps::Steps;
use subject::{Ended, Record, Shared, Subject};
use tap::{Books, Fault, Tap};

type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;
type BoxedPeer = Pin<Box<dyn Future<Output = ()> + Send>>;

/// How a script begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Start {
    /// With an open connection.
    Open,
    /// With the opening handshake.
    Handshake,
    /// With one that is refused, and ends with it.
    Refused,
}

#[derive(Clone, Copy)]
pub(crate) struct Script {
    pub(crate) name: &'static str,
    pub(crate) start: Start,
    /// The room in either direction of the stream, in bytes.
    len: usize,
    config: fn(&mut Config),
    body: for<'a> fn(&'a mut Subject) -> Boxed<'a, Result<(), Ended>>,
    peer: fn(Peer) -> BoxedPeer,
    /// Several calls at a time.
    joined: bool,
    /// What the application does next depends on what arrives first: a slower stream may change it.
    pub(crate) races: bool,
}

/// All scripts.
pub(crate) fn all() -> Vec<Script> {
    [receiving::scripts(), sending::scripts(), together::scripts()].concat()
}

/// Who polls the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Drive {
    /// A task of its own.
    Spawned,
    /// The task of the application.
    Beside,
    /// Every call of the application.
    Each,
}

/// What a run is about.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Setting {
    pub(crate) role: Role,
    pub(crate) drive: Drive,
    /// The stream can look.
    pub(crate) looks: bool,
    /// The stream has a buffer, and writes when it is flushed.
    pub(crate) holds: bool,
    pub(crate) fault: Option<(usize, Fault)>,
}

/// What became of a run.
pub(crate) struct Outcome {
    pub(crate) record: Record,
    /// From the beginning to the end of our side.
    pub(crate) elapsed: Duration,
    /// The books of each stream: of our end, and of the peer's.
    pub(crate) books: Vec<(Books, Books)>,
    pub(crate) pending: usize,
    /// Nobody holds the connection any more.
    pub(crate) gone: bool,
}

/// Nothing takes that long: far beyond `max_close_time()` and every other deadline.
const BOUND: Duration = Duration::from_secs(100_000);

impl Script {
    /// The ways to run it on a stream that cannot look.
    pub(crate) fn settings(&self) -> Vec<Setting> {
        let drives: &[Drive] = if self.joined {
            // Calls at a time cannot each have the driver.
            &[Drive::Spawned, Drive::Beside]
        } else {
            &[Drive::Spawned, Drive::Beside, Drive::Each]
        };
        let of_role = |role| {
            drives.iter().map(move |drive| Setting {
                role,
                drive: *drive,
                looks: false,
                holds: false,
                fault: None,
            })
        };
        [Role::Client, Role::Server].into_iter().flat_map(of_role).collect()
    }

    /// Runs it from its first byte to its last.
    pub(crate) fn run(&self, setting: Setting, steps: &Steps) -> Outcome {
        let runtime = Builder::new_current_thread().enable_time().start_paused(true).build();
        let mut world = World::new(*self, setting, steps.clone());
        let begin = async {
            let begun = Instant::now();
            world.live().await;
            let elapsed = begun.elapsed();
            for task in world.peers.drain(..) {
                task.await.expect("no panic");
            }
            elapsed
        };
        let whole = async {
            timeout(BOUND, begin).await.unwrap_or_else(|_| panic!("{} hangs: {setting:?}", self.name))
        };
        let elapsed = runtime.expect("a runtime").block_on(whole);
        let World { record, books, weight, .. } = world;
        let gone = Arc::strong_count(&weight) == 1;
        let record = record.borrow().clone();
        Outcome { record, elapsed, books, pending: steps.pending(), gone }
    }
}

struct World {
    script: Script,
    setting: Setting,
    steps: Steps,
    record: Shared,
    books: Vec<(Books, Books)>,
    drivers: Vec<JoinHandle<()>>,
    peers: Vec<JoinHandle<()>>,
    /// Held by every connection.
    weight: Arc<Config>,
}

/// What the opening handshake came to.
struct Opened {
    socket: Result<WebSocket<Tap>, Box<Closed>>,
    /// Where it is not spawned yet.
    driver: Option<Driver<Tap>>,
}

impl World {
    fn new(script: Script, setting: Setting, steps: Steps) -> Self {
        let change = |config: &mut Config| {
            config.ping_interval = None;
            (script.config)(config);
        };
        let weight = config(change);
        let (books, drivers, peers) = (Vec::new(), Vec::new(), Vec::new());
        Self { script, setting, steps, record: Rc::default(), books, drivers, peers, weight }
    }

    async fn live(&mut self) {
        let steps = self.steps.clone();
        let Opened { socket, driver } = steps.step(async |_| self.open().await).await;
        let mut driver = match self.setting.drive {
            Drive::Spawned => {
                driver.into_iter().for_each(|driver| self.spawn_driver(driver));
                None
            }
            Drive::Beside | Drive::Each => driver,
        };
        match socket {
            Ok(socket) => self.act(socket, &mut driver).await,
            Err(closed) => self.record.borrow_mut().verdicts.push(*closed),
        }
        if let Some(driver) = &mut driver {
            steps.step(async |_| counted(self.last_books(), &mut *driver).await).await;
        }
        drop(driver);
        for task in self.drivers.drain(..) {
            task.await.expect("no panic");
        }
    }

    /// The application's part.
    async fn act(&mut self, socket: WebSocket<Tap>, driver: &mut Option<Driver<Tap>>) {
        self.record.borrow_mut().opened = true;
        let each = self.setting.drive == Drive::Each;
        let in_hand = if each { driver.take() } else { None };
        let mut subject = Subject::new(socket, in_hand, self.steps.clone(), Rc::clone(&self.record));
        let body = async {
            let _ended = (self.script.body)(&mut subject).await;
            subject.finish().await;
        };
        let body = counted(self.last_books(), body);
        match driver {
            Some(driver) => driver.beside(body).await,
            None => body.await,
        }
        *driver = subject.driver.take().or(driver.take());
    }

    fn last_books(&self) -> Books {
        self.books.last().expect("a stream").0.clone()
    }

    fn spawn_driver(&mut self, driver: Driver<Tap>) {
        self.drivers.push(tokio::spawn(counted(self.last_books(), driver)));
    }

    /// A stream, with its peer.
    fn stream(&mut self) -> Tap {
        let (near, far) = duplex(self.script.len);
        let (near, ours) = Tap::new(near, self.setting.looks, self.setting.holds);
        let (far, theirs) = Tap::new(far, false, false);
        ours.open().fault = self.setting.fault;
        self.books.push((ours, theirs));
        let mut peer = Peer::new(far, self.setting.role == Role::Client);
        let Script { start, peer: talk, .. } = self.script;
        self.peers.push(tokio::spawn(async move {
            match start {
                Start::Open => talk(peer).await,
                Start::Handshake => match peer.shake(101).await {
                    Some(()) => talk(peer).await,
                    None => peer.keep_silent().await,
                },
                Start::Refused => {
                    peer.shake(404).await;
                    peer.keep_silent().await;
                }
            }
        }));
        near
    }

    async fn open(&mut self) -> Opened {
        let stream = self.stream();
        match (self.script.start, self.setting.role) {
            (Start::Open, role) => {
                let own = self.weight.deflate.as_ref();
                let agreed = own.and_then(|own| choose(own, &[b"permessage-deflate"]));
                let (socket, driver) = open_agreed(role, stream, Arc::clone(&self.weight), agreed, &mut []);
                Opened { socket: Ok(socket), driver: Some(driver) }
            }
            (_, Role::Client) => self.connect(stream).await,
            (_, Role::Server) => self.accept(stream).await,
        }
    }

    async fn connect(&mut self, stream: Tap) -> Opened {
        let connect = Connect::new("ws://localhost/").expect("a good URL").config(Arc::clone(&self.weight));
        match counted(self.last_books(), connect.over(stream)).await {
            Ok((socket, driver)) => Opened { socket: Ok(socket), driver: Some(driver) },
            Err(ConnectError::Handshake(closed)) => Opened { socket: Err(closed), driver: None },
            Err(error) => panic!("{error}"),
        }
    }

    async fn accept(&mut self, stream: Tap) -> Opened {
        let mut config = serving(|_| {});
        Arc::get_mut(&mut config).expect("nobody else's").connection = Arc::clone(&self.weight);
        let (handshake, driver) = incoming_with_driver(stream, config);
        let rejects = self.script.start == Start::Refused;
        let answer = async {
            let incoming = handshake.request().await?;
            if rejects {
                let answer = Reject::new(403).expect("a good status").body("no");
                return Err(HandshakeError::Closed(incoming.reject(answer).await));
            }
            incoming.accept(Accept::new()).await
        };
        let mut driver = Some(driver);
        let answer = counted(self.last_books(), answer);
        let socket = if self.setting.drive == Drive::Spawned {
            driver.take().into_iter().for_each(|driver| self.spawn_driver(driver));
            answer.await
        } else {
            driver.as_mut().expect("in hand").beside(answer).await
        };
        let socket = socket.map_err(|error| match error {
            HandshakeError::Closed(closed) => closed,
            other => panic!("{other}"),
        });
        Opened { socket, driver }
    }
}

/// Counts the polls of what uses a stream.
async fn counted<F: Future>(books: Books, work: F) -> F::Output {
    let mut work = pin!(work);
    poll_fn(|cx| {
        books.count_poll();
        work.as_mut().poll(cx)
    })
    .await
}
