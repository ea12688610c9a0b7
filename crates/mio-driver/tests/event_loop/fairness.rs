//! One connection that floods does not keep the others waiting.

use std::io::Write;
use std::sync::mpsc::{Receiver, Sender};

use adieu_mio::{Handler, Key, Message, READS, Sockets};

use super::common::{PATIENCE, Server, config, masked, news, next};

const TEXT: u8 = 1;
const BINARY: u8 = 2;
/// How much is read at once.
const READ_LEN: usize = 1000;

/// Tells how many bytes have come when text does; stands still when it is told to.
struct Counting {
    bytes: usize,
    at_text: Sender<usize>,
}

impl Handler for Counting {
    /// Tells that it stands still, and goes on when the other end is gone.
    type Command = (Sender<()>, Receiver<()>);

    fn on_message(&mut self, _sockets: &mut Sockets, _key: Key, message: Message<'_>) {
        self.bytes += message.len();
        if message.as_text().is_some() {
            self.at_text.send(self.bytes).expect("it is heard");
        }
    }

    fn on_command(&mut self, _sockets: &mut Sockets, (still, go): Self::Command) {
        still.send(()).expect("it is heard");
        let _gone = go.recv();
    }
}

#[test]
fn a_flood_is_given_a_bounded_share_of_a_round() {
    let (at_text, told) = news();
    let handler = Counting { bytes: 0, at_text };
    let server = Server::start(handler, config(|config| config.read_len = READ_LEN), PATIENCE);
    let (mut flood, mut quiet) = (server.client(), server.client());
    let ((still, is_still), (stay, go)) = (news(), news::<()>());
    assert!(server.handle.send((still, go)).is_ok());
    next(&is_still);
    // Both lie in the system's buffers when the loop goes on.
    let frames = masked(BINARY, &[0; 100]).repeat(10 * READS * READ_LEN / 106);
    flood.0.write_all(&frames).expect("there is room");
    quiet.say(TEXT, b"quiet");
    drop(stay);
    let before = next(&told);
    assert!(before <= READS * READ_LEN + 5, "{before} bytes came before");
    drop((flood, quiet));
    server.finish();
}

/// Sends a word to everybody else, touches them very often, and tells how much of it still waits to be written.
struct Touching {
    waits: Sender<usize>,
}

impl Handler for Touching {
    type Command = ();

    fn on_message(&mut self, sockets: &mut Sockets, key: Key, message: Message<'_>) {
        for other in sockets.keys().filter(|other| *other != key).collect::<Vec<_>>() {
            sockets.send(other, message.borrowed()).expect("there is room");
            for _ in 0..OFTEN {
                sockets.reach(other).expect("it is open");
            }
            let waits = sockets.get(other).expect("it is open").connection.buffered();
            self.waits.send(waits).expect("it is heard");
        }
    }
}

/// After as many that were changed, a loop writes what they have: see `Sockets`.
const OFTEN: usize = 10 * 1024;

#[test]
fn a_socket_that_is_touched_often_waits_for_one_turn() {
    let (waits, told) = news();
    let server = Server::start(Touching { waits }, config(|_| ()), PATIENCE);
    let (mut one, mut other) = (server.client(), server.client());
    one.say(TEXT, b"word");
    assert_eq!(next(&told), 2 + b"word".len(), "it is one that was changed, and has had no turn yet");
    assert_eq!(other.hear(), (TEXT, b"word".to_vec()));
    drop((one, other));
    server.finish();
}
