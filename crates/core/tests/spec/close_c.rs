//! The transport ends: CLOSE.md section 3, rows C1 to C10.

use crate::common;

use adieu_core::handshake::Accept;
use adieu_core::{Cause, Initiator, Role, SendRefusal, State, Transport, TransportError};
use common::{BOTH, Expect, Peer, World, close, config, request, response_to, secs};

fn worlds() -> Vec<World> {
    World::all(&config(|_| ()))
}

fn end_of_stream(inside_frame: bool) -> Cause {
    Cause::EndOfStream { inside_frame }
}

// R7.1.7-07, R7.2.1-02
#[test]
fn c1_end_of_stream_in_open_decides_at_once_and_sends_no_close() {
    for mut w in worlds() {
        w.queue("first");
        w.queue("lost");
        w.queue("lost too");
        w.push(if w.role == Role::Server { 2 + 5 + 3 } else { 6 + 5 + 7 });
        w.eof();
        assert_eq!((w.state(), w.transport()), (State::Closed, Transport::Close));
        w.refused(SendRefusal::Ended);
        let expected = Expect::cause(end_of_stream(false));
        assert_eq!(w.verdict(), Expect { cut_out: true, unsent: (Some(1), 2, 12), ..expected });
        let wire = w.wire.len();
        w.flush();
        assert_eq!(w.wire.len(), wire, "nothing more is written");
        assert_eq!(w.heard(), ["closed"]);
    }
}

#[test]
fn c1_end_of_stream_with_nothing_queued_loses_nothing() {
    for mut w in worlds() {
        w.queue("sent");
        w.flush();
        w.eof();
        assert_eq!(w.verdict(), Expect::cause(end_of_stream(false)));
        assert_eq!(w.said(), ["text sent"]);
    }
}

#[test]
fn c2_end_of_stream_inside_a_frame_is_told_apart() {
    for role in BOTH {
        for frame in
            [Peer::of(role).binary(&[7; 200]), Peer::of(role).ping("ping"), Peer::of(role).close(1000, "")]
        {
            for len in 1..frame.len() {
                let mut w = World::open(role, &config(|_| ()));
                w.feed(&w.peer.text("whole"));
                w.feed(&frame[..len]);
                w.eof();
                assert_eq!(w.cause(), Some(end_of_stream(true)), "{len} of {frame:?}");
                assert_eq!(w.heard(), ["text whole", "closed"]);
                assert_eq!(w.said(), [""; 0]);
                let verdict = w.verdict();
                let payload_begun = len + 200 > frame.len() && frame.len() > 200;
                assert!(verdict.cut_in || !payload_begun, "{len} of {frame:?}");
                let cut_in = verdict.cut_in && frame[0] & 0x0F == 2;
                let undelivered = verdict.undelivered;
                let expected = Expect { cut_in, undelivered, ..Expect::cause(end_of_stream(true)) };
                assert_eq!(verdict, expected, "a control frame is no message");
            }
        }
    }
}

#[test]
fn c3_end_of_stream_inside_a_fragmented_message_cuts_in() {
    for inside_frame in [false, true] {
        for mut w in worlds() {
            w.feed(&[w.peer.start("on"), w.peer.middle("e ")].concat());
            if inside_frame {
                w.feed(&w.peer.last("two")[..4]);
            }
            w.eof();
            let undelivered = w.verdict().undelivered;
            let expected = Expect::cause(end_of_stream(inside_frame));
            assert_eq!(w.verdict(), Expect { cut_in: true, undelivered, ..expected });
            assert_eq!(w.heard(), ["closed"]);
        }
    }
}

#[test]
fn c4_messages_come_before_the_end_of_stream_behind_them() {
    for mut w in worlds() {
        w.ahead(&[w.peer.text("a"), w.peer.text("b")].concat());
        w.eof();
        assert_eq!(w.state(), State::Closed);
        assert_eq!(w.heard(), ["text a", "text b", "closed"]);
        assert_eq!(w.verdict(), Expect::cause(end_of_stream(false)));
    }
}

// R7.2.1-02
#[test]
fn c5_reset_in_open_is_a_reset() {
    for mut w in worlds() {
        w.queue("lost");
        w.ahead(&w.peer.text("kept"));
        w.reset();
        assert_eq!(w.state(), State::Closed);
        assert!(w.transport() >= Transport::Close);
        assert_eq!(w.verdict(), Expect { unsent: (Some(0), 1, 4), ..Expect::cause(Cause::Reset) });
        w.refused(SendRefusal::Ended);
        assert_eq!(w.heard(), ["text kept", "closed"]);
        assert_eq!(w.write(100), 0);
    }
}

#[test]
fn c5_reset_that_the_write_learns_first_outranks_the_end_of_stream() {
    for mut w in worlds() {
        w.queue("lost");
        w.write_error();
        assert_eq!((w.conn.closed(), w.transport()), (None, Transport::Open));
        assert_eq!(w.send("no").map_err(|error| error.message), Err("no".into()));
        assert!(w.conn.wants_input(), "reading goes on");
        w.feed(&w.peer.text("arrived before"));
        w.eof();
        assert_eq!(w.verdict(), Expect { unsent: (Some(0), 1, 4), ..Expect::cause(Cause::Reset) });
        assert_eq!(w.heard(), ["text arrived before", "closed"]);
        assert_eq!(w.write(100), 0);
    }
}

#[test]
fn c6_close_then_reset_before_our_echo_keeps_what_was_received() {
    for mut w in worlds() {
        w.feed(&w.peer.close(1000, "bye"));
        w.push(1);
        w.reset();
        let (flushed, clean, cause) = (false, false, Cause::Reset);
        let expected = Expect { flushed, clean, cause, ..Expect::echoed(close(1000, "bye")) };
        assert_eq!(w.verdict(), expected);
        assert_eq!(w.heard(), ["closing", "closed"]);
        assert_eq!(w.conn.peer_close(), Some(&close(1000, "bye")));
    }
}

#[test]
fn c6_close_then_a_write_error_before_our_echo_keeps_what_was_received() {
    for mut w in worlds() {
        w.feed(&w.peer.close(1000, "bye"));
        w.write_error();
        w.wait(secs(2));
        let (flushed, clean, cause) = (false, false, Cause::Reset);
        let expected = Expect { flushed, clean, cause, ..Expect::echoed(close(1000, "bye")) };
        assert_eq!(w.verdict(), expected);
        assert_eq!(w.heard(), ["closing", "closed"]);
    }
}

#[test]
fn c6_noted_close_then_reset_takes_effect_and_keeps_what_was_received() {
    for mut w in worlds() {
        w.ahead(&[w.peer.text("last"), w.peer.close(1000, "bye")].concat());
        assert_eq!(w.state(), State::Open);
        w.reset();
        let verdict = w.verdict();
        assert_eq!((verdict.cause, verdict.clean, verdict.flushed), (Cause::Reset, false, false));
        assert_eq!(verdict.received, Some(close(1000, "bye")));
        assert_eq!(verdict.initiator, Some(Initiator::Peer));
        let heard = w.heard();
        assert_eq!(heard.first().map(String::as_str), Some("text last"));
        assert_eq!(heard.last().map(String::as_str), Some("closed"));
    }
}

#[test]
fn c7_close_then_end_of_stream_with_the_echo_delivered_is_clean() {
    for mut w in worlds() {
        w.feed(&w.peer.close(1000, "bye"));
        w.eof();
        assert_eq!((w.state(), w.transport()), (State::Closing, Transport::Open));
        assert_eq!(w.said(), ["close 1000 bye"]);
        assert_eq!(w.verdict(), Expect::echoed(close(1000, "bye")));
        assert_eq!(w.transport(), Transport::Close, "nothing more is waited for");
        assert_eq!(w.heard(), ["closing", "closed"]);
    }
}

#[test]
fn c7_queue_still_goes_out_behind_a_close_and_an_end_of_stream() {
    for mut w in worlds() {
        w.queue("on its way");
        w.feed(&w.peer.close(1000, "bye"));
        w.eof();
        w.flush_by(2);
        assert_eq!(w.said(), ["text on its way", "close 1000 bye"]);
        assert_eq!(w.verdict(), Expect::echoed(close(1000, "bye")));
    }
}

#[test]
fn c8_truncation_is_told_apart_in_open_and_in_closing() {
    for mut w in worlds() {
        w.ahead(&w.peer.text("kept"));
        w.read_error(TransportError::Truncated);
        assert_eq!(w.verdict(), Expect::cause(Cause::Truncated));
        assert_eq!(w.heard(), ["text kept", "closed"]);
        assert!(w.transport() >= Transport::Close);
    }
    for mut w in worlds() {
        w.close(1000, "bye");
        w.flush();
        w.read_error(TransportError::Truncated);
        assert_eq!(w.verdict(), Expect::unanswered(close(1000, "bye"), true, Cause::Truncated));
    }
}

#[test]
fn c8_reset_that_the_write_learns_first_outranks_the_truncation() {
    for mut w in worlds() {
        w.queue("lost");
        w.write_error();
        w.read_error(TransportError::Truncated);
        assert_eq!(w.verdict(), Expect { unsent: (Some(0), 1, 4), ..Expect::cause(Cause::Reset) });
    }
}

/// What can end a stream.
#[derive(Clone, Copy, Debug)]
enum End {
    Eof,
    Reset,
    Truncated,
    WriteError,
}

const ENDS: [End; 4] = [End::Eof, End::Reset, End::Truncated, End::WriteError];

impl End {
    fn happens(self, w: &mut World) {
        match self {
            Self::Eof => w.eof(),
            Self::Reset => w.reset(),
            Self::Truncated => w.read_error(TransportError::Truncated),
            Self::WriteError => w.write_error(),
        }
    }
}

/// About 300 bytes from the peer, the opening handshake first and a Close last.
fn exchange(role: Role) -> (World, Vec<u8>) {
    let config = config(|_| ());
    let (w, head) = match role {
        Role::Server => (World::any_server(&config), request(&[])),
        Role::Client => {
            let mut w = World::any_client(&config);
            let request = w.take_request();
            (w, response_to(&request, &["X-Padding: 0123456789012345678901234567890123456789"]))
        }
    };
    let p = w.peer;
    let frames = [p.text("hello"), p.ping("x"), p.start("a"), p.pong("y"), p.last("b")].concat();
    let all = [head, frames, p.binary(&[1; 60]), p.close(1000, "good bye")].concat();
    assert!(all.len() > 250);
    (w, all)
}

/// One verdict within the bound, told once, whatever the application does not do.
fn check_one_verdict(w: &mut World, what: &str) {
    w.flush();
    w.wait(secs(60));
    assert_eq!(w.state(), State::Closed, "{what}");
    assert!(w.transport() >= Transport::Close, "{what}");
    let heard = w.heard();
    assert_eq!(heard.iter().filter(|event| *event == "closed").count(), 1, "{what}");
    assert_eq!(heard.last().map(String::as_str), Some("closed"), "{what}");
}

#[test]
fn c9_end_at_every_byte_of_an_exchange_is_one_verdict() {
    for (role, end) in BOTH.into_iter().flat_map(|role| ENDS.map(|end| (role, end))) {
        let len = exchange(role).1.len();
        for cut in 0..=len {
            let (mut w, bytes) = exchange(role);
            w.feed(&bytes[..cut]);
            let asked = w.conn.accept(w.now, &Accept::new());
            w.feed(b""); // Asks for what was held behind the head.
            end.happens(&mut w);
            let what = format!("{role:?}, {end:?} after {cut}, accept: {asked:?}");
            check_one_verdict(&mut w, &what);
            let clean = w.verdict().clean;
            assert!(!clean || cut == len, "{what}");
        }
    }
}

#[test]
fn c9_end_in_every_state_is_one_verdict() {
    type Prepare = fn(&mut World);
    let states: [Prepare; 9] = [
        |_| (),
        |w| w.ahead(&[w.peer.text("x"), w.peer.close(1000, "")].concat()),
        |w| w.ahead(&[w.peer.text("x"), w.peer.frame(3, "").bytes()].concat()),
        |w| w.close(1000, ""),
        |w| {
            w.close(1000, "");
            w.flush();
        },
        |w| w.feed(&w.peer.close(1000, "")),
        |w| w.feed(&w.peer.frame(3, "").bytes()),
        |w| w.write_error(),
        |w| {
            w.feed(&w.peer.close(1000, ""));
            w.flush();
        },
    ];
    for (n, prepare) in states.into_iter().enumerate() {
        for (first, second) in ENDS.into_iter().flat_map(|end| ENDS.map(|other| (end, other))) {
            for mut w in worlds() {
                prepare(&mut w);
                first.happens(&mut w);
                second.happens(&mut w);
                check_one_verdict(&mut w, &format!("state {n}, {first:?}, {second:?}"));
            }
        }
    }
}

#[test]
fn c10_what_comes_after_the_verdict_leaves_it_as_it_is() {
    for end in ENDS {
        for mut w in worlds() {
            w.feed(&w.peer.close(1000, "bye"));
            w.flush();
            assert_eq!(w.verdict(), Expect::echoed(close(1000, "bye")));
            w.feed(&[0xFF; 40]);
            end.happens(&mut w);
            w.feed(&w.peer.frame(3, "").bytes());
            w.wait(secs(100));
            assert_eq!(w.verdict(), Expect::echoed(close(1000, "bye")));
            assert_eq!(w.heard(), ["closing", "closed"]);
            assert_eq!(w.transport().max(Transport::Close), w.transport());
            assert_eq!(w.said(), ["close 1000 bye"]);
        }
    }
}
