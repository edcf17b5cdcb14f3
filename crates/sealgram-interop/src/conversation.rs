//! A good association with a peer, from hello to close_notify, and everything that both ends must agree on.

use core::net::SocketAddr;
use std::sync::Arc;

use sealgram::code::{ContentType, ExtensionType, HandshakeType};
use sealgram::{CloseReason, ConnectionId, Role};
use sealgram_std::Direction;

use crate::case::{Authentication, Case, LARGE, RecordSizes, SMALL_MTU, SessionHandle};
use crate::certificates::Certificates;
use crate::coap;
use crate::configuration::{PSK_IDENTITY, client_config, from_hexadecimal, in_hexadecimal, name_for, server_config};
use crate::ours::{Association, Server};
use crate::peer::udp_proxy::{Harm, UdpProxy};
use crate::peer::{Manner, Peer};
use crate::wire::Wire;
use crate::{Outcome, expect, expect_eq};

/// Who ends an association.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "there are two sides")]
pub enum Closer {
    /// We do.
    Us,
    /// The peer does.
    Peer,
}

/// Whether two meet for the first time, or take up the session of that time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "there is no third")]
pub enum Visit {
    /// The handshake is a full one.
    First,
    /// It is an abbreviated one.
    Second,
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
        Conversation {
            case,
            certificates,
            role: Role::Client,
            visit: Visit::First,
            wire: &wire,
            ours,
            peer: &mut peer,
        }
        .run(closer)?;
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
        Conversation {
            case,
            certificates,
            role: Role::Server,
            visit: Visit::First,
            wire: &wire,
            ours,
            peer: &mut peer,
        }
        .run(closer)?;
        proxy.as_ref().map_or(Ok(()), UdpProxy::has_done_harm)
    };
    converse().map_err(|error| report(&*error, &peer, &wire))
}

/// A failure with what the peer and the wire have to say about it.
pub fn report(error: &dyn core::error::Error, peer: &Peer, wire: &Wire) -> Box<dyn core::error::Error + Send + Sync> {
    format!("{error}\n--- the peer printed:\n{}\n--- on the wire:\n{wire}", peer.output()).into()
}

/// An association that has come to be, and who has to say something about it.
pub(crate) struct Conversation<'a> {
    pub(crate) case: &'a Case,
    pub(crate) certificates: &'a Certificates,
    pub(crate) role: Role,
    pub(crate) visit: Visit,
    pub(crate) wire: &'a Wire,
    pub(crate) ours: Association,
    pub(crate) peer: &'a mut Peer,
}

impl Conversation<'_> {
    /// All of it, up to the end of the association.
    pub(crate) fn run(mut self, closer: Closer) -> Outcome {
        self.agree()?;
        // Before the peer has heard enough: it may leave then, and come back at once.
        self.look_at_the_wire()?;
        self.keeps_to_record_sizes()?;
        self.exchange()?;
        self.fits_the_mtu()?;
        self.carries_connection_ids()?;
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
        let group = (case.authentication() != Authentication::Psk).then_some(case.group);
        expect_eq("group", &session.group, &group)?;
        expect_eq("extended master secret", &session.extended_master_secret, &case.extended_master_secret)?;
        expect_eq("resumed", &session.resumed, &(self.visit == Visit::Second))?;
        let protocol = session.application_protocol.as_deref().map(String::from_utf8_lossy);
        expect_eq("application protocol", &protocol.as_deref(), &case.alpn.map(|alpn| alpn.agreed))?;
        expect_eq("server name", &session.server_name.as_deref(), &case.server_name.then_some("localhost"))?;
        self.knows_the_peer()?;
        self.knows_connection_ids()?;
        self.peer.confirms_facts()?;
        if let Some(label) = case.exporter {
            let theirs = self.peer.keying_material()?;
            expect_eq("keying material", &self.ours.export(label, theirs.len())?, &theirs)?;
        }
        self.agrees_on_media()?;
        Ok(())
    }

    /// Who the peer is, as it proved: the same in a session that was taken up again.
    fn knows_the_peer(&self) -> Outcome {
        let (case, session, certificates) = (self.case, self.ours.session()?, self.certificates);
        let is_psk = case.authentication() != Authentication::Signature;
        let chain = match self.role {
            _ if is_psk || case.raw_public_keys => vec![],
            Role::Server => case
                .client
                .shown()
                .map(|kind| certificates.client_certificate(kind))
                .into_iter()
                .collect::<Result<_, _>>()?,
            Role::Client => certificates.chain(case.key_kind, case.chain)?,
        };
        // Behind it some send the root as well, which is theirs to choose (RFC 5246 section 7.4.2).
        let is_it = session.peer_certificates.starts_with(&chain);
        expect(is_it && chain.is_empty() == session.peer_certificates.is_empty(), "the peer's chain is another one")?;
        let key = match self.role {
            _ if !case.raw_public_keys => None,
            Role::Server => case.client.shown().map(|kind| certificates.client_public_key(kind)).transpose()?,
            Role::Client => Some(certificates.public_key(case.key_kind)?),
        };
        expect(session.peer_raw_public_key == key, "the peer's raw public key is another one")?;
        let identity = session.psk_identity.as_deref().map(String::from_utf8_lossy);
        expect_eq("PSK identity", &identity.as_deref(), &is_psk.then_some(PSK_IDENTITY))
    }

    /// How media is protected, and with which keys.
    fn agrees_on_media(&self) -> Outcome {
        let agreed = self.ours.session()?.srtp.as_ref();
        expect_eq("SRTP profile", &agreed.map(|it| it.profile), &self.case.srtp.map(|srtp| srtp.agreed))?;
        let Some(srtp) = self.case.srtp else { return Ok(()) };
        expect_eq("MKI", &agreed.map(|it| &*it.mki), &Some(&[][..]))?;
        let ours = self.ours.media_keys()?;
        expect_eq("length of the keys for media", &ours.len(), &srtp.keying_material_len())?;
        match self.peer.media_keys()? {
            // pion exports more than a short profile takes.
            Some(theirs) => expect_eq("keys for media", &theirs.get(..ours.len()), &Some(&*ours)),
            None => Ok(()),
        }
    }

    /// No record of ours is longer than the peer takes: not the longest that we offer to make, and there is none longer.
    fn keeps_to_record_sizes(&mut self) -> Outcome {
        let Some(sizes) = self.case.record_sizes else { return Ok(()) };
        let most = usize::from(sizes.taken_by(self.role.peer()));
        expect_eq("the longest payload", &self.ours.max_payload(), &most)?;
        expect(self.ours.send(&vec![b'z'; most + 1]).is_err(), format!("{} bytes were sent", most + 1))?;
        // The peer's extension in the ServerHello, or ours, says which of the two limits is in force.
        let from_server = if self.role == Role::Client { Direction::Received } else { Direction::Sent };
        let (code, data) = match sizes {
            RecordSizes::Limits { server, .. } => (ExtensionType::RECORD_SIZE_LIMIT, server.to_be_bytes().to_vec()),
            // RFC 6066 section 4: 1 stands for 2^9.
            RecordSizes::Fragments(length) => {
                (ExtensionType::MAX_FRAGMENT_LENGTH, vec![u8::try_from(length.bytes().ilog2() - 8)?])
            }
        };
        expect_eq("what the server answers", &self.wire.server_extension(from_server, code), &Some(data))
    }

    /// What each end wants to find, as the two agreed on.
    fn knows_connection_ids(&self) -> Outcome {
        let hex = |id: &ConnectionId| in_hexadecimal(id.as_bytes());
        let known = self.ours.session()?.connection_ids.as_ref().map(|ids| [hex(&ids.ours), hex(&ids.peer)]);
        let wanted = self.case.connection_ids.map(|ids| [self.role, self.role.peer()].map(|role| ids.of(role).into()));
        expect_eq("connection IDs", &known, &wanted)
    }

    /// RFC 9146 section 4: each protected record has the connection ID of its receiver, unless that one wants none; then
    /// it is a plain one.
    fn carries_connection_ids(&self) -> Outcome {
        let id_of = |role| from_hexadecimal(self.case.connection_ids.map_or("", |ids| ids.of(role)));
        for (way, receiver) in [(Direction::Sent, self.role.peer()), (Direction::Received, self.role)] {
            let id = id_of(receiver)?;
            let records = self.wire.protected(way, id.len());
            let is_right = |(content_type, found): &(ContentType, Vec<u8>)| {
                *found == id && (*content_type == ContentType::TLS12_CID) != id.is_empty()
            };
            expect(
                !records.is_empty() && records.iter().all(is_right),
                format!("{way:?} with other IDs: {records:?}"),
            )?;
        }
        Ok(())
    }

    /// Data both ways: a line, and one as long as fits a datagram.
    fn exchange(&mut self) -> Outcome {
        match self.peer.manner() {
            Manner::AnswersCoap(answer) => return self.asks_in_coap(answer),
            Manner::AsksCoap(path) => return self.answers_in_coap(path),
            Manner::Echoes | Manner::Answers(_) | Manner::Asks(_) | Manner::Types => {}
        }
        // What gnutls-serv says back, it reads in small pieces.
        let is_short = self.peer.manner() == Manner::Echoes && !self.case.large;
        let longest = if is_short { SHORT_ECHO } else { self.ours.max_payload().saturating_sub(1) };
        // `ssl_client2` asks but once when it comes back.
        let asks_once = self.visit == Visit::Second && matches!(self.peer.manner(), Manner::Asks(_));
        for line in ["ping from sealgram", &"x".repeat(longest)].into_iter().take(if asks_once { 1 } else { 2 }) {
            if let Manner::Asks(question) = self.peer.manner() {
                self.hears_a_text_with(question)?;
            }
            self.ours.send(format!("{line}\n").as_bytes())?;
            self.peer.prints(line)?;
            match self.peer.manner() {
                Manner::Echoes => self.hears(line)?,
                Manner::Answers(answer) => self.hears_a_text_with(answer)?,
                Manner::Asks(_) | Manner::Types | Manner::AnswersCoap(_) | Manner::AsksCoap(_) => {}
            }
        }
        if self.peer.manner() == Manner::Echoes && self.case.record_sizes.is_some() {
            // As long as the peer takes: it shows it in pieces, each longer than any line so far.
            self.ours.send(&vec![b'x'; self.ours.max_payload()])?;
            return self.peer.prints(&"x".repeat(2 * SHORT_ECHO));
        }
        if self.peer.manner() != Manner::Types {
            return Ok(());
        }
        // A line and its end. GnuTLS sends no more than what it takes itself.
        let fits = self.case.record_sizes.map(|sizes| usize::from(sizes.least()).saturating_sub(1));
        let longest = if self.case.large { LARGE } else { fits.unwrap_or(SHORT_ENOUGH) };
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
        let wanted = self.case.peers_record_len(self.role.peer());
        expect(wanted.is_none_or(|len| len == record.len()), format!("{} bytes, not {wanted:?}", record.len()))
    }

    /// A question of ours (RFC 7252), and the answer that holds these words.
    fn asks_in_coap(&mut self, words: &str) -> Outcome {
        self.ours.send(&coap::QUESTION)?;
        let answer = coap::Message::parse(&self.ours.recv()?)?;
        let question = coap::Message::parse(&coap::QUESTION)?;
        expect_eq("what is answered", &(answer.id, answer.token), &(question.id, question.token))?;
        expect_eq("how it is answered", &answer.code, &coap::CONTENT)?;
        expect(answer.payload.contains(words), format!("the peer answers {:?}, without {words:?}", answer.payload))
    }

    /// The peer's question for what is at this path, and our answer, which it prints.
    fn answers_in_coap(&mut self, path: &str) -> Outcome {
        let question = coap::Message::parse(&self.ours.recv()?)?;
        expect_eq("what the peer asks for", &(question.code, &*question.path.join("/")), &(coap::GET, path))?;
        let answer = "pong from sealgram";
        self.ours.send(&question.answer(answer))?;
        self.peer.prints(answer)
    }

    /// The next record that comes is this line.
    fn hears(&mut self, line: &str) -> Outcome {
        let record = self.ours.recv()?;
        expect_eq("the peer's data", &String::from_utf8_lossy(&record).trim_end(), &line)
    }

    fn fits_the_mtu(&self) -> Outcome {
        let longest = self.wire.longest();
        let fits = self.case.mtu.is_none_or(|mtu| longest <= mtu);
        expect(fits, format!("a datagram of {longest} bytes, above the MTU of {:?}", self.case.mtu))
    }

    /// What the case wants of the handshake and neither end tells.
    fn look_at_the_wire(&self) -> Outcome {
        let (from_server, from_client) = match self.role {
            Role::Client => (Direction::Received, Direction::Sent),
            Role::Server => (Direction::Sent, Direction::Received),
        };
        let case = self.case;
        let server_sent = |msg_type| self.wire.message(from_server, msg_type).is_some();
        // Who comes back is asked for a cookie like everybody else.
        expect_eq("cookie exchange", &server_sent(HandshakeType::HELLO_VERIFY_REQUEST), &case.cookies)?;
        let is_full = self.visit == Visit::First;
        if let Some(scheme) = case.scheme.filter(|_| is_full) {
            expect_eq("signature scheme", &self.wire.signature_scheme(from_server), &Some(scheme))?;
        }
        let by_ticket = case.resumption.is_some_and(|resumption| resumption.by == SessionHandle::Ticket);
        if is_full && case.resumption.is_some() {
            expect_eq("ticket", &server_sent(HandshakeType::NEW_SESSION_TICKET), &by_ticket)?;
        }
        let shows_certificate = is_full && case.authentication() == Authentication::Signature;
        expect_eq("the server's certificate", &server_sent(HandshakeType::CERTIFICATE), &shows_certificate)?;
        let has_response = is_full && case.ocsp_response;
        expect_eq("OCSP response", &server_sent(HandshakeType::CERTIFICATE_STATUS), &has_response)?;
        let is_asked = is_full && case.client.is_asked();
        expect_eq("certificate request", &server_sent(HandshakeType::CERTIFICATE_REQUEST), &is_asked)?;
        let answer = self.wire.message(from_client, HandshakeType::CERTIFICATE);
        let proof = self.wire.message(from_client, HandshakeType::CERTIFICATE_VERIFY);
        // RFC 5246 section 7.4.8: there is something to prove only for who has shown something.
        let shows = is_asked && case.client.shown().is_some();
        expect_eq("the client's signature", &proof.is_some(), &shows)?;
        match answer {
            // RFC 5246 section 7.4.6: without a suitable certificate the list is there, and empty. Unasked, it is not.
            answer if !shows => {
                expect_eq("the client's certificate message", &answer, &is_asked.then(|| vec![0, 0, 0]))
            }
            answer => expect(answer.is_some(), "the client shows no certificate"),
        }
    }
}

/// A line that fits a datagram of [`SMALL_MTU`] whoever sends it: OpenSSL counts IP and UDP headers in, 28 bytes.
const SHORT_ENOUGH: usize = SMALL_MTU - 100;

/// A line that `gnutls-serv` reads at once, in bytes.
const SHORT_ECHO: usize = 100;
