//! The manners of TCP, seen by two raw peers or by an endpoint with one.

use std::time::Duration;

use adieu_core::{Event, Instant, Role, Transport, TransportError};
use adieu_sim::trace::{Told, What};
use adieu_sim::{Application, Collect, Cuts, Fault, Harm, Network, Plan, Port, Setup, Step, Trace, When};

const LONG: Duration = Duration::from_secs(60);

fn talk(seed: u64, plan: Plan, client: Vec<Step>, server: Vec<Step>) -> Trace {
    Network::new(seed).plan(plan).peer(Role::Client, client).peer(Role::Server, server).run(LONG)
}

/// What came out of reading, beside bytes.
fn ends(trace: &Trace, role: Role) -> Vec<What> {
    let ends = trace.of(role).map(|record| record.what.clone());
    ends.filter(|what| matches!(what, What::End | What::ReadError(_) | What::WriteError(_))).collect()
}

fn pause(ms: u64) -> Step {
    Step::Pause(Duration::from_millis(ms))
}

fn fault(when: When, harm: Harm) -> Plan {
    Plan { faults: vec![Fault { from: Role::Client, when, harm }], ..Plan::default() }
}

const RESET: What = What::ReadError(TransportError::Reset);

#[test]
fn bytes_arrive_in_order_before_the_end_however_they_are_cut() {
    for seed in 0..50 {
        let bytes: Vec<u8> = (0..2_000_u16).map(|index| index as u8).collect();
        let plan = Plan { faults: Vec::new(), ..Plan::rough(seed) };
        let client = vec![Step::Write(bytes.clone()), Step::Close];
        let trace = talk(seed, plan, client, vec![Step::AwaitEnd, Step::Close]);
        assert_eq!(trace.read(Role::Server), bytes, "seed {seed}");
        assert_eq!(ends(&trace, Role::Server), [What::End], "seed {seed}");
    }
}

#[test]
fn a_write_takes_what_fits() {
    let plan = Plan { capacity_len: 100, ..Plan::default() };
    let client = vec![Step::Write(vec![1; 250])];
    let trace = talk(1, plan, client, vec![Step::StopReading, pause(60_000)]);
    let taken: Vec<_> =
        trace.of(Role::Client).filter(|record| matches!(record.what, What::Written(_))).collect();
    assert_eq!(taken.len(), 1);
    assert_eq!(taken[0].what, What::Written(100));
}

#[test]
fn a_cut_of_one_byte_reads_one_byte_at_a_time() {
    let plan = Plan { cuts: Cuts::Every(1), ..Plan::default() };
    let trace = talk(1, plan, vec![Step::Write(vec![1; 20])], vec![]);
    let reads =
        trace.of(Role::Server).filter(|record| matches!(&record.what, What::Read(read) if read.len() == 1));
    assert_eq!(reads.count(), 20);
}

#[test]
fn half_closed_the_other_direction_goes_on() {
    let client = vec![Step::ShutdownWrite, Step::AwaitEnd];
    let trace = talk(1, Plan::default(), client, vec![Step::AwaitEnd, Step::Write(vec![7; 5]), Step::Close]);
    assert_eq!(trace.read(Role::Client), [7; 5]);
    assert_eq!((ends(&trace, Role::Client), ends(&trace, Role::Server)), (vec![What::End], vec![What::End]));
}

#[test]
fn a_close_with_unread_input_is_a_reset() {
    let server = vec![Step::StopReading, pause(100), Step::Close];
    let trace = talk(1, Plan::default(), vec![Step::Write(vec![1; 5]), Step::AwaitEnd], server);
    assert_eq!(ends(&trace, Role::Client), [RESET]);
}

#[test]
fn bytes_to_a_closed_socket_bring_a_reset_later() {
    let client = vec![pause(100), Step::Write(vec![1; 5]), pause(100), Step::Write(vec![2; 5])];
    let trace = talk(1, Plan::default(), client, vec![Step::Close]);
    let written = trace.of(Role::Client).filter(|record| record.what == What::Written(5)).count();
    assert_eq!(written, 1);
    assert_eq!(ends(&trace, Role::Client), [What::End, What::WriteError(TransportError::Reset)]);
}

#[test]
fn a_reset_takes_what_waits_with_it_or_does_not() {
    let kept = (0..40).map(|seed| {
        let client = vec![Step::Write(vec![1; 5]), pause(50), Step::Reset];
        let server = vec![Step::StopReading, pause(30), Step::Write(vec![0; 3]), pause(100)];
        let (plan, role) = (Plan::default(), Role::Server);
        let late = Network::new(seed).plan(plan).peer(Role::Client, client).peer(role, server).run(LONG);
        assert_eq!(ends(&late, Role::Server), []);
        // The same with a reader that wakes after all of it.
        let plan = Plan { lag: Duration::from_millis(400), ..Plan::default() };
        let client = vec![Step::Write(vec![1; 5]), Step::Reset];
        let trace = talk(seed, plan, client, vec![Step::AwaitEnd]);
        assert_eq!(ends(&trace, Role::Server), [RESET], "seed {seed}");
        trace.read(Role::Server).len()
    });
    let kept: Vec<_> = kept.collect();
    assert!(
        kept.contains(&0) && kept.contains(&5) && kept.iter().all(|len| [0, 5].contains(len)),
        "{kept:?}"
    );
}

/// Accepts nothing for a second, and sends in the middle of it.
struct Late {
    alarms: Vec<Duration>,
}

impl Application for Late {
    fn handle_event(&mut self, _port: &mut Port<'_>, _event: Event<'static>) {}

    fn alarm(&self) -> Option<Instant> {
        self.alarms.last().map(|time| Instant::EPOCH + *time)
    }

    fn handle_alarm(&mut self, port: &mut Port<'_>) {
        self.alarms.pop();
        let _ticket = port.send("x");
    }

    fn receives(&self, now: Instant) -> bool {
        now >= Instant::EPOCH + Duration::from_secs(1)
    }
}

#[test]
fn who_learns_of_a_reset_by_writing_then_reads_an_end() {
    for seed in 0..20 {
        let trace = Network::new(seed)
            .endpoint(
                Setup::client().upgraded().config(|config| config.inbox_len = 1),
                Late { alarms: vec![Duration::from_secs(1), Duration::from_millis(500)] },
            )
            .peer(Role::Server, [Step::Write(vec![0x81, 1, b'a']), pause(100), Step::Reset])
            .run(LONG);
        assert_eq!(ends(&trace, Role::Client), [What::WriteError(TransportError::Reset), What::End]);
        assert_eq!(trace.texts(Role::Client), ["a"], "seed {seed}");
        assert_eq!(trace.verdict(Role::Client).expect("a verdict").cause, "connection reset");
    }
}

#[test]
fn a_fault_hits_behind_its_byte() {
    let ends_with = [
        (Harm::End, What::End),
        (Harm::Truncate, What::ReadError(TransportError::Truncated)),
        (Harm::Reset, RESET),
    ];
    for (harm, end) in ends_with {
        for position in [0, 1, 7, 20] {
            let client = vec![Step::Write(vec![1; 12]), pause(1), Step::Write(vec![2; 12])];
            let trace = talk(1, fault(When::After(position), harm.clone()), client, vec![Step::AwaitEnd]);
            assert_eq!(ends(&trace, Role::Server), std::slice::from_ref(&end), "{harm:?} at {position}");
            let read = trace.read(Role::Server).len() as u64;
            // What a reset finds unread may go with it.
            assert!(
                read == position || (harm == Harm::Reset && read < position),
                "{harm:?}: {read} of {position}"
            );
        }
    }
}

#[test]
fn a_stall_holds_back_what_is_sent_after_it() {
    let stall = Harm::Stall(Duration::from_secs(5));
    let plan = fault(When::At(Duration::from_secs(1)), stall);
    let client = vec![Step::Write(vec![1]), pause(2_000), Step::Write(vec![2])];
    let trace = talk(1, plan, client, vec![]);
    let reads: Vec<_> = trace.of(Role::Server).map(|record| record.at).collect();
    assert_eq!(reads, [Duration::from_millis(10), Duration::from_secs(6)].map(|time| Instant::EPOCH + time));
}

#[test]
fn a_stall_for_ever_lets_the_deadlines_decide() {
    let plan = fault(When::At(Duration::ZERO), Harm::Stall(Duration::MAX));
    let trace = Network::new(1)
        .plan(plan)
        .endpoint(Setup::client(), Collect)
        .endpoint(Setup::server(), Collect)
        .run(LONG);
    for role in [Role::Client, Role::Server] {
        assert_eq!(trace.verdict(role).expect("a verdict").cause, "handshake timeout");
        assert_eq!(trace.told(role).last(), Some(&Told::Closed));
    }
    let closed = trace.of(Role::Client).any(|record| record.what == What::Level(Transport::Close));
    assert!(closed);
}
