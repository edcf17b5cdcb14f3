//! Prints what sealgram costs, as Markdown tables.

use core::time::Duration;
use std::io::{IsTerminal as _, Write as _, stderr};
use std::process::ExitCode;

use sealgram_alloc::CountingAllocator;
use sealgram_bench::{callgrind, machine, report};

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

const HELP: &str = "\
Measures sealgram beside the least that its work can cost, and prints Markdown tables.

    cargo run --release -p sealgram-bench                everything, in half a minute
    cargo run --release -p sealgram-bench -- quick       the same in a few seconds, for a first look
    cargo run --release -p sealgram-bench -- callgrind   instruction counts; needs valgrind
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        [] => measure(Duration::from_millis(250), Duration::from_secs(4)),
        ["quick"] => measure(Duration::from_millis(10), Duration::from_millis(200)),
        ["callgrind"] => return count_instructions(),
        [UNDER_CALLGRIND] => callgrind::run_regions(),
        _ => {
            eprint!("{HELP}");
            return ExitCode::from(2);
        }
    }
    ExitCode::SUCCESS
}

fn measure(per_cell: Duration, per_handshake: Duration) {
    let mut progress = show_progress;
    println!("{}", machine::describe());
    println!("Times: median / minimum. Ratios: median of those of the same moments / ratio of the minima.\n");
    println!("## Records\n\n{}", report::records(per_cell, &mut progress));
    println!("## Full handshakes\n\n{}", report::handshakes(per_handshake, &mut progress));
    println!("## Hello gate\n\n{}", report::gate(per_cell, &mut progress));
    println!("## Memory\n\n{}", report::memory(&mut progress));
    println!("## On the wire\n\n{}", report::wire(&mut progress));
    progress("");
}

fn count_instructions() -> ExitCode {
    show_progress("counting instructions under valgrind");
    let table = callgrind::table(UNDER_CALLGRIND);
    show_progress("");
    match table {
        Ok(table) => {
            println!("{}\n## Instructions\n\n{table}", machine::describe());
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("callgrind: {error}");
            ExitCode::FAILURE
        }
    }
}

/// One line that is written over and over; nothing unless somebody looks.
fn show_progress(what: &str) {
    if stderr().is_terminal() {
        // Nobody is hurt if it cannot be shown.
        let _ = write!(stderr(), "\r\x1b[2K{what}");
        let _ = stderr().flush();
    }
}

const UNDER_CALLGRIND: &str = "under-callgrind";
