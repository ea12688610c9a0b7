//! A server in a process of its own, and what it has used.

use std::io::{BufRead, BufReader, Lines, Write};
use std::net::SocketAddr;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use nix::sys::resource::{Resource, UsageWho, getrlimit, getrusage, setrlimit};

use crate::Fallible;

/// CPU time of a process.
#[derive(Clone, Copy, Debug)]
pub struct Cpu {
    /// In the program.
    pub user: Duration,
    /// In the system, on its behalf.
    pub system: Duration,
}

/// A running server; ends when dropped.
#[derive(Debug)]
pub struct Server {
    name: &'static str,
    child: Child,
    questions: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
    address: SocketAddr,
}

impl Server {
    /// Starts the server of that name and waits until it listens.
    ///
    /// # Errors
    ///
    /// When it cannot be started.
    pub fn start(name: &'static str) -> Fallible<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .args(["server", name])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let questions = child.stdin.take().ok_or("no pipe")?;
        let mut answers = BufReader::new(child.stdout.take().ok_or("no pipe")?).lines();
        let address = answers.next().ok_or(format!("{name} does not start"))??.parse()?;
        Ok(Self { name, child, questions, answers, address })
    }

    /// Its name.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// The CPU time that the server has used so far.
    ///
    /// # Errors
    ///
    /// When it does not answer.
    pub fn cpu(&mut self) -> Fallible<Cpu> {
        writeln!(self.questions, "cpu")?;
        let answer = self.answers.next().ok_or(format!("{} has ended", self.name))??;
        let (user, system) = answer.split_once(' ').ok_or("two numbers are expected")?;
        let micros = |text: &str| text.parse().map(Duration::from_micros);
        Ok(Cpu { user: micros(user)?, system: micros(system)? })
    }

    /// Resident bytes. The sum over all mappings: the counters behind `VmRSS` lag by pages for each CPU.
    ///
    /// # Errors
    ///
    /// When the system does not tell.
    pub fn resident(&self) -> Fallible<u64> {
        let text = std::fs::read_to_string(format!("/proc/{}/smaps_rollup", self.child.id()))?;
        let kib = text.lines().find_map(|line| line.strip_prefix("Rss:")?.trim().strip_suffix(" kB"));
        Ok(kib.ok_or("no Rss")?.parse::<u64>()? * 1024)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Two descriptors for each connection would not always fit under the usual limit; the servers inherit what is set here.
///
/// # Errors
///
/// When the system does not let it.
pub fn allow_many_files() -> Fallible<()> {
    let (_, most) = getrlimit(Resource::RLIMIT_NOFILE)?;
    Ok(setrlimit(Resource::RLIMIT_NOFILE, most, most)?)
}

/// A server's part of [`Server`]: answers each line of standard input with the CPU time used so far, user and system, in microseconds,
/// and ends the process when there are no more.
pub fn answer() {
    for _ in std::io::stdin().lock().lines() {
        match getrusage(UsageWho::RUSAGE_SELF) {
            Ok(usage) => {
                let micros = |time: nix::sys::time::TimeVal| time.tv_sec() * 1_000_000 + time.tv_usec();
                println!("{} {}", micros(usage.user_time()), micros(usage.system_time()));
            }
            Err(_) => break,
        }
    }
    std::process::exit(0);
}
