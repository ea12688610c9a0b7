//! Replays what the fuzz targets start from and have found, and gives them what proptest thinks of.

use std::fs;
use std::path::PathBuf;

use adieu_tests::tree::{files, name, root};
use proptest::collection::vec;
use proptest::prelude::*;

fn seeds(target: &str) -> Vec<PathBuf> {
    let found = files(&root().join("fuzz/seeds").join(target));
    assert!(!found.is_empty(), "no seeds of {target}");
    found
}

fn replay(target: &str, body: fn(&[u8])) {
    for seed in seeds(target) {
        eprintln!("{}", name(&seed));
        body(&fs::read(seed).expect("a seed"));
    }
}

#[test]
fn seeds_of_input_hold() {
    replay("input", adieu_fuzz_bodies::input);
}

#[test]
fn seeds_of_calls_hold() {
    replay("calls", adieu_fuzz_bodies::calls);
}

proptest! {
    // What fails is kept by hand, as a seed with a name.
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_input_holds(data in vec(any::<u8>(), 0..400)) {
        adieu_fuzz_bodies::input(&data);
    }

    #[test]
    fn frames_in_any_order_hold(
        mode in any::<u8>(),
        cut in any::<u8>(),
        frames in vec((prop::sample::select(vec![0x00_u8, 0x01, 0x02, 0x80, 0x81, 0x82, 0x88, 0x89, 0x8A, 0x09, 0xC1, 0x83]), vec(any::<char>(), 0..12)), 0..24),
    ) {
        let mut data = vec![mode | 0b1_0010, cut];
        for (first, text) in frames {
            let text: String = text.into_iter().collect();
            data.extend([first, text.len() as u8]);
            data.extend(text.as_bytes());
        }
        adieu_fuzz_bodies::input(&data);
    }

    #[test]
    fn any_calls_hold(data in vec(any::<u8>(), 0..600)) {
        adieu_fuzz_bodies::calls(&data);
    }
}
