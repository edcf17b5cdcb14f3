//! Decoders and encoders.

use super::Choices;
use crate::wire::round_trip::ROUND_TRIPS;

/// The first byte chooses a decoder, the rest is a message: what decodes, encodes to the bytes it came from.
pub fn messages(data: &[u8]) {
    let mut choices = Choices::new(data);
    let chosen = choices.below(ROUND_TRIPS.len());
    let body = choices.take(usize::MAX);
    let Some((name, round_trip)) = ROUND_TRIPS.get(chosen) else { return };
    if let Ok(again) = round_trip(body) {
        assert_eq!(again, body, "{name}");
    }
}
