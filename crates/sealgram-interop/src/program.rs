//! The `sealgram` program, for what it writes to be read by others.

use std::env::{self, consts};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Where it is, or why it cannot take part. It is built beside the tests by whoever tests the whole workspace, or its
/// own crate; after a change of the program, tests of this crate alone meet the one of before.
pub fn find() -> Result<PathBuf, String> {
    let tests = env::current_exe().map_err(|error| error.to_string())?;
    let folder = tests.parent().and_then(Path::parent).ok_or("the tests are in no folder of cargo's")?;
    let program = folder.join(format!("sealgram{}", consts::EXE_SUFFIX));
    let absent = "the program is not built; `cargo test -p sealgram-cli --no-run` builds it";
    if program.is_file() { Ok(program) } else { Err(absent.into()) }
}

/// A command that runs it, and no secrets go anywhere unless it is told so.
#[must_use]
pub fn command(program: &Path) -> Command {
    let mut command = Command::new(program);
    command.env_remove("SSLKEYLOGFILE");
    command
}
