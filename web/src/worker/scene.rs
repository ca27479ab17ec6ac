//! The open scene once its instances are known: answers prompts, computes owners, and writes files
//! and bundles.

use std::collections::{BTreeMap, HashMap};

use segscape::{
    bundle::{self, Bundle, Meta, Name, Provenance, SavedView},
    instances::{
        NO_INSTANCE, Segmentation,
        query::{PromptTerm, Recognizer},
    },
    scan::Scan,
    superpoint::Superpoints,
    text::{self, Vocabulary},
    write::{self, LabeledInstance, PointLabels},
};

use crate::protocol::{Format, InstanceInfo, Label, Term};

/// A scan with its instances.
pub struct Scene {
    /// The scan.
    pub scan: Scan,
    /// The partition of the scan's points.
    pub superpoints: Superpoints,
    /// The instances.
    pub segmentation: Segmentation,
    /// Name and hash of the network.
    pub model: String,
}

impl Scene {
    /// The instances as the page lists them.
    pub fn infos(&self) -> Vec<InstanceInfo> {
        self.segmentation
            .instances
            .iter()
            .map(|i| InstanceInfo {
                score: i.score,
                points: i.points,
                bounds: i.bounds,
            })
            .collect()
    }

    /// The visible instance that owns each point, `u32::MAX` for none, shape `(points)`.
    pub fn owners(&self, visible: &[bool]) -> Vec<u32> {
        self.segmentation
            .owner_of_point(&self.scan.positions, &self.superpoints, |i| {
                visible.get(i).copied().unwrap_or(false)
            })
    }

    /// The terms with their nearest instances, and one label per instance. Without terms, all
    /// labels come from the vocabulary.
    pub fn recognize(&self, terms: &[PromptTerm]) -> (Vec<Term>, Vec<Label>) {
        let vocabulary = Vocabulary::shipped();
        let words = vocabulary.default_labels();
        let recognizer = Recognizer::new(
            &self.segmentation,
            &vocabulary.embeddings()[..words.len() * text::DIM],
        );
        let word = |found: Option<(usize, f32)>| {
            found.map_or_else(String::new, |(word, _)| words[word].to_owned())
        };
        let names = recognizer.names().into_iter().map(word);
        let scores = self
            .segmentation
            .instances
            .iter()
            .map(|instance| instance.score);
        if terms.is_empty() {
            return (
                Vec::new(),
                names
                    .zip(scores)
                    .map(|(name, confidence)| Label {
                        name,
                        term: None,
                        confidence,
                    })
                    .collect(),
            );
        }
        let recognition = recognizer.recognize(terms);
        let label = |(instance, name): (usize, String)| match recognition.label(instance) {
            Some((term, confidence)) => Label {
                name: terms[term].name.clone(),
                term: Some(term as u32),
                confidence,
            },
            None => Label {
                name,
                term: None,
                confidence: 0.0,
            },
        };
        let labels = names.enumerate().map(label).collect();
        // No confidence exceeds infinity, so every term is returned with its nearest instances.
        let nearest = recognition
            .answers(f32::INFINITY)
            .into_iter()
            .map(|answer| Term {
                name: answer.name,
                nearest: answer
                    .nearest
                    .into_iter()
                    .map(|hit| (hit.instance as u32, hit.confidence))
                    .collect(),
            });
        (nearest.collect(), labels)
    }

    /// A file with the visible instances, and its media type.
    pub fn export(
        &self,
        format: Format,
        visible: &[bool],
        labels: &[Label],
    ) -> (Vec<u8>, &'static str) {
        let mut index_of_name = HashMap::new();
        let mut names = Vec::new();
        let mut index_of = |name: &str| {
            *index_of_name.entry(name.to_owned()).or_insert_with(|| {
                names.push(name.to_owned());
                names.len() as u32 - 1
            })
        };
        let mut kept_of_instance = vec![NO_INSTANCE; labels.len()];
        let mut instances = Vec::new();
        for (id, label) in labels
            .iter()
            .enumerate()
            .filter(|(id, _)| visible.get(*id) == Some(&true))
        {
            kept_of_instance[id] = instances.len() as u32;
            let label_index = (!label.name.is_empty()).then(|| index_of(&label.name));
            instances.push(LabeledInstance {
                id: id as u32,
                label: label_index,
                score: label.confidence,
            });
        }
        let kept = |owner: u32| {
            kept_of_instance
                .get(owner as usize)
                .copied()
                .unwrap_or(NO_INSTANCE)
        };
        let instance_of_point = self.owners(visible).into_iter().map(kept).collect();
        let written = PointLabels {
            instance_of_point,
            instances,
            labels: names,
        };
        match format {
            Format::Ply => (
                write::labeled_ply(&self.scan, &written),
                "application/octet-stream",
            ),
            Format::Json => (
                write::instances_json(&self.scan, &written).into_bytes(),
                "application/json",
            ),
        }
    }

    /// Packs the scene into a bundle with this view.
    pub fn pack(
        &self,
        source: &str,
        given: &BTreeMap<u32, String>,
        mut view: SavedView,
    ) -> Vec<u8> {
        let (_, labels) = self.recognize(&[]);
        let name = |(id, label): (u32, Label)| match given.get(&id) {
            Some(name) => Name {
                text: name.clone(),
                by_user: true,
            },
            None => Name {
                text: label.name,
                by_user: false,
            },
        };
        view.hidden
            .retain(|id| (*id as usize) < self.segmentation.instances.len());
        bundle::encode(&Bundle {
            positions: self.scan.positions.clone(),
            colors: self.scan.colors.clone(),
            superpoints: self.superpoints.clone(),
            segmentation: self.segmentation.clone(),
            meta: Meta {
                names: (0..).zip(labels).map(name).collect(),
                view,
                frame: self.scan.frame,
                provenance: Provenance {
                    source: source.to_owned(),
                    source_points: self.scan.table.point_rows().count as u64,
                    model: self.model.clone(),
                    app: concat!("segscape ", env!("CARGO_PKG_VERSION")).to_owned(),
                },
            },
        })
    }
}
