//! The part of the page about the instances that a network found in labelled scans.

use std::collections::BTreeMap;

use segscape::evaluate::{MIN_POINTS, Size};

use super::{
    chart::{Series, chart},
    page::{data_url, escape, table},
    picture::{Perspective, SIZE, Stage},
};
use crate::evaluation::{
    Answer, Averages, Diagram, Figures, Found, Measurement, Names, bounds, pairs, percent, title,
};

/// Number of scans with pictures.
const PICTURED: usize = 6;
/// Number of classes with their own rows and columns in the confusion matrix.
const CLASSES: usize = 12;
/// Instances with lower confidence are not drawn unless they match an object.
const LEAST_SCORE: f32 = 0.1;
/// Colour of objects that no instance matches, and of instances that match no object.
const ALONE: [u8; 3] = [226, 66, 52];

/// What the page says about the instances in scans, gathered one scan after the other. Of a scan
/// only counts are kept, and of the first scans their pictures.
pub struct FoundInScans {
    names: Names,
    by_class: Measurement,
    agnostic: Measurement,
    confusion: Confusion,
    /// The pictures of the first scans, HTML.
    cards: Vec<String>,
}

/// The figures and the HTML of all scans.
pub(super) struct FoundFigures {
    pub(super) by_class: Figures,
    pub(super) agnostic: Figures,
    pub(super) cards: String,
    pub(super) confusion: String,
}

impl FoundInScans {
    /// Nothing yet; an instance is given one of `names`.
    pub fn new(names: Names) -> Self {
        Self {
            by_class: Measurement::by_class(names.clone()),
            agnostic: Measurement::class_agnostic(),
            confusion: Confusion::default(),
            cards: Vec::new(),
            names,
        }
    }

    /// Adds a scan.
    ///
    /// # Errors
    /// The scan cannot be evaluated, or its picture cannot be encoded.
    pub fn add(&mut self, answer: &Answer) -> anyhow::Result<()> {
        self.by_class.add(answer)?;
        self.agnostic.add(answer)?;
        self.confusion.add(answer, &self.names);
        if self.cards.len() < PICTURED
            && let Some(stage) = Stage::new(&answer.scan)
        {
            self.cards.push(card(answer, &self.names, &stage)?);
        }
        Ok(())
    }

    pub(super) fn figures(self) -> anyhow::Result<FoundFigures> {
        Ok(FoundFigures {
            by_class: self.by_class.figures()?,
            agnostic: self.agnostic.figures()?,
            cards: pictures(&self.cards),
            confusion: self.confusion.table(&self.names),
        })
    }
}

/// Tables of the averages over classes and sizes.
pub fn averages(by_class: &Figures, agnostic: &Figures) -> String {
    let row = |name: String, count: usize, of: &Averages| -> Vec<String> {
        let cells = [of.ap, of.ap50, of.ap25, of.recall50].map(percent);
        [name, count.to_string()].into_iter().chain(cells).collect()
    };
    let (
        Figures::Scannet {
            scans,
            names,
            summary,
            splits,
            ..
        },
        Figures::ClassAgnostic {
            model_scores,
            confidence_one,
            ..
        },
    ) = (by_class, agnostic)
    else {
        return String::new();
    };
    let mut rows = vec![row("all classes".into(), summary.all.classes, &summary.all)];
    rows.extend(
        splits
            .iter()
            .filter(|(_, of)| of.classes > 0)
            .map(|(split, of)| row(format!("ScanNet200 {split}"), of.classes, of)),
    );
    rows.push(row(
        "classes ignored, all scores 1".into(),
        1,
        &confidence_one.all,
    ));
    rows.push(row(
        "classes ignored, model's scores".into(),
        1,
        &model_scores.all,
    ));
    let sizes = Size::ALL.into_iter().filter_map(|size| {
        let of = model_scores.sizes.get(size.name())?;
        Some(row(
            format!("{}, {}", size.name(), bounds(size)),
            of.things,
            &of.averages,
        ))
    });
    let said = format!(
        "<p class=\"quiet\">{scans} scans; percent; names are chosen out of {names}. AP is the mean over overlaps of 0.50 to 0.90, as the released evaluators have it.</p>"
    );
    let columns = ["AP", "AP50", "AP25", "recall50"];
    let head = |count| ["", count].into_iter().chain(columns).collect::<Vec<_>>();
    let sizes = table(&head("objects"), &sizes.collect::<Vec<_>>());
    said + &table(&head("classes"), &rows)
        + "<p class=\"quiet\">By the longest edge of an object's box, classes ignored, model's scores:</p>"
        + &sizes
}

/// Chart of the share of right instances over the score that they are shown with.
pub fn reliability(by_class: &Figures, agnostic: &Figures) -> String {
    let (
        Figures::Scannet { diagram: named, .. },
        Figures::ClassAgnostic {
            diagram: unnamed, ..
        },
    ) = (by_class, agnostic)
    else {
        return String::new();
    };
    let series = |name: String, points: Vec<[f64; 2]>| Series { name, points };
    let of = |asked: &str, diagram: &Diagram| {
        let filled = diagram.rows.iter().filter(|row| row.bin.count > 0);
        let points = filled.map(|row| [100.0 * row.bin.score, 100.0 * row.bin.right]);
        let name = format!("{asked} (off by {} on average)", percent(diagram.error));
        series(name, points.collect())
    };
    let right = series(
        "as many as they say".into(),
        vec![[0.0, 0.0], [100.0, 100.0]],
    );
    let series = [
        of("nothing asked for", unnamed),
        of("all names asked for", named),
        right,
    ];
    "<p class=\"quiet\">Percent of the shown instances that are right, over their score in percent. Right is what overlaps an object by more than half and, if it has a name, has the object's.</p>".to_owned()
        + &chart("right instances by score", &series, false)
}

/// Table of all classes, the best first.
pub fn classes(figures: &Figures) -> String {
    let Figures::Scannet { classes, .. } = figures else {
        return String::new();
    };
    let mut classes: Vec<_> = classes
        .iter()
        .filter(|(_, class)| !class.ap50.is_nan())
        .collect();
    classes.sort_by(|a, b| b.1.ap50.total_cmp(&a.1.ap50));
    let row = |(name, class): &(&String, &crate::evaluation::OfClass)| {
        let bar = format!(
            "{}<span class=\"bar\"><i style=\"width:{:.0}%\"></i></span>",
            percent(class.ap50),
            100.0 * class.ap50
        );
        vec![
            escape(name),
            bar,
            percent(class.ap),
            percent(class.ap25),
            percent(class.recall50),
        ]
    };
    table(
        &["", "AP50", "AP", "AP25", "recall50"],
        &classes.iter().map(row).collect::<Vec<_>>(),
    )
}

/// The names given to the objects that were found.
#[derive(Default)]
struct Confusion {
    /// Number of objects by their class and by the class of the instance that matches them, `None`
    /// for objects that were not found.
    counts: BTreeMap<(usize, Option<usize>), usize>,
}

impl Confusion {
    fn add(&mut self, Answer { scan, found, .. }: &Answer, names: &Names) {
        let sizes = pairs::object_sizes(scan);
        for ((class, pair), size) in names
            .of_objects(scan)
            .into_iter()
            .zip(pairs::pairs(scan, found))
            .zip(sizes)
        {
            if let Some(class) = class.filter(|_| size >= MIN_POINTS) {
                let given = pair.map(|pair| names.nearest(&found[pair.found]));
                *self.counts.entry((class, given)).or_default() += 1;
            }
        }
    }

    /// The matrix of the most frequent classes, HTML; empty without objects.
    fn table(&self, names: &Names) -> String {
        let mut things = vec![0usize; names.names.len()];
        for ((class, _), count) in &self.counts {
            things[*class] += count;
        }
        matrix(&self.counts, &things, names)
    }
}

fn matrix(
    counts: &BTreeMap<(usize, Option<usize>), usize>,
    things: &[usize],
    names: &Names,
) -> String {
    let mut top: Vec<usize> = (0..things.len())
        .filter(|&class| things[class] > 0)
        .collect();
    top.sort_by_key(|&class| std::cmp::Reverse(things[class]));
    top.truncate(CLASSES);
    if top.is_empty() {
        return String::new();
    }
    let cell = |count: usize, all: usize| {
        let share = 0.85 * count as f64 / all.max(1) as f64;
        let count = if count == 0 {
            "·".into()
        } else {
            count.to_string()
        };
        format!("<td><span style=\"--share:{share:.2}\">{count}</span></td>")
    };
    let row = |&class: &usize| {
        let of = |name: Option<usize>| counts.get(&(class, name)).copied().unwrap_or(0);
        let named: usize = top.iter().map(|&name| of(Some(name))).sum();
        let other = things[class] - named - of(None);
        let cells: String = top
            .iter()
            .map(|&name| of(Some(name)))
            .chain([other, of(None)])
            .map(|count| cell(count, things[class]))
            .collect();
        format!(
            "<tr><th scope=\"row\">{} ({})</th>{cells}</tr>",
            escape(&names.names[class]),
            things[class]
        )
    };
    let columns = top
        .iter()
        .map(|&class| escape(&names.names[class]))
        .chain(["another name".into(), "not found".into()]);
    let head: String = columns
        .map(|name| format!("<th scope=\"col\"><div>{name}</div></th>"))
        .collect();
    let rows: String = top.iter().map(row).collect();
    format!(
        "<p class=\"quiet\">Rows are true classes, the {} most frequent of {}, with their number of objects; columns are the names of the instances that overlap these objects by more than half.</p>\
         <div class=\"scroll\"><table class=\"matrix\"><thead><tr><th></th>{head}</tr></thead><tbody>{rows}</tbody></table></div>",
        top.len(),
        things.iter().filter(|count| **count > 0).count()
    )
}

/// The pictures of the first scans with their explanation; empty without pictures.
fn pictures(cards: &[String]) -> String {
    if cards.is_empty() {
        return String::new();
    }
    format!(
        "<p class=\"quiet\">An object and the instance that matches it have one colour. <span class=\"miss\">Red</span> objects in the truth were not found, red found instances match \
         no object. The ceiling and the walls in front are cut away.</p><div class=\"scans\">{}</div>",
        cards.concat()
    )
}

fn card(answer: &Answer, names: &Names, stage: &Stage) -> anyhow::Result<String> {
    let Answer { path, scan, found } = answer;
    let pairs = pairs::pairs(scan, found);
    let mut object_of_found = vec![None; found.len()];
    pairs.iter().enumerate().for_each(|(object, pair)| {
        if let Some(pair) = pair {
            object_of_found[pair.found] = Some(object);
        }
    });
    let color_of = |object: usize| {
        if pairs[object].is_some() {
            hue(object)
        } else {
            ALONE
        }
    };
    let truth = tinted(
        answer,
        &scan
            .object_of_point
            .iter()
            .map(|object| object.map(|object| color_of(object as usize)))
            .collect::<Vec<_>>(),
    );
    let owners = owners(scan.positions.len(), found, |index| {
        object_of_found[index].is_some()
    });
    let predicted = owners
        .iter()
        .map(|owner| owner.map(|index| object_of_found[index].map_or(ALONE, hue)))
        .collect::<Vec<_>>();
    let predicted = tinted(answer, &predicted);

    let countable = pairs::object_sizes(scan)
        .into_iter()
        .map(|size| size >= MIN_POINTS);
    let counted: Vec<_> = pairs
        .iter()
        .zip(names.of_objects(scan))
        .zip(countable)
        .filter(|(_, countable)| *countable)
        .map(|(pair, _)| pair)
        .collect();
    let matched = counted.iter().filter(|(pair, _)| pair.is_some()).count();
    let named = counted
        .iter()
        .filter(|(pair, class)| {
            pair.is_some_and(|pair| Some(names.nearest(&found[pair.found])) == *class)
        })
        .count();
    let title = title(path);
    let mut html = format!(
        "<article class=\"scan\"><h3>{}</h3><p class=\"quiet\">{matched} of {} objects found, {named} with the right name</p>",
        escape(&title),
        counted.len()
    );
    for (view, from) in [
        (Perspective::Corner, "from a corner"),
        (Perspective::Above, "from above"),
    ] {
        html += "<div class=\"pair\">";
        for (colors, what) in [(&predicted, "found"), (&truth, "truth")] {
            let url = data_url("image/png", &stage.draw(colors, view)?);
            let alt = escape(&format!("{title}, {what}, {from}"));
            html += &format!(
                "<figure><img src=\"{url}\" alt=\"{alt}\" width=\"{}\" height=\"{}\"/><figcaption>{what}</figcaption></figure>",
                SIZE[0], SIZE[1]
            );
        }
        html += "</div>";
    }
    Ok(html + "</article>")
}

/// Shape `(points)`: the drawn mask that each point belongs to; of several the most confident.
fn owners(points: usize, found: &[Found], matches: impl Fn(usize) -> bool) -> Vec<Option<usize>> {
    let mut owners: Vec<Option<usize>> = vec![None; points];
    let mut drawn: Vec<usize> = (0..found.len())
        .filter(|&index| found[index].score >= LEAST_SCORE || matches(index))
        .collect();
    drawn.sort_by(|&a, &b| found[a].score.total_cmp(&found[b].score));
    for index in drawn {
        found[index]
            .points
            .iter()
            .for_each(|&point| owners[point as usize] = Some(index));
    }
    owners
}

/// Shape `(points, 3)`: the colour of the mask or object that each point belongs to, with the
/// brightness of the scan; points that belong to nothing are grey.
fn tinted(answer: &Answer, colors: &[Option<[u8; 3]>]) -> Vec<[u8; 3]> {
    let light = |point: usize| match &answer.scan.colors {
        Some(colors) => {
            colors[point]
                .iter()
                .zip([0.3, 0.59, 0.11])
                .map(|(channel, share)| f32::from(*channel) * share)
                .sum::<f32>()
                / 255.0
        }
        None => 0.6,
    };
    let tint = |(point, color): (usize, &Option<[u8; 3]>)| match color {
        Some(color) => color.map(|channel| (f32::from(channel) * (0.7 + 0.3 * light(point))) as u8),
        None => [(120.0 + 90.0 * light(point)) as u8; 3],
    };
    colors.iter().enumerate().map(tint).collect()
}

/// A colour that differs from those of objects with nearby indices and is never red.
fn hue(object: usize) -> [u8; 3] {
    let turn = (object as f32 * 0.618_034).fract();
    // hues of 40 to 325 degrees
    let hue = (40.0 + 285.0 * turn) / 60.0;
    let (light, vivid) = [(0.95, 0.75), (0.75, 0.85), (0.9, 0.5)][object % 3];
    std::array::from_fn(|channel| {
        let k = ([5.0, 3.0, 1.0][channel] + hue) % 6.0;
        (255.0 * (light - light * vivid * k.min(4.0 - k).clamp(0.0, 1.0))) as u8
    })
}
