//! We close first: CLOSE.md section 3, rows B12 to B19.

use crate::common;

use adieu_core::{Cause, CloseError, Role, SendRefusal, State, Timeout, Transport};
use common::{Expect, Reply, World, close, config, request, secs};

fn worlds() -> Vec<World> {
    World::all(&config(|_| ()))
}

#[test]
fn b12_long_queue_to_a_slow_peer_goes_out_and_the_close_clock_starts_at_the_flush() {
    for mut w in worlds() {
        w.queue_many(5, &"m".repeat(1000));
        w.close(1000, "");
        for _ in 0..5 {
            w.push(1000);
            w.wait(secs(10));
            assert_eq!(w.state(), State::Closing);
        }
        w.flush();
        assert_eq!(w.due_ms(), Some(5000));
        w.wait(secs(4));
        w.feed(&w.peer.close(1000, ""));
        assert_eq!(w.verdict(), Expect::answered(close(1000, ""), close(1000, "")));
        assert_eq!(w.frames().len(), 6);
    }
}

#[test]
fn b12_long_queue_past_the_closing_bound_is_a_closing_timeout_with_the_rest_unsent() {
    for mut w in worlds() {
        w.queue_many(5, &"m".repeat(1000));
        w.close(1000, "");
        for _ in 0..6 {
            assert_eq!(w.state(), State::Closing);
            w.push(400);
            w.wait(secs(10));
        }
        let plain = Expect::unanswered(close(1000, ""), false, Cause::Timeout(Timeout::Closing));
        assert_eq!(w.verdict(), Expect { cut_out: true, unsent: (Some(2), 3, 3000), ..plain });
        assert!(w.transport() >= Transport::Close);
        assert_eq!(w.heard(), ["closed"]);
    }
}

#[test]
fn b13_stalled_peer_is_a_write_timeout_with_the_rest_unsent() {
    for mut w in worlds() {
        w.queue_many(5, &"m".repeat(1000));
        w.close(1000, "");
        w.push(1500);
        w.wait(secs(29));
        assert_eq!((w.state(), w.due_ms()), (State::Closing, Some(1000)));
        w.wait(secs(1));
        let plain = Expect::unanswered(close(1000, ""), false, Cause::Timeout(Timeout::Write));
        assert_eq!(w.verdict(), Expect { cut_out: true, unsent: (Some(1), 4, 4000), ..plain });
        assert_eq!(w.transport(), Transport::Reset);
        assert_eq!(w.heard(), ["closed"]);
    }
}

#[test]
fn b14_close_inside_our_fragmented_message_is_refused_and_changes_nothing() {
    for mut w in worlds() {
        w.fragment("one ", false);
        let before = w.conn.buffered();
        assert_eq!(w.try_close(1000, ""), Err(CloseError::MessageUnfinished));
        assert_eq!((w.state(), w.conn.buffered()), (State::Open, before));
        w.fragment("two", true);
        w.close(1000, "");
        assert_eq!(w.said(), ["text… one", "…end two", "close 1000"]);
        w.feed(&w.peer.close(1000, ""));
        assert_eq!(w.verdict(), Expect::answered(close(1000, ""), close(1000, "")));
    }
}

#[test]
fn b14_close_cutting_sends_the_close_between_frames_and_cuts_out() {
    for mut w in worlds() {
        w.queue("whole");
        assert_eq!(w.fragment("one ", false), 1);
        w.push(w.conn.buffered() - 1);
        w.conn.close_cutting(w.now, close(1000, "cut")).expect("a close that cuts");
        let error = w.conn.send_fragment(w.now, "two", true).expect_err("we have closed");
        assert_eq!((error.refusal, error.message.as_text()), (SendRefusal::Closing, Some("two")));
        assert_eq!(w.said(), ["text whole", "text… one", "close 1000 cut"]);
        w.feed(&w.peer.close(1000, ""));
        let verdict = w.verdict();
        assert_eq!((verdict.unsent.0, verdict.unsent.1), (Some(1), 1));
        let plain = Expect::answered(close(1000, "cut"), close(1000, ""));
        assert_eq!(verdict, Expect { cut_out: true, unsent: verdict.unsent, ..plain });
    }
}

#[test]
fn b15_outstanding_pings_end_unconfirmed_with_the_verdict() {
    for mut w in worlds() {
        w.queue("a");
        w.conn.ping(w.now).expect("a ping");
        w.queue("b");
        w.conn.ping(w.now).expect("a ping");
        w.close(1000, "");
        w.flush();
        w.feed(&w.peer.close(1000, ""));
        assert_eq!(w.heard(), ["closed"]);
        assert_eq!(w.verdict(), Expect::answered(close(1000, ""), close(1000, "")));
        assert_eq!(w.conn.confirmed(), None);
    }
}

#[test]
fn b16_close_while_connecting_never_writes_a_close_frame() {
    let mut w = World::any_client(&config(|_| ()));
    let request = w.take_request();
    w.close(1000, "");
    w.feed(&common::response_to(&request, &[]));
    assert_eq!((w.said(), w.cause()), (vec![], Some(Cause::Abandoned)));
    let mut w = World::any_server(&config(|_| ()));
    w.close(1000, "");
    w.flush();
    Reply::parse(&w.wire).check_refusal(503);
    assert_eq!(w.cause(), Some(Cause::Abandoned));
}

#[test]
fn b17_shutdown_answers_handshakes_with_503_and_closes_open_connections_with_1001() {
    let config = config(|_| ());
    let mut w = World::any_server(&config);
    w.feed(&request(&[]));
    w.close(1001, "shutting down");
    w.flush();
    Reply::parse(&w.wire).check_refusal(503);
    let mut w = World::shaken(Role::Server, &config);
    w.queue("one last thing");
    w.close(1001, "shutting down");
    assert_eq!(w.said(), ["text one last thing", "close 1001 shutting down"]);
}

// R7.1.1-06
#[test]
fn b18_abort_resets_at_once() {
    for mut w in worlds() {
        w.queue("never");
        w.queue("sent");
        w.push(3);
        w.ahead(&w.peer.text("still readable"));
        w.conn.abort(w.now);
        assert_eq!((w.state(), w.transport()), (State::Closed, Transport::Reset));
        let plain = Expect::cause(Cause::Aborted);
        assert_eq!(w.verdict(), Expect { cut_out: true, unsent: (Some(0), 2, 9), ..plain });
        assert_eq!(w.write(100), 0);
        assert_eq!(w.heard(), ["text still readable", "closed"]);
        w.refused(SendRefusal::Ended);
    }
}

#[test]
fn b18_abort_while_closing_keeps_what_was_sent() {
    for mut w in worlds() {
        w.close(1000, "bye");
        w.flush();
        w.conn.abort(w.now);
        assert_eq!(w.transport(), Transport::Reset);
        assert_eq!(w.verdict(), Expect::unanswered(close(1000, "bye"), true, Cause::Aborted));
    }
}

#[test]
fn b18_abort_while_connecting_resets_too() {
    for mut w in [World::any_server(&config(|_| ())), World::any_client(&config(|_| ()))] {
        w.conn.abort(w.now);
        assert_eq!((w.state(), w.transport()), (State::Closed, Transport::Reset));
        assert_eq!(w.verdict(), Expect::cause(Cause::Aborted));
        assert_eq!((w.write(1), w.heard()), (0, vec!["closed".to_owned()]));
    }
}

#[test]
fn b19_dropped_handles_in_open_close_with_1001_and_drop_what_comes() {
    for mut w in worlds() {
        w.queue("said before");
        w.ahead(&w.peer.text("unread"));
        w.conn.handle_dropped(w.now);
        assert_eq!(w.state(), State::Closing);
        assert_eq!(w.said_codes(), ["text said before", "close 1001"]);
        w.ahead(&[w.peer.text("late"), w.peer.close(1001, "")].concat());
        let sent = w.verdict().sent.expect("a Close of ours");
        let plain = Expect::answered(sent, close(1001, ""));
        assert_eq!(w.verdict(), Expect { undelivered: (2, 10), ..plain });
    }
}

#[test]
fn b19_dropped_handles_inside_an_unfinished_message_close_all_the_same() {
    for mut w in worlds() {
        w.fragment("half", false);
        w.conn.handle_dropped(w.now);
        assert_eq!(w.said_codes(), ["text… half", "close 1001"]);
        w.feed(&w.peer.close(1001, ""));
        assert!(w.verdict().cut_out && w.verdict().clean);
    }
}

#[test]
fn b19_dropped_handles_after_a_close_change_nothing_on_the_wire() {
    for mut w in worlds() {
        w.close(4000, "first");
        w.conn.handle_dropped(w.now);
        assert_eq!(w.said(), ["close 4000 first"]);
        w.feed(&w.peer.close(4000, ""));
        w.conn.handle_dropped(w.now);
        assert_eq!(w.verdict(), Expect::answered(close(4000, "first"), close(4000, "")));
    }
}

#[test]
fn b19_dropped_handles_while_the_peers_close_is_noted_answer_it() {
    for mut w in worlds() {
        w.ahead(&[w.peer.text("unread"), w.peer.close(4000, "bye")].concat());
        w.conn.handle_dropped(w.now);
        assert_eq!(w.said(), ["close 4000 bye"]);
        assert_eq!(w.verdict(), Expect { undelivered: (1, 6), ..Expect::echoed(close(4000, "bye")) });
    }
}

#[test]
fn b12_closing_bound_holds_for_the_peers_answer_too() {
    for mut w in worlds() {
        w.queue("slow");
        w.close(1000, "");
        for _ in 0..2 {
            w.push(1);
            w.wait(secs(29));
        }
        w.flush();
        assert_eq!(w.due_ms(), Some(2000), "the bound comes before the close deadline");
        w.wait(secs(2));
        let cause = Cause::Timeout(Timeout::Closing);
        assert_eq!(w.verdict(), Expect::unanswered(close(1000, ""), true, cause));
    }
}
