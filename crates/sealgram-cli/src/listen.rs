//! `sealgram listen`: a server that shows what it hears.

use std::sync::Arc;
use std::sync::mpsc::{self, SyncSender};
use std::thread;

use sealgram::provider::ring;
use sealgram::x509::Fingerprint;
use sealgram::{CloseReason, ServerConfig};
use sealgram_std::{Error, Listener, ListenerOptions, PeerEvent, Stream};

use crate::args::Listen;
use crate::connect::{protocols, resolve};
use crate::failure::{Failure, Reason, Result};
use crate::identity::{self, LOCAL_NAMES, SelfSigned};
use crate::output::{self, Payload};

/// What the other threads have to tell the one that prints: a line, or why there will be none any more.
type News = Result<String>;

/// Listens until it is killed, or until nobody reads what it prints.
///
/// This thread only prints, so that a slow reader holds up no peer.
pub(crate) fn run(arguments: &Listen) -> Result<()> {
    let (identity, made) = match (&arguments.cert, &arguments.key) {
        (Some(cert), Some(key)) => (identity::from_files(cert, key)?, None),
        _ => {
            let made = SelfSigned::generate(&LOCAL_NAMES.map(str::to_owned), DAYS)?;
            (made.identity()?, Some(made.certificate))
        }
    };
    let config = ServerConfig::builder(ring::provider(), identity)
        .application_protocols(&protocols(&arguments.alpn))
        .build()
        .map_err(|error| Failure::because(error.to_string()))?;
    let (news, incoming) = mpsc::sync_channel(NEWS_WAITING);
    let listener = bind(arguments, config, news.clone())?;
    let address = listener.local_addr().map_err(|error| Failure::because(error.to_string()))?;
    output::line(format_args!("listening on {address}"))?;
    if let Some(certificate) = made {
        output::line(format_args!("certificate for {}, made for this run", LOCAL_NAMES.join(", ")))?;
        output::line(format_args!("SHA-256 fingerprint: {}", Fingerprint::of(&certificate)))?;
    }
    let echo = arguments.echo;
    thread::spawn(move || accept(&listener, echo, &news));
    incoming.into_iter().try_for_each(|item| output::line(item?))
}

/// For how long a certificate that is made for one run is valid.
const DAYS: u32 = 30;

/// How many lines may wait to be printed.
const NEWS_WAITING: usize = 1024;

/// Each peer has a thread here, which keeps the program simple and the number of peers small.
const MAX_PEERS: usize = 256;

fn bind(arguments: &Listen, config: Arc<ServerConfig>, news: SyncSender<News>) -> Result<Listener> {
    let addresses = resolve(&arguments.address)?;
    let options = ListenerOptions::default().max_connections(MAX_PEERS).on_event(Arc::new(move |event| {
        if let PeerEvent::HandshakeFailed { peer, reason } = event {
            // The listener must not wait for the terminal, and strangers can make it fail as often as they like: when
            // there is no room, the line is lost.
            let _ = news.try_send(Ok(format!("{peer} failed: {reason}")));
        }
    }));
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
    let mut text = format!("connected: {}, {}", session.cipher_suite, session.group);
    if let Some(protocol) = &session.application_protocol {
        text += &format!(", {}", protocol.escape_ascii());
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
