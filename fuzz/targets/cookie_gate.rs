#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    sealgram_sim::fuzz::cookie_gate(data);
});
