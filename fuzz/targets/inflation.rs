//! See `adieu_fuzz_bodies::inflation`.
#![no_main]

mod allocator;

libfuzzer_sys::fuzz_target!(init: allocator::install(), |data: &[u8]| adieu_fuzz_bodies::inflation(data));
