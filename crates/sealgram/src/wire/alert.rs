//! Alerts (RFC 5246 section 7.2).

use super::reader::Reader;
use crate::code::{AlertDescription, AlertLevel};
use crate::error::DecodeError;

/// The whole content of an alert record.
///
/// Two alerts in one record are not one alert: DTLS has no stream in which the second would continue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Alert {
    pub(crate) level: AlertLevel,
    pub(crate) description: AlertDescription,
}

impl Alert {
    pub(crate) fn decode(content: &[u8]) -> Result<Self, DecodeError> {
        let alert = Reader::whole(content, |reader| {
            Ok(Self { level: AlertLevel(reader.u8()?), description: AlertDescription(reader.u8()?) })
        })?;
        match alert.level {
            AlertLevel::WARNING | AlertLevel::FATAL => Ok(alert),
            _ => Err(DecodeError::InvalidValue),
        }
    }

    pub(crate) const fn encode(self) -> [u8; 2] {
        [self.level.0, self.description.0]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// ALR-01: an alert is two bytes, and only two levels exist.
    #[test]
    fn an_alert_is_a_level_and_a_description() {
        let close = Alert { level: AlertLevel::WARNING, description: AlertDescription::CLOSE_NOTIFY };
        assert_eq!(close.encode(), [1, 0]);
        assert_eq!(Alert::decode(&[1, 0]), Ok(close));
        for description in 0..=255 {
            let alert = Alert { level: AlertLevel::FATAL, description: AlertDescription(description) };
            assert_eq!(Alert::decode(&alert.encode()), Ok(alert));
        }
    }

    /// ALR-01: any other size or level is no alert.
    #[test]
    fn other_sizes_and_levels_are_refused() {
        assert_eq!(Alert::decode(&[]), Err(DecodeError::Truncated));
        assert_eq!(Alert::decode(&[2]), Err(DecodeError::Truncated));
        assert_eq!(Alert::decode(&[2, 40, 0]), Err(DecodeError::TrailingBytes));
        assert_eq!(Alert::decode(&[1, 0, 1, 0]), Err(DecodeError::TrailingBytes));
        for level in (0..=255).filter(|level| !matches!(level, 1 | 2)) {
            assert_eq!(Alert::decode(&[level, 40]), Err(DecodeError::InvalidValue));
        }
    }
}
