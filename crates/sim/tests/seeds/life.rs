//! Any application on any network.

use std::cell::Cell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;

use adieu_core::deflate::Deflate;
use adieu_core::{Close, Config, Event, Instant, Kind, Role};
use adieu_sim::trace::Call;
use adieu_sim::{Application, Dice, Network, Plan, Port, Setup, Trace};

/// Everything that a seed decides.
pub(crate) struct Life {
    pub(crate) seed: u64,
    pub(crate) plan: Plan,
    pub(crate) upgraded: bool,
    pub(crate) configs: [Config; 2],
    /// How often an application was told the verdict.
    pub(crate) ends: [Rc<Cell<u32>>; 2],
}

impl Life {
    pub(crate) fn of(seed: u64) -> Self {
        let dice = &mut Dice::new(seed ^ 0x11FE);
        let plan = if dice.percent(20) { Plan::default() } else { Plan::rough(seed) };
        let upgraded = dice.percent(50);
        let mut configs = [config(dice), config(dice)];
        let dice = &mut Dice::new(seed ^ 0x0DEF_1A7E);
        let compresses = dice.percent(30);
        if compresses {
            configs.iter_mut().for_each(|config| config.deflate = Some(deflate(dice)));
        }
        let upgraded = upgraded && !compresses;
        Self { seed, plan, upgraded, configs, ends: Default::default() }
    }

    /// Compression is agreed on in the opening handshake.
    pub(crate) fn compresses(&self) -> bool {
        self.configs.iter().all(|config| config.deflate.is_some())
    }

    pub(crate) fn run(&self) -> Trace {
        let mut network = Network::new(self.seed).plan(self.plan.clone());
        for (index, setup) in [Setup::client(), Setup::server()].into_iter().enumerate() {
            let setup = Setup { upgraded: self.upgraded, config: self.configs[index].clone(), ..setup };
            let dice = Dice::new(self.seed * 2 + index as u64);
            // What is called before the handshake is over is refused, and compresses nothing.
            let begins = Instant::EPOCH + Duration::from_secs(self.compresses().into());
            let app = Anyone::new(dice, setup.role, begins, Rc::clone(&self.ends[index]));
            network = network.endpoint(setup, app);
        }
        network.run(Duration::from_secs(3600))
    }
}

fn config(dice: &mut Dice) -> Config {
    let mut config = Config::default();
    if dice.percent(30) {
        return config;
    }
    let time = |dice: &mut Dice, most: u64| Duration::from_millis(dice.below(most));
    config.handshake_timeout = time(dice, 20_000);
    config.write_timeout = time(dice, 10_000);
    config.close_timeout = time(dice, 8_000);
    config.drain_timeout = time(dice, 4_000);
    config.closing_timeout = time(dice, 30_000);
    config.close_linger = time(dice, 2_000);
    config.ping_interval = dice.percent(70).then(|| Duration::from_millis(1 + dice.below(10_000)));
    config.pong_timeout = time(dice, 8_000);
    config.idle_timeout = dice.percent(10).then(|| Duration::from_millis(1 + dice.below(20_000)));
    config.inbox_len = dice.pick(&[1, 100, 1_000, 64 << 10]);
    config.read_len = dice.pick(&[1, 10, 1_000, 64 << 10]);
    config.send_high = dice.pick(&[1, 1_000, 10_000, 1 << 20]);
    config.send_low = config.send_high / 4;
    config.max_message_len = dice.pick(&[4_000, 1 << 20, 1 << 20]);
    config.chunks = dice.percent(20);
    config
}

fn deflate(dice: &mut Dice) -> Deflate {
    let mut deflate = Deflate::default();
    deflate.server_no_context_takeover = dice.percent(30);
    deflate.client_no_context_takeover = dice.percent(30);
    deflate.server_max_window_bits = dice.pick(&[9, 12, 15]);
    deflate.client_max_window_bits = dice.pick(&[9, 12, 15]);
    deflate.level = dice.pick(&[0, 1, 6, 9]);
    deflate.threshold = dice.pick(&[0, 0, 128]);
    deflate
}

/// An application that does anything, and closes in the end.
struct Anyone {
    dice: Dice,
    role: Role,
    calls: VecDeque<(Instant, Call)>,
    /// It handles something until then.
    busy: Option<Instant>,
    /// So many of a hundred messages are answered, and take time.
    answers: u64,
    works: u64,
    accepts: u64,
    ends: Rc<Cell<u32>>,
}

impl Anyone {
    fn new(mut dice: Dice, role: Role, begins: Instant, ends: Rc<Cell<u32>>) -> Self {
        let mut calls: Vec<_> = (0..dice.below(20)).map(|_| any_call(&mut dice, begins)).collect();
        let last = begins + Duration::from_secs(3) + dice.time(Duration::from_secs(12));
        calls.push((last, Call::CloseCutting(Close::new(1000, "the end").expect("a good close"))));
        calls.sort_by_key(|(at, _)| *at);
        let (answers, works) = (dice.pick(&[0, 0, 50, 100]), dice.pick(&[0, 0, 20, 80]));
        let accepts = dice.pick(&[100, 100, 100, 100, 50]);
        Self { dice, role, calls: calls.into(), busy: None, answers, works, accepts, ends }
    }
}

fn any_call(dice: &mut Dice, begins: Instant) -> (Instant, Call) {
    let len = dice.pick(&[0, 5, 50, 126, 1_000, 5_000, 70_000]);
    let payload = |dice: &mut Dice| {
        let first = dice.below(26);
        letters(first).take(dice.below(len + 1) as usize).collect()
    };
    let kind = dice.pick(&[Kind::Text, Kind::Binary]);
    let code = dice.pick(&[1000, 1001, 3000, 4999]);
    let close = Close::new(code, "any").expect("a good close");
    let call = match dice.below(100) {
        0..60 => Call::Send(kind, payload(dice)),
        60..75 => Call::Fragment(kind, payload(dice), dice.percent(50)),
        75..83 => Call::Ping,
        83..87 => Call::Pong(vec![7; dice.below(126) as usize]),
        87..93 => Call::Close(close),
        93 => Call::CloseCutting(close),
        94 => Call::Close(Close::EMPTY),
        95 | 96 => Call::Fail(close),
        97 => Call::Abort,
        98 => Call::StopReceiving,
        _ => Call::Leave,
    };
    let longest = dice.pick(&[100, 3_000, 12_000]);
    (begins + dice.time(Duration::from_millis(longest)), call)
}

/// Letters without end: one alone, which is compressed to almost nothing, two, or 26, which hardly are.
fn letters(first: u64) -> impl Iterator<Item = u8> {
    let (mut seed, count) = (first, [1, 2, 26][first as usize % 3]);
    core::iter::repeat_with(move || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        b'a' + ((first + (seed >> 33) % count) % 26) as u8
    })
}

impl Application for Anyone {
    fn handle_event(&mut self, port: &mut Port<'_>, event: Event<'static>) {
        assert_eq!(self.ends.get(), 0, "an event behind the last one: {event:?}");
        match event {
            Event::Request(_) if self.dice.percent(self.accepts) => drop(port.accept(None)),
            Event::Request(_) if self.dice.percent(50) => drop(port.reject(404)),
            Event::Message(message) => {
                if self.dice.percent(self.answers) && self.role == Role::Server {
                    let _refusal = port.send(message);
                }
                if self.dice.percent(self.works) {
                    self.busy = Some(port.now() + self.dice.time(Duration::from_secs(2)));
                }
            }
            Event::Closed(verdict) => {
                assert_eq!(Some(&*verdict), port.connection().closed());
                self.ends.set(self.ends.get() + 1);
            }
            _ => {}
        }
    }

    fn alarm(&self) -> Option<Instant> {
        self.calls.front().map(|(at, _)| *at).into_iter().chain(self.busy).min()
    }

    fn handle_alarm(&mut self, port: &mut Port<'_>) {
        let now = port.now();
        self.busy = self.busy.filter(|until| *until > now);
        while let Some((_, call)) = self.calls.pop_front_if(|(at, _)| *at <= now) {
            port.perform(&call);
        }
    }

    fn receives(&self, now: Instant) -> bool {
        self.busy.is_none_or(|until| until <= now)
    }
}
