//! Processes that end with their test, and files that vanish with it.

use core::sync::atomic::{AtomicU32, Ordering};
use core::time::Duration;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Instant;

use rcgen::{CertificateParams, KeyPair};

/// How long anything may take before a test gives up. Generous, as test machines are busy.
const PATIENCE: Duration = Duration::from_secs(60);

/// A command that runs the program.
pub(crate) fn sealgram(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sealgram"));
    command.env_remove("SSLKEYLOGFILE");
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// How a run ended.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Outcome {
    /// Asserts success, and silence on standard error; returns what was printed.
    #[track_caller]
    pub(crate) fn expect_success(self) -> String {
        assert!(self.status.success() && self.stderr.is_empty(), "{self:#?}");
        self.stdout
    }

    /// Asserts exit status 1 and exactly one line on standard error; returns the line.
    #[track_caller]
    pub(crate) fn expect_failure(self) -> String {
        assert_eq!(self.status.code(), Some(1), "{self:#?}");
        assert_eq!(self.stderr.lines().count(), 1, "{self:#?}");
        assert!(self.stderr.starts_with("sealgram: ") && self.stderr.ends_with('\n'), "{self:#?}");
        assert!(!self.stderr.contains("panicked"), "{self:#?}");
        self.stderr
    }
}

/// Runs the program to its end.
#[track_caller]
pub(crate) fn run(arguments: &[&str]) -> Outcome {
    finish(Guard(sealgram(arguments).spawn().unwrap()))
}

/// Runs the program to its end with `input` on its standard input.
#[track_caller]
pub(crate) fn run_with_input(arguments: &[&str], input: &str) -> Outcome {
    let mut child = Guard(sealgram(arguments).stdin(Stdio::piped()).spawn().unwrap());
    child.0.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    finish(child)
}

#[track_caller]
pub(crate) fn finish(mut child: Guard) -> Outcome {
    let stdout = child.0.stdout.take().map(read_all);
    let stderr = child.0.stderr.take().map(read_all);
    let start = Instant::now();
    let status = loop {
        if let Some(status) = child.0.try_wait().unwrap() {
            break status;
        }
        assert!(start.elapsed() < PATIENCE, "the program did not end");
        thread::sleep(Duration::from_millis(5));
    };
    let text = |reader: Option<thread::JoinHandle<String>>| reader.map_or_else(String::new, |it| it.join().unwrap());
    Outcome { status, stdout: text(stdout), stderr: text(stderr) }
}

fn read_all(mut pipe: impl Read + Send + 'static) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let mut text = String::new();
        pipe.read_to_string(&mut text).unwrap();
        text
    })
}

/// A process that does not outlive this value.
pub(crate) struct Guard(pub(crate) Child);

impl Drop for Guard {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A running `sealgram listen`.
pub(crate) struct Listening {
    lines: Receiver<String>,
    /// Where it listens.
    pub(crate) address: String,
    _child: Guard,
}

impl Listening {
    /// Starts it on a free port of 127.0.0.1 and waits until it listens.
    #[track_caller]
    pub(crate) fn start(arguments: &[&str]) -> Self {
        Self::at("127.0.0.1:0", arguments)
    }

    /// Starts it at an address and waits until it listens.
    #[track_caller]
    pub(crate) fn at(address: &str, arguments: &[&str]) -> Self {
        let arguments = [&["listen", address], arguments].concat();
        let mut child = Guard(sealgram(&arguments).spawn().unwrap());
        let (sender, lines) = mpsc::channel();
        let stdout = BufReader::new(child.0.stdout.take().unwrap());
        thread::spawn(move || stdout.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
        let first = lines.recv_timeout(PATIENCE).unwrap();
        let address = first.strip_prefix("listening on ").unwrap().to_owned();
        Self { lines, address, _child: child }
    }

    /// Starts it with a certificate from files.
    #[track_caller]
    pub(crate) fn with_identity(identity: &Files, arguments: &[&str]) -> Self {
        Self::start(&[&["--cert", &identity.cert, "--key", &identity.key], arguments].concat())
    }

    /// The rest of the next line that contains `text`, after it.
    #[track_caller]
    pub(crate) fn wait_for(&self, text: &str) -> String {
        let mut others = Vec::new();
        let start = Instant::now();
        while let Ok(line) = self.lines.recv_timeout(PATIENCE.saturating_sub(start.elapsed())) {
            if let Some((_, rest)) = line.split_once(text) {
                return rest.to_owned();
            }
            others.push(line);
        }
        panic!("no line with {text:?}, but {others:#?}");
    }

    /// The fingerprint that it prints for a certificate it made.
    #[track_caller]
    pub(crate) fn fingerprint(&self) -> String {
        self.wait_for("SHA-256 fingerprint: ")
    }
}

/// A directory for one test.
pub(crate) struct Dir(PathBuf);

impl Dir {
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("sealgram-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    /// The path of a file in it.
    pub(crate) fn path(&self, name: &str) -> String {
        self.0.join(name).to_str().unwrap().to_owned()
    }

    /// Writes a file and returns its path.
    pub(crate) fn write(&self, name: &str, text: &str) -> String {
        let path = self.path(name);
        fs::write(&path, text).unwrap();
        path
    }

    /// A self-signed certificate and its key as files.
    pub(crate) fn identity(&self, params: &CertificateParams) -> Files {
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        let serial = key.public_key_raw().iter().fold(0_u64, |sum, byte| sum.wrapping_mul(31) + u64::from(*byte));
        Files {
            cert: self.write(&format!("{serial:x}.cert.pem"), &certificate.pem()),
            key: self.write(&format!("{serial:x}.key.pem"), &key.serialize_pem()),
        }
    }
}

impl Dir {
    /// A private key and its public half as files.
    pub(crate) fn key_pair(&self, name: &str) -> KeyFiles {
        let key = KeyPair::generate().unwrap();
        KeyFiles {
            private: self.write(&format!("{name}.key.pem"), &key.serialize_pem()),
            public: self.write(&format!("{name}.pub.pem"), &key.public_key_pem()),
        }
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Where a certificate and its key are.
pub(crate) struct Files {
    pub(crate) cert: String,
    pub(crate) key: String,
}

/// Where the halves of a key pair are.
pub(crate) struct KeyFiles {
    pub(crate) private: String,
    pub(crate) public: String,
}

/// What a certificate for `name` says unless a test changes it.
pub(crate) fn params(name: &str) -> CertificateParams {
    CertificateParams::new([name.to_owned()]).unwrap()
}
