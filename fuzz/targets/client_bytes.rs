#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    sealgram_sim::fuzz::client_bytes(data);
});
