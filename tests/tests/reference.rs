//! The core agrees with the reference model, whatever happens in whatever order.

use std::collections::BTreeMap;
use std::time::Duration;

use adieu_core::lifecycle::Phase;
use adieu_core::{Config, Kind, Role};
use adieu_fuzz_bodies::reference::{Difference, Flaw, Script, Step, run};

/// All that scripts from OPEN on can reach, beside the phases.
const WANTED: &str = "\
    state: Open|state: Closing|state: Closed|\
    cause: Handshake|cause: Failed|cause: Reset|cause: Truncated|cause: Aborted|\
    cause: EndOfStream { inside_frame: false }|cause: EndOfStream { inside_frame: true }|\
    cause: Timeout(Write)|cause: Timeout(Close)|cause: Timeout(Closing)|cause: Timeout(Pong)|cause: Timeout(Idle)|\
    cause: ReservedBits|cause: Opcode|cause: FragmentedControl|cause: ControlLength|cause: LengthNotMinimal|\
    cause: LengthTopBit|cause: NotMasked|cause: Masked|cause: ContinuationWithoutStart|cause: MessageInsideMessage|\
    cause: TextUtf8|cause: CloseLength|cause: CloseCode|cause: CloseReasonUtf8|cause: FrameTooLong|\
    cause: MessageTooLong|cause: TooManyFragments|\
    Err(Full)|Err(MessageUnfinished)|Err(WrongKind)|Err(Closing)|Err(PeerClosed)|Err(Failed)|Err(Ended)|Err(Already)|\
    Err(TooMany)|Err(TooLong)|Err(Refused(Closing))|Err(Refused(PeerClosed))|Err(Refused(Failed))|Err(Refused(Ended))|\
    told: Message|told: Closing|told: Pong|told: Drained|told: Closed|reading paused|a Pong while CLOSING|\
    clean, initiator Some(Local)|clean, initiator Some(Peer)|clean, with two codes|flushed, not clean|\
    cut_in|cut_out|unsent|undelivered|confirmed";

/// Bytes of a script, from a seed (`SplitMix64`).
fn bytes(mut seed: u64) -> Vec<u8> {
    let mut draw = || {
        seed = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (seed ^ seed >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ mixed >> 31
    };
    let len = 8 + draw() % 250;
    (0..len).map(|_| (draw() >> 56) as u8).collect()
}

fn number(name: &str, or: u64) -> u64 {
    std::env::var(name).map_or(or, |text| text.parse().expect("a number"))
}

fn differs(script: &Script) -> Option<Difference> {
    run(script).difference
}

/// Leaves out steps, and more than one at once, as long as there is a difference.
fn shortest(mut script: Script) -> Script {
    for width in [16, 8, 4, 2, 1, 2, 1] {
        for index in (0..script.steps.len()).rev() {
            let mut shorter = script.clone();
            shorter.steps.drain(index.min(script.steps.len())..(index + width).min(script.steps.len()));
            if differs(&shorter).is_some() {
                script = shorter;
            }
        }
    }
    script
}

/// Script n is made from seed n. `REFERENCE_SCRIPTS` and `REFERENCE_SEED` ask for more, and for others; with `REFERENCE_COUNTS` set,
/// how many scripts reached what is printed.
#[test]
fn the_core_agrees_with_the_reference() {
    let (scripts, first) = (number("REFERENCE_SCRIPTS", 10_000), number("REFERENCE_SEED", 0));
    let mut counts = BTreeMap::<String, u64>::new();
    for seed in first..first + scripts {
        let script = Script::decode(&bytes(seed));
        let outcome = run(&script);
        for what in outcome.reached {
            *counts.entry(what).or_default() += 1;
        }
        if outcome.difference.is_some() {
            let script = shortest(script);
            let difference = differs(&script).expect("it still differs");
            panic!("REFERENCE_SEED={seed}: {difference}\n{:?}\n{script:?}", script.steps);
        }
    }
    if std::env::var_os("REFERENCE_COUNTS").is_some() {
        counts.iter().for_each(|(what, times)| eprintln!("{times:>8} {what}"));
    }
    let phases = Phase::ALL.iter().filter(|phase| !matches!(phase, Phase::Connecting | Phase::Refusing));
    let phases = phases.map(|phase| format!("phase: {phase:?}"));
    let wanted = WANTED.split('|').map(str::to_owned).chain(phases);
    let missing: Vec<_> = wanted.filter(|what| !counts.contains_key(what)).collect();
    assert!(missing.is_empty(), "not reached: {missing:?}");
}

/// A server's script, with no clock but the closing ones.
fn script(change: impl FnOnce(&mut Config), steps: &[Step]) -> Script {
    let mut config = Config::default();
    config.ping_interval = None;
    change(&mut config);
    Script { role: Role::Server, config, steps: steps.to_vec() }
}

fn says(first: u8, payload: &[u8]) -> Step {
    Step::Peer(first, payload.to_vec(), Flaw::None)
}

const ALL: usize = 2000;

/// Out of reach of the random scripts: how much of a faulty frame is input that is discarded is open.
#[test]
fn only_so_much_input_is_drained() {
    let close = [says(0x88, b""), Step::Ask(ALL), Step::Write(ALL)];
    for more in [0, 1] {
        let data = [says(0x82, &vec![7; 94 + more]), Step::Ask(ALL), says(0x82, b""), Step::Ask(ALL)];
        let outcome = run(&script(|config| config.drain_len = 100, &[&close[..], &data].concat()));
        assert!(outcome.difference.is_none(), "{}", outcome.difference.expect("it differs"));
    }
}

#[track_caller]
fn agrees(change: impl FnOnce(&mut Config), steps: &[Step]) {
    let outcome = run(&script(change, steps));
    assert!(outcome.difference.is_none(), "{}\n{steps:?}", outcome.difference.expect("it differs"));
}

#[test]
fn without_linger_a_close_takes_effect_at_once() {
    let steps = [says(0x81, b"last"), says(0x88, b""), Step::Ahead(ALL)];
    agrees(|config| config.close_linger = Duration::ZERO, &steps);
}

#[test]
fn a_dropped_keepalive_ping_is_not_waited_for() {
    let change = |config: &mut Config| {
        config.ping_interval = Some(Duration::from_secs(1));
        config.close_linger = Duration::from_secs(50);
    };
    let steps = [Step::Sleep, says(0x81, b"last"), says(0x88, b""), Step::Ahead(ALL)];
    agrees(change, &steps);
}

#[test]
fn a_violation_while_closing_is_the_first_cause() {
    let steps = [Step::Close(1000), says(0x83, b""), Step::Ask(ALL), Step::Sleep];
    agrees(|_| {}, &steps);
}

#[test]
fn a_written_empty_fragment_is_a_beginning_that_is_cut() {
    let fragment = |end| Step::Fragment(Kind::Text, 0, end);
    let steps = [fragment(false), Step::Write(ALL), fragment(true), Step::EndOfStream];
    agrees(|_| {}, &steps);
}

#[test]
fn a_pong_on_its_way_is_finished_before_the_end() {
    let close = [Step::Close(1000), Step::Write(ALL), says(0x89, b"hello"), Step::Ask(ALL)];
    let torn = [Step::Write(2), says(0x88, b"\x03\xE8"), Step::Ask(ALL)];
    agrees(|_| {}, &[&close[..], &torn].concat());
}
