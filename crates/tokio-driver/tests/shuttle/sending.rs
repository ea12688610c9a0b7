//! Handles on several threads, while all is well.

use std::sync::Arc;

use adieu_core::{Config, Role, SendRefusal};
use shuttle::future::block_on;
use shuttle::thread::{JoinHandle, spawn};

use crate::checker::check;
use crate::driver::Driver;
use crate::pipe::{BINARY, CLOSE, Far, Near, PING, PONG, TEXT, pipe};
use crate::sender::Sender;
use crate::websocket::{WebSocket, open};

/// The payload of a Close with 1000.
pub(crate) const NORMAL: &[u8] = &[3, 232];

pub(crate) fn connection(change: impl FnOnce(&mut Config)) -> (WebSocket<Near>, Driver<Near>, Far) {
    let (near, far) = pipe();
    let mut config = Config::default();
    (config.ping_interval, config.send_high) = (None, 40);
    change(&mut config);
    let (socket, driver) = open(Role::Server, near, Arc::new(config), &mut []);
    (socket, driver, far)
}

pub(crate) fn join<T>(thread: JoinHandle<T>) -> T {
    thread.join().expect("no panic")
}

/// Sends three numbered messages, and tells how many were taken.
fn send_three(sender: &Sender<Near>, name: u8) -> u8 {
    for number in 0..3 {
        let message = [name, number, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        if let Err(error) = block_on(sender.send(&message[..])) {
            assert!(matches!(error.refusal, SendRefusal::Closing | SendRefusal::Ended), "{error:?}");
            assert_eq!(error.message.as_bytes(), message);
            return number;
        }
    }
    3
}

/// Of each sender, the first `counts` messages are there, in order, and nothing else.
fn assert_order(messages: &[Vec<u8>], counts: &[(u8, u8)]) {
    for (name, count) in counts {
        let numbers = messages.iter().filter(|message| message[0] == *name).map(|message| message[1]);
        assert_eq!(numbers.collect::<Vec<_>>(), (0..*count).collect::<Vec<_>>(), "sender {name}");
    }
    let all: u8 = counts.iter().map(|(_, count)| count).sum();
    assert_eq!(messages.len(), usize::from(all));
}

/// Receives to the end.
fn receive(socket: &mut WebSocket<Near>) -> Vec<Vec<u8>> {
    let mut received = Vec::new();
    while let Ok(message) = block_on(socket.recv()) {
        received.push(message.as_bytes().to_vec());
    }
    received
}

fn senders_a_receiver_and_a_closer() {
    let (mut socket, driver, far) = connection(|_| {});
    let driver = spawn(move || block_on(driver));
    let senders: Vec<_> = (1..=2)
        .map(|name| {
            let sender = socket.sender();
            spawn(move || (name, send_three(&sender, name)))
        })
        .collect();
    let closer = socket.sender();
    let closer = spawn(move || block_on(closer.close(1000, "")).expect("it closes first"));
    let receiver = spawn(move || receive(&mut socket));
    let peer = spawn(move || {
        far.say(TEXT, b"one");
        far.say(TEXT, b"two");
        far.see_out()
    });
    let counts: Vec<_> = senders.into_iter().map(join).collect();
    let verdict = join(closer);
    assert!(verdict.clean && verdict.unsent.messages == 0, "{verdict}");
    assert_eq!(join(receiver), [b"one", b"two"]);
    let (messages, close) = join(peer);
    assert_order(&messages, &counts);
    assert_eq!(close.as_deref(), Some(NORMAL));
    join(driver);
}

#[test]
fn s8_senders_a_receiver_and_a_closer_are_all_answered() {
    check("senders, a receiver and a closer", senders_a_receiver_and_a_closer);
}

/// Nobody closes before all is sent, so all of it arrives.
fn senders_in_a_full_queue() {
    let (socket, driver, far) = connection(|config| config.send_high = 20);
    let driver = spawn(move || block_on(driver));
    let peer = spawn(move || far.see_out());
    let senders: Vec<_> = (1..=3)
        .map(|name| {
            let sender = socket.sender();
            spawn(move || (name, send_three(&sender, name)))
        })
        .collect();
    let counts: Vec<_> = senders.into_iter().map(join).collect();
    assert_eq!(counts, [(1, 3), (2, 3), (3, 3)]);
    assert!(block_on(socket.close(1000, "")).expect("it closes first").clean);
    assert_order(&join(peer).0, &counts);
    join(driver);
}

#[test]
fn s8_senders_that_wait_for_room_are_all_woken() {
    check("senders in a full queue", senders_in_a_full_queue);
}

/// A task that drives its connection and echoes, while another thread sends.
fn an_echo_beside_its_driver() {
    let (mut socket, mut driver, far) = connection(|_| {});
    let sender = socket.sender();
    let sender = spawn(move || (1, send_three(&sender, 1)));
    let echo = spawn(move || {
        let work = async {
            while let Ok(message) = socket.recv().await {
                if socket.send(message).await.is_err() {
                    break;
                }
            }
            socket.closed().await
        };
        let verdict = block_on(driver.beside(work));
        block_on(driver);
        verdict
    });
    let peer = spawn(move || {
        let mut messages = Vec::new();
        for number in 0..2 {
            far.say(TEXT, &[2, number]);
        }
        while messages.len() < 5 {
            let (opcode, payload) = far.hear().expect("a message");
            assert!(matches!(opcode, TEXT | BINARY), "{opcode}");
            messages.push(payload);
        }
        far.say(CLOSE, NORMAL);
        assert_eq!(far.hear(), Some((CLOSE, NORMAL.to_vec())));
        far.end();
        messages
    });
    let counts = [join(sender), (2, 2)];
    assert!(join(echo).clean);
    assert_order(&join(peer), &counts);
}

#[test]
fn s8_an_echo_beside_its_driver_and_a_sender_elsewhere_do_not_hinder_each_other() {
    check("an echo beside its driver", an_echo_beside_its_driver);
}

fn receive_four(mut socket: WebSocket<Near>) -> WebSocket<Near> {
    for number in 0..4 {
        assert_eq!(block_on(socket.recv()).expect("a message").as_bytes(), [number; 12]);
    }
    socket
}

/// Says four messages and a Ping behind them, and waits for the Pong.
fn say_four(far: Far) -> Far {
    for number in 0..4 {
        far.say(TEXT, &[number; 12]);
    }
    far.say(PING, b"?");
    assert_eq!(far.hear(), Some((PONG, b"?".to_vec())));
    far
}

/// Reading stops when the inbox is full, and goes on when the receiver has made room, even if it never asks again.
fn a_receiver_behind_a_full_inbox() {
    let (socket, driver, far) = connection(|config| (config.inbox_len, config.read_len) = (10, 20));
    let driver = spawn(move || block_on(driver));
    let receiver = spawn(move || receive_four(socket));
    let peer = spawn(move || say_four(far));
    let (mut socket, far) = (join(receiver), join(peer));
    let peer = spawn(move || {
        far.say(CLOSE, NORMAL);
        far.see_out()
    });
    assert!(block_on(socket.recv()).expect_err("the end").clean);
    join(peer);
    join(driver);
}

#[test]
fn s8_reading_goes_on_when_the_receiver_has_made_room() {
    check("a receiver behind a full inbox", a_receiver_behind_a_full_inbox);
}

/// Pings of several threads, while messages come.
fn pings_and_messages() {
    let (mut socket, driver, far) = connection(|_| {});
    let driver = spawn(move || block_on(driver));
    let pingers: Vec<_> = (0..2)
        .map(|_| {
            let pinger = socket.sender();
            spawn(move || block_on(pinger.ping()).is_ok())
        })
        .collect();
    let receiver = spawn(move || receive(&mut socket));
    let peer = spawn(move || {
        for number in 0..2 {
            far.say(TEXT, &[number]);
            let (opcode, payload) = far.hear().expect("a frame");
            assert_eq!(opcode, PING);
            far.say(PONG, &payload);
        }
        far
    });
    assert!(pingers.into_iter().all(join), "each before the Close");
    let far = join(peer);
    far.say(CLOSE, NORMAL);
    far.see_out();
    assert_eq!(join(receiver), [[0], [1]]);
    join(driver);
}

#[test]
fn s8_pings_of_several_threads_are_all_answered() {
    check("pings and messages", pings_and_messages);
}
