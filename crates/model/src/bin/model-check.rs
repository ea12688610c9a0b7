//! Model-checks the closing lifecycle: `model-check [--list] [--quick] [--shortest] [NAME...]`.

use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Instant;

use adieu_model::{Lifecycle, Setup, quick, setups};
use stateright::{Checker, Expectation, Model};

/// What a search came to.
struct Outcome {
    states: usize,
    failures: usize,
}

fn main() -> io::Result<ExitCode> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let (options, names): (Vec<_>, Vec<_>) = args.iter().partition(|arg| arg.starts_with("--"));
    let has = |name: &str| options.iter().any(|option| *option == name);
    let mut chosen = if has("--quick") { quick() } else { setups() };
    chosen.retain(|setup| names.is_empty() || names.iter().any(|name| *name == setup.name));
    let mut out = io::stdout().lock();
    if has("--list") {
        for setup in &chosen {
            writeln!(out, "{:<12} {}", setup.name, setup.about)?;
        }
        return Ok(ExitCode::SUCCESS);
    }
    writeln!(out, "| configuration | unique states | states | depth | properties | seconds |")?;
    writeln!(out, "| --- | ---: | ---: | ---: | ---: | ---: |")?;
    let (mut states, mut failures) = (0, 0);
    for setup in chosen {
        let outcome = check(&mut out, setup, has("--shortest"))?;
        states += outcome.states;
        failures += outcome.failures;
    }
    writeln!(out, "\n{states} unique states, {failures} properties failed")?;
    Ok(if failures == 0 && states > 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn check(out: &mut impl Write, setup: Setup, shortest: bool) -> io::Result<Outcome> {
    let (name, begin) = (setup.name, Instant::now());
    let checker = Lifecycle { setup }.checker();
    if shortest {
        report(out, name, begin, &checker.spawn_bfs().join())
    } else {
        report(out, name, begin, &checker.spawn_dfs().join())
    }
}

/// One line for a search, and the path to each failure.
fn report(
    out: &mut impl Write,
    name: &str,
    begin: Instant,
    checker: &impl Checker<Lifecycle>,
) -> io::Result<Outcome> {
    let (states, total, depth) = (checker.unique_state_count(), checker.state_count(), checker.max_depth());
    let properties = checker.model().properties();
    let (count, seconds) = (properties.len(), begin.elapsed().as_secs_f64());
    out.flush()?;
    writeln!(out, "| {name} | {states} | {total} | {depth} | {count} | {seconds:.1} |")?;
    let mut failures = 0;
    for property in properties {
        let path = checker.discovery(property.name);
        match (property.expectation, path) {
            (Expectation::Always, None) | (Expectation::Sometimes, Some(_)) => continue,
            (Expectation::Always, Some(path)) => {
                writeln!(
                    out,
                    "\nFAILED: {}\n{:#?}\nin {:#?}",
                    property.name,
                    path.clone().into_actions(),
                    path.last_state()
                )?;
            }
            (Expectation::Sometimes | Expectation::Eventually, _) => {
                writeln!(out, "\nNEVER SEEN: {}", property.name)?;
            }
        }
        failures += 1;
    }
    out.flush()?;
    Ok(Outcome { states, failures })
}
