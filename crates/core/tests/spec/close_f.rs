//! Failing the connection: CLOSE.md section 3, rows F1 to F9 (F6 belongs to permessage-deflate), by rule 14.

use crate::common;

use adieu_core::{Cause, Config, Role, SendRefusal, State, Timeout, Transport, Violation};
use common::{Expect, Form, Peer, Raw, World, close, config, secs};

fn worlds() -> Vec<World> {
    World::all(&config(|_| ()))
}

/// A violation of the peer's: what comes before it is delivered, then one Close with the right code, then nothing is parsed.
fn check_violation(config: &Config, build: impl Fn(Peer) -> Vec<u8>, violation: Violation) {
    for mut w in World::all(config) {
        let p = w.peer;
        w.queue("queued before");
        w.feed(&p.text("fine"));
        w.feed(&build(p));
        assert_eq!(w.state(), State::Closing, "{violation:?}");
        w.feed(&[p.text("late"), p.ping("late"), p.close(1000, "")].concat());
        w.refused(SendRefusal::Failed);
        let code = violation.code().get();
        assert_eq!(w.said_codes(), ["text queued before", &format!("close {code}")]);
        let sent = w.verdict().sent.expect("a Close of ours");
        assert_eq!(sent.shown_code(), code);
        let (cut_in, undelivered) = (w.verdict().cut_in, w.verdict().undelivered);
        let expected = Expect::unanswered(sent, true, Cause::Violation(violation));
        assert_eq!(w.verdict(), Expect { cut_in, undelivered, ..expected });
        assert_eq!(w.heard(), ["text fine", "closed"]);
        let waits = if w.role == Role::Server { Transport::ShutdownWrite } else { Transport::Open };
        assert_eq!((w.transport(), w.due_ms()), (waits, Some(2000)));
        w.wait(secs(2));
        assert_eq!(w.transport(), Transport::Close);
    }
}

fn check_raw(build: impl Fn(Peer) -> Raw, violation: Violation) {
    check_violation(&config(|_| ()), |p| build(p).bytes(), violation);
}

// R5.2-02, R7.1.7-01, R7.1.7-02, R7.1.7-04, R7.1.7-05, R10.7-01, R10.7-02
#[test]
fn f1_reserved_bit_fails_with_1002() {
    for rsv in 1..8 {
        for opcode in [1, 2, 8, 9, 10] {
            check_raw(|p| p.frame(opcode, "").rsv(rsv), Violation::ReservedBits);
        }
    }
}

// R5.2-03
#[test]
fn f1_reserved_opcode_fails_with_1002() {
    for opcode in [3, 4, 5, 6, 7, 11, 12, 13, 14, 15] {
        check_raw(|p| p.frame(opcode, "x"), Violation::Opcode(opcode));
    }
}

// R6.2-04
#[test]
fn f1_continuation_without_a_start_fails_with_1002() {
    for fin in [false, true] {
        check_raw(|p| p.frame(0, "x").fin(fin), Violation::ContinuationWithoutStart);
    }
    let after_end = |p: Peer| [p.start("a"), p.last("b"), p.last("c")].concat();
    let mut w = World::open(Role::Client, &config(|_| ()));
    w.feed(&after_end(w.peer));
    w.flush();
    assert_eq!(w.cause(), Some(Cause::Violation(Violation::ContinuationWithoutStart)));
    assert_eq!(w.heard(), ["text ab", "closed"]);
}

// R5.4-05
#[test]
fn f1_new_message_inside_a_message_fails_with_1002() {
    for (opcode, fin) in [(1, true), (1, false), (2, true), (2, false)] {
        let build = |p: Peer| [p.start("a"), p.frame(opcode, "b").fin(fin).bytes()].concat();
        check_violation(&config(|_| ()), build, Violation::MessageInsideMessage);
    }
}

// R5.5-03
#[test]
fn f1_fragmented_control_frame_fails_with_1002() {
    for opcode in [8, 9, 10] {
        check_raw(|p| p.frame(opcode, "").fin(false), Violation::FragmentedControl);
    }
}

// R5.5-02
#[test]
fn f1_control_frame_over_125_bytes_fails_with_1002() {
    for (opcode, len) in [(9, 126), (9, 70_000), (10, 126), (8, 126)] {
        check_raw(|p| p.frame(opcode, vec![b'x'; len]), Violation::ControlLength);
    }
}

// R5.5-02
#[test]
fn f1_control_frame_of_125_bytes_passes() {
    for mut w in worlds() {
        w.feed(&[w.peer.pong("p".repeat(125)), w.peer.ping("q".repeat(125))].concat());
        w.flush();
        assert_eq!(w.frames()[0].payload, "q".repeat(125).into_bytes());
        assert_eq!(w.state(), State::Open);
    }
}

// R5.1-02, R5.1-04, R5.1-05, R7.1.7-01, R7.1.7-02
#[test]
fn f2_wrong_direction_of_masking_fails_with_1002() {
    for opcode in [1, 2, 8, 9, 10] {
        for mut w in worlds() {
            let (mask, violation) = match w.role {
                Role::Server => (None, Violation::NotMasked),
                Role::Client => (Some([0; 4]), Violation::Masked),
            };
            w.feed(&w.peer.frame(opcode, "").mask(mask).bytes());
            assert_eq!(w.said_codes(), ["close 1002"]);
            assert_eq!(w.cause(), Some(Cause::Violation(violation)));
            assert_eq!((w.verdict().received, w.verdict().clean), (None, false));
            assert_eq!(w.heard(), ["closed"]);
        }
    }
}

/// Text that turns bad at its last byte, with more announced.
const BAD_AT_THE_END: [&[u8]; 9] =
    [b"\xFF", b"ok\x80", b"\xC0", b"\xC3(", b"\xE0\x80", b"\xED\xA0", b"\xF0\x9F(", b"\xF4\x90", b"\xF5"];

// R7.1.7-04, R8.1-01
#[test]
fn f3_bad_text_fails_with_1007_at_its_first_bad_byte() {
    for bad in BAD_AT_THE_END {
        let build = |p: Peer| {
            let payload = [bad, &[b'x'; 50][..]].concat();
            let mut frame = p.frame(1, payload).bytes();
            frame.truncate(frame.len() - 50);
            frame
        };
        for mut w in worlds() {
            let frame = build(w.peer);
            w.feed_by(1, &frame[..frame.len() - 1]);
            assert_eq!(w.state(), State::Open, "not before the bad byte of {bad:?}");
            w.feed(&frame[frame.len() - 1..]);
            assert_eq!(w.state(), State::Closing, "at the bad byte of {bad:?}");
            assert_eq!(w.said_codes(), ["close 1007"]);
            assert_eq!(w.cause(), Some(Cause::Violation(Violation::TextUtf8)));
        }
        check_violation(&config(|_| ()), build, Violation::TextUtf8);
    }
}

// R8.1-01
#[test]
fn f3_bad_text_across_frames_fails_with_1007() {
    for bad in BAD_AT_THE_END {
        let split = |p: Peer| {
            let (last, before) = bad.split_last().expect("at least one byte");
            let first = p.frame(1, before).fin(false).bytes();
            [first, p.ping("between"), p.middle(""), p.middle([*last])].concat()
        };
        for mut w in worlds() {
            w.feed(&split(w.peer));
            assert_eq!(w.said_codes(), ["pong between", "close 1007"]);
            assert_eq!(w.cause(), Some(Cause::Violation(Violation::TextUtf8)));
            assert_eq!(w.heard(), ["closed"]);
        }
    }
}

// R5.6-01
#[test]
fn f3_text_that_ends_inside_a_character_fails_with_1007() {
    for cut in [&b"\xC3"[..], b"ab\xE2\x82", b"\xF0\x9F\x98"] {
        check_raw(|p| p.frame(1, cut), Violation::TextUtf8);
        let fragments = |p: Peer| [p.frame(1, cut).fin(false).bytes(), p.last("")].concat();
        check_violation(&config(|_| ()), fragments, Violation::TextUtf8);
    }
}

// R5.6-01
#[test]
fn f3_characters_may_be_split_across_frames_and_reads() {
    let text = "κόσμε — \u{10FFFF}\u{D7FF}\u{E000}";
    for mut w in worlds() {
        let p = w.peer;
        let middle = |byte: &u8| p.middle([*byte]);
        let frames: Vec<u8> = text.as_bytes().iter().flat_map(middle).collect();
        w.feed_by(1, &[p.start(""), frames, p.last("")].concat());
        assert_eq!(w.heard(), [format!("text {text}")]);
    }
}

#[test]
fn f3_bad_text_fails_in_chunks_too() {
    for mut w in World::all(&config(|c| c.chunks = true)) {
        let frame = w.peer.frame(1, b"ok\xC3(......").bytes();
        w.feed(&frame[..frame.len() - 6]);
        assert_eq!(w.state(), State::Closing);
        assert_eq!(w.said_codes(), ["close 1007"]);
    }
}

// R7.1.7-04, R10.4-01
#[test]
fn f4_frame_over_the_limit_fails_with_1009_at_its_header() {
    let limited = config(|c| c.max_frame_len = 1000);
    let header_only = |p: Peer, len: usize| {
        let mut frame = p.frame(2, vec![0; len]).bytes();
        frame.truncate(frame.len() - len);
        frame
    };
    check_violation(&limited, |p| header_only(p, 1001), Violation::FrameTooLong);
    check_violation(&limited, |p| header_only(p, 70_000), Violation::FrameTooLong);
    let huge = |p: Peer| p.frame(2, "").form(Form::Says(u64::MAX >> 1)).bytes();
    check_violation(&limited, huge, Violation::FrameTooLong);
}

// R10.7-02
#[test]
fn f4_message_over_the_limit_fails_with_1009_at_the_header_that_exceeds_it() {
    let limited = config(|c| c.max_message_len = 1000);
    let build = |p: Peer| {
        let last = p.last([b'x'; 601]);
        let header = last.len() - 601;
        [p.start(&"x".repeat(400)), last[..header].to_vec()].concat()
    };
    check_violation(&limited, build, Violation::MessageTooLong);
}

// R10.4-01
#[test]
fn f4_fragment_count_over_the_limit_fails_with_1009() {
    let limited = config(|c| c.max_fragments = 3);
    let build = |p: Peer| [p.start(""), p.middle(""), p.middle(""), p.middle("")].concat();
    check_violation(&limited, build, Violation::TooManyFragments);
}

// R5.2-06
#[test]
fn f5_length_that_is_not_minimal_fails_with_1002() {
    for (len, form) in [
        (0, Form::Bits16),
        (125, Form::Bits16),
        (0, Form::Bits64),
        (125, Form::Bits64),
        (126, Form::Bits64),
        (65_535, Form::Bits64),
    ] {
        check_raw(|p| p.frame(2, vec![0; len]).form(form), Violation::LengthNotMinimal);
    }
}

// R5.2-04
#[test]
fn f5_length_with_the_top_bit_fails_with_1002() {
    for len in [1 << 63, u64::MAX] {
        check_raw(|p| p.frame(2, "").form(Form::Says(len)), Violation::LengthTopBit);
    }
}

#[test]
fn f5_lengths_at_their_borders_pass() {
    for mut w in worlds() {
        for len in [0, 1, 125, 126, 127, 65_535, 65_536, 65_537] {
            w.feed(&w.peer.binary(&vec![5; len]));
        }
        let lens: Vec<_> = w.heard().into_iter().skip(2).collect();
        let expected = [125, 126, 127, 65_535, 65_536, 65_537].map(|len| format!("message [{len}]"));
        assert_eq!(lens, expected);
    }
}

#[test]
fn f7_no_pong_in_time_fails_with_1011_then_drains() {
    for mut w in worlds() {
        w.conn.ping(w.now).expect("a ping");
        w.wait(secs(7));
        w.flush();
        assert_eq!(w.due_ms(), Some(20_000), "the clock starts at the flush");
        w.feed(&w.peer.text("alive, but no pong"));
        w.wait(secs(20));
        assert_eq!(w.state(), State::Closing);
        let said = w.said_codes();
        assert!(said[0].starts_with("ping") && said[1..] == ["close 1011"], "{said:?}");
        let sent = w.verdict().sent.expect("a Close of ours");
        assert_eq!(w.verdict(), Expect::unanswered(sent, true, Cause::Timeout(Timeout::Pong)));
        assert_eq!(w.heard(), ["text alive, but no pong", "closed"]);
        assert!(w.transport() < Transport::Close);
        w.wait(secs(2));
        assert_eq!(w.transport(), Transport::Close);
    }
}

#[test]
fn f7_keepalive_catches_a_peer_that_went_silent() {
    for mut w in World::all(&config(|c| c.ping_interval = Some(secs(20)))) {
        w.wait(secs(19));
        w.feed(&w.peer.text("awake"));
        w.wait(secs(19));
        assert_eq!(w.write(1), 0, "something arrived less than the interval ago");
        w.wait(secs(1));
        w.flush();
        assert_eq!(w.frames().iter().map(|frame| frame.opcode).collect::<Vec<_>>(), [9]);
        w.wait(secs(20));
        assert_eq!(w.state(), State::Closing);
        w.flush();
        assert_eq!(w.cause(), Some(Cause::Timeout(Timeout::Pong)));
        assert_eq!(w.said_codes()[1..], ["close 1011"]);
        assert_eq!(w.heard(), ["text awake", "closed"]);
    }
}

#[test]
fn f7_keepalive_is_content_with_an_answer_and_does_not_tell_it() {
    for mut w in World::all(&config(|c| c.ping_interval = Some(secs(20)))) {
        for round in 0..5 {
            w.wait(secs(20));
            w.flush();
            assert_eq!(w.frames().len(), round + 1);
            let payload = w.frames()[round].payload.clone();
            w.feed(&w.peer.pong(&payload));
        }
        assert_eq!((w.state(), w.heard()), (State::Open, vec![]));
    }
}

#[test]
fn f8_idle_connection_is_closed_with_1001() {
    for mut w in World::all(&config(|c| c.idle_timeout = Some(secs(10)))) {
        w.wait(secs(9));
        assert_eq!((w.state(), w.due_ms()), (State::Open, Some(1000)));
        w.wait(secs(1));
        assert_eq!(w.state(), State::Closing);
        w.refused(SendRefusal::Closing);
        assert_eq!(w.said_codes(), ["close 1001"]);
        assert_eq!((w.conn.closed(), w.due_ms()), (None, Some(5000)), "it waits for the answer");
        w.feed(&w.peer.close(1001, ""));
        let sent = w.verdict().sent.expect("a Close of ours");
        let cause = Cause::Timeout(Timeout::Idle);
        assert_eq!(w.verdict(), Expect { cause, ..Expect::answered(sent, close(1001, "")) });
        assert_eq!(w.heard(), ["closed"]);
    }
}

// R7.1.1-06
#[test]
fn f9_no_progress_in_writing_is_a_reset() {
    for mut w in worlds() {
        w.queue("stuck");
        w.wait(secs(29));
        w.push(2);
        assert_eq!(w.due_ms(), Some(30_000), "progress restarts the clock");
        w.wait(secs(30));
        let expected = Expect::cause(Cause::Timeout(Timeout::Write));
        assert_eq!(w.verdict(), Expect { cut_out: true, unsent: (Some(0), 1, 5), ..expected });
        assert_eq!((w.state(), w.transport()), (State::Closed, Transport::Reset));
        assert_eq!((w.write(9), w.heard()), (0, vec!["closed".to_owned()]));
    }
}

#[test]
fn f9_unanswered_close_ends_without_a_drain() {
    for mut w in worlds() {
        w.close(1000, "");
        w.flush();
        w.wait(secs(5));
        assert_eq!((w.cause(), w.transport()), (Some(Cause::Timeout(Timeout::Close)), Transport::Close));
    }
}
