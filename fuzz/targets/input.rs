//! See `adieu_fuzz_bodies::input`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| adieu_fuzz_bodies::input(data));
