//! ZIP archives (PKWARE APPNOTE.TXT) without dates, so that the same content gives the same bytes.

use std::io::Cursor;

use zip::{CompressionMethod, DateTime, ZipWriter, result::ZipError, write::SimpleFileOptions};

/// An archive that is being written.
pub(super) struct Archive {
    writer: ZipWriter<Cursor<Vec<u8>>>,
    options: SimpleFileOptions,
}

impl Archive {
    /// An empty archive whose files are compressed or stored as they are.
    pub(super) fn new(compression: CompressionMethod) -> Self {
        let options = SimpleFileOptions::default()
            .compression_method(compression)
            .last_modified_time(DateTime::default())
            .unix_permissions(0o644)
            .large_file(false);
        Self {
            writer: ZipWriter::new(Cursor::new(Vec::new())),
            options,
        }
    }

    /// Begins a file, into which everything is written until the next one begins.
    ///
    /// # Errors
    /// [`ZipError`] if the archive cannot hold more.
    pub(super) fn begin(
        &mut self,
        name: &str,
    ) -> Result<&mut ZipWriter<Cursor<Vec<u8>>>, ZipError> {
        self.writer.start_file(name, self.options)?;
        Ok(&mut self.writer)
    }

    /// The bytes of the archive.
    ///
    /// # Errors
    /// [`ZipError`] if the archive cannot hold what was written.
    pub(super) fn finish(self) -> Result<Vec<u8>, ZipError> {
        Ok(self.writer.finish()?.into_inner())
    }
}
