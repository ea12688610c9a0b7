//! The rules of CLOSE.md section 2: 10 to 14, order of ends, end of TCP, reasons, confirmation, failing.

use crate::common;

use adieu_core::protocol::MAX_PINGS;
use adieu_core::{
    Cause, Close, CloseCode, CloseError, Closed, Event, MAX_REASON_LEN, PingError, Pong, Role, SendRefusal,
    State, Timeout, Transport, Violation,
};
use common::{Expect, World, close, config, secs};
use proptest::prelude::*;

fn worlds() -> Vec<World> {
    World::all(&config(|_| ()))
}

#[test]
fn rule10_messages_then_the_close_then_the_verdict() {
    for mut w in worlds() {
        w.ahead(&[w.peer.text("a"), w.peer.text("b"), w.peer.close(1000, "")].concat());
        w.wait(secs(1));
        w.flush();
        assert_eq!(w.state(), State::Closed, "decided while messages wait");
        assert_eq!(w.heard(), ["text a", "text b", "closing", "closed"]);
    }
}

#[test]
fn rule10_write_error_ends_sending_only_until_the_drain_deadline() {
    for mut w in worlds() {
        w.queue("lost");
        w.write_error();
        assert_eq!((w.write(1), w.due_ms()), (0, Some(2000)));
        assert!(w.conn.wants_input());
        w.feed(&[w.peer.text("still comes"), w.peer.ping("no answer")].concat());
        w.wait(secs(2));
        assert_eq!(w.verdict(), Expect { unsent: (Some(0), 1, 4), ..Expect::cause(Cause::Reset) });
        assert_eq!(w.heard(), ["text still comes", "closed"]);
        assert_eq!(w.said(), [""; 0]);
        assert!(w.transport() >= Transport::Close);
    }
}

#[test]
fn rule10_close_that_is_read_after_a_write_error_is_kept_in_the_verdict() {
    for mut w in worlds() {
        w.write_error();
        w.feed(&[w.peer.text("why"), w.peer.close(1008, "policy")].concat());
        w.eof();
        w.wait(secs(2));
        let verdict = w.verdict();
        assert_eq!((verdict.cause, verdict.clean, verdict.flushed), (Cause::Reset, false, false));
        assert_eq!(verdict.received, Some(close(1008, "policy")));
        assert_eq!(w.heard()[0], "text why");
        assert_eq!(w.heard().last().map(String::as_str), Some("closed"));
    }
}

// R5.5.1-09, R7.1.1-01, R7.1.1-04
#[test]
fn rule11_server_shuts_down_first_and_drains_a_bounded_amount() {
    let mut w = World::open(Role::Server, &config(|c| c.drain_len = 1000));
    w.feed(&w.peer.close(1000, ""));
    w.flush();
    assert_eq!(w.transport(), Transport::ShutdownWrite);
    w.feed(&[0; 1000]);
    assert_eq!(w.transport(), Transport::ShutdownWrite);
    assert!(w.conn.wants_input());
    w.feed(&[0]);
    assert_eq!(w.transport(), Transport::Close);
}

// R5.5.1-10, R7.1.1-05
#[test]
fn rule11_client_waits_for_the_servers_end_of_stream() {
    let mut w = World::open(Role::Client, &config(|_| ()));
    w.close(1000, "");
    w.flush();
    w.feed(&w.peer.close(1000, ""));
    assert_eq!((w.state(), w.transport()), (State::Closed, Transport::Open));
    w.wait(secs(1));
    assert_eq!(w.transport(), Transport::Open);
    w.eof();
    assert_eq!(w.transport(), Transport::Close);
}

#[test]
fn rule12_reason_is_at_most_123_bytes_and_is_cut_at_a_character() {
    assert_eq!(MAX_REASON_LEN, 123);
    assert!(Close::new(1000, &"é".repeat(61)).is_ok());
    assert_eq!(Close::new(1000, &"é".repeat(62)), Err(CloseError::Reason(124)));
    for text in ["", "short", &"a".repeat(123), &"a".repeat(500), &"é".repeat(70), &"𝄞".repeat(40)] {
        let close = Close::cut(CloseCode::NORMAL, text);
        let cut = close.reason();
        assert!(text.starts_with(cut) && cut.len() <= 123);
        assert!(cut == text || cut.len() > 123 - 4, "no more is cut than must be");
        assert!(Close::new(1000, cut).is_ok());
    }
}

#[test]
fn rule12_received_reason_is_escaped_when_displayed() {
    for mut w in worlds() {
        w.feed(&w.peer.close(1000, "a\u{1b}[31m\r\n\u{7}b"));
        w.flush();
        let shown = w.conn.closed().map(Closed::to_string).expect("a verdict");
        assert!(!shown.contains(char::is_control), "{shown:?}");
        assert!(!shown.contains('\n') && shown.contains("1000"), "{shown:?}");
    }
}

/// The Pongs that the application was told of.
fn pongs(w: &World) -> Vec<Pong> {
    let pong = |event: &Event<'_>| match event {
        Event::Pong(pong) => Some(*pong),
        _ => None,
    };
    w.events.iter().filter_map(pong).collect()
}

#[test]
fn rule13_pong_confirms_what_was_committed_before_the_ping() {
    for mut w in worlds() {
        let nothing_before = w.conn.ping(w.now).expect("a ping");
        w.queue("zero");
        w.queue("one");
        let behind_one = w.conn.ping(w.now).expect("a ping");
        w.queue("two");
        w.flush();
        let payloads: Vec<_> = w.frames().into_iter().filter(|f| f.opcode == 9).map(|f| f.payload).collect();
        w.wait(secs(3));
        w.feed(&w.peer.pong(&payloads[0]));
        assert_eq!(w.conn.confirmed(), None);
        w.wait(secs(2));
        w.feed(&w.peer.pong(&payloads[1]));
        w.heard();
        let told: Vec<_> = pongs(&w)
            .iter()
            .map(|pong| (pong.id, pong.confirmed.map(|ticket| ticket.0), pong.round_trip))
            .collect();
        assert_eq!(told, [(nothing_before, None, secs(3)), (behind_one, Some(1), secs(5))]);
        assert_eq!(w.conn.confirmed().map(|ticket| ticket.0), Some(1));
    }
}

#[test]
fn rule13_unfinished_message_before_the_ping_is_not_confirmed() {
    for mut w in worlds() {
        w.queue("zero");
        w.fragment("half of one", false);
        w.conn.ping(w.now).expect("a ping between fragments");
        w.flush();
        let ping = w.frames()[2].clone();
        assert_eq!(ping.opcode, 9);
        w.feed(&w.peer.pong(&ping.payload));
        assert_eq!(w.conn.confirmed().map(|ticket| ticket.0), Some(0));
    }
}

// R5.5.3-03
#[test]
fn rule13_unsolicited_pongs_and_the_peers_close_confirm_nothing() {
    for mut w in worlds() {
        w.queue("zero");
        w.conn.ping(w.now).expect("a ping");
        w.flush();
        let right = w.frames()[1].payload.clone();
        let longer = [&right[..], b"x"].concat();
        for wrong in [&b""[..], b"wrong", &longer].into_iter().filter(|wrong| *wrong != right) {
            w.feed(&w.peer.pong(wrong));
        }
        w.feed(&w.peer.close(1000, ""));
        w.flush();
        assert_eq!(w.heard(), ["closing", "closed"]);
        assert_eq!(w.verdict().confirmed, None);
    }
}

#[test]
fn rule13_second_pong_for_the_same_ping_is_unsolicited() {
    for mut w in worlds() {
        w.conn.ping(w.now).expect("a ping");
        w.flush();
        let payload = w.frames()[0].payload.clone();
        w.feed(&[w.peer.pong(&payload), w.peer.pong(&payload)].concat());
        assert_eq!(w.heard(), ["pong 0"]);
    }
}

#[test]
fn rule13_pong_that_comes_before_its_ping_was_handed_out_confirms_nothing() {
    for mut w in worlds() {
        let large = "x".repeat(100_000);
        w.queue_many(2, &large);
        let ping = w.conn.ping(w.now).expect("a ping that is taken");
        let pong = w.peer.pong(ping.to_be_bytes());
        for _ in 0..2 {
            let len = w.committed().len();
            w.feed(&pong);
            w.push(len);
        }
        w.flush();
        assert_eq!((w.heard(), w.conn.confirmed()), (vec![], None), "the peer cannot have seen it");
        w.feed(&pong);
        assert_eq!(w.heard().len(), 1, "now it can");
        assert_eq!(w.conn.confirmed().map(|ticket| ticket.0), Some(1));
    }
}

#[test]
fn rule13_ping_is_committed_with_its_batch_and_not_with_the_next() {
    for mut w in worlds() {
        let large = "x".repeat(100_000);
        w.queue("before");
        let ping = w.conn.ping(w.now).expect("a ping that is taken");
        w.queue(&large);
        w.queue(&large);
        let later = w.conn.ping(w.now).expect("a ping that is taken");
        w.feed(&w.peer.ping("its answer goes ahead"));
        w.committed();
        w.feed(&[w.peer.pong(ping.to_be_bytes()), w.peer.pong(later.to_be_bytes())].concat());
        w.flush();
        assert_eq!(w.heard().len(), 1, "the first was on its way");
        assert_eq!(w.conn.confirmed().map(|ticket| ticket.0), Some(0));
    }
}

#[test]
fn rule13_pong_for_a_later_ping_confirms_the_earlier_ones_too() {
    for mut w in worlds() {
        w.conn.ping(w.now).expect("a ping");
        w.queue("zero");
        let last = w.conn.ping(w.now).expect("a ping");
        w.flush();
        let payload = w.frames()[2].payload.clone();
        w.feed(&w.peer.pong(&payload));
        w.heard();
        assert_eq!(pongs(&w).last().map(|pong| pong.id), Some(last));
        assert_eq!(w.conn.confirmed().map(|ticket| ticket.0), Some(0));
        assert_eq!(w.conn.deadline(), None, "no ping is outstanding");
    }
}

#[test]
fn rule13_outstanding_barriers_are_bounded_and_an_answer_makes_room() {
    for mut w in worlds() {
        let mut pings = 0;
        let error = loop {
            match w.conn.ping(w.now) {
                Ok(id) => assert_eq!(id, pings),
                Err(error) => break error,
            }
            pings += 1;
            assert!(pings <= MAX_PINGS as u64, "not bounded");
        };
        assert_eq!((error, pings), (PingError::TooMany, MAX_PINGS as u64));
        w.flush();
        assert_eq!(w.conn.ping(w.now), Err(PingError::TooMany), "flushed is not answered");
        let first = w.frames()[0].payload.clone();
        w.feed(&w.peer.pong(&first));
        assert!(w.conn.ping(w.now).is_ok());
        assert_eq!(w.conn.ping(w.now), Err(PingError::TooMany));
    }
}

#[test]
fn rule14_failing_writes_what_was_queued_then_one_close_and_discards_input() {
    for mut w in worlds() {
        w.ahead(&w.peer.text("unread"));
        w.queue("a reply");
        w.conn.fail(w.now, close(1008, "policy")).expect("a failure");
        assert_eq!((w.state(), w.conn.closed()), (State::Closing, None));
        w.refused(SendRefusal::Failed);
        w.feed(&[w.peer.text("late"), w.peer.ping("late"), w.peer.close(1000, "late")].concat());
        assert_eq!(w.said(), ["text a reply", "close 1008 policy"]);
        let expected = Expect::unanswered(close(1008, "policy"), true, Cause::Failed);
        let undelivered = w.verdict().undelivered;
        assert_eq!(w.verdict(), Expect { undelivered, ..expected });
        assert_eq!(w.heard(), ["text unread", "closed"]);
        let waits = if w.role == Role::Server { Transport::ShutdownWrite } else { Transport::Open };
        assert_eq!((w.transport(), w.due_ms()), (waits, Some(2000)));
    }
}

#[test]
fn rule14_close_that_is_queued_already_keeps_its_own_code() {
    for mut w in worlds() {
        w.close(1000, "mine");
        w.conn.fail(w.now, close(1011, "worse")).ok();
        w.feed(&w.peer.text("discarded or not, no second Close"));
        assert_eq!(w.said(), ["close 1000 mine"]);
    }
}

#[test]
fn rule14_failing_to_a_stalled_peer_ends_at_the_write_deadline_with_the_rest_unsent() {
    for mut w in worlds() {
        w.queue("stuck");
        w.conn.fail(w.now, close(1008, "")).expect("a failure");
        w.wait(secs(30));
        let verdict = w.verdict();
        assert_eq!((verdict.sent, verdict.flushed), (Some(close(1008, "")), false));
        assert_eq!(verdict.cause, Cause::Failed, "the first cause that arose");
        assert_eq!(verdict.unsent, (Some(0), 1, 5));
        assert_eq!(w.heard(), ["closed"]);
        assert_eq!(w.transport(), Transport::Reset);
    }
}

#[test]
fn rule14_failing_inside_an_unfinished_message_cuts_out() {
    for mut w in worlds() {
        w.fragment("half", false);
        w.push(1);
        w.conn.fail(w.now, close(1011, "")).expect("never refused for a fragment");
        assert_eq!(w.said(), ["text… half", "close 1011"]);
        let verdict = w.verdict();
        assert_eq!((verdict.cut_out, verdict.clean), (true, false));
        assert_eq!((verdict.unsent.0, verdict.unsent.1), (Some(0), 1));
    }
}

#[test]
fn rule14_end_of_stream_while_failing_does_not_keep_the_close_from_going_out() {
    for mut w in worlds() {
        w.queue("a reply");
        w.feed(&w.peer.frame(3, "").bytes());
        w.eof();
        assert_eq!(w.said_codes(), ["text a reply", "close 1002"]);
        assert!(matches!(w.cause(), Some(Cause::Violation(_))));
        assert_eq!(w.transport(), Transport::Close);
    }
}

// R7.1.5-01
#[test]
fn verdict_shows_1005_for_an_empty_close_and_1006_for_none() {
    for mut w in worlds() {
        w.feed(&w.peer.empty_close());
        w.flush();
        assert_eq!(w.conn.closed().map(Closed::shown_code), Some(1005));
    }
    for mut w in worlds() {
        w.close(1000, "");
        w.flush();
        w.wait(secs(5));
        assert_eq!(w.cause(), Some(Cause::Timeout(Timeout::Close)));
        assert_eq!(w.conn.closed().map(Closed::shown_code), Some(1006));
    }
}

#[test]
fn verdict_names_the_first_cause_that_arose() {
    type Later = fn(&mut World);
    let later: [Later; 4] = [|w| w.reset(), |w| w.write_error(), |w| w.wait(secs(60)), |w| w.eof()];
    for later in later {
        for mut w in worlds() {
            w.queue("stuck");
            w.feed(&w.peer.frame(3, "").bytes());
            later(&mut w);
            w.wait(secs(60));
            assert_eq!(w.cause(), Some(Cause::Violation(Violation::Opcode(3))));
            assert!(!w.verdict().flushed && !w.verdict().clean);
        }
        for mut w in World::all(&config(|c| c.idle_timeout = Some(secs(10)))) {
            w.wait(secs(10));
            later(&mut w);
            w.wait(secs(60));
            assert_eq!(w.cause(), Some(Cause::Timeout(Timeout::Idle)));
        }
    }
}

#[test]
fn rule13_pong_while_closing_still_confirms() {
    for mut w in worlds() {
        w.queue("zero");
        w.conn.ping(w.now).expect("a ping");
        w.close(1000, "");
        w.flush();
        let payload = w.frames()[1].payload.clone();
        w.feed(&[w.peer.pong(&payload), w.peer.close(1000, "")].concat());
        assert_eq!(w.heard(), ["pong 0", "closed"]);
        let expected = Expect::answered(close(1000, ""), close(1000, ""));
        assert_eq!(w.verdict(), Expect { confirmed: Some(0), ..expected });
    }
}

#[test]
fn rule13_ping_in_connecting_is_refused() {
    for mut w in [World::any_client(&config(|_| ())), World::any_server(&config(|_| ()))] {
        let refused = Err(PingError::Refused(SendRefusal::Connecting));
        assert_eq!(w.conn.ping(w.now), refused.map(|()| 0));
        assert_eq!(w.conn.pong(w.now, b"x"), refused);
    }
}

/// What an application may send, and how far it gets.
#[derive(Clone, Debug)]
enum Step {
    Message(usize),
    Fragment(bool),
    Ping,
    Write(usize),
    Wait(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        3 => (0..9000_usize).prop_map(Step::Message),
        2 => any::<bool>().prop_map(Step::Fragment),
        2 => Just(Step::Ping),
        3 => (0..9000_usize).prop_map(Step::Write),
        1 => (0..15_u64).prop_map(Step::Wait),
    ];
    proptest::collection::vec(step, 0..40)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(256) })]

    #[test]
    fn rule13_last_pong_confirms_exactly_the_messages_that_are_whole_before_its_ping(steps in steps()) {
        for mut w in World::all(&config(|c| (c.ping_interval, c.send_high) = (Some(secs(10)), 1 << 24))) {
            for step in &steps {
                match *step {
                    Step::Message(len) => drop(w.conn.send(w.now, vec![1; len])),
                    Step::Fragment(end) => drop(w.conn.send_fragment(w.now, "part", end)),
                    Step::Ping => drop(w.conn.ping(w.now)),
                    Step::Write(len) => drop(w.write(len)),
                    Step::Wait(time) => w.wait(secs(time)),
                }
            }
            w.flush();
            let frames = w.frames();
            let Some(last) = frames.iter().rposition(|frame| frame.opcode == 9) else { continue };
            if w.state() != State::Open {
                continue; // Nobody answered or nobody wrote for too long.
            }
            w.feed(&w.peer.pong(&frames[last].payload));
            let whole = frames[..last].iter().filter(|frame| frame.fin && frame.opcode < 8).count() as u64;
            prop_assert_eq!(w.conn.confirmed().map(|ticket| ticket.0), whole.checked_sub(1));
        }
    }
}
