//! Every named bound, at it and past it.

use crate::common;

use adieu_core::{Cause, Config, Event, PingError, SendRefusal, State, Violation};
use common::{World, config};

fn failed_with(w: &World, violation: Violation) -> bool {
    let cause = w.cause();
    assert!(cause.is_some() || w.state() == State::Open);
    cause == Some(Cause::Violation(violation))
}

/// What arrives under this configuration passes.
fn passes(config: &Config, build: impl Fn(common::Peer) -> Vec<u8>) {
    for mut w in World::all(config) {
        w.feed(&build(w.peer));
        w.flush();
        assert_eq!((w.state(), w.heard().len()), (State::Open, 1));
    }
}

/// What arrives under this configuration fails the connection with 1009.
fn fails(config: &Config, build: impl Fn(common::Peer) -> Vec<u8>, violation: Violation) {
    for mut w in World::all(config) {
        w.feed(&build(w.peer));
        assert_eq!(w.said_codes(), ["close 1009"]);
        assert!(failed_with(&w, violation), "{:?}", w.cause());
        assert_eq!(w.heard(), ["closed"]);
    }
}

// R10.4-02
#[test]
fn frame_at_its_limit_passes_and_one_byte_more_fails() {
    let config = config(|c| c.max_frame_len = 300);
    passes(&config, |p| p.binary(&[0; 300]));
    fails(&config, |p| p.binary(&[0; 301]), Violation::FrameTooLong);
    passes(&config, |p| [p.start(&"x".repeat(300)), p.last([b'x'; 300])].concat());
    fails(&config, |p| [p.start("x"), p.last([b'x'; 301])].concat(), Violation::FrameTooLong);
}

// R10.4-03
#[test]
fn message_at_its_limit_passes_and_one_byte_more_fails() {
    for chunks in [false, true] {
        let config = config(|c| (c.max_message_len, c.chunks) = (300, chunks));
        for mut w in World::all(&config) {
            let p = w.peer;
            w.feed(&p.binary(&[0; 300]));
            w.feed(&[p.start(&"x".repeat(299)), p.middle(""), p.last("x"), p.text("y")].concat());
            w.flush();
            assert_eq!(w.state(), State::Open);
            w.feed(&[p.start(&"x".repeat(299)), p.last("xy")].concat());
            assert_eq!(w.said_codes(), ["close 1009"]);
            assert!(failed_with(&w, Violation::MessageTooLong));
        }
        for mut w in World::all(&config) {
            w.feed(&w.peer.binary(&[0; 301]));
            assert_eq!(w.said_codes(), ["close 1009"]);
            assert!(failed_with(&w, Violation::MessageTooLong));
        }
    }
}

// R10.4-03
#[test]
fn default_limit_of_a_message_is_1_mib() {
    let config = config(|_| ());
    passes(&config, |p| p.binary(&vec![0; 1 << 20]));
    for mut w in World::all(&config) {
        w.feed(&w.peer.binary(&vec![0; (1 << 20) + 1]));
        assert_eq!(w.said_codes(), ["close 1009"]);
    }
}

#[test]
fn fragments_at_their_limit_pass_and_one_more_fails() {
    let config = config(|c| c.max_fragments = 4);
    passes(&config, |p| [p.start("a"), p.middle("b"), p.middle(""), p.last("c")].concat());
    let five =
        |p: common::Peer| [p.start("a"), p.middle("b"), p.middle(""), p.middle(""), p.last("c")].concat();
    fails(&config, five, Violation::TooManyFragments);
    for mut w in World::all(&config) {
        let p = w.peer;
        for _ in 0..10 {
            w.feed(&[p.start("a"), p.middle("b"), p.ping("x"), p.last("c")].concat());
        }
        w.flush();
        assert_eq!(w.state(), State::Open, "each message counts from one, and control frames do not");
    }
}

#[test]
fn limit_of_no_fragments_lets_no_message_pass() {
    let config = config(|c| c.max_fragments = 0);
    fails(&config, |p| p.text("whole"), Violation::TooManyFragments);
    fails(&config, |p| p.start("begun"), Violation::TooManyFragments);
}

#[test]
fn limit_of_one_fragment_lets_whole_messages_pass() {
    passes(&config(|c| c.max_fragments = 1), |p| p.text("whole"));
}

#[test]
fn inbox_below_its_threshold_reads_on_and_at_it_stops() {
    for mut w in World::all(&config(|c| c.inbox_len = 1000)) {
        assert!(w.conn.wants_input());
        w.ahead(&w.peer.binary(&[0; 100]));
        assert!(w.conn.wants_input());
        w.ahead(&w.peer.binary(&[0; 901]));
        assert!(!w.conn.wants_input());
        assert_eq!(w.poll().as_deref(), Some("message [100]"));
        assert!(w.conn.wants_input(), "a message was taken out");
        w.heard();
        assert!(w.conn.wants_input());
    }
}

#[test]
fn inbox_takes_all_of_a_read_however_full_it_is() {
    for mut w in World::all(&config(|c| c.inbox_len = 10)) {
        let many: Vec<u8> = (0..50).flat_map(|n| w.peer.text(&format!("{n:0>20}"))).collect();
        w.ahead(&many);
        assert!(!w.conn.wants_input());
        w.ahead(&w.peer.ping("still acted on"));
        assert_eq!(w.said(), ["pong still acted on"]);
        assert_eq!(w.heard().len(), 50);
        assert!(w.conn.wants_input());
    }
}

#[test]
fn inbox_of_empty_messages_is_bounded_too() {
    for mut w in World::all(&config(|_| ())) {
        let read = w.peer.text("").repeat(1000);
        let mut reads = 0;
        while w.conn.wants_input() {
            w.ahead(&read);
            reads += 1;
            assert!(reads < 200, "200,000 messages wait and reading goes on");
        }
        assert_eq!(w.heard().len(), reads * 1000, "none of them is lost");
    }
}

/// Bytes of header in front of a payload of at most 125 bytes.
fn header_len(w: &World) -> usize {
    if w.role == adieu_core::Role::Client { 6 } else { 2 }
}

#[test]
fn send_is_taken_below_the_high_water_mark_and_refused_at_it() {
    for mut w in World::all(&config(|_| ())) {
        let frame = header_len(&w) + 100;
        let high = 10 * frame;
        w = World::open(w.role, &config(|c| (c.send_high, c.send_low) = (high, 0)));
        w.queue_many(10, &"x".repeat(100));
        assert_eq!(w.conn.buffered(), high);
        w.refused(SendRefusal::Full);
        let error = w.conn.send_fragment(w.now, "part", false).expect_err("the queue is full");
        assert_eq!((error.refusal, error.message.as_text()), (SendRefusal::Full, Some("part")));
        w.push(1);
        assert_eq!(w.conn.refusal(), None, "one byte below the mark");
        w.queue("taken");
        w.refused(SendRefusal::Full);
    }
}

#[test]
fn send_of_a_message_longer_than_the_high_water_mark_is_taken_when_there_is_room() {
    for mut w in World::all(&config(|c| c.send_high = 1000)) {
        w.queue(&"x".repeat(100_000));
        w.refused(SendRefusal::Full);
        w.flush();
        assert_eq!(w.frames()[0].payload.len(), 100_000);
        w.queue("again");
    }
}

#[test]
fn drained_is_told_once_when_the_queue_falls_to_the_low_water_mark() {
    for mut w in World::all(&config(|c| (c.send_high, c.send_low) = (1000, 300))) {
        while w.conn.refusal().is_none() {
            w.queue(&"x".repeat(100));
        }
        let above = w.conn.buffered() - 301;
        w.push(above);
        assert_eq!((w.conn.buffered(), w.heard()), (301, vec![]));
        w.push(1);
        assert_eq!(w.heard(), ["drained"]);
        w.flush();
        assert_eq!(w.heard(), ["drained"], "only once");
        w.queue("x");
        w.flush();
        assert_eq!(w.heard(), ["drained"], "it was not at the high mark again");
    }
}

#[test]
fn drained_is_not_told_when_the_queue_was_never_full() {
    for mut w in World::all(&config(|c| (c.send_high, c.send_low) = (1000, 300))) {
        w.queue(&"x".repeat(900));
        assert_eq!(w.conn.refusal(), None);
        w.flush();
        assert_eq!(w.heard(), [""; 0]);
    }
}

#[test]
fn memory_of_the_send_queue_is_bounded_by_the_high_water_mark_and_one_message() {
    for mut w in World::all(&config(|c| c.send_high = 10_000)) {
        let mut taken = 0;
        for _ in 0..100_000 {
            match w.send("some text") {
                Ok(_) => taken += 1,
                Err(error) => assert_eq!(error.refusal, SendRefusal::Full),
            }
            if w.conn.ping(w.now) == Err(PingError::TooMany) {
                w.conn.pong(w.now, b"pong").ok();
            }
        }
        assert!(w.conn.buffered() <= 10_000 + 20_000, "{}", w.conn.buffered());
        assert!(taken < 1000);
    }
}

// R10.3-02
#[test]
fn committed_bytes_never_change_under_the_writer() {
    for mut w in World::all(&config(|_| ())) {
        for n in 0..100 {
            w.queue(&n.to_string().repeat(50));
        }
        let mut before = w.committed();
        for n in 0..150 {
            w.feed(&w.peer.ping(n.to_string()));
            w.conn.pong(w.now, b"mine").ok();
            if n == 100 {
                w.close(1000, "");
            }
            let now = w.committed();
            assert!(now.starts_with(&before), "what was handed out stays in front");
            let taken = now.len().min(n);
            w.conn.handle_written(w.now, taken);
            before = now[taken..].to_vec();
            w.wire.extend_from_slice(&now[..taken]);
        }
        w.flush();
        assert_eq!(w.frames().iter().filter(|frame| frame.opcode == 1).count(), 100);
        assert_eq!(w.frames().iter().filter(|frame| frame.opcode == 8).count(), 1);
    }
}

#[test]
fn output_is_the_same_into_however_many_slices_it_is_gathered() {
    for slices in [1, 2, 3, 16] {
        for mut w in World::all(&config(|_| ())) {
            w.slices = slices;
            for len in [0, 1, 100, 5000, 70_000, 3, 300_000, 0, 20] {
                w.send(vec![len as u8; len]).expect("room");
            }
            w.feed(&w.peer.ping("x"));
            w.close(1000, "bye");
            w.flush_by(9999);
            let lens: Vec<_> = w.frames().iter().map(|frame| frame.payload.len()).collect();
            assert_eq!(lens, [1, 0, 1, 100, 5000, 70_000, 3, 300_000, 0, 20, 5]);
        }
    }
}

#[test]
fn transmit_into_no_slices_commits_nothing() {
    for mut w in World::all(&config(|_| ())) {
        w.queue("message");
        w.slices = 0;
        assert_eq!(w.committed(), b"");
        w.slices = 1;
        w.feed(&w.peer.ping("x"));
        assert_eq!(w.said(), ["pong x", "text message"]);
    }
}

#[test]
fn buffer_is_lent_and_taken_back_and_never_takes_bytes_along() {
    for mut w in World::all(&config(|_| ())) {
        let mut spare = Vec::with_capacity(10_000);
        w.conn.exchange_buffer(&mut spare);
        w.queue("first");
        w.conn.exchange_buffer(&mut spare);
        assert!(spare.is_empty());
        w.push(3);
        w.conn.exchange_buffer(&mut spare);
        w.queue("second");
        assert_eq!(w.said(), ["text first", "text second"]);
        w.conn.exchange_buffer(&mut spare);
        assert!(spare.is_empty());
        assert_eq!(w.conn.buffered(), 0);
    }
}

/// Buffers are taken back until one stays empty; the room that each has.
fn taken_back(w: &mut World) -> Vec<usize> {
    let mut taken = Vec::new();
    for _ in 0..10 {
        let mut spare = Vec::new();
        w.conn.exchange_buffer(&mut spare);
        assert!(spare.is_empty(), "a buffer takes no bytes along");
        if spare.capacity() == 0 {
            return taken;
        }
        taken.push(spare.capacity());
    }
    panic!("there is always one more");
}

#[test]
fn every_buffer_of_an_idle_connection_can_be_taken_back() {
    const LEN: usize = 200_000;
    for mut w in World::all(&config(|_| ())) {
        for _ in 0..3 {
            w.send(vec![7; LEN]).expect("a message that is taken");
            w.push(100_000);
            taken_back(&mut w);
            w.flush();
            assert_ne!(taken_back(&mut w), [], "what was written leaves its buffer");
            assert_eq!(taken_back(&mut w), []);
        }
        assert!(w.frames().iter().all(|frame| frame.payload == vec![7; LEN]));
    }
}

#[test]
fn large_message_is_gathered_where_another_was_written_from() {
    for mut w in World::all(&config(|_| ())) {
        let p = w.peer;
        for round in 1..4 {
            w.send(vec![7; 200_000]).expect("a message that is taken");
            if round == 2 {
                w.push(100_000);
            } else {
                w.flush();
            }
            let payload = vec![round; 150_000];
            w.feed_by(50_000, &p.binary(&payload));
            let Some(Event::Message(message)) = w.events.pop() else { panic!("a message") };
            assert_eq!(message.as_bytes(), payload);
            w.flush();
        }
        assert!(w.frames().iter().all(|frame| frame.payload == vec![7; 200_000]));
        taken_back(&mut w);
        assert_eq!(taken_back(&mut w), []);
    }
}

#[test]
fn buffer_of_a_large_message_stays_for_the_next_also_with_a_small_one_behind_it() {
    for mut w in World::all(&config(|_| ())) {
        w.send(vec![7; 200_000]).expect("a message that is taken");
        w.queue("small");
        w.flush();
        assert!(taken_back(&mut w).iter().any(|room| *room >= 200_000));
    }
}

#[test]
fn application_that_is_always_one_message_behind_gets_all_in_their_order() {
    for mut w in World::all(&config(|_| ())) {
        let p = w.peer;
        w.ahead(&p.text("0"));
        for number in 1..500 {
            w.ahead(&p.text(&number.to_string()));
            assert_eq!(w.poll(), Some(format!("text {}", number - 1)));
        }
        assert_eq!((w.poll(), w.poll()), (Some("text 499".to_owned()), None));
    }
}

#[test]
fn limits_of_nothing_are_limits_of_one_byte_and_a_connection_still_works() {
    let config = config(|c| (c.inbox_len, c.send_high, c.send_low) = (0, 0, 0));
    for mut w in World::all(&config) {
        assert!(w.conn.wants_input(), "nothing waits yet");
        let p = w.peer;
        w.feed(&p.text("a"));
        assert!(w.heard().contains(&"text a".to_owned()));
        let before = w.heard().len();
        w.queue("b");
        assert_eq!(w.conn.refusal(), Some(SendRefusal::Full));
        assert_eq!(w.said(), ["text b"]);
        assert_eq!((&w.heard()[before..], w.conn.refusal()), (&["drained".to_owned()][..], None));
    }
}

#[test]
fn drained_is_told_when_a_send_is_taken_again_whatever_the_marks_are() {
    // The low mark is above the high one.
    let config = config(|c| (c.send_high, c.send_low) = (10, 1000));
    for mut w in World::all(&config) {
        let before = w.heard().len();
        w.queue("0123456789abcdef");
        assert_eq!(w.conn.refusal(), Some(SendRefusal::Full));
        w.write(1);
        assert_eq!((w.heard().len(), w.conn.refusal()), (before, Some(SendRefusal::Full)));
        w.flush();
        assert_eq!((&w.heard()[before..], w.conn.refusal()), (&["drained".to_owned()][..], None));
    }
}
