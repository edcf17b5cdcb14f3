//! The `sealgram` program: watch a DTLS handshake, listen, connect, make a certificate.
//!
//! It exits with 0 after success and with 1 and one line on standard error otherwise.
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking"))]

mod args;
mod cert;
mod choice;
mod connect;
mod demo;
mod disturbance;
mod failure;
mod identity;
mod ladder;
mod listen;
mod output;
mod recording;
mod trust;

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;
use clap::error::ErrorKind;

use crate::args::{Arguments, Command};
use crate::failure::{Failure, Result};

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return explain(&error),
    };
    match run(&arguments.command) {
        Ok(()) | Err(Failure::ReaderGone) => ExitCode::SUCCESS,
        Err(Failure::Because(message)) => {
            complain(&message);
            ExitCode::FAILURE
        }
    }
}

fn run(command: &Command) -> Result<()> {
    match command {
        Command::Demo(arguments) => demo::run(arguments),
        Command::Listen(arguments) => listen::run(arguments),
        Command::Connect(arguments) => connect::run(arguments),
        Command::Cert(arguments) => cert::run(arguments),
    }
}

/// Help that was asked for goes to standard output, as it is; what was not understood gets one line.
fn explain(error: &clap::Error) -> ExitCode {
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            // Nothing can be done about a reader that has gone.
            let _ = error.print();
            ExitCode::SUCCESS
        }
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            let _ = error.print();
            ExitCode::FAILURE
        }
        _ => {
            complain(&args::one_line(error));
            ExitCode::FAILURE
        }
    }
}

/// Unlike `eprintln!` this survives a standard error that nobody reads.
fn complain(message: &str) {
    let _ = writeln!(io::stderr().lock(), "sealgram: {message}");
}
