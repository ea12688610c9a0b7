//! The runner over the simulator: an endpoint with its driver, a raw peer and a calm network between them, in virtual time.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use adieu_core::{Event, Instant, OriginPolicy, Role, Transport};
use adieu_sim::trace::What;
use adieu_sim::{Application, Cuts, Harm, Network, Plan, Port, Setup, Step};

use super::trace::{Verdict, close_name, event_name, state_name};
use super::words::{close_refusal, new_close, ping_refusal, send_refusal};
use super::{Act, AppAct, Fragment, Hidden, Peer, PeerAct, Runner, Scenario, Seen, Wanted};

/// What the application waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asks {
    No,
    Once,
    Always,
}

/// The application: what it was told, and whether it asks for more.
#[derive(Debug)]
struct App {
    asks: Cell<Asks>,
    told: RefCell<Vec<Seen>>,
}

/// The network's hold on the application.
struct InNetwork(Rc<App>);

impl Application for InNetwork {
    fn handle_event(&mut self, port: &mut Port<'_>, event: Event<'static>) {
        let name = event_name(&event, port.connection().peer_close());
        self.0.told.borrow_mut().push(Seen::App(name));
        if matches!(event, Event::Message(_) | Event::Closed(_)) && self.0.asks.get() == Asks::Once {
            self.0.asks.set(Asks::No);
        }
    }

    fn receives(&self, _now: Instant) -> bool {
        self.0.asks.get() != Asks::No
    }
}

/// An endpoint of the simulator, its application and a raw peer.
#[derive(Debug)]
pub struct SimRunner {
    network: Network<'static>,
    role: Role,
    other: Role,
    peer: Peer,
    app: Rc<App>,
    /// How many of the network's records were looked at.
    looked: usize,
    /// The verdict was seen.
    decided: bool,
    /// There is nobody any more who could see what the endpoint does.
    blind: bool,
    /// The peer has read the end of the stream, and reads no more.
    ended: bool,
}

impl SimRunner {
    /// What it cannot see.
    pub const HIDES: [Hidden; 1] =
        [Hidden { what: "`reset` behind the end", why: "its peer reads to the end and no further" }];

    /// A runner for one play of this scenario. The seed decides what the network leaves to chance, with cuts also where reads end.
    pub fn new(scenario: &Scenario, role: Role, seed: u64, cuts: Cuts) -> Self {
        let connecting = scenario.acts().any(|act| *act == Act::Connecting);
        let (setup, other) = match role {
            Role::Client => (Setup::client(), Role::Server),
            Role::Server => (Setup::server(), Role::Client),
        };
        let config = scenario.settings.config();
        let same_origin = scenario.settings.server_config().origin == OriginPolicy::SameOrigin;
        let setup = Setup { upgraded: !connecting, same_origin, config, ..setup };
        let app = Rc::new(App { asks: Cell::new(Asks::Always), told: RefCell::default() });
        let plan = Plan { latency: Duration::ZERO, capacity_len: usize::MAX, cuts, ..Plan::default() };
        let network =
            Network::new(seed).plan(plan).endpoint(setup, InNetwork(Rc::clone(&app))).peer(other, []);
        let peer = Peer::of(role, connecting);
        Self { network, role, other, peer, app, looked: 0, decided: false, blind: false, ended: false }
    }

    fn peer_act(&mut self, act: &PeerAct) {
        let steps = match act {
            PeerAct::Send(pieces, end) => {
                let mut steps = vec![Step::Write(self.peer.segment(pieces))];
                steps.extend(end.then_some(Step::ShutdownWrite));
                steps
            }
            PeerAct::Reset | PeerAct::Truncate => return self.lose(act),
            PeerAct::Stalls => vec![Step::Stall],
            PeerAct::Takes(len) => vec![Step::Take(*len)],
            PeerAct::Reads => vec![Step::Take(usize::MAX)],
        };
        self.network.direct(self.other, steps);
    }

    /// What was sent before is read before, for a reset may destroy it. Afterwards nobody is there to see anything.
    fn lose(&mut self, act: &PeerAct) {
        self.network.advance(Duration::ZERO);
        self.blind = true;
        if *act == PeerAct::Reset {
            return self.network.direct(self.other, [Step::Reset]);
        }
        self.network.direct(self.other, [Step::StopReading]);
        self.network.harm(self.other, Harm::Truncate);
    }

    fn app_act(&mut self, act: &AppAct) {
        let refused = self.network.with_port(self.role, |port| match act {
            AppAct::Hold | AppAct::Next => {
                self.app.asks.set(if *act == AppAct::Next { Asks::Once } else { Asks::No });
                None
            }
            AppAct::Send(fragment) => send(port, fragment),
            AppAct::Fragment(fragment, end) => send_fragment(port, fragment, *end),
            AppAct::Ping => ping_refusal(port.ping().map(drop)),
            AppAct::Pong(payload) => ping_refusal(port.pong(payload)),
            AppAct::Close(code, reason) => {
                close_refusal(new_close(*code, reason).and_then(|close| port.close(close)))
            }
            AppAct::CloseCutting(code, reason) => {
                close_refusal(new_close(*code, reason).and_then(|close| port.close_cutting(close)))
            }
            AppAct::Fail(code, reason) => {
                close_refusal(new_close(Some(*code), reason).and_then(|close| port.fail(close)))
            }
            AppAct::Accept | AppAct::Reject(..) | AppAct::Abort | AppAct::StopReceiving | AppAct::Drop => {
                decide(port, act);
                None
            }
        });
        let refused = refused.map(|why| Seen::App(format!("refused {why}")));
        self.app.told.borrow_mut().extend(refused);
    }

    /// What the peer received, and what became of the transport.
    fn look(&mut self, seen: &mut Vec<Seen>) {
        for record in &self.network.records()[self.looked..] {
            match &record.what {
                What::Read(bytes) if record.role == self.other => {
                    seen.extend(self.peer.receive(bytes).into_iter().map(Seen::Peer));
                }
                What::End if record.role == self.other => {
                    self.ended = true;
                    seen.push(Seen::Peer("end".to_owned()));
                }
                What::ReadError(_) if record.role == self.other => seen.push(Seen::Peer("reset".to_owned())),
                // A reset that can be seen says it itself.
                What::Level(level) if record.role == self.role => {
                    let silent = *level == Transport::Reset && self.blind;
                    seen.extend((silent || *level == Transport::Close).then_some(Seen::Released));
                }
                _ => {}
            }
        }
        self.looked = self.network.records().len();
    }
}

/// What cannot be refused.
fn decide(port: &mut Port<'_>, act: &AppAct) {
    match act {
        AppAct::Accept => port.accept(None).expect("a request to accept"),
        // The simulator's refusals have the library's own body.
        AppAct::Reject(status, _body) => port.reject(*status).expect("a request to refuse"),
        AppAct::Abort => port.abort(),
        AppAct::StopReceiving => port.stop_receiving(),
        _ => port.leave(),
    }
}

fn send(port: &mut Port<'_>, Fragment { text, payload }: &Fragment) -> Option<String> {
    let result = match str::from_utf8(payload) {
        Ok(words) if *text => port.send(words).map_err(|error| error.refusal),
        _ => port.send(&payload[..]).map_err(|error| error.refusal),
    };
    send_refusal(result.map(drop))
}

fn send_fragment(port: &mut Port<'_>, Fragment { text, payload }: &Fragment, end: bool) -> Option<String> {
    let result = match str::from_utf8(payload) {
        Ok(words) if *text => port.send_fragment(words, end).map_err(|error| error.refusal),
        _ => port.send_fragment(&payload[..], end).map_err(|error| error.refusal),
    };
    send_refusal(result.map(drop))
}

impl Runner for SimRunner {
    fn act(&mut self, act: &Act) {
        match act {
            Act::Open | Act::Connecting => {}
            Act::Peer(act) => self.peer_act(act),
            Act::App(act) => self.app_act(act),
            Act::WritingFails => {
                self.blind = true;
                self.network.harm(self.role, Harm::FailWriting);
            }
            Act::Wait(time) => self.network.advance(*time),
        }
    }

    fn settle(&mut self, wanted: &Wanted<'_>) -> Vec<Seen> {
        self.network.advance(Duration::ZERO);
        let mut seen = self.app.told.take();
        self.look(&mut seen);
        self.network.with_port(self.role, |port| {
            let conn = port.connection();
            if let Some(closed) = conn.closed().filter(|_| !self.decided) {
                self.decided = true;
                seen.push(Seen::Verdict(Verdict::of(closed)));
            }
            seen.extend(wanted.levels().map(|level| match level {
                Seen::State(_) => Seen::State(state_name(conn.state())),
                _ => Seen::Noted(conn.peer_close().map_or_else(|| "nothing".to_owned(), close_name)),
            }));
        });
        seen
    }

    fn hides(&self, what: &Seen) -> Option<&'static Hidden> {
        (self.ended && *what == Seen::Peer("reset".to_owned())).then_some(&Self::HIDES[0])
    }
}
