//! Many connections, many loops.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::mpsc::Sender;
use std::thread::{self, ThreadId};

use adieu_mio::{Handler, Key, Message, Sockets, listen};

use super::common::{Client, PATIENCE, Server, config, news};

const TEXT: u8 = 1;

/// Echoes, and tells in which thread.
struct Where(Sender<ThreadId>);

impl Handler for Where {
    type Command = ();

    fn on_message(&mut self, sockets: &mut Sockets, key: Key, message: Message<'_>) {
        sockets.send(key, message).expect("it is open");
        let _ = self.0.send(thread::current().id());
    }
}

#[test]
fn places_are_used_again_and_keys_are_not() {
    #[derive(Default)]
    struct Keys(Vec<Key>);
    impl Handler for Keys {
        type Command = ();
        fn on_message(&mut self, sockets: &mut Sockets, key: Key, message: Message<'_>) {
            assert!(!self.0.contains(&key), "a key is never valid twice");
            for old in &self.0 {
                assert!(sockets.get(*old).is_none() && sockets.send(*old, "hello?").is_err());
            }
            self.0.push(key);
            sockets.send(key, message).expect("it is open");
        }
    }
    let server = Server::start(Keys::default(), config(|_| {}), PATIENCE);
    for _ in 0..50 {
        let mut client = server.client();
        client.say(TEXT, b"hello");
        assert_eq!(client.hear(), (TEXT, b"hello".to_vec()));
        client.say(8, &1000_u16.to_be_bytes());
        assert_eq!(client.hear_out(), (Vec::new(), 1000));
        // The server ends first; then it has let go.
        client.answered_end();
    }
    assert_eq!(server.finish().0.len(), 50);
}

#[test]
fn hundreds_talk_at_once() {
    let (ids, told) = news();
    let server = Server::start(Where(ids), config(|_| {}), PATIENCE);
    let mut clients: Vec<_> = (0..300).map(|_| server.client()).collect();
    for round in 0..3_u8 {
        clients.iter_mut().for_each(|client| client.say(TEXT, &[b'a' + round]));
        for client in &mut clients {
            assert_eq!(client.hear(), (TEXT, vec![b'a' + round]));
        }
    }
    assert_eq!(told.try_iter().count(), 900);
    drop(clients);
    server.finish();
}

#[cfg(target_os = "linux")]
#[test]
fn several_loops_share_an_address() {
    let (ids, told) = news();
    let first = Server::start(Where(ids.clone()), config(|_| {}), PATIENCE);
    let second = Server::at(first.address, Where(ids), config(|_| {}), PATIENCE);
    let mut clients: Vec<_> = (0..64).map(|_| Client::open(first.address)).collect();
    for client in &mut clients {
        client.say(TEXT, b"where?");
        assert_eq!(client.hear(), (TEXT, b"where?".to_vec()));
    }
    let threads: std::collections::HashSet<_> = told.try_iter().collect();
    assert_eq!(threads.len(), 2, "the system deals them out");
    drop(clients);
    first.finish();
    second.finish();
}

#[test]
fn an_address_is_shared_only_where_all_who_listen_there_ask_for_it() {
    let anywhere = SocketAddr::from(([127, 0, 0, 1], 0));
    for (first, second) in [(false, false), (false, true), (true, false)] {
        let one = listen(anywhere, first).expect("an address");
        let refused = listen(one.local_addr().expect("bound"), second).expect_err("it is in use");
        assert_eq!(refused.kind(), ErrorKind::AddrInUse);
    }
}
