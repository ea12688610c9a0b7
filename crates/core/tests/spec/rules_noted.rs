//! Rule 6 of CLOSE.md section 2: when what was noted takes effect.

use crate::common;

use adieu_core::{Cause, Initiator, SendRefusal, State, Transport, Violation};
use common::{Expect, World, close, config, secs};

fn worlds() -> Vec<World> {
    World::all(&config(|_| ()))
}

/// A world where a message waits and the peer's Close behind it is noted.
fn noted() -> Vec<World> {
    let mut worlds = worlds();
    for w in &mut worlds {
        w.ahead(&[w.peer.text("last"), w.peer.close(1000, "bye")].concat());
        assert_eq!((w.state(), w.transport()), (State::Open, Transport::Open));
        assert_eq!(w.conn.peer_close(), Some(&close(1000, "bye")));
    }
    worlds
}

#[test]
fn rule6_noted_close_takes_effect_when_the_application_asks_past_the_last_message() {
    for mut w in noted() {
        w.queue("before the ask");
        assert_eq!(w.poll().as_deref(), Some("text last"));
        assert_eq!(w.state(), State::Open, "the message is being handled");
        w.queue("a reply");
        assert_eq!((w.poll().as_deref(), w.state()), (Some("closing"), State::Closing));
        w.refused(SendRefusal::PeerClosed);
        assert_eq!(w.said(), ["text before the ask", "text a reply", "close 1000 bye"]);
    }
}

#[test]
fn rule6_close_takes_effect_at_once_when_no_message_waits_or_is_handled() {
    for mut w in worlds() {
        w.feed(&w.peer.text("done with"));
        w.ahead(&w.peer.close(1000, "bye"));
        assert_eq!(w.state(), State::Closing);
    }
}

#[test]
fn rule6_message_is_handled_from_its_delivery_until_the_next_ask() {
    for mut w in worlds() {
        w.lend(&mut w.peer.text("handled"));
        w.ahead(&w.peer.close(1000, "bye"));
        assert_eq!((w.state(), w.conn.peer_close()), (State::Open, Some(&close(1000, "bye"))));
        assert_eq!(w.conn.refusal(), None);
        assert_eq!((w.poll().as_deref(), w.state()), (Some("closing"), State::Closing));
    }
}

#[test]
fn rule6_close_takes_effect_when_the_application_gives_up_receiving() {
    for mut w in noted() {
        w.conn.stop_receiving(w.now);
        assert_eq!(w.state(), State::Closing);
        assert_eq!(w.said(), ["close 1000 bye"]);
        assert_eq!(w.heard(), ["closing", "closed"]);
    }
}

// R5.5.1-06
#[test]
fn rule6_close_takes_effect_after_close_linger() {
    for mut w in noted() {
        assert_eq!(w.due_ms(), Some(1000));
        w.wait(secs(1));
        assert_eq!(w.state(), State::Closing);
        w.refused(SendRefusal::PeerClosed);
        assert_eq!(w.said(), ["close 1000 bye"]);
        assert_eq!(w.heard(), ["text last", "closing", "closed"]);
    }
}

#[test]
fn rule6_close_linger_of_zero_takes_effect_at_once() {
    for mut w in World::all(&config(|c| c.close_linger = secs(0))) {
        w.ahead(&[w.peer.text("last"), w.peer.close(1000, "bye")].concat());
        w.tick();
        w.refused(SendRefusal::PeerClosed);
        assert_eq!(w.said(), ["close 1000 bye"]);
        assert_eq!(w.heard(), ["text last", "closing", "closed"]);
    }
}

#[test]
fn rule6_close_takes_effect_at_a_transport_error() {
    for mut w in noted() {
        w.write_error();
        assert_ne!(w.state(), State::Open);
        assert!(w.send("no").is_err());
    }
    for mut w in noted() {
        w.reset();
        assert_eq!(w.state(), State::Closed);
        assert_eq!(w.verdict().received, Some(close(1000, "bye")));
    }
}

#[test]
fn rule6_end_of_stream_behind_a_noted_close_changes_nothing() {
    for mut w in noted() {
        w.eof();
        assert_eq!(w.state(), State::Open);
        assert_eq!(w.poll().as_deref(), Some("text last"));
        w.queue("a reply");
        assert_eq!(w.poll().as_deref(), Some("closing"));
        assert_eq!(w.said(), ["text a reply", "close 1000 bye"]);
        assert_eq!(w.verdict(), Expect::echoed(close(1000, "bye")));
        assert_eq!(w.transport(), Transport::Close);
    }
}

#[test]
fn rule6_close_of_ours_meanwhile_sends_our_code_and_the_initiator_stays_peer() {
    for mut w in noted() {
        w.close(4001, "mine");
        assert_eq!(w.state(), State::Closing);
        assert!(w.send("no").is_err());
        assert_eq!(w.said(), ["close 4001 mine"]);
        let expected = Expect::answered(close(4001, "mine"), close(1000, "bye"));
        let initiator = Some(Initiator::Peer);
        assert_eq!(w.verdict(), Expect { initiator, ..expected });
        assert_eq!(w.heard()[0], "text last");
    }
}

#[test]
fn rule6_violation_is_noted_and_takes_effect_in_the_same_way() {
    for mut w in worlds() {
        let p = w.peer;
        w.ahead(&[p.text("last"), p.frame(3, "").bytes(), p.ping("no"), p.text("no")].concat());
        assert_eq!(w.state(), State::Open);
        assert_eq!((w.poll().as_deref(), w.state()), (Some("text last"), State::Open));
        w.queue("a reply");
        w.flush();
        w.poll();
        assert_eq!(w.state(), State::Closing);
        w.refused(SendRefusal::Failed);
        assert_eq!(w.said_codes(), ["text a reply", "close 1002"]);
        assert_eq!(w.cause(), Some(Cause::Violation(Violation::Opcode(3))));
        assert_eq!(w.heard(), ["text last", "closed"]);
    }
}

#[test]
fn rule6_what_was_noted_behind_the_message_in_hand_is_something_to_ask_for() {
    for behind in [|w: &World| w.peer.close(1000, "bye"), |w: &World| w.peer.frame(3, "").bytes()] {
        for mut w in worlds() {
            w.lend(&mut w.peer.text("in hand"));
            assert!(!w.conn.has_event());
            w.ahead(&behind(&w));
            assert!(w.conn.has_event() && w.state() == State::Open);
            w.poll();
            assert!(!w.conn.has_event() && w.state() == State::Closing);
        }
    }
}

#[test]
fn rule6_noted_violation_takes_effect_after_close_linger() {
    for mut w in worlds() {
        w.ahead(&[w.peer.text("unread"), w.peer.frame(3, "").bytes()].concat());
        assert_eq!(w.due_ms(), Some(1000));
        w.wait(secs(1));
        assert_eq!(w.said_codes(), ["close 1002"]);
        assert_eq!(w.heard(), ["text unread", "closed"]);
    }
}

#[test]
fn rule6_keepalive_that_was_due_before_the_noting_does_not_leave_output_that_nobody_can_have() {
    for behind in [|w: &World| w.peer.close(1000, "bye"), |w: &World| w.peer.frame(3, "").bytes()] {
        for mut w in World::all(&config(|c| c.ping_interval = Some(secs(20)))) {
            w.wait(secs(20));
            assert!(w.conn.wants_output());
            w.ahead(&[w.peer.text("last"), behind(&w)].concat());
            w.flush();
            assert!(!w.conn.wants_output());
            w.heard();
            assert!(w.said_codes().last().is_some_and(|name| name.starts_with("close")));
            assert_eq!(w.heard().last().map(String::as_str), Some("closed"));
        }
    }
}

#[test]
fn rule6_taking_a_pong_is_not_asking() {
    for mut w in worlds() {
        w.conn.ping(w.now).expect("a ping");
        w.flush();
        let payload = w.frames()[0].payload.clone();
        w.lend(&mut w.peer.text("being handled"));
        w.ahead(&[w.peer.pong(&payload), w.peer.close(1000, "bye")].concat());
        assert_eq!(w.conn.poll_pong().map(|pong| pong.id), Some(0));
        assert_eq!((w.conn.poll_pong(), w.state()), (None, State::Open));
        assert_eq!(w.poll().as_deref(), Some("closing"));
    }
}

#[test]
fn rule6_end_of_stream_stops_reading() {
    for mut w in noted() {
        assert!(w.conn.wants_input());
        w.eof();
        assert!(!w.conn.wants_input());
    }
}

#[test]
fn rule6_abort_and_fail_while_a_close_is_noted_keep_what_was_received() {
    for mut w in noted() {
        w.conn.abort(w.now);
        let verdict = w.verdict();
        assert_eq!((verdict.cause, verdict.initiator), (Cause::Aborted, Some(Initiator::Peer)));
        assert_eq!((verdict.received, verdict.sent), (Some(close(1000, "bye")), None));
    }
    for mut w in noted() {
        w.conn.fail(w.now, close(1011, "no")).expect("a failure");
        assert_eq!(w.said(), ["close 1011 no"]);
        let verdict = w.verdict();
        assert_eq!((verdict.cause, verdict.initiator), (Cause::Failed, Some(Initiator::Peer)));
        assert_eq!(verdict.received, Some(close(1000, "bye")));
    }
}

#[test]
fn rule6_close_of_ours_while_a_violation_is_noted_is_the_only_close() {
    for mut w in worlds() {
        w.ahead(&[w.peer.text("last"), w.peer.frame(3, "").bytes()].concat());
        w.close(4000, "mine");
        w.heard();
        assert_eq!(w.said(), ["close 4000 mine"]);
        assert_eq!(w.cause(), Some(Cause::Violation(Violation::Opcode(3))));
        assert_eq!(w.heard(), ["text last", "closed"]);
    }
}

#[test]
fn rule6_message_that_waited_is_handled_until_the_next_ask() {
    for mut w in worlds() {
        w.ahead(&w.peer.text("waited"));
        assert_eq!(w.poll().as_deref(), Some("text waited"));
        w.ahead(&w.peer.close(1000, "bye"));
        assert_eq!((w.state(), w.conn.refusal()), (State::Open, None));
        assert_eq!((w.poll().as_deref(), w.state()), (Some("closing"), State::Closing));
    }
}

#[test]
fn rule6_valid_part_before_a_fault_inside_it_is_handled_until_the_next_ask() {
    for mut w in World::all(&config(|config| config.chunks = true)) {
        w.lend(&mut w.peer.frame(1, b"ok\xFF").bytes());
        assert_eq!((w.state(), w.conn.refusal()), (State::Open, None));
    }
}
