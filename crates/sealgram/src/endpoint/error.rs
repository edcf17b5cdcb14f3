//! Why an endpoint made no connection.

use core::fmt;

use crate::config::ConfigError;
use crate::stats::DiscardReason;

/// Why [`Endpoint::connect`](crate::Endpoint::connect) made no connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConnectError {
    /// The configuration cannot serve.
    Config(ConfigError),
    /// There is no place for it.
    Refused(Refusal),
}

/// Why there is no place for one more connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// This very hello was accepted since it was offered: it came twice.
    AlreadyAccepted,
    /// Its connection IDs are of another length than those of the connections that there have been. Nothing in a record
    /// says how long its connection ID is, so that all of an endpoint have one length, or none.
    OtherConnectionIdLength,
    /// As many connections as [`max_connections`](crate::EndpointConfig::max_connections) allows.
    TooManyConnections,
    /// As many handshakes under way as [`max_half_open`](crate::EndpointConfig::max_half_open) allows.
    TooManyHalfOpen,
}

impl Refusal {
    /// Under what a datagram is counted that is dropped for it.
    pub(super) const fn reason(self) -> DiscardReason {
        match self {
            Self::AlreadyAccepted => DiscardReason::StaleMessage,
            Self::OtherConnectionIdLength => DiscardReason::WrongConnectionId,
            Self::TooManyConnections => DiscardReason::TooManyConnections,
            Self::TooManyHalfOpen => DiscardReason::TooManyHalfOpen,
        }
    }
}

impl From<Refusal> for ConnectError {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AlreadyAccepted => f.write_str("this hello was accepted before"),
            Self::OtherConnectionIdLength => f.write_str("connection IDs here are of another length"),
            Self::TooManyConnections | Self::TooManyHalfOpen => self.reason().fmt(f),
        }
    }
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Config(error) => error.fmt(f),
            Self::Refused(refusal) => refusal.fmt(f),
        }
    }
}

impl core::error::Error for Refusal {}

impl core::error::Error for ConnectError {}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    #[test]
    fn each_refusal_says_what_is_full() {
        for (refusal, text) in [
            (Refusal::AlreadyAccepted, "this hello was accepted before"),
            (Refusal::OtherConnectionIdLength, "another length"),
            (Refusal::TooManyConnections, "too many connections"),
            (Refusal::TooManyHalfOpen, "too many half-open"),
        ] {
            for told in [refusal.to_string(), ConnectError::Refused(refusal).to_string()] {
                assert!(told.contains(text), "{told}");
            }
        }
    }
}
