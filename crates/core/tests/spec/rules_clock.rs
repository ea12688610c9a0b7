//! The rules of CLOSE.md section 2: 8 and 9, the deadlines.

use crate::common;

use adieu_core::handshake::Accept;
use adieu_core::{Cause, State, Timeout, Transport};
use common::{START, World, config, request, secs};

fn worlds() -> Vec<World> {
    World::all(&config(|_| ()))
}

#[test]
fn rule8_quiet_open_connection_has_no_deadline() {
    for mut w in worlds() {
        assert_eq!(w.conn.deadline(), None);
        w.queue("x");
        w.flush();
        w.feed(&w.peer.text("y"));
        assert_eq!(w.conn.deadline(), None);
        w.wait(secs(1_000_000));
        assert_eq!(w.state(), State::Open);
    }
}

#[test]
fn rule8_handshake_deadline_runs_from_accept_or_connect_and_ends_with_the_opening() {
    let config = config(|c| c.handshake_timeout = secs(3));
    for mut w in [World::any_server(&config), World::any_client(&config)] {
        assert_eq!(w.conn.deadline(), Some(START + secs(3)));
        w.wait(secs(2));
        w.flush();
        assert_eq!(w.due_ms(), Some(1000), "progress does not move it");
    }
    let mut w = World::any_server(&config);
    w.wait(secs(2));
    w.feed(&request(&[]));
    assert_eq!(w.due_ms(), Some(1000), "a waiting request does not move it");
    w.conn.accept(w.now, &Accept::new()).expect("a request to accept");
    w.flush();
    assert_eq!(w.conn.deadline(), None);
}

#[test]
fn rule8_write_deadline_runs_from_the_last_progress_while_bytes_wait() {
    for mut w in worlds() {
        w.wait(secs(500));
        w.queue("0123456789");
        assert_eq!(w.due_ms(), Some(30_000));
        w.wait(secs(20));
        w.queue("more");
        assert_eq!(w.due_ms(), Some(10_000), "queueing is not progress");
        w.push(1);
        assert_eq!(w.due_ms(), Some(30_000));
        w.flush();
        assert_eq!(w.conn.deadline(), None);
        w.wait(secs(100));
        w.queue("again");
        w.wait(secs(30));
        assert_eq!(w.cause(), Some(Cause::Timeout(Timeout::Write)));
    }
}

#[test]
fn rule8_write_deadline_runs_while_only_a_pong_waits() {
    for mut w in worlds() {
        w.feed(&w.peer.ping("x"));
        w.wait(secs(20));
        w.feed(&w.peer.ping("y"));
        assert_eq!(w.due_ms(), Some(10_000), "a newer ping is not progress");
        w.wait(secs(10));
        assert_eq!(w.cause(), Some(Cause::Timeout(Timeout::Write)));
    }
}

#[test]
fn rule8_close_deadline_runs_from_the_flush_of_our_close() {
    for mut w in worlds() {
        w.close(1000, "bye");
        w.wait(secs(20));
        w.push(w.conn.buffered() - 1);
        w.wait(secs(10));
        assert_eq!(w.due_ms(), Some(20_000), "not flushed: only writing is timed");
        w.push(1);
        assert_eq!(w.due_ms(), Some(5000));
        w.feed(&w.peer.ping("x"));
        w.wait(secs(4));
        assert_eq!(w.due_ms(), Some(1000), "nothing but the answer stops it");
        w.wait(secs(1));
        assert_eq!(w.cause(), Some(Cause::Timeout(Timeout::Close)));
    }
}

#[test]
fn rule8_drain_deadline_runs_from_the_last_flush_and_ends_in_a_transport_close() {
    for mut w in worlds() {
        w.feed(&w.peer.close(1000, ""));
        w.wait(secs(7));
        w.flush();
        assert_eq!(w.due_ms(), Some(2000));
        w.wait(secs(1));
        w.feed(&[0; 100]);
        assert_eq!(w.due_ms(), Some(1000), "input does not move it");
        assert!(w.transport() < Transport::Close);
        w.wait(secs(1));
        assert_eq!((w.transport(), w.conn.deadline()), (Transport::Close, None));
    }
}

#[test]
fn rule8_closing_deadline_runs_from_our_close_whatever_progress_there_is() {
    for mut w in World::all(&config(|c| c.closing_timeout = secs(9))) {
        w.queue("a long queue");
        w.wait(secs(1));
        w.close(1000, "");
        for left in (1..=9).rev() {
            assert_eq!((w.state(), w.due_ms()), (State::Closing, Some(left * 1000)));
            w.push(1);
            w.wait(secs(1));
        }
        assert_eq!(w.cause(), Some(Cause::Timeout(Timeout::Closing)));
    }
}

#[test]
fn rule8_closing_deadline_runs_from_the_noting_of_the_peers_close() {
    let config = config(|c| (c.closing_timeout, c.close_linger) = (secs(9), secs(4)));
    for mut w in World::all(&config) {
        w.queue("a long queue");
        w.ahead(&[w.peer.text("unread"), w.peer.close(1000, "")].concat());
        for _ in 0..8 {
            w.push(1);
            w.wait(secs(1));
        }
        assert_eq!((w.state(), w.due_ms()), (State::Closing, Some(1000)));
        w.wait(secs(1));
        assert_eq!(w.cause(), Some(Cause::Timeout(Timeout::Closing)));
    }
}

#[test]
fn rule8_closing_deadline_runs_from_a_failure() {
    for mut w in World::all(&config(|c| c.closing_timeout = secs(9))) {
        w.queue("a long queue");
        w.feed(&w.peer.frame(3, "").bytes());
        w.wait(secs(8));
        assert_eq!((w.state(), w.due_ms()), (State::Closing, Some(1000)));
        w.wait(secs(1));
        assert_eq!(w.state(), State::Closed);
        let verdict = w.verdict();
        assert_eq!((verdict.flushed, verdict.unsent), (false, (Some(0), 1, 12)));
        assert_eq!(w.heard(), ["closed"]);
    }
}

#[test]
fn rule8_pong_deadline_runs_from_the_flush_of_the_ping() {
    for mut w in worlds() {
        w.queue("before");
        w.conn.ping(w.now).expect("a ping");
        w.wait(secs(15));
        w.push(w.conn.buffered() - 1);
        w.wait(secs(15));
        w.push(1);
        assert_eq!(w.due_ms(), Some(20_000));
        let payload = w.frames()[1].payload.clone();
        w.wait(secs(19));
        w.feed(&w.peer.pong(&payload));
        assert_eq!((w.state(), w.conn.deadline()), (State::Open, None));
        assert_eq!(w.heard(), ["pong 0"]);
    }
}

#[test]
fn rule8_pong_deadline_is_that_of_the_oldest_unanswered_ping() {
    for mut w in worlds() {
        for _ in 0..2 {
            w.conn.ping(w.now).expect("a ping");
            w.flush();
            w.wait(secs(15));
        }
        assert_eq!((w.state(), w.cause()), (State::Closing, None));
        w.flush();
        assert_eq!(w.cause(), Some(Cause::Timeout(Timeout::Pong)));
    }
}

#[test]
fn rule8_idle_deadline_runs_from_the_last_message_in_either_direction() {
    for mut w in World::all(&config(|c| c.idle_timeout = Some(secs(10)))) {
        assert_eq!(w.due_ms(), Some(10_000));
        w.wait(secs(6));
        w.feed(&w.peer.text("in"));
        assert_eq!(w.due_ms(), Some(10_000));
        w.wait(secs(6));
        w.queue("out");
        w.flush();
        assert_eq!(w.due_ms(), Some(10_000));
        w.wait(secs(6));
        w.feed(&[w.peer.ping("x"), w.peer.pong("y")].concat());
        w.flush();
        assert_eq!(w.due_ms(), Some(4000), "a Ping is no message");
        w.wait(secs(4));
        assert_eq!(w.state(), State::Closing);
        assert_eq!(w.heard(), ["text in"]);
    }
}

#[test]
fn rule8_message_that_is_under_way_is_not_idle() {
    for mut w in World::all(&config(|c| (c.idle_timeout, c.write_timeout) = (Some(secs(10)), secs(9)))) {
        let message = w.peer.text("hello");
        let (header, payload) = message.split_at(message.len() - 5);
        w.feed(header);
        for byte in payload {
            w.wait(secs(6));
            w.feed(&[*byte]);
        }
        assert_eq!((w.state(), w.heard()), (State::Open, vec!["text hello".to_owned()]), "it came slowly");
        w.queue(&"x".repeat(60));
        while w.conn.buffered() > 20 {
            w.write(20);
            w.wait(secs(6));
        }
        w.flush();
        assert_eq!((w.state(), w.due_ms()), (State::Open, Some(10_000)), "it was taken slowly");
        w.queue("at once");
        w.wait(secs(8));
        w.flush();
        assert_eq!(w.due_ms(), Some(10_000), "it was taken late");
        w.wait(secs(10));
        assert_eq!(w.state(), State::Closing);
    }
}

#[test]
fn rule8_keepalive_interval_runs_from_the_last_arrival() {
    for mut w in World::all(&config(|c| c.ping_interval = Some(secs(20)))) {
        assert_eq!(w.due_ms(), Some(20_000));
        w.wait(secs(15));
        w.feed(&w.peer.pong("anything at all"));
        assert_eq!(w.due_ms(), Some(20_000));
        w.wait(secs(15));
        w.queue("we talk, it is silent");
        w.flush();
        assert_eq!(w.due_ms(), Some(5000));
        w.wait(secs(5));
        w.flush();
        assert_eq!(w.frames().last().map(|frame| frame.opcode), Some(9));
    }
}

#[test]
fn rule8_one_keepalive_ping_is_out_at_a_time() {
    let config = config(|c| (c.ping_interval, c.pong_timeout) = (Some(secs(2)), secs(20)));
    for mut w in World::all(&config) {
        w.wait(secs(2));
        for _ in 0..19 {
            w.flush();
            w.wait(secs(1));
        }
        let pings = w.frames().iter().filter(|frame| frame.opcode == 9).count();
        assert_eq!(pings, 1);
        w.wait(secs(1));
        w.flush();
        assert_eq!(w.cause(), Some(Cause::Timeout(Timeout::Pong)), "the first one is not forgotten");
    }
}

#[test]
fn rule8_keepalive_ping_is_the_only_one_also_beside_those_of_the_application() {
    let config = config(|c| (c.ping_interval, c.pong_timeout) = (Some(secs(2)), secs(20)));
    for mut w in World::all(&config) {
        w.wait(secs(2));
        w.flush();
        w.conn.ping(w.now).expect("a ping");
        w.flush();
        w.wait(secs(15));
        w.flush();
        assert_eq!(w.frames().iter().filter(|frame| frame.opcode == 9).count(), 2);
    }
}

#[test]
fn rule8_late_call_of_handle_timeout_acts_on_every_deadline_that_has_passed() {
    for mut w in worlds() {
        w.close(1000, "");
        w.flush();
        w.now = w.now + secs(1_000_000);
        w.tick();
        assert_eq!(w.state(), State::Closed);
        assert_eq!(w.transport(), Transport::Close);
    }
    for mut w in worlds() {
        w.feed(&w.peer.close(1000, ""));
        w.flush();
        w.now = w.now + secs(1_000_000);
        w.tick();
        assert_eq!(w.transport(), Transport::Close);
    }
}

#[test]
fn rule8_early_call_of_handle_timeout_changes_nothing() {
    for mut w in worlds() {
        w.queue("x");
        w.close(1000, "");
        let due = w.conn.deadline();
        for _ in 0..100 {
            w.tick();
        }
        assert_eq!((w.conn.deadline(), w.state()), (due, State::Closing));
    }
}

#[test]
fn rule9_peer_that_does_not_read_is_caught_by_the_write_deadline() {
    let config = config(|c| (c.ping_interval, c.pong_timeout) = (Some(secs(5)), secs(1)));
    for mut w in World::all(&config) {
        w.queue("stuck");
        w.push(1);
        w.wait(secs(29));
        assert_eq!(w.state(), State::Open, "no pong clock before the Ping's flush");
        w.wait(secs(1));
        assert_eq!(w.cause(), Some(Cause::Timeout(Timeout::Write)));
    }
}

#[test]
fn rule9_pong_clock_stands_still_while_we_are_not_reading() {
    for mut w in World::all(&config(|c| c.inbox_len = 100)) {
        w.conn.ping(w.now).expect("a ping");
        w.flush();
        w.wait(secs(12));
        w.ahead(&w.peer.binary(&[0; 101]));
        assert!(!w.conn.wants_input());
        assert_eq!(w.conn.deadline(), None);
        w.wait(secs(1000));
        assert_eq!(w.state(), State::Open);
        w.heard();
        assert!(w.conn.wants_input());
        assert_eq!(w.due_ms(), Some(8000), "it goes on where it stood");
        w.wait(secs(8));
        assert_eq!(w.state(), State::Closing);
        w.flush();
        assert_eq!(w.cause(), Some(Cause::Timeout(Timeout::Pong)));
    }
}

#[test]
fn rule9_silence_is_not_counted_while_we_are_not_reading() {
    let paused = config(|c| (c.inbox_len, c.ping_interval) = (100, Some(secs(20))));
    for mut w in World::all(&paused) {
        w.wait(secs(5));
        w.ahead(&w.peer.binary(&[0; 101]));
        w.wait(secs(1000));
        assert!(!w.conn.wants_output());
        w.heard();
        assert_eq!(w.due_ms(), Some(20_000), "a keepalive Ping, as if the pause had not been");
    }
}

#[test]
fn rule9_ping_flushed_while_we_are_not_reading_is_timed_once_we_read_again() {
    for mut w in World::all(&config(|c| c.inbox_len = 100)) {
        w.ahead(&w.peer.binary(&[0; 101]));
        w.conn.ping(w.now).expect("a ping");
        w.flush();
        w.wait(secs(1000));
        assert_eq!(w.state(), State::Open);
        w.heard();
        assert_eq!(w.due_ms(), Some(20_000));
    }
}

#[test]
fn rule9_ping_flushed_in_the_middle_of_a_pause_has_its_whole_time_afterwards_and_no_more() {
    for mut w in World::all(&config(|c| c.inbox_len = 100)) {
        w.ahead(&w.peer.binary(&[0; 101]));
        w.wait(secs(500));
        w.conn.ping(w.now).expect("a ping");
        w.flush();
        w.wait(secs(500));
        w.heard();
        assert_eq!(w.due_ms(), Some(20_000));
    }
}

#[test]
fn rule9_ping_that_is_not_flushed_within_a_pause_has_its_time_from_its_flush() {
    for mut w in World::all(&config(|c| c.inbox_len = 100)) {
        w.ahead(&w.peer.binary(&[0; 101]));
        w.conn.ping(w.now).expect("a ping");
        w.wait(secs(10));
        w.heard();
        assert_eq!(w.due_ms(), Some(20_000), "the write deadline");
        w.wait(secs(5));
        w.flush();
        assert_eq!(w.due_ms(), Some(20_000), "the Pong's");
        w.wait(secs(20));
        w.flush();
        assert_eq!(w.cause(), Some(Cause::Timeout(Timeout::Pong)));
    }
}

#[test]
fn rule9_pause_counts_for_every_outstanding_ping() {
    for mut w in World::all(&config(|c| c.inbox_len = 100)) {
        for _ in 0..2 {
            w.conn.ping(w.now).expect("a ping");
        }
        w.flush();
        w.wait(secs(5));
        w.ahead(&w.peer.binary(&[0; 101]));
        w.wait(secs(1000));
        w.heard();
        assert_eq!(w.due_ms(), Some(15_000));
        let first = w.frames()[0].payload.clone();
        w.feed(&w.peer.pong(&first));
        assert_eq!(w.due_ms(), Some(15_000), "the second ping waited just as long");
        w.tick();
        assert_eq!(w.state(), State::Open);
    }
}

#[test]
fn rule9_keepalive_that_nobody_can_write_is_caught_by_the_write_deadline() {
    for mut w in World::all(&config(|c| c.ping_interval = Some(secs(20)))) {
        w.wait(secs(20));
        assert!(w.conn.wants_output());
        assert_eq!(w.due_ms(), Some(30_000), "the Ping is queued");
        w.wait(secs(30));
        assert_eq!(w.cause(), Some(Cause::Timeout(Timeout::Write)));
    }
}
