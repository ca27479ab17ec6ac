//! Logs of a run, read as curves over its steps.

use std::{fs, path::Path};

use anyhow::Context;
use serde_json::{Map, Value};

/// Maximum size in bytes; longer logs are refused rather than read into memory.
const LONGEST: u64 = 1 << 30;

/// A log with one JSON object per line.
#[derive(Debug, Default)]
pub struct Log {
    /// The records, by ascending step where they have one.
    pub records: Vec<Map<String, Value>>,
    /// Number of lines that are not JSON objects, such as the incomplete last line of a run that
    /// was killed.
    pub unreadable: usize,
}

impl Log {
    /// Reads the file; the log is empty if there is no file. A run that was resumed from an earlier
    /// checkpoint repeats steps: of several records of a step the later one is kept.
    ///
    /// # Errors
    /// The file cannot be read, or is too long.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let text = match fs::metadata(path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Ok(Self::default());
            }
            Ok(found) if found.len() > LONGEST => anyhow::bail!(
                "{} has {} bytes, the limit of a log is {LONGEST}",
                path.display(),
                found.len()
            ),
            _ => fs::read(path).with_context(|| format!("cannot read {}", path.display()))?,
        };
        Ok(Self::parse(&String::from_utf8_lossy(&text)))
    }

    fn parse(text: &str) -> Self {
        let mut log = Self::default();
        for line in text.lines().filter(|line| !line.trim().is_empty()) {
            match serde_json::from_str(line) {
                Ok(Value::Object(record)) => log.records.push(record),
                _ => log.unreadable += 1,
            }
        }
        let (mut lowest, mut later) = (u64::MAX, None);
        let mut kept: Vec<bool> = log
            .records
            .iter()
            .rev()
            .map(|record| newest(record, &mut lowest, &mut later))
            .collect();
        kept.reverse();
        let mut kept = kept.into_iter();
        log.records.retain(|_| kept.next().unwrap_or(true));
        log
    }

    /// The pairs (step, value) of all records that have a finite number under `key`.
    pub fn curve(&self, key: &str) -> Vec<[f64; 2]> {
        let point = |record: &Map<String, Value>| {
            Some([record.get("step")?.as_f64()?, record.get(key)?.as_f64()?])
        };
        self.records
            .iter()
            .filter_map(point)
            .filter(|point| point[1].is_finite())
            .collect()
    }

    /// The value in the last record.
    pub fn last(&self, key: &str) -> Option<f64> {
        self.records.last()?.get(key)?.as_f64()
    }

    /// Mean over the last tenth of the records that have a value.
    pub fn recent(&self, key: &str) -> Option<f64> {
        let curve = self.curve(key);
        let tail = &curve[curve.len() - curve.len().div_ceil(10)..];
        (!tail.is_empty())
            .then(|| tail.iter().map(|point| point[1]).sum::<f64>() / tail.len() as f64)
    }
}

/// Called from the last record backwards. Returns `true` if no later record has this step or a
/// lower one. A record that directly precedes one of the same step is kept as well, because a
/// checkpoint may be evaluated in several ways. `lowest` is the lowest step so far, `later` the
/// step of the record that follows this one in the log.
fn newest(record: &Map<String, Value>, lowest: &mut u64, later: &mut Option<u64>) -> bool {
    let Some(step) = record.get("step").and_then(Value::as_u64) else {
        return true;
    };
    let kept = step < *lowest || step == *lowest && *later == Some(step);
    (*lowest, *later) = (step.min(*lowest), Some(step));
    kept
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn repeated_steps_and_half_lines_are_left_out() {
        let log = Log::parse(
            "{\"step\":1,\"loss\":5}\n{\"step\":2,\"loss\":9}\n{\"step\":3,\"loss\":9}\n\n{\"step\":2,\"loss\":4}\n{\"step\":3,\"loss\":null}\n[1]\n{\"st",
        );
        assert_eq!(log.curve("loss"), [[1.0, 5.0], [2.0, 4.0]]);
        assert_eq!(
            (log.records.len(), log.unreadable, log.last("step")),
            (3, 2, Some(3.0))
        );
        assert_eq!(
            (log.recent("loss"), log.recent("nothing")),
            (Some(4.0), None)
        );
        let measured =
            Log::parse("{\"step\":2,\"ap\":1}\n{\"step\":2,\"ap\":2}\n{\"step\":4,\"ap\":3}");
        assert_eq!(measured.curve("ap"), [[2.0, 1.0], [2.0, 2.0], [4.0, 3.0]]);
        assert!(
            Log::read(Path::new("/nowhere/metrics.jsonl"))
                .unwrap()
                .records
                .is_empty()
        );
    }
}
