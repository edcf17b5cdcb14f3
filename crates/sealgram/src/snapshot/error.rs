//! Why an association was not sealed, or not restored.

use core::fmt;

use crate::code::CipherSuite;
use crate::role::Role;

/// Why there is no snapshot. The connection is as it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SnapshotError {
    /// The connection has ended.
    Closed,
    /// The handshake is under way: wait for [`Event::Connected`](crate::Event::Connected).
    Handshaking,
    /// There is no connection with this handle.
    NoSuchConnection,
    /// The provider did not seal, or the content is longer than [`Sealed::MAX_LEN`](super::Sealed::MAX_LEN).
    NotSealed,
    /// [`drop_exporter`](crate::Connection::drop_exporter) has erased what the keys would be derived from again.
    SecretDropped,
    /// Output, events or early data wait to be taken, and would be lost: poll until there are none.
    Undrained,
}

impl fmt::Display for SnapshotError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Closed => "the connection has ended",
            Self::Handshaking => "the handshake is not complete",
            Self::NoSuchConnection => "there is no such connection",
            Self::NotSealed => "the provider did not seal the snapshot, or it is too long",
            Self::SecretDropped => "the master secret was dropped with the exporter",
            Self::Undrained => "output, events or early data wait to be taken",
        })
    }
}

impl core::error::Error for SnapshotError {}

/// Why an association was not restored. Nothing was sent, and the snapshot is as good as before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RestoreError {
    /// The keys are used up, or would be with what has to be skipped.
    KeysUsedUp,
    /// It is authentic, and its content does not parse: whoever has the key made it otherwise.
    Malformed,
    /// These are not the bytes of a snapshot, or not all of them.
    NotASnapshot,
    /// It was changed, or sealed under another key.
    NotAuthentic,
    /// The configuration is for the other role.
    OtherRole {
        /// The role that the connection had.
        role: Role,
    },
    /// The configuration does not use its cipher suite, or the provider does not have it any more.
    SuiteNotInUse(CipherSuite),
    /// It was sealed in a form that this version of the library does not know.
    UnknownVersion(u8),
    /// The configuration demands the extended master secret, which the association does without.
    WithoutExtendedMasterSecret,
}

impl fmt::Display for RestoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::KeysUsedUp => f.write_str("the keys of the association are used up"),
            Self::Malformed => f.write_str("the content of the snapshot does not parse"),
            Self::NotASnapshot => f.write_str("these are not the bytes of a snapshot, or not all of them"),
            Self::NotAuthentic => f.write_str("the snapshot was changed, or sealed under another key"),
            Self::OtherRole { role: Role::Client } => {
                f.write_str("a client's connection needs a client's configuration")
            }
            Self::OtherRole { role: Role::Server } => {
                f.write_str("a server's connection needs a server's configuration")
            }
            Self::SuiteNotInUse(suite) => write!(f, "the configuration does not use {suite}"),
            Self::UnknownVersion(version) => write!(f, "the form {version} of snapshots is not known"),
            Self::WithoutExtendedMasterSecret => {
                f.write_str("the configuration demands the extended master secret, and the association has none")
            }
        }
    }
}

impl core::error::Error for RestoreError {}

#[cfg(test)]
mod tests {
    use alloc::collections::BTreeSet;
    use alloc::string::{String, ToString};

    use super::*;

    /// Whoever reads a log can tell them apart.
    #[test]
    fn each_refusal_has_a_text_of_its_own() {
        let sealing = [
            SnapshotError::Closed,
            SnapshotError::Handshaking,
            SnapshotError::NoSuchConnection,
            SnapshotError::NotSealed,
            SnapshotError::SecretDropped,
            SnapshotError::Undrained,
        ];
        let restoring = [
            RestoreError::KeysUsedUp,
            RestoreError::Malformed,
            RestoreError::NotASnapshot,
            RestoreError::NotAuthentic,
            RestoreError::OtherRole { role: Role::Client },
            RestoreError::OtherRole { role: Role::Server },
            RestoreError::SuiteNotInUse(CipherSuite(0)),
            RestoreError::UnknownVersion(7),
            RestoreError::WithoutExtendedMasterSecret,
        ];
        let texts: BTreeSet<String> =
            sealing.iter().map(ToString::to_string).chain(restoring.iter().map(ToString::to_string)).collect();
        assert_eq!(texts.len(), sealing.len() + restoring.len());
        assert!(RestoreError::UnknownVersion(7).to_string().contains('7'));
    }
}
