//! Ends that come while something is half written.

use adieu_core::{Cause, Role, State, Timeout, Violation};

use crate::common::{BOTH, Expect, World, close, config, secs};

fn worlds() -> impl Iterator<Item = World> {
    BOTH.into_iter().map(|role| World::open(role, &config(|_| {})))
}

#[test]
fn rule2_pong_that_is_half_written_when_the_close_comes_is_written_whole() {
    for mut w in worlds() {
        w.close(1000, "");
        w.flush();
        w.feed(&w.peer.ping("hello"));
        w.write(2);
        w.feed(&w.peer.close(1000, ""));
        assert_eq!(w.state(), State::Closing);
        assert_eq!(w.said(), ["close 1000", "pong hello"]);
        assert_eq!(w.verdict(), Expect::answered(close(1000, ""), close(1000, "")));
    }
}

#[test]
fn rule2_pong_behind_a_close_that_is_half_written_is_written() {
    for mut w in worlds() {
        w.close(1000, "");
        w.write(1);
        w.feed(&[w.peer.ping("hello"), w.peer.close(1000, "")].concat());
        assert_eq!(w.said(), ["close 1000", "pong hello"]);
        assert_eq!(w.verdict(), Expect::answered(close(1000, ""), close(1000, "")));
    }
}

#[test]
fn violation_while_closing_is_the_cause_whatever_passes_then() {
    for mut w in worlds() {
        w.close(1000, "");
        w.feed(&[0x83]);
        w.wait(secs(100));
        assert_eq!(w.cause(), Some(Cause::Violation(Violation::Opcode(3))));
    }
}

#[test]
fn timeout_before_a_violation_is_the_cause() {
    for role in BOTH {
        let mut w = World::open(role, &config(|c| c.idle_timeout = Some(secs(5))));
        w.wait(secs(5));
        w.feed(&[0x83]);
        w.flush();
        assert_eq!(w.cause(), Some(Cause::Timeout(Timeout::Idle)));
    }
}

#[test]
fn rule8_keepalive_ping_that_an_end_forestalls_leaves_no_write_deadline() {
    for role in BOTH {
        let change = config(|c| (c.ping_interval, c.close_linger) = (Some(secs(1)), secs(50)));
        let mut w = World::open(role, &change);
        w.wait(secs(1));
        w.ahead(&[w.peer.text("unread"), w.peer.close(1000, "bye")].concat());
        assert_eq!(w.due_ms(), Some(50_000));
        w.wait(secs(40));
        assert_eq!(w.state(), State::Open);
        assert_eq!(w.heard(), ["text unread", "closing"]);
        assert_eq!(w.due_ms(), Some(20_000), "the closing bound; the echo may take 30 s from now");
        assert_eq!(w.said(), ["close 1000 bye"]);
    }
}

#[test]
fn message_of_which_only_an_empty_fragment_is_written_is_cut() {
    for mut w in worlds() {
        w.fragment("", false);
        w.flush();
        w.fragment("", true);
        w.eof();
        let verdict = w.verdict();
        assert!(verdict.cut_out, "{verdict:?}");
        assert_eq!(verdict.unsent.1, 1);
    }
}

#[test]
fn message_of_empty_fragments_that_are_all_written_is_not_cut() {
    for mut w in worlds() {
        w.fragment("", false);
        w.push(2);
        w.fragment("", true);
        w.flush();
        w.queue("another");
        w.eof();
        let verdict = w.verdict();
        assert_eq!((verdict.cut_out, verdict.unsent.1), (false, 1), "{verdict:?}");
    }
}

#[test]
fn rule6_without_a_linger_a_close_behind_messages_takes_effect_at_once() {
    for role in BOTH {
        let mut w = World::open(role, &config(|c| c.close_linger = secs(0)));
        w.ahead(&[w.peer.text("one"), w.peer.close(1000, "bye")].concat());
        assert_eq!(w.state(), State::Closing);
        assert_eq!(w.said(), ["close 1000 bye"]);
        assert_eq!(w.heard(), ["text one", "closing", "closed"]);
    }
}

#[test]
fn message_of_which_one_fragment_is_written_and_others_wait_is_cut() {
    for mut w in worlds() {
        let header_len = if w.role == Role::Client { 6 } else { 2 };
        w.fragment("one ", false);
        w.fragment("two", true);
        w.queue("another");
        w.push(header_len + 4);
        w.reset();
        let expected = Expect { cut_out: true, unsent: (Some(0), 2, 14), ..Expect::cause(Cause::Reset) };
        assert_eq!(w.verdict(), expected);
    }
}

#[test]
fn message_that_is_written_is_not_cut_by_those_that_wait_behind_it() {
    for mut w in worlds() {
        let header_len = if w.role == Role::Client { 6 } else { 2 };
        w.queue("one");
        w.queue("two");
        w.push(1);
        w.push(header_len + 2);
        w.reset();
        assert_eq!(w.verdict(), Expect { unsent: (Some(1), 1, 3), ..Expect::cause(Cause::Reset) });
    }
}

#[test]
fn bytes_of_a_message_that_was_never_finished_are_unsent_also_those_that_were_written() {
    for mut w in worlds() {
        w.queue("before");
        w.fragment("four", false);
        w.flush();
        w.fragment("and six", false);
        w.flush();
        w.reset();
        let expected = Expect { cut_out: true, unsent: (Some(1), 1, 11), ..Expect::cause(Cause::Reset) };
        assert_eq!(w.verdict(), expected);
    }
}

#[test]
fn nothing_waits_to_be_written_after_the_verdict() {
    for mut w in worlds() {
        w.queue("lost");
        w.reset();
        assert_eq!((w.conn.buffered(), w.conn.wants_output()), (0, false));
    }
}
