//! Turns instances into rows of the list and looks for the renderer: pure functions of the worker's
//! results and the user's edits.

use segscape::{
    instances::{
        NO_INSTANCE, Reshaping,
        query::{Label, Labels},
    },
    write::UNNAMED,
};

use crate::{
    edits::Edits,
    page::{coloring::Coloring, selection::Selection},
    protocol::{Answer, InstanceInfo},
    text::{Text, tr},
    view::{cloud::Look, palette},
};

/// One visible instance.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Index of the instance.
    pub id: u32,
    /// The name given by the user, else by the prompt or the vocabulary.
    pub name: String,
    /// Index of the prompt's term that the instance matches.
    pub term: Option<u32>,
    /// Confidence in `0..=1`.
    pub confidence: f32,
    /// Number of points.
    pub points: u32,
    /// Edge lengths of the bounding box, metres.
    pub size: [f32; 3],
    /// The instance's own color.
    pub color: [u8; 3],
    /// If `true`, the instance is drawn.
    pub shown: bool,
    /// If `true`, it stays as it is until it is unlocked.
    pub locked: bool,
}

/// The labels of so many instances. Those that are newer than the answer have the labels of what
/// they come from, until there is another answer; what comes from nothing is nameless.
pub fn labels(answer: &Answer, reshaping: &Reshaping, instances: usize) -> Labels {
    let Labels {
        terms,
        like,
        of_instance,
        similarities,
    } = &answer.labels;
    let nameless = Label {
        name: String::new(),
        term: None,
        confidence: if terms.is_empty() { 1.0 } else { 0.0 },
    };
    let known: Vec<Option<u32>> = (0..instances as u32)
        .map(|id| answer.known(id, reshaping))
        .collect();
    let label = |known: &Option<u32>| match known {
        Some(id) => of_instance.get(*id as usize).cloned(),
        None => Some(nameless.clone()),
    };
    let similarity = |known: &Option<u32>| match known {
        _ if similarities.is_empty() => None,
        Some(id) => similarities.get(*id as usize).copied(),
        None => Some(0.0),
    };
    Labels {
        terms: terms.clone(),
        like: *like,
        of_instance: known.iter().map_while(label).collect(),
        similarities: known.iter().map_while(similarity).collect(),
    }
}

/// The rows of the visible instances, in the order of the instances.
pub fn rows(
    instances: &[InstanceInfo],
    labels: &[Label],
    visible: &[bool],
    edits: &Edits,
) -> Vec<Row> {
    let all = (0..).zip(instances.iter().zip(labels).zip(visible));
    all.filter(|(_, (_, visible))| **visible)
        .map(|(id, ((instance, label), _))| {
            let name = edits.names.get(&id).unwrap_or(&label.name);
            let name = if name.is_empty() {
                UNNAMED.to_owned()
            } else {
                name.clone()
            };
            let bounds = instance.bounds;
            Row {
                id,
                term: label.term,
                confidence: label.confidence,
                points: instance.points,
                size: std::array::from_fn(|axis| bounds.max[axis] - bounds.min[axis]),
                color: palette::instance_color(&name, id),
                shown: edits.shows(id),
                locked: edits.locked.contains(&id),
                name,
            }
        })
        .collect()
}

/// The order of the rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Order {
    /// By descending confidence.
    #[default]
    Score,
    /// By descending number of points.
    Points,
    /// By name.
    Name,
}

impl Order {
    /// All orders, with their names.
    pub const ALL: [(Self, Text); 3] = [
        (Self::Score, tr("Score")),
        (Self::Points, tr("Points")),
        (Self::Name, tr("Name")),
    ];
}

/// The rows that share a name.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    /// The common name.
    pub name: String,
    /// The color of the label.
    pub color: [u8; 3],
    /// The rows, in the requested order.
    pub rows: Vec<Row>,
}

/// Groups the rows whose name contains `search` by name. The groups are in the order of their first
/// rows.
pub fn groups(rows: &[Row], search: &str, order: Order) -> Vec<Group> {
    let search = search.trim().to_lowercase();
    let mut rows: Vec<&Row> = rows
        .iter()
        .filter(|row| row.name.to_lowercase().contains(&search))
        .collect();
    match order {
        Order::Score => rows.sort_by(|a, b| b.confidence.total_cmp(&a.confidence)),
        Order::Points => rows.sort_by_key(|row| std::cmp::Reverse(row.points)),
        Order::Name => rows.sort_by(|a, b| {
            a.name
                .cmp(&b.name)
                .then(b.confidence.total_cmp(&a.confidence))
        }),
    }
    let mut groups: Vec<Group> = Vec::new();
    let mut index_of_name = std::collections::HashMap::new();
    for row in rows {
        let index = *index_of_name
            .entry(row.name.as_str())
            .or_insert(groups.len());
        if index == groups.len() {
            groups.push(Group {
                name: row.name.clone(),
                color: palette::label_color(&row.name),
                rows: Vec::new(),
            });
        }
        groups[index].rows.push(row.clone());
    }
    groups
}

/// The look of each instance's points and, last, of unowned points, shape `(instances + 1)`. An
/// instance that is not visible gets the look of unowned points. With `xray`, all but the selected
/// instances are faded, if any of these is shown. One outline goes around all that are selected.
pub fn looks(
    instances: usize,
    rows: &[Row],
    edits: &Edits,
    coloring: Coloring,
    selection: &Selection,
    xray: bool,
) -> Vec<Look> {
    let stands_out = |row: &Row| row.shown && selection.contains(row.id);
    let standing = Standing {
        selection,
        fades: xray && rows.iter().any(stands_out),
    };
    let nobody = standing.look(edits.isolated.is_none(), None, palette::UNOWNED);
    let mut looks = vec![nobody; instances + 1];
    for row in rows {
        let color = match coloring {
            Coloring::Label => palette::label_color(&row.name),
            Coloring::Score => palette::ramp(row.confidence),
            _ => row.color,
        };
        looks[row.id as usize] = standing.look(row.shown, Some(row.id), color);
    }
    looks
}

/// The look of each instance's points by its similarity to the prompt, and, last, of unowned points,
/// shape `(instances + 1)`. Instances that do not match the prompt are colored, too.
pub fn heat(similarities: &[f32], edits: &Edits, selection: &Selection, xray: bool) -> Vec<Look> {
    let instances = (0..).zip(similarities);
    let stands_out = |id: u32| edits.shows(id) && selection.contains(id);
    let standing = Standing {
        selection,
        fades: xray && (0..similarities.len() as u32).any(stands_out),
    };
    let nobody = standing.look(edits.isolated.is_none(), None, palette::UNOWNED);
    instances
        .map(|(id, similarity)| {
            standing.look(edits.shows(id), Some(id), palette::ramp(*similarity))
        })
        .chain([nobody])
        .collect()
}

/// What the selection does to the looks of things.
struct Standing<'a> {
    selection: &'a Selection,
    /// If `true`, what is not selected is faded.
    fades: bool,
}

impl Standing<'_> {
    /// The look of an instance, or of unowned points.
    fn look(&self, shown: bool, id: Option<u32>, color: [u8; 3]) -> Look {
        let is_selected = id.is_some_and(|id| self.selection.contains(id));
        Look {
            shown: match shown {
                false => Look::HIDDEN,
                true if self.fades && !is_selected => Look::FADED,
                true => Look::SHOWN,
            },
            outlined_as: match self.selection.first() {
                Some(first) if is_selected => first,
                _ => NO_INSTANCE,
            },
            ..Look::shown(color)
        }
    }
}

#[cfg(test)]
mod tests {
    use segscape::geometry::Aabb;
    use wasm_bindgen_test::wasm_bindgen_test;

    use super::*;

    fn scene() -> (Vec<InstanceInfo>, Vec<Label>) {
        let instance = |points| InstanceInfo {
            score: 0.5,
            points,
            bounds: Aabb {
                min: [0.0; 3],
                max: [1.0, 2.0, 3.0],
            },
            superpoints: Vec::new(),
        };
        let label = |name: &str, term, confidence| Label {
            name: name.into(),
            term,
            confidence,
        };
        let labels = vec![
            label("chair", Some(0), 0.9),
            label("lamp", None, 0.8),
            label("chair", Some(0), 0.3),
            label("", Some(1), 0.7),
        ];
        ([10, 40, 30, 20].map(instance).to_vec(), labels)
    }

    #[wasm_bindgen_test]
    fn rows_are_searched_sorted_and_grouped() {
        let (instances, labels) = scene();
        let mut edits = Edits::default();
        edits.rename(1, "floor lamp");
        let rows = rows(&instances, &labels, &[true; 4], &edits);
        let ids = |search, order| {
            groups(&rows, search, order)
                .iter()
                .map(|g| g.rows.iter().map(|r| r.id).collect::<Vec<_>>())
                .collect::<Vec<_>>()
        };
        assert_eq!(ids("", Order::Score), [vec![0, 2], vec![1], vec![3]]);
        assert_eq!(ids("", Order::Points), [vec![1], vec![2, 0], vec![3]]);
        assert_eq!(ids(" LAMP ", Order::Name), [vec![1]]);
        assert_eq!(rows[3].name, UNNAMED);
        assert_eq!(rows[0].size, [1.0, 2.0, 3.0]);
    }

    #[wasm_bindgen_test]
    fn hidden_isolated_and_invisible_instances_look_so() {
        let (instances, labels) = scene();
        let mut edits = Edits::default();
        edits.toggle_hidden(0);
        let drawn = |edits: &Edits| {
            let rows = rows(&instances, &labels, &[true, true, false, true], edits);
            let nothing = Selection::default();
            looks(4, &rows, edits, Coloring::Instance, &nothing, true)
        };
        let looks = drawn(&edits);
        assert_eq!(
            looks.iter().map(|look| look.shown).collect::<Vec<_>>(),
            [0, 1, 1, 1, 1]
        );
        assert_eq!(looks[2], looks[4], "what is not visible looks like nobody");
        edits.toggle_isolated(1);
        assert_eq!(
            drawn(&edits)
                .iter()
                .map(|look| look.shown)
                .collect::<Vec<_>>(),
            [0, 1, 0, 0, 0]
        );
    }

    #[wasm_bindgen_test]
    fn heat_is_similarity_and_keeps_what_is_hidden_hidden() {
        let mut edits = Edits::default();
        edits.toggle_hidden(1);
        let looks = heat(&[0.0, 0.5, 1.0], &edits, &Selection::default(), false);
        assert_eq!(looks[0], Look::shown(palette::ramp(0.0)));
        assert_eq!(looks[1].shown, Look::HIDDEN);
        assert_eq!(looks[2], Look::shown(palette::ramp(1.0)));
        assert_eq!(looks[3], Look::shown(palette::UNOWNED));
    }

    #[wasm_bindgen_test]
    fn all_but_what_stands_out_fade_and_what_is_hidden_stays_so() {
        let (instances, labels) = scene();
        let mut edits = Edits::default();
        edits.toggle_hidden(0);
        let rows = rows(&instances, &labels, &[true; 4], &edits);
        let looks = |selected: &[u32]| {
            let mut selection = Selection::default();
            selected.iter().for_each(|id| selection.toggle(*id));
            looks(4, &rows, &edits, Coloring::Instance, &selection, true)
        };
        let shown = |looks: &[Look]| looks.iter().map(|look| look.shown).collect::<Vec<u32>>();
        let faded = Look::FADED;
        let alone = looks(&[2]);
        assert_eq!(
            shown(&alone),
            [Look::HIDDEN, faded, Look::SHOWN, faded, faded]
        );
        let both = looks(&[2, 1]);
        assert_eq!(shown(&both), [0, Look::SHOWN, Look::SHOWN, faded, faded]);
        let outlines: Vec<u32> = both.iter().map(|look| look.outlined_as).collect();
        assert_eq!(outlines, [NO_INSTANCE, 2, 2, NO_INSTANCE, NO_INSTANCE]);
        let hidden = looks(&[0]);
        assert_eq!(
            shown(&hidden)[1..],
            [Look::SHOWN; 4],
            "what is hidden does not stand out"
        );
    }
}
