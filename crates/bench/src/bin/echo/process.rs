//! A server in a process of its own, and what it has used.

use std::io::{BufRead, BufReader, Lines, Write};
use std::net::SocketAddr;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use crate::Fallible;

/// CPU time of a process.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cpu {
    pub(crate) user: Duration,
    pub(crate) system: Duration,
}

/// A running server; ends when dropped.
#[derive(Debug)]
pub(crate) struct Server {
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
    pub(crate) fn start(name: &'static str) -> Fallible<Self> {
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

    pub(crate) const fn name(&self) -> &'static str {
        self.name
    }

    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// The CPU time that the server has used so far.
    ///
    /// # Errors
    ///
    /// When it does not answer.
    pub(crate) fn cpu(&mut self) -> Fallible<Cpu> {
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
    pub(crate) fn resident(&self) -> Fallible<u64> {
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
