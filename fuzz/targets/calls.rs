//! See `adieu_fuzz_bodies::calls`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| adieu_fuzz_bodies::calls(data));
