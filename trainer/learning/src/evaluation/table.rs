//! Output of the figures as text for people and as JSON for programs.

use std::fmt;

use segscape::evaluate::Size;
use serde_json::{Value, json};

use super::{
    Averages, Diagram, Figures, OfClass, OfScan, OfSize, Summary,
    rows::{self, COLUMNS, spread},
    splits,
    structure_claims::Claims,
};
use crate::data::structure::Structure;

impl Figures {
    /// A JSON object of fractions; means over nothing are null.
    pub fn json(&self) -> Value {
        match self {
            Self::Scannet {
                scans,
                names,
                summary,
                splits,
                classes,
                diagram,
            } => {
                let column = |of: fn(&OfClass) -> f64| {
                    classes
                        .iter()
                        .map(|(name, class)| (name.clone(), json!(of(class))))
                        .collect::<Value>()
                };
                let mut figures = json!(summary);
                figures["scans"] = json!(scans);
                figures["names"] = json!(names);
                figures["splits"] = splits
                    .iter()
                    .map(|(split, averages)| ((*split).to_owned(), json!(averages)))
                    .collect();
                figures["splits"]["all"] = json!(summary.all);
                figures["ap_of_class"] = column(|class| class.ap);
                figures["ap50_of_class"] = column(|class| class.ap50);
                figures["ap25_of_class"] = column(|class| class.ap25);
                figures["recall50_of_class"] = column(|class| class.recall50);
                figures["reliability"] = diagram.json();
                figures
            }
            Self::ClassAgnostic {
                scans,
                model_scores,
                confidence_one,
                structure,
                rows,
                recall50,
                diagram,
            } => {
                // the figures of the released protocol are also at the top level, as in every
                // protocol
                let mut figures = json!(confidence_one);
                figures["scans"] = json!(scans);
                figures["confidence_one"] = json!(confidence_one);
                figures["model_scores"] = json!(model_scores);
                figures["structure"] = structure.json();
                [figures["per_scan"], figures["over_scans"]] = rows::json(rows);
                figures["recall50_of_class"] = json!(recall50);
                figures["reliability"] = diagram.json();
                figures
            }
        }
    }

    /// The averages by which networks are compared: those of the released protocol.
    pub fn averages(&self) -> &Averages {
        match self {
            Self::Scannet { summary, .. }
            | Self::ClassAgnostic {
                confidence_one: summary,
                ..
            } => &summary.all,
        }
    }
}

/// A percentage with one decimal, or a dash for NaN, the mean over nothing.
pub fn percent(fraction: f64) -> String {
    if fraction.is_nan() {
        "–".into()
    } else {
        format!("{:.1}", 100.0 * fraction)
    }
}

/// The bounds of a size class, for display.
pub fn bounds(size: Size) -> String {
    let [medium, large] = [Size::MEDIUM_FROM, Size::LARGE_FROM];
    match size {
        Size::Small => format!("below {medium} m"),
        Size::Medium => format!("{medium} to {large} m"),
        Size::Large => format!("from {large} m"),
    }
}

/// Writes a line of a table: a name, a count and percentages.
fn line(out: &mut fmt::Formatter, name: &str, count: &str, cells: &[f64]) -> fmt::Result {
    write!(out, "{name:<28}{count:>9}")?;
    cells
        .iter()
        .try_for_each(|cell| write!(out, "{:>10}", percent(*cell)))?;
    writeln!(out)
}

fn head(out: &mut fmt::Formatter, name: &str, count: &str, columns: &[&str]) -> fmt::Result {
    write!(out, "\n{name:<28}{count:>9}")?;
    columns
        .iter()
        .try_for_each(|column| write!(out, "{column:>10}"))?;
    writeln!(out)
}

const AVERAGES: [&str; 6] = ["AP", "AP50", "AP25", "recall", "recall50", "recall25"];

fn averages(out: &mut fmt::Formatter, name: &str, count: usize, of: &Averages) -> fmt::Result {
    line(
        out,
        name,
        &count.to_string(),
        &[of.ap, of.ap50, of.ap25, of.recall, of.recall50, of.recall25],
    )
}

fn sizes(out: &mut fmt::Formatter, title: &str, summary: &Summary) -> fmt::Result {
    head(out, title, "objects", &AVERAGES)?;
    for size in Size::ALL {
        if let Some(OfSize {
            things,
            averages: of,
        }) = summary.sizes.get(size.name())
        {
            averages(
                out,
                &format!("{}, {}", size.name(), bounds(size)),
                *things,
                of,
            )?;
        }
    }
    Ok(())
}

fn claims(out: &mut fmt::Formatter, structure: &Claims) -> fmt::Result {
    head(out, "structure of the room", "points", &["claimed"])?;
    for part in Structure::ALL {
        let (points, share) = structure.of_part(part);
        line(out, part.name(), &points.to_string(), &[share])?;
    }
    let (points, share) = structure.of_all();
    line(out, "all structure", &points.to_string(), &[share])?;
    writeln!(
        out,
        "{} of {} found instances are mostly structure",
        structure.mostly_structure(),
        structure.found()
    )
}

/// Writes how often the shown instances of about equal score are right, and of all from there up
/// which share is right and which share of the objects they are.
fn reliability(out: &mut fmt::Formatter, asked: &str, diagram: &Diagram) -> fmt::Result {
    head(
        out,
        &format!("score, {asked}"),
        "instances",
        &["score", "right", "precision", "recall"],
    )?;
    for row in diagram.rows.iter().filter(|row| row.bin.count > 0) {
        line(
            out,
            &format!("from {:.2}", row.from),
            &row.bin.count.to_string(),
            &[row.bin.score, row.bin.right, row.precision, row.recall],
        )?;
    }
    line(out, "mean difference", "", &[diagram.error])
}

/// Writes one line per scan, then the means and standard deviations.
fn of_scans(out: &mut fmt::Formatter, rows: &[OfScan]) -> fmt::Result {
    head(out, "scan", "objects", &COLUMNS.map(|column| column.head))?;
    for row in rows {
        line(
            out,
            &row.scan,
            &row.things.to_string(),
            &COLUMNS.map(|column| (column.of)(row)),
        )?;
    }
    let [means, deviations] =
        [0, 1].map(|which| COLUMNS.map(|column| spread(rows.iter().map(column.of))[which]));
    line(out, "mean over scans", "", &means)?;
    line(out, "standard deviation", "", &deviations)
}

impl fmt::Display for Figures {
    fn fmt(&self, out: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Scannet {
                scans,
                names,
                summary,
                splits,
                classes,
                diagram,
            } => {
                writeln!(
                    out,
                    "{scans} scans, by class, each instance named out of {names} names, percent"
                )?;
                head(out, "", "classes", &AVERAGES)?;
                averages(out, "all", summary.all.classes, &summary.all)?;
                splits
                    .iter()
                    .try_for_each(|(split, of)| averages(out, split, of.classes, of))?;
                sizes(out, "longest edge of the box", summary)?;
                reliability(out, "all names asked for", diagram)?;
                head(out, "class", "split", &["AP", "AP50", "AP25", "recall50"])?;
                for (name, class) in classes {
                    let split = splits::of(name).map_or("–", |[split, _]| split);
                    line(
                        out,
                        name,
                        split,
                        &[class.ap, class.ap50, class.ap25, class.recall50],
                    )?;
                }
            }
            Self::ClassAgnostic {
                scans,
                model_scores,
                confidence_one,
                structure,
                rows,
                recall50,
                diagram,
            } => {
                writeln!(out, "{scans} scans, classes ignored, percent")?;
                head(out, "scores", "", &AVERAGES)?;
                for (name, summary) in [
                    ("the model's", model_scores),
                    ("all 1 (released protocol)", confidence_one),
                ] {
                    let Averages {
                        ap,
                        ap50,
                        ap25,
                        recall,
                        recall50,
                        recall25,
                        ..
                    } = summary.all;
                    line(out, name, "", &[ap, ap50, ap25, recall, recall50, recall25])?;
                }
                sizes(out, "the model's, longest edge", model_scores)?;
                sizes(out, "all 1, longest edge of box", confidence_one)?;
                claims(out, structure)?;
                of_scans(out, rows)?;
                reliability(out, "nothing asked for", diagram)?;
                head(out, "class", "", &["recall50"])?;
                recall50
                    .iter()
                    .try_for_each(|(name, recall)| line(out, name, "", &[*recall]))?;
            }
        }
        Ok(())
    }
}
