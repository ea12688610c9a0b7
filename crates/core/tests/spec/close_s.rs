//! Sending and knowing: CLOSE.md section 3, rows S1 to S6 (S7 and S8 belong to drivers).

use crate::common;

use adieu_core::{Cause, SendRefusal, State, Timeout};
use common::{Expect, World, close, config, secs};

fn worlds() -> Vec<World> {
    World::all(&config(|_| ()))
}

// R5.5.1-04
#[test]
fn s1_send_after_our_close_is_an_error_that_gives_the_message_back() {
    for mut w in worlds() {
        w.close(1000, "");
        w.refused(SendRefusal::Closing);
        w.flush();
        w.refused(SendRefusal::Closing);
        let error = w.send(vec![1, 2, 3]).expect_err("we have closed");
        assert_eq!(error.message.as_bytes(), [1, 2, 3]);
        assert!(w.conn.ping(w.now).is_err());
        assert_eq!(w.said(), ["close 1000"]);
    }
}

#[test]
fn s2_send_after_the_peers_close_was_read_fails() {
    for fin_too in [false, true] {
        for mut w in worlds() {
            w.queue("before");
            w.flush();
            w.ahead(&w.peer.close(1000, "bye"));
            if fin_too {
                w.eof();
            }
            w.refused(SendRefusal::PeerClosed);
            assert_eq!(w.said(), ["text before", "close 1000 bye"]);
            w.refused(SendRefusal::Ended);
            assert_eq!(w.heard(), ["closing", "closed"]);
        }
    }
}

#[test]
fn s2_send_while_a_message_is_being_handled_fails_within_close_linger() {
    for mut w in worlds() {
        w.lend(&mut w.peer.text("handled for long"));
        w.ahead(&w.peer.close(1000, "bye"));
        w.eof();
        w.queue("a reply");
        assert_eq!((w.state(), w.due_ms()), (State::Open, Some(1000)));
        w.wait(secs(1));
        assert_eq!(w.state(), State::Closing);
        w.refused(SendRefusal::PeerClosed);
        assert_eq!(w.said(), ["text a reply", "close 1000 bye"]);
        assert_eq!(w.verdict(), Expect::echoed(close(1000, "bye")));
        assert_eq!(w.heard(), ["text handled for long", "closing", "closed"]);
    }
}

#[test]
fn s3_close_behind_unread_messages_is_told_within_close_linger() {
    for mut w in worlds() {
        w.ahead(&[w.peer.text("a"), w.peer.text("b"), w.peer.close(1000, "bye")].concat());
        w.eof();
        assert_eq!((w.state(), w.due_ms()), (State::Open, Some(1000)));
        w.wait(secs(1));
        w.refused(SendRefusal::PeerClosed);
        assert_eq!(w.said(), ["close 1000 bye"]);
        assert_eq!(w.heard(), ["text a", "text b", "closing", "closed"]);
        assert_eq!(w.verdict(), Expect::echoed(close(1000, "bye")));
    }
}

#[test]
fn s3_application_that_gave_up_receiving_is_told_at_once() {
    for mut w in worlds() {
        w.ahead(&[w.peer.text("a"), w.peer.text("bc"), w.peer.close(1000, "bye")].concat());
        w.conn.stop_receiving(w.now);
        assert_eq!(w.state(), State::Closing);
        w.refused(SendRefusal::PeerClosed);
        assert_eq!(w.said(), ["close 1000 bye"]);
        assert_eq!(w.heard(), ["closing", "closed"]);
        let expected = Expect::echoed(close(1000, "bye"));
        assert_eq!(w.verdict(), Expect { undelivered: (2, 3), ..expected });
    }
}

#[test]
fn s3_application_that_had_given_up_receiving_before_is_told_at_once() {
    for mut w in worlds() {
        w.conn.stop_receiving(w.now);
        assert_eq!(w.state(), State::Open);
        w.queue("still sending");
        w.ahead(&[w.peer.text("a"), w.peer.text("bc"), w.peer.close(1000, "bye")].concat());
        w.refused(SendRefusal::PeerClosed);
        assert_eq!(w.said(), ["text still sending", "close 1000 bye"]);
        let expected = Expect::echoed(close(1000, "bye"));
        assert_eq!(w.verdict(), Expect { undelivered: (2, 3), ..expected });
    }
}

#[test]
fn s4_send_after_end_of_stream_is_an_error_that_gives_the_message_back() {
    for mut w in worlds() {
        w.eof();
        w.refused(SendRefusal::Ended);
        let error = w.conn.send_fragment(w.now, "part", true).expect_err("it has ended");
        assert_eq!((error.refusal, error.message.as_text()), (SendRefusal::Ended, Some("part")));
        assert!(w.conn.ping(w.now).is_err() && w.conn.pong(w.now, b"x").is_err());
    }
}

#[test]
fn s5_messages_received_before_the_end_stay_readable_and_then_the_end_is_told() {
    type End = fn(&mut World);
    let ends: [End; 5] = [
        |w| w.eof(),
        |w| w.reset(),
        |w| w.conn.abort(w.now),
        |w| {
            w.queue("stuck");
            w.wait(secs(30));
        },
        |w| {
            w.write_error();
            w.eof();
        },
    ];
    for end in ends {
        for mut w in worlds() {
            w.ahead(&[w.peer.text("a"), w.peer.binary(&[1]), w.peer.text("c")].concat());
            assert_eq!(w.poll().as_deref(), Some("text a"));
            end(&mut w);
            assert_eq!(w.state(), State::Closed);
            assert!(w.conn.has_event());
            assert_eq!(w.heard(), ["text a", "binary [1]", "text c", "closed"]);
            assert!(!w.conn.has_event());
            assert_eq!(w.verdict().undelivered, (0, 0));
        }
    }
}

#[test]
fn s6_verdict_tells_what_was_never_written() {
    for mut w in worlds() {
        let lens = [10, 200, 3, 0];
        for (n, len) in lens.into_iter().enumerate() {
            assert_eq!(w.queue(&"m".repeat(len)), n as u64);
        }
        let header = if w.role == adieu_core::Role::Server { 2 } else { 6 };
        w.push(header + 10 + 1);
        w.wait(secs(30));
        let expected = Expect::cause(Cause::Timeout(Timeout::Write));
        assert_eq!(w.verdict(), Expect { cut_out: true, unsent: (Some(1), 3, 203), ..expected });
    }
}

#[test]
fn s6_message_is_unsent_until_its_last_byte_was_taken() {
    for missing in [0, 1] {
        for mut w in worlds() {
            w.queue("four");
            w.push(w.conn.buffered() - missing);
            w.eof();
            let unsent = if missing == 0 { (None, 0, 0) } else { (Some(0), 1, 4) };
            assert_eq!(w.verdict().unsent, unsent);
        }
    }
}

#[test]
fn s6_verdict_tells_the_last_confirmed_message() {
    for mut w in worlds() {
        w.queue("zero");
        assert_eq!(w.queue("one"), 1);
        let id = w.conn.ping(w.now).expect("a ping");
        assert_eq!(w.queue("two"), 2);
        w.flush();
        let ping = w.frames()[2].clone();
        assert_eq!(ping.opcode, 9, "a barrier keeps its place");
        w.feed(&w.peer.pong(&ping.payload));
        assert_eq!(w.heard(), [format!("pong {id}")]);
        assert_eq!(w.conn.confirmed().map(|ticket| ticket.0), Some(1));
        w.eof();
        let expected = Expect::cause(Cause::EndOfStream { inside_frame: false });
        assert_eq!(w.verdict(), Expect { confirmed: Some(1), ..expected });
    }
}

#[test]
fn s6_fragments_of_a_message_share_a_ticket_and_tickets_grow_by_one() {
    for mut w in worlds() {
        assert_eq!(w.queue("a"), 0);
        assert_eq!(w.fragment("b", false), 1);
        assert_eq!(w.fragment("c", false), 1);
        w.refused(SendRefusal::MessageUnfinished);
        assert_eq!(w.fragment("d", true), 1);
        assert_eq!(w.queue("e"), 2);
        assert_eq!(w.said(), ["text a", "text… b", "…middle c", "…end d", "text e"]);
    }
}
