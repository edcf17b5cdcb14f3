//! Instructions counted by valgrind's callgrind: the same in every run, whatever else the machine does.
//!
//! One process does all the work under callgrind, so that ours and the limit are of one run. Only what happens inside
//! `measured` is counted, and callgrind writes a part of its output each time that returns; the parts are read in the
//! order of [`regions`]. Callgrind knows no VAES and no AVX-512: the ciphers run as on a CPU without them.

use core::fmt::Write as _;
use core::hint::black_box;
use std::path::Path;
use std::process::{Command, Stdio};
use std::{env, fs, io};

use crate::crypto_sum::{CryptoSum, Group};
use crate::gate::{Cookie, Flood};
use crate::ideal::{Aead, Ideal};
use crate::memory::settled_stage;
use crate::records::{Ours, Records};

/// One thing whose instructions are counted.
#[derive(Debug)]
pub struct Region {
    /// What is done.
    what: Operation,
    /// Whether by ours or by the limit.
    who: Who,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operation {
    Seal(usize),
    Open(usize),
    Handshake(Group),
    Gate,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Who {
    Limit,
    Ours,
}

/// Everything that is counted, in order.
#[must_use]
pub fn regions() -> Vec<Region> {
    let operations = [64, 1200].into_iter().flat_map(|len| [Operation::Seal(len), Operation::Open(len)]);
    let operations = operations.chain(Group::ALL.map(Operation::Handshake));
    let mut regions: Vec<_> =
        operations.flat_map(|what| [Who::Limit, Who::Ours].map(|who| Region { what, who })).collect();
    regions.push(Region { what: Operation::Gate, who: Who::Ours });
    regions
}

impl Region {
    /// Prepares the work off the record, and does it on the record.
    fn run(&self) {
        match (self.what, self.who) {
            (Operation::Seal(len), Who::Limit) => seal(Ideal::fixed(Aead::Aes128Gcm), len),
            (Operation::Seal(len), Who::Ours) => seal(Ours::connect(Aead::Aes128Gcm.suite()), len),
            (Operation::Open(len), Who::Limit) => open(Ideal::fixed(Aead::Aes128Gcm), len),
            (Operation::Open(len), Who::Ours) => open(Ours::connect(Aead::Aes128Gcm.suite()), len),
            (Operation::Handshake(group), Who::Limit) => {
                let sum = CryptoSum::new(group);
                measured(&mut || {
                    for _ in 0..HANDSHAKES {
                        black_box(sum.run());
                    }
                });
            }
            (Operation::Handshake(group), Who::Ours) => {
                let mut stage = settled_stage(group);
                let mut meetings: Vec<_> = (0..HANDSHAKES).map(|_| stage.meeting()).collect();
                measured(&mut || meetings.iter_mut().for_each(|meeting| stage.shake_hands(meeting)));
            }
            (Operation::Gate, _) => {
                let mut flood = Flood::new(Cookie::None, RECORDS);
                flood.prepare();
                measured(&mut || assert_eq!(flood.arrive(), RECORDS));
            }
        }
    }

    const fn operations(&self) -> u64 {
        match self.what {
            Operation::Handshake(_) => HANDSHAKES as u64,
            _ => RECORDS as u64,
        }
    }
}

impl Operation {
    fn name(self) -> String {
        match self {
            Self::Seal(len) => format!("seal {len} bytes"),
            Self::Open(len) => format!("open {len} bytes"),
            Self::Handshake(group) => format!("full handshake, both sides, {}", group.name()),
            Self::Gate => "hello without a cookie answered".to_owned(),
        }
    }
}

/// Memory at an address that does not decide how many steps a copy takes.
#[repr(align(64))]
#[derive(Clone)]
struct Aligned([u8; 1280]);

fn seal(mut records: impl Records, len: usize) {
    let (payload, mut out) = (Aligned([7; 1280]), Aligned([0; 1280]));
    measured(&mut || {
        for _ in 0..RECORDS {
            black_box(records.seal(black_box(&payload.0[..len]), &mut out.0));
        }
    });
}

fn open(mut records: impl Records, len: usize) {
    let payload = [7; 1280];
    let mut datagrams = vec![Aligned([0; 1280]); RECORDS];
    let sealed: Vec<_> = datagrams.iter_mut().map(|datagram| records.seal(&payload[..len], &mut datagram.0)).collect();
    measured(&mut || {
        for (datagram, len) in datagrams.iter_mut().zip(&sealed) {
            assert!(black_box(records.open(&mut datagram.0[..*len])).is_some());
        }
    });
}

/// The work inside is counted. Callgrind finds this function by its name.
#[inline(never)]
fn measured(work: &mut dyn FnMut()) {
    work();
    black_box(());
}

/// What the process under callgrind does.
pub fn run_regions() {
    for _ in 0..PASSES {
        regions().iter().for_each(Region::run);
    }
}

/// Runs this program again under callgrind with `argument`, for which it has to call [`run_regions`], and makes a table
/// of what was counted.
///
/// # Errors
///
/// If valgrind cannot be run or prints what is not understood.
pub fn table(argument: &str) -> io::Result<String> {
    let folder = env::temp_dir().join(format!("sealgram-bench-{}", std::process::id()));
    fs::create_dir_all(&folder)?;
    let counted = count_in(&folder, argument);
    fs::remove_dir_all(&folder)?;
    Ok(lay_out(&regions(), &counted?))
}

/// The instructions of each region in each pass.
fn count_in(folder: &Path, argument: &str) -> io::Result<Vec<u64>> {
    let out = folder.join("callgrind.out");
    let status = Command::new("valgrind")
        .args(["--tool=callgrind", "--quiet"])
        // The two patterns differ because callgrind keeps one setting for each text.
        .args(["--toggle-collect=*callgrind::measured*", "--dump-after=*::callgrind::measured*"])
        .arg(format!("--callgrind-out-file={}", out.display()))
        .arg(env::current_exe()?)
        .arg(argument)
        .stdout(Stdio::null())
        .status()?;
    if !status.success() {
        return Err(io::Error::other("valgrind failed"));
    }
    (1..=regions().len() * PASSES)
        .map(|part| total(&fs::read_to_string(folder.join(format!("callgrind.out.{part}")))?))
        .collect()
}

/// The line `totals: N` of a part.
fn total(part: &str) -> io::Result<u64> {
    let line = part.lines().find_map(|line| line.strip_prefix("totals: "));
    let total = line.and_then(|total| total.trim().parse().ok());
    total.ok_or_else(|| io::Error::other("a part of callgrind's output has no total"))
}

/// One row an operation: the limit, ours, and the difference. What differs from pass to pass is shown.
fn lay_out(regions: &[Region], counted: &[u64]) -> String {
    let mut table =
        String::from("| operation | limit | ours | beyond the limit | differs by |\n|---|--:|--:|--:|--:|\n");
    let passes = |at: usize| counted.iter().skip(at).step_by(regions.len()).map(move |n| n / regions[at].operations());
    let mean = |at: usize| passes(at).sum::<u64>() / PASSES as u64;
    let spread = |at: usize| passes(at).max().unwrap_or(0) - passes(at).min().unwrap_or(0);
    for (at, region) in regions.iter().enumerate().filter(|(_, region)| region.who == Who::Ours) {
        let limit = at.checked_sub(1).filter(|before| regions[*before].what == region.what);
        let (name, ours) = (region.what.name(), mean(at));
        let _ = match limit {
            Some(limit) => writeln!(
                table,
                "| {name} | {} | {ours} | **{}** | {} |",
                mean(limit),
                ours.saturating_sub(mean(limit)),
                spread(at).max(spread(limit)),
            ),
            None => writeln!(table, "| {name} | | {ours} | | {} |", spread(at)),
        };
    }
    table
}

/// How often everything is done, to see whether it comes out the same.
const PASSES: usize = 2;
/// Records and hellos a pass.
const RECORDS: usize = 64;
/// Handshakes a pass: *ring* draws keys and nonces from the operating system, so they differ a little.
const HANDSHAKES: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_has_the_limit_ours_and_the_difference() {
        let regions = [
            Region { what: Operation::Seal(64), who: Who::Limit },
            Region { what: Operation::Seal(64), who: Who::Ours },
            Region { what: Operation::Gate, who: Who::Ours },
        ];
        let counted = [100, 130, 7, 100, 132, 7].map(|n| n * RECORDS as u64);
        let table = lay_out(&regions, &counted);
        let rows: Vec<_> = table.lines().skip(2).collect();
        assert_eq!(
            rows,
            ["| seal 64 bytes | 100 | 131 | **31** | 2 |", "| hello without a cookie answered | | 7 | | 0 |"]
        );
    }

    #[test]
    fn a_part_without_a_total_is_an_error() {
        assert_eq!(total("events: Ir\ntotals: 12\n").unwrap(), 12);
        assert!(total("events: Ir\n").is_err());
    }
}
