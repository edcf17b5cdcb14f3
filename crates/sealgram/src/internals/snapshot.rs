//! What is sealed in a snapshot.

use crate::snapshot::Content;

/// The bytes are what stood under the seal: what decodes, encodes to the bytes it came from.
pub fn snapshot(data: &[u8]) {
    if let Ok(content) = Content::decode(data) {
        let again = content.encode().expect("what was read fits its fields");
        assert_eq!(*again, data);
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;

    /// Whatever is cut off is missed, whatever is changed is refused or says what it says; and the corpus has what there
    /// can be, not only what is refused.
    #[test]
    fn damaged_contents_are_refused_or_say_what_they_say() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus/snapshot");
        for name in ["client_psk", "client_raw_key_v6", "server_with_everything"] {
            let bytes = fs::read(folder.join(name)).unwrap();
            assert!(Content::decode(&bytes).is_ok(), "{name}");
            for at in 0..bytes.len() {
                assert!(Content::decode(&bytes[..at]).is_err(), "{name}, {at} bytes");
                for change in [1, 0x80, 0xff] {
                    let mut damaged = bytes.clone();
                    damaged[at] ^= change;
                    snapshot(&damaged);
                }
            }
        }
    }
}
