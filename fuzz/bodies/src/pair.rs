//! The calls of two applications and two drivers.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use adieu_core::handshake::{Accept, ClientRequest, Reject};
use adieu_core::{Cause, Close, Config, Connection, Message, OriginPolicy, ServerConfig, TransportError};

use crate::endpoint::{Endpoint, at};

const SEED: [u8; 32] = [9; 32];
const READ_LEN: usize = 2048;
/// As the first operation it chooses the configurations.
const CONFIGURE: u8 = 0x7F;
const SHORT: Duration = Duration::from_millis(200);
/// No application sends more.
const MAX_MESSAGE_LEN: usize = 8192;

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
    fn new(make: impl FnOnce() -> Connection) -> Self {
        let (coming, sent) = (VecDeque::new(), Vec::new());
        Self { endpoint: Endpoint::new(make), coming, sent, unfinished: None, ended: false }
    }
}

/// Calls in any order on a client and a server that are connected to each other. Whatever they are, neither finds fault with
/// the other, messages arrive as they were sent, in order, and both end.
///
/// An operation is two bytes: what (and on which side), and how much. A byte that is left over asks for an end in silence:
/// both applications leave, and nothing arrives any more. Where the first is [`CONFIGURE`] it chooses the configurations.
pub fn pair(data: &[u8]) {
    let now = at(0);
    let choice = if let [CONFIGURE, choice, ..] = data { *choice } else { 0 };
    let request = ClientRequest::new("localhost", "/").expect("it can travel");
    let server_config = Arc::new(ServerConfig::new(OriginPolicy::Any).with(config(choice, 0)));
    let client_config = Arc::new(config(choice, 1));
    let mut sides = [
        Side::new(|| Connection::client(request, client_config, SEED, now)),
        Side::new(|| Connection::server(server_config, now)),
    ];
    let mut millis = 0;
    for pair in data.chunks_exact(2) {
        let who = usize::from(pair[0] >> 7);
        operate(&mut sides, who, pair[0] & 0x7F, pair[1], &mut millis);
    }
    let silent = data.len() % 2 == 1;
    if silent {
        for side in &mut sides {
            let now = side.endpoint.stall(at(millis));
            side.endpoint.end_of_stream(now);
            side.endpoint.run_out(now);
        }
    } else {
        finish(&mut sides, millis);
    }
    for who in [0, 1] {
        judge(&sides[who], &sides[1 - who]);
    }
}

/// Small limits for what is held, none that one endpoint could break for the other; each bit of the choice changes one thing.
fn config(choice: u8, chunks_bit: u8) -> Config {
    let has = |bit: u8| choice & (1 << bit) != 0;
    let mut config = Config::default();
    (config.inbox_len, config.read_len, config.send_high, config.send_low) = (128, READ_LEN, 512, 64);
    (config.max_message_len, config.max_frame_len) = (MAX_MESSAGE_LEN, MAX_MESSAGE_LEN);
    config.chunks = has(chunks_bit);
    if has(2) {
        config.close_linger = Duration::ZERO;
    }
    if has(3) {
        (config.inbox_len, config.send_high, config.send_low, config.drain_len) = (0, 0, 0, 16);
    }
    if has(4) {
        config.idle_timeout = Some(Duration::from_secs(3));
    }
    if has(5) {
        (config.ping_interval, config.pong_timeout) =
            (Some(Duration::from_secs(1)), Duration::from_millis(500));
    }
    if has(6) {
        config.closing_timeout = Duration::from_secs(3);
    }
    if has(7) {
        let moment = Duration::from_millis(1);
        (config.handshake_timeout, config.write_timeout, config.drain_timeout) = (SHORT, SHORT, moment);
    }
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
            for side in sides {
                side.endpoint.pass(at(*millis));
            }
        }
        12 => cut(sides, who, amount, *millis),
        21 if amount < 8 => sides[who].endpoint.give_up(now, false),
        22 if amount < 4 => sides[who].endpoint.give_up(now, true),
        other => command(&mut sides[who].endpoint, other, amount, *millis),
    }
}

fn send(side: &mut Side, what: u8, amount: u8, millis: u64) {
    let number = side.sent.len();
    let message: Message<'static> = match what % 2 {
        0 => format!("{number} é").repeat(usize::from(amount)).into(),
        _ => vec![amount; usize::from(amount)].into(),
    };
    if what < 2 {
        if side.endpoint.send(at(millis), message.borrowed()) {
            side.sent.push(message);
        }
        return;
    }
    let end = amount.is_multiple_of(3);
    let begun = side.unfinished.as_ref().map_or(0, Message::len);
    if begun + message.len() > MAX_MESSAGE_LEN
        || !side.endpoint.send_fragment(at(millis), message.borrowed(), end)
    {
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
    let len = len.min(side.coming.len()).min(READ_LEN);
    let bytes: Vec<u8> = side.coming.drain(..len).collect();
    if ahead && side.endpoint.connection().wants_input() {
        side.endpoint.read_ahead(at(millis), &bytes);
    } else {
        side.endpoint.read(at(millis), &bytes);
    }
}

/// The network cuts the stream towards one side.
fn cut(sides: &mut [Side; 2], who: usize, amount: u8, millis: u64) {
    let side = &mut sides[who];
    let now = at(millis);
    match amount {
        0..=3 => side.endpoint.end_of_stream(now),
        4..=7 => side.endpoint.read_error(now, TransportError::Reset),
        8..=9 => side.endpoint.read_error(now, TransportError::Truncated),
        10..=12 => {
            let broken = TransportError::Reset;
            return side.endpoint.call(now, |connection| connection.handle_write_error(now, broken));
        }
        _ => return,
    }
    side.ended = true;
    side.coming.clear();
}

fn command(endpoint: &mut Endpoint, what: u8, amount: u8, millis: u64) {
    let now = at(millis);
    let payload = vec![amount; usize::from(amount)];
    let (accept, reject) = (Accept::new(), Reject::new(403).expect("a status"));
    let close = Close::new(3000 + u16::from(amount), "reason").unwrap_or(Close::EMPTY);
    endpoint.call(now, |connection| match what {
        13 => drop(connection.ping(now)),
        14 => drop(connection.pong(now, &payload)),
        15 => drop(connection.accept(now, &accept)),
        16 if amount < 4 => drop(connection.reject(now, &reject)),
        17 if amount < 64 => drop(connection.close(now, close)),
        18 if amount < 16 => drop(connection.close_cutting(now, close)),
        19 if amount < 8 => drop(connection.fail(now, close)),
        20 if amount < 4 => connection.abort(now),
        23 => drop(connection.poll_pong()),
        _ => connection.exchange_buffer(&mut Vec::new()),
    });
}

/// Lets everything arrive, ends both streams, and lets both run out.
fn finish(sides: &mut [Side; 2], millis: u64) {
    let now = at(millis);
    loop {
        let mut quiet = true;
        for who in [0, 1] {
            let bytes = sides[who].endpoint.flush(now);
            carry(sides, who, bytes);
            let other = &mut sides[1 - who];
            quiet &= other.coming.is_empty();
            receive(other, usize::MAX, false, millis);
            other.endpoint.ask(now);
        }
        if quiet {
            break;
        }
    }
    for side in &mut *sides {
        side.endpoint.end_of_stream(now);
        side.endpoint.run_out(now);
    }
}

fn judge(side: &Side, peer: &Side) {
    let closed = side.endpoint.connection().closed().expect("it has ended");
    let theirs = peer.endpoint.connection().closed().expect("it has ended");
    assert!(!matches!(closed.cause, Cause::Violation(_)), "an endpoint of ours is never at fault: {closed}");
    judge_messages(&side.sent, peer);
    let confirmed = closed.confirmed.map_or(0, |ticket| ticket.0 + 1);
    let arrived = peer.endpoint.messages.len() as u64 + theirs.undelivered.messages;
    let counted = confirmed <= arrived || peer.endpoint.uncounted;
    assert!(counted, "what is confirmed has arrived: {closed}, of {arrived}");
    let written = side.sent.len() as u64 + u64::from(side.unfinished.is_some()) - closed.unsent.messages;
    assert!(arrived <= written, "what has arrived was not unsent: {closed}, {arrived} arrived");
    if theirs.received.is_some() {
        assert!(closed.flushed, "a Close that was received was flushed: {closed}");
        assert_eq!(theirs.received, closed.sent, "the Close arrives as it was sent");
    }
    if side.unfinished.is_some() {
        assert!(closed.cut_out, "a message of ours is unfinished: {closed}");
    }
}

/// Messages arrive as they were sent, in order, and without a gap unless the verdict says that some were dropped.
fn judge_messages(sent: &[Message<'static>], peer: &Side) {
    let heard = &peer.endpoint.messages;
    let dropped = peer.endpoint.connection().closed().map_or(0, |closed| closed.undelivered.messages);
    if dropped == 0 {
        assert!(sent.starts_with(heard), "messages arrive as they were sent, in order");
    } else {
        let mut candidates = sent.iter();
        let in_order = heard.iter().all(|message| candidates.any(|candidate| candidate == message));
        assert!(in_order, "messages arrive as they were sent, in order");
        assert!(heard.len() as u64 + dropped <= sent.len() as u64, "nothing is both heard and dropped");
    }
}
