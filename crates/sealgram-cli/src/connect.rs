//! `sealgram connect`: a client for people and scripts.

use core::net::SocketAddr;
use core::num::NonZeroUsize;
use core::time::Duration;
use std::io::{self, BufRead};
use std::net::ToSocketAddrs;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, TryRecvError};
use std::thread;

use pki_types::ServerName;
use sealgram::code::AlertDescription;
use sealgram::resumption::MemoryClientSessions;
use sealgram::{ClientConfig, CloseReason, SendError, TransportOptions, error, x509};
use sealgram_std::{Client, Clock, Error, Options};

use crate::args::{Connect, HostPort};
use crate::choice::Psk;
use crate::failure::{Failure, Reason, Result};
use crate::identity;
use crate::output::{self, Payload};
use crate::trust::{self, Witness};

/// Connects, sends, prints what comes back, and says goodbye.
pub(crate) fn run(arguments: &Connect) -> Result<()> {
    let name = match &arguments.name {
        Some(name) => name.clone(),
        None => default_name(&arguments.server)?,
    };
    let by_key_alone = arguments.psk.is_some() && !arguments.trust.is_given();
    let witness = Arc::new(if by_key_alone { Witness::idle() } else { Witness::new(&arguments.trust)? });
    let config = config(arguments, Arc::clone(&witness))?;
    arguments.recording.announce()?;
    let options = options(arguments)?;
    let addresses = resolve(&arguments.server)?;
    let connect = || {
        Client::connect_with(addresses.as_slice(), name.clone(), config.clone(), options.clone())
            .map_err(|error| Failure::because(refusal(&arguments.server, &error, &witness, &name)))
    };
    if arguments.resume {
        let first = connect()?;
        let time = milliseconds(&first);
        output::line(format_args!("connected to {} in {time:.2} ms, to come back", first.peer_addr()))?;
        first.close().map_err(|error| Failure::because(format!("cannot close: {error}")))?;
    }
    let client = connect()?;
    describe(&client, arguments)?;

    let mut exchange = Exchange::new(client);
    let end = if arguments.send.is_empty() {
        exchange.send_lines(&lines_of_stdin())?
    } else {
        arguments.send.iter().try_for_each(|text| exchange.send(text.as_bytes()))?;
        End::Ours
    };
    let end = match end {
        End::Ours => exchange.wait_for_answers(arguments.wait)?,
        End::Peers => End::Peers,
    };
    exchange.finish(end)
}

/// The addresses of a host.
pub(crate) fn resolve(server: &HostPort) -> Result<Vec<SocketAddr>> {
    let unknown = |reason: &dyn core::fmt::Display| Failure::because(format!("cannot find {}: {reason}", server.host));
    let addresses = (server.host.as_str(), server.port).to_socket_addrs().map_err(|error| unknown(&Reason(&error)))?;
    let addresses: Vec<SocketAddr> = addresses.collect();
    if addresses.is_empty() { Err(unknown(&"it has no address")) } else { Ok(addresses) }
}

/// Application protocols as configurations take them.
pub(crate) fn protocols(names: &[String]) -> Vec<&[u8]> {
    names.iter().map(String::as_bytes).collect()
}

fn default_name(server: &HostPort) -> Result<ServerName<'static>> {
    ServerName::try_from(server.host.clone()).map_err(|_| {
        Failure::because(format!("a certificate cannot be for '{}'; say with --name whose it must be", server.host))
    })
}

fn config(arguments: &Connect, witness: Arc<Witness>) -> Result<Arc<ClientConfig>> {
    let patience = arguments.timeout;
    let initial = FIRST_RESEND.min(patience);
    let provider = arguments.algorithms.provider();
    let mut builder = match &arguments.psk {
        Some(Psk { identity, key }) if !arguments.trust.is_given() => {
            ClientConfig::builder_with_psk(provider, identity.as_bytes(), key.clone())
        }
        Some(Psk { identity, key }) => {
            ClientConfig::builder(provider, witness).preshared_key(identity.as_bytes(), key.clone())
        }
        None => ClientConfig::builder(provider, witness),
    };
    if let (Some(chain), Some(key)) = (&arguments.client_cert, &arguments.client_key) {
        builder = builder.identity(identity::from_files(chain, key)?);
    }
    if let Some(key) = &arguments.client_rpk {
        builder = builder.identity(identity::raw_public_key(key)?);
    }
    if arguments.resume {
        builder = builder.sessions(Arc::new(MemoryClientSessions::new(NonZeroUsize::MIN)));
    }
    if let Some(suites) = arguments.algorithms.suites() {
        builder = builder.cipher_suites(suites);
    }
    if let Some(cid) = &arguments.cid {
        builder = builder.connection_ids(cid.alone());
    }
    if let Some(key_log) = arguments.recording.key_log()? {
        builder = builder.danger().key_log(key_log);
    }
    let transport = TransportOptions::default().initial_timeout(initial).handshake_deadline(patience);
    builder
        .application_protocols(&protocols(&arguments.alpn))
        .srtp(&arguments.carriage.srtp)
        .transport(arguments.carriage.apply(transport))
        .build()
        .map_err(|error| Failure::because(error.to_string()))
}

/// How to use the socket; and says if it is not used well.
fn options(arguments: &Connect) -> Result<Options> {
    let mut options = Options::default();
    if let Some(tap) = arguments.recording.tap()? {
        options = options.tap(tap);
    }
    if let Some(dice) = arguments.disturbances.dice() {
        output::line(&*dice)?;
        options = options.disturbance(dice);
    }
    Ok(options)
}

/// When the first flight is sent again. People watch: sooner than the second that RFC 6347 section 4.2.4.1 suggests.
const FIRST_RESEND: Duration = Duration::from_millis(400);

/// Why there is no connection, and what to do where that is known.
fn refusal(server: &HostPort, error: &Error, witness: &Witness, name: &ServerName<'_>) -> String {
    let (reason, remedy) = match error {
        Error::Closed(CloseReason::Failed(failure)) => match failure.error {
            error::Error::Certificate(error) => (witness.explain(error, name), ""),
            error::Error::Timeout(timeout) if !timeout.heard => {
                (failure.to_string(), "; does a DTLS server listen there?")
            }
            error::Error::Alert(alert) if alert.description == AlertDescription::NO_APPLICATION_PROTOCOL => {
                (failure.to_string(), "; see --alpn")
            }
            _ => (failure.to_string(), ""),
        },
        Error::Io(error) => (Reason(error).to_string(), ""),
        other => (other.to_string(), ""),
    };
    format!("cannot connect to {server}: {reason}{remedy}")
}

fn milliseconds(client: &Client) -> f64 {
    client.stats().handshake_time.unwrap_or_default().as_secs_f64() * 1000.0
}

fn describe(client: &Client, arguments: &Connect) -> Result<()> {
    output::line(format_args!("connected to {} in {:.2} ms", client.peer_addr(), milliseconds(client)))?;
    if let Some(session) = client.session() {
        output::line(format_args!("suite:        {}", session.cipher_suite))?;
        if let Some(group) = session.group {
            output::line(format_args!("group:        {group}"))?;
        }
        if let Some(protocol) = &session.application_protocol {
            output::line(format_args!("protocol:     {}", protocol.escape_ascii()))?;
        }
        if let Some(srtp) = &session.srtp {
            output::line(format_args!("srtp:         {}", srtp.profile))?;
        }
        if arguments.resume {
            output::line(if session.resumed { "resumed:      yes" } else { "resumed:      no" })?;
        }
        if let Some(ids) = &session.connection_ids {
            let [ours, peer] = [&ids.ours, &ids.peer].map(|id| output::hex(id.as_bytes()));
            output::line(format_args!("cid:          '{ours}' here, '{peer}' there"))?;
        }
        if session.psk_identity.is_some() {
            return output::line("trust:        the preshared key\n");
        }
    }
    output::line(format_args!("trust:        {}", trust::describe(&arguments.trust)))?;
    if client.session().is_some_and(|session| session.peer_raw_public_key.is_some()) {
        return output::line("certificate:  none, but a raw public key\n");
    }
    match client.peer_certificates().first().map(x509::summary) {
        Some(Ok(summary)) => output::line(format_args!("{summary:#}\n")),
        Some(Err(error)) => output::line(format_args!("certificate:  cannot be shown: {error}\n")),
        None => output::line("certificate:  none\n"),
    }
}

/// Who ends the association.
#[derive(Clone, Copy)]
enum End {
    Ours,
    Peers,
}

/// A client that counts and prints what goes and comes.
struct Exchange {
    client: Client,
    server: SocketAddr,
    clock: Clock,
    sent: u64,
    received: u64,
    buffer: Vec<u8>,
}

/// What came of waiting for a datagram.
#[derive(Clone, Copy)]
enum Arrival {
    Data,
    Nothing,
    Close,
}

impl Exchange {
    fn new(client: Client) -> Self {
        let server = client.peer_addr();
        // No record is longer than this (RFC 5246 section 6.2.1).
        let buffer = vec![0; 1 << 14];
        Self { client, server, clock: Clock::start(), sent: 0, received: 0, buffer }
    }

    fn send(&mut self, payload: &[u8]) -> Result<()> {
        match self.client.send(payload) {
            Ok(()) => {}
            Err(Error::Send(SendError::TooLong { most })) => {
                let len = payload.len();
                return Err(Failure::because(format!("{len} bytes are too long for a datagram; at most {most} fit")));
            }
            Err(error) => return Err(self.broken(&error)),
        }
        self.sent += 1;
        output::line(format_args!("sent {}", Payload(payload)))
    }

    /// Waits for one datagram and prints it.
    fn receive(&mut self, timeout: Duration) -> Result<Arrival> {
        self.client.set_read_timeout(Some(timeout));
        match self.client.recv(&mut self.buffer) {
            Ok(len) => {
                self.received += 1;
                output::line(format_args!("received {}", Payload(self.buffer.get(..len).unwrap_or_default())))?;
                Ok(Arrival::Data)
            }
            Err(Error::TimedOut) => Ok(Arrival::Nothing),
            Err(Error::Closed(CloseReason::Peer)) => Ok(Arrival::Close),
            Err(error) => Err(self.broken(&error)),
        }
    }

    /// Sends lines until there are no more, and prints what comes meanwhile.
    ///
    /// Lines and datagrams come from two sources, and there is no portable way to wait for both: so it waits for
    /// datagrams, and looks for lines so often that nobody notices.
    fn send_lines(&mut self, lines: &Receiver<io::Result<Vec<u8>>>) -> Result<End> {
        loop {
            match lines.try_recv() {
                Ok(Ok(line)) => self.send(&line)?,
                Ok(Err(error)) => {
                    return Err(Failure::because(format!("cannot read standard input: {}", Reason(&error))));
                }
                Err(TryRecvError::Disconnected) => return Ok(End::Ours),
                Err(TryRecvError::Empty) => {
                    if let Arrival::Close = self.receive(LOOK_FOR_LINES)? {
                        return Ok(End::Peers);
                    }
                }
            }
        }
    }

    /// Waits until as many datagrams have come as were sent, but not longer than `patience`.
    fn wait_for_answers(&mut self, patience: Duration) -> Result<End> {
        let deadline = self.clock.now() + patience;
        while self.received < self.sent {
            match self.receive(deadline.saturating_since(self.clock.now()))? {
                Arrival::Data => {}
                Arrival::Nothing => break,
                Arrival::Close => return Ok(End::Peers),
            }
        }
        Ok(End::Ours)
    }

    fn finish(self, end: End) -> Result<()> {
        match end {
            End::Ours => {
                let server = self.server;
                self.client
                    .close()
                    .map_err(|error| Failure::because(format!("cannot take leave of {server}: {error}")))?;
                output::line("closed")
            }
            End::Peers => output::line("closed by the server"),
        }
    }

    fn broken(&self, error: &Error) -> Failure {
        let reason = match error {
            Error::Io(error) => Reason(error).to_string(),
            other => other.to_string(),
        };
        Failure::because(format!("the connection to {} failed: {reason}", self.server))
    }
}

const LOOK_FOR_LINES: Duration = Duration::from_millis(10);

/// The lines of standard input, without their ends, from a thread of their own: reading them cannot be interrupted.
fn lines_of_stdin() -> Receiver<io::Result<Vec<u8>>> {
    let (sender, lines) = mpsc::sync_channel(16);
    thread::spawn(move || {
        let mut stdin = io::stdin().lock();
        loop {
            let mut line = Vec::new();
            let next = match stdin.read_until(b'\n', &mut line) {
                Ok(0) => return,
                Ok(_) => Ok(without_line_end(line)),
                Err(error) => Err(error),
            };
            let is_last = next.is_err();
            if sender.send(next).is_err() || is_last {
                return;
            }
        }
    });
    lines
}

fn without_line_end(mut line: Vec<u8>) -> Vec<u8> {
    if line.last() == Some(&b'\n') {
        line.pop();
        if line.last() == Some(&b'\r') {
            line.pop();
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_end_of_a_line_is_taken_off() {
        for (line, expected) in [("a\n", "a"), ("a\r\n", "a"), ("\n", ""), ("a\r", "a\r"), ("a", "a"), (" a \n", " a ")]
        {
            assert_eq!(without_line_end(line.into()), expected.as_bytes());
        }
    }
}
