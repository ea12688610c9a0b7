//! Runs a client and an echo over a rough network, prints the run and writes its sequence diagram.
//!
//! ```text
//! cargo run -p adieu-sim --example diagram -- 7 run.svg
//! ```

use std::io::Write;
use std::time::Duration;

use adieu_core::Kind;
use adieu_sim::trace::Call;
use adieu_sim::{Collect, Echo, Network, Plan, Script, Setup};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let seed = arguments.next().map_or(Ok(7), |seed| seed.parse())?;
    let path = arguments.next().unwrap_or_else(|| "run.svg".into());
    let second = Duration::from_secs(1);
    let script = Script::new()
        .at(second, Call::text("Hello"))
        .at(second, Call::Send(Kind::Binary, vec![1; 1_000]))
        .at(second, Call::Ping)
        .at(2 * second, Call::close(1000, "bye"));
    let trace = Network::new(seed)
        .plan(Plan::rough(seed))
        .endpoint(Setup::client(), (Collect, script))
        .endpoint(Setup::server(), Echo::default())
        .run(60 * second);
    std::fs::write(&path, trace.svg())?;
    std::io::stdout().write_all(trace.story().as_bytes())?;
    Ok(())
}
