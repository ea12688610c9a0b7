//! The rules of CLOSE.md section 2: 1 to 7, what is said and when it takes effect.

use crate::common;

use adieu_core::protocol::MAX_PONGS;
use adieu_core::{PingError, Role, SendRefusal, State};
use common::{BOTH, Expect, Frame, World, close, config, parse_frames, request, secs};

fn worlds() -> Vec<World> {
    World::all(&config(|_| ()))
}

// R5.5.1-04
#[test]
fn rule1_nothing_but_pongs_follows_our_close() {
    for mut w in World::all(&config(|c| {
        (c.ping_interval, c.close_timeout) = (Some(secs(2)), secs(40));
    })) {
        w.close(1000, "");
        w.refused(SendRefusal::Closing);
        assert_eq!(w.conn.ping(w.now), Err(PingError::Refused(SendRefusal::Closing)));
        w.flush();
        assert_eq!(w.conn.ping(w.now), Err(PingError::Refused(SendRefusal::Closing)));
        w.wait(secs(10));
        w.feed(&w.peer.ping("x"));
        w.flush();
        w.conn.fail(w.now, close(1008, "")).ok();
        assert_eq!(w.said(), ["close 1000", "pong x"], "no keepalive either");
    }
}

#[test]
fn rule1_keepalive_stays_silent_while_the_echo_waits() {
    for mut w in World::all(&config(|c| c.ping_interval = Some(secs(2)))) {
        w.feed(&w.peer.close(1000, ""));
        w.wait(secs(10));
        assert_eq!(w.said(), ["close 1000"]);
    }
}

// R5.5.2-01
#[test]
fn rule2_ping_is_answered_until_a_close_was_received() {
    for mut w in worlds() {
        w.feed(&w.peer.ping("open"));
        w.flush();
        w.close(1000, "");
        w.feed(&w.peer.ping("queued"));
        w.flush();
        w.feed(&w.peer.ping("sent"));
        w.flush();
        w.feed(&[w.peer.close(1000, ""), w.peer.ping("received")].concat());
        let said = w.said();
        assert_eq!(said.iter().filter(|name| name.starts_with("pong")).count(), 3, "{said:?}");
        assert_eq!(said.last().map(String::as_str), Some("pong sent"));
    }
}

#[test]
fn rule2_ping_behind_a_noted_close_is_not_answered_and_one_before_it_is_at_once() {
    for mut w in worlds() {
        let p = w.peer;
        w.ahead(&[p.text("last"), p.ping("a"), p.close(1000, ""), p.ping("b")].concat());
        assert_eq!(w.state(), State::Open);
        assert_eq!(w.said(), ["pong a"]);
        w.heard();
        assert_eq!(w.said(), ["pong a", "close 1000"]);
    }
}

// R5.5.3-02
#[test]
fn rule3_only_the_latest_of_20_000_pings_are_answered_in_bounded_memory() {
    for mut w in worlds() {
        let pings: Vec<u8> = (0..20_000).flat_map(|n| w.peer.ping(format!("{n:0>100}"))).collect();
        w.feed_by(4096, &pings);
        assert!(w.conn.buffered() < 4096, "{} bytes wait", w.conn.buffered());
        w.flush();
        let answered: Vec<_> = w.frames().into_iter().map(|frame| frame.payload).collect();
        let latest = (20_000 - MAX_PONGS..20_000).map(|n| format!("{n:0>100}").into_bytes());
        assert_eq!(answered, latest.collect::<Vec<_>>());
    }
}

#[test]
fn rule3_as_many_pings_as_there_are_slots_are_all_answered_in_order() {
    for mut w in worlds() {
        let pings: Vec<u8> = (0..MAX_PONGS).flat_map(|n| w.peer.ping(n.to_string())).collect();
        w.feed(&pings);
        assert_eq!(w.said(), (0..MAX_PONGS).map(|n| format!("pong {n}")).collect::<Vec<_>>());
    }
}

#[test]
fn rule3_flood_of_pings_to_a_peer_that_never_reads_stays_bounded() {
    for mut w in worlds() {
        for n in 0..20_000 {
            w.feed(&w.peer.ping(n.to_string()));
            w.committed();
        }
        assert!(w.conn.buffered() < 4096, "{} bytes wait", w.conn.buffered());
        let said = w.said();
        assert!(said.len() <= 2 * MAX_PONGS, "{said:?}");
        assert_eq!(said.last().map(String::as_str), Some("pong 19999"));
    }
}

// R5.5.3-03
#[test]
fn rule3_pong_of_the_application_has_a_slot_of_its_own() {
    for mut w in worlds() {
        w.conn.pong(w.now, b"first").expect("an unsolicited Pong");
        w.conn.pong(w.now, b"latest").expect("an unsolicited Pong");
        w.feed(&w.peer.ping("answered"));
        let mut said = w.said();
        said.sort();
        assert_eq!(said, ["pong answered", "pong latest"]);
        assert_eq!(w.conn.pong(w.now, &[0; 126]), Err(PingError::TooLong));
        assert_eq!(w.conn.pong(w.now, &[0; 125]), Ok(()));
    }
}

/// The first frame that begins at or behind `at`.
fn frame_behind(w: &World, at: usize) -> Frame {
    let frames = w.frames();
    frames.into_iter().find(|frame| frame.at >= at).expect("a frame behind the committed bytes")
}

// R5.5.2-02
#[test]
fn rule4_pong_goes_ahead_of_what_is_not_committed_and_between_frames() {
    for taken in [0, 1, 2, 50, 1003, 1004, 1500] {
        for mut w in worlds() {
            w.queue_many(50, &"m".repeat(1000));
            let committed = w.committed();
            w.push(taken.min(committed.len()));
            let committed = [w.wire.clone(), w.committed()].concat();
            w.feed(&w.peer.ping("now"));
            w.flush();
            assert!(w.wire.starts_with(&committed), "committed bytes keep their order");
            assert_eq!(frame_behind(&w, committed.len()).name(), "pong now");
            let (frames, rest) = parse_frames(w.role, &w.wire);
            assert_eq!((frames.len(), rest.len()), (51, 0));
        }
    }
}

// R5.4-13
#[test]
fn rule4_pong_goes_between_the_fragments_of_a_message() {
    for mut w in worlds() {
        w.fragment("a", false);
        w.flush();
        w.fragment("b", true);
        w.feed(&w.peer.ping("x"));
        assert_eq!(w.said(), ["text… a", "pong x", "…end b"]);
    }
}

#[test]
fn rule4_keepalive_goes_ahead_of_messages_that_are_not_committed_and_confirms_none_of_them() {
    for mut w in World::all(&config(|c| c.ping_interval = Some(secs(20)))) {
        w.queue("committed");
        w.flush();
        w.wait(secs(19));
        w.queue("not committed");
        w.wait(secs(1));
        w.flush();
        let frames = w.frames();
        assert_eq!(frames.iter().map(|frame| frame.opcode).collect::<Vec<_>>(), [1, 9, 1]);
        w.feed(&w.peer.pong(&frames[1].payload));
        assert_eq!(w.conn.confirmed().map(|ticket| ticket.0), Some(0));
    }
}

#[test]
fn rule4_close_and_barrier_keep_their_places_behind_what_was_queued() {
    for mut w in worlds() {
        w.queue("a");
        w.conn.ping(w.now).expect("a ping");
        w.queue("b");
        w.close(1000, "");
        w.flush();
        let opcodes: Vec<_> = w.frames().iter().map(|frame| frame.opcode).collect();
        assert_eq!(opcodes, [1, 9, 1, 8]);
    }
}

#[test]
fn rule4_close_and_fail_are_never_refused_because_the_queue_is_full() {
    for fails in [false, true] {
        for mut w in World::all(&config(|c| c.send_high = 10)) {
            w.queue("more than ten bytes");
            w.refused(SendRefusal::Full);
            let reason = close(4000, &"r".repeat(123));
            let result = if fails { w.conn.fail(w.now, reason) } else { w.conn.close(w.now, reason) };
            assert_eq!(result, Ok(()));
            assert_eq!(w.said_codes(), ["text more than ten bytes", "close 4000"]);
        }
    }
}

#[test]
fn rule4_limits_on_sizes_never_apply_to_control_frames() {
    let limited = config(|c| {
        (c.max_message_len, c.max_frame_len, c.max_fragments) = (1, 1, 1);
        (c.inbox_len, c.send_high, c.send_low) = (1, 1, 1);
    });
    for mut w in World::all(&limited) {
        w.feed(&w.peer.ping("p".repeat(125)));
        w.feed(&w.peer.pong("p".repeat(125)));
        w.feed(&w.peer.close(1000, "r".repeat(123)));
        w.flush();
        let opcodes: Vec<_> = w.frames().iter().map(|frame| frame.opcode).collect();
        assert_eq!((opcodes, w.verdict().clean), (vec![10, 8], true));
    }
}

// R6.1-02
#[test]
fn rule5_send_is_refused_with_the_reason_and_the_message_in_every_state() {
    let plain = config(|_| ());
    for mut w in [World::any_client(&plain), World::any_server(&plain)] {
        w.refused(SendRefusal::Connecting);
        w.feed(if w.role == Role::Server { &b"GET "[..] } else { b"HTTP" });
        w.refused(SendRefusal::Connecting);
    }
    let mut w = World::any_server(&plain);
    w.feed(&request(&[]));
    w.refused(SendRefusal::Connecting);
    for mut w in worlds() {
        assert_eq!(w.conn.refusal(), None);
        w.close(1000, "");
        w.refused(SendRefusal::Closing);
        w.feed(&w.peer.close(1000, ""));
        w.flush();
        w.refused(SendRefusal::Ended);
    }
    for mut w in worlds() {
        w.conn.fail(w.now, close(1008, "")).expect("a failure");
        w.refused(SendRefusal::Failed);
    }
}

#[test]
fn rule7_input_over_the_inbox_after_our_close_is_dropped_and_counted_and_reading_never_stops() {
    for mut w in World::all(&config(|c| c.inbox_len = 1000)) {
        w.close(1000, "");
        w.flush();
        for _ in 0..100 {
            assert!(w.conn.wants_input());
            w.ahead(&w.peer.binary(&[1; 100]));
        }
        w.ahead(&w.peer.close(1000, ""));
        let (messages, bytes) = w.verdict().undelivered;
        assert!(messages >= 80 && bytes == 100 * messages, "{messages}, {bytes}");
        assert!(w.verdict().clean);
        assert_eq!(w.heard().len() as u64, 100 - messages + 1);
    }
}

#[test]
fn rule7_inbox_that_was_full_before_our_close_does_not_stop_reading_after_it() {
    for mut w in World::all(&config(|c| c.inbox_len = 1000)) {
        w.ahead(&w.peer.binary(&[1; 1001]));
        assert!(!w.conn.wants_input());
        w.close(1000, "");
        assert!(w.conn.wants_input());
        w.flush();
        w.ahead(&[w.peer.text("over"), w.peer.close(1000, "")].concat());
        let expected = Expect::answered(close(1000, ""), close(1000, ""));
        assert_eq!(w.verdict(), Expect { undelivered: (1, 4), ..expected });
        assert_eq!(w.heard(), ["message [1001]", "closed"]);
    }
}

// R5.3-02
#[test]
fn masking_keys_of_a_client_are_never_the_same_in_a_row() {
    for role in BOTH {
        let mut w = World::open(role, &config(|_| ()));
        w.queue_many(100, "x");
        w.flush();
        let mut keys: Vec<_> = w.frames().iter().filter_map(|frame| frame.mask).collect();
        keys.dedup();
        assert_eq!(keys.len(), if role == Role::Client { 100 } else { 0 });
    }
}

#[test]
fn rule7_what_follows_a_message_that_was_dropped_is_dropped_too() {
    for mut w in World::all(&config(|c| c.inbox_len = 100)) {
        w.close(1000, "bye");
        w.flush();
        w.ahead(&w.peer.binary(&[7; 200]));
        w.ahead(&w.peer.text("too much"));
        assert_eq!(w.heard(), ["message [200]"]);
        w.ahead(&w.peer.text("room again"));
        w.feed(&w.peer.text("lent"));
        w.feed(&w.peer.close(1000, "bye"));
        assert_eq!(w.heard(), ["message [200]", "closed"], "no holes in what is delivered");
        assert_eq!(w.verdict().undelivered, (3, 8 + 10 + 4));
    }
}

#[test]
fn rule7_application_that_gave_up_receiving_is_lent_nothing_either() {
    for mut w in worlds() {
        w.conn.stop_receiving(w.now);
        w.feed(&[w.peer.text("one"), w.peer.start("tw"), w.peer.last("o")].concat());
        w.feed(&w.peer.close(1000, ""));
        w.flush();
        assert_eq!(w.heard(), ["closing", "closed"]);
        assert_eq!(w.verdict().undelivered, (2, 6));
    }
}

#[test]
fn rule7_application_that_gave_up_receiving_never_stops_reading_and_still_answers_pings() {
    for mut w in World::all(&config(|c| c.inbox_len = 100)) {
        w.ahead(&[w.peer.binary(&[0; 200]), w.peer.start("half ")].concat());
        w.conn.stop_receiving(w.now);
        for _ in 0..10 {
            assert!(w.conn.wants_input());
            w.ahead(&[w.peer.ping("x"), w.peer.middle("more")].concat());
        }
        w.ahead(&[w.peer.last(""), w.peer.text("four"), w.peer.close(1000, "")].concat());
        let said = w.said();
        assert_eq!(said.iter().filter(|name| *name == "pong x").count(), 10, "{said:?}");
        assert_eq!(w.heard(), ["closing", "closed"]);
        assert_eq!(w.verdict().undelivered, (3, 200 + 45 + 4));
    }
}
