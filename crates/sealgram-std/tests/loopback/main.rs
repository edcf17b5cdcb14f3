//! Clients and listeners over the loopback interface, with real cryptography and real time.
//!
//! No test uses a fixed port, and each waits for a bounded time.
#![allow(
    clippy::panic,
    clippy::std_instead_of_core,
    clippy::unwrap_used,
    reason = "a test fails by panicking, and is a program on a system like any other"
)]

mod disturbance;
mod ends;
mod exchange;
mod moves;
mod moving;
mod silence;
mod support;
mod trust;
