//! Log files with one JSON object per line, appended during the run.

use std::{
    fs::{File, OpenOptions},
    io::Write,
    path::Path,
};

use anyhow::Context;

/// A `metrics.jsonl` file.
pub struct Metrics(File);

impl Metrics {
    /// Opens the file for appending; a resumed run continues it.
    ///
    /// # Errors
    /// Returns an error if the file cannot be written.
    pub fn open(path: &Path) -> anyhow::Result<Self> {
        let file = OpenOptions::new().create(true).append(true).open(path);
        Ok(Self(file.with_context(|| {
            format!("cannot write {}", path.display())
        })?))
    }

    /// Appends one object in a single write, so that a reader sees only whole lines.
    ///
    /// # Errors
    /// Returns an error if the disk is full.
    pub fn write(&mut self, record: &serde_json::Value) -> anyhow::Result<()> {
        self.0
            .write_all(format!("{record}\n").as_bytes())
            .context("cannot write the metrics")
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn lines_are_appended() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("metrics.jsonl");
        for step in 0..2 {
            Metrics::open(&path)
                .unwrap()
                .write(&serde_json::json!({ "step": step }))
                .unwrap();
        }
        assert_eq!(
            std::fs::read_to_string(path).unwrap(),
            "{\"step\":0}\n{\"step\":1}\n"
        );
    }
}
