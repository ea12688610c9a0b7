//! See `adieu_fuzz_bodies::versus_reference`.
#![no_main]

mod allocator;

libfuzzer_sys::fuzz_target!(init: allocator::install(), |data: &[u8]| adieu_fuzz_bodies::versus_reference(data));
