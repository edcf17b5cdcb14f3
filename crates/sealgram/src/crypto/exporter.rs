//! Keying material for the application (RFC 5705): SRTP keys, channel bindings.

use core::fmt;

use crate::crypto::hash::HashAlgorithm;
use crate::crypto::prf12::{MasterSecret, RESERVED_LABELS, Randoms};

/// The secrets that outlive the handshake: so that the application can derive keys from them, and so that an association
/// that is moved to another process can derive its own again.
#[derive(Clone)]
pub(crate) struct Exporter {
    hash: HashAlgorithm,
    master: MasterSecret,
    randoms: Randoms,
    /// Whether the master secret is an extended one. Without that, two associations can be made to export the same keys
    /// (RFC 7627 section 5.4), and so nothing is exported.
    is_bound: bool,
}

impl Exporter {
    /// Takes what the handshake arrived at; `hash` is that of the cipher suite. `is_bound` says whether the master secret
    /// is an extended one.
    pub(crate) const fn new(hash: HashAlgorithm, master: MasterSecret, randoms: Randoms, is_bound: bool) -> Self {
        Self { hash, master, randoms, is_bound }
    }

    /// What the keys of the association are derived from.
    pub(crate) const fn secrets(&self) -> (&MasterSecret, &Randoms) {
        (&self.master, &self.randoms)
    }

    /// Fills `out` with keying material that both sides agree on.
    pub(crate) fn export(&self, label: &[u8], context: Option<&[u8]>, out: &mut [u8]) -> Result<(), ExportError> {
        if !self.is_bound {
            return Err(ExportError::NotAvailable);
        }
        if RESERVED_LABELS.contains(&label) {
            return Err(ExportError::ReservedLabel);
        }
        let randoms: [&[u8]; 2] = [&self.randoms.client, &self.randoms.server];
        let [client, server] = randoms;
        match context {
            None => self.master.expand(self.hash, label, &randoms, out),
            // RFC 5705 section 4: a context carries its length, so that an empty one differs from none.
            Some(context) => {
                let len = u16::try_from(context.len()).map_err(|_| ExportError::ContextTooLong)?;
                self.master.expand(self.hash, label, &[client, server, &len.to_be_bytes(), context], out);
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Exporter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exporter").field("hash", &self.hash).finish_non_exhaustive()
    }
}

/// Why keying material was not exported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ExportError {
    /// The context is longer than 65535 bytes, which its length field cannot say.
    ContextTooLong,
    /// No SRTP profile was agreed on.
    NoSrtpProfile,
    /// The association has no extended master secret (RFC 7627 section 5.4), or its exporter was dropped.
    NotAvailable,
    /// The handshake is not complete.
    NotConnected,
    /// The label is one that the protocol itself uses (RFC 5705 section 4). Registered labels start with `EXPORTER`,
    /// private ones with `EXPERIMENTAL`.
    ReservedLabel,
}

impl fmt::Display for ExportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ContextTooLong => "the context is longer than 65535 bytes",
            Self::NoSrtpProfile => "no SRTP profile was agreed on",
            Self::NotAvailable => "the association has no extended master secret, or its exporter was dropped",
            Self::NotConnected => "the handshake is not complete",
            Self::ReservedLabel => "the label is one of the protocol's own; use one that starts with EXPORTER",
        })
    }
}

impl core::error::Error for ExportError {}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    fn exporter() -> Exporter {
        Exporter::new(
            HashAlgorithm::Sha256,
            MasterSecret::extended(HashAlgorithm::Sha256, b"premaster", &[7; 32]),
            Randoms { client: [1; 32], server: [2; 32] },
            true,
        )
    }

    /// EXP-03: with such a label one could export the keys of the association itself.
    #[test]
    fn labels_of_the_protocol_are_refused() {
        for label in ["client finished", "server finished", "master secret", "extended master secret", "key expansion"]
        {
            let mut out = [0xaa; 16];
            for context in [None, Some(&b"context"[..])] {
                assert_eq!(exporter().export(label.as_bytes(), context, &mut out), Err(ExportError::ReservedLabel));
            }
            assert_eq!(out, [0xaa; 16], "nothing is written for {label}");
        }
        assert_eq!(exporter().export(b"key expansions", None, &mut [0; 16]), Ok(()));
    }

    /// EXP-02: no context, an empty one and another one are three different things.
    #[test]
    fn contexts_are_told_apart() {
        let export = |context| {
            let mut out = [0; 16];
            exporter().export(b"EXPORTER-test", context, &mut out).unwrap();
            out
        };
        let (none, empty, some) = (export(None), export(Some(b"")), export(Some(b"context")));
        assert!(none != empty && empty != some && none != some);
    }

    /// EXP-01: the length of the context has two bytes.
    #[test]
    fn a_context_has_at_most_65535_bytes() {
        let export = |len| exporter().export(b"EXPORTER-test", Some(&vec![0; len]), &mut [0; 16]);
        assert_eq!(export(65535), Ok(()));
        assert_eq!(export(65536), Err(ExportError::ContextTooLong));
    }
}
