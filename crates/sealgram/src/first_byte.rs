//! Telling apart the protocols that share a socket with DTLS in WebRTC (RFC 7983, RFC 9443).
//!
//! The first byte of a datagram says whose it is. Nothing here looks further, or keeps anything.

/// Whose a datagram is, by its first byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DatagramKind {
    /// STUN: connectivity checks of ICE.
    Stun,
    /// ZRTP.
    Zrtp,
    /// DTLS: for [`Connection::handle_datagram`](crate::Connection::handle_datagram).
    Dtls,
    /// A channel of TURN, if it comes from a TURN server; QUIC, if not (RFC 9443 section 3).
    TurnChannel,
    /// QUIC.
    Quic,
    /// RTP and RTCP, or their protected forms.
    Rtp,
}

impl DatagramKind {
    /// Whose this datagram is; `None` for what belongs to nobody and is dropped, an empty one among it.
    #[must_use]
    pub const fn of(datagram: &[u8]) -> Option<Self> {
        let [first, ..] = datagram else { return None };
        // RFC 7983 section 7, with what RFC 9443 section 3 gave to QUIC.
        match first {
            0..=3 => Some(Self::Stun),
            16..=19 => Some(Self::Zrtp),
            20..=63 => Some(Self::Dtls),
            64..=79 => Some(Self::TurnChannel),
            80..=127 | 192..=255 => Some(Self::Quic),
            128..=191 => Some(Self::Rtp),
            4..=15 => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::code::ContentType;
    use crate::wire::record::FIRST_BYTES;

    /// EXP-13: every byte, from edge to edge.
    #[test]
    fn the_first_byte_says_whose_a_datagram_is() {
        let edges = [
            (0, Some(DatagramKind::Stun)),
            (4, None),
            (16, Some(DatagramKind::Zrtp)),
            (20, Some(DatagramKind::Dtls)),
            (64, Some(DatagramKind::TurnChannel)),
            (80, Some(DatagramKind::Quic)),
            (128, Some(DatagramKind::Rtp)),
            (192, Some(DatagramKind::Quic)),
        ];
        for first in 0..=255 {
            let expected = edges.iter().rfind(|(edge, _)| *edge <= first).and_then(|(_, kind)| *kind);
            assert_eq!(DatagramKind::of(&[first]), expected, "{first}");
            assert_eq!(DatagramKind::of(&[first, 0xff, 0]), expected, "{first}");
        }
        assert_eq!(DatagramKind::of(&[]), None);
    }

    /// What is DTLS here is what the record layer does not refuse unseen.
    #[test]
    fn the_record_layer_looks_at_the_same_bytes() {
        assert_eq!(FIRST_BYTES, 20..=63);
        assert!(FIRST_BYTES.contains(&ContentType::HANDSHAKE.0));
    }
}
