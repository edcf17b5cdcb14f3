//! What a handshake shows to those whom the configuration names: keys that sign, judges, stores.

use core::sync::atomic::{AtomicI32, AtomicU16, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sealgram::crypto::SigningKey;

/// What was seen since the connection began. The configuration, and with it this, may serve several connections.
#[derive(Debug)]
pub(crate) struct Seen {
    /// Which credential signed last, by the runner's count; [`NONE_SIGNED`] before one did.
    pub(crate) signer: AtomicI32,
    /// The key that is to sign later.
    pub(crate) signing: Mutex<Option<Arc<dyn SigningKey>>>,
    /// The signature scheme that the peer signed with; 0 before it did.
    pub(crate) peer_scheme: AtomicU16,
    /// What the judge was given, empty if nothing.
    pub(crate) ocsp_response: Mutex<Vec<u8>>,
    /// How many sessions a client has put into its store.
    pub(crate) kept_by_client: AtomicU32,
    /// How many sessions a server has put into its store.
    pub(crate) kept_by_server: AtomicU32,
}

impl Default for Seen {
    fn default() -> Self {
        Self {
            signer: AtomicI32::new(NONE_SIGNED),
            signing: Mutex::default(),
            peer_scheme: AtomicU16::default(),
            ocsp_response: Mutex::default(),
            kept_by_client: AtomicU32::default(),
            kept_by_server: AtomicU32::default(),
        }
    }
}

impl Seen {
    /// Forgets everything: another connection begins.
    pub(crate) fn begin(&self) {
        self.signer.store(NONE_SIGNED, Ordering::Relaxed);
        *lock(&self.signing) = None;
        self.peer_scheme.store(0, Ordering::Relaxed);
        lock(&self.ocsp_response).clear();
        self.kept_by_client.store(0, Ordering::Relaxed);
        self.kept_by_server.store(0, Ordering::Relaxed);
    }
}

/// There is one thread, so that nothing was left half done.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What the runner says where no credential signs. It is also its name of the one that needs no flag to begin.
pub(crate) const NONE_SIGNED: i32 = -1;
