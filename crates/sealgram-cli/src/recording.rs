//! What a run writes down for other tools: its datagrams, and the secrets that let them be read.

use core::fmt;
use core::time::Duration;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use clap::Args;
use clap::builder::{OsStringValueParser, TypedValueParser};
use sealgram::key_log::{KeyLog, Line};
use sealgram_pcap::Capture;
use sealgram_std::{Direction, Tap, TappedDatagram};

use crate::complain;
use crate::failure::{Failure, Reason, Result};
use crate::output;

/// What to write down. Without any of these, nothing.
#[derive(Args, Debug)]
pub(crate) struct Recording {
    /// Append the secret of each connection to this file, in the format that Wireshark, curl and browsers share (RFC
    /// 9850). Whoever has it reads all that was said
    #[arg(
        long,
        value_name = "FILE",
        env = "SSLKEYLOGFILE",
        hide_env_values = true,
        value_parser = OsStringValueParser::new().map(PathBuf::from)
    )]
    keylog: Option<PathBuf>,

    /// Write every datagram that is sent or received to this file, for Wireshark and tshark. What --loss, --dup and
    /// --reorder do to datagrams is seen as from the network: it has what was really sent, and all that came
    #[arg(long, value_name = "FILE")]
    pcap: Option<PathBuf>,
}

impl Recording {
    /// Opens the key log.
    pub(crate) fn key_log(&self) -> Result<Option<Arc<dyn KeyLog>>> {
        let Some(path) = self.key_log_path() else { return Ok(None) };
        Ok(Some(Arc::new(KeyLogFile::append(path)?)))
    }

    /// Says that there is a key log: a variable may have asked for it long ago.
    pub(crate) fn announce(&self) -> Result<()> {
        let Some(path) = self.key_log_path() else { return Ok(()) };
        output::line(format_args!("secrets go to {}: whoever has them reads all that is said", path.display()))
    }

    /// An empty variable is none, as for curl.
    fn key_log_path(&self) -> Option<&Path> {
        self.keylog.as_deref().filter(|path| !path.as_os_str().is_empty())
    }

    /// Opens the capture.
    pub(crate) fn tap(&self) -> Result<Option<Arc<dyn Tap>>> {
        let Some(path) = &self.pcap else { return Ok(None) };
        Ok(Some(Arc::new(CaptureFile::create(path)?)))
    }
}

/// A key log in a file of which nobody but its owner reads, unless it was there before.
struct KeyLogFile(Outlet<File>);

impl KeyLogFile {
    fn append(path: &Path) -> Result<Self> {
        let mut options = OpenOptions::new();
        options.append(true).create(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(path).map_err(|error| unwritable(path, &error))?;
        Ok(Self(Outlet::new(path, file)))
    }
}

impl KeyLog for KeyLogFile {
    fn log(&self, label: &str, client_random: &[u8; 32], secret: &[u8]) {
        let line = format!("{}\n", Line { label, client_random, secret });
        // In one piece: others may append to the same file.
        self.0.write(|file| file.write_all(line.as_bytes()));
    }
}

impl fmt::Debug for KeyLogFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("KeyLogFile").field(&self.0.path).finish()
    }
}

/// A capture in a file.
struct CaptureFile(Outlet<Capture<File>>);

impl CaptureFile {
    fn create(path: &Path) -> Result<Self> {
        let capture = File::create(path).and_then(Capture::new).map_err(|error| unwritable(path, &error))?;
        Ok(Self(Outlet::new(path, capture)))
    }
}

impl Tap for CaptureFile {
    fn datagram(&self, datagram: &TappedDatagram<'_>) {
        let TappedDatagram { direction, local, peer, bytes, .. } = *datagram;
        let (from, to) = match direction {
            Direction::Sent => (local, peer),
            Direction::Received => (peer, local),
        };
        self.0.write(|capture| capture.add(since_1970(), from, to, bytes));
    }
}

/// As every capture has it: several sockets, and other captures, share this time.
#[expect(clippy::disallowed_methods, reason = "a program reads clocks")]
fn since_1970() -> Duration {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
}

/// A file that is written to until that fails, which is told once and ends nothing else.
struct Outlet<W> {
    path: PathBuf,
    writer: Mutex<Option<W>>,
}

impl<W> Outlet<W> {
    fn new(path: &Path, writer: W) -> Self {
        Self { path: path.into(), writer: Mutex::new(Some(writer)) }
    }

    fn write(&self, write: impl FnOnce(&mut W) -> std::io::Result<()>) {
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(Err(error)) = writer.as_mut().map(write) {
            *writer = None;
            complain(&format!("nothing more is written to {}: {}", self.path.display(), Reason(&error)));
        }
    }
}

fn unwritable(path: &Path, error: &std::io::Error) -> Failure {
    Failure::because(format!("cannot write {}: {}", path.display(), Reason(error)))
}
