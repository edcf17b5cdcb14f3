//! A store of a server's sessions that could be a file: all that it keeps are bytes, so that a server which starts anew
//! has no more of a session than what was written.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use sealgram::Reply;
use sealgram::resumption::{ServerSession, ServerSessions, SessionId};

/// Sessions as bytes.
#[derive(Default)]
pub struct WrittenSessions(Mutex<BTreeMap<SessionId, Vec<u8>>>);

impl WrittenSessions {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<SessionId, Vec<u8>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is written is secret.
impl core::fmt::Debug for WrittenSessions {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("WrittenSessions").finish_non_exhaustive()
    }
}

impl ServerSessions for WrittenSessions {
    fn put(&self, id: &SessionId, session: ServerSession) {
        if let Some(bytes) = session.to_bytes() {
            self.lock().insert(*id, bytes.to_vec());
        }
    }

    fn find(&self, id: &SessionId) -> Reply<Option<ServerSession>> {
        Reply::Now(self.lock().get(id).and_then(|bytes| ServerSession::from_bytes(bytes)))
    }

    fn remove(&self, id: &SessionId) {
        self.lock().remove(id);
    }
}
