//! Where master secrets may be written down, so that a tool for people can read what two ends said.

use core::fmt;

/// Is told the secrets of connections, in the terms of the file that `SSLKEYLOGFILE` names (RFC 9850).
///
/// Who has what it was told and a recording of the datagrams reads all of them, in both directions, whatever the key
/// exchange, and years later: forward secrecy ends with the log. While the connection lasts, such a reader can also
/// change and forge what is to come, derive everything that
/// [`export_keying_material`](crate::Connection::export_keying_material) gives, and, where sessions are resumed, read
/// the connections that take this one up, for they have the same master secret. It does not give away private keys or
/// preshared keys, and nothing of connections that share no session with this one. So it is for finding out what goes wrong between test machines,
/// and nothing else: there is none unless `danger().key_log(…)` of a configuration sets one, and the core itself reads
/// no environment variable.
///
/// [`Line`] is how a secret is written in the file.
pub trait KeyLog: fmt::Debug + Send + Sync {
    /// Takes down a secret. It is called once for each connection, as soon as there is a master secret: before anybody
    /// has proven to hold the same one. So it is told of handshakes that fail after that, too: a wrong preshared key or
    /// a Finished that does not verify leaves a secret that nobody used. In a full handshake the client comes to it
    /// when it makes its ClientKeyExchange, and the server when it reads it; a session that is taken up again has its
    /// master secret at ServerHello, which is the one of the session, under the random of the new ClientHello.
    ///
    /// In DTLS 1.2 the label is always [`CLIENT_RANDOM`], and the secret is the master secret of 48 bytes.
    ///
    /// It is called by whatever brings the connection a datagram or an answer, and with an endpoint for many peers holds
    /// up all of them: must not block.
    /// There is no way to fail: a log that cannot be written is the caller's to report, and the connection goes on.
    fn log(&self, label: &str, client_random: &[u8; 32], secret: &[u8]);
}

/// The label of a master secret (RFC 9850): the random of the ClientHello says whose it is.
pub const CLIENT_RANDOM: &str = "CLIENT_RANDOM";

/// A line of the file, which [`Display`](fmt::Display) writes without its end: the label, the client random in
/// hexadecimal and the secret in hexadecimal, with single spaces between them (RFC 9850 section 2).
///
/// ```
/// use sealgram::key_log::{CLIENT_RANDOM, Line};
///
/// let line = Line { label: CLIENT_RANDOM, client_random: &[0xc1; 32], secret: &[0x5e; 48] }.to_string();
/// assert_eq!(line, format!("CLIENT_RANDOM {} {}", "c1".repeat(32), "5e".repeat(48)));
/// ```
#[derive(Clone, Copy)]
#[expect(clippy::exhaustive_structs, reason = "the three columns of the file, as KeyLog is told them")]
pub struct Line<'a> {
    /// What kind of secret it is.
    pub label: &'a str,
    /// Whose it is.
    pub client_random: &'a [u8; 32],
    /// The secret.
    pub secret: &'a [u8],
}

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ", self.label)?;
        self.client_random.iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
        f.write_str(" ")?;
        self.secret.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// Without the secret: what is printed to debug ends up in other files than the one it was meant for.
impl fmt::Debug for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Line").field("label", &self.label).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use alloc::format;

    use super::*;

    #[test]
    fn a_line_shows_its_secret_only_where_it_is_written() {
        let line = Line { label: CLIENT_RANDOM, client_random: &[0x0a; 32], secret: &[0x5e; 48] };
        assert!(format!("{line}").ends_with(&"5e".repeat(48)));
        assert!(!format!("{line:?}").contains("5e") && !format!("{line:?}").contains("94"));
    }
}
