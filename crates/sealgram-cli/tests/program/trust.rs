//! Whom a client believes, and what it says when it does not.

use core::time::Duration;
use std::net::UdpSocket;
use std::time::Instant;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, date_time_ymd};

use crate::support::{Dir, Listening, Outcome, params, run};

fn connect(server: &Listening, arguments: &[&str]) -> Outcome {
    run(&[&["connect", &server.address, "--send", "x", "--wait", "0", "--timeout", "20"], arguments].concat())
}

#[test]
fn a_configured_certificate_is_trusted_for_its_names() {
    let dir = Dir::new();
    let identity = dir.identity(&params("server.example"));
    let server = Listening::with_identity(&identity, &[]);
    connect(&server, &["--ca", &identity.cert, "--name", "server.example"]).expect_success();

    let line = connect(&server, &["--ca", &identity.cert]).expect_failure();
    assert!(line.contains("is for server.example, not for 127.0.0.1"), "{line}");
    let line = connect(&server, &["--ca", &identity.cert, "--name", "other.example"]).expect_failure();
    assert!(line.contains("is for server.example, not for other.example"), "{line}");
}

#[test]
fn what_an_authority_signed_is_trusted() {
    let dir = Dir::new();
    let mut authority = CertificateParams::default();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority_key = KeyPair::generate().unwrap();
    let authority_pem = authority.self_signed(&authority_key).unwrap().pem();
    let key = KeyPair::generate().unwrap();
    let certificate = params("127.0.0.1").signed_by(&key, &Issuer::new(authority, authority_key)).unwrap();
    let (cert, key) = (dir.write("cert.pem", &certificate.pem()), dir.write("key.pem", &key.serialize_pem()));
    let server = Listening::start(&["--cert", &cert, "--key", &key]);
    connect(&server, &["--ca", &dir.write("ca.pem", &authority_pem)]).expect_success();
}

#[test]
fn a_certificate_that_leads_nowhere_is_refused_with_its_fingerprint() {
    let dir = Dir::new();
    let server = Listening::start(&[]);
    let fingerprint = server.fingerprint();
    let stranger = dir.identity(&params("localhost"));
    let line = connect(&server, &["--ca", &stranger.cert]).expect_failure();
    assert!(line.contains("not trusted") && line.contains("--ca") && line.contains(&fingerprint), "{line}");
    // The server hears of it, though only as a hint: nothing is authenticated yet.
    let line = server.wait_for(" failed: ");
    assert!(line.contains("UNKNOWN_CA"), "{line}");
}

#[test]
fn the_roots_of_the_system_are_the_default() {
    let server = Listening::start(&[]);
    let line = connect(&server, &[]).expect_failure();
    assert!(line.contains("not trusted") || line.contains("roots of this system"), "{line}");
}

#[test]
fn an_expired_certificate_is_refused_with_its_date() {
    let dir = Dir::new();
    let mut expired = params("127.0.0.1");
    (expired.not_before, expired.not_after) = (date_time_ymd(2019, 1, 1), date_time_ymd(2020, 2, 29));
    let identity = dir.identity(&expired);
    let server = Listening::with_identity(&identity, &[]);
    let line = connect(&server, &["--ca", &identity.cert]).expect_failure();
    assert!(line.contains("expired") && line.contains("2020-02-29 00:00:00 UTC"), "{line}");
}

#[test]
fn a_certificate_of_the_future_is_refused_with_its_date() {
    let dir = Dir::new();
    let mut future = params("127.0.0.1");
    (future.not_before, future.not_after) = (date_time_ymd(2990, 1, 1), date_time_ymd(2999, 1, 1));
    let identity = dir.identity(&future);
    let server = Listening::with_identity(&identity, &[]);
    let line = connect(&server, &["--ca", &identity.cert]).expect_failure();
    assert!(line.contains("not valid before 2990-01-01") && line.contains("clock"), "{line}");
}

#[test]
fn a_fingerprint_pins_one_certificate() {
    let server = Listening::start(&[]);
    let fingerprint = server.fingerprint();
    connect(&server, &["--fingerprint", &fingerprint]).expect_success();
    connect(&server, &["--fingerprint", &fingerprint.replace(':', "").to_lowercase()]).expect_success();

    let other = fingerprint.replace(['1', '2'], "3").replace(['A', 'B'], "C");
    let line = connect(&server, &["--fingerprint", &other]).expect_failure();
    assert!(line.contains("another fingerprint") && line.contains(&fingerprint), "{line}");
}

#[test]
fn a_silent_server_is_given_up_after_the_timeout() {
    let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = silent.local_addr().unwrap().to_string();
    let start = Instant::now();
    let line = run(&["connect", &address, "--insecure", "--timeout", "1"]).expect_failure();
    assert!(start.elapsed() >= Duration::from_secs(1));
    assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
    assert!(line.contains(&address) && line.contains("never answered"), "{line}");
}
