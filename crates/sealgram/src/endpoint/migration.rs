//! Connections that leave for another endpoint, and those that come from one: a server that starts again.

use core::fmt;

use rand_core::CryptoRng;

use crate::connection::Connection;
use crate::endpoint::dispatch::Endpoint;
use crate::endpoint::error::Refusal;
use crate::endpoint::moves::settle_id_len;
use crate::endpoint::routes::Handle;
use crate::endpoint::schedule::Entry;
use crate::snapshot::{RestoreError, RoleConfig, Sealed, SnapshotError, SnapshotKey};
use crate::time::Instant;

impl Endpoint {
    /// Takes a connection out, without a word to its peer, and seals it together with its path: for
    /// [`restore`](Self::restore), in another process or on another machine. See
    /// [`Connection::snapshot`](crate::Connection::snapshot).
    ///
    /// The path of a peer that was about to move is the former one; the peer is checked again where it is heard next.
    ///
    /// # Errors
    ///
    /// [`SnapshotError`]; the connection is still there, as it was.
    pub fn snapshot(&mut self, handle: Handle, key: &SnapshotKey) -> Result<Sealed, SnapshotError> {
        self.let_newcomers_take_over();
        let (path, entry) = self.routes.get_mut(handle).ok_or(SnapshotError::NoSuchConnection)?;
        let sealed = entry.connection.seal_snapshot(key, Some(*path))?;
        self.take_out(handle);
        Ok(sealed)
    }

    /// Puts a connection in that another endpoint has taken out, on the path that it had there. It is found by path and
    /// by connection ID as before, and under another handle.
    ///
    /// Where its peer's path is another one here, above all for the address that the peer writes to,
    /// [`move_to`](Self::move_to) corrects it. A connection that is established on the path already is the newer one, and
    /// stays; where connection IDs tell the two apart, both do.
    ///
    /// # Errors
    ///
    /// [`EndpointRestoreError`]; nothing is kept then, and the snapshot can be tried again.
    pub fn restore(
        &mut self,
        sealed: &Sealed,
        key: &SnapshotKey,
        config: impl Into<RoleConfig>,
        now: Instant,
        rng: &mut dyn CryptoRng,
    ) -> Result<Handle, EndpointRestoreError> {
        let now = self.schedule.advance(now);
        self.let_newcomers_take_over();
        let content = sealed.open(key)?;
        let path = content.path.ok_or(EndpointRestoreError::WithoutPath)?;
        let connection = Connection::from_content(content, &config.into(), now, self.wall_clock, rng)?;
        let id = connection.expected_id();
        if let Some(refusal) = self.refusal().or_else(|| self.refusal_of_id_len(id.len())) {
            return Err(EndpointRestoreError::Refused(refusal));
        }
        let is_found_by_id = !id.is_empty() && self.routes.with_id(id.as_bytes()).is_none();
        if self.routes.at(&path).established.is_some() && !is_found_by_id {
            return Err(EndpointRestoreError::PathTaken);
        }
        let id_len = id.len();
        let entry = Entry::restored(connection);
        let (handle, entry) = self.routes.insert(path, entry).ok_or(Refusal::TooManyConnections)?;
        settle_id_len(&mut self.cid_len, id_len);
        self.schedule.touched(handle, entry);
        self.routes.lead_to_established(handle);
        self.identify_connections();
        Ok(handle)
    }
}

/// Why [`Endpoint::restore`] put no connection in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EndpointRestoreError {
    /// Another connection is established on its path, and no connection ID tells the two apart.
    PathTaken,
    /// There is no place for it.
    Refused(Refusal),
    /// It was not restored.
    Restore(RestoreError),
    /// It was sealed without an endpoint, and does not say where the peer is.
    WithoutPath,
}

impl From<RestoreError> for EndpointRestoreError {
    fn from(error: RestoreError) -> Self {
        Self::Restore(error)
    }
}

impl From<Refusal> for EndpointRestoreError {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl fmt::Display for EndpointRestoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PathTaken => f.write_str("another connection is established on the path"),
            Self::Refused(refusal) => refusal.fmt(f),
            Self::Restore(error) => error.fmt(f),
            Self::WithoutPath => f.write_str("the snapshot was made without an endpoint, and has no path"),
        }
    }
}

impl core::error::Error for EndpointRestoreError {}
