//! The messages of a return routability check (RFC 9853 section 4): whether somebody receives at an address.

/// What a challenge holds, and its answer says again.
pub(crate) type Cookie = [u8; 8];

/// A message of a return routability check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PathCheck {
    /// "Say this again, to where it came from."
    Challenge(Cookie),
    /// "It came, and this is the path I use."
    Response(Cookie),
    /// "It came, and this is not the path I use." It answers challenges on a former path, of which we send none.
    Drop(Cookie),
}

impl PathCheck {
    /// The length of each, in bytes.
    pub(crate) const LEN: usize = 9;

    /// Reads the content of a record; `None` if it is of another length, or of a type to come, which is to be passed
    /// over.
    pub(crate) fn decode(content: &[u8]) -> Option<Self> {
        let (msg_type, cookie) = content.split_first()?;
        let cookie = cookie.try_into().ok()?;
        match msg_type {
            0 => Some(Self::Challenge(cookie)),
            1 => Some(Self::Response(cookie)),
            2 => Some(Self::Drop(cookie)),
            _ => None,
        }
    }

    pub(crate) const fn encode(self) -> [u8; Self::LEN] {
        let (msg_type, [a, b, c, d, e, f, g, h]) = match self {
            Self::Challenge(cookie) => (0, cookie),
            Self::Response(cookie) => (1, cookie),
            Self::Drop(cookie) => (2, cookie),
        };
        [msg_type, a, b, c, d, e, f, g, h]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// CID-21: a type and eight bytes; types to come are passed over.
    #[test]
    fn a_message_is_a_type_and_a_cookie() {
        let cookie = [1, 2, 3, 4, 5, 6, 7, 8];
        let messages = [PathCheck::Challenge(cookie), PathCheck::Response(cookie), PathCheck::Drop(cookie)];
        for (msg_type, message) in (0..).zip(messages) {
            assert_eq!(message.encode(), [msg_type, 1, 2, 3, 4, 5, 6, 7, 8]);
            assert_eq!(PathCheck::decode(&message.encode()), Some(message));
        }
        assert_eq!(PathCheck::decode(&[3, 1, 2, 3, 4, 5, 6, 7, 8]), None);
        for len in [0, 1, 8, 10] {
            assert_eq!(PathCheck::decode(&[0; 10][..len]), None);
        }
    }
}
