//! What can happen, when it can, and what it does.

use std::time::Duration;

use adieu_core::lifecycle::Phase;
use adieu_core::{Close, Instant, Role, State, Transport, TransportError};

use crate::monitor::Rule;
use crate::system::{at, peer};
use crate::{Cut, End, Fault, Frame, Lost, Setup, System, Tail};

/// One thing that happens; the role says to which endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Act {
    /// The application sends a message.
    Send(Role),
    /// The application sends a fragment that does not end its message.
    Fragment(Role),
    /// The application ends the message.
    Finish(Role),
    /// The application sends a Ping.
    Ping(Role),
    /// The application sends a Pong.
    Pong(Role),
    /// The application closes, with one of several Closes.
    Close(Role, u8),
    /// The application closes and leaves a message unfinished.
    CloseCutting(Role),
    /// The application fails the connection.
    Fail(Role),
    /// The application aborts.
    Abort(Role),
    /// The application gives up receiving.
    StopReceiving(Role),
    /// The application asks for the next event: it is done with the message before.
    Ask(Role),
    /// The driver writes the next frame, or what is left of it.
    Write(Role),
    /// The driver writes a part of the next frame.
    WritePart(Role),
    /// The transport tells what it took.
    Written(Role),
    /// The driver reads the next frame, or what is there of it.
    Read(Role),
    /// The driver reads a part of the next frame.
    ReadPart(Role),
    /// The driver reads what comes behind the bytes.
    ReadEnd(Role),
    /// Writing fails, because nobody reads any more.
    WriteError(Role),
    /// A reset comes back, because nobody reads any more.
    Answer(Role),
    /// The driver brings the transport to the level that the protocol asks for.
    Comply(Role),
    /// The transport does something wrong.
    Fault(Role, Fault),
    /// What is due is acted on.
    Timeout(Role),
    /// Time passes up to the next deadline.
    Jump,
    /// Some time passes.
    Nap,
}

const BOTH: [Role; 2] = [Role::Client, Role::Server];

/// Takes one from what is left.
fn spend(left: &mut u8, spent: bool) {
    *left -= u8::from(spent);
}

fn close(index: u8) -> Close {
    let code = match index {
        0 => 1000,
        1 => 3001,
        _ => return Close::EMPTY,
    };
    Close::new(code, "").unwrap_or(Close::EMPTY)
}

impl System {
    pub(crate) fn enabled(&self, setup: &Setup, acts: &mut Vec<Act>) {
        for role in BOTH {
            self.of_application(setup, role, acts);
            self.of_driver(setup, role, acts);
            self.of_transport(setup, role, acts);
        }
        self.of_time(acts);
    }

    fn of_application(&self, setup: &Setup, role: Role, acts: &mut Vec<Act>) {
        let (end, left) = (self.end(role), &self.left);
        let choices = [
            (left.sends > 0, Act::Send(role)),
            (left.fragments > 0, Act::Fragment(role)),
            (end.ghost.unfinished, Act::Finish(role)),
            (left.pings > 0, Act::Ping(role)),
            (left.pongs > 0, Act::Pong(role)),
            (left.cuttings > 0, Act::CloseCutting(role)),
            (left.fails > 0, Act::Fail(role)),
            (left.aborts > 0, Act::Abort(role)),
            (left.stops > 0, Act::StopReceiving(role)),
            (setup.slow || end.ghost.busy, Act::Ask(role)),
        ];
        acts.extend(choices.into_iter().filter_map(|(may, act)| may.then_some(act)));
        if left.closes > 0 {
            acts.extend((0..setup.codes).map(|code| Act::Close(role, code)));
        }
    }

    fn of_driver(&self, setup: &Setup, role: Role, acts: &mut Vec<Act>) {
        let (end, input) = (self.end(role), self.input(role));
        if end.untold > 0 {
            acts.push(Act::Written(role));
        } else if end.wants_output() {
            acts.push(Act::Write(role));
            if self.left.cuts > 0 && end.written == 0 {
                acts.push(Act::WritePart(role));
            }
        }
        if end.protocol.wants_input() && !input.gone {
            match (input.available(), input.tail) {
                (0, Tail::Open) => {}
                (0, _) if input.told => {}
                (0, _) => acts.push(Act::ReadEnd(role)),
                (..) => {
                    acts.push(Act::Read(role));
                    if self.left.cuts > 0 && input.is_between() {
                        acts.push(Act::ReadPart(role));
                    }
                }
            }
        }
        if setup.slow && end.applied < end.protocol.transport() {
            acts.push(Act::Comply(role));
        }
    }

    fn of_transport(&self, setup: &Setup, role: Role, acts: &mut Vec<Act>) {
        let (end, input, output) = (self.end(role), self.input(role), self.output(role));
        if end.is_over() {
            return;
        }
        let unheard = output.gone && output.spilt;
        let lost = output.tail != Tail::Open && end.applied == Transport::Open;
        if end.protocol.writes() && (unheard || lost) {
            acts.push(Act::WriteError(role));
        }
        if unheard && input.tail != Tail::Reset && !input.told {
            acts.push(Act::Answer(role));
        }
        if self.left.faults > 0 {
            let can = setup.faults.iter().filter(|&&fault| self.can_fail(role, fault));
            acts.extend(can.map(|&fault| Act::Fault(role, fault)));
        }
    }

    fn can_fail(&self, role: Role, fault: Fault) -> bool {
        let (end, input) = (self.end(role), self.input(role));
        match fault {
            Fault::End | Fault::Truncation => input.tail == Tail::Open,
            Fault::Reset => input.tail != Tail::Reset && !input.told,
            Fault::Write => end.protocol.writes(),
            Fault::Garbage | Fault::Pong => input.is_between() && input.tail != Tail::Reset && !input.told,
        }
    }

    fn of_time(&self, acts: &mut Vec<Act>) {
        let due = |end: &End| end.protocol.deadline().is_some_and(|deadline| deadline <= self.now);
        let late: Vec<_> = self.ends.iter().filter(|end| due(end)).map(End::role).collect();
        acts.extend(late.iter().map(|&role| Act::Timeout(role)));
        let Some(deadline) = self.deadline().filter(|_| late.is_empty()) else { return };
        if self.left.jumps != Some(0) {
            acts.push(Act::Jump);
        }
        if self.left.naps > 0 && deadline > self.nap() {
            acts.push(Act::Nap);
        }
    }

    fn nap(&self) -> Instant {
        self.now + Duration::from_nanos(1)
    }

    /// Does what an act says.
    pub(crate) fn happen(&mut self, setup: &Setup, act: Act) {
        let cut = |len: usize| match setup.cut {
            Cut::Header => len.min(1),
            Cut::Payload => len.saturating_sub(1).max(1),
        };
        match act {
            Act::Send(role) | Act::Fragment(role) | Act::Finish(role) => self.call(role, act),
            Act::Ping(role) | Act::Pong(role) | Act::Close(role, _) => self.call(role, act),
            Act::CloseCutting(role) | Act::Fail(role) | Act::Abort(role) => self.call(role, act),
            Act::StopReceiving(role) | Act::Ask(role) => self.call(role, act),
            Act::Write(role) => self.write(setup, role, |len| len),
            Act::WritePart(role) => {
                spend(&mut self.left.cuts, true);
                self.write(setup, role, cut);
            }
            Act::Written(role) => self.ends[at(role)].tell(self.now, &mut self.broken),
            Act::Read(role) => self.read(role, |len| len),
            Act::ReadPart(role) => {
                spend(&mut self.left.cuts, true);
                self.read(role, cut);
            }
            Act::ReadEnd(role) => self.read_end(role),
            Act::WriteError(role) => self.write_error(role),
            Act::Answer(role) => self.wires[at(role)].lose(Tail::Reset),
            Act::Comply(role) => self.comply(role),
            Act::Fault(role, fault) => self.fault(role, fault),
            Act::Timeout(role) => self.timeout(role),
            Act::Jump => {
                self.now = self.deadline().unwrap_or(self.now);
                self.left.jumps = self.left.jumps.map(|left| left - 1);
            }
            Act::Nap => {
                self.now = self.nap();
                spend(&mut self.left.naps, true);
            }
        }
    }

    /// What applications and drivers that are not slow do after every step.
    pub(crate) fn follow(&mut self) {
        for role in BOTH {
            let end = &mut self.ends[at(role)];
            if !end.ghost.busy {
                end.ask(self.now, &mut self.broken);
            }
            if end.applied < end.protocol.transport() {
                self.comply(role);
            }
        }
    }

    /// A call of the application's. What is refused changes nothing, and costs nothing.
    fn call(&mut self, role: Role, act: Act) {
        let (now, before) = (self.now, self.end(role).protocol.clone());
        let taken = self.perform(role, act);
        let end = &mut self.ends[at(role)];
        self.broken.unless(taken || before == end.protocol, Rule::RefusalChangesNothing);
        if matches!(act, Act::Abort(_)) {
            let over = before.transport() >= Transport::Close;
            self.broken.unless(over || end.protocol.transport() == Transport::Reset, Rule::AbortResets);
        }
        end.settle(now, &mut self.broken);
        match act {
            Act::Fail(_) if taken => end.ghost.deeds.fail(),
            Act::Abort(_) => end.ghost.deeds.abort(before.phase(), end.protocol.phase()),
            _ => {}
        }
        if let Some(left) = self.left.of(act) {
            spend(left, taken);
        }
    }

    /// `false`: it is refused.
    fn perform(&mut self, role: Role, act: Act) -> bool {
        let (now, broken, end) = (self.now, &mut self.broken, &mut self.ends[at(role)]);
        match act {
            Act::Send(_) => end.send(now, true, false, broken),
            Act::Fragment(_) => end.send(now, false, true, broken),
            Act::Finish(_) => end.send(now, true, true, broken),
            Act::Ping(_) => end.ping(now, broken),
            Act::Pong(_) => end.pong(now, broken),
            Act::Close(_, code) => end.protocol.close(now, close(code), false).is_ok(),
            Act::CloseCutting(_) => end.protocol.close(now, close(0), true).is_ok(),
            Act::Fail(_) => end.protocol.fail(now, close(1)).is_ok(),
            Act::Abort(_) => {
                end.protocol.abort(now);
                true
            }
            Act::StopReceiving(_) => {
                end.stop_receiving(now);
                true
            }
            _ => {
                end.ask(now, broken);
                true
            }
        }
    }

    fn write(&mut self, setup: &Setup, role: Role, cut: impl Fn(usize) -> usize) {
        let wire = &mut self.wires[at(peer(role))];
        let end = &mut self.ends[at(role)];
        end.write(self.now, setup.batch, cut, wire, &mut self.broken);
        if !setup.late {
            end.tell(self.now, &mut self.broken);
        }
    }

    fn read(&mut self, role: Role, cut: impl Fn(usize) -> usize) {
        self.ends[at(role)].read(self.now, cut, &mut self.wires[at(role)], &mut self.broken);
    }

    fn read_end(&mut self, role: Role) {
        let (end, input) = (&mut self.ends[at(role)], &mut self.wires[at(role)]);
        input.told = true;
        let (tail, before) = (input.tail, end.protocol.phase());
        match tail {
            Tail::Open => {}
            Tail::End => end.protocol.handle_end(self.now, None),
            Tail::Truncated => end.protocol.handle_end(self.now, Some(TransportError::Truncated)),
            Tail::Reset => end.protocol.handle_end(self.now, Some(TransportError::Reset)),
        }
        let ends = matches!(before, Phase::CloseNoted | Phase::FaultNoted) && tail != Tail::Reset;
        self.broken.unless(!ends || end.protocol.phase() == before, Rule::EndBehindNoted);
        let lost = match tail {
            Tail::Open => Lost::Nothing,
            Tail::End => Lost::End { inside: !input.is_between() },
            Tail::Truncated => Lost::Truncated,
            Tail::Reset => Lost::Reset,
        };
        end.ghost.deeds.lose(before, lost);
        end.settle(self.now, &mut self.broken);
    }

    fn write_error(&mut self, role: Role) {
        let end = &mut self.ends[at(role)];
        let before = end.protocol.phase();
        end.protocol.handle_write_error(self.now, TransportError::Reset);
        let reads = end.protocol.state() != State::Closed;
        self.broken.unless(before != Phase::Open || reads, Rule::WriteErrorMutes);
        end.ghost.deeds.lose(before, Lost::Reset);
        end.settle(self.now, &mut self.broken);
    }

    fn comply(&mut self, role: Role) {
        let level = self.end(role).protocol.transport();
        self.ends[at(role)].applied = level;
        match level {
            Transport::Open => {}
            Transport::ShutdownWrite => self.wires[at(peer(role))].shut(),
            Transport::Close => self.wires[at(peer(role))].shut(),
            Transport::Reset => self.wires[at(peer(role))].lose(Tail::Reset),
        }
        if level >= Transport::Close {
            self.wires[at(role)].leave();
        }
    }

    fn fault(&mut self, role: Role, fault: Fault) {
        spend(&mut self.left.faults, true);
        self.faults[at(role)].insert(fault);
        let (server, input) = (peer(role), &mut self.wires[at(role)]);
        match fault {
            Fault::End => input.lose(Tail::End),
            Fault::Truncation => input.lose(Tail::Truncated),
            Fault::Reset => input.lose(Tail::Reset),
            Fault::Write => self.write_error(role),
            Fault::Garbage => input.frames.push_front(Frame::garbage()),
            Fault::Pong => {
                let pong = Frame::new(server, true, adieu_core::frame::Opcode::Pong, &0_u64.to_be_bytes());
                input.frames.push_front(pong);
            }
        }
    }

    fn timeout(&mut self, role: Role) {
        let end = &mut self.ends[at(role)];
        let before = end.protocol.phase();
        let late = end.ghost.deeds.waits.late(self.now, &end.protocol, end.ghost.end_by);
        end.protocol.handle_timeout(self.now);
        end.ghost.deeds.time_out(late, before, end.protocol.phase());
        end.settle(self.now, &mut self.broken);
        let acted = end.protocol.deadline().is_none_or(|deadline| deadline > self.now);
        self.broken.unless(acted, Rule::TimeoutActs);
    }
}
