//! Servers that are not who they should be: both sides say what was wrong.

use sealgram_std::sealgram::error::{CertificateError, Error as ProtocolError};
use sealgram_std::sealgram::pki_types::ServerName;
use sealgram_std::sealgram::{CloseReason, code::AlertDescription};
use sealgram_std::{Client, Error, PeerEvent};

use crate::support::{Log, Server, hasty, name, transport};

fn refusal(result: &Result<Client, Error>) -> ProtocolError {
    let Err(Error::Closed(reason)) = result else { panic!("{result:?}") };
    *reason.error().unwrap()
}

#[test]
fn a_wrong_name_is_refused_and_named() {
    let server = Server::new();
    let listener = server.listen();
    let other = ServerName::try_from("other.example").unwrap();
    let result = Client::connect(listener.local_addr().unwrap(), other, server.client_config());
    let text = result.as_ref().unwrap_err().to_string();
    assert_eq!(refusal(&result), ProtocolError::Certificate(CertificateError::NameMismatch));
    assert!(text.contains("name"), "{text}");
}

#[test]
fn an_unknown_issuer_is_refused_and_named() {
    let server = Server::new();
    let listener = server.listen();
    let config = Server::of_organization("Another", transport()).client_config();
    let result = Client::connect(listener.local_addr().unwrap(), name(), config);
    assert_eq!(refusal(&result), ProtocolError::Certificate(CertificateError::UnknownIssuer));
}

/// The client's alert is in plaintext, so the server believes it only when nothing else comes; then it says so.
#[test]
fn the_listener_tells_of_a_handshake_that_failed_and_serves_the_next() {
    let server = Server::with(hasty());
    let log = Log::default();
    let listener = server.listen_with(log.options());
    let address = listener.local_addr().unwrap();
    let config = Server::of_organization("Another", transport()).client_config();
    let result = Client::connect(address, name(), config);
    assert!(result.is_err());
    let failed = log.wait_for(|event| matches!(event, PeerEvent::HandshakeFailed { .. }));
    let PeerEvent::HandshakeFailed { reason: CloseReason::Failed(failure), .. } = failed else { panic!("{failed:?}") };
    let ProtocolError::Alert(alert) = failure.error else { panic!("{failure:?}") };
    assert_eq!((alert.description, alert.authenticated), (AlertDescription::UNKNOWN_CA, false));
    let _client = server.connect(address);
    listener.accept().unwrap();
}
