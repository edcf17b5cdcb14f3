//! Captures of runs: datagrams in a file that Wireshark and tshark open, and the secrets that let them read the records
//! in it.

use std::io;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use sealgram::key_log::{KeyLog, Line};

/// A [`KeyLog`] that keeps the lines of an `SSLKEYLOGFILE` (RFC 9850), each once.
#[derive(Debug, Default)]
pub struct KeyLines(Mutex<Vec<String>>);

impl KeyLines {
    /// The text of the file.
    #[must_use]
    pub fn text(&self) -> String {
        self.lines().concat()
    }

    /// The line that came last.
    #[must_use]
    pub fn last(&self) -> Option<String> {
        self.lines().last().cloned()
    }

    fn lines(&self) -> MutexGuard<'_, Vec<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl KeyLog for KeyLines {
    fn log(&self, label: &str, client_random: &[u8; 32], secret: &[u8]) {
        let line = format!("{}\n", Line { label, client_random, secret });
        let mut lines = self.lines();
        // Both ends of a connection may tell the same.
        if !lines.contains(&line) {
            lines.push(line);
        }
    }
}

/// A capture and the secrets to read it with.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_structs, reason = "two files")]
pub struct CaptureFiles {
    /// What goes into the pcap file.
    pub pcap: Vec<u8>,
    /// What goes into the key log file.
    pub keys: String,
}

impl CaptureFiles {
    /// Writes `NAME.pcap` and `NAME.keys` into a folder, which is made if it is not there. The command that shows them:
    /// `tshark -r NAME.pcap -o tls.keylog_file:NAME.keys -d udp.port==4433,dtls`.
    ///
    /// # Errors
    ///
    /// Those of the file system.
    pub fn write(&self, folder: &Path, name: &str) -> io::Result<()> {
        std::fs::create_dir_all(folder)?;
        std::fs::write(folder.join(format!("{name}.pcap")), &self.pcap)?;
        std::fs::write(folder.join(format!("{name}.keys")), &self.keys)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_that_both_ends_tell_is_one_line() {
        let lines = KeyLines::default();
        for secret in [[1; 48], [1; 48], [2; 48]] {
            lines.log("CLIENT_RANDOM", &[0xab; 32], &secret);
        }
        let [random, one, two] = ["ab".repeat(32), "01".repeat(48), "02".repeat(48)];
        assert_eq!(lines.text(), format!("CLIENT_RANDOM {random} {one}\nCLIENT_RANDOM {random} {two}\n"));
    }
}
