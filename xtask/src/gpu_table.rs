//! The tables of "A graphics card" in BENCHMARKS.md, from the files of `cargo xtask gpu`: figures
//! that nobody types.

use std::{fmt::Write as _, fs, path::PathBuf};

use anyhow::{Context as _, Result};
use serde_json::Value;

use crate::shell::{root, say};

const FILE: &str = "BENCHMARKS.md";
/// Lines around what is written.
const BEGIN: &str = "<!-- begin of cargo xtask gpu --table -->";
const END: &str = "<!-- end of cargo xtask gpu --table -->";

/// Replaces what is between the marks in BENCHMARKS.md by the tables of `files`.
///
/// # Errors
/// Returns an error if a file cannot be read, is no report, or the marks are missing.
pub fn write(files: &[PathBuf]) -> Result<()> {
    let mut reports = Vec::new();
    for file in files {
        let text = fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
        let report: Value = serde_json::from_slice(&text)
            .with_context(|| format!("{} is no JSON", file.display()))?;
        if !report["parts"].is_array() {
            anyhow::bail!(
                "{} is no file of `cargo xtask gpu`: it has no parts",
                file.display()
            );
        }
        reports.push(report);
    }
    let path = root().join(FILE);
    let text = fs::read_to_string(&path).context(FILE)?;
    fs::write(&path, between_marks(&text, &tables(&reports))?).context(FILE)?;
    say(&format!("{FILE} has {} adapters", reports.len()));
    Ok(())
}

fn between_marks(text: &str, tables: &str) -> Result<String> {
    let cut = text.split_once(BEGIN).and_then(|(before, rest)| {
        let (_, after) = rest.split_once(END)?;
        Some((before, after))
    });
    let (before, after) = cut.with_context(|| format!("{FILE} has no `{BEGIN}` and `{END}`"))?;
    Ok(format!("{before}{BEGIN}\n{tables}{END}{after}"))
}

/// One section per report, from whatever it has.
fn tables(reports: &[Value]) -> String {
    reports
        .iter()
        .map(|report| Section::new(report).text())
        .collect()
}

/// The rows of a report, with the peaks that they are compared with.
struct Section<'a> {
    report: &'a Value,
    /// Rows with the name of their part.
    rows: Vec<(&'a str, &'a Value)>,
    /// GFLOPS of the fastest dense product in f32.
    product: Option<f64>,
    /// Gigabytes per second of the fastest pass.
    bandwidth: Option<f64>,
}

impl<'a> Section<'a> {
    fn new(report: &'a Value) -> Self {
        let rows: Vec<_> = parts(report)
            .flat_map(|part| {
                let rows = part["rows"].as_array().into_iter().flatten();
                rows.map(|row| (name(part), row))
            })
            .collect();
        let most = |peak: &str, key: &str| {
            rows.iter()
                .filter(|(_, row)| row["peak"] == peak && row["type"] != "f16")
                .filter_map(|(_, row)| row[key].as_f64())
                .reduce(f64::max)
        };
        let (product, bandwidth) = (
            most("product", "gflops"),
            most("bandwidth", "gigabytes_per_second"),
        );
        Self {
            report,
            rows,
            product,
            bandwidth,
        }
    }

    fn text(&self) -> String {
        let mut text = self.head();
        text += &self.operations();
        text += &self.times();
        text += &self.failures();
        text
    }

    /// The adapter, its peaks and its tests.
    fn head(&self) -> String {
        let none = Value::Null;
        let adapter = self
            .rows
            .iter()
            .find_map(|(_, row)| row["adapter"].is_string().then_some(*row))
            .unwrap_or(&none);
        let word = |key: &str| adapter[key].as_str().unwrap_or("unknown");
        let has = |feature: &str| match adapter["features"].as_array() {
            None => "unknown",
            Some(features) if features.iter().any(|name| name == feature) => "yes",
            Some(_) => "no",
        };
        let f16 = self
            .rows
            .iter()
            .filter(|(_, row)| row["peak"] == "product" && row["type"] == "f16")
            .filter_map(|(_, row)| row["gflops"].as_f64())
            .reduce(f64::max);
        let tests = || self.rows.iter().filter(|(_, row)| row["test"].is_string());
        let passed = tests().filter(|(_, row)| row["outcome"] == "ok").count();
        let mut text = format!(
            "### {}\n| | |\n|---|---|\n| driver | {} {}, {} |\n| f16, subgroups, cooperative matrices | {}, {}, {} |\n",
            cell(word("adapter")),
            cell(word("driver")),
            cell(word("driver_info")),
            cell(word("backend")),
            has("SHADER_F16"),
            has("SUBGROUP"),
            has("EXPERIMENTAL_COOPERATIVE_MATRIX"),
        );
        let chosen = word("tuning");
        let _ = write!(
            text,
            "| chosen shaders | {} |\n| largest product, f32 | {} |\n| largest product, f16 | {} |\n| passes over memory | {} |\n| tests of operations, goldens and gradients | {passed} of {} passed |\n| size of the run | {} |\n\n",
            cell(chosen),
            with_unit(self.product, "GFLOPS"),
            with_unit(f16, "GFLOPS"),
            with_unit(self.bandwidth, "GB/s"),
            tests().count(),
            if self.report["quick"] == true {
                "small (`--quick`)"
            } else {
                "full"
            },
        );
        text
    }

    /// Operations beside what they could reach: the smaller of the two shares is no fault, the
    /// larger one says what bounds the operation and how close it is.
    fn operations(&self) -> String {
        let mut text = String::new();
        let rows = self
            .rows
            .iter()
            .filter(|(_, row)| row["operation"].is_string());
        for (_, row) in rows {
            let word = |key: &str| cell(row[key].as_str().unwrap_or(""));
            let (flops, bytes) = (row["gflops"].as_f64(), row["gigabytes_per_second"].as_f64());
            let _ = writeln!(
                text,
                "| {} | {} | {} | {} | {} | {} | {} | {} |",
                word("operation"),
                word("size"),
                word("variant"),
                number(row["ms"].as_f64()),
                number(flops),
                share(flops, self.product),
                number(bytes),
                share(bytes, self.bandwidth),
            );
        }
        if text.is_empty() {
            return text;
        }
        format!(
            "| operation | size | shader | ms | GFLOPS | of the product | GB/s | of the passes |\n|---|---|---|---|---|---|---|---|\n{text}\n"
        )
    }

    /// Stages of a scan, backbones, and parts of steps.
    fn times(&self) -> String {
        let mut text = String::new();
        for (part, row) in &self.rows {
            let what = ["stage", "backbone", "part"]
                .into_iter()
                .find_map(|key| row[key].as_str());
            if let (Some(what), Some(ms)) = (what, row["ms"].as_f64()) {
                let _ = writeln!(
                    text,
                    "| {} | {} | {} |",
                    cell(part),
                    cell(what),
                    number(Some(ms))
                );
            } else if let Some(share) = row["share_of_peak"].as_f64() {
                let _ = writeln!(
                    text,
                    "| {} | share of a dense product's speed | {:.1} % |",
                    cell(part),
                    100.0 * share
                );
            }
        }
        if text.is_empty() {
            return text;
        }
        format!("| part | of it | ms |\n|---|---|---|\n{text}\n")
    }

    /// What did not end as it should.
    fn failures(&self) -> String {
        let mut text = String::new();
        for part in parts(self.report).filter(|part| part["outcome"] != "ok") {
            let outcome = part["outcome"].as_str().unwrap_or("unknown");
            let last = part["said"].as_array().and_then(|said| said.last());
            let said = last.and_then(Value::as_str).unwrap_or("");
            let _ = writeln!(
                text,
                "* {}: {}{}{}",
                cell(name(part)),
                cell(outcome),
                if said.is_empty() { "" } else { "; " },
                cell(said)
            );
        }
        for (_, row) in &self.rows {
            if let Some(test) = row["test"].as_str()
                && row["outcome"] != "ok"
                && row["outcome"] != "ignored"
            {
                let _ = writeln!(text, "* the test `{}` failed", cell(test));
            }
        }
        if text.is_empty() {
            return text;
        }
        format!("What failed or was not reached:\n\n{text}\n")
    }
}

fn parts(report: &Value) -> impl Iterator<Item = &Value> {
    report["parts"].as_array().into_iter().flatten()
}

fn name(part: &Value) -> &str {
    part["part"].as_str().unwrap_or("unknown")
}

/// A text as it can be in a cell: on one line, and without what ends a cell or begins HTML.
fn cell(text: &str) -> String {
    let words: Vec<_> = text.split_whitespace().collect();
    words
        .join(" ")
        .replace('|', "/")
        .replace('<', "(")
        .replace('>', ")")
}

/// Three digits, or a dash.
fn number(value: Option<f64>) -> String {
    match value.filter(|value| value.is_finite()) {
        None => "-".to_owned(),
        Some(value) if value.abs() < 10.0 => format!("{value:.2}"),
        Some(value) if value.abs() < 100.0 => format!("{value:.1}"),
        Some(value) => {
            let digits = format!("{value:.0}");
            let mut spaced = String::new();
            for (i, digit) in digits.chars().enumerate() {
                if i > 0 && (digits.len() - i).is_multiple_of(3) && !spaced.ends_with('-') {
                    spaced.push(' ');
                }
                spaced.push(digit);
            }
            spaced
        }
    }
}

fn with_unit(value: Option<f64>, unit: &str) -> String {
    match value {
        None => "not measured".to_owned(),
        Some(_) => format!("{} {unit}", number(value)),
    }
}

fn share(value: Option<f64>, most: Option<f64>) -> String {
    match (value, most.filter(|most| *most > 0.0)) {
        (Some(value), Some(most)) => format!("{:.1} %", 100.0 * value / most),
        _ => "-".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use serde_json::json;

    use super::*;

    fn card() -> Value {
        json!({ "commit": "abc", "seconds": 540, "quick": false, "parts": [
            { "part": "adapter", "outcome": "ok", "rows": [{
                "adapter": "Some | <Card>", "driver": "vendor", "driver_info": "1.2", "backend": "vulkan",
                "features": ["SHADER_F16"], "tuning": "Tuning { product: Shared }",
            }] },
            { "part": "operations and goldens", "outcome": "failed: exit status: 101",
              "said": ["thread panicked", "device was lost"], "rows": [
                { "test": "matmul_on_the_smallest_gpu", "outcome": "ok" },
                { "test": "sine_on_the_smallest_gpu", "outcome": "failed" },
                { "test": "of_real_scans", "outcome": "ignored, not here" },
            ] },
            { "part": "peaks", "outcome": "ok", "rows": [
                { "peak": "product", "type": "f32", "edge": 512, "gflops": 900.0 },
                { "peak": "product", "type": "f32", "edge": 4096, "gflops": 20000.0 },
                { "peak": "product", "type": "f16", "edge": 4096, "gflops": 60000.0 },
                { "peak": "bandwidth", "kind": "add", "gigabytes_per_second": 4000.0 },
            ] },
            { "part": "operations", "outcome": "stopped: its 60 s were over", "rows": [
                { "operation": "product", "size": "1 x 2", "variant": "shared", "ms": 0.125,
                  "gflops": 5000.0, "gigabytes_per_second": 100.0 },
                { "operation": "sine", "size": "3", "variant": "", "ms": null },
            ] },
            { "part": "scan", "outcome": "ok", "rows": [{ "stage": "encode", "ms": 94.04 }] },
            { "part": "training step, nano", "outcome": "ok", "rows": [
                { "part": "backward", "ms": 1234.5 }, { "share_of_peak": 0.003 },
            ] },
            { "part": "training step, published widths",
              "outcome": "not started: no time was left", "rows": [] },
        ] })
    }

    #[test]
    fn a_card_with_failures_has_all_that_it_reached() {
        let text = tables(&[card()]);
        for line in [
            "### Some / (Card)",
            "| driver | vendor 1.2, vulkan |",
            "| f16, subgroups, cooperative matrices | yes, no, no |",
            "| largest product, f32 | 20 000 GFLOPS |",
            "| largest product, f16 | 60 000 GFLOPS |",
            "| passes over memory | 4 000 GB/s |",
            "| tests of operations, goldens and gradients | 1 of 3 passed |",
            "| product | 1 x 2 | shared | 0.12 | 5 000 | 25.0 % | 100 | 2.5 % |",
            "| sine | 3 |  | - | - | - | - | - |",
            "| scan | encode | 94.0 |",
            "| training step, nano | backward | 1 234 |",
            "| training step, nano | share of a dense product's speed | 0.3 % |",
            "* operations and goldens: failed: exit status: 101; device was lost",
            "* operations: stopped: its 60 s were over",
            "* training step, published widths: not started: no time was left",
            "* the test `sine_on_the_smallest_gpu` failed",
        ] {
            assert!(
                text.lines().any(|found| found == line),
                "{line} is not in\n{text}"
            );
        }
        assert!(
            !text.contains("scan: "),
            "a part that ended well is no failure"
        );
    }

    #[test]
    fn what_is_missing_is_said_to_be() {
        let bare = json!({ "parts": [{ "part": "adapter", "outcome": "failed: exit status: 1" }] });
        let text = tables(&[bare, json!({ "parts": [] })]);
        assert_eq!(text.matches("### unknown").count(), 2);
        assert!(
            text.contains("| f16, subgroups, cooperative matrices | unknown, unknown, unknown |")
        );
        assert!(text.contains("| largest product, f32 | not measured |"));
        assert!(!text.contains("| operation |") && !text.contains("| part |"));
        assert_eq!(text.matches("* adapter: failed: exit status: 1").count(), 1);
    }

    #[test]
    fn only_what_is_between_the_marks_is_replaced() {
        let page = format!("a\n{BEGIN}\nold\n{END}\nb\n");
        let written = between_marks(&page, "new\n").unwrap();
        assert_eq!(written, format!("a\n{BEGIN}\nnew\n{END}\nb\n"));
        assert_eq!(between_marks(&written, "new\n").unwrap(), written);
        assert!(between_marks("a", "new").is_err());
    }

    #[test]
    fn the_page_has_the_marks() {
        let page = fs::read_to_string(root().join(FILE)).unwrap();
        between_marks(&page, "").unwrap();
    }
}
