//! What is asked of every library, and the same checks for all.

use std::hint::black_box;
use std::rc::Rc;

use adieu_bench::options::Options;
use adieu_bench::wire::{Payload, READ_LEN, Wire, take_frame};

use crate::memory::Sink;

/// Which end is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Server,
    Client,
}

/// The library failed the connection.
#[derive(Debug)]
pub(crate) struct Refused;

/// A library, driven through its leanest public interface in memory.
pub(crate) trait Library {
    const NAME: &'static str;

    /// An endpoint in OPEN that reads from `wire`, or sends what is in it.
    fn open(role: Role, wire: Rc<Wire>) -> Self;

    /// Reads the whole wire and hands each message to `each`.
    fn decode(&mut self, each: impl FnMut(&[u8])) -> Result<(), Refused>;

    /// Sends the wire's messages, as many in one turn as [`per_turn`] says.
    fn encode(&mut self);

    /// Reads the whole wire and replies to each message with itself; the replies of one read go out together.
    fn echo(&mut self);

    /// Where the endpoint writes to.
    fn sink(&mut self) -> &mut Sink;
}

/// How many messages make up one turn of sending: what one read would hold, at least one.
pub(crate) fn per_turn(wire: &Wire) -> usize {
    let frame_len = wire.payload().bytes.len() + 8;
    (READ_LEN / frame_len).max(1)
}

/// The turns of sending all messages: how many in each.
pub(crate) fn turns(wire: &Wire) -> impl Iterator<Item = usize> + use<> {
    let (messages, turn) = (wire.messages(), per_turn(wire));
    (0..messages).step_by(turn).map(move |sent| turn.min(messages - sent))
}

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Job {
    Decode,
    EncodeServer,
    EncodeClient,
    Echo,
}

impl Job {
    const fn role(self) -> Role {
        match self {
            Self::Decode | Self::EncodeServer | Self::Echo => Role::Server,
            Self::EncodeClient => Role::Client,
        }
    }
}

/// One library at one job.
pub(crate) trait Run {
    fn name(&self) -> &'static str;

    /// Does the job once for all messages of the wire.
    fn pass(&mut self);

    /// Does the job once and looks at every byte.
    ///
    /// # Errors
    ///
    /// What is wrong with the library's work.
    fn check(&mut self) -> Result<(), String>;
}

struct Runner<L> {
    library: L,
    job: Job,
    wire: Rc<Wire>,
}

/// `L` at `job` with what is on `wire`, if the options want it.
pub(crate) fn runner<L: Library + 'static>(
    options: &Options,
    job: Job,
    wire: &Rc<Wire>,
) -> Option<Box<dyn Run>> {
    options.wants(L::NAME).then(|| {
        let library = L::open(job.role(), Rc::clone(wire));
        Box::new(Runner { library, job, wire: Rc::clone(wire) }) as Box<dyn Run>
    })
}

impl<L: Library> Run for Runner<L> {
    fn name(&self) -> &'static str {
        L::NAME
    }

    fn pass(&mut self) {
        match self.job {
            Job::Decode => self.library.decode(|payload| _ = black_box(payload)).expect("messages are legal"),
            Job::EncodeServer | Job::EncodeClient => self.library.encode(),
            Job::Echo => self.library.echo(),
        }
    }

    fn check(&mut self) -> Result<(), String> {
        match self.job {
            Job::Decode => {
                check_decode(&mut self.library, &self.wire)?;
                check_refusal::<L>()
            }
            Job::EncodeServer | Job::EncodeClient | Job::Echo => {
                self.library.sink().keep();
                self.pass();
                let written = self.library.sink().kept();
                check_written(&written, &self.wire, self.job.role())
            }
        }
    }
}

/// Every message is delivered, unmasked.
fn check_decode(library: &mut impl Library, wire: &Wire) -> Result<(), String> {
    let (mut right, mut wrong) = (0, 0);
    library
        .decode(|payload| {
            if payload == wire.payload().bytes {
                right += 1;
            } else {
                wrong += 1;
            }
        })
        .map_err(|Refused| "legal messages are refused")?;
    if (right, wrong) == (wire.messages(), 0) {
        return Ok(());
    }
    Err(format!("{right} messages of {} arrived, {wrong} others", wire.messages()))
}

/// Text is validated.
fn check_refusal<L: Library>() -> Result<(), String> {
    let payload = Payload { bytes: vec![b'a', 0xC0, 0x80, b'z'].into(), text: true };
    let mut library = L::open(Role::Server, Rc::new(Wire::masked(payload, 1)));
    match library.decode(|_| ()) {
        Err(Refused) => Ok(()),
        Ok(()) => Err("invalid UTF-8 is delivered".into()),
    }
}

/// Every message is written, masked by a client and by nobody else.
fn check_written(written: &[u8], wire: &Wire, role: Role) -> Result<(), String> {
    let mut rest = written;
    let mut messages = 0;
    while let Some((payload, masked)) = take_frame(&mut rest) {
        if payload != *wire.payload() || masked != (role == Role::Client) {
            return Err(format!("message {messages} is wrong on the wire"));
        }
        messages += 1;
    }
    if messages == wire.messages() && rest.is_empty() {
        return Ok(());
    }
    Err(format!("{messages} messages of {} written, {} bytes behind them", wire.messages(), rest.len()))
}
