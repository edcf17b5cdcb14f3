//! The flags of the runner that mean something here, or that may safely mean nothing.
//!
//! What is missing is missing on purpose: a test that uses it is then counted as not implemented, and `config.json` says
//! for each one why.

use core::str::FromStr;
use core::time::Duration;
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

use sealgram::code::{CertificateType, NamedGroup, SignatureScheme, SrtpProfile};
use sealgram::pki_types::CertificateDer;
use sealgram::pki_types::pem::PemObject;

use crate::algorithms;
use crate::failure::Failure;
use crate::options::{Options, TicketPolicy};

/// What a flag does.
pub(crate) enum Flag {
    /// It stands alone.
    Set(fn(&mut Options)),
    /// A value follows it.
    Value(fn(&mut Options, &[u8]) -> Result<(), Failure>),
    /// It stands alone and asks for what is always so.
    Idle,
    /// A value follows it, and it asks for what is always so.
    IdleValue,
}

use Flag::{Idle, IdleValue, Set, Value};

/// All flags, sorted by name.
pub(crate) const FLAGS: &[(&str, Flag)] = &[
    ("-accepted-peer-cert-types", Value(|o, v| add(&mut o.terms.peer_types, certificate_type(v)))),
    ("-advertise-alpn", Value(|o, v| put(&mut o.application_protocols, protocol_list(v)))),
    // Another extension that chooses a protocol, which is not spoken: ALPN wins wherever both are offered.
    ("-advertise-npn", IdleValue),
    // Output and input are those of a state machine: nothing there ever blocks or waits. Verdicts, signatures, sessions and
    // preshared keys may come later.
    ("-async", Set(|o| o.answers_later = true)),
    ("-available-client-cert-types", Value(|o, v| add(&mut o.own_types, certificate_type(v)))),
    ("-cert-file", Value(|o, v| put(&mut o.credentials.latest().chain, Ok(Some(path(v)))))),
    // close_notify is always sent, and always looked for.
    ("-check-close-notify", Idle),
    ("-cipher", Value(|o, v| put(&mut o.cipher_suites, cipher_suites(v)))),
    ("-curves", Value(|o, v| add(&mut o.groups, group(v)))),
    ("-decline-alpn", Set(|o| o.application_protocols.clear())),
    ("-decline-ocsp-callback", Set(|o| o.ocsp_callback.declines = true)),
    ("-dtls", Idle),
    ("-enable-ocsp-stapling", Set(|o| o.terms.ocsp_response = true)),
    // What the client offers is for the core to read; the choice out of it is looked at.
    ("-expect-advertised-alpn", IdleValue),
    ("-expect-alpn", Value(|o, v| put(&mut o.expected.application_protocol, Ok(Some(v.to_vec()))))),
    ("-expect-cipher", Value(|o, v| put(&mut o.expected.cipher_suite, number(v).map(Some)))),
    ("-expect-curve-id", Value(|o, v| put(&mut o.expected.group, number(v).map(Some)))),
    ("-expect-extended-master-secret", Set(|o| o.expected.extended_master_secret = true)),
    // The runner knows which messages it sends; what they mean is looked at.
    ("-expect-msg-callback", IdleValue),
    // DTLS 1.2 has no HelloRetryRequest.
    ("-expect-no-hrr", Idle),
    ("-expect-no-server-name", Set(|o| o.expected.no_server_name = true)),
    ("-expect-no-session", Set(|o| o.expected.no_session = true)),
    ("-expect-no-session-id", Set(|o| o.expected.session_by_id = Some(false))),
    ("-expect-ocsp-response", Value(|o, v| put(&mut o.expected.ocsp_response, base64(v).map(Some)))),
    ("-expect-peer-cert-file", Value(|o, v| put(&mut o.expected.peer_chain, Ok(Some(path(v)))))),
    ("-expect-peer-certificate-type", Value(|o, v| put(&mut o.expected.peer_type, certificate_type(v).map(Some)))),
    ("-expect-peer-rpk-sha256", Value(|o, v| put(&mut o.expected.peer_public_key, base64(v).map(Some)))),
    ("-expect-peer-signature-algorithm", Value(|o, v| put(&mut o.expected.peer_scheme, number(v).map(Some)))),
    // A client that requires it would not come to the end without.
    ("-expect-secure-renegotiation", Set(|o| o.requires_renegotiation_info = true)),
    ("-expect-selected-credential", Value(|o, v| put(&mut o.expected.credential, number(v).map(Some)))),
    ("-expect-server-name", Value(|o, v| put(&mut o.expected.server_name, text(v).map(Some)))),
    ("-expect-session-id", Set(|o| o.expected.session_by_id = Some(true))),
    ("-expect-session-miss", Set(|o| o.expected.session_miss = true)),
    ("-expect-ticket-renewal", Set(|o| o.expected.ticket_renewal = true)),
    ("-expect-total-renegotiations", Value(|_, v| only(v, 0))),
    ("-expect-verify-result", Set(|o| o.expected.verified = true)),
    ("-expect-version", Value(|o, v| put(&mut o.expected.version, number(v).map(Some)))),
    ("-export-context", Value(|o, v| put(&mut o.export.context, Ok(v.to_vec())))),
    ("-export-keying-material", Value(|o, v| put(&mut o.export_len, number(v)))),
    ("-export-label", Value(|o, v| put(&mut o.export.label, Ok(v.to_vec())))),
    ("-fail-ocsp-callback", Set(|o| o.ocsp_callback.fails = true)),
    // False Start is a permission, of which no use is made.
    ("-false-start", Idle),
    ("-forbid-renegotiation-after-handshake", Idle),
    ("-host-name", Value(|o, v| put(&mut o.server_name, text(v).map(Some)))),
    // The handshake is never a call of its own.
    ("-implicit-handshake", Idle),
    ("-initial-timeout-duration-ms", Value(|o, v| put(&mut o.initial_timeout, milliseconds(v)))),
    ("-ipv6", Set(|o| o.ipv6 = true)),
    ("-is-handshaker-supported", Set(|o| o.asks_for_handshaker = true)),
    ("-key-file", Value(|o, v| put(&mut o.credentials.latest().key, Ok(Some(path(v)))))),
    ("-max-cert-list", Value(|o, v| put(&mut o.max_message_len, number(v).map(Some)))),
    ("-max-version", Value(|_, v| version_range(v, |ours, most| ours >= most))),
    ("-min-version", Value(|_, v| version_range(v, |ours, least| ours <= least))),
    ("-mtu", Value(|o, v| put(&mut o.mtu, number(v).map(Some)))),
    // A client shows no certificate but one of the issuers that its server names.
    ("-must-match-issuer", Idle),
    ("-new-rpk-credential", Set(|o| o.credentials.add(true))),
    ("-new-x509-credential", Set(|o| o.credentials.add(false))),
    ("-no-legacy-server-connect", Set(|o| o.requires_renegotiation_info = true)),
    ("-no-server-name-ack", Set(|o| o.no_server_name_ack = true)),
    ("-no-ticket", Set(|o| o.no_ticket = true)),
    ("-no-tls1", Idle),
    ("-no-tls11", Idle),
    ("-no-tls13", Idle),
    ("-ocsp-response", Value(|o, v| put(&mut o.credentials.latest().ocsp_response, base64(v)))),
    ("-port", Value(|o, v| put(&mut o.port, number(v)))),
    ("-psk", Value(|o, v| put(&mut o.psk, Ok(Some(v.to_vec()))))),
    ("-psk-identity", Value(|o, v| put(&mut o.psk_identity, Ok(v.to_vec())))),
    ("-reject-alpn", Set(|o| o.reject_protocols = true)),
    // Permissions to renegotiate, of which no use is made.
    ("-renegotiate-freely", Idle),
    ("-renegotiate-ignore", Idle),
    ("-renew-ticket", Set(|o| o.ticket_policy = TicketPolicy::Renew)),
    ("-require-any-client-certificate", Set(|o| o.require_certificate = true)),
    ("-resume-count", Value(|o, v| put(&mut o.resume_count, number(v)))),
    ("-reverify-on-resume", Set(|o| o.reverify_on_resume = true)),
    ("-select-alpn", Value(|o, v| put(&mut o.application_protocols, Ok(vec![v.to_vec()])))),
    ("-server", Set(|o| o.server = true)),
    // Ours is the only preference a server has.
    ("-server-preference", Idle),
    // The same as a configuration that has the response.
    ("-set-ocsp-in-callback", Idle),
    ("-shim-id", Value(|o, v| put(&mut o.shim_id, number(v)))),
    ("-shim-initial-write", Value(|o, v| put(&mut o.first_write, Ok(Some(v.to_vec()))))),
    ("-shim-shuts-down", Set(|o| o.shuts_down = true)),
    ("-shim-writes-first", Set(|o| o.writes_first = true)),
    ("-signing-prefs", Value(|o, v| add(&mut o.credentials.latest().schemes, scheme(v)))),
    ("-skip-ticket", Set(|o| o.ticket_policy = TicketPolicy::Skip)),
    ("-srtp-profiles", Value(|o, v| put(&mut o.srtp_profiles, srtp_profiles(v)))),
    // The verdict on certificates is that of the flags: see `verdict`.
    ("-trust-cert", IdleValue),
    ("-use-client-ca-list", Value(|o, v| put(&mut o.terms.authorities, names(v)))),
    // Both hooks of BoringSSL are the one verifier here.
    ("-use-custom-verify-callback", Idle),
    // Certificates are chosen once the client has said what it wants, whenever they were configured.
    ("-use-early-callback", Idle),
    ("-use-export-context", Set(|o| o.export.has_context = true)),
    ("-use-ocsp-callback", Set(|o| o.ocsp_callback.is_used = true)),
    // So are those of a client, once the server has asked.
    ("-use-old-client-cert-callback", Idle),
    // Tickets are always sealed and opened by those whom the configuration names.
    ("-use-ticket-aead-callback", Idle),
    ("-use-ticket-callback", Idle),
    ("-verify-fail", Set(|o| o.verify_fail = true)),
    ("-verify-peer", Set(|o| o.verify_peer = true)),
    ("-verify-prefs", Value(|o, v| add(&mut o.verify_schemes, scheme(v)))),
];

fn put<T>(place: &mut T, value: Result<T, Failure>) -> Result<(), Failure> {
    *place = value?;
    Ok(())
}

fn add<T>(list: &mut Vec<T>, value: Result<T, Failure>) -> Result<(), Failure> {
    list.push(value?);
    Ok(())
}

fn text(value: &[u8]) -> Result<String, Failure> {
    String::from_utf8(value.to_vec()).map_err(|_| Failure::Usage("is not UTF-8".into()))
}

fn path(value: &[u8]) -> PathBuf {
    OsString::from_vec(value.to_vec()).into()
}

fn number<T: FromStr>(value: &[u8]) -> Result<T, Failure> {
    let text = text(value)?;
    text.parse().map_err(|_| Failure::Usage(format!("{text} is no number, or out of range")))
}

fn milliseconds(value: &[u8]) -> Result<Option<Duration>, Failure> {
    Ok(Some(Duration::from_millis(number(value)?)))
}

/// A value that only one number is implemented of.
fn only(value: &[u8], wanted: u32) -> Result<(), Failure> {
    match number::<u32>(value)? {
        number if number == wanted => Ok(()),
        other => Err(Failure::NotImplemented(other.to_string())),
    }
}

/// Whether DTLS 1.2 is within a limit; 0 stands for none. Numbers fall as versions rise.
fn version_range(value: &[u8], is_within: fn(u16, u16) -> bool) -> Result<(), Failure> {
    const DTLS_1_2: u16 = 0xfefd;
    match number::<u16>(value)? {
        0 => Ok(()),
        limit if is_within(DTLS_1_2, limit) => Ok(()),
        limit => Err(Failure::NotImplemented(format!("{limit}, which leaves DTLS 1.2 out"))),
    }
}

/// A list in the form of RFC 7301 section 3.1: each name behind its length.
fn protocol_list(value: &[u8]) -> Result<Vec<Vec<u8>>, Failure> {
    let mut names = Vec::new();
    let mut rest = value;
    while let Some((len, tail)) = rest.split_first() {
        let split = tail.split_at_checked(usize::from(*len));
        let (name, tail) = split.ok_or_else(|| Failure::Usage("is no list of protocols".into()))?;
        names.push(name.to_vec());
        rest = tail;
    }
    Ok(names)
}

fn cipher_suites(value: &[u8]) -> Result<Vec<sealgram::code::CipherSuite>, Failure> {
    let names = text(value)?;
    let known = |name| algorithms::suite_named(name).ok_or_else(|| Failure::NotImplemented(format!("suite {name}")));
    names.split(':').map(known).collect()
}

/// OpenSSL's names, with colons between them.
fn srtp_profiles(value: &[u8]) -> Result<Vec<SrtpProfile>, Failure> {
    let known = |name: &str| {
        Ok(match name {
            "SRTP_AES128_CM_SHA1_80" => SrtpProfile::AES128_CM_HMAC_SHA1_80,
            "SRTP_AES128_CM_SHA1_32" => SrtpProfile::AES128_CM_HMAC_SHA1_32,
            "SRTP_AEAD_AES_128_GCM" => SrtpProfile::AEAD_AES_128_GCM,
            "SRTP_AEAD_AES_256_GCM" => SrtpProfile::AEAD_AES_256_GCM,
            other => return Err(Failure::NotImplemented(format!("SRTP profile {other}"))),
        })
    };
    text(value)?.split(':').map(known).collect()
}

fn group(value: &[u8]) -> Result<NamedGroup, Failure> {
    let group = NamedGroup(number(value)?);
    algorithms::has_group(group).then_some(group).ok_or_else(|| Failure::NotImplemented(group.to_string()))
}

fn scheme(value: &[u8]) -> Result<SignatureScheme, Failure> {
    let scheme = SignatureScheme(number(value)?);
    algorithms::has_scheme(scheme).then_some(scheme).ok_or_else(|| Failure::NotImplemented(scheme.to_string()))
}

fn certificate_type(value: &[u8]) -> Result<CertificateType, Failure> {
    number(value).map(CertificateType)
}

/// PEM is Base64 between two lines.
fn base64(value: &[u8]) -> Result<Vec<u8>, Failure> {
    let pem = format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", text(value)?);
    let decoded = CertificateDer::from_pem_slice(pem.as_bytes()).map_err(|_| Failure::Usage("is no Base64".into()))?;
    Ok(decoded.to_vec())
}

/// Distinguished names in hexadecimal DER with commas between them, or one of two words for none.
fn names(value: &[u8]) -> Result<Vec<Vec<u8>>, Failure> {
    match &*text(value)? {
        "<NULL>" | "<EMPTY>" => Ok(Vec::new()),
        list => list.split(',').map(hexadecimal).collect(),
    }
}

fn hexadecimal(digits: &str) -> Result<Vec<u8>, Failure> {
    let unreadable = || Failure::Usage("is not hexadecimal".into());
    let byte = |pair: &[u8]| {
        let pair = core::str::from_utf8(pair).map_err(|_| unreadable())?;
        u8::from_str_radix(pair, 16).map_err(|_| unreadable())
    };
    if digits.len() % 2 == 0 { digits.as_bytes().chunks(2).map(byte).collect() } else { Err(unreadable()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// They are found by binary search.
    #[test]
    fn flags_are_sorted_and_unique() {
        assert!(FLAGS.windows(2).all(|pair| pair[0].0 < pair[1].0));
    }
}
