//! The shim through which BoGo, the protocol test runner of BoringSSL, tests sealgram.
//!
//! The runner is a second implementation of DTLS, which breaks the rules on purpose. For each test it starts this
//! program with flags that say what to be and what to expect, and talks to it over TCP, in frames that carry datagrams
//! and what a clock would say: no time passes but what the runner says. So a test of thirteen timeouts takes no time.
//!
//! - [`args`] turns flags into [`options`]; [`flags`] is the table of them. What is not there is not implemented, and the
//!   program says so by its exit code.
//! - [`framing`] reads and writes frames.
//! - [`ends`] makes a connection of the options, out of [`algorithms`], [`credentials`] and [`verdict`], with the
//!   [`stores`] that outlive it.
//! - [`exchange`] moves frames between the runner and the connection, and does what an application would.
//! - [`expectations`] looks at what came of the handshake, and at what was [`seen`] on the way.
//!
//! The connection runs with `danger::trust_path()`: nobody else writes to the path, and the runner wants to see failures
//! at once. All input and output is that of a state machine, so that nothing of it is different where the runner calls it
//! asynchronous; decisions that may be made later are made later then.

mod algorithms;
mod args;
mod credentials;
mod ends;
mod exchange;
mod expectations;
mod failure;
mod flags;
mod framing;
mod options;
mod seen;
mod stores;
mod verdict;

use std::io::Write;
use std::process::ExitCode;

use crate::args::Arguments;
use crate::ends::Ends;
use crate::exchange::Order;
use crate::failure::Failure;

fn main() -> ExitCode {
    let mut stderr = std::io::stderr().lock();
    let code = match run() {
        Ok(()) => 0,
        Err(failure) => {
            // There is nobody to tell that nothing can be told.
            let _ = writeln!(stderr, "{failure}");
            failure.exit_code()
        }
    };
    // What follows this line counts as noise of a sanitizer, which is a failure.
    let _ = writeln!(stderr, "--- DONE ---");
    ExitCode::from(code)
}

fn run() -> Result<(), Failure> {
    let arguments = Arguments::parse(std::env::args_os().skip(1))?;
    if arguments.initial.asks_for_handshaker {
        // A second process that shares the handshake: not a thing of ours.
        return Ok(writeln!(std::io::stdout(), "No")?);
    }
    let mut ends = Ends::new()?;
    exchange::run(&arguments.initial, &mut ends, Order::First)?;
    for _ in 0..arguments.initial.resume_count {
        exchange::run(&arguments.resume, &mut ends, Order::Later)?;
    }
    Ok(())
}
