//! Echo over loopback, beside the peers: what a message costs a server, and what an idle connection holds.
//!
//! `echo` measures; `echo server NAME` is one of the servers that it starts.

mod load;
mod peers;
mod server;

use std::process::ExitCode;
use std::time::Duration;

use adieu_bench::Fallible;
use adieu_bench::options::{HELP, Options};
use adieu_bench::process::{Server, allow_many_files};
use adieu_bench::stats::{median, with_ratio};
use load::{Load, Shape, Traffic};

const SHAPES: [Shape; 5] = [
    Shape { connections: 1, in_flight: 1, len: 16 },
    Shape { connections: 100, in_flight: 1, len: 125 },
    Shape { connections: 100, in_flight: 16, len: 125 },
    Shape { connections: 10, in_flight: 4, len: 16 << 10 },
    Shape { connections: 4, in_flight: 1, len: 1 << 20 },
];

/// Numbers that differ by less than this share are the same.
const NOISE: f64 = 0.05;

/// Idle connections: how many, and the length of the one message that each has echoed before.
const IDLE: [(&str, usize, Option<usize>); 3] = [
    ("after the handshake", 1000, None),
    ("after an echo of 16 KiB", 1000, Some(16 << 10)),
    ("after an echo of 1 MiB", 100, Some(1 << 20)),
];

fn main() -> ExitCode {
    let words = std::env::args().skip(1).collect::<Vec<_>>();
    let outcome = match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["server", name] => server::run(name),
        _ => match Options::parse(words.into_iter()) {
            Ok(options) => allow_many_files().and_then(|()| measure(&options)),
            Err(fault) => Err(format!("{fault}\necho: measures over loopback\n{HELP}").into()),
        },
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            eprintln!("echo: {fault}");
            ExitCode::FAILURE
        }
    }
}

fn measure(options: &Options) -> Fallible<()> {
    let names = server::NAMES.into_iter().filter(|name| options.wants(name)).collect::<Vec<_>>();
    let cases = SHAPES.iter().filter(|shape| options.wants_case(&shape.to_string())).collect::<Vec<_>>();
    let mut servers = names.iter().map(|name| Server::start(name)).collect::<Fallible<Vec<_>>>()?;
    let mut lines = Vec::new();
    for shape in cases {
        lines.push((shape.to_string(), interleave(options, shape, &mut servers)?));
    }
    drop(servers);
    let column = |title: &str, better: Better, column: fn(&Cost) -> f64| {
        if lines.is_empty() {
            return;
        }
        let lines = lines.iter().map(|(case, costs)| (case, costs.iter().map(column).collect()));
        print(title, &names, better, lines);
    };
    column("server CPU, ns per message", Better::Less, |cost| cost.cpu);
    if !options.quick {
        column("of which user, ns", Better::Less, |cost| cost.cpu * cost.user_share);
    }
    column("messages per second", Better::More, |cost| cost.rate);
    if options.wants_case("idle") {
        idle(&names)?;
    }
    println!("\nx: times the first column; <: a library does better than the first, by more than 5 %.");
    Ok(())
}

/// What a message costs: nanoseconds of the server's CPU, and how many pass in a second.
#[derive(Clone, Copy, Debug)]
struct Cost {
    cpu: f64,
    user_share: f64,
    rate: f64,
}

/// Each server's median cost, measured in turns: A B C D, A B C D, and so on.
fn interleave(options: &Options, shape: &Shape, servers: &mut [Server]) -> Fallible<Vec<Cost>> {
    let (rounds, warm_up, sample) = match options.quick {
        true => (3, Duration::from_millis(30), Duration::from_millis(100)),
        false => (5, Duration::from_millis(60), Duration::from_millis(350)),
    };
    let traffic = Traffic::new(shape.len);
    let mut costs = vec![Vec::new(); servers.len()];
    for _ in 0..options.rounds.unwrap_or(rounds) {
        for (server, costs) in servers.iter_mut().zip(&mut costs) {
            costs.push(sample_once(shape, &traffic, server, warm_up, sample)?);
        }
    }
    Ok(costs.iter().map(|costs| middle(costs)).collect())
}

fn sample_once(
    shape: &Shape,
    traffic: &Traffic,
    server: &mut Server,
    warm_up: Duration,
    sample: Duration,
) -> Fallible<Cost> {
    let fault = |name: &str, fault: std::io::Error| format!("{name}, {shape}: {fault}");
    let mut load =
        Load::open(server.address(), shape, traffic).map_err(|error| fault(server.name(), error))?;
    load.run(warm_up).map_err(|error| fault(server.name(), error))?;
    let before = server.cpu()?;
    let (messages, elapsed) = load.run(sample).map_err(|error| fault(server.name(), error))?;
    let after = server.cpu()?;
    let (user, system) = (after.user - before.user, after.system - before.system);
    let cpu = (user + system).as_nanos() as f64;
    Ok(Cost {
        cpu: cpu / messages as f64,
        user_share: user.as_nanos() as f64 / cpu,
        rate: messages as f64 / elapsed.as_secs_f64(),
    })
}

/// Medians; the share of user time, which the kernel samples, is the mean.
fn middle(costs: &[Cost]) -> Cost {
    let of = |column: fn(&Cost) -> f64| median(&mut costs.iter().map(column).collect::<Vec<_>>());
    let user_share = costs.iter().map(|cost| cost.user_share).sum::<f64>() / costs.len() as f64;
    Cost { cpu: of(|cost| cost.cpu), user_share, rate: of(|cost| cost.rate) }
}

/// Resident bytes per idle connection, each server in a process of its own.
fn idle(names: &[&'static str]) -> Fallible<()> {
    let mut lines = IDLE.map(|(case, ..)| (case, Vec::new()));
    for name in names {
        let server = Server::start(name)?;
        // What the first connections set up once for all is not theirs.
        let mut open = load::connect_idle(server.address(), 8, Some(16 << 10))?;
        for ((_, count, len), (_, values)) in IDLE.iter().zip(&mut lines) {
            let before = server.resident()?;
            open.extend(load::connect_idle(server.address(), *count, *len)?);
            let added = server.resident()?.saturating_sub(before);
            values.push(added as f64 / *count as f64);
        }
    }
    print("bytes per idle connection", names, Better::Less, lines.into_iter());
    Ok(())
}

/// Which number is the better one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Better {
    Less,
    More,
}

fn print(
    title: &str,
    names: &[&str],
    better: Better,
    lines: impl Iterator<Item = (impl AsRef<str>, Vec<f64>)>,
) {
    print!("\n{title:<32}");
    names.iter().for_each(|name| print!("{name:>19}"));
    println!();
    for (case, values) in lines {
        print!("{:<32}", case.as_ref());
        values.iter().for_each(|value| print!("  {}", with_ratio(*value, values[0])));
        let ours = values[0];
        let behind = values.iter().any(|&value| match better {
            Better::Less => value < ours * (1.0 - NOISE),
            Better::More => value * (1.0 - NOISE) > ours,
        });
        println!("{}", if behind { "  <" } else { "" });
    }
}
