//! What those who watch are told, if the feature `tracing` is on: one span for each connection, and events in it.
//!
//! Everything goes through here, so that what is told, how loudly, and what never is, can be read on one page. Without
//! the feature nothing of this is left.
//!
//! - INFO: what an operator wants to find in the morning. Each takes a whole handshake, or a decision of this side.
//! - DEBUG: the steps of a handshake, flights, keys, authentic alerts, and how a server's handshake came to nothing. A
//!   handshake has few of them, and begins with us or with a cookie that came back.
//! - TRACE: whatever anybody can cause with one datagram, as often as it is sent.
//!
//! Values are numbers, names of code points, our own texts, and addresses (at DEBUG and TRACE alone). Nothing that the
//! peer words itself is among them: no name, no identity, no content. So each has a bounded length. No function here
//! is ever given a secret.
#![cfg_attr(not(feature = "tracing"), expect(unused_variables, reason = "nobody is told"))]

use core::fmt;
use core::net::SocketAddr;
use core::time::Duration;

use crate::code::{AlertDescription, AlertLevel, CipherSuite, HandshakeType, NamedGroup};
use crate::error::{AlertReceived, Failure};
use crate::role::Role;
use crate::stats::DiscardReason;

/// Tells of something that happened, in the span that was entered last.
macro_rules! event {
    ($level:ident, $($told:tt)*) => {
        #[cfg(feature = "tracing")]
        tracing::event!(target: "sealgram", tracing::Level::$level, $($told)*);
    };
}

/// The span of one connection.
pub(crate) struct Trace {
    #[cfg(feature = "tracing")]
    span: tracing::Span,
}

/// While this lives, what happens is told as part of a span; and so is what the application's own code tells that is
/// called meanwhile.
#[must_use]
pub(crate) struct InSpan {
    #[cfg(feature = "tracing")]
    _entered: tracing::span::EnteredSpan,
}

impl Trace {
    /// For a connection in this role. `name` is asked for only if somebody watches; it must not be a secret, nor the
    /// peer's choice.
    pub(crate) fn new(role: Role, name: impl FnOnce() -> u32) -> Self {
        Self {
            #[cfg(feature = "tracing")]
            span: tracing::info_span!(
                target: "sealgram",
                "dtls",
                role = match role {
                    Role::Client => "client",
                    Role::Server => "server",
                },
                id = %format_args!("{:08x}", name()),
            ),
        }
    }

    /// Whoever calls into a connection does so within its span.
    pub(crate) fn enter(&self) -> InSpan {
        InSpan {
            #[cfg(feature = "tracing")]
            _entered: self.span.clone().entered(),
        }
    }

    /// The endpoint made it for a client at the door.
    pub(crate) fn accepted(&self, peer: SocketAddr) {
        let _span = self.enter();
        event!(DEBUG, %peer, "accepted");
    }

    /// The endpoint made it as a client.
    pub(crate) fn connecting(&self, peer: SocketAddr) {
        let _span = self.enter();
        event!(DEBUG, %peer, "connecting");
    }

    /// [`crate::Event::PeerElsewhere`]. Whoever holds records back can cause it.
    pub(crate) fn elsewhere(&self, peer: SocketAddr) {
        let _span = self.enter();
        event!(TRACE, %peer, "heard from elsewhere");
    }

    /// [`crate::Event::PeerMoved`].
    pub(crate) fn moved(&self, peer: SocketAddr) {
        let _span = self.enter();
        event!(DEBUG, %peer, "moved");
    }

    /// The association was sealed into a snapshot, and is no more.
    pub(crate) fn left(&self) {
        let _span = self.enter();
        event!(INFO, "left for another process");
    }

    /// It goes on here that was sealed elsewhere.
    pub(crate) fn restored(&self, suite: CipherSuite) {
        let _span = self.enter();
        event!(INFO, %suite, "goes on from another process");
    }

    /// [`crate::Event::KeyLimitNear`].
    pub(crate) fn key_limit_near(&self) {
        let _span = self.enter();
        event!(INFO, "the write key is nearly used up");
    }
}

// ---- a connection ----

/// The handshake went one message further. After the last message nothing is awaited.
pub(crate) fn took_message(msg_type: HandshakeType, awaits: Option<HandshakeType>, awaits_decision: bool) {
    event!(DEBUG, %msg_type, awaits = awaits.map(tracing::field::display), "message taken");
    if awaits_decision {
        event!(DEBUG, "a decision is awaited");
    }
}

/// A whole flight was handed out, for the first time or again; `timeout` is none for the last one.
pub(crate) fn flight_sent(resends: u32, timeout: Option<Duration>, mtu: usize) {
    event!(DEBUG, resends, timeout = timeout.map(tracing::field::debug), mtu, "flight sent");
}

/// From now on records of this epoch open.
pub(crate) fn reads_epoch(epoch: u64) {
    event!(DEBUG, epoch, "read keys");
}

/// From now on records of this epoch can be written.
pub(crate) fn writes_epoch(epoch: u64) {
    event!(DEBUG, epoch, "write keys");
}

/// [`crate::Event::Connected`].
pub(crate) fn connected(suite: CipherSuite, group: Option<NamedGroup>, resumed: bool, after: Duration) {
    event!(INFO, %suite, group = group.map(tracing::field::display), resumed, ?after, "connected");
}

/// [`crate::Event::Closed`]. What strangers can bring about in great number is not for the operator: a server's
/// handshake that came to nothing.
pub(crate) fn closed(reason: &dyn fmt::Display, is_notable: bool) {
    if is_notable {
        event!(INFO, %reason, "closed");
    } else {
        event!(DEBUG, %reason, "closed");
    }
}

/// An alert was handed out.
pub(crate) fn alert_sent(level: AlertLevel, description: AlertDescription) {
    event!(DEBUG, %level, %description, "alert sent");
}

/// An alert came; whether it is believed shows in what follows.
pub(crate) fn alert_received(alert: &AlertReceived) {
    if alert.authenticated {
        event!(DEBUG, level = %alert.level, description = %alert.description, "alert received");
    } else {
        event!(TRACE, level = %alert.level, description = %alert.description, "plaintext alert");
    }
}

/// Something went wrong, says somebody who may not be the peer.
pub(crate) fn doubted(failure: &Failure) {
    event!(TRACE, %failure, "doubt");
}

// ---- a connection or an endpoint ----

/// Something was dropped, and counted.
pub(crate) fn discarded(reason: DiscardReason) {
    event!(TRACE, %reason, "discarded");
}

// ---- an endpoint ----

/// A datagram that is no connection's is looked at.
pub(crate) fn stranger(peer: SocketAddr) -> InSpan {
    InSpan {
        #[cfg(feature = "tracing")]
        _entered: tracing::trace_span!(target: "sealgram", "dtls_stranger", %peer).entered(),
    }
}

/// A hello without a valid cookie was answered with one.
pub(crate) fn cookie_sent() {
    event!(TRACE, "cookie sent");
}

/// A hello came with a valid cookie, and the application is asked whether it wants the client.
pub(crate) fn cookie_returned() {
    event!(TRACE, "cookie returned");
}
