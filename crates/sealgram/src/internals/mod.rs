//! Fuzz targets over the parts of the core: not for use, and no promises.
//!
//! Each function takes bytes, makes of them what it needs, and panics if a law is broken. The tests of this crate run
//! them over the corpus in `fuzz/corpus/`; `fuzz/` runs them over everything else. Whole connections are fuzzed through
//! the public interface, by the simulation.
//!
//! | target | what it holds against what |
//! |---|---|
//! | `record_header` | records and fragments of a datagram against `inspect`, which reads them in another way |
//! | `messages` | every decoder of messages and extensions against its encoder |
//! | `reassembly` | fragments, honest and forged, against a table of which bytes were offered where |
//! | `replay_window` | the bits of the window against a set of numbers |
//! | `retransmission` | the timer machine against the rules of RFC 6347 section 4.2.4, written down once more |
//! | `snapshot` | the decoder of what is sealed in a snapshot against its encoder |
#![expect(clippy::expect_used, reason = "a law that is broken ends the test that found it")]

mod choices;
mod messages;
mod reassembly;
mod record_header;
mod replay_window;
mod retransmission;
mod snapshot;

pub use choices::Choices;
pub use messages::messages;
pub use reassembly::reassembly;
pub use record_header::record_header;
pub use replay_window::replay_window;
pub use retransmission::retransmission;
pub use snapshot::snapshot;

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;
    use std::vec::Vec;

    type Target = fn(&[u8]);

    /// I5: whatever fuzzing has found worth keeping still keeps every law.
    #[test]
    fn every_file_of_the_corpus_keeps_the_laws() {
        let targets: [(&str, Target); 6] = [
            ("messages", super::messages),
            ("reassembly", super::reassembly),
            ("record_header", super::record_header),
            ("replay_window", super::replay_window),
            ("retransmission", super::retransmission),
            ("snapshot", super::snapshot),
        ];
        for (name, target) in targets {
            let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(name);
            let files: Vec<_> = fs::read_dir(&folder).unwrap().map(|file| file.unwrap().path()).collect();
            assert!(files.len() >= 4, "{name} has {} files", files.len());
            for file in files {
                std::println!("{}", file.display());
                target(&fs::read(file).unwrap());
            }
        }
    }
}
