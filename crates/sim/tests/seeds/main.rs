//! Two endpoints with any applications on rough networks: what must hold in every run.

mod laws;
mod life;
mod reasons;

use std::collections::BTreeMap;

use adieu_core::Role;
use adieu_sim::trace::{Call, Outcome, Record, Told, Verdict, What};
use adieu_sim::wire::{Decoder, Item};
use adieu_sim::{Trace, replay};

use life::Life;

/// How many seeds a run of the tests tries; `ADIEU_SIM_SEEDS` says another number.
fn seeds() -> u64 {
    std::env::var("ADIEU_SIM_SEEDS").map_or(2_000, |seeds| seeds.parse().expect("a number of seeds"))
}

/// Runs one seed twice, and its trace once more; how each side ended, and what else there was to see.
fn check(seed: u64) -> Result<Vec<String>, String> {
    let life = Life::of(seed);
    let trace = life.run();
    laws::check(&life, &in_payloads(&life, &trace))?;
    if Life::of(seed).run() != trace {
        return Err("the same seed gives another trace".into());
    }
    let read: Trace = trace.to_string().parse().map_err(|error| format!("{error}"))?;
    if read != trace {
        return Err("the trace is not what its text says".into());
    }
    for role in [Role::Client, Role::Server] {
        replay(&read, role).map_err(|difference| format!("{role:?}: {difference}"))?;
    }
    let verdict = |role| trace.verdict(role).ok_or("no verdict");
    let kind = |verdict: &Verdict| format!("{} {}", verdict.clean, verdict.cause);
    let mut kinds = vec![kind(verdict(Role::Client)?), kind(verdict(Role::Server)?)];
    let arrived = |role: &Role| compressed_arrived(&life, &trace, *role);
    kinds.extend(
        [Role::Client, Role::Server].iter().filter(|role| arrived(role)).map(|_| "compressed".into()),
    );
    Ok(kinds)
}

/// The same where verdicts count the payloads of the application's messages: they count those that travel, which are others where messages are
/// compressed.
fn in_payloads(life: &Life, trace: &Trace) -> Trace {
    let mut restated = trace.clone();
    for Record { role, what, .. } in restated.records.iter_mut().filter(|_| life.compresses()) {
        let What::Verdict(verdict) = what else { continue };
        let unsent = |record: &Record| match &record.what {
            What::Call(Call::Send(_, payload) | Call::Fragment(_, payload, _), Outcome::Number(ticket)) => {
                verdict.unsent_first.filter(|first| ticket >= first).map_or(0, |_| payload.len() as u64)
            }
            _ => 0,
        };
        verdict.unsent_bytes = trace.of(*role).map(unsent).sum();
    }
    restated
}

/// A side has read a compressed message whose beginning its application was told.
fn compressed_arrived(life: &Life, trace: &Trace, role: Role) -> bool {
    let read = Decoder::new(role, life.upgraded).push(&trace.read(role));
    let told = |told: &Told| matches!(told, Told::Message(..) | Told::Chunk(..));
    let first = read.iter().find_map(|item| match item {
        Item::Frame(header, _) if !header.opcode.is_control() => Some(header.rsv1),
        _ => None,
    });
    first == Some(true) && trace.told(role).any(told)
}

/// Ends, and messages that arrived compressed, that must be among the runs, or these tests do not see much.
const KINDS: [&str; 13] = [
    "true closing handshake complete", "false connection reset", "false end of stream",
    "false end of stream inside a frame", "false TLS stream truncated", "false aborted",
    "false failed by the application", "false handshake timeout", "false write timeout",
    "false close timeout", "false closing timeout", "false pong timeout", "compressed",
];

#[test]
fn every_run_obeys_the_laws_and_can_be_had_again() {
    let half =
        |parity: u64| (0..seeds()).filter(move |seed| seed % 2 == parity).map(|seed| (seed, check(seed)));
    let checked: Vec<_> = std::thread::scope(|scope| {
        let halves = [0, 1].map(|parity| scope.spawn(move || half(parity).collect::<Vec<_>>()));
        halves.into_iter().flat_map(|half| half.join().expect("no panic")).collect()
    });
    let (mut kinds, mut broken) = (BTreeMap::new(), Vec::new());
    for (seed, checked) in checked {
        match checked {
            Ok(ends) => ends.into_iter().for_each(|kind| *kinds.entry(kind).or_insert(0) += 1),
            Err(law) => broken.push(format!("seed {seed}: {law}")),
        }
    }
    assert!(broken.is_empty(), "{} runs:\n{}", broken.len(), broken.join("\n"));
    for kind in KINDS {
        assert!(kinds.get(kind).is_some_and(|count| *count >= 5), "{kind}: {:?}", kinds.get(kind));
    }
}

#[test]
#[ignore = "prints one run"]
fn show() {
    let seed = std::env::var("SEED").expect("a seed").parse().expect("a number");
    let life = Life::of(seed);
    let trace = life.run();
    eprintln!("{:#?}\n{}", life.plan, trace.story());
    eprintln!("{:?}", life.configs);
    eprintln!("{:?}", laws::check(&life, &trace));
}
