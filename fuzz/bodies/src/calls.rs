//! The calls of two applications and two drivers.

use std::collections::VecDeque;
use std::sync::Arc;

use adieu_core::handshake::{Accept, ClientRequest, Reject};
use adieu_core::{Cause, Close, Config, Connection, Message, OriginPolicy, ServerConfig, TransportError};

use crate::endpoint::{Endpoint, at};

const SEED: [u8; 32] = [9; 32];

/// One side: an endpoint, what is on its way to it, and what its application sent.
struct Side {
    endpoint: Endpoint,
    coming: VecDeque<u8>,
    sent: Vec<Message<'static>>,
    /// The fragments of an unfinished message.
    unfinished: Option<Message<'static>>,
    /// The stream towards it has ended or broken.
    ended: bool,
}

impl Side {
    fn new(connection: Connection) -> Self {
        let (coming, sent) = (VecDeque::new(), Vec::new());
        Self { endpoint: Endpoint::new(connection), coming, sent, unfinished: None, ended: false }
    }
}

/// Calls in any order on a client and a server that are connected to each other. Whatever they are, neither finds fault with
/// the other, messages arrive as they were sent, in order, and both end.
///
/// An operation is two bytes: what (and on which side), and how much. A byte that is left over asks for an end in silence:
/// both applications leave, and nothing arrives any more.
pub fn calls(data: &[u8]) {
    let now = at(0);
    let request = ClientRequest::new("localhost", "/").expect("it can travel");
    let server_config = ServerConfig::new(OriginPolicy::Any).with(config());
    let mut sides = [
        Side::new(Connection::client(request, Arc::new(config()), SEED, now)),
        Side::new(Connection::server(Arc::new(server_config), now)),
    ];
    let mut millis = 0;
    for pair in data.chunks_exact(2) {
        let who = usize::from(pair[0] >> 7);
        operate(&mut sides, who, pair[0] & 0x7F, pair[1], &mut millis);
        sides[who].endpoint.check();
    }
    let silent = data.len() % 2 == 1;
    if silent {
        for side in &mut sides {
            let now = side.endpoint.stall(at(millis));
            side.endpoint.connection.handle_eof(now);
            side.endpoint.run_out(now);
        }
    } else {
        finish(&mut sides, millis);
    }
    for who in [0, 1] {
        judge(&sides[who], &sides[1 - who]);
    }
}

/// Small limits for what is held, none that one endpoint could break for the other.
fn config() -> Config {
    let mut config = Config::default();
    (config.inbox_len, config.send_high, config.send_low) = (128, 512, 64);
    config
}

fn operate(sides: &mut [Side; 2], who: usize, what: u8, amount: u8, millis: &mut u64) {
    let now = at(*millis);
    match what % 24 {
        0..=3 => send(&mut sides[who], what % 24, amount, *millis),
        4..=6 => {
            let bytes = sides[who].endpoint.write(now, usize::from(amount) * 4 + 1);
            carry(sides, who, bytes);
        }
        7..=9 => receive(&mut sides[who], usize::from(amount) * 4 + 1, what % 24 == 9, *millis),
        10 => sides[who].endpoint.ask(now),
        11 => {
            *millis += u64::from(amount) * u64::from(amount);
            sides[who].endpoint.connection.handle_timeout(at(*millis));
        }
        12 => cut(sides, who, amount, *millis),
        other => command(&mut sides[who].endpoint.connection, other, amount, *millis),
    }
}

fn send(side: &mut Side, what: u8, amount: u8, millis: u64) {
    let number = side.sent.len();
    let message: Message<'static> = match what % 2 {
        0 => format!("{number} é").repeat(usize::from(amount)).into(),
        _ => vec![amount; usize::from(amount)].into(),
    };
    let connection = &mut side.endpoint.connection;
    if what < 2 {
        if connection.send(at(millis), message.borrowed()).is_ok() {
            side.sent.push(message);
        }
        return;
    }
    let end = amount.is_multiple_of(3);
    if connection.send_fragment(at(millis), message.borrowed(), end).is_err() {
        return;
    }
    let whole = join(side.unfinished.take(), message);
    if end { side.sent.push(whole) } else { side.unfinished = Some(whole) }
}

fn join(begun: Option<Message<'static>>, more: Message<'static>) -> Message<'static> {
    match (begun, more) {
        (Some(Message::Text(begun)), Message::Text(more)) => Message::Text(begun + more),
        (Some(Message::Binary(begun)), Message::Binary(more)) => [begun, more].concat().into(),
        (Some(_), _) => panic!("a fragment of another kind was taken"),
        (None, more) => more,
    }
}

/// Puts on its way what one side wrote.
fn carry(sides: &mut [Side; 2], from: usize, bytes: Vec<u8>) {
    let to = &mut sides[1 - from];
    if !to.ended {
        to.coming.extend(bytes);
    }
}

fn receive(side: &mut Side, len: usize, ahead: bool, millis: u64) {
    let len = len.min(side.coming.len());
    let bytes: Vec<u8> = side.coming.drain(..len).collect();
    if ahead {
        side.endpoint.read_ahead(at(millis), &bytes);
    } else {
        side.endpoint.read(at(millis), &bytes);
    }
}

/// The network cuts the stream towards one side.
fn cut(sides: &mut [Side; 2], who: usize, amount: u8, millis: u64) {
    let side = &mut sides[who];
    let connection = &mut side.endpoint.connection;
    match amount {
        0..=3 => connection.handle_eof(at(millis)),
        4..=7 => connection.handle_read_error(at(millis), TransportError::Reset),
        8..=9 => connection.handle_read_error(at(millis), TransportError::Truncated),
        10..=12 => return connection.handle_write_error(at(millis), TransportError::Reset),
        _ => return,
    }
    side.ended = true;
    side.coming.clear();
}

fn command(connection: &mut Connection, what: u8, amount: u8, millis: u64) {
    let now = at(millis);
    let close = || Close::new(3000 + u16::from(amount), "reason").unwrap_or(Close::EMPTY);
    match what {
        13 => drop(connection.ping(now)),
        14 => drop(connection.pong(now, &vec![amount; usize::from(amount)])),
        15 => drop(connection.accept(now, &Accept::new())),
        16 if amount < 4 => drop(connection.reject(now, &Reject::new(403).expect("a status"))),
        17 if amount < 64 => drop(connection.close(now, close())),
        18 if amount < 16 => drop(connection.close_cutting(now, close())),
        19 if amount < 8 => drop(connection.fail(now, close())),
        20 if amount < 4 => connection.abort(now),
        21 if amount < 8 => connection.stop_receiving(now),
        22 if amount < 4 => connection.handle_dropped(now),
        23 => drop(connection.poll_pong()),
        _ => connection.exchange_buffer(&mut Vec::new()),
    }
}

/// Lets everything arrive, ends both streams, and lets both run out.
fn finish(sides: &mut [Side; 2], millis: u64) {
    let now = at(millis);
    loop {
        let mut quiet = true;
        for who in [0, 1] {
            let bytes = sides[who].endpoint.flush(now);
            quiet &= bytes.is_empty();
            carry(sides, who, bytes);
            let other = &mut sides[1 - who];
            receive(other, usize::MAX, false, millis);
            other.endpoint.ask(now);
        }
        if quiet {
            break;
        }
    }
    for side in &mut *sides {
        side.endpoint.connection.handle_eof(now);
        side.endpoint.run_out(now);
    }
}

fn judge(side: &Side, peer: &Side) {
    let closed = side.endpoint.connection.closed().expect("it has ended");
    assert!(!matches!(closed.cause, Cause::Violation(_)), "an endpoint of ours is never at fault: {closed}");
    judge_messages(&side.sent, peer);
    let confirmed = closed.confirmed.map_or(0, |ticket| ticket.0 + 1);
    let sent = side.sent.len() as u64 + u64::from(side.unfinished.is_some());
    assert!(confirmed + closed.unsent.messages <= sent, "nothing is both confirmed and unsent: {closed}");
}

/// Messages arrive as they were sent, in order, and without a gap unless the verdict says that some were dropped.
fn judge_messages(sent: &[Message<'static>], peer: &Side) {
    let heard = &peer.endpoint.messages;
    let dropped = peer.endpoint.connection.closed().map_or(0, |closed| closed.undelivered.messages);
    if dropped == 0 {
        assert!(sent.starts_with(heard), "messages arrive as they were sent, in order");
    } else {
        let mut candidates = sent.iter();
        let in_order = heard.iter().all(|message| candidates.any(|candidate| candidate == message));
        assert!(in_order, "messages arrive as they were sent, in order");
        assert!(heard.len() as u64 + dropped <= sent.len() as u64, "nothing is both heard and dropped");
    }
}
