//! The application over the tokio driver: a task that does what the scenario says.

use std::future::{Future, pending};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use adieu_core::{Close, CloseError, Closed, Role};
use adieu_tokio::{
    Accept, Connect, ConnectError, Driver, HandshakeError, Incoming, Message, PingFailed, Reject, WebSocket,
};
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::task::JoinHandle;

use super::super::trace::{Verdict, close_name, message_name, pong_name, state_name};
use super::super::words::{close_refusal, ping_refusal, send_refusal};
use super::super::{AppAct, Fragment, Seen, Settings};
use super::watched::Watched;

/// What the application and the watchers of its connection saw, in order.
#[derive(Debug, Default)]
pub(super) struct Log {
    seen: Mutex<Vec<Seen>>,
    /// Something was added.
    pub(super) news: Notify,
}

impl Log {
    pub(super) fn add(&self, seen: Seen) {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).push(seen);
        self.news.notify_one();
    }

    fn app(&self, what: impl Into<String>) {
        self.add(Seen::App(what.into()));
    }

    pub(super) fn take(&self) -> Vec<Seen> {
        std::mem::take(&mut self.seen.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// An order to the application; each is answered when it is done.
#[derive(Debug)]
pub(super) enum Order {
    Do(AppAct, oneshot::Sender<()>),
    State(oneshot::Sender<Option<Seen>>),
    Noted(oneshot::Sender<Option<Seen>>),
}

type Connected = Result<(WebSocket<Watched>, Driver<Watched>), ConnectError>;
type Soon<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// What the application holds.
enum Stage {
    Handshake(Soon<Result<Incoming<Watched>, HandshakeError>>),
    Incoming(Box<Incoming<Watched>>),
    Connect(Soon<Connected>),
    Refusing(Soon<Box<Closed>>),
    Open(WebSocket<Watched>),
    Gone,
}

/// Something that the application was told.
enum Told {
    Request(Result<Incoming<Watched>, HandshakeError>),
    Connected(Box<Connected>),
    Refused(Box<Closed>),
    Message(Result<Message<'static>, Box<Closed>>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asks {
    No,
    Once,
    Always,
}

pub(super) struct App {
    stage: Stage,
    asks: Asks,
    log: Arc<Log>,
    /// Tasks that hold a handle: they must not outlive the application's own.
    watchers: Vec<JoinHandle<()>>,
    pings: u64,
}

impl App {
    /// In OPEN.
    pub(super) fn open(stream: Watched, role: Role, settings: &Settings, log: Arc<Log>) -> Self {
        let (socket, driver) = adieu_tokio::open(role, stream, Arc::new(settings.config()), &mut []);
        tokio::spawn(driver);
        let mut app = Self::at(Stage::Gone, log);
        app.opened(socket);
        app
    }

    /// In CONNECTING.
    pub(super) fn connecting(stream: Watched, role: Role, settings: &Settings, log: Arc<Log>) -> Self {
        let stage = match role {
            Role::Server => {
                let config = Arc::new(settings.server_config());
                let (handshake, driver) = adieu_tokio::incoming_with_driver(stream, config);
                tokio::spawn(driver);
                Stage::Handshake(Box::pin(handshake.request()))
            }
            Role::Client => {
                let connect = Connect::new("ws://server.example.com/chat").expect("a plain URL");
                Stage::Connect(Box::pin(connect.config(Arc::new(settings.config())).over(stream)))
            }
        };
        Self::at(stage, log)
    }

    const fn at(stage: Stage, log: Arc<Log>) -> Self {
        Self { stage, asks: Asks::Always, log, watchers: Vec::new(), pings: 0 }
    }

    fn opened(&mut self, socket: WebSocket<Watched>) {
        let (sender, log) = (socket.sender(), Arc::clone(&self.log));
        let watch = async move { log.add(Seen::Verdict(Verdict::of(&*sender.closed().await))) };
        self.watchers.push(tokio::spawn(watch));
        self.stage = Stage::Open(socket);
    }

    /// Until there are no more orders.
    pub(super) async fn run(mut self, mut orders: mpsc::UnboundedReceiver<Order>) {
        loop {
            let asks = self.asks != Asks::No;
            tokio::select! {
                biased;
                order = orders.recv() => match order {
                    Some(order) => self.obey(order).await,
                    None => return,
                },
                told = next(&mut self.stage, asks) => self.told(told),
            }
        }
    }

    fn told(&mut self, told: Told) {
        match told {
            Told::Request(Ok(incoming)) => {
                self.log.app("request");
                self.stage = Stage::Incoming(Box::new(incoming));
            }
            Told::Request(Err(error)) => self.failed(&error),
            Told::Connected(result) => match *result {
                Ok((socket, driver)) => {
                    self.log.app("open");
                    tokio::spawn(driver);
                    self.opened(socket);
                }
                Err(ConnectError::Handshake(closed)) => self.ended(&closed),
                Err(error) => panic!("{error}"),
            },
            Told::Refused(closed) => self.ended(&closed),
            Told::Message(Ok(message)) => {
                self.log.app(message_name(&message));
                self.asks = if self.asks == Asks::Once { Asks::No } else { self.asks };
            }
            Told::Message(Err(_)) => {
                self.log.app("closed");
                self.asks = Asks::No;
            }
        }
    }

    fn failed(&mut self, error: &HandshakeError) {
        match error {
            HandshakeError::Closed(closed) => self.ended(closed),
            error => panic!("{error}"),
        }
    }

    /// It ended before it was open.
    fn ended(&mut self, closed: &Closed) {
        self.log.add(Seen::Verdict(Verdict::of(closed)));
        self.log.app("closed");
        self.stage = Stage::Gone;
    }

    async fn obey(&mut self, order: Order) {
        match order {
            Order::Do(act, done) => {
                self.act(act).await;
                let _ = done.send(());
            }
            Order::State(answer) => {
                let state = if let Stage::Open(socket) = &self.stage {
                    Some(Seen::State(state_name(socket.state())))
                } else {
                    None
                };
                let _ = answer.send(state);
            }
            Order::Noted(answer) => {
                let close = if let Stage::Open(socket) = &self.stage { socket.peer_close() } else { None };
                let _ = answer.send(close.map(|close| Seen::Noted(close_name(&close))));
            }
        }
    }

    async fn act(&mut self, act: AppAct) {
        match act {
            AppAct::Hold => self.asks = Asks::No,
            AppAct::Next => self.asks = Asks::Once,
            AppAct::Accept => self.accept().await,
            AppAct::Reject(status, body) => {
                let Stage::Incoming(incoming) = std::mem::replace(&mut self.stage, Stage::Gone) else {
                    panic!("no request to refuse");
                };
                let answer = Reject::new(status).expect("a status").body(body.as_bytes());
                self.stage = Stage::Refusing(Box::pin(incoming.reject(answer)));
            }
            AppAct::Drop => self.drop_all().await,
            // While CONNECTING there is nothing to close but what is dropped.
            AppAct::Close(..) if !matches!(self.stage, Stage::Open(_)) => self.drop_all().await,
            act => {
                if let Some(refused) = self.call(act).await {
                    self.log.app(format!("refused {refused}"));
                }
            }
        }
    }

    async fn accept(&mut self) {
        let Stage::Incoming(incoming) = std::mem::replace(&mut self.stage, Stage::Gone) else {
            panic!("no request to accept");
        };
        match incoming.accept(Accept::new()).await {
            Ok(socket) => self.opened(socket),
            Err(error) => self.failed(&error),
        }
    }

    async fn drop_all(&mut self) {
        for watcher in self.watchers.drain(..) {
            watcher.abort();
            // Only then its handle is gone.
            let _ = watcher.await;
        }
        self.stage = Stage::Gone;
    }

    /// A call on the connection; why it was refused.
    async fn call(&mut self, act: AppAct) -> Option<String> {
        let Stage::Open(socket) = &self.stage else { panic!("no connection for {act:?}") };
        match act {
            AppAct::Send(fragment) => {
                send_refusal(socket.send(message(fragment)).await.map(drop).map_err(|error| error.refusal))
            }
            AppAct::Fragment(fragment, end) => {
                let result = socket.send_fragment(message(fragment), end).await;
                send_refusal(result.map(drop).map_err(|error| error.refusal))
            }
            AppAct::Ping => {
                self.ping();
                None
            }
            AppAct::Pong(payload) => ping_refusal(socket.sender().pong(&payload)),
            AppAct::Close(code, reason) => {
                close_refusal(close(code, &reason).and_then(|close| socket.start_close(close)))
            }
            AppAct::CloseCutting(code, reason) => {
                close_refusal(close(code, &reason).and_then(|close| socket.start_close_cutting(close)))
            }
            AppAct::Fail(code, reason) => {
                close_refusal(close(Some(code), &reason).and_then(|close| socket.fail(close)))
            }
            AppAct::Abort => {
                socket.abort();
                None
            }
            AppAct::StopReceiving => {
                socket.stop_receiving();
                None
            }
            AppAct::Hold | AppAct::Next | AppAct::Accept | AppAct::Reject(..) | AppAct::Drop => {
                unreachable!("{act:?} is no call on the connection")
            }
        }
    }

    fn ping(&mut self) {
        let Stage::Open(socket) = &self.stage else { return };
        let (sender, log, id) = (socket.sender(), Arc::clone(&self.log), self.pings);
        self.pings += 1;
        self.watchers.push(tokio::spawn(async move {
            match sender.ping().await {
                Ok(_) => log.app(pong_name(id, sender.confirmed().map(|ticket| ticket.0))),
                Err(PingFailed::Refused(error)) => {
                    let refused = ping_refusal(Err(error)).expect("an error");
                    log.app(format!("refused {refused}"));
                }
                // B15: it is resolved, and confirms nothing.
                Err(_) => {}
            }
        }));
    }
}

async fn next(stage: &mut Stage, asks: bool) -> Told {
    match stage {
        Stage::Handshake(request) => Told::Request(request.await),
        Stage::Connect(connected) => Told::Connected(Box::new(connected.await)),
        Stage::Refusing(closed) => Told::Refused(closed.await),
        Stage::Open(socket) if asks => Told::Message(socket.recv().await),
        Stage::Open(_) | Stage::Incoming(_) | Stage::Gone => pending().await,
    }
}

fn message(Fragment { text, payload }: Fragment) -> Message<'static> {
    if text { String::from_utf8(payload).expect("UTF-8").into() } else { payload.into() }
}

fn close(code: Option<u16>, reason: &str) -> Result<Close, CloseError> {
    code.map_or(Ok(Close::EMPTY), |code| Close::new(code, reason))
}
