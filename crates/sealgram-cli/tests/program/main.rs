//! The program as its users meet it: started as a process, talking over loopback, judged by what it prints and how it
//! exits. Every wait is bounded, and no process outlives its test.
#![allow(clippy::disallowed_methods, reason = "the time that a process takes is on the clock of the system")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod cert;
mod demo;
mod disturbance;
mod exchange;
mod recording;
mod sessions;
mod support;
mod trust;
mod usage;
