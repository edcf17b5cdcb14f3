//! The replay window.

use alloc::collections::BTreeSet;

use super::Choices;
use crate::record::ReplayWindow;
use crate::wire::record::MAX_SEQUENCE;

/// The bytes are record numbers: near the newest one, or anywhere. The window answers as a set of all numbers does.
pub fn replay_window(data: &[u8]) {
    let mut choices = Choices::new(data);
    let (mut window, mut seen) = (ReplayWindow::default(), BTreeSet::new());
    let mut newest = 0_u64;
    while !choices.is_empty() {
        let step = choices.byte();
        let sequence = match step & 3 {
            // Up to 127 behind the newest, which is twice the width.
            0 => newest.saturating_sub(u64::from(step >> 2) * 2),
            1 => newest.saturating_sub(u64::from(step >> 2)),
            2 => newest + u64::from(step >> 2),
            _ => choices.u64() >> (16 + (step >> 3)),
        };
        let sequence = sequence.min(MAX_SEQUENCE);
        let is_in_reach = seen.last().is_none_or(|newest| sequence + 64 > *newest);
        let is_welcome = is_in_reach && !seen.contains(&sequence);
        assert_eq!(window.would_accept(sequence), is_welcome, "{sequence} after {newest}");
        // Of the large jumps, some turn out not to be authentic.
        if is_welcome && step & 7 != 7 {
            window.accept(sequence);
            seen.insert(sequence);
            newest = newest.max(sequence);
        }
    }
}
