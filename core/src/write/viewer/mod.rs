//! The scan as one HTML page (WHATWG HTML) that needs nothing else: its points from all sides, in the
//! colors of the scan or of the things, and the names of the things.

use serde::Serialize;
use serde_json::json;
use sha2::{Digest, Sha256};

use super::{
    BoxRecord, Context, InstanceRecord, PointLabels, UNNAMED,
    export::{VIEWER_POINT_BYTES, VIEWER_POINTS},
    html::{base64, escaped},
    instance_records,
    rows::colors,
};
use crate::{geometry::Aabb, palette, preflight::spacing::median_distance, scan::Scan};

/// What draws the page.
const SCRIPT: &str = include_str!("viewer.js");
const STYLE: &str = include_str!("viewer.css");
/// The thing of points that have none; all others are indices of the list.
const NONE: u16 = u16::MAX;
/// Steps of the grid of places along the longest edge of the scan.
const STEPS: f32 = u16::MAX as f32;

/// A thing of the list.
#[derive(Serialize)]
struct Thing {
    /// Its name and its id.
    called: String,
    score: f32,
    color: [u8; 3],
    /// Edges of the axis-aligned box, metres.
    size: [f64; 3],
    /// The middle of the upper side of this box.
    top: [f64; 3],
}

/// Writes the page. Only its own script runs in it, known by a hash, and every text of others is in
/// JSON whose `<` are escaped, or is escaped as markup.
pub(super) fn write(scan: &Scan, labels: &PointLabels, context: &Context) -> Vec<u8> {
    let records = instance_records(scan, labels);
    let all_colors = colors(labels);
    let mut things = Vec::new();
    let mut thing_of_instance = vec![NONE; records.len()];
    let mut all = Aabb::EMPTY;
    for ((record, color), index) in records.iter().zip(all_colors).zip(&mut thing_of_instance) {
        let found = record
            .world_box
            .filter(|_| things.len() < usize::from(NONE));
        if let Some(found) = found {
            *index = things.len() as u16;
            all = [found.min, found.max]
                .iter()
                .fold(all, |all, corner| all.with(corner.map(|x| x as f32)));
            things.push(thing(record, &found, color));
        }
    }
    let points: Vec<usize> = kept(scan.positions.len()).collect();
    let places: Vec<[f32; 3]> = points.iter().map(|point| scan.positions[*point]).collect();
    let room = places
        .iter()
        .fold(Aabb::EMPTY, |room, place| room.with(*place));
    // The camera looks at the things, which are where the scan is: a stray point is far away.
    let looked_at = if things.is_empty() { room } else { all };
    let step = grid_step(&room);
    let owner = |point: &usize| {
        let owner = labels.instance_of_point.get(*point);
        let thing = owner.and_then(|owner| thing_of_instance.get(*owner as usize));
        thing.copied().unwrap_or(NONE)
    };
    let about = json!({
        "points": points.len(),
        "things": things,
        "origin": finite(room.min),
        "step": step,
        "low": finite(looked_at.min),
        "high": finite(looked_at.max),
        "spacing": median_distance(&places).unwrap_or(0.01),
        "painted": context.painted || scan.colors.is_none(),
        "unowned": palette::UNOWNED,
    });
    let mut data = Vec::with_capacity(points.len() * VIEWER_POINT_BYTES);
    for place in &places {
        let on_grid = |axis: usize| ((place[axis] - room.min[axis]) / step).round() as u16;
        (0..3).for_each(|axis| data.extend(on_grid(axis).to_le_bytes()));
    }
    data.extend(points.iter().map(owner).flat_map(u16::to_le_bytes));
    let color = |point: &usize| {
        scan.colors
            .as_ref()
            .map_or(palette::UNOWNED, |all| all[*point])
    };
    data.extend(points.iter().flat_map(color));
    page(scan, points.len(), &about.to_string(), &data, context).into_bytes()
}

fn thing(record: &InstanceRecord, found: &BoxRecord, color: [u8; 3]) -> Thing {
    let [x, y, _] = found.center;
    let name = record.label.as_deref().unwrap_or(UNNAMED);
    Thing {
        called: format!("{name} {}", record.id),
        score: record.score,
        color,
        size: found.size,
        top: [x, y, found.max[2]],
    }
}

/// The points of the page: all, or so many that are about equally far from each other in the file, at
/// distances that no pattern of the scanner has.
fn kept(points: usize) -> impl Iterator<Item = usize> {
    const GOLDEN: f64 = 0.618_033_988_749_895;
    let count = points.min(VIEWER_POINTS);
    let stride = points as f64 / count.max(1) as f64;
    let place = move |index: usize| (index as f64 + (index as f64 * GOLDEN).fract()) * stride;
    (0..count).map(move |index| (place(index) as usize).min(points - 1))
}

/// The step of the grid on which the points of a room lie, metres.
fn grid_step(room: &Aabb) -> f32 {
    let longest = room.size().into_iter().fold(0.0, f32::max);
    longest.max(1e-3) / STEPS
}

/// The corner of a box; that of the empty box is the origin.
fn finite(corner: [f32; 3]) -> [f32; 3] {
    corner.map(|x| if x.is_finite() { x } else { 0.0 })
}

fn page(scan: &Scan, points: usize, about: &str, data: &[u8], context: &Context) -> String {
    let title = match context.scan {
        "" => "Scan".to_owned(),
        name => escaped(name),
    };
    let hash = base64(&Sha256::digest(SCRIPT));
    let about = about.replace('<', "\\u003c");
    let data = base64(data);
    let by_thing = match scan.colors {
        Some(_) => "",
        None => " hidden",
    };
    let facts = facts(scan.len(), points, context);
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; script-src 'sha256-{hash}'; style-src 'unsafe-inline'\">\n\
         <title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n\
         <main><canvas tabindex=\"0\" aria-label=\"The scan: drag or use the arrows to turn it, click a thing for its name\"></canvas>\n\
         <div class=\"label\" role=\"status\" hidden></div>\n\
         <p class=\"failed\">This browser cannot draw the points: it needs scripts and WebGL 2.</p></main>\n\
         <aside><h1>{title}</h1>\n{facts}\
         <label{by_thing}><input type=\"checkbox\" id=\"by-thing\"> Color by thing</label>\n\
         <ul aria-label=\"Things\"></ul>\n\
         <p>Drag turns, Shift or two fingers move, the wheel or a pinch zooms, F shows all.</p></aside>\n\
         <script type=\"application/json\" id=\"about\">{about}</script>\n\
         <script type=\"text/plain\" id=\"points\">{data}</script>\n\
         <script>{SCRIPT}</script>\n</body>\n</html>\n"
    )
}

/// What is known of the scan, a paragraph each.
fn facts(all: usize, points: usize, context: &Context) -> String {
    let looked_for = match context.prompt {
        "" => String::new(),
        prompt => format!("Looked for: {}", escaped(prompt)),
    };
    let thinned = match points < all {
        true => format!("{points} of {all} points"),
        false => String::new(),
    };
    let facts = [looked_for, escaped(context.date), thinned];
    let known = facts.iter().filter(|fact| !fact.is_empty());
    known.map(|fact| format!("<p>{fact}</p>\n")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_points_are_kept_or_an_even_part_of_them() {
        assert!(kept(1000).eq(0..1000));
        assert_eq!(kept(0).count(), 0);
        let all = 5 * VIEWER_POINTS / 2;
        let many: Vec<usize> = kept(all).collect();
        assert_eq!(many.len(), VIEWER_POINTS);
        let gaps: Vec<usize> = many.windows(2).map(|pair| pair[1] - pair[0]).collect();
        assert!(gaps.iter().all(|gap| (1..=5).contains(gap)));
        assert!(many[VIEWER_POINTS - 1] < all);
    }
}
