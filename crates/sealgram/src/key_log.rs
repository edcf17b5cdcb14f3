//! Where master secrets may be written down, so that a tool for people can read what two ends said.

use core::fmt;

/// Is told the secrets of connections, in the terms of the file that `SSLKEYLOGFILE` names (RFC 9850).
///
/// Who has what it was told and a recording of the datagrams reads all of them, and can change those to come. It is
/// for finding out what goes wrong between test machines, and nothing else: there is none unless
/// `danger().key_log(…)` of a configuration sets one.
///
/// A line of the file is the label, the client random in hexadecimal and the secret in hexadecimal, with single spaces
/// between them.
pub trait KeyLog: fmt::Debug + Send + Sync {
    /// Takes down a secret. It is called once for each connection, as soon as there is a master secret: before anybody
    /// has proven to hold the same one. Must not block.
    ///
    /// In DTLS 1.2 the label is always [`CLIENT_RANDOM`], and the secret is the master secret of 48 bytes.
    fn log(&self, label: &str, client_random: &[u8; 32], secret: &[u8]);
}

/// The label of a master secret (RFC 9850): the random of the ClientHello says whose it is.
pub const CLIENT_RANDOM: &str = "CLIENT_RANDOM";
