//! The open scene once its instances are known: answers prompts, and writes files and bundles.

use std::collections::BTreeSet;

use segscape::{
    bundle::{
        self, Bundle, BundleError, MAX_NAME_CHARS, Meta, Name, Overlay, Provenance, SavedView,
        ScanFile,
    },
    geometry::Aabb,
    instances::{
        Extents, Ground, Reshaping, Segmentation,
        query::{Labels, Recognizer},
    },
    job::{self, Segmented},
    scan::{Excerpt, Frame, Scan},
    text::{Vocabulary, prompt::MAX_PROMPT_BYTES},
    write::{Context, Export, PointLabels, WriteError},
};

use super::pointing::Pieces;
use crate::{
    edits::Edits,
    protocol::{Bulk, ExportFacts, InstanceInfo},
};

/// What a bundle says of where a scene comes from.
#[derive(Clone, Copy)]
pub struct Origin<'a> {
    /// Name of the scan's file, or empty.
    pub name: &'a str,
    /// Number of frames of the capture that it was made of, or 0.
    pub frames: u32,
    /// If `true`, it says where the scan lies in its file's coordinates.
    pub located: bool,
}

/// A scan with its instances.
pub struct OpenScene {
    /// The scan, its superpoints and its instances as they are by now.
    pub segmented: Segmented,
    /// Compares the instances with prompts.
    pub recognizer: Recognizer,
    /// The instances as they were found, with what compares them.
    as_found: (Segmentation, Recognizer),
    /// What the user made of them.
    reshaping: Reshaping,
    extents: Extents,
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
    /// What clicks choose from beside the instances.
    pub pieces: Pieces,
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
            as_found: (segmented.segmentation.clone(), recognizer.clone()),
            reshaping: Reshaping::NONE,
            extents: Extents::new(
                &segmented.scan.positions,
                segmented.superpoints.superpoint_of_point(),
            ),
            segmented,
            recognizer,
            vocabulary,
            labels: Labels::default(),
            found: None,
            model,
            pieces: Pieces::default(),
        }
    }

    /// What clicks choose from, once there is a merge tree.
    pub fn ground(&self) -> Option<Ground<'_>> {
        let Pieces { tree, masks } = &self.pieces;
        let found = &self.as_found.0.instances;
        Some(Ground::new(tree.as_ref()?, masks, found))
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

    /// Makes the instances those that the user made of those found.
    pub fn reshape(&mut self, reshaping: &Reshaping) {
        if self.reshaping != *reshaping {
            let (found, compared) = &self.as_found;
            self.segmented.segmentation = found.reshaped(reshaping, &self.extents);
            self.recognizer = compared.selected(&reshaping.origins(found.instances.len()));
            self.reshaping = reshaping.clone();
        }
    }

    /// A file with the instances that reach the threshold and that the user neither hid nor deleted.
    /// `scan` is the name of the scan.
    ///
    /// # Errors
    /// [`WriteError`] if the format cannot hold the scan.
    pub fn export(
        &mut self,
        format: Export,
        scan: &str,
        about: &ExportFacts,
        (threshold, edits): (f32, &Edits),
    ) -> Result<Vec<u8>, WriteError> {
        self.with_labels(scan, about, (threshold, edits), |scan, labels, context| {
            format.write(scan, labels, context)
        })
    }

    /// Lets `write` write what [`Self::export`] does.
    pub fn with_labels<T>(
        &mut self,
        scan: &str,
        about: &ExportFacts,
        (threshold, edits): (f32, &Edits),
        write: impl FnOnce(&Scan, &PointLabels, &Context) -> T,
    ) -> T {
        self.reshape(&edits.reshaping);
        let mut labels = self.labels.of_instance.clone();
        for (instance, name) in &edits.names {
            if let Some(label) = labels.get_mut(*instance as usize) {
                label.name.clone_from(name);
            }
        }
        let mut visible = self.labels.visible(threshold);
        let instances = &self.segmented.segmentation.instances;
        for ((id, instance), visible) in (0..).zip(instances).zip(&mut visible) {
            let is_found = |found: &Vec<u32>| found.contains(&id);
            *visible &= !instance.superpoints.is_empty()
                && edits.shows(id)
                && self.found.as_ref().is_none_or(is_found);
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
        write(&self.segmented.scan, &labeled, &context)
    }

    /// Packs the scene with the user's changes and this view into a bundle.
    ///
    /// # Errors
    /// [`BundleError`] if no bundle can hold the scene.
    pub fn pack(
        &mut self,
        origin: Origin,
        edits: &Edits,
        view: SavedView,
    ) -> Result<Vec<u8>, BundleError> {
        let (segmentation, meta) = self.labels_to_pack(origin, edits, view);
        let Segmented {
            scan, superpoints, ..
        } = &self.segmented;
        bundle::encode(&Bundle {
            positions: scan.positions.clone(),
            colors: scan.colors.clone(),
            superpoints: superpoints.clone(),
            segmentation,
            meta,
        })
    }

    /// Packs the labels with the user's changes and this view into a bundle without the points, which
    /// are in this file. `source` is its name, or empty.
    ///
    /// # Errors
    /// [`BundleError`] if no bundle can hold the labels.
    pub fn pack_labels(
        &mut self,
        source: &str,
        file: ScanFile,
        edits: &Edits,
        view: SavedView,
    ) -> Result<Vec<u8>, BundleError> {
        let origin = Origin {
            name: source,
            frames: 0,
            located: false, // the file says it
        };
        let (segmentation, meta) = self.labels_to_pack(origin, edits, view);
        bundle::encode_overlay(&Overlay {
            superpoints: self.segmented.superpoints.clone(),
            segmentation,
            meta,
            scan: file,
        })
    }

    /// The instances with the user's changes, and what a bundle says of them. Names that are too long
    /// are cut, and a prompt that is too long to be answered is left out.
    fn labels_to_pack(
        &mut self,
        origin: Origin,
        edits: &Edits,
        mut view: SavedView,
    ) -> (Segmentation, Meta) {
        self.reshape(&edits.reshaping);
        let Segmented {
            scan, segmentation, ..
        } = &self.segmented;
        let labels = self.recognizer.labels(segmentation, &[]).of_instance;
        let (segmentation, index_in_scene) = segmentation.compacted();
        let name = |id: &u32| match edits.names.get(id) {
            Some(name) => Name {
                text: cut(name),
                by_user: true,
            },
            None => Name {
                text: cut(&labels[*id as usize].name),
                by_user: false,
            },
        };
        let indices = |of: &BTreeSet<u32>| {
            let kept = (0..).zip(&index_in_scene);
            let those = kept.filter(|(_, id)| of.contains(id));
            those.map(|(index, _)| index).collect()
        };
        view.hidden = indices(&edits.hidden);
        view.locked = indices(&edits.locked);
        if view.prompt.len() > MAX_PROMPT_BYTES {
            view.prompt.clear();
        }
        let meta = Meta {
            names: index_in_scene.iter().map(name).collect(),
            view,
            frame: match origin.located {
                true => scan.frame,
                false => Frame {
                    offset: [0.0; 3],
                    ..scan.frame
                },
            },
            provenance: Provenance {
                source: cut(origin.name),
                source_points: (scan.excerpt.as_ref())
                    .map_or(scan.table.point_rows().count as u64, Excerpt::points),
                frames: origin.frames,
                model: cut(&self.model),
                app: concat!("segscape ", env!("CARGO_PKG_VERSION")).to_owned(),
            },
        };
        (segmentation, meta)
    }
}

/// As much of a name as a bundle holds.
fn cut(name: &str) -> String {
    name.chars().take(MAX_NAME_CHARS).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use segscape::{
        instances::{
            Instance,
            query::{Label, Term},
        },
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
            bounds: Aabb::EMPTY.with([superpoint as f32, 0.0, 0.0]),
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
                    negative: false,
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
        exported_of(&mut scene(), threshold, edits)
    }

    fn exported_of(scene: &mut OpenScene, threshold: f32, edits: &Edits) -> Vec<(Value, Value)> {
        let about = ExportFacts {
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
        let mut answered = OpenScene {
            found: Some(vec![1, 2]),
            ..scene()
        };
        let chairs = exported_of(&mut answered, 0.0, &Edits::default());
        assert_eq!(chairs, [chair(1), chair(2)], "what a question found");
    }
    #[wasm_bindgen_test]
    fn files_and_bundles_have_what_the_user_made() {
        let mut edits = Edits::default();
        let sets: [&[u32]; 4] = [&[0], &[1], &[2], &[3]];
        edits.rename(2, "bench");
        edits.merge(0, &[2], |id| sets[id as usize]);
        edits.delete(1);
        edits.toggle_hidden(3);
        edits.toggle_locked(&[3]);
        let bench = (json!(0), json!("bench"));
        assert_eq!(
            exported(0.0, &edits),
            [bench],
            "deleted things are in no file"
        );

        let view = SavedView {
            prompt: "x".repeat(MAX_PROMPT_BYTES + 1),
            ..SavedView::default()
        };
        let long = format!("{}.ply", "room".repeat(100));
        let origin = Origin {
            name: &long,
            frames: 0,
            located: true,
        };
        let bytes = scene().pack(origin, &edits, view).unwrap();
        let packed = bundle::decode(&bytes).unwrap();
        assert_eq!(packed.meta.provenance.source, "room".repeat(50));
        assert_eq!(packed.meta.view.prompt, "");
        let instances = packed.segmentation.instances.iter();
        let made: Vec<_> = instances
            .map(|i| (i.superpoints.clone(), i.points))
            .collect();
        assert_eq!(made, [(vec![0, 2], 2), (vec![3], 1)]);
        assert_eq!(packed.meta.names[0].text, "bench");
        assert_eq!(packed.meta.view.hidden, [1]);
        assert_eq!(packed.meta.view.locked, [1]);

        let file = ScanFile::of(b"ply", None).unwrap();
        let view = SavedView {
            prompt: "x".repeat(MAX_PROMPT_BYTES + 1),
            ..SavedView::default()
        };
        let bytes = scene().pack_labels(&long, file.clone(), &edits, view);
        let labels = bundle::decode_overlay(&bytes.unwrap()).unwrap();
        // The bounds of labels are those of the points themselves, which scenes round.
        let instances = labels.segmentation.instances.iter();
        let labelled: Vec<_> = instances
            .map(|i| (i.superpoints.clone(), i.points))
            .collect();
        assert_eq!(labelled, made);
        assert_eq!(labels.meta, packed.meta);
        assert_eq!(labels.superpoints.superpoint_of_point(), [0, 1, 2, 3]);
        assert_eq!(labels.scan, file);
    }

    #[wasm_bindgen_test]
    fn a_bundle_says_where_a_scan_lies_only_if_it_may() {
        let mut scene = scene();
        let offset = [512_345.0, 4_200_000.0, 120.0];
        scene.segmented.scan.frame.offset = offset;
        for (located, expected) in [(true, offset), (false, [0.0; 3])] {
            let origin = Origin {
                name: "",
                frames: 0,
                located,
            };
            let bytes = scene.pack(origin, &Edits::default(), SavedView::default());
            let packed = bundle::decode(&bytes.unwrap()).unwrap();
            assert_eq!(packed.meta.frame.offset, expected);
            assert_eq!(packed.meta.frame.up, scene.segmented.scan.frame.up);
        }
    }
}
