//! `sealgram cert`: files that the other commands take.

use std::fs;

use crate::support::{Dir, Listening, run};

#[test]
fn a_made_certificate_serves_and_is_trusted() {
    let dir = Dir::new();
    let text = run(&["cert", "--out", &dir.path("new")]).expect_success();
    let (cert, key) = (dir.path("new/cert.pem"), dir.path("new/key.pem"));
    assert!(text.contains(&cert) && text.contains(&key) && text.contains("localhost, 127.0.0.1, ::1"), "{text}");
    let server = Listening::start(&["--cert", &cert, "--key", &key]);
    run(&["connect", &server.address, "--ca", &cert, "--send", "x", "--wait", "0"]).expect_success();
}

#[test]
fn names_and_files_can_be_chosen() {
    let dir = Dir::new();
    let (cert, key) = (dir.path("a"), dir.path("b"));
    let names = ["--name", "*.chat.example", "--name", "192.0.2.7"];
    let text = run(&[&["cert", "--cert", &cert, "--key", &key], &names[..]].concat()).expect_success();
    assert!(text.contains("names:        *.chat.example, 192.0.2.7\n"), "{text}");
    assert!(fs::read_to_string(cert).unwrap().starts_with("-----BEGIN CERTIFICATE-----"));
    assert!(fs::read_to_string(key).unwrap().starts_with("-----BEGIN PRIVATE KEY-----"));
}

#[cfg(unix)]
#[test]
fn only_its_owner_may_read_the_key() {
    use std::os::unix::fs::PermissionsExt;

    let dir = Dir::new();
    run(&["cert", "--out", &dir.path("")]).expect_success();
    assert_eq!(fs::metadata(dir.path("key.pem")).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn a_key_is_never_overwritten() {
    let dir = Dir::new();
    let key = dir.write("key.pem", "precious");
    let line = run(&["cert", "--out", &dir.path("")]).expect_failure();
    assert!(line.contains(&key) && line.contains("not overwritten"), "{line}");
    assert_eq!(fs::read_to_string(key).unwrap(), "precious");
    assert!(fs::metadata(dir.path("cert.pem")).is_err());
}
