//! Every configuration at its small size: each property holds in every state, each sight is seen, and the page says how many states there
//! are.

use adieu_model::{Lifecycle, quick};
use stateright::{Checker, Model};

const THREADS: usize = 2;
/// Fewer states than this in all would not be a search.
const STATES: usize = 1_000_000;
const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/model-check.md");

#[test]
fn properties_hold_in_every_state_of_every_configuration() {
    let page = std::fs::read_to_string(PAGE).expect("a page");
    let (_, told) = page.split_once("What `--quick` says:").expect("what it says");
    let (mut states, mut stale) = (0, Vec::new());
    for setup in quick() {
        let name = setup.name;
        let checker = Lifecycle { setup }.checker().threads(THREADS).spawn_dfs().join();
        states += checker.unique_state_count();
        checker.assert_properties();
        let row = format!("| {name} | {} |", checker.unique_state_count());
        stale.extend(Some(row).filter(|row| !told.contains(row)));
    }
    assert!(stale.is_empty(), "run `model-check --quick`; the page does not say\n{}", stale.join("\n"));
    assert!(states >= STATES, "{states} unique states, fewer than {STATES}");
}
