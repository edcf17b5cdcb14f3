//! What is shown of what must not be.
//!
//! What can go wrong: somebody logs a connection or a configuration, and has logged a key.

use alloc::format;
use alloc::string::String;

use super::identities::P256;
use super::subject::{Mode, Subject};
use crate::config::{ClientConfig, ServerConfig};
use crate::crypto::{Exporter, HashAlgorithm, MasterSecret, Randoms};
use crate::proof::AddressValidated;
use crate::provider::ring;
use crate::wire::finished::Finished;

/// Every byte of every secret here: 165 in decimal, a5 in hexadecimal.
const SECRET: u8 = 0xa5;

/// SIO-06: none shows a byte of what it holds.
#[test]
fn secrets_are_not_shown() {
    let master = || MasterSecret::from([SECRET; 48]);
    let randoms = || Randoms { client: [1; 32], server: [2; 32] };
    let suite = ring::provider().suites[0];
    let mut datagram = [SECRET; 100];
    let subject = Subject::server(Mode::Wary, AddressValidated::assured_by_transport(), |config| config);
    let mut receiver = Subject::server(Mode::Wary, AddressValidated::assured_by_transport(), |config| config);
    let shown: [String; 7] = [
        format!("{:?}", master().key_block(suite, &randoms())),
        format!("{:?}", Exporter::new(HashAlgorithm::Sha256, master(), randoms(), true)),
        format!("{:?}", Finished { verify_data: [SECRET; 12] }),
        format!("{:?}", receiver.connection.handle_datagram(receiver.now, &mut datagram)),
        format!("{:?}", subject.connection),
        format!("{:?}", ServerConfig::builder(ring::provider(), P256.clone()).build().unwrap()),
        format!("{:?}", ClientConfig::builder(ring::provider(), super::identities::verifier()).build().unwrap()),
    ];
    for text in shown {
        // A name, and not more than a few fields.
        assert!(!text.is_empty() && text.len() < 250, "{text}");
        assert!(!text.contains("165") && !text.to_lowercase().contains("a5, a5"), "{text}");
    }
}
