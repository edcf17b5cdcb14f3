//! A good association with a peer, from hello to close_notify, and everything that both ends must agree on.

use core::iter;
use core::net::SocketAddr;
use core::time::Duration;
use std::sync::Arc;

use sealgram::code::{HandshakeType, NamedGroup};
use sealgram::crypto::CryptoProvider;
use sealgram::pki_types::ServerName;
use sealgram::provider::ring;
use sealgram::x509::CertificateVerifier;
use sealgram::{
    ClientConfig, ClientConfigBuilder, CloseReason, Identity, Role, ServerConfig, ServerConfigBuilder, TransportOptions,
};
use sealgram_std::Direction;

use crate::case::{Case, KeyKind, LARGE, SMALL_MTU};
use crate::certificates::Certificates;
use crate::ours::{Association, Server};
use crate::peer::udp_proxy::{Harm, UdpProxy};
use crate::peer::{Manner, Peer};
use crate::wire::Wire;
use crate::{Outcome, PATIENCE, expect, expect_eq};

/// Who ends an association.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "there are two sides")]
pub enum Closer {
    /// We do.
    Us,
    /// The peer does.
    Peer,
}

/// We connect to `peer`, a server that was started for `case`, and talk with it.
pub fn we_connect(case: &Case, certificates: &Certificates, peer: Peer, closer: Closer) -> Outcome {
    we_connect_through(None, case, certificates, peer, closer)
}

/// The same, through a proxy that does harm.
pub fn we_connect_through(
    harm: Option<Harm>,
    case: &Case,
    certificates: &Certificates,
    mut peer: Peer,
    closer: Closer,
) -> Outcome {
    let wire = Arc::new(Wire::default());
    let mut converse = || -> Outcome {
        let config = client_config(case, case.key_kind, certificates)?;
        let proxy = harm.map(|harm| UdpProxy::start(peer.address()?, harm)).transpose()?;
        let to = proxy.as_ref().map_or_else(|| peer.address(), |proxy| Ok(proxy.address()))?;
        let ours = Association::connect(to, name_for(case)?, config, &wire)?;
        Conversation { case, role: Role::Client, wire: &wire, ours, peer: &mut peer }.run(closer)?;
        proxy.as_ref().map_or(Ok(()), UdpProxy::has_done_harm)
    };
    converse().map_err(|error| report(&*error, &peer, &wire))
}

/// A peer connects to us, a client that `start` starts for `case` and for an address, and we talk.
pub fn peer_connects(
    case: &Case,
    certificates: &Certificates,
    start: impl FnOnce(SocketAddr) -> Outcome<Peer>,
    closer: Closer,
) -> Outcome {
    peer_connects_through(None, case, certificates, start, closer)
}

/// The same, through a proxy that does harm.
pub fn peer_connects_through(
    harm: Option<Harm>,
    case: &Case,
    certificates: &Certificates,
    start: impl FnOnce(SocketAddr) -> Outcome<Peer>,
    closer: Closer,
) -> Outcome {
    let wire = Arc::new(Wire::default());
    let server = Server::listen(server_config(case, certificates)?, &wire)?;
    let proxy = harm.map(|harm| UdpProxy::start(server.address()?, harm)).transpose()?;
    let mut peer = start(proxy.as_ref().map_or_else(|| server.address(), |proxy| Ok(proxy.address()))?)?;
    let mut converse = || -> Outcome {
        let ours = server.accept()?;
        Conversation { case, role: Role::Server, wire: &wire, ours, peer: &mut peer }.run(closer)?;
        proxy.as_ref().map_or(Ok(()), UdpProxy::has_done_harm)
    };
    converse().map_err(|error| report(&*error, &peer, &wire))
}

/// A failure with what the peer and the wire have to say about it.
pub fn report(error: &dyn core::error::Error, peer: &Peer, wire: &Wire) -> Box<dyn core::error::Error + Send + Sync> {
    format!("{error}\n--- the peer printed:\n{}\n--- on the wire:\n{wire}", peer.output()).into()
}

/// What our client is for a case, trusting the root of `trusted`.
pub fn client_config(case: &Case, trusted: KeyKind, certificates: &Certificates) -> Outcome<Arc<ClientConfig>> {
    Ok(client_builder(case, trusted, certificates)?.build()?)
}

/// The same before it is built.
pub fn client_builder(case: &Case, trusted: KeyKind, certificates: &Certificates) -> Outcome<ClientConfigBuilder> {
    let verifier = CertificateVerifier::builder(vec![certificates.root(trusted)?]).build()?;
    let alpn = names(case.alpn.map(|alpn| alpn.client));
    let builder = ClientConfig::builder(provider(case), Arc::new(verifier));
    let builder = builder.application_protocols(&alpn).transport(transport(case));
    Ok(if case.extended_master_secret { builder } else { builder.danger().allow_legacy_master_secret() })
}

/// What our server is for a case.
pub fn server_config(case: &Case, certificates: &Certificates) -> Outcome<Arc<ServerConfig>> {
    Ok(server_builder(case, certificates)?.build()?)
}

/// The same before it is built.
pub fn server_builder(case: &Case, certificates: &Certificates) -> Outcome<ServerConfigBuilder> {
    let key = certificates.key(case.key_kind, case.key_form)?;
    let key = ring::provider().key_loader.load(&key)?;
    let identity = Identity::new(certificates.chain(case.key_kind, case.chain)?, key)?;
    let alpn = names(case.alpn.map(|alpn| alpn.server));
    let builder = ServerConfig::builder(provider(case), identity);
    let builder = builder.application_protocols(&alpn).transport(transport(case));
    Ok(if case.extended_master_secret { builder } else { builder.danger().allow_legacy_master_secret() })
}

/// The name that our client asks for. An address is not sent in the clear.
pub fn name_for(case: &Case) -> Outcome<ServerName<'static>> {
    Ok(ServerName::try_from(if case.server_name { "localhost" } else { "127.0.0.1" })?)
}

/// Everything there is, with the group of the case in front of the curve of the certificate, which is offered as well.
fn provider(case: &Case) -> &'static CryptoProvider {
    static P384_FIRST: CryptoProvider =
        CryptoProvider { groups: &[ring::SECP384R1, ring::SECP256R1], ..*ring::provider() };
    match case.group {
        _ if case.narrow => narrow(case),
        NamedGroup::SECP384R1 => &P384_FIRST,
        _ => ring::provider(),
    }
}

/// Nothing but what the case names. It stays for as long as the process, which is no longer than the trials.
fn narrow(case: &Case) -> &'static CryptoProvider {
    let all = ring::provider();
    let suites = all.suites.iter().copied().filter(|suite| suite.code == case.suite).collect::<Vec<_>>();
    let wanted = iter::once(case.group).chain(case.key_kind.curve().filter(|curve| *curve != case.group));
    let groups = wanted.filter_map(|code| all.groups.iter().copied().find(|group| group.code() == code));
    Box::leak(Box::new(CryptoProvider { suites: suites.leak(), groups: groups.collect::<Vec<_>>().leak(), ..*all }))
}

/// Timers and sizes of our end for a case.
pub fn transport(case: &Case) -> TransportOptions {
    let options = TransportOptions::default().handshake_deadline(PATIENCE);
    let options = if case.hasty { options.initial_timeout(HASTE) } else { options };
    let mtu = if case.large { Some(LARGE + RECORD_ROOM) } else { case.mtu };
    mtu.map_or(options, |mtu| options.mtu(mtu))
}

fn names(list: Option<&'static [&'static str]>) -> Vec<&'static [u8]> {
    list.unwrap_or_default().iter().map(|name| name.as_bytes()).collect()
}

/// An association that has come to be, and who has to say something about it.
struct Conversation<'a> {
    case: &'a Case,
    role: Role,
    wire: &'a Wire,
    ours: Association,
    peer: &'a mut Peer,
}

impl Conversation<'_> {
    fn run(mut self, closer: Closer) -> Outcome {
        self.agree()?;
        self.exchange()?;
        self.look_at_the_wire()?;
        match closer {
            Closer::Us => {
                self.ours.close()?;
                self.peer.notices_close()
            }
            Closer::Peer => {
                match self.peer.closing_record() {
                    Some(record) => self.ours.send(record.as_bytes())?,
                    None => self.peer.close()?,
                }
                expect_eq("why it ended for us", &self.ours.ended()?, &CloseReason::Peer)
            }
        }
    }

    /// Holds what we know against the case, and against what the peer knows.
    fn agree(&self) -> Outcome {
        let (case, session) = (self.case, self.ours.session()?);
        expect_eq("suite", &session.cipher_suite, &case.suite)?;
        expect_eq("group", &session.group, &Some(case.group))?;
        expect_eq("extended master secret", &session.extended_master_secret, &case.extended_master_secret)?;
        let protocol = session.application_protocol.as_deref().map(String::from_utf8_lossy);
        expect_eq("application protocol", &protocol.as_deref(), &case.alpn.map(|alpn| alpn.agreed))?;
        expect_eq("server name", &session.server_name.as_deref(), &case.server_name.then_some("localhost"))?;
        let chain_len = match self.role {
            Role::Server => 0,
            Role::Client => case.chain.len(),
        };
        expect_eq("length of the peer's chain", &session.peer_certificates.len(), &chain_len)?;
        self.peer.confirms_facts()?;
        if let Some(label) = case.exporter {
            let theirs = self.peer.keying_material()?;
            expect_eq("keying material", &self.ours.export(label, theirs.len())?, &theirs)?;
        }
        Ok(())
    }

    /// Data both ways: a line, and one as long as fits a datagram.
    fn exchange(&mut self) -> Outcome {
        // What gnutls-serv says back, it reads in small pieces.
        let is_short = self.peer.manner() == Manner::Echoes && !self.case.large;
        let longest = if is_short { SHORT_ECHO } else { self.ours.max_payload().saturating_sub(1) };
        for line in ["ping from sealgram", &"x".repeat(longest)] {
            if let Manner::Asks(question) = self.peer.manner() {
                self.hears_a_text_with(question)?;
            }
            self.ours.send(format!("{line}\n").as_bytes())?;
            self.peer.prints(line)?;
            match self.peer.manner() {
                Manner::Echoes => self.hears(line)?,
                Manner::Answers(answer) => self.hears_a_text_with(answer)?,
                Manner::Asks(_) | Manner::Types => {}
            }
        }
        if self.peer.manner() != Manner::Types {
            return Ok(());
        }
        let longest = if self.case.large { LARGE } else { SHORT_ENOUGH };
        for line in ["pong from the peer", &"y".repeat(longest)] {
            self.peer.send(line)?;
            self.hears(line)?;
        }
        Ok(())
    }

    /// The next record that comes is a text with these words, and large if that is what the case is about.
    fn hears_a_text_with(&mut self, words: &str) -> Outcome {
        let record = self.ours.recv()?;
        let text = String::from_utf8_lossy(&record);
        expect(text.contains(words), format!("the peer says {text:?}, without {words:?}"))?;
        expect(!self.case.large || record.len() == LARGE, format!("{} bytes are not large", record.len()))
    }

    /// The next record that comes is this line.
    fn hears(&mut self, line: &str) -> Outcome {
        let record = self.ours.recv()?;
        expect_eq("the peer's data", &String::from_utf8_lossy(&record).trim_end(), &line)
    }

    /// What the case wants and neither end tells.
    fn look_at_the_wire(&self) -> Outcome {
        let (from_server, from_client) = match self.role {
            Role::Client => (Direction::Received, Direction::Sent),
            Role::Server => (Direction::Sent, Direction::Received),
        };
        let server_sent = |msg_type| self.wire.message(from_server, msg_type).is_some();
        expect_eq("cookie exchange", &server_sent(HandshakeType::HELLO_VERIFY_REQUEST), &self.case.cookies)?;
        if let Some(mtu) = self.case.mtu {
            let longest = self.wire.longest();
            expect(longest <= mtu, format!("a datagram of {longest} bytes, above the MTU of {mtu}"))?;
        }
        if let Some(scheme) = self.case.scheme {
            expect_eq("signature scheme", &self.wire.signature_scheme(from_server), &Some(scheme))?;
        }
        let is_asked = server_sent(HandshakeType::CERTIFICATE_REQUEST);
        expect_eq("certificate request", &is_asked, &self.case.certificate_request)?;
        // RFC 5246 section 7.4.6: without a suitable certificate the list is there, and empty. Unasked, it is not.
        let answer = self.wire.message(from_client, HandshakeType::CERTIFICATE);
        expect_eq("the client's certificate message", &answer, &is_asked.then(|| vec![0, 0, 0]))
    }
}

/// A line that fits a datagram of [`SMALL_MTU`] whoever sends it: OpenSSL counts IP and UDP headers in, 28 bytes.
const SHORT_ENOUGH: usize = SMALL_MTU - 100;

/// A line that `gnutls-serv` reads at once, in bytes.
const SHORT_ECHO: usize = 100;

/// What a record needs beside its payload: header, explicit nonce and tag; and a line its end.
const RECORD_ROOM: usize = 13 + 8 + 16 + 1;

/// The first retransmission timeout where an outcome takes several of them.
const HASTE: Duration = Duration::from_millis(40);
