//! The side under test, as scripts use it: every call can be dropped, and is written down.

use std::cell::RefCell;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Waker};

use adieu_tokio::{
    CloseError, Closed, Driver, Message, PingFailed, Prepared, SendError, SendRefusal, Sender, SinkError,
    WebSocket,
};
use futures_util::{Sink, StreamExt};

use super::steps::Steps;
use super::tap::Tap;

/// The connection has ended, or takes no more.
#[derive(Debug)]
pub(crate) struct Ended;

/// What a script has seen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Record {
    /// The opening handshake succeeded.
    pub(crate) opened: bool,
    /// Tickets, and what they were given for.
    pub(crate) sent: Vec<(u64, Vec<u8>)>,
    pub(crate) refusals: Vec<SendRefusal>,
    pub(crate) received: Vec<Vec<u8>>,
    pub(crate) pongs: usize,
    /// Every answer that told how it ended.
    pub(crate) verdicts: Vec<Closed>,
}

pub(crate) type Shared = Rc<RefCell<Record>>;

/// How something is sent; a part is the last one if so.
#[derive(Clone, Copy, Debug)]
pub(crate) enum How {
    Whole,
    Part(bool),
    Prepared,
    Uncompressed,
    UncompressedPart(bool),
}

pub(crate) struct Subject {
    hand: Hand,
    /// Where every call is made beside the driver, and nothing is driven in between.
    pub(crate) driver: Option<Driver<Tap>>,
    pub(crate) steps: Steps,
    pub(crate) record: Shared,
    /// The sink may hold a message beyond the last that was given a ticket.
    pub(crate) sinks: u64,
}

pub(crate) enum Hand {
    Socket(WebSocket<Tap>),
    Sender(Sender<Tap>),
    Empty,
}

impl Hand {
    pub(crate) fn socket(&mut self) -> &mut WebSocket<Tap> {
        match self {
            Self::Socket(socket) => socket,
            Self::Sender(_) | Self::Empty => panic!("this script has dropped its socket"),
        }
    }

    fn sender(&self) -> &Sender<Tap> {
        match self {
            Self::Socket(socket) => socket,
            Self::Sender(sender) => sender,
            Self::Empty => panic!("this script has dropped its handles"),
        }
    }
}

/// Awaits `work`, beside the driver if it is in hand.
async fn drive<F: Future>(driver: &mut Option<Driver<Tap>>, work: F) -> F::Output {
    match driver {
        Some(driver) => driver.beside(work).await,
        None => work.await,
    }
}

/// Uses a handle for what changes nothing.
fn meddle(sender: &Sender<Tap>, differently: bool) {
    if differently {
        let other = sender.clone();
        let _pending = pin!(other.closed()).poll(&mut Context::from_waker(Waker::noop()));
        let _ = (other.state(), other.buffered(), other.confirmed(), other.verdict(), other.peer_close());
    }
}

/// Sends with a handle that may be one of many.
pub(crate) async fn send(
    steps: &Steps,
    record: &Shared,
    sender: &Sender<Tap>,
    payload: &[u8],
) -> Result<(), Ended> {
    let sending = async |differently| {
        meddle(sender, differently);
        sender.send(payload).await
    };
    match steps.step(sending).await {
        Ok(ticket) => record.borrow_mut().sent.push((ticket.0, payload.to_vec())),
        Err(error) => {
            assert_eq!(error.message.as_bytes(), payload, "it comes back");
            record.borrow_mut().refusals.push(error.refusal);
            return Err(Ended);
        }
    }
    Ok(())
}

/// Receives one message.
pub(crate) async fn recv(
    steps: &Steps,
    record: &Shared,
    socket: &mut WebSocket<Tap>,
) -> Result<Vec<u8>, Ended> {
    let receiving = async |differently| {
        meddle(socket, differently);
        socket.recv().await
    };
    let received = steps.step(receiving).await;
    note(record, received)
}

fn note(record: &Shared, received: Result<Message<'static>, Box<Closed>>) -> Result<Vec<u8>, Ended> {
    match received {
        Ok(message) => {
            let payload = message.as_bytes().to_vec();
            record.borrow_mut().received.push(payload.clone());
            Ok(payload)
        }
        Err(closed) => {
            record.borrow_mut().verdicts.push(*closed);
            Err(Ended)
        }
    }
}

impl Subject {
    pub(crate) fn new(
        socket: WebSocket<Tap>,
        driver: Option<Driver<Tap>>,
        steps: Steps,
        record: Shared,
    ) -> Self {
        Self { hand: Hand::Socket(socket), driver, steps, record, sinks: 0 }
    }

    pub(crate) fn socket(&mut self) -> &mut WebSocket<Tap> {
        self.hand.socket()
    }

    pub(crate) fn sender(&self) -> &Sender<Tap> {
        self.hand.sender()
    }

    /// The socket is dropped, a handle for sending is kept.
    pub(crate) fn drop_receiver(&mut self) {
        let sender = self.socket().sender();
        self.hand = Hand::Sender(sender);
    }

    pub(crate) fn drop_everything(&mut self) {
        self.hand = Hand::Empty;
    }

    pub(crate) async fn recv(&mut self) -> Result<Vec<u8>, Ended> {
        let Self { hand, driver, steps, record, .. } = self;
        let socket = hand.socket();
        let receiving = async |differently| {
            meddle(socket, differently);
            drive(driver, socket.recv()).await
        };
        let received = steps.step(receiving).await;
        note(record, received)
    }

    /// As parts; what they make together is written down.
    pub(crate) async fn recv_in_parts(&mut self) -> Result<(), Ended> {
        let (mut whole, mut begun) = (Vec::new(), false);
        loop {
            let Self { hand, driver, steps, record, .. } = self;
            let socket = hand.socket();
            let receiving = async |differently| {
                meddle(socket, differently);
                drive(driver, socket.recv_chunk()).await
            };
            match steps.step(receiving).await {
                Ok(chunk) => {
                    assert_eq!(chunk.start, !std::mem::replace(&mut begun, true), "no part is lost");
                    whole.extend_from_slice(&chunk.payload);
                    if chunk.end {
                        record.borrow_mut().received.push(whole);
                        return Ok(());
                    }
                }
                Err(closed) => {
                    record.borrow_mut().verdicts.push(*closed);
                    return Err(Ended);
                }
            }
        }
    }

    /// As a stream.
    pub(crate) async fn next(&mut self) -> Result<Vec<u8>, Ended> {
        let Self { hand, driver, steps, record, .. } = self;
        let socket = hand.socket();
        let receiving = async |differently| {
            meddle(socket, differently);
            drive(driver, socket.next()).await
        };
        let received = steps.step(receiving).await;
        let verdict = || hand.sender().verdict().expect("the stream ends with the verdict");
        note(record, received.ok_or_else(verdict))
    }

    pub(crate) async fn send(&mut self, payload: &[u8]) -> Result<(), Ended> {
        self.send_as(How::Whole, payload).await
    }

    pub(crate) async fn send_as(&mut self, how: How, payload: &[u8]) -> Result<(), Ended> {
        let Self { hand, driver, steps, record, .. } = self;
        let sender = hand.sender();
        let prepared = Prepared::new(&payload.into());
        let refusal = |error: SendError<Message<'_>>| {
            assert_eq!(error.message.as_bytes(), payload, "it comes back");
            error.refusal
        };
        let sending = async |differently| {
            meddle(sender, differently);
            match how {
                How::Whole => drive(driver, sender.send(payload)).await.map_err(refusal),
                How::Part(end) => drive(driver, sender.send_fragment(payload, end)).await.map_err(refusal),
                How::Prepared => drive(driver, sender.send_prepared(&prepared)).await,
                How::Uncompressed => drive(driver, sender.send_uncompressed(payload)).await.map_err(refusal),
                How::UncompressedPart(end) => {
                    let sending = sender.send_fragment_uncompressed(payload, end);
                    drive(driver, sending).await.map_err(refusal)
                }
            }
        };
        match steps.step(sending).await {
            Ok(ticket) => record.borrow_mut().sent.push((ticket.0, payload.to_vec())),
            Err(refusal) => {
                record.borrow_mut().refusals.push(refusal);
                return Err(Ended);
            }
        }
        Ok(())
    }

    pub(crate) async fn ping(&mut self) -> Result<(), Ended> {
        let Self { hand, driver, steps, record, .. } = self;
        let sender = hand.sender();
        let pinging = async |differently| {
            meddle(sender, differently);
            drive(driver, sender.ping()).await
        };
        match steps.step(pinging).await {
            Ok(_) => record.borrow_mut().pongs += 1,
            Err(PingFailed::Closed(closed)) => {
                record.borrow_mut().verdicts.push(*closed);
                return Err(Ended);
            }
            Err(_) => return Err(Ended),
        }
        Ok(())
    }

    /// A `close` that was dropped has closed.
    pub(crate) async fn close(&mut self, code: u16) -> Result<(), Ended> {
        let Self { hand, driver, steps, record, .. } = self;
        let sender = hand.sender();
        let mut calls = 0;
        let closing = async |differently| {
            meddle(sender, differently);
            calls += 1;
            match drive(driver, sender.close(code, "bye")).await {
                Err(error) if calls > 1 => {
                    assert_eq!(error, CloseError::Already);
                    Ok(drive(driver, sender.closed()).await)
                }
                answer => answer,
            }
        };
        let closed = steps.step(closing).await;
        record.borrow_mut().verdicts.push(*closed.map_err(|_| Ended)?);
        Ok(())
    }

    pub(crate) async fn closed(&mut self) {
        let Self { hand, driver, steps, record, .. } = self;
        let sender = hand.sender();
        let waiting = async |differently| {
            meddle(sender, differently);
            drive(driver, sender.closed()).await
        };
        let closed = steps.step(waiting).await;
        record.borrow_mut().verdicts.push(*closed);
    }

    async fn sink(&mut self, poll: PollSink) -> Result<(), Ended> {
        let Self { hand, driver, steps, record, .. } = self;
        let socket = hand.socket();
        let sinking = async |differently| {
            meddle(socket, differently);
            drive(driver, poll_fn(|cx| poll(Pin::new(&mut *socket), cx))).await
        };
        steps.step(sinking).await.map_err(|SinkError(refusal)| {
            record.borrow_mut().refusals.push(refusal);
            Ended
        })
    }

    /// As a sink: waits for room, and gives it a message.
    pub(crate) async fn feed(&mut self, payload: &[u8]) -> Result<(), Ended> {
        self.sink(Sink::poll_ready).await?;
        let message = Message::from(payload.to_vec());
        match Pin::new(self.socket()).start_send(message) {
            Ok(()) => {
                self.record.borrow_mut().sent.push((self.sinks, payload.to_vec()));
                self.sinks += 1;
                Ok(())
            }
            Err(SinkError(refusal)) => {
                self.record.borrow_mut().refusals.push(refusal);
                Err(Ended)
            }
        }
    }

    pub(crate) async fn flush(&mut self) -> Result<(), Ended> {
        self.sink(Sink::poll_flush).await
    }

    pub(crate) async fn close_sink(&mut self) -> Result<(), Ended> {
        self.sink(Sink::poll_close).await
    }

    /// Receives to the end, asks for the verdict in every way, and drops what is left.
    pub(crate) async fn finish(&mut self) {
        if matches!(self.hand, Hand::Socket(_)) {
            while self.recv().await.is_ok() {}
            assert!(self.recv().await.is_err(), "an end is for ever");
        }
        if !matches!(self.hand, Hand::Empty) {
            self.closed().await;
            let verdict = self.sender().verdict().expect("decided");
            self.record.borrow_mut().verdicts.push(*verdict);
        }
        self.drop_everything();
    }
}

type PollSink = fn(Pin<&mut WebSocket<Tap>>, &mut Context<'_>) -> std::task::Poll<Result<(), SinkError>>;
