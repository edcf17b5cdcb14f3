//! The extension block of a hello (RFC 5246 section 7.4.1.4): which extensions there are, in which order.
//!
//! What the data of each extension looks like stands in `extension_data.rs`.

use alloc::vec::Vec;

use super::reader::Reader;
use super::writer::Writer;
use crate::code::ExtensionType;
use crate::error::{CryptoError, DecodeError};

/// The extensions of a hello: none of them stands twice, and each ends where it says.
///
/// A hello without a block and one with an empty block mean the same and are different bytes, so they are different
/// values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Extensions<'a> {
    /// Checked by [`Extensions::read`], or made by an [`ExtensionWriter`].
    block: Option<&'a [u8]>,
}

/// Puts together the extensions of a hello of ours, in the order of the calls.
#[derive(Debug)]
pub(crate) struct ExtensionWriter {
    writer: Writer,
}

/// The finished extensions of a hello of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ExtensionBlock(Vec<u8>);

impl<'a> Extensions<'a> {
    /// No extension block at all.
    pub(crate) const ABSENT: Self = Self { block: None };

    /// Reads the end of a hello: a block of extensions, or nothing.
    pub(crate) fn read(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        if reader.is_empty() {
            return Ok(Self::ABSENT);
        }
        let extensions = Self { block: Some(reader.vec16(0..=0xffff)?) };
        extensions.check()?;
        Ok(extensions)
    }

    /// Writes the end of a hello.
    pub(crate) fn write(&self, writer: &mut Writer) {
        if let Some(block) = self.block {
            writer.vec16(|w| w.bytes(block));
        }
    }

    /// The extensions in the order of the hello, known or not.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (ExtensionType, &'a [u8])> + use<'a> {
        let mut reader = Reader::new(self.block.unwrap_or_default());
        core::iter::from_fn(move || read_extension(&mut reader).ok())
    }

    /// The data of one extension.
    pub(crate) fn find(&self, wanted: ExtensionType) -> Option<&'a [u8]> {
        self.iter().find_map(|(extension, data)| (extension == wanted).then_some(data))
    }

    /// Whether an extension is there whose presence says everything: extended_master_secret, or the server's answer to
    /// server_name.
    pub(crate) fn has_empty(&self, extension: ExtensionType) -> Result<bool, DecodeError> {
        let Some(data) = self.find(extension) else { return Ok(false) };
        Reader::new(data).finish()?;
        Ok(true)
    }

    /// Each pair is compared: with at most [`MAX_EXTENSIONS`] of them that costs less than a set would.
    fn check(&self) -> Result<(), DecodeError> {
        let mut reader = Reader::new(self.block.unwrap_or_default());
        let mut count = 0;
        while !reader.is_empty() {
            let (extension, _) = read_extension(&mut reader)?;
            if self.iter().take(count).any(|(earlier, _)| earlier == extension) {
                return Err(DecodeError::DuplicateExtension(extension));
            }
            if count == MAX_EXTENSIONS {
                return Err(DecodeError::TooLong);
            }
            count = count.saturating_add(1);
        }
        Ok(())
    }
}

impl ExtensionWriter {
    pub(crate) fn new() -> Self {
        Self { writer: Writer::new() }
    }

    /// Adds an extension whose presence says everything.
    pub(crate) fn empty(&mut self, extension: ExtensionType) {
        self.add(extension, |_| {});
    }

    /// Adds an extension with the data that `data` writes.
    pub(crate) fn add(&mut self, extension: ExtensionType, data: impl FnOnce(&mut Writer)) {
        self.writer.u16(extension.0);
        self.writer.vec16(data);
    }

    pub(crate) fn finish(self) -> Result<ExtensionBlock, CryptoError> {
        self.writer.finish().map(ExtensionBlock)
    }
}

impl ExtensionBlock {
    /// What a hello carries. Without any extension it has no block, which peers older than
    /// extensions read as well.
    pub(crate) fn as_extensions(&self) -> Extensions<'_> {
        Extensions { block: (!self.0.is_empty()).then_some(&self.0) }
    }
}

fn read_extension<'a>(reader: &mut Reader<'a>) -> Result<(ExtensionType, &'a [u8]), DecodeError> {
    Ok((ExtensionType(reader.u16()?), reader.vec16(0..=0xffff)?))
}

/// Browsers send about twenty, GREASE and padding included; a hello with more than three times as many has another
/// purpose.
const MAX_EXTENSIONS: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Result<Extensions<'_>, DecodeError> {
        Reader::whole(bytes, Extensions::read)
    }

    fn numbered(count: u16) -> Vec<u8> {
        let mut writer = Writer::new();
        writer.vec16(|w| {
            for n in 0..count {
                w.u16(n);
                w.vec16(|w| w.u8(7));
            }
        });
        writer.finish().unwrap()
    }

    /// NEG-05, NEG-11: unknown extensions are listed like known ones, and stand in nobody's way.
    #[test]
    fn unknown_extensions_are_passed_over() {
        let mut writer = ExtensionWriter::new();
        writer.add(ExtensionType(0xfafa), |w| w.u8(0));
        writer.empty(ExtensionType::EXTENDED_MASTER_SECRET);
        writer.add(ExtensionType(0x1234), |w| w.bytes(b"what is this"));
        let block = writer.finish().unwrap();
        let extensions = block.as_extensions();
        let types: Vec<_> = extensions.iter().map(|(extension, _)| extension).collect();
        assert_eq!(types, [ExtensionType(0xfafa), ExtensionType::EXTENDED_MASTER_SECRET, ExtensionType(0x1234)]);
        assert_eq!(extensions.find(ExtensionType::EXTENDED_MASTER_SECRET), Some(&[][..]));
        assert_eq!(extensions.find(ExtensionType(0x1234)), Some(&b"what is this"[..]));
        assert_eq!(extensions.find(ExtensionType::SERVER_NAME), None);
    }

    /// NEG-10: of whatever type, and however far apart.
    #[test]
    fn an_extension_that_stands_twice_is_refused() {
        let mut bytes = numbered(40);
        assert_eq!(read(&bytes).unwrap().iter().count(), 40);
        bytes[2 + 39 * 5 + 1] = 0;
        assert_eq!(read(&bytes), Err(DecodeError::DuplicateExtension(ExtensionType::SERVER_NAME)));
    }

    #[test]
    fn more_extensions_than_the_maximum_are_refused() {
        assert_eq!(read(&numbered(64)).unwrap().iter().count(), 64);
        assert_eq!(read(&numbered(65)), Err(DecodeError::TooLong));
    }

    #[test]
    fn a_block_that_does_not_end_with_an_extension_is_refused() {
        assert_eq!(read(&[0]), Err(DecodeError::Truncated));
        assert_eq!(read(&[0, 1, 0]), Err(DecodeError::Truncated));
        assert_eq!(read(&[0, 3, 0, 23, 0]), Err(DecodeError::Truncated));
        assert_eq!(read(&[0, 4, 0, 23, 0, 1]), Err(DecodeError::Truncated));
        assert_eq!(read(&[0, 5, 0, 23, 0, 0, 0]), Err(DecodeError::Truncated));
        assert_eq!(read(&[0, 4, 0, 23, 0, 0, 0]), Err(DecodeError::TrailingBytes));
    }

    #[test]
    fn a_block_that_would_not_fit_is_reported() {
        let mut writer = ExtensionWriter::new();
        writer.add(ExtensionType(1), |w| w.bytes(&alloc::vec![0; 0x1_0000]));
        assert_eq!(writer.finish(), Err(CryptoError::MessageTooLong));
    }

    #[test]
    fn an_extension_that_should_be_empty_and_is_not_is_refused() {
        let has = |bytes: &[u8]| read(bytes).unwrap().has_empty(ExtensionType::EXTENDED_MASTER_SECRET);
        assert_eq!(has(&[0, 4, 0, 23, 0, 0]), Ok(true));
        assert_eq!(has(&[0, 4, 0, 22, 0, 0]), Ok(false));
        assert_eq!(has(&[0, 5, 0, 23, 0, 1, 0]), Err(DecodeError::TrailingBytes));
        assert_eq!(has(&[]), Ok(false));
    }

    #[test]
    fn a_hello_of_ours_without_extensions_has_no_block() {
        assert_eq!(ExtensionWriter::new().finish().unwrap().as_extensions(), Extensions::ABSENT);
    }
}
