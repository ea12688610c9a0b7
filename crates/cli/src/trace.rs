//! `adieu trace` and `adieu replay`: what a recorded connection was, and whether it is so again.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use adieu_core::Instant;
use adieu_sim::trace::{Record, What};
use adieu_sim::{Difference, Trace, replay};

use crate::{Failure, escape};

/// Of a line that is not understood, so much is shown.
const SHOWN_CHARACTERS: usize = 60;

/// Tell what happened in a recorded connection
///
/// A line for each frame sent (>) and received (<), each event and call of the application (|),
/// and each change of the connection (*), with the seconds since the beginning.
///
/// FILE is of `adieu connect --trace`, or a trace of the library adieu-sim.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Arguments {
    #[arg(value_name = "FILE", help = "The recorded connection")]
    file: PathBuf,

    /// Write a sequence diagram to this file as well
    #[arg(long, value_name = "OUT")]
    svg: Option<PathBuf>,
}

/// Run a recorded connection again, without a network
///
/// A fresh connection is given the same bytes, calls and times, and must do the same, and want
/// the same of its driver at all times: bytes, room, a deadline. If it does not, the first
/// difference is told, with its line in FILE.
///
/// Exit status: 0 if nothing differs, 1 if something does or FILE cannot be read.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct ReplayArguments {
    #[arg(value_name = "FILE", help = "The recorded connection")]
    file: PathBuf,
}

/// Prints the story.
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode, Failure> {
    let trace = load(&arguments.file)?;
    print(&trace.story())?;
    if let Some(path) = &arguments.svg {
        fs::write(path, trace.svg()).map_err(|error| about(path, &error.to_string()))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Replays every endpoint of the trace.
pub(crate) fn run_again(arguments: &ReplayArguments) -> Result<ExitCode, Failure> {
    let path = &arguments.file;
    let trace = load(path)?;
    if trace.setups.is_empty() {
        return Err(about(path, "there is no endpoint in it"));
    }
    for setup in &trace.setups {
        setup.connection(Instant::EPOCH).map_err(|error| about(path, &error.to_string()))?;
        if let Err(difference) = replay(&trace, setup.role) {
            let line = line_of(&trace, setup.role, &difference);
            print(&format!("{}:{line}: {difference}\n", path.display()))?;
            return Ok(ExitCode::FAILURE);
        }
    }
    let known = trace.setups.iter().all(|setup| trace.tells_wants(setup.role));
    let limit = if known { "" } else { " (deadlines are not in it)" };
    print(&format!("no difference in {} records{limit}\n", trace.records.len()))?;
    Ok(ExitCode::SUCCESS)
}

/// Where in the file the record is that differs; behind its end if there is one too many.
fn line_of(trace: &Trace, role: adieu_core::Role, difference: &Difference) -> usize {
    let replayed =
        |(_, record): &(usize, &Record)| record.role == role && !matches!(record.what, What::Fault(_));
    let place = trace.records.iter().enumerate().filter(replayed).nth(difference.index);
    let index = place.map_or(trace.records.len(), |(index, _)| index);
    2 + trace.setups.len() + index
}

fn load(path: &Path) -> Result<Trace, Failure> {
    let text = fs::read_to_string(path).map_err(|error| about(path, &error.to_string()))?;
    text.parse().map_err(|error: adieu_sim::trace::ParseError| {
        let number = text.lines().position(|line| line == error.line).map_or(1, |index| index + 1);
        let line = escape::beginning(&error.line, SHOWN_CHARACTERS);
        about(path, &format!("line {number} is not one of a trace: {line}"))
    })
}

fn about(path: &Path, what: &str) -> Failure {
    Failure::new(format!("{}: {what}", path.display()))
}

fn print(text: &str) -> Result<(), Failure> {
    io::stdout().write_all(text.as_bytes()).map_err(|error| Failure::new(format!("cannot write: {error}")))
}
