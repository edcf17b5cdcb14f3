//! `sealgram listen`: a server that shows what it hears.

use core::num::NonZeroUsize;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::{self, SyncSender};
use std::thread;

use getrandom::SysRng;
use pki_types::CertificateDer;
use sealgram::rand_core::UnwrapErr;
use sealgram::resumption::{MemoryServerSessions, TicketKeys};
use sealgram::verify::{PeerVerifier, RawPublicKeys};
use sealgram::x509::{self, CertificateVerifier, Fingerprint};
use sealgram::{AddressChange, CloseReason, ConfigError, ServerConfig, ServerConfigBuilder, TransportOptions};
use sealgram_std::{Error, Listener, ListenerOptions, PeerEvent, Stream};

use crate::args::Listen;
use crate::connect::{protocols, resolve};
use crate::disturbance::Dice;
use crate::failure::{Failure, Reason, Result};
use crate::identity::{self, LOCAL_NAMES, SelfSigned};
use crate::output::{self, Payload};

/// What the other threads have to tell the one that prints: a line, or why there will be none any more.
type News = Result<String>;

/// Listens until it is killed, or until nobody reads what it prints.
///
/// This thread only prints, so that a slow reader holds up no peer.
pub(crate) fn run(arguments: &Listen) -> Result<()> {
    let (config, made) = config(arguments)?;
    let (news, incoming) = mpsc::sync_channel(NEWS_WAITING);
    let dice = arguments.disturbances.dice();
    let listener = bind(arguments, config, dice.clone(), news.clone())?;
    let address = listener.local_addr().map_err(|error| Failure::because(error.to_string()))?;
    output::line(format_args!("listening on {address}"))?;
    arguments.recording.announce()?;
    dice.iter().try_for_each(output::line)?;
    if let Some(certificate) = made {
        output::line(format_args!("certificate for {}, made for this run", LOCAL_NAMES.join(", ")))?;
        output::line(format_args!("SHA-256 fingerprint: {}", Fingerprint::of(&certificate)))?;
    }
    let echo = arguments.echo;
    thread::spawn(move || accept(&listener, echo, &news));
    incoming.into_iter().try_for_each(|item| output::line(item?))
}

/// How to serve, and the certificate if one was made for it.
fn config(arguments: &Listen) -> Result<(Arc<ServerConfig>, Option<CertificateDer<'static>>)> {
    let failed = |error: ConfigError| Failure::because(error.to_string());
    let provider = arguments.algorithms.provider();
    let keys: BTreeMap<_, _> =
        arguments.psk.iter().map(|psk| (psk.identity.clone().into_bytes(), psk.key.clone())).collect();
    let rpk = arguments.rpk.as_deref().map(identity::raw_public_key).transpose()?;
    let (mut builder, made) = match (&arguments.cert, &arguments.key, rpk) {
        (Some(cert), Some(key), rpk) => {
            let builder = ServerConfig::builder(provider, identity::from_files(cert, key)?);
            (rpk.into_iter().fold(builder, ServerConfigBuilder::identity), None)
        }
        (_, _, Some(rpk)) => (ServerConfig::builder(provider, rpk), None),
        _ if !keys.is_empty() => (ServerConfig::builder_with_psk(provider, Arc::new(keys.clone())), None),
        _ => {
            let made = SelfSigned::generate(&LOCAL_NAMES.map(str::to_owned), DAYS)?;
            (ServerConfig::builder(provider, made.identity()?), Some(made.certificate))
        }
    };
    if !keys.is_empty() {
        builder = builder.preshared_keys(Arc::new(keys));
    }
    if let Some(verifier) = client_verifier(arguments)? {
        builder = builder.require_client_certificate(verifier);
    }
    if let Some(suites) = arguments.algorithms.suites() {
        builder = builder.cipher_suites(suites);
    }
    if let Some(cid) = &arguments.cid {
        builder = builder.connection_ids(cid.with_random_end());
    }
    if let Some(key_log) = arguments.recording.key_log()? {
        builder = builder.danger().key_log(key_log);
    }
    // Clients that come back need no full handshake, whichever way they know.
    let tickets = TicketKeys::generate(provider, &mut UnwrapErr(SysRng)).map_err(failed)?;
    builder = builder.tickets(Arc::new(tickets)).sessions(Arc::new(MemoryServerSessions::new(SESSIONS)));
    let config = builder
        .application_protocols(&protocols(&arguments.alpn))
        .srtp(&arguments.carriage.srtp)
        .transport(arguments.carriage.apply(TransportOptions::default()))
        .build()
        .map_err(failed)?;
    Ok((config, made))
}

/// Who judges clients, if they have to show something.
fn client_verifier(arguments: &Listen) -> Result<Option<Arc<dyn PeerVerifier>>> {
    let certificates = arguments.client_ca.as_ref().map(|path| {
        let unusable = |error| Failure::because(format!("cannot use {}: {error}", path.display()));
        CertificateVerifier::builder(identity::certificates(path)?).build().map_err(unusable)
    });
    let certificates = certificates.transpose()?.map(|verifier| Arc::new(verifier) as Arc<dyn PeerVerifier>);
    if arguments.client_rpk.is_empty() {
        return Ok(certificates);
    }
    let keys: Vec<_> = arguments.client_rpk.iter().map(|path| identity::public_key(path)).collect::<Result<_>>()?;
    Ok(Some(Arc::new(certificates.into_iter().fold(RawPublicKeys::new(keys), RawPublicKeys::or_certificates))))
}

/// How many sessions are kept for clients that do not know tickets.
const SESSIONS: NonZeroUsize = NonZeroUsize::new(1024).unwrap();

/// For how long a certificate that is made for one run is valid.
const DAYS: u32 = 30;

/// How many lines may wait to be printed.
const NEWS_WAITING: usize = 1024;

/// Each peer has a thread here, which keeps the program simple and the number of peers small.
const MAX_PEERS: usize = 256;

fn bind(
    arguments: &Listen,
    config: Arc<ServerConfig>,
    dice: Option<Arc<Dice>>,
    news: SyncSender<News>,
) -> Result<Listener> {
    let addresses = resolve(&arguments.address)?;
    // It makes a difference only to peers that have connection IDs.
    let options = ListenerOptions::default().max_connections(MAX_PEERS).address_change(AddressChange::Follow);
    let mut options = options.on_event(Arc::new(move |event| {
        let line = match event {
            PeerEvent::HandshakeFailed { peer, reason } => format!("{peer} failed: {reason}"),
            PeerEvent::Moved { peer, now_at } => format!("{peer} has moved to {now_at}"),
            _ => return,
        };
        // The listener must not wait for the terminal, and strangers can make it fail as often as they like: when there
        // is no room, the line is lost.
        let _ = news.try_send(Ok(line));
    }));
    if let Some(tap) = arguments.recording.tap()? {
        options = options.tap(tap);
    }
    if let Some(dice) = dice {
        options = options.disturbance(dice);
    }
    Listener::bind_with(addresses.as_slice(), config, options).map_err(|error| {
        let reason = match &error {
            Error::Io(error) => Reason(error).to_string(),
            other => other.to_string(),
        };
        Failure::because(format!("cannot listen on {}: {reason}", arguments.address))
    })
}

fn accept(listener: &Listener, echo: bool, news: &SyncSender<News>) {
    loop {
        let served = match listener.accept() {
            Ok(stream) => {
                let news = news.clone();
                thread::Builder::new()
                    .spawn(move || serve(stream, echo, &news))
                    .map_err(|error| Failure::because(format!("cannot serve another peer: {}", Reason(&error))))
            }
            Err(error) => Err(Failure::because(format!("cannot accept: {error}"))),
        };
        if let Err(failure) = served {
            let _ = news.send(Err(failure));
            return;
        }
    }
}

/// Shows what one peer does. It ends early if there is nobody to show it to.
fn serve(mut stream: Stream, echo: bool, news: &SyncSender<News>) {
    let peer = stream.peer_addr();
    let tell = |what: String| news.send(Ok(format!("{peer} {what}")));
    let mut told = tell(describe(&stream));
    // No record is longer than this (RFC 5246 section 6.2.1).
    let mut buffer = vec![0; 1 << 14];
    while told.is_ok() {
        let received = stream.recv(&mut buffer).map(|len| buffer.get(..len).unwrap_or_default());
        told = match received {
            Ok(data) => {
                let echoed = if echo { stream.send(data) } else { Ok(()) };
                tell(format!("sent {}", Payload(data))).and_then(|()| match echoed {
                    // An end of the association is told by the next call to receive.
                    Ok(()) | Err(Error::Closed(_)) => Ok(()),
                    Err(error) => tell(format!("gets no echo: {error}")),
                })
            }
            Err(error) => {
                let _ = tell(farewell(&error));
                return;
            }
        };
    }
}

fn describe(stream: &Stream) -> String {
    let Some(session) = stream.session() else { return "connected".into() };
    let mut text = format!("connected: {}", session.cipher_suite);
    if let Some(group) = session.group {
        text += &format!(", {group}");
    }
    if session.resumed {
        text += ", resumed";
    }
    if let Some(identity) = &session.psk_identity {
        text += &format!(", preshared key of {}", identity.escape_ascii());
    }
    if let Some(certificate) = session.peer_certificates.first() {
        match x509::summary(certificate) {
            Ok(summary) => text += &format!(", {}", summary.subject),
            Err(error) => text += &format!(", a certificate that cannot be shown: {error}"),
        }
    }
    if session.peer_raw_public_key.is_some() {
        text += ", a raw public key";
    }
    if let Some(protocol) = &session.application_protocol {
        text += &format!(", {}", protocol.escape_ascii());
    }
    if let Some(srtp) = &session.srtp {
        text += &format!(", {}", srtp.profile);
    }
    text
}

fn farewell(error: &Error) -> String {
    match error {
        Error::Closed(CloseReason::Failed(failure)) => format!("failed: {failure}"),
        Error::Closed(CloseReason::Idle) => "was silent for too long".into(),
        Error::Closed(reason) => reason.to_string(),
        other => format!("failed: {other}"),
    }
}
