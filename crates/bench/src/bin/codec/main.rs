//! Decoding, encoding and echoing in memory, beside the peers: nanoseconds and allocations per message.

mod adieu;
mod alloc;
mod library;
mod memory;
mod sockudo;
mod tokio_websockets;
mod tungstenite;

use std::process::ExitCode;
use std::rc::Rc;
use std::time::Duration;

use adieu_bench::options::{HELP, Options};
use adieu_bench::stats::{median, short, with_ratio};
use adieu_bench::wire::{Payload, Wire};
use nix::time::{ClockId, clock_gettime};

use library::{Job, Run, runner};

const JOBS: [(&str, Job); 4] = [
    ("decode", Job::Decode),
    ("encode server", Job::EncodeServer),
    ("encode client", Job::EncodeClient),
    ("echo", Job::Echo),
];

/// Each pass goes over about this many bytes: four reads.
const PASS_LEN: usize = 256 << 10;

/// Times that differ by less than this share are the same.
const NOISE: f64 = 0.03;

struct Line {
    case: String,
    /// In the libraries' order: name, nanoseconds, allocations, each per message.
    cells: Vec<(&'static str, f64, f64)>,
}

fn main() -> ExitCode {
    let options = match Options::parse(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(fault) => {
            println!("{fault}\ncodec: measures in memory\n{HELP}");
            return if fault.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(2) };
        }
    };
    let mut lines = Vec::new();
    for (job_name, job) in JOBS {
        for (payload_name, payload) in payloads() {
            let case = format!("{job_name}, {payload_name}");
            if options.wants_case(&case) {
                match measure(&options, job, payload) {
                    Ok(cells) => lines.push(Line { case, cells }),
                    Err(fault) => {
                        println!("{case}: {fault}");
                        return ExitCode::FAILURE;
                    }
                }
            }
        }
    }
    print(&lines);
    ExitCode::SUCCESS
}

fn payloads() -> [(&'static str, Payload); 8] {
    [
        ("16 B", Payload::binary(16)),
        ("125 B", Payload::binary(125)),
        ("125 B mixed text", Payload::mixed_text(125)),
        ("1 KiB", Payload::binary(1 << 10)),
        ("16 KiB", Payload::binary(16 << 10)),
        ("64 KiB", Payload::binary(64 << 10)),
        ("1 MiB", Payload::binary(1 << 20)),
        ("1 MiB mixed text", Payload::mixed_text(1 << 20)),
    ]
}

/// Name, nanoseconds and allocations of each library.
fn measure(options: &Options, job: Job, payload: Payload) -> Result<Vec<(&'static str, f64, f64)>, String> {
    let messages = (PASS_LEN / payload.bytes.len()).clamp(4, 8192);
    let wire = Rc::new(Wire::masked(payload, messages));
    let mut runs = [
        runner::<adieu::Adieu>,
        runner::<tungstenite::Tungstenite>,
        runner::<tokio_websockets::TokioWebsockets>,
        runner::<sockudo::Sockudo>,
    ]
    .into_iter()
    .filter_map(|runner| runner(options, job, &wire))
    .collect::<Vec<_>>();
    for run in &mut runs {
        run.check().map_err(|fault| format!("{}: {fault}", run.name()))?;
    }
    let times = interleave(options, &mut runs, messages);
    let cells = runs.iter_mut().zip(times).map(|(run, mut times)| {
        let count = alloc::count(|| run.pass());
        (run.name(), median(&mut times), count as f64 / messages as f64)
    });
    Ok(cells.collect())
}

/// Nanoseconds per message of each run in each round: A B C D, A B C D, and so on.
fn interleave(options: &Options, runs: &mut [Box<dyn Run>], messages: usize) -> Vec<Vec<f64>> {
    let (rounds, sample) = match options.quick {
        true => (3, Duration::from_millis(5)),
        false => (11, Duration::from_millis(20)),
    };
    let passes = runs.iter_mut().map(|run| passes_within(run.as_mut(), sample)).collect::<Vec<_>>();
    let mut times = vec![Vec::new(); runs.len()];
    for _ in 0..options.rounds.unwrap_or(rounds) {
        for ((run, passes), times) in runs.iter_mut().zip(&passes).zip(&mut times) {
            let elapsed = time(run.as_mut(), *passes);
            times.push(elapsed.as_nanos() as f64 / (*passes * messages) as f64);
        }
    }
    times
}

/// The CPU time of so many passes: what else the machine does meanwhile counts little.
fn time(run: &mut dyn Run, passes: usize) -> Duration {
    let start = cpu();
    for _ in 0..passes {
        run.pass();
    }
    cpu() - start
}

fn cpu() -> Duration {
    let time = clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).expect("every Linux has this clock");
    time.into()
}

/// How many passes fill `sample`; warms up on the way.
fn passes_within(run: &mut dyn Run, sample: Duration) -> usize {
    let mut passes = 1;
    loop {
        let elapsed = time(run, passes);
        if elapsed * 2 >= sample {
            let scale = sample.as_nanos() as f64 / elapsed.as_nanos() as f64;
            return ((passes as f64 * scale) as usize).max(1);
        }
        passes *= 2;
    }
}

fn print(lines: &[Line]) {
    let Some(first) = lines.first() else {
        println!("no such case");
        return;
    };
    let ours = first.cells[0].0;
    let head = |what: &str| {
        print!("\n{what:<32}");
        first.cells.iter().for_each(|(name, ..)| print!("{name:>19}"));
        println!();
    };
    head(&format!("ns per message (x {ours})"));
    for Line { case, cells } in lines {
        let slower = cells.iter().any(|(_, ns, _)| *ns < cells[0].1 * (1.0 - NOISE));
        print!("{case:<32}");
        cells.iter().for_each(|(_, ns, _)| print!("  {}", with_ratio(*ns, cells[0].1)));
        println!("{}", if slower { "  <" } else { "" });
    }
    head("allocations per message");
    for Line { case, cells } in lines {
        let more = cells.iter().any(|(.., count)| *count + 0.005 < cells[0].2);
        print!("{case:<32}");
        cells.iter().for_each(|(.., count)| print!("{:>19}", short(*count)));
        println!("{}", if more { "  <" } else { "" });
    }
    println!(
        "\nx: times the first column; <: a library does better than the first, by more than 3 % in time."
    );
}
