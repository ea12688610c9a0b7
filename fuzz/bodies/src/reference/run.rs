//! One script, followed by the model and by the core side by side.

use std::collections::BTreeSet;
use std::fmt::{self, Debug, Display};
use std::sync::Arc;

use adieu_core::frame::Opcode;
use adieu_core::{Cause, Close, Connection, Event, Instant, Kind, Message, Role, State};

use super::script::{Flaw, Script, Step};
use super::wire::{frame, frames};
use super::{Frame, Reference, Told, Verdict};
use crate::memory::Counted;

/// Where the two differ.
#[derive(Debug, Clone)]
pub struct Difference {
    /// In what.
    pub what: &'static str,
    step: String,
    model: String,
    core: String,
}

impl Display for Difference {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, step, model, core } = self;
        write!(out, "{what} after {step}\n  model: {model}\n  core:  {core}")
    }
}

/// What came of a script.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Where they differ; the script ends there.
    pub difference: Option<Difference>,
    /// What was seen on the way, in words.
    pub reached: BTreeSet<String>,
}

/// Lets both follow a script, to its end or to the first difference.
pub fn run(script: &Script) -> Outcome {
    let config = Arc::new(script.config.clone());
    let mut run = Run {
        now: 0,
        role: script.role,
        model: Reference::open(script.role, script.config.clone()),
        core: Counted::new(|| Connection::open(script.role, config, [7; 32], at(0))),
        coming: Vec::new(),
        handed: Vec::new(),
        taken: 0,
        outcome: Outcome::default(),
    };
    if let Err(difference) = run.steps(&script.steps) {
        run.outcome.difference = Some(difference);
    } else if let Some(verdict) = run.model.closed().cloned() {
        run.reach_verdict(&verdict);
    }
    run.outcome
}

fn same<T: PartialEq + Debug>(what: &'static str, model: &T, core: &T) -> Result<(), Difference> {
    let differ =
        || Difference { what, step: String::new(), model: format!("{model:?}"), core: format!("{core:?}") };
    if model == core { Ok(()) } else { Err(differ()) }
}

fn at(millis: u64) -> Instant {
    Instant::from_nanos(millis * 1_000_000)
}

struct Run {
    now: u64,
    role: Role,
    model: Reference,
    core: Counted,
    /// Bytes of the peer's that have not arrived.
    coming: Vec<u8>,
    /// What the core committed, and how much of it was taken.
    handed: Vec<u8>,
    taken: usize,
    outcome: Outcome,
}

impl Run {
    fn steps(&mut self, steps: &[Step]) -> Result<(), Difference> {
        self.compare()?;
        for step in steps {
            let told = self.step(step).and_then(|()| {
                self.model.observe(self.now);
                self.compare()
            });
            told.map_err(|difference| Difference { step: format!("{step:?}"), ..difference })?;
        }
        Ok(())
    }

    fn step(&mut self, step: &Step) -> Result<(), Difference> {
        let (model, core, millis, now) = (&mut self.model, &mut self.core, self.now, at(self.now));
        match *step {
            Step::Send(kind, len) => self.send(&message(kind, len), None),
            Step::Fragment(kind, len, end) => self.send(&message(kind, len), Some(end)),
            Step::Close(code) => {
                let answers =
                    (model.close(millis, close(code), false), core.call(|core| core.close(now, close(code))));
                self.answers(answers)
            }
            Step::CloseCutting(code) => {
                let answers = (
                    model.close(millis, close(code), true),
                    core.call(|core| core.close_cutting(now, close(code))),
                );
                self.answers(answers)
            }
            Step::Fail(code) => {
                let answers =
                    (model.fail(millis, close(code)), core.call(|core| core.fail(now, close(code))));
                self.answers(answers)
            }
            Step::Ping => {
                let answers = (model.ping(millis), core.call(|core| core.ping(now)));
                self.answers(answers)
            }
            Step::Pong(len) => {
                let answers =
                    (model.pong(millis, &vec![1; len]), core.call(|core| core.pong(now, &vec![1; len])));
                self.answers(answers)
            }
            Step::PollPong => {
                let told = (
                    model.poll_pong(),
                    core.call(Connection::poll_pong).map(|pong| told(&Event::Pong(pong))),
                );
                self.tell(told)
            }
            Step::Poll => {
                let model = model.ask(millis, &mut &[][..]);
                let core = heard(core, |core| core.poll_event(now));
                self.tell((model, core))
            }
            Step::Ask(len) => self.read(len, false),
            Step::AskAll(len) => self.read(len, true),
            Step::Write(len) => self.write(len),
            _ => {
                self.happen(step);
                Ok(())
            }
        }
    }

    /// Steps that nobody answers.
    fn happen(&mut self, step: &Step) {
        let (model, core, millis, now) = (&mut self.model, &mut self.core, self.now, at(self.now));
        match *step {
            Step::Abort => (model.abort(millis), core.call(|core| core.abort(now))).1,
            Step::StopReceiving => {
                (model.stop_receiving(millis), core.call(|core| core.stop_receiving(now))).1
            }
            Step::Leave => (model.leave(millis), core.call(|core| core.handle_dropped(now))).1,
            Step::Peer(first, ref payload, flaw) => {
                self.coming.extend(frame(self.role, first, payload, flaw));
            }
            Step::Answer(index) => self.peer_answers(index),
            Step::Ahead(len) => {
                let mut bytes = self.arrive(len);
                self.model.ahead(millis, &bytes);
                self.core.call(|core| core.handle_ahead(now, &mut bytes));
            }
            Step::WriteError(error) => {
                (model.write_error(millis), core.call(|core| core.handle_write_error(now, error))).1
            }
            Step::EndOfStream if !model.ended() => {
                self.coming.clear();
                model.eof(millis);
                core.call(|core| core.handle_eof(now));
            }
            Step::ReadError(error) if !model.ended() => {
                self.coming.clear();
                model.read_error(millis, error);
                core.call(|core| core.handle_read_error(now, error));
            }
            Step::Wait(more) => self.now += more,
            Step::Timeout => self.time_out(self.now),
            Step::Sleep => {
                let deadline = model.deadline().unwrap_or(0);
                self.time_out(deadline);
            }
            _ => {}
        }
    }

    fn time_out(&mut self, millis: u64) {
        self.now = self.now.max(millis);
        let now = at(self.now);
        self.core.call(|core| core.handle_timeout(now));
        self.model.timeout(self.now);
    }

    fn send(&mut self, message: &Message<'_>, fragment: Option<bool>) -> Result<(), Difference> {
        let now = at(self.now);
        let core = self.core.call(|core| match fragment {
            None => core.send(now, message.borrowed()),
            Some(end) => core.send_fragment(now, message.borrowed(), end),
        });
        if let Err(error) = &core {
            same("the message that comes back", message, &error.message)?;
        }
        let model = self.model.send(self.now, message, fragment);
        self.answers((model, core.map(|ticket| ticket.0).map_err(|error| error.refusal)))
    }

    fn peer_answers(&mut self, index: usize) {
        let pings = frames(&self.handed).into_iter().filter(|(header, _)| header.opcode == Opcode::Ping);
        let pings: Vec<Vec<u8>> = pings.map(|(_, payload)| payload).collect();
        if !pings.is_empty() {
            self.coming.extend(frame(self.role, 0x8A, &pings[index % pings.len()], Flaw::None));
        }
    }

    /// The next bytes of the peer's; a driver reads only while it is wanted.
    fn arrive(&mut self, len: usize) -> Vec<u8> {
        if !self.model.wants_input() {
            return Vec::new();
        }
        let rest = self.coming.split_off(len.min(self.coming.len()));
        std::mem::replace(&mut self.coming, rest)
    }

    /// Asks both for one event, or for all; what is left of the bytes has not arrived.
    fn read(&mut self, len: usize, all: bool) -> Result<(), Difference> {
        let bytes = self.arrive(len);
        let (mut for_model, mut for_core) = (bytes.as_slice(), bytes.clone());
        let mut for_core = for_core.as_mut_slice();
        loop {
            let model = self.model.ask(self.now, &mut for_model);
            let core = heard(&mut self.core, |core| core.handle_input(at(self.now), &mut for_core));
            self.model.observe(self.now);
            let over = core.is_none() || !all;
            self.tell((model, core))?;
            same("input left", &for_model.len(), &for_core.len())?;
            if over {
                self.coming.splice(..0, for_model.iter().copied());
                return Ok(());
            }
        }
    }

    fn write(&mut self, len: usize) -> Result<(), Difference> {
        let committed = self.model.commit();
        let mut slices = [&[][..]; 16];
        let now = at(self.now);
        let filled = self.core.call(|core| core.transmit(now, &mut slices));
        let handed = slices[..filled].concat();
        same("committed bytes", &committed, &handed.len())?;
        if handed.is_empty() {
            return Ok(());
        }
        let again = &self.handed[self.taken..];
        same("bytes committed before", &again, &&handed[..again.len().min(handed.len())])?;
        self.handed.truncate(self.taken);
        self.handed.extend(&handed);
        for ((header, payload), frame) in frames(&self.handed).into_iter().zip(&mut self.model.out) {
            if frame.opcode == Opcode::Ping {
                frame.payload.clone_from(&payload); // its size is known, its content is the core's choice
            }
            same("a frame", &(frame.opcode, frame.fin), &(header.opcode, header.fin))?;
            same("a payload", &frame.payload, &payload)?;
            same("masking", &(self.role == Role::Client), &header.key.is_some())?;
        }
        let closing = self.core.state() == State::Closing && self.model.peer_close().is_none();
        let is_pong = |frame: &Frame| frame.opcode == Opcode::Pong;
        self.reach(closing && self.model.out.last().is_some_and(is_pong), "a Pong while CLOSING");
        let len = len.min(handed.len());
        self.taken += len;
        self.core.call(|core| core.handle_written(now, len));
        self.model.written(self.now, len);
        Ok(())
    }

    fn answers<T: PartialEq + Debug, E: PartialEq + Debug>(
        &mut self,
        (model, core): (Result<T, E>, Result<T, E>),
    ) -> Result<(), Difference> {
        if let Err(error) = &core {
            self.reach(true, &format!("Err({error:?})"));
        }
        same("the answer", &model, &core)
    }

    fn tell(&mut self, (model, core): (Option<Told>, Option<Told>)) -> Result<(), Difference> {
        let what = core.as_ref().map(|told| match told {
            Told::Message(_) => "told: Message",
            Told::Closing => "told: Closing",
            Told::Pong { .. } => "told: Pong",
            Told::Drained => "told: Drained",
            Told::Closed(_) => "told: Closed",
        });
        self.reach(what.is_some(), what.unwrap_or_default());
        same("the event", &model, &core)
    }

    fn compare(&mut self) -> Result<(), Difference> {
        let (model, core) = (&self.model, &self.core);
        if let (Some(model), Some(core)) = (model.closed(), core.closed()) {
            model.compare(&Verdict::from(core))?;
        }
        same("state", &model.state(), &core.state())?;
        same("peer_close", &model.peer_close(), &core.peer_close())?;
        same("buffered", &model.buffered(), &core.buffered())?;
        same("transport", &model.transport(), &core.transport())?;
        same("wants_input", &model.wants_input(), &core.wants_input())?;
        same("confirmed", &model.confirmed(), &core.confirmed().map(|ticket| ticket.0))?;
        let mut asked = model.clone();
        let brings = asked.ask(self.now, &mut &[][..]).is_some();
        let takes_effect = model.state() == State::Open && asked.state() != State::Open;
        same("has_event", &(brings || takes_effect), &core.has_event())?;
        same("deadline", &model.deadline().map(at), &core.deadline())?;
        let (phase, state) = (format!("phase: {:?}", core.phase()), format!("state: {:?}", core.state()));
        let paused = core.state() == State::Open && !core.wants_input();
        self.reach(true, &phase);
        self.reach(true, &state);
        self.reach(paused, "reading paused");
        Ok(())
    }

    fn reach(&mut self, what: bool, word: &str) {
        if what && !self.outcome.reached.contains(word) {
            self.outcome.reached.insert(word.to_owned());
        }
    }

    fn reach_verdict(&mut self, verdict: &Verdict) {
        let cause = match verdict.cause {
            // A kind of violation, without its code or opcode.
            Cause::Violation(violation) => format!("{violation:?}").split('(').next().map(str::to_owned),
            ref cause => Some(format!("{cause:?}")),
        };
        self.reach(true, &format!("cause: {}", cause.unwrap_or_default()));
        self.reach(verdict.clean, &format!("clean, initiator {:?}", verdict.initiator));
        self.reach(verdict.cut_in, "cut_in");
        self.reach(verdict.cut_out, "cut_out");
        self.reach(verdict.unsent.1 > 0, "unsent");
        self.reach(verdict.undelivered.0 > 0, "undelivered");
        self.reach(verdict.confirmed.is_some(), "confirmed");
        self.reach(verdict.flushed && !verdict.clean, "flushed, not clean");
        self.reach(verdict.clean && verdict.sent != verdict.received, "clean, with two codes");
    }
}

impl Verdict {
    /// Field by field, so that a difference has a name.
    fn compare(&self, core: &Self) -> Result<(), Difference> {
        same("verdict.initiator", &self.initiator, &core.initiator)?;
        same("verdict.sent", &self.sent, &core.sent)?;
        same("verdict.received", &self.received, &core.received)?;
        same("verdict.flushed", &self.flushed, &core.flushed)?;
        same("verdict.clean", &self.clean, &core.clean)?;
        same("verdict.cause", &self.cause, &core.cause)?;
        same("verdict.cut_in", &self.cut_in, &core.cut_in)?;
        same("verdict.cut_out", &self.cut_out, &core.cut_out)?;
        same("verdict.unsent", &self.unsent, &core.unsent)?;
        same("verdict.undelivered", &self.undelivered, &core.undelivered)?;
        same("verdict.confirmed", &self.confirmed, &core.confirmed)
    }
}

fn message(kind: Kind, len: usize) -> Message<'static> {
    if kind == Kind::Text { "x".repeat(len).into() } else { vec![7; len].into() }
}

fn close(code: u16) -> Close {
    if code == 0 { Close::EMPTY } else { Close::new(code, "why").expect("a code that may travel") }
}

/// What the core tells: copied, and given back to it, for its bytes were the endpoint's.
fn heard<'e>(core: &mut Counted, ask: impl FnOnce(&mut Connection) -> Option<Event<'e>>) -> Option<Told> {
    let event = core.call(ask)?;
    let told = told(&event);
    core.call(|_| drop(event));
    Some(told)
}

fn told(event: &Event<'_>) -> Told {
    match event {
        Event::Message(message) => Told::Message(message.clone().into_owned()),
        Event::Closing => Told::Closing,
        Event::Drained => Told::Drained,
        Event::Closed(closed) => Told::Closed(Box::new(Verdict::from(&**closed))),
        Event::Pong(pong) => Told::Pong {
            id: pong.id,
            confirmed: pong.confirmed.map(|ticket| ticket.0),
            round_trip: u64::try_from(pong.round_trip.as_millis()).expect("short"),
        },
        other => panic!("{other:?} is not told from OPEN on"),
    }
}
