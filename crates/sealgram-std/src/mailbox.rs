//! A value behind a lock that threads wait on.

use core::time::Duration;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use crate::clock::Clock;
use crate::error::Error;

/// A value that one thread changes and others wait for.
///
/// A thread that panics with the lock leaves a value that is whole: it is only pushed to and popped from. So poison is
/// no reason to fail.
#[derive(Debug, Default)]
pub(crate) struct Mailbox<T> {
    value: Mutex<T>,
    changed: Condvar,
}

impl<T> Mailbox<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self { value: Mutex::new(value), changed: Condvar::new() }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        self.value.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the value and wakes those who wait for it.
    pub(crate) fn update<R>(&self, change: impl FnOnce(&mut T) -> R) -> R {
        let result = change(&mut self.lock());
        self.changed.notify_all();
        result
    }

    /// Waits until `take` finds what it looks for. It looks at least once, however short the timeout.
    ///
    /// # Errors
    ///
    /// [`Error::TimedOut`].
    pub(crate) fn wait<R>(
        &self,
        clock: Clock,
        timeout: Option<Duration>,
        mut take: impl FnMut(&mut T) -> Option<R>,
    ) -> Result<R, Error> {
        let deadline = timeout.map(|timeout| clock.now() + timeout);
        let mut value = self.lock();
        loop {
            if let Some(result) = take(&mut value) {
                return Ok(result);
            }
            value = match deadline.map(|deadline| deadline - clock.now()) {
                None => self.changed.wait(value).unwrap_or_else(PoisonError::into_inner),
                Some(Duration::ZERO) => return Err(Error::TimedOut),
                Some(rest) => self.changed.wait_timeout(value, rest).unwrap_or_else(PoisonError::into_inner).0,
            };
        }
    }
}
