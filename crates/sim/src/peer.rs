//! A raw peer: no protocol, only a script.

use std::collections::VecDeque;
use std::time::Duration;

use adieu_core::{Instant, Role, Transport};

use crate::endpoint::Read;
use crate::line::Line;
use crate::trace::{Record, What};

/// What a raw peer does next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Waits for so long.
    Pause(Duration),
    /// Waits until it has read so many bytes in all, or the end.
    Await(usize),
    /// Waits for the end of what it reads.
    AwaitEnd,
    /// Writes.
    Write(Vec<u8>),
    /// Reads no more.
    StopReading,
    /// Takes nothing more of what the other side writes: its transport is full.
    Stall,
    /// Behind a stall: takes so many bytes more.
    Take(usize),
    /// Shuts down its sending direction.
    ShutdownWrite,
    /// Closes; what it has not read makes that a reset.
    Close,
    /// Resets.
    Reset,
}

pub(crate) struct Peer {
    role: Role,
    pub(crate) steps: VecDeque<Step>,
    wakes: Option<Instant>,
    reads: bool,
    heard_end: bool,
    read_len: usize,
    gone: bool,
    pub(crate) records: Vec<Record>,
}

impl Peer {
    pub(crate) fn new(role: Role, steps: impl IntoIterator<Item = Step>) -> Self {
        let (reads, heard_end, read_len, gone) = (true, false, 0, false);
        let steps = steps.into_iter().collect();
        Self { role, steps, wakes: None, reads, heard_end, read_len, gone, records: Vec::new() }
    }

    fn read(&mut self, line: &mut Line) {
        while self.reads && !self.heard_end && !self.gone {
            let what = match line.read(self.role, 64 << 10) {
                Read::Nothing => return,
                Read::Bytes(bytes, _) => {
                    self.read_len += bytes.len();
                    What::Read(bytes)
                }
                Read::End => What::End,
                Read::Error(error) => What::ReadError(error),
            };
            self.heard_end = !matches!(what, What::Read(_));
            self.note(line, what);
        }
    }

    /// Does a step; what of it is still to be done.
    fn step(&mut self, line: &mut Line, step: Step) -> Option<Step> {
        match step {
            Step::Pause(time) => {
                let until = *self.wakes.get_or_insert(line.now + time);
                if until > line.now {
                    return Some(step);
                }
                self.wakes = None;
            }
            Step::Await(len) if self.read_len < len && !self.heard_end => return Some(step),
            Step::AwaitEnd if !self.heard_end => return Some(step),
            Step::Await(_) | Step::AwaitEnd => {}
            Step::Write(bytes) => return self.write(line, bytes),
            Step::StopReading => self.reads = false,
            Step::Stall => line.stall(self.role),
            Step::Take(len) => line.take(self.role, len),
            Step::ShutdownWrite => {
                line.shutdown_write(self.role);
                self.note(line, What::Level(Transport::ShutdownWrite));
            }
            Step::Close => {
                line.close(self.role);
                self.gone = true;
                self.note(line, What::Level(Transport::Close));
            }
            Step::Reset => {
                line.reset(self.role);
                self.gone = true;
                self.note(line, What::Level(Transport::Reset));
            }
        }
        None
    }

    fn write(&mut self, line: &mut Line, mut bytes: Vec<u8>) -> Option<Step> {
        while !bytes.is_empty() {
            match line.write(self.role, &bytes) {
                Ok(0) => return Some(Step::Write(bytes)),
                Ok(len) => {
                    let rest = bytes.split_off(len);
                    self.note(line, What::Commit(std::mem::replace(&mut bytes, rest)));
                    self.note(line, What::Written(len));
                }
                Err(error) => {
                    self.note(line, What::WriteError(error));
                    break;
                }
            }
        }
        None
    }

    fn note(&mut self, line: &Line, what: What) {
        self.records.push(Record { at: line.now, role: self.role, what });
    }
}

impl Peer {
    pub(crate) fn next_at(&self) -> Option<Instant> {
        self.wakes
    }

    pub(crate) fn is_ready(&self, line: &Line) -> bool {
        let reads = self.reads && !self.heard_end && !self.gone && line.readable(self.role);
        let writes = matches!(self.steps.front(), Some(Step::Write(_))) && line.writable(self.role);
        reads || (writes && !self.gone) || self.wakes.is_some_and(|at| at <= line.now)
    }

    pub(crate) fn turn(&mut self, line: &mut Line) {
        self.read(line);
        while !self.gone
            && let Some(step) = self.steps.pop_front()
        {
            if let Some(unfinished) = self.step(line, step) {
                return self.steps.push_front(unfinished);
            }
        }
    }
}
