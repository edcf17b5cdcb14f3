//! A peer's process: what it says, what is said to it, and its end.

use core::sync::atomic::{AtomicUsize, Ordering};
use core::time::Duration;
use std::env;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use crate::{Outcome, PATIENCE, now};

/// The folder of this name in the cache, or what makes it.
pub fn cached(folder: &str, script: &str) -> Result<PathBuf, String> {
    let cache = env::var_os("SEALGRAM_CACHE").map(PathBuf::from);
    let cache = cache.or_else(|| env::var_os("HOME").map(|home| Path::new(&home).join(".cache/sealgram")));
    let found = cache.map(|cache| cache.join(folder)).filter(|folder| folder.join("complete").exists());
    found.ok_or_else(|| format!("{folder} is not in the cache; {script} puts it there"))
}

/// A running program, which ends with this value at the latest.
#[derive(Debug)]
pub struct Process {
    child: Child,
    /// Kept open: most tools quit when their input ends.
    stdin: Option<ChildStdin>,
    output: Arc<Output>,
}

/// What the program has written so far. Its streams are kept apart: a complaint can come in the middle of a line of data.
#[derive(Debug, Default)]
struct Output {
    streams: Mutex<[Vec<u8>; 2]>,
    grew: Condvar,
    /// How much of each was there when a new matter began.
    earlier: [AtomicUsize; 2],
}

impl Process {
    /// Starts the program with its three streams in our hands.
    pub fn spawn(command: &mut Command) -> Outcome<Self> {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| format!("{command:?} does not start: {error}"))?;
        let output = Arc::new(Output::default());
        let streams = [
            child.stdout.take().map(|stream| Box::new(stream) as Box<dyn Read + Send>),
            child.stderr.take().map(|stream| Box::new(stream) as Box<dyn Read + Send>),
        ];
        for (n, stream) in streams.into_iter().flatten().enumerate() {
            let output = Arc::clone(&output);
            thread::spawn(move || output.collect(n, stream));
        }
        Ok(Self { stdin: child.stdin.take(), child, output })
    }

    /// Types a line.
    pub fn say(&mut self, line: &str) -> Outcome {
        let stdin = self.stdin.as_mut().ok_or("its input is not ours")?;
        stdin.write_all(format!("{line}\n").as_bytes())?;
        Ok(stdin.flush()?)
    }

    /// Ends its input.
    pub fn end_input(&mut self) {
        self.stdin = None;
    }

    /// All that it has written, on one stream and then on the other.
    #[must_use]
    pub fn output(&self) -> String {
        String::from_utf8_lossy(&self.output.lock().concat()).into_owned()
    }

    /// What it has written so far counts no longer for who waits.
    pub fn begin_anew(&self) {
        for (stream, earlier) in self.output.lock().iter().zip(&self.output.earlier) {
            earlier.store(stream.len(), Ordering::Relaxed);
        }
    }

    /// Waits until it has written this.
    pub fn wait_for_text(&self, text: &str) -> Outcome {
        self.wait_until(|output| output.contains(text)).map_err(|_| format!("it does not print {text:?}").into())
    }

    /// Waits until this holds of what it has written.
    pub fn wait_until(&self, holds: impl Fn(&str) -> bool) -> Outcome {
        self.wait_for(|output| holds(output).then_some(())).ok_or_else(|| "it does not print what it should".into())
    }

    /// Waits until it has written a line that begins so, and gives the rest of the line.
    pub fn wait_for_line(&self, beginning: &str) -> Outcome<String> {
        let found = self.wait_for(|output| {
            // A line counts once its end is there.
            let whole = output.rsplit_once('\n').map_or("", |(whole, _)| whole);
            whole.lines().find_map(|line| line.strip_prefix(beginning)).map(String::from)
        });
        found.ok_or_else(|| format!("it prints no line that begins with {beginning:?}").into())
    }

    fn wait_for<T>(&self, find: impl Fn(&str) -> Option<T>) -> Option<T> {
        let until = now() + PATIENCE;
        let mut streams = self.output.lock();
        loop {
            let latest = streams.iter().zip(&self.output.earlier);
            let mut latest = latest.filter_map(|(bytes, earlier)| bytes.get(earlier.load(Ordering::Relaxed)..));
            if let Some(found) = latest.find_map(|bytes| find(&String::from_utf8_lossy(bytes))) {
                return Some(found);
            }
            let left = until.saturating_duration_since(now());
            if left.is_zero() {
                return None;
            }
            streams = self.output.grew.wait_timeout(streams, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Waits until it has ended by itself, and fails if it says that it failed.
    pub fn wait_for_success(&mut self) -> Outcome {
        let until = now() + PATIENCE;
        while now() < until {
            if let Some(status) = self.child.try_wait()? {
                return if status.success() { Ok(()) } else { Err(format!("it ended with {status}").into()) };
            }
            thread::sleep(Duration::from_millis(2));
        }
        Err("it does not end".into())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Both fail only if it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Output {
    fn collect(&self, n: usize, mut stream: impl Read) {
        let mut piece = [0; 4096];
        while let Ok(len @ 1..) = stream.read(&mut piece) {
            if let Some(bytes) = self.lock().get_mut(n) {
                bytes.extend(piece.iter().take(len));
            }
            self.grew.notify_all();
        }
    }

    fn lock(&self) -> MutexGuard<'_, [Vec<u8>; 2]> {
        self.streams.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
