//! The open scene once its instances are known: answers prompts, and writes files and bundles.

use std::collections::BTreeMap;

use segscape::{
    bundle::{self, Bundle, Meta, Name, Provenance, SavedView},
    geometry::Aabb,
    instances::query::{Label, Labels, Recognizer},
    job::{self, Segmented},
    text::Vocabulary,
    write::{Context, Export, WriteError},
};

use crate::{
    edits::Edits,
    protocol::{About, Bulk, InstanceInfo},
};

/// A scan with its instances.
pub struct OpenScene {
    /// The scan, its superpoints and its instances.
    pub segmented: Segmented,
    /// Compares the instances with prompts.
    pub recognizer: Recognizer,
    /// The nouns in the space of the instances.
    pub vocabulary: Vocabulary,
    /// The labels of the latest answer.
    pub labels: Labels,
    /// The things that the latest question found, if the latest prompt was a question.
    pub found: Option<Vec<u32>>,
    /// Name and hash of the network.
    pub model: String,
    /// Bounding box of all points, metres.
    pub room: Aabb,
}

impl OpenScene {
    /// A scene that nobody has asked anything so far.
    pub fn new(
        segmented: Segmented,
        (vocabulary, recognizer): (Vocabulary, Recognizer),
        model: String,
    ) -> Self {
        let positions = segmented.scan.positions.iter();
        Self {
            room: positions.fold(Aabb::EMPTY, |room, position| room.with(*position)),
            segmented,
            recognizer,
            vocabulary,
            labels: Labels::default(),
            found: None,
            model,
        }
    }

    /// The instances as the page lists them.
    pub fn infos(&self) -> Vec<InstanceInfo> {
        self.segmented
            .segmentation
            .instances
            .iter()
            .map(|i| InstanceInfo {
                score: i.score,
                points: i.points,
                bounds: i.bounds,
                superpoints: i.superpoints.clone(),
            })
            .collect()
    }

    /// A file with the instances that reach the threshold and that the user did not hide. `scan` is
    /// the name of the scan.
    ///
    /// # Errors
    /// [`WriteError`] if the format cannot hold the scan.
    pub fn export(
        &self,
        format: Export,
        scan: &str,
        about: &About,
        (threshold, edits): (f32, &Edits),
    ) -> Result<Vec<u8>, WriteError> {
        let mut labels = self.labels.of_instance.clone();
        for (instance, name) in &edits.names {
            if let Some(label) = labels.get_mut(*instance as usize) {
                label.name.clone_from(name);
            }
        }
        let mut visible = self.labels.visible(threshold);
        for (instance, visible) in (0..).zip(&mut visible) {
            let is_found = |found: &Vec<u32>| found.contains(&instance);
            *visible &= edits.shows(instance) && self.found.as_ref().is_none_or(is_found);
        }
        let labeled = job::label(&self.segmented, &labels, &visible);
        let picture = about.picture.as_ref().map(Bulk::to_vec::<u8>);
        let context = Context {
            scan,
            prompt: &about.prompt,
            model: &self.model,
            date: &about.date,
            picture: picture.as_deref(),
            painted: about.painted,
        };
        format.write(&self.segmented.scan, &labeled, &context)
    }

    /// Packs the scene into a bundle with this view. `source` is the name of the scan, and `frames`
    /// the number of frames of the capture that it was made of.
    pub fn pack(
        &self,
        (source, frames): (&str, u32),
        given: &BTreeMap<u32, String>,
        mut view: SavedView,
    ) -> Vec<u8> {
        let Segmented {
            scan,
            superpoints,
            segmentation,
        } = &self.segmented;
        let labels = self.recognizer.labels(segmentation, &[]).of_instance;
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
            .retain(|id| (*id as usize) < segmentation.instances.len());
        bundle::encode(&Bundle {
            positions: scan.positions.clone(),
            colors: scan.colors.clone(),
            superpoints: superpoints.clone(),
            segmentation: segmentation.clone(),
            meta: Meta {
                names: (0..).zip(labels).map(name).collect(),
                view,
                frame: scan.frame,
                provenance: Provenance {
                    source: source.to_owned(),
                    source_points: scan.table.point_rows().count as u64,
                    frames,
                    model: self.model.clone(),
                    app: concat!("segscape ", env!("CARGO_PKG_VERSION")).to_owned(),
                },
            },
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use segscape::{
        instances::{Instance, Segmentation, query::Term},
        scan::Scan,
        superpoint::Superpoints,
        text::meaning::Meaning,
    };
    use serde_json::{Value, json};
    use wasm_bindgen_test::wasm_bindgen_test;

    use super::*;

    /// Four things of one point each, labelled by a prompt for chairs.
    fn scene() -> OpenScene {
        let positions = [0.0, 1.0, 2.0, 3.0].map(|x| [x, 0.0, 0.0]);
        let instance = |superpoint| Instance {
            superpoints: vec![superpoint],
            score: 0.9,
            embedding: vec![0.0; Vocabulary::shipped().space().width],
            bounds: Aabb::EMPTY,
            points: 1,
        };
        let label = |term, confidence| Label {
            name: "chair".into(),
            term,
            confidence,
        };
        let segmentation = Segmentation {
            instances: (0..4).map(instance).collect(),
            logit_scale: 20.0,
            ..Segmentation::default()
        };
        let vocabulary = Vocabulary::shipped().clone();
        let recognizer = Recognizer::new(&segmentation, &vocabulary).unwrap();
        let segmented = Segmented {
            scan: Scan::from_points(&positions, None).unwrap(),
            superpoints: Superpoints::from_ids(&[0, 1, 2, 3]),
            segmentation,
        };
        OpenScene {
            labels: Labels {
                terms: vec![Term {
                    name: "chair".into(),
                    meaning: Meaning::Listed,
                    best: None,
                    nearest: Vec::new(),
                }],
                of_instance: vec![
                    label(Some(0), 0.75),
                    label(Some(0), 0.5),
                    label(Some(0), 0.25),
                    label(None, 0.0),
                ],
                ..Labels::default()
            },
            ..OpenScene::new(segmented, (vocabulary, recognizer), String::new())
        }
    }

    fn exported(threshold: f32, edits: &Edits) -> Vec<(Value, Value)> {
        exported_of(&scene(), threshold, edits)
    }

    fn exported_of(scene: &OpenScene, threshold: f32, edits: &Edits) -> Vec<(Value, Value)> {
        let about = About {
            prompt: "chair".to_owned(),
            date: String::new(),
            picture: None,
            painted: false,
        };
        let bytes = scene.export(Export::Json, "room", &about, (threshold, edits));
        let json: Value = serde_json::from_slice(&bytes.unwrap()).unwrap();
        assert_eq!(json["prompt"], "chair");
        let instances = json["instances"].as_array().unwrap();
        instances
            .iter()
            .map(|instance| (instance["id"].clone(), instance["label"].clone()))
            .collect()
    }

    #[wasm_bindgen_test]
    fn files_have_what_the_page_shows() {
        let chair = |id: u32| (json!(id), json!("chair"));
        let mut edits = Edits::default();
        assert_eq!(exported(0.5, &edits), [chair(0), chair(1)]);
        assert_eq!(exported(0.0, &edits), [chair(0), chair(1), chair(2)]);
        edits.rename(1, "throne");
        edits.toggle_hidden(0);
        let throne = (json!(1), json!("throne"));
        assert_eq!(exported(0.0, &edits), [throne, chair(2)]);
        edits.toggle_isolated(2);
        assert_eq!(exported(0.0, &edits), [chair(2)]);
        assert!(exported(0.5, &edits).is_empty());
        let answered = OpenScene {
            found: Some(vec![1, 2]),
            ..scene()
        };
        let chairs = exported_of(&answered, 0.0, &Edits::default());
        assert_eq!(chairs, [chair(1), chair(2)], "what a question found");
    }
}
