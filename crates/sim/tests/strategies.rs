//! The strategies, and with them what must hold of any stream of frames.

use std::time::Duration;

use adieu_core::deflate::Deflate;
use adieu_core::{Close, Event, Initiator, Kind, Role};
use adieu_sim::strategy::{
    Stream, broken_compressed_streams, broken_streams, calls, closing_streams, compressed_streams, deflates,
    messages, pieces, plans, streams,
};
use adieu_sim::trace::{Call, Told, What};
use adieu_sim::wire::{Decoder, Item};
use adieu_sim::{Collect, Network, Plan, Port, Script, Setup, Step, Trace, replay};
use proptest::prelude::*;

/// An endpoint reads these pieces from a raw peer, which then waits for its end.
fn feed(receiver: Role, pieces: Vec<Vec<u8>>) -> Trace {
    let (setup, sender) = match receiver {
        Role::Client => (Setup::client(), Role::Server),
        Role::Server => (Setup::server(), Role::Client),
    };
    run(setup.upgraded(), sender, pieces)
}

/// A server that takes compressed messages reads these pieces.
fn feed_compressed(pieces: Vec<Vec<u8>>) -> Trace {
    const REQUEST: &[u8] =
        b"GET / HTTP/1.1\r\nHost: sim.example\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
        Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\
        Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n";
    let setup = Setup::server().config(|config| config.deflate = Some(Deflate::default()));
    run(setup, Role::Client, [vec![REQUEST.to_vec()], pieces].concat())
}

fn run(setup: Setup, sender: Role, pieces: Vec<Vec<u8>>) -> Trace {
    let writes =
        pieces.into_iter().flat_map(|piece| [Step::Write(piece), Step::Pause(Duration::from_millis(1))]);
    Network::new(1)
        .plan(Plan { capacity_len: 1 << 20, ..Plan::default() })
        .endpoint(setup, Collect)
        .peer(sender, writes.chain([Step::AwaitEnd, Step::Close]))
        .run(Duration::from_secs(10))
}

/// It was failed with the code of the stream's flaw, behind everything before that.
fn assert_failed(trace: &Trace, receiver: Role, stream: Stream) -> Result<(), TestCaseError> {
    prop_assert_eq!(delivered(trace, receiver), stream.messages);
    let verdict = trace.verdict(receiver).expect("a verdict");
    prop_assert!(verdict.cause.starts_with("protocol violation"), "{}", verdict.cause);
    let code = verdict.sent.as_ref().map(Close::shown_code);
    prop_assert_eq!(code, stream.flaw.map(adieu_sim::strategy::Flaw::code));
    prop_assert!(verdict.flushed && !verdict.clean);
    Ok(())
}

fn compressed_frames(trace: &Trace, receiver: Role, bytes: &[u8]) -> usize {
    let upgraded = trace.setups.iter().any(|setup| setup.upgraded);
    let items = Decoder::new(receiver, upgraded).push(bytes);
    items.iter().filter(|item| matches!(item, Item::Frame(header, _) if header.rsv1)).count()
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
        assert_failed(&feed(receiver, pieces), receiver, stream)?;
    }

    #[test]
    fn a_close_is_answered_with_the_same_and_what_is_behind_it_is_not_read(
        (stream, pieces, receiver) in prop_oneof![
            in_pieces(closing_streams(Role::Client)).prop_map(|(stream, pieces)| (stream, pieces, Role::Server)),
            in_pieces(closing_streams(Role::Server)).prop_map(|(stream, pieces)| (stream, pieces, Role::Client)),
        ],
    ) {
        let trace = feed(receiver, pieces);
        prop_assert_eq!(delivered(&trace, receiver), stream.messages);
        let verdict = trace.verdict(receiver).expect("a verdict");
        prop_assert!(verdict.clean, "{}", verdict.cause);
        prop_assert_eq!(verdict.initiator, Some(Initiator::Peer));
        prop_assert_eq!([&verdict.sent, &verdict.received], [&stream.close; 2]);
    }

    #[test]
    fn a_compressed_stream_is_delivered_wherever_it_is_cut(
        (stream, pieces) in in_pieces(compressed_streams(Role::Client)),
    ) {
        let trace = feed_compressed(pieces);
        prop_assert_eq!(delivered(&trace, Role::Server), stream.messages);
        prop_assert_eq!(trace.verdict(Role::Server), None);
    }

    #[test]
    fn a_broken_compressed_stream_fails_the_connection_with_its_code(
        (stream, pieces) in in_pieces(broken_compressed_streams(Role::Client)),
    ) {
        assert_failed(&feed_compressed(pieces), Role::Server, stream)?;
    }

    #[test]
    fn messages_arrive_unchanged_however_they_are_compressed(
        seed in any::<u64>(), plan in plans(), ours in deflates(), theirs in deflates(),
        sent in prop::collection::vec(messages(), 0..6),
    ) {
        let calm = plan.faults.is_empty();
        // A window of 8 bits is one that zlib does not have.
        let long = |deflate: &Deflate| {
            sent.iter().filter(|(_, payload)| payload.len() >= deflate.threshold).count()
        };
        let compressed_count = ours.as_ref().filter(|_| theirs.is_some()).map_or(0, long);
        let calls = sent.iter().map(|(kind, payload)| Call::Send(*kind, payload.clone()));
        let script = calls.fold(Script::new(), |script, call| script.at(Duration::from_secs(5), call));
        let script = script.at(Duration::from_secs(60), Call::close(1000, "bye"));
        let trace = Network::new(seed)
            .plan(plan)
            .endpoint(Setup::client().config(|config| config.deflate = ours), (Collect, script))
            .endpoint(Setup::server().config(|config| config.deflate = theirs), Collect)
            .run(Duration::from_secs(600));
        let delivered = delivered(&trace, Role::Server);
        prop_assert!(sent.starts_with(&delivered), "{}", trace.story());
        if calm {
            prop_assert_eq!(delivered.len(), sent.len(), "{}", trace.story());
            let written = trace.written(Role::Client);
            prop_assert_eq!(compressed_frames(&trace, Role::Server, &written), compressed_count);
        }
    }

    #[test]
    fn any_calls_on_any_network_end_once_and_can_be_replayed(
        seed in any::<u64>(), plan in plans(), own in calls(), theirs in calls(), accepts in any::<bool>(),
        deflates in (deflates(), deflates()),
    ) {
        // What accepts at once leaves nothing to the calls that answer a request.
        let serving = move |port: &mut Port<'_>, event: Event<'static>| {
            if accepts && matches!(event, Event::Request(_)) {
                let _refusal = port.accept(None);
            }
        };
        let script = |calls: Vec<(Duration, Call)>| {
            let script = calls.into_iter().fold(Script::new(), |script, (time, call)| script.at(time, call));
            script.at(Duration::from_secs(11), Call::CloseCutting(Close::EMPTY))
        };
        let trace = Network::new(seed)
            .plan(plan)
            .endpoint(Setup::client().config(|config| config.deflate = deflates.0), (Collect, script(own)))
            .endpoint(Setup::server().config(|config| config.deflate = deflates.1), (serving, script(theirs)))
            .run(Duration::from_secs(600));
        for role in [Role::Client, Role::Server] {
            let verdicts = trace.of(role).filter(|record| matches!(record.what, What::Verdict(_)));
            prop_assert_eq!(verdicts.count(), 1);
            prop_assert_eq!(replay(&trace, role), Ok(()));
        }
        prop_assert_eq!(trace.to_string().parse(), Ok(trace));
    }
}
