//! Two connections joined by hand, without a network between them.

use std::sync::Arc;
use std::time::Duration;

use pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName, UnixTime};
use rand_core::{TryCryptoRng, TryRng};
use sealgram::provider::ring;
use sealgram::x509::CertificateVerifier;
use sealgram::{AddressValidated, ClientConfig, Connection, Event, Identity, Instant, ServerConfig, Status, WallClock};

struct Rng(u64);
impl TryRng for Rng {
    type Error = core::convert::Infallible;
    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        self.try_next_u64().map(|v| v as u32)
    }
    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        Ok(self.0)
    }
    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Self::Error> {
        for b in out {
            *b = (self.try_next_u64()? >> 33) as u8;
        }
        Ok(())
    }
}
impl TryCryptoRng for Rng {}

#[test]
fn a_client_and_a_server_connect() {
    let key = rcgen::KeyPair::generate().unwrap();
    let cert = rcgen::CertificateParams::new(vec!["localhost".into()]).unwrap().self_signed(&key).unwrap();
    let cert: CertificateDer<'static> = cert.der().clone();
    let provider = ring::provider();
    let key = provider.key_loader.load(&PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()))).unwrap();
    let server_config =
        ServerConfig::builder(provider, Identity::new(vec![cert.clone()], key).unwrap()).build().unwrap();
    let verifier = Arc::new(CertificateVerifier::builder(vec![cert]).build().unwrap());
    let client_config = ClientConfig::builder(provider, verifier).build().unwrap();
    let wall = WallClock::new(Instant::ORIGIN, UnixTime::now());
    let mut client =
        Connection::client(client_config, ServerName::try_from("localhost").unwrap(), wall, &mut Rng(1)).unwrap();
    let mut server = Connection::server(server_config, AddressValidated::assured_by_transport(), wall, &mut Rng(2));
    let now = Instant::from_elapsed(Duration::from_secs(1));
    let mut out = vec![0; 1500];
    for _ in 0..10 {
        while let Some(t) = client.poll_transmit(now, &mut out) {
            println!("c> {} {:?}", t.len, t.segment_size);
            for c in out[..t.len].chunks_mut(t.segment_size.map_or(t.len, |s| s.get())) {
                let _ = server.handle_datagram(now, c);
            }
        }
        while let Some(t) = server.poll_transmit(now, &mut out) {
            println!("s> {} {:?}", t.len, t.segment_size);
            for c in out[..t.len].chunks_mut(t.segment_size.map_or(t.len, |s| s.get())) {
                let _ = client.handle_datagram(now, c);
            }
        }
        while let Some(e) = client.poll_event() {
            println!("client {e:?}");
            if let Event::Closed(r) = e {
                panic!("{r}");
            }
        }
        while let Some(e) = server.poll_event() {
            println!("server {e:?}");
            if let Event::Closed(r) = e {
                panic!("{r}");
            }
        }
    }
    assert_eq!(client.status(), Status::Connected);
    assert_eq!(server.status(), Status::Connected);
    let n = client.send(b"hello", &mut out).unwrap();
    let mut got = server.handle_datagram(now, &mut out[..n]);
    assert_eq!(got.next().unwrap(), b"hello");
    println!("{:?}", client.session());
}
