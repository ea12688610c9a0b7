//! Ends that come while something is half written.

use adieu_core::{Cause, State, Timeout, Violation};

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
