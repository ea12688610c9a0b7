//! Every configuration at its small size: each property holds in every state, and each sight is seen.

use adieu_model::{Lifecycle, quick};
use stateright::{Checker, Model};

const THREADS: usize = 2;
/// Fewer states than this in all would not be a search.
const STATES: usize = 1_000_000;

#[test]
fn properties_hold_in_every_state_of_every_configuration() {
    let mut states = 0;
    for setup in quick() {
        let checker = Lifecycle { setup }.checker().threads(THREADS).spawn_dfs().join();
        states += checker.unique_state_count();
        checker.assert_properties();
    }
    assert!(states >= STATES, "{states} unique states, fewer than {STATES}");
}
