//! See `adieu_fuzz_bodies::pair`.
#![no_main]

mod allocator;

libfuzzer_sys::fuzz_target!(init: allocator::install(), |data: &[u8]| adieu_fuzz_bodies::pair(data));
