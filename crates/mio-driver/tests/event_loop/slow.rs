//! Broadcasts to receivers of which one is slow.

use std::collections::HashMap;
use std::sync::mpsc::Sender;

use adieu_mio::{
    Accept, Backlog, Cause, Close, Closed, Handler, Key, Message, Prepared, Request, SendRefusal, Sockets,
};

use super::common::{PATIENCE, Server, config, news, next};

const LEN: usize = 50_000;
const COUNT: usize = 200;

/// Tells everybody the same; keeps `kept` messages for who is slow, or closes.
struct Room {
    kept: usize,
    closes: bool,
    members: HashMap<Key, Backlog>,
    /// The most that was queued for one.
    most: usize,
    told: Sender<Closed>,
}

impl Handler for Room {
    /// Broadcast this many messages, each beginning with its number.
    type Command = usize;

    fn on_request(&mut self, sockets: &mut Sockets, key: Key, _request: Box<Request>) {
        let (socket, now) = sockets.reach(key).expect("it is there");
        socket.connection.accept(now, &Accept::new()).expect("a request");
        self.members.insert(key, Backlog::default());
    }

    fn on_message(&mut self, _sockets: &mut Sockets, _key: Key, _message: Message<'_>) {}

    fn on_command(&mut self, sockets: &mut Sockets, number: usize) {
        let mut payload = vec![0; LEN];
        payload[..8].copy_from_slice(&(number as u64).to_be_bytes());
        let message = Prepared::binary(&payload);
        for (key, backlog) in &mut self.members {
            if self.closes {
                if sockets.send_prepared(*key, &message) == Err(SendRefusal::Full) {
                    let (socket, now) = sockets.reach(*key).expect("it is there");
                    let close = Close::new(1013, "too slow").expect("a code");
                    let _already = socket.connection.close(now, close);
                }
            } else {
                let sent = backlog.send(&message, self.kept, |next| sockets.send_prepared(*key, next));
                assert!(sent.is_ok() && backlog.len() <= self.kept);
            }
            let queued = sockets.get(*key).map_or(0, |socket| socket.connection.buffered());
            self.most = self.most.max(queued);
        }
    }

    fn on_writable(&mut self, sockets: &mut Sockets, key: Key) {
        if let Some(backlog) = self.members.get_mut(&key) {
            backlog.resume(|next| sockets.send_prepared(key, next)).expect("it is open");
        }
    }

    fn on_closed(&mut self, _sockets: &mut Sockets, key: Key, verdict: Box<Closed>) {
        self.members.remove(&key);
        let _ = self.told.send(*verdict);
    }
}

fn start(kept: usize, closes: bool, told: Sender<Closed>) -> Server<Room> {
    let small = config(|config| (config.send_high, config.send_low) = (4 * LEN, LEN));
    let room = Room { kept, closes, members: HashMap::new(), most: 0, told };
    Server::start(room, small, PATIENCE)
}

fn number(payload: &[u8]) -> usize {
    assert_eq!(payload.len(), LEN);
    u64::from_be_bytes(payload[..8].try_into().expect("8 bytes")) as usize
}

/// What a receiver that reads at once, and one that reads when all is said, have heard.
fn hear(kept: usize) -> (usize, Vec<usize>) {
    let (verdicts, _told) = news();
    let server = start(kept, false, verdicts);
    let (mut quick, mut slow) = (server.client(), server.client());
    let mut heard = 0;
    for round in 0..COUNT {
        server.handle.send(round).expect("it runs");
        assert_eq!(number(&quick.hear().1), round, "who is quick misses nothing");
        heard += 1;
    }
    // A Ping is answered, however slow its sender is.
    slow.say(9, b"still there");
    let mut numbers = Vec::new();
    let mut answered = false;
    while !answered || numbers.last() != Some(&(COUNT - 1)) && kept > 0 {
        match slow.hear() {
            (10, payload) => {
                assert_eq!(payload, b"still there");
                answered = true;
            }
            (_, payload) => numbers.push(number(&payload)),
        }
    }
    drop((quick, slow));
    let room = server.finish();
    assert!(room.most <= 5 * LEN + 100, "{} bytes were queued", room.most);
    (heard, numbers)
}

#[test]
fn who_is_slow_misses_what_there_is_no_room_for() {
    let (quick, slow) = hear(0);
    assert_eq!(quick, COUNT);
    assert!(slow.len() < COUNT && slow.is_sorted(), "{slow:?}");
    assert!(slow.iter().copied().eq(0..slow.len()), "the first ones: {slow:?}");
}

#[test]
fn or_it_misses_the_oldest_and_has_the_latest() {
    let (quick, slow) = hear(3);
    assert_eq!(quick, COUNT);
    assert!(slow.len() < COUNT && slow.is_sorted(), "{slow:?}");
    let latest = slow.iter().copied().filter(|number| *number >= COUNT - 3).count();
    assert_eq!(latest, 3, "{slow:?}");
}

#[test]
fn or_it_has_to_go_and_is_told_why() {
    let (verdicts, told) = news();
    let server = start(0, true, verdicts);
    let (mut quick, mut slow) = (server.client(), server.client());
    for round in 0..COUNT {
        server.handle.send(round).expect("it runs");
        assert_eq!(number(&quick.hear().1), round);
    }
    let (messages, code) = slow.hear_out();
    assert_eq!(code, 1013);
    let numbers: Vec<_> = messages.iter().map(|message| number(message)).collect();
    assert!(numbers.len() < COUNT && numbers.iter().copied().eq(0..numbers.len()), "{numbers:?}");
    slow.answer_close(1013);
    let verdict = next(&told);
    assert!(verdict.clean && verdict.cause == Cause::Handshake && verdict.unsent.messages == 0, "{verdict}");
    drop(quick);
    server.finish();
}
