//! A trace as text, as a diagram, and again as a run.

use std::time::Duration;

use adieu_core::deflate::Deflate;
use adieu_core::{Instant, Kind, Prepared, Role, Transport};
use adieu_sim::trace::{Call, Outcome, Record, Told, Wants, What};
use adieu_sim::{Collect, Echo, Network, Plan, Script, Setup, Step, Trace, replay};

const ASK: [&str; 3] = ["one", "\"two\"\n<&>", "\u{1F44B}"];

fn echo(seed: u64) -> Trace {
    let second = Duration::from_secs(1);
    let script = ASK.iter().fold(Script::new(), |script, text| script.at(5 * second, Call::text(text)));
    let setup = Setup { target: "/chat?room=a".into(), subprotocols: vec!["talk".into()], ..Setup::client() };
    Network::new(seed)
        .plan(Plan { faults: Vec::new(), ..Plan::rough(seed) })
        .endpoint(
            setup.config(|config| config.ping_interval = None),
            (Collect, script.at(20 * second, Call::close(1000, "bye"))),
        )
        .endpoint(
            Setup::server().config(|config| (config.send_high, config.send_low) = (1, 0)),
            Echo::default(),
        )
        .run(Duration::from_secs(100))
}

#[test]
fn an_echo_arrives_in_order_and_ends_clean_on_every_network_without_faults() {
    for seed in 0..200 {
        let trace = echo(seed);
        assert_eq!(trace.texts(Role::Client), ASK, "seed {seed}\n{}", trace.story());
        // The server ends the stream first, and nobody has to wait for a deadline.
        assert!(trace.of(Role::Client).any(|record| record.what == What::End), "seed {seed}");
        assert!(!trace.records.iter().any(|record| record.what == What::Timeout), "seed {seed}");
        for role in [Role::Client, Role::Server] {
            assert!(
                trace.verdict(role).is_some_and(|verdict| verdict.clean),
                "seed {seed}\n{}",
                trace.story()
            );
            assert_eq!(
                trace.of(role).filter(|record| record.what == What::Ask(Some(Told::Closed))).count(),
                1
            );
        }
    }
}

#[test]
fn a_trace_is_what_its_text_says() {
    for seed in 0..50 {
        let trace = echo(seed);
        let text = trace.to_string();
        assert_eq!(text.parse(), Ok(trace), "seed {seed}");
    }
}

#[test]
fn lines_that_are_no_records_are_refused() {
    let good = "1.500000000 server call send text \"a\\x00\\\"b\" number 7";
    let record: Record = good.parse().expect("a record");
    assert_eq!(record.to_string(), good);
    assert!(matches!(&record.what, What::Call(Call::Send(Kind::Text, payload), _) if payload == b"a\0\"b"));
    for bad in [
        "",
        "1.5 server end",
        "1.500000000 nobody end",
        "1.500000000 server end of all",
        &good[..good.len() - 1],
        "1.500000000 server read \"a",
        "1.500000000 server wants input true output false deadline 5",
        "1.500000000 server wants deadline 5.000000000",
    ] {
        assert!(bad.parse::<Record>().is_err(), "{bad}");
    }
}

#[test]
fn a_replay_of_the_same_is_the_same() {
    for seed in 0..50 {
        for role in [Role::Client, Role::Server] {
            assert_eq!(replay(&echo(seed), role), Ok(()), "seed {seed}");
        }
    }
}

/// Changes the first record of `role` that `pick` chooses, and finds out where the replay differs.
fn differs(role: Role, pick: impl Fn(&mut What) -> bool) -> usize {
    let mut trace = echo(1);
    let mut records = trace.records.iter_mut().filter(|record| record.role == role);
    let changed = records.position(|record| pick(&mut record.what)).expect("something to change");
    let difference = replay(&trace, role).expect_err("a difference");
    assert!(difference.index >= changed, "{difference}");
    difference.index - changed
}

#[test]
fn a_replay_says_where_it_differs_first() {
    let verdict = |what: &mut What| {
        let What::Verdict(verdict) = what else { return false };
        verdict.clean = false;
        true
    };
    assert_eq!(differs(Role::Client, verdict), 0);
    let commit = |what: &mut What| {
        let What::Commit(bytes) = what else { return false };
        bytes[0] ^= 1;
        true
    };
    assert_eq!(differs(Role::Server, commit), 0);
    // What is read differs in what follows from it.
    let read = |what: &mut What| {
        let What::Read(bytes) = what else { return false };
        bytes[0] = b'X';
        true
    };
    assert!(differs(Role::Server, read) > 0);
}

#[test]
fn a_replay_knows_the_configuration_and_the_masking_keys() {
    let mut trace = echo(1);
    trace.setups[0].entropy ^= 1;
    assert!(replay(&trace, Role::Client).is_err());
    let mut trace = echo(1);
    trace.setups[1].config.max_message_len = 1;
    assert!(replay(&trace, Role::Server).is_err());
}

/// A server that closes at once, and is not answered (CLOSE.md B5).
fn unanswered() -> Trace {
    let setup = Setup::server().upgraded().config(|config| config.ping_interval = None);
    Network::new(1)
        .endpoint(setup, Script::new().at(Duration::ZERO, Call::close(1000, "bye")))
        .peer(Role::Client, [Step::AwaitEnd])
        .run(Duration::from_secs(100))
}

#[test]
fn what_is_wanted_of_the_driver_is_recorded_when_it_changes() {
    let trace = unanswered();
    let wants = trace.of(Role::Server).filter_map(|record| match &record.what {
        What::Wants(wants) => Some((record.at, wants.clone())),
        _ => None,
    });
    let secs = |secs| Instant::EPOCH + Duration::from_secs(secs);
    let wants_then = |at, input, output, deadline: Option<u64>| {
        (secs(at), Wants { input, output, deadline: deadline.map(secs) })
    };
    let expected = [
        wants_then(0, true, false, None),
        // The Close is queued: 30 s for any progress, before the 60 s for the whole end.
        wants_then(0, true, true, Some(30)),
        // It is written: 5 s for the answer.
        wants_then(0, true, false, Some(5)),
        wants_then(5, false, false, None),
    ];
    assert_eq!(wants.collect::<Vec<_>>(), expected, "{trace}");
}

/// At its recorded time a deadline has passed as well if it was due earlier: only the record of it tells.
#[test]
fn a_deadline_that_comes_earlier_is_a_difference() {
    let mut trace = unanswered();
    assert_eq!(replay(&trace, Role::Server), Ok(()));
    trace.setups[0].config.close_timeout = Duration::from_secs(1);
    let difference = replay(&trace, Role::Server).expect_err("a difference");
    let deadline = |record: Option<Record>| match record.map(|record| record.what) {
        Some(What::Wants(wants)) => wants.deadline.map(|at| at.since(Instant::EPOCH).as_secs()),
        _ => None,
    };
    assert_eq!((deadline(difference.expected), deadline(difference.found)), (Some(5), Some(1)));
}

#[test]
fn a_trace_that_does_not_say_what_is_wanted_is_told_and_replayed_without() {
    let mut trace = echo(1);
    let (story, svg) = (trace.story(), trace.svg());
    trace.records.retain(|record| !matches!(record.what, What::Wants(_)));
    assert_eq!((trace.story(), trace.svg()), (story, svg));
    for role in [Role::Client, Role::Server] {
        assert!(!trace.tells_wants(role) && echo(1).tells_wants(role));
        assert_eq!(replay(&trace, role), Ok(()));
    }
    trace.records.retain(|record| !matches!(record.what, What::Verdict(_)));
    assert!(replay(&trace, Role::Client).is_err());
}

#[test]
fn a_story_begins_with_the_seed_of_its_run() {
    let mut trace = echo(77);
    let story = trace.story();
    assert!(story.starts_with("seed 77\n"), "{story}");
    trace.seed = None;
    assert!(story.ends_with(&trace.story()) && !trace.story().contains("seed"), "{story}");
    assert_eq!(trace.to_string().parse(), Ok(trace));
}

#[test]
fn messages_that_are_prepared_or_not_to_be_compressed_are_sent_so() {
    let sends = |port: &mut adieu_sim::Port<'_>, event| {
        if let adieu_core::Event::Open(_) = event {
            assert!(port.send_prepared(&Prepared::text("so so so so")).is_ok());
            assert!(port.send_uncompressed("so so so so").is_ok());
            assert!(port.send("so so so so").is_ok());
        }
    };
    let deflate = |setup: Setup| {
        setup.config(|config| {
            let deflate = config.deflate.insert(Deflate::default());
            deflate.threshold = 0;
        })
    };
    let script = Script::new().at(Duration::from_secs(1), Call::close(1000, ""));
    let trace = Network::new(1)
        .endpoint(deflate(Setup::client()), (sends, script))
        .endpoint(deflate(Setup::server()), Collect)
        .run(Duration::from_secs(10));
    assert_eq!(trace.texts(Role::Server), ["so so so so"; 3]);
    let text: Trace = trace.to_string().parse().expect("a trace");
    assert_eq!((replay(&text, Role::Client), &text), (Ok(()), &trace));
    let tickets = trace.of(Role::Client).filter(|record| {
        matches!(
            record.what,
            What::Call(Call::SendPrepared(..) | Call::SendUncompressed(..), Outcome::Number(_))
        )
    });
    assert_eq!(tickets.count(), 2);
    // What is compressed is told as it was before.
    let told = |words: &str| trace.story().lines().filter(|line| line.contains(words)).count();
    assert_eq!((told("> text \"so so so so\""), told("> compressed text \"so so so so\"")), (2, 1));
}

#[test]
fn a_story_tells_frames_events_and_the_verdict() {
    let story = echo(1).story();
    for part in [
        "client > GET /chat?room=a HTTP/1.1", "server > HTTP/1.1 101", "client | send text \"one\" = 0",
        "server < text \"one\"", "client > Close 1000 \"bye\"", "server * verdict: clean",
    ] {
        assert!(story.contains(part), "{part} is not in\n{story}");
    }
}

#[test]
fn a_diagram_draws_every_frame_and_marks_what_is_lost() {
    let trace = echo(1);
    let svg = trace.svg();
    let sent = trace.story().lines().filter(|line| line.contains(" > ")).count();
    assert_eq!(svg.matches("class=\"frame\"").count(), sent);
    assert_eq!(svg.matches("class=\"lost\"").count(), 0);
    assert!(svg.starts_with("<svg xmlns=") && svg.ends_with("</svg>\n"));
    let lost = Network::new(1)
        .endpoint(Setup::client().upgraded(), Script::new().at(Duration::ZERO, Call::text("<lost>")))
        .peer(Role::Server, [Step::Reset])
        .run(Duration::from_secs(1));
    let svg = lost.svg();
    assert_eq!(svg.matches("class=\"lost\"").count(), 1);
    assert!(svg.contains("Server (raw peer)") && svg.contains("&lt;lost&gt;") && !svg.contains("<lost>"));
}

#[test]
fn a_raw_peer_that_answers_nothing_meets_the_deadlines() {
    let trace = Network::new(1)
        .endpoint(Setup::server().upgraded(), Script::new().at(Duration::ZERO, Call::close(1000, "bye")))
        .peer(Role::Client, [Step::AwaitEnd])
        .run(Duration::from_secs(100));
    assert_eq!(trace.verdict(Role::Server).expect("a verdict").cause, "close timeout");
    let last = trace.of(Role::Server).rev_level();
    assert_eq!(last, Some(Transport::Close));
}

trait Levels {
    fn rev_level(self) -> Option<Transport>;
}

impl<'t, I: Iterator<Item = &'t Record>> Levels for I {
    fn rev_level(self) -> Option<Transport> {
        self.filter_map(|record| match record.what {
            What::Level(level) => Some(level),
            _ => None,
        })
        .last()
    }
}
