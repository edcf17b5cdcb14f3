//! How long records may be where the two sides agreed on less than records carry.

use crate::wire::record::MAX_PLAINTEXT;

/// What one record may have, in bytes. The two extensions that lower it do not count the same: a connection ID has the
/// type of the content, and perhaps padding, encrypted along with it (RFC 9146 section 4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SizeLimits {
    /// Of content, in either direction. RFC 6066 section 4 limits the input of the record layer, DTLSPlaintext.length,
    /// and a type is wrapped around that later (RFC 9146 figures 1 and 2): it does not count, nor does padding.
    pub(crate) content: usize,
    /// Of what we encrypt at once. RFC 8449 section 4 limits all input to encryption, which here is DTLSInnerPlaintext
    /// (RFC 9146 section 5.3), as it is TLSInnerPlaintext in TLS 1.3: type and padding count.
    pub(crate) written: usize,
    /// Of what the peer encrypts at once, counted alike.
    pub(crate) read: usize,
}

impl SizeLimits {
    /// RFC 5246 section 6.2.1, RFC 9146 section 5.3.
    pub(crate) const NONE: Self = Self { content: MAX_PLAINTEXT, written: MAX_PLAINTEXT, read: MAX_PLAINTEXT };

    /// How much content a record may have that we write, where `inner_type_len` bytes are encrypted with it.
    pub(super) fn written_content(&self, inner_type_len: usize) -> usize {
        self.written.min(MAX_PLAINTEXT).saturating_sub(inner_type_len).min(self.content)
    }
}
