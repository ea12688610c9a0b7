//! Two endpoints with any applications on rough networks: what must hold in every run.

mod laws;
mod life;
mod reasons;

use std::collections::BTreeMap;

use adieu_core::Role;
use adieu_sim::trace::Verdict;
use adieu_sim::{Trace, replay};

use life::Life;

/// How many seeds a run of the tests tries; `ADIEU_SIM_SEEDS` says another number.
fn seeds() -> u64 {
    std::env::var("ADIEU_SIM_SEEDS").map_or(2_000, |seeds| seeds.parse().expect("a number of seeds"))
}

/// Runs one seed twice, and its trace once more; how each side ended.
fn check(seed: u64) -> Result<[String; 2], String> {
    let life = Life::of(seed);
    let trace = life.run();
    laws::check(&life, &trace)?;
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
    Ok([kind(verdict(Role::Client)?), kind(verdict(Role::Server)?)])
}

/// Ends that must be among the runs, or these tests do not see much.
const KINDS: [&str; 12] = [
    "true closing handshake complete", "false connection reset", "false end of stream",
    "false end of stream inside a frame", "false TLS stream truncated", "false aborted",
    "false failed by the application", "false handshake timeout", "false write timeout",
    "false close timeout", "false closing timeout", "false pong timeout",
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
