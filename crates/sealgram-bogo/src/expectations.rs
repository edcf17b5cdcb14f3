//! Holds what came of a handshake against what the flags expect.

use core::fmt::Debug;
use core::sync::atomic::{AtomicU32, Ordering};

use sealgram::code::CertificateType;
use sealgram::{Connection, Session};

use crate::credentials;
use crate::exchange::Order;
use crate::failure::Failure;
use crate::options::{Expected, Options};
use crate::seen::{Seen, lock};

/// Checks everything that the flags expect of a handshake that is complete.
pub(crate) fn check(options: &Options, order: Order, connection: &Connection, seen: &Seen) -> Result<(), Failure> {
    let session = connection.session().ok_or(Failure::HungUp)?;
    check_choice(&options.expected, session)?;
    check_own_part(&options.expected, seen)?;
    check_peer(options, session, seen)?;
    check_resumption(options, order, session, seen)
}

/// What the two sides agreed on.
fn check_choice(expected: &Expected, session: &Session) -> Result<(), Failure> {
    same("version", expected.version, &session.version.0)?;
    same("cipher suite", expected.cipher_suite, &session.cipher_suite.0)?;
    same("group", expected.group, &session.group.map_or(0, |group| group.0))?;
    // The runner says "none" by an empty name.
    let protocol = session.application_protocol.as_deref().unwrap_or_default();
    same("application protocol", expected.application_protocol.as_deref(), &protocol)?;
    let name = session.server_name.as_deref().unwrap_or_default();
    same("server name", expected.server_name.as_deref(), &name)?;
    same("server name", expected.no_server_name.then_some(""), &name)?;
    same("extended master secret", expected.extended_master_secret.then_some(true), &session.extended_master_secret)
}

fn check_own_part(expected: &Expected, seen: &Seen) -> Result<(), Failure> {
    same("credential", expected.credential, &seen.signer.load(Ordering::Relaxed))
}

/// Who the peer is.
fn check_peer(options: &Options, session: &Session, seen: &Seen) -> Result<(), Failure> {
    let expected = &options.expected;
    let has_certificate = !session.peer_certificates.is_empty();
    let shows_certificate = !options.server || options.require_certificate;
    if options.psk.is_some() || expected.peer_public_key.is_some() {
        same("peer certificate", Some(false), &has_certificate)?;
    } else if shows_certificate {
        same("peer certificate", Some(true), &has_certificate)?;
    }
    let key_is_raw = session.peer_raw_public_key.is_some();
    let peer_type = if key_is_raw { CertificateType::RAW_PUBLIC_KEY } else { CertificateType::X509 };
    same("type of the peer's certificate", expected.peer_type, &peer_type)?;
    if let Some(path) = &expected.peer_chain {
        same("peer certificates", Some(credentials::certificates(path)?), &session.peer_certificates)?;
    }
    // What is taken up again was signed and judged then.
    if session.resumed {
        return Ok(());
    }
    let scheme = seen.peer_scheme.load(Ordering::Relaxed);
    same("signature scheme", expected.peer_scheme, &scheme)?;
    // A server that asked for nothing has nothing to find fault with.
    same("verified", expected.verified.then_some(true), &(options.server || scheme != 0))?;
    same("OCSP response", expected.ocsp_response.as_ref(), &&*lock(&seen.ocsp_response))
}

/// Whether a session was taken up, and what was kept for the next time.
fn check_resumption(options: &Options, order: Order, session: &Session, seen: &Seen) -> Result<(), Failure> {
    let expected = &options.expected;
    same("resumed", Some(order == Order::Later && !expected.session_miss), &session.resumed)?;
    let kept = |count: &AtomicU32| count.load(Ordering::Relaxed) > 0;
    if options.server {
        let wanted = expected.session_by_id.filter(|_| order == Order::First);
        return same("session kept by the server", wanted, &kept(&seen.kept_by_server));
    }
    let wanted = !expected.no_session && (!session.resumed || expected.ticket_renewal);
    // Without the extended master secret a session is not kept (RFC 7627 section 5.4).
    let wanted = wanted && session.extended_master_secret;
    same("session kept by the client", Some(wanted), &kept(&seen.kept_by_client))
}

fn same<T: PartialEq + Debug>(what: &str, expected: Option<T>, found: &T) -> Result<(), Failure> {
    match expected {
        Some(expected) if expected != *found => {
            Err(Failure::Unexpected(format!("{what} is {found:?}, and not {expected:?}")))
        }
        _ => Ok(()),
    }
}
