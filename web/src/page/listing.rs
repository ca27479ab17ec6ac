//! Turns instances into rows of the list and looks for the renderer: pure functions of the worker's
//! results and the user's edits.

use segscape::{instances::query::Label, write::UNNAMED};

use crate::{
    edits::Edits,
    page::state::Coloring,
    protocol::InstanceInfo,
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
    pub const ALL: [(Self, &str); 3] = [
        (Self::Score, "Score"),
        (Self::Points, "Points"),
        (Self::Name, "Name"),
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
/// instance that is not visible gets the look of unowned points. All but the one that stands `out`,
/// if there is one, are faded.
pub fn looks(
    instances: usize,
    rows: &[Row],
    edits: &Edits,
    coloring: Coloring,
    out: Option<u32>,
) -> Vec<Look> {
    let shown_if = |shown, id: Option<u32>, color| {
        let shown = match (shown, out) {
            (false, _) => Look::HIDDEN,
            (true, Some(_)) if id != out => Look::FADED,
            (true, _) => Look::SHOWN,
        };
        Look {
            shown,
            ..Look::shown(color)
        }
    };
    let nobody = shown_if(edits.isolated.is_none(), None, palette::UNOWNED);
    let mut looks = vec![nobody; instances + 1];
    for row in rows {
        let color = match coloring {
            Coloring::Label => palette::label_color(&row.name),
            Coloring::Score => palette::ramp(row.confidence),
            _ => row.color,
        };
        looks[row.id as usize] = shown_if(row.shown, Some(row.id), color);
    }
    looks
}

/// The look of each instance's points by its similarity to the prompt, and, last, of unowned points,
/// shape `(instances + 1)`. Instances that do not match the prompt are colored, too. All but the one
/// that stands `out`, if there is one, are faded.
pub fn heat(similarities: &[f32], edits: &Edits, out: Option<u32>) -> Vec<Look> {
    let look = |instance: Option<u32>, color| {
        let shown = match instance {
            Some(instance) => edits.shows(instance),
            None => edits.isolated.is_none(),
        };
        let shown = match (shown, out) {
            (false, _) => Look::HIDDEN,
            (true, Some(_)) if instance != out => Look::FADED,
            (true, _) => Look::SHOWN,
        };
        Look {
            shown,
            ..Look::shown(color)
        }
    };
    let instances = (0..).zip(similarities);
    instances
        .map(|(instance, similarity)| look(Some(instance), palette::ramp(*similarity)))
        .chain([look(None, palette::UNOWNED)])
        .collect()
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
            looks(4, &rows, edits, Coloring::Instance, None)
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
        let looks = heat(&[0.0, 0.5, 1.0], &edits, None);
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
        let looks = looks(4, &rows, &edits, Coloring::Instance, Some(2));
        let shown: Vec<u32> = looks.iter().map(|look| look.shown).collect();
        let faded = Look::FADED;
        assert_eq!(shown, [Look::HIDDEN, faded, Look::SHOWN, faded, faded]);
    }
}
