//! Keys for media.

use super::Connection;
use crate::crypto::ExportError;
use crate::srtp::{EXPORTER_LABEL, SrtpKeys};

impl Connection {
    /// Derives the keys for SRTP that both sides agree on (RFC 5764 section 4.2).
    ///
    /// # Errors
    ///
    /// [`ExportError::NoSrtpProfile`] if none was agreed on, else as for
    /// [`export_keying_material`](Self::export_keying_material).
    pub fn export_srtp_keys(&self) -> Result<SrtpKeys, ExportError> {
        let connected = self.connected().ok_or(ExportError::NotConnected)?;
        let srtp = connected.session.srtp.as_ref().ok_or(ExportError::NoSrtpProfile)?;
        let export = |block: &mut [u8]| self.export_keying_material(EXPORTER_LABEL, None, block);
        SrtpKeys::fill(srtp.profile, export).unwrap_or(Err(ExportError::NoSrtpProfile))
    }
}
