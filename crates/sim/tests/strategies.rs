//! The strategies, and with them what must hold of any stream of frames.

use std::time::Duration;

use adieu_core::{Close, Kind, Role};
use adieu_sim::strategy::{Stream, broken_streams, calls, pieces, plans, streams};
use adieu_sim::trace::{Call, Told, What};
use adieu_sim::{Collect, Network, Plan, Script, Setup, Step, Trace, replay};
use proptest::prelude::*;

/// An endpoint reads these pieces from a raw peer, which then waits for its end.
fn feed(receiver: Role, pieces: Vec<Vec<u8>>) -> Trace {
    let (setup, sender) = match receiver {
        Role::Client => (Setup::client(), Role::Server),
        Role::Server => (Setup::server(), Role::Client),
    };
    let writes =
        pieces.into_iter().flat_map(|piece| [Step::Write(piece), Step::Pause(Duration::from_millis(1))]);
    Network::new(1)
        .plan(Plan { capacity_len: 1 << 20, ..Plan::default() })
        .endpoint(setup.upgraded(), Collect)
        .peer(sender, writes.chain([Step::AwaitEnd, Step::Close]))
        .run(Duration::from_secs(10))
}

fn delivered(trace: &Trace, role: Role) -> Vec<(Kind, Vec<u8>)> {
    let message = |told: &Told| match told {
        Told::Message(kind, payload) => Some((*kind, payload.clone())),
        _ => None,
    };
    trace.told(role).filter_map(message).collect()
}

fn in_pieces(streams: impl Strategy<Value = Stream>) -> impl Strategy<Value = (Stream, Vec<Vec<u8>>)> {
    streams.prop_flat_map(|stream| {
        let pieces = pieces(stream.bytes.clone());
        (Just(stream), pieces)
    })
}

proptest! {
    #[test]
    fn a_whole_stream_is_delivered_wherever_it_is_cut(
        (stream, pieces) in in_pieces(streams(Role::Client)),
    ) {
        let trace = feed(Role::Server, pieces);
        prop_assert_eq!(delivered(&trace, Role::Server), stream.messages);
        prop_assert_eq!(trace.verdict(Role::Server), None);
    }

    #[test]
    fn a_broken_stream_fails_the_connection_with_its_code(
        (stream, pieces, receiver) in prop_oneof![
            in_pieces(broken_streams(Role::Client)).prop_map(|(stream, pieces)| (stream, pieces, Role::Server)),
            in_pieces(broken_streams(Role::Server)).prop_map(|(stream, pieces)| (stream, pieces, Role::Client)),
        ],
    ) {
        let trace = feed(receiver, pieces);
        prop_assert_eq!(delivered(&trace, receiver), stream.messages);
        let verdict = trace.verdict(receiver).expect("a verdict");
        prop_assert!(verdict.cause.starts_with("protocol violation"), "{}", verdict.cause);
        let code = verdict.sent.as_ref().map(Close::shown_code);
        prop_assert_eq!(code, stream.flaw.map(adieu_sim::strategy::Flaw::code));
        prop_assert!(verdict.flushed && !verdict.clean);
    }

    #[test]
    fn any_calls_on_any_network_end_once_and_can_be_replayed(
        seed in any::<u64>(), plan in plans(), own in calls(), theirs in calls(),
    ) {
        let script = |calls: Vec<(Duration, Call)>| {
            let script = calls.into_iter().fold(Script::new(), |script, (time, call)| script.at(time, call));
            script.at(Duration::from_secs(11), Call::CloseCutting(Close::EMPTY))
        };
        let trace = Network::new(seed)
            .plan(plan)
            .endpoint(Setup::client(), (Collect, script(own)))
            .endpoint(Setup::server(), (Collect, script(theirs)))
            .run(Duration::from_secs(600));
        for role in [Role::Client, Role::Server] {
            let verdicts = trace.of(role).filter(|record| matches!(record.what, What::Verdict(_)));
            prop_assert_eq!(verdicts.count(), 1);
            prop_assert_eq!(replay(&trace, role), Ok(()));
        }
        prop_assert_eq!(trace.to_string().parse(), Ok(trace));
    }
}
