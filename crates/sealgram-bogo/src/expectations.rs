//! Holds what came of a handshake against what the flags expect.

use core::fmt::Debug;
use core::sync::atomic::Ordering;

use crate::credentials;
use crate::ends::End;
use crate::failure::Failure;
use crate::options::Options;

/// Checks everything that the flags expect of a handshake that is complete.
pub(crate) fn check(options: &Options, end: &End) -> Result<(), Failure> {
    let expected = &options.expected;
    let session = end.connection.session().ok_or(Failure::HungUp)?;

    same("version", expected.version, &session.version.0)?;
    same("cipher suite", expected.cipher_suite, &session.cipher_suite.0)?;
    same("group", expected.group, &session.group.map_or(0, |group| group.0))?;
    same("credential", expected.credential, &end.signer.load(Ordering::Relaxed))?;
    same("signature scheme", expected.peer_scheme, &end.peer_scheme.load(Ordering::Relaxed))?;
    // The runner says "none" by an empty name.
    let protocol = session.application_protocol.as_deref().unwrap_or_default();
    same("application protocol", expected.application_protocol.as_deref(), &protocol)?;
    let name = session.server_name.as_deref().unwrap_or_default();
    same("server name", expected.server_name.as_deref(), &name)?;
    same("server name", expected.no_server_name.then_some(""), &name)?;
    same("extended master secret", expected.extended_master_secret.then_some(true), &session.extended_master_secret)?;

    // A server that asked for nothing has nothing to find fault with.
    let has_verified = options.server || end.peer_scheme.load(Ordering::Relaxed) != 0;
    same("verified", expected.verified.then_some(true), &has_verified)?;
    same("peer certificate", (!options.server).then_some(true), &!session.peer_certificates.is_empty())?;
    if let Some(path) = &expected.peer_chain {
        same("peer certificates", Some(credentials::certificates(path)?), &session.peer_certificates)?;
    }
    Ok(())
}

fn same<T: PartialEq + Debug>(what: &str, expected: Option<T>, found: &T) -> Result<(), Failure> {
    match expected {
        Some(expected) if expected != *found => {
            Err(Failure::Unexpected(format!("{what} is {found:?}, and not {expected:?}")))
        }
        _ => Ok(()),
    }
}
