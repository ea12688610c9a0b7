//! We close first: CLOSE.md section 3, rows B1 to B11.

use crate::common;

use adieu_core::{
    Cause, Close, CloseError, Closed, Initiator, Role, SendRefusal, State, Timeout, Transport, Violation,
};
use common::{Expect, World, close, config, secs};

fn worlds() -> Vec<World> {
    World::all(&config(|_| ()))
}

fn end_of_stream() -> Cause {
    Cause::EndOfStream { inside_frame: false }
}

// R7.1.2-01, R7.1.3-01
#[test]
fn b1_close_is_closing_at_once_behind_the_queue_and_waits_for_the_answer() {
    for mut w in worlds() {
        w.queue("before");
        w.close(4000, "enough");
        assert_eq!((w.state(), w.transport()), (State::Closing, Transport::Open));
        w.refused(SendRefusal::Closing);
        w.wait(secs(3));
        assert_eq!(w.said(), ["text before", "close 4000 enough"]);
        assert_eq!((w.state(), w.due_ms()), (State::Closing, Some(5000)));
        assert!(w.conn.wants_input());
        w.feed(&w.peer.close(4000, "enough"));
        assert_eq!(w.state(), State::Closed);
        assert_eq!(w.verdict(), Expect::answered(close(4000, "enough"), close(4000, "enough")));
        assert_eq!(w.heard(), ["closed"]);
        let waits = if w.role == Role::Server { Transport::ShutdownWrite } else { Transport::Open };
        assert_eq!(w.transport(), waits);
        w.eof();
        assert_eq!(w.transport(), Transport::Close);
    }
}

#[test]
fn b1_empty_close_of_ours_carries_no_code() {
    for mut w in worlds() {
        w.conn.close(w.now, Close::EMPTY).expect("an empty Close");
        assert_eq!(w.said(), ["close"]);
        w.feed(&w.peer.empty_close());
        assert_eq!(w.verdict(), Expect::answered(Close::EMPTY, Close::EMPTY));
    }
}

// R5.5.1-05
#[test]
fn b2_both_close_at_once_ours_queued_first() {
    for flushed_first in [false, true] {
        for mut w in worlds() {
            w.close(1000, "mine");
            if flushed_first {
                w.flush();
            }
            w.feed(&w.peer.close(1001, "yours"));
            assert_eq!(w.said(), ["close 1000 mine"]);
            let expected = Expect::answered(close(1000, "mine"), close(1001, "yours"));
            assert_eq!(w.verdict(), expected);
            assert_eq!(w.heard(), ["closed"]);
        }
    }
}

#[test]
fn b2_both_close_at_once_theirs_noted_first() {
    for mut w in worlds() {
        w.ahead(&[w.peer.text("last"), w.peer.close(1001, "yours")].concat());
        assert_eq!(w.state(), State::Open);
        w.close(1000, "mine");
        assert_eq!(w.said(), ["close 1000 mine"]);
        let initiator = Some(Initiator::Peer);
        let both = Expect::answered(close(1000, "mine"), close(1001, "yours"));
        assert_eq!(w.verdict(), Expect { initiator, ..both });
        let heard = w.heard();
        assert_eq!(heard.first().map(String::as_str), Some("text last"));
        assert_eq!(heard.last().map(String::as_str), Some("closed"));
    }
}

#[test]
fn b3_data_while_closing_is_delivered() {
    for mut w in worlds() {
        let p = w.peer;
        w.close(1000, "");
        w.feed(&[p.text("one"), p.start("t")].concat());
        w.flush();
        w.feed(&[p.last("wo"), p.binary(&[3]), p.close(1000, "")].concat());
        assert_eq!(w.heard(), ["text one", "text two", "binary [3]", "closed"]);
        assert_eq!(w.verdict(), Expect::answered(close(1000, ""), close(1000, "")));
    }
}

#[test]
fn b3_data_while_closing_that_was_looked_ahead_is_readable_after_the_verdict() {
    for mut w in worlds() {
        let p = w.peer;
        w.close(1000, "");
        w.flush();
        w.ahead(&[p.text("one"), p.text("two"), p.close(1000, "")].concat());
        assert_eq!(w.verdict(), Expect::answered(close(1000, ""), close(1000, "")));
        assert_eq!(w.heard(), ["text one", "text two", "closed"]);
    }
}

#[test]
fn b4_ping_while_closing_is_answered() {
    for mut w in worlds() {
        w.close(1000, "");
        w.flush();
        w.feed(&w.peer.ping("still there?"));
        assert_eq!(w.said(), ["close 1000", "pong still there?"]);
        assert_eq!(w.state(), State::Closing);
        w.feed(&w.peer.close(1000, ""));
        assert!(w.verdict().clean);
    }
}

#[test]
fn b4_ping_while_our_close_waits_in_the_queue_is_answered_ahead_of_the_messages() {
    for mut w in worlds() {
        w.queue("before");
        w.close(1000, "");
        w.feed(&w.peer.ping("x"));
        assert_eq!(w.said(), ["pong x", "text before", "close 1000"]);
    }
}

#[test]
fn b4_ping_behind_the_peers_close_is_not_answered() {
    for mut w in worlds() {
        w.close(1000, "");
        w.feed(&[w.peer.close(1000, ""), w.peer.ping("x")].concat());
        w.feed(&w.peer.ping("y"));
        assert_eq!(w.said(), ["close 1000"]);
    }
}

#[test]
fn b5_peer_that_never_answers_is_a_close_timeout_without_a_drain() {
    for mut w in worlds() {
        w.close(1000, "anyone?");
        w.flush();
        w.feed(&w.peer.text("not an answer"));
        w.wait(secs(4));
        assert_eq!((w.state(), w.due_ms()), (State::Closing, Some(1000)));
        w.wait(secs(1));
        let cause = Cause::Timeout(Timeout::Close);
        assert_eq!(w.verdict(), Expect::unanswered(close(1000, "anyone?"), true, cause));
        assert_eq!(w.transport(), Transport::Close);
        assert_eq!(w.heard(), ["text not an answer", "closed"]);
        assert_eq!(w.conn.closed().map(Closed::shown_code), Some(1006));
    }
}

#[test]
fn b6_verdict_does_not_wait_for_a_peer_that_keeps_tcp_open() {
    for mut w in worlds() {
        w.close(1000, "");
        w.flush();
        w.feed(&w.peer.close(1000, ""));
        assert_eq!(w.heard(), ["closed"]);
        assert!(w.verdict().clean && w.transport() < Transport::Close);
        w.wait(secs(1));
        assert!(w.transport() < Transport::Close);
        w.wait(secs(1));
        assert_eq!(w.transport(), Transport::Close);
        assert_eq!(w.verdict(), Expect::answered(close(1000, ""), close(1000, "")));
    }
}

// R7.1.4-02
#[test]
fn b7_end_of_stream_after_our_close_is_not_clean() {
    for mut w in worlds() {
        w.close(1000, "bye");
        w.flush();
        w.eof();
        assert_eq!(w.verdict(), Expect::unanswered(close(1000, "bye"), true, end_of_stream()));
        assert_eq!(w.conn.closed().map(Closed::shown_code), Some(1006));
        assert_eq!(w.heard(), ["closed"]);
        assert_eq!(w.transport(), Transport::Close);
    }
}

#[test]
fn b7_end_of_stream_before_our_close_was_flushed_leaves_the_queue_unsent() {
    for mut w in worlds() {
        w.queue("four");
        w.close(1000, "bye");
        w.eof();
        let plain = Expect::unanswered(close(1000, "bye"), false, end_of_stream());
        assert_eq!(w.verdict(), Expect { unsent: (Some(0), 1, 4), ..plain });
        assert_eq!(w.said(), [""; 0]);
    }
}

#[test]
fn b8_reset_after_our_close_is_not_clean() {
    for mut w in worlds() {
        w.close(1000, "bye");
        w.flush();
        w.reset();
        assert_eq!(w.verdict(), Expect::unanswered(close(1000, "bye"), true, Cause::Reset));
        assert_eq!(w.heard(), ["closed"]);
        assert!(w.transport() >= Transport::Close);
    }
}

#[test]
fn b9_violation_while_closing_sends_no_second_close() {
    for flushed_first in [false, true] {
        for mut w in worlds() {
            w.queue("before");
            w.close(1000, "mine");
            if flushed_first {
                w.flush();
            }
            w.feed(&[w.peer.frame(3, "").bytes(), w.peer.text("no"), w.peer.close(1000, "")].concat());
            w.feed(&w.peer.ping("no"));
            assert_eq!(w.said(), ["text before", "close 1000 mine"]);
            let cause = Cause::Violation(Violation::Opcode(3));
            assert_eq!(w.verdict(), Expect::unanswered(close(1000, "mine"), true, cause));
            assert_eq!(w.heard(), ["closed"]);
            let waits = if w.role == Role::Server { Transport::ShutdownWrite } else { Transport::Open };
            assert_eq!(w.transport(), waits);
        }
    }
}

#[test]
fn b10_second_close_is_a_no_op_that_says_so() {
    for mut w in worlds() {
        w.close(1000, "first");
        assert_eq!(w.try_close(1001, "second"), Err(CloseError::Already));
        assert_eq!(w.conn.close_cutting(w.now, close(1001, "third")), Err(CloseError::Already));
        assert_eq!(w.said(), ["close 1000 first"]);
        assert_eq!(w.try_close(1001, "fourth"), Err(CloseError::Already));
        w.feed(&w.peer.close(1000, "first"));
        assert_eq!(w.try_close(1001, "fifth"), Err(CloseError::Already));
        assert_eq!(w.said(), ["close 1000 first"]);
        assert_eq!(w.verdict(), Expect::answered(close(1000, "first"), close(1000, "first")));
    }
}

#[test]
fn b11_code_or_reason_that_may_not_travel_is_an_error_and_changes_nothing() {
    for code in [0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, u16::MAX] {
        assert_eq!(Close::new(code, ""), Err(CloseError::Code(code)));
    }
    assert_eq!(Close::new(1000, &"r".repeat(124)), Err(CloseError::Reason(124)));
    assert_eq!(Close::new(1000, &"é".repeat(62)), Err(CloseError::Reason(124)));
    let longest = close(1000, &"r".repeat(123));
    for mut w in worlds() {
        w.conn.close(w.now, longest.clone()).expect("the longest reason");
        w.flush();
        w.feed(&w.peer.close(1000, "r".repeat(123)));
        assert_eq!(w.verdict(), Expect::answered(longest.clone(), longest.clone()));
    }
}
