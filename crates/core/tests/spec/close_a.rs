//! The peer's Close arrives while OPEN: CLOSE.md section 3, rows A1 to A13.

use crate::common;

use adieu_core::{
    Cause, CloseError, Closed, Initiator, Role, SendRefusal, State, Timeout, Transport, Violation,
};
use common::{BOTH, Expect, World, close, config, secs};

fn worlds() -> Vec<World> {
    World::all(&config(|_| ()))
}

/// The end of TCP after both Closes (rule 11): the server shuts down first, the client waits.
fn check_end_of_tcp(w: &mut World) {
    let waits = match w.role {
        Role::Server => Transport::ShutdownWrite,
        Role::Client => Transport::Open,
    };
    assert_eq!((w.transport(), w.due_ms()), (waits, Some(2000)));
    assert!(w.conn.wants_input(), "the peer's end is waited for");
    w.eof();
    assert_eq!(w.transport(), Transport::Close);
}

/// The connection failed with `code` because of `violation`, with nothing else on the wire.
fn check_failed(w: &mut World, code: u16, violation: Violation) {
    assert_eq!(w.state(), State::Closing);
    w.refused(SendRefusal::Failed);
    assert_eq!(w.said_codes(), [format!("close {code}")]);
    let verdict = w.verdict();
    let sent = verdict.sent.clone().expect("a Close of ours");
    assert_eq!(sent.shown_code(), code);
    assert_eq!(verdict, Expect::unanswered(sent, true, Cause::Violation(violation)));
    assert_eq!(w.heard(), ["closed"]);
    check_end_of_tcp(w);
}

// R5.5.1-01, R5.5.1-05, R7.1.4-02
#[test]
fn a1_valid_close_is_echoed_and_clean() {
    for mut w in worlds() {
        w.feed(&w.peer.close(1000, "bye"));
        assert_eq!(w.state(), State::Closing);
        assert_eq!(w.heard(), ["closing"]);
        assert_eq!(w.conn.peer_close(), Some(&close(1000, "bye")));
        assert_eq!((w.transport(), w.conn.closed()), (Transport::Open, None));
        w.refused(SendRefusal::PeerClosed);
        assert_eq!(w.said(), ["close 1000 bye"]);
        assert_eq!(w.state(), State::Closed);
        assert_eq!(w.verdict(), Expect::echoed(close(1000, "bye")));
        assert_eq!(w.conn.closed().map(Closed::shown_code), Some(1000));
        assert_eq!(w.heard(), ["closing", "closed"]);
        w.refused(SendRefusal::Ended);
        check_end_of_tcp(&mut w);
    }
}

// R5.5.1-06
#[test]
fn a1_echo_is_queued_as_the_close_takes_effect_without_another_poll() {
    for mut w in worlds() {
        w.ahead(&w.peer.close(4321, "x"));
        assert_eq!(w.state(), State::Closing);
        assert_eq!(w.said(), ["close 4321 x"]);
        assert_eq!(w.state(), State::Closed);
        assert_eq!(w.heard(), ["closing", "closed"]);
    }
}

#[test]
fn a1_verdict_waits_for_the_last_byte_of_the_echo() {
    for mut w in worlds() {
        w.feed(&w.peer.close(1000, "bye"));
        let len = w.conn.buffered();
        w.push(len - 1);
        assert_eq!((w.state(), w.transport()), (State::Closing, Transport::Open));
        w.push(1);
        assert_eq!(w.state(), State::Closed);
    }
}

// R5.5.1-11
#[test]
fn a1_client_ends_tcp_itself_at_the_drain_deadline() {
    for mut w in worlds() {
        w.feed(&w.peer.close(1000, ""));
        w.flush();
        w.wait(secs(2));
        assert_eq!(w.transport(), Transport::Close);
        assert_eq!(w.verdict(), Expect::echoed(close(1000, "")));
    }
}

#[test]
fn a2_empty_close_is_echoed_empty_and_no_code_is_invented() {
    for mut w in worlds() {
        w.feed(&w.peer.empty_close());
        assert_eq!(w.said(), ["close"]);
        let closed = w.conn.closed().expect("a verdict").clone();
        assert_eq!(closed.received.as_ref().map(adieu_core::Close::code), Some(None));
        assert_eq!(closed.shown_code(), 1005);
        assert_eq!(w.verdict(), Expect::echoed(adieu_core::Close::EMPTY));
        assert_eq!(w.heard(), ["closing", "closed"]);
        check_end_of_tcp(&mut w);
    }
}

// R5.5.1-01
#[test]
fn a3_close_of_one_byte_fails_with_1002() {
    for mut w in worlds() {
        w.feed(&w.peer.frame(8, [3]).bytes());
        check_failed(&mut w, 1002, Violation::CloseLength);
    }
}

/// RFC 6455 §7.4 and the registry of §11.7, written down a second time.
fn may_travel(code: u16) -> bool {
    matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999)
}

#[test]
fn a4_code_that_may_not_travel_fails_with_1002_and_is_kept() {
    for mut w in worlds() {
        w.feed(&w.peer.close(1006, "gone"));
        check_failed(&mut w, 1002, Violation::CloseCode(1006));
    }
    for role in BOTH {
        for code in (0..=u16::MAX).filter(|code| !may_travel(*code)) {
            let mut w = World::open(role, &config(|_| ()));
            w.feed(&w.peer.close(code, "x"));
            assert_eq!(w.said_codes(), ["close 1002"], "{code}");
            assert_eq!(w.cause(), Some(Cause::Violation(Violation::CloseCode(code))));
        }
    }
}

#[test]
fn a5_code_that_may_travel_is_accepted_and_echoed() {
    for role in BOTH {
        for code in (0..=u16::MAX).filter(|code| may_travel(*code)) {
            let mut w = World::open(role, &config(|_| ()));
            w.feed(&w.peer.close(code, ""));
            assert_eq!(w.said(), [format!("close {code}")]);
            assert_eq!(w.verdict(), Expect::echoed(close(code, "")));
        }
    }
}

// R8.1-02
#[test]
fn a6_reason_that_is_not_utf8_fails_with_1007() {
    for reason in [&b"\xFF"[..], b"ok \xC3", b"\xED\xA0\x80", b"\xF4\x90\x80\x80", b"\xC0\xAF"] {
        for mut w in worlds() {
            w.feed(&w.peer.close(1000, reason));
            check_failed(&mut w, 1007, Violation::CloseReasonUtf8);
        }
    }
}

#[test]
fn a7_close_of_125_bytes_passes() {
    for mut w in worlds() {
        let reason = "r".repeat(123);
        w.feed(&w.peer.close(1000, &reason));
        w.flush();
        assert_eq!(w.verdict(), Expect::echoed(close(1000, &reason)));
    }
}

#[test]
fn a7_close_over_125_bytes_fails_with_1002() {
    for mut w in worlds() {
        w.feed(&w.peer.close(1000, "r".repeat(124)));
        check_failed(&mut w, 1002, Violation::ControlLength);
    }
}

#[test]
fn a7_close_with_fin_clear_fails_with_1002() {
    for mut w in worlds() {
        w.feed(&w.peer.frame(8, [3, 0xE8]).fin(false).bytes());
        check_failed(&mut w, 1002, Violation::FragmentedControl);
    }
}

#[test]
fn a8_close_between_fragments_is_a_normal_close_that_cuts_in() {
    for mut w in worlds() {
        let p = w.peer;
        w.feed(&[p.start("he"), p.middle("ll"), p.close(1000, "bye")].concat());
        assert_eq!(w.heard(), ["closing"]);
        assert_eq!(w.said(), ["close 1000 bye"]);
        let undelivered = w.verdict().undelivered;
        let expected = Expect { cut_in: true, undelivered, ..Expect::echoed(close(1000, "bye")) };
        assert_eq!(w.verdict(), expected);
        check_end_of_tcp(&mut w);
    }
}

#[test]
fn a9_what_follows_the_close_is_discarded_unparsed() {
    for mut w in worlds() {
        let p = w.peer;
        let behind = [p.text("late"), p.ping("x"), p.close(4000, ""), vec![0xFF; 300]].concat();
        w.feed(&[p.close(1000, "bye"), behind.clone()].concat());
        w.feed(&behind);
        w.ahead(&behind);
        assert_eq!(w.said(), ["close 1000 bye"]);
        w.feed(&behind);
        assert_eq!(w.said(), ["close 1000 bye"]);
        assert_eq!(w.heard(), ["closing", "closed"]);
        assert_eq!(w.verdict(), Expect::echoed(close(1000, "bye")));
    }
}

#[test]
fn a10_replies_to_all_messages_before_the_close_go_out_before_the_echo() {
    for mut w in worlds() {
        let p = w.peer;
        let mut input = [p.text("a"), p.text("b"), p.text("c"), p.close(1000, "bye")].concat();
        while let Some(event) = w.lend(&mut input) {
            if event != "closing" {
                assert_eq!(w.state(), State::Open);
                w.queue(&format!("re: {event}"));
            }
        }
        assert_eq!(w.heard(), ["text a", "text b", "text c", "closing"]);
        let said = w.said();
        assert_eq!(said, ["text re: text a", "text re: text b", "text re: text c", "close 1000 bye"]);
        assert_eq!(w.verdict(), Expect::echoed(close(1000, "bye")));
    }
}

#[test]
fn a10_replies_go_out_before_the_echo_when_all_was_looked_ahead() {
    for mut w in worlds() {
        let p = w.peer;
        w.ahead(&[p.text("a"), p.text("b"), p.close(1000, "bye")].concat());
        for text in ["text a", "text b"] {
            assert_eq!((w.state(), w.poll().as_deref()), (State::Open, Some(text)));
            assert_eq!(w.conn.peer_close(), Some(&close(1000, "bye")));
            w.queue(text);
            w.flush();
        }
        assert_eq!((w.poll().as_deref(), w.state()), (Some("closing"), State::Closing));
        w.refused(SendRefusal::PeerClosed);
        assert_eq!(w.said(), ["text text a", "text text b", "close 1000 bye"]);
        assert_eq!(w.verdict(), Expect::echoed(close(1000, "bye")));
    }
}

// R5.5.1-07
#[test]
fn a11_queued_messages_go_out_before_the_echo() {
    for mut w in worlds() {
        (0..3).for_each(|n| assert_eq!(w.queue(&format!("m{n}")), n));
        w.feed(&w.peer.close(1000, "bye"));
        w.flush_by(1);
        assert_eq!(w.said(), ["text m0", "text m1", "text m2", "close 1000 bye"]);
        assert_eq!(w.verdict(), Expect::echoed(close(1000, "bye")));
    }
}

#[test]
fn a11_message_that_is_half_written_when_the_close_arrives_is_finished_and_not_cut() {
    for (len, taken) in [(12, 1), (12, 7), (7000, 1), (7000, 7), (7000, 3000), (200_000, 70_000)] {
        for mut w in worlds() {
            w.queue(&"x".repeat(len));
            w.push(taken);
            w.feed(&w.peer.close(1000, "bye"));
            w.flush_by(155);
            assert_eq!(w.said()[1..], ["close 1000 bye"]);
            assert_eq!(w.frames()[0].payload.len(), len);
            assert_eq!(w.verdict(), Expect::echoed(close(1000, "bye")), "{taken} of {len} {:?}", w.role);
        }
    }
}

#[test]
fn a11_message_whose_rest_goes_out_in_one_write_with_the_echo_is_not_cut() {
    for mut w in worlds() {
        w.queue("0123456789");
        w.feed(&w.peer.close(1000, "bye"));
        w.push(w.conn.buffered() / 3);
        w.flush();
        assert_eq!(w.verdict(), Expect::echoed(close(1000, "bye")));
    }
}

/// The peer closed, and our echo did not go out.
fn unechoed(cause: Cause, unsent: (Option<u64>, u64, u64)) -> Expect {
    let (flushed, clean) = (false, false);
    Expect { cause, flushed, clean, unsent, ..Expect::echoed(close(1000, "bye")) }
}

#[test]
fn a11_stalled_queue_before_the_echo_ends_at_the_write_deadline() {
    for mut w in worlds() {
        w.queue_many(3, "12345");
        w.feed(&w.peer.close(1000, "bye"));
        // Four frames of the same length: two whole messages.
        w.push(w.conn.buffered() / 2);
        w.wait(secs(29));
        assert_eq!((w.state(), w.due_ms()), (State::Closing, Some(1000)));
        w.wait(secs(1));
        assert_eq!(w.verdict(), unechoed(Cause::Timeout(Timeout::Write), (Some(2), 1, 5)));
        assert_eq!(w.transport(), Transport::Reset);
        assert_eq!(w.heard(), ["closing", "closed"]);
    }
}

#[test]
fn a11_slow_queue_before_the_echo_ends_at_the_closing_deadline() {
    for mut w in World::all(&config(|c| c.closing_timeout = secs(40))) {
        w.queue_many(3, "12345");
        w.feed(&w.peer.close(1000, "bye"));
        for _ in 0..4 {
            assert_eq!((w.state(), w.write(1)), (State::Closing, 1));
            w.wait(secs(10));
        }
        let expected = unechoed(Cause::Timeout(Timeout::Closing), (Some(0), 3, 15));
        assert_eq!(w.verdict(), Expect { cut_out: true, ..expected });
        assert!(w.transport() >= Transport::Close);
    }
}

#[test]
fn a12_close_inside_our_unfinished_message_completes_the_committed_frame_and_cuts_out() {
    for mut w in worlds() {
        w.queue("whole");
        assert_eq!(w.fragment("first part", false), 1);
        w.push(w.conn.buffered() - 3);
        w.feed(&w.peer.close(1000, "bye"));
        let error = w.conn.send_fragment(w.now, "second", true).expect_err("the peer has closed");
        assert_eq!(error.refusal, SendRefusal::PeerClosed);
        assert_eq!(error.message.as_text(), Some("second"));
        assert_eq!(w.said(), ["text whole", "text… first part", "close 1000 bye"]);
        let verdict = w.verdict();
        assert_eq!((verdict.unsent.0, verdict.unsent.1), (Some(1), 1));
        let unsent = verdict.unsent;
        let expected = Expect { cut_out: true, unsent, ..Expect::echoed(close(1000, "bye")) };
        assert_eq!(verdict, expected);
        assert_eq!(w.heard(), ["closing", "closed"]);
    }
}

#[test]
fn a13_ping_then_close_in_one_read_gives_pong_then_echo() {
    for mut w in worlds() {
        w.feed(&[w.peer.ping("are you"), w.peer.close(1000, "bye")].concat());
        assert_eq!(w.heard(), ["closing"]);
        assert_eq!(w.said(), ["pong are you", "close 1000 bye"]);
        assert_eq!(w.verdict(), Expect::echoed(close(1000, "bye")));
    }
}

#[test]
fn a_close_of_ours_after_the_peers_took_effect_is_refused() {
    for mut w in worlds() {
        w.feed(&w.peer.close(1000, "bye"));
        assert_eq!(w.try_close(1001, "too late"), Err(CloseError::Already));
        assert_eq!(w.said(), ["close 1000 bye"]);
        assert_eq!(w.verdict().initiator, Some(Initiator::Peer));
    }
}
