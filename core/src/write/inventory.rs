//! The things of a scan as one HTML page (WHATWG HTML) that needs nothing else and prints on A4.

use std::{collections::BTreeMap, fmt::Write as _};

use super::{
    Context, InstanceRecord, OrientedBoxRecord, PointLabels, UNNAMED,
    html::{base64, escaped},
    instance_records,
    json::unit,
};
use crate::{palette, scan::Scan};

/// The look of the page. On paper it is light and a usual room fits one sheet.
const STYLE: &str = "\
:root{color-scheme:light dark;--text:#171a21;--muted:#5c6472;--line:#d5d9e0;--back:#fff}
@media (prefers-color-scheme:dark){:root{--text:#eceef2;--muted:#9aa1ad;--line:#3a3f49;--back:#101216}}
@page{size:A4;margin:12mm}
*{box-sizing:border-box}
body{margin:0 auto;padding:16px;max-width:190mm;background:var(--back);color:var(--text);font:14px/1.4 system-ui,sans-serif}
h1{margin:0;font-size:1.5em;overflow-wrap:anywhere}
p,dl{margin:.3em 0;color:var(--muted);overflow-wrap:anywhere}
dl{display:flex;flex-wrap:wrap;gap:0 1.2em}dt,dd{display:inline;margin:0}dd{color:var(--text)}
img{display:block;width:100%;max-height:80mm;object-fit:contain;margin:.6em 0}
ul{display:flex;flex-wrap:wrap;gap:.2em 1em;margin:.6em 0;padding:0;list-style:none}
i{display:inline-block;width:.8em;height:.8em;margin-right:.4em;border-radius:50%;print-color-adjust:exact;-webkit-print-color-adjust:exact}
table{width:100%;border-collapse:collapse;font-variant-numeric:tabular-nums}
th,td{padding:.15em .4em;border-bottom:1px solid var(--line);text-align:right;white-space:nowrap}
th{font-weight:600}
th:nth-child(2),td:nth-child(2){text-align:left;white-space:normal;overflow-wrap:anywhere;width:99%;min-width:9em}
tr{break-inside:avoid}
thead{display:table-header-group}
.wide{overflow-x:auto}
@media print{:root{color-scheme:light;--text:#000;--muted:#444;--line:#bbb;--back:#fff}body{padding:0;max-width:none;font-size:8.5pt}.wide{overflow:visible}}
";

/// Writes the page: the name of the scan, what was looked for, by which network and when, the
/// picture, the number of things of each label, and a table of the things with points: their upright
/// boxes in metres, and the centers of these in the file's frame and unit.
pub(super) fn write(scan: &Scan, labels: &PointLabels, context: &Context) -> Vec<u8> {
    let records = instance_records(scan, labels);
    let records: Vec<&InstanceRecord> = records.iter().filter(|r| r.points > 0).collect();
    let title = match context.scan {
        "" => "Inventory".to_owned(),
        name => escaped(name),
    };
    let mut out = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src data:; style-src 'unsafe-inline'\">\n\
         <title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<h1>{title}</h1>\n"
    );
    out += &facts(records.len(), context);
    if let Some(picture) = context.picture {
        let data = base64(picture);
        out += &format!("<img alt=\"The scan\" src=\"data:image/png;base64,{data}\">\n");
    }
    out += &counts(&records);
    out += &table(&records, scan);
    out += "</body>\n</html>\n";
    out.into_bytes()
}

/// What is known of the answer.
fn facts(things: usize, context: &Context) -> String {
    let facts = [
        ("Things", things.to_string()),
        ("Looked for", escaped(context.prompt)),
        ("Model", escaped(context.model)),
        ("Date", escaped(context.date)),
    ];
    let known = facts.iter().filter(|(_, value)| !value.is_empty());
    let fact =
        |(name, value): &(&str, String)| format!("<div><dt>{name}:</dt> <dd>{value}</dd></div>\n");
    format!("<dl>\n{}</dl>\n", known.map(fact).collect::<String>())
}

/// The number of things of each label, by its name.
fn counts(records: &[&InstanceRecord]) -> String {
    let mut counts = BTreeMap::<&str, usize>::new();
    for record in records {
        *counts.entry(name(record)).or_default() += 1;
    }
    let item = |(label, count): (&str, usize)| {
        let (color, label) = (palette::css(palette::label_color(label)), escaped(label));
        format!("<li><i style=\"background:{color}\"></i>{count} {label}</li>\n")
    };
    format!(
        "<ul>\n{}</ul>\n",
        counts.into_iter().map(item).collect::<String>()
    )
}

fn table(records: &[&InstanceRecord], scan: &Scan) -> String {
    if records.is_empty() {
        return "<p>No things were found.</p>\n".to_owned();
    }
    let unit = unit(&scan.frame);
    let mut out = String::from(
        "<div class=\"wide\">\n<table>\n<thead><tr><th>Id</th><th>Thing</th><th>Length m</th><th>Width m</th>\
         <th>Height m</th><th>x</th><th>y</th><th>z</th><th>Score</th></tr></thead>\n<tbody>\n",
    );
    for record in records {
        let Some(OrientedBoxRecord { size, center, .. }) = record.oriented_box else {
            continue;
        };
        let [length, width, height] = size.map(|edge| edge * scan.frame.metres_per_unit);
        let [x, y, z] = center.map(|value| decimals(value, scan.frame.metres_per_unit));
        // writing to a string cannot fail
        let _ = writeln!(
            out,
            "<tr><td>{}</td><td><i style=\"background:{}\"></i>{}</td><td>{length:.2}</td><td>{width:.2}</td>\
             <td>{height:.2}</td><td>{x}</td><td>{y}</td><td>{z}</td><td>{:.2}</td></tr>",
            record.id,
            record.color,
            escaped(name(record)),
            record.score
        );
    }
    out += "</tbody>\n</table>\n</div>\n";
    out + &format!(
        "<p>x, y and z are the centers of the boxes in the coordinates of the file, in {unit}; {} is up.</p>\n",
        scan.frame.up
    )
}

fn name(record: &InstanceRecord) -> &str {
    record.label.as_deref().unwrap_or(UNNAMED)
}

/// A length of the file to about a centimetre.
fn decimals(value: f64, metres_per_unit: f64) -> String {
    let digits = (2.0 + metres_per_unit.log10()).round().clamp(0.0, 6.0) as usize;
    format!("{value:.digits$}")
}
