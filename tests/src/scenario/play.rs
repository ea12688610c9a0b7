//! Walking through a scenario with a runner.

use adieu_core::Role;

use super::{Act, Direction, Expect, Hidden, Moment, Scenario, Seen, Step, Trace};

/// Carries a scenario's steps to an endpoint, and tells what the endpoint did.
pub trait Runner {
    /// Does this. The first one is always [`Act::Open`] or [`Act::Connecting`].
    fn act(&mut self, act: &Act);

    /// What the endpoint did since the last question. A runner that cannot know when the endpoint is done waits for as much as is
    /// wanted; one that can, runs it until it rests.
    fn settle(&mut self, wanted: &Wanted<'_>) -> Vec<Seen>;

    /// Why the runner cannot see this kind of thing, as things stand, if it cannot.
    fn hides(&self, _what: &Seen) -> Option<&'static Hidden> {
        None
    }

    /// Everything is played. What the endpoint still does is told: it must be nothing.
    fn finish(&mut self) -> Vec<Seen> {
        Vec::new()
    }
}

/// What must be seen before the next step.
#[derive(Debug)]
pub struct Wanted<'s> {
    what: Vec<&'s Seen>,
}

impl<'s> Wanted<'s> {
    /// These.
    pub const fn these(what: Vec<&'s Seen>) -> Self {
        Self { what }
    }

    /// How many things are to come in this direction.
    pub fn count(&self, direction: Direction) -> usize {
        self.what.iter().filter(|seen| seen.direction() == direction).count()
    }

    /// The levels that are looked at.
    pub fn levels(&self) -> impl Iterator<Item = &'s Seen> {
        self.what.iter().copied().filter(|seen| seen.direction() == Direction::Level)
    }
}

/// Plays a scenario.
///
/// # Errors
///
/// The first step at which the endpoint did not do what was expected, with everything up to there.
pub fn play(scenario: &Scenario, role: Role, runner: &mut impl Runner) -> Result<Trace, String> {
    let mut trace = Trace::default();
    for step in &scenario.steps {
        step.acts.iter().for_each(|act| runner.act(act));
        let for_role = |expect: &&Expect| expect.role.is_none_or(|only| only == role);
        let seen_by_all = step.expect.iter().filter(for_role).map(|expect| &expect.what);
        let (mut what, mut hidden) = (Vec::new(), Vec::new());
        for seen in seen_by_all {
            match runner.hides(seen) {
                Some(why) => hidden.push((seen.clone(), why)),
                None => what.push(seen),
            }
        }
        let wanted = Wanted::these(what);
        let seen = runner.settle(&wanted);
        trace.moments.push(Moment { line: step.line, seen, hidden });
        compare(scenario, role, step, &wanted, &trace)?;
    }
    let seen = runner.finish();
    if seen.is_empty() {
        return Ok(trace);
    }
    let more: String = seen.iter().map(|seen| format!("\n  + {seen}")).collect();
    Err(format!("[{}] {role:?}: behind the last step{more}\n{trace}", scenario.id))
}

/// The same in each direction, in the same order.
fn compare(
    scenario: &Scenario,
    role: Role,
    step: &Step,
    wanted: &Wanted<'_>,
    trace: &Trace,
) -> Result<(), String> {
    let mut diff = String::new();
    let seen = trace.moments.last().map(|moment| &moment.seen[..]).unwrap_or_default();
    for direction in Direction::ALL {
        let of = |seen: &&Seen| seen.direction() == direction;
        let want: Vec<&Seen> = wanted.what.iter().copied().filter(of).collect();
        let seen: Vec<&Seen> = seen.iter().filter(of).collect();
        for at in 0..want.len().max(seen.len()) {
            match (want.get(at), seen.get(at)) {
                (Some(want), Some(seen)) if want.matches(seen) => {}
                (want, seen) => {
                    want.iter().for_each(|want| diff.push_str(&format!("\n  - {want}")));
                    seen.iter().for_each(|seen| diff.push_str(&format!("\n  + {seen}")));
                }
            }
        }
    }
    if diff.is_empty() {
        return Ok(());
    }
    let (id, words, line) = (&scenario.id, &scenario.words, step.line);
    let about = format!("[{id}] {words}\n{role:?}, line {line}: {}", step.text);
    Err(format!("{about}\n(- expected, + seen){diff}\nall that was seen:\n{trace}"))
}
