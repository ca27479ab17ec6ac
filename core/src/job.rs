//! The whole job from bytes to named instances: the only module that knows the order of the steps.
//!
//! [`read`] -> [`place`] -> [`group`] -> [`segment`] -> [`label`]. Each step is a separate
//! function, so that a page can show the results so far while the next step runs.

use burn::tensor::{DType, Device};

use crate::{
    instances::{
        CenteredBox, Contact, ProposalError, Proposals, Ranker, Region, Segmentation,
        SelectOptions, SuperpointGeometry,
        query::{PromptTerm, Recognizer},
        select,
    },
    model::{
        Answers, ClassAnswers, Config, InferenceError, Observation, SceneError, SceneInput,
        SegDino3dVl, TextAnswers,
        manifest::{Manifest, ManifestError},
    },
    ops::Tuning,
    preflight::{Choices, Preflight, preflight},
    progress::{Cancelled, Monitor, Stage},
    scan::{self, ReadError, Scan},
    superpoint::{
        EdgeSource, Hierarchy, PointGraph, SuperpointError, SuperpointOptions, Superpoints,
    },
    text::{self, Vocabulary},
    write::{LabeledInstance, PointLabels},
};

/// Maximum surface area in square metres of a region of the merge tree that is proposed as an
/// object: the largest wardrobes and sofas have this much.
const REGION_AREA: f32 = 15.0;
/// Minimum number of points of a scan; fewer points form a dozen superpoints at most.
pub const MIN_POINTS: usize = 50;

/// The reason why a scan cannot contain separate objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NothingToSeparate {
    /// The scan has fewer than [`MIN_POINTS`] points.
    #[error("the scan has too few points to tell things apart: {found}, the least is {MIN_POINTS}")]
    TooFewPoints {
        /// Number of points of the scan.
        found: usize,
    },
    /// The scan has no extent.
    #[error("all {points} points of the scan are in one place; two places are the least")]
    OnePlace {
        /// Number of points of the scan.
        points: usize,
    },
}

/// The reason why a file cannot be opened.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum OpenError {
    /// The file is not a scan.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The scan cannot contain separate objects.
    #[error(transparent)]
    Nothing(#[from] NothingToSeparate),
}

/// Reads a scan and checks that it can contain objects.
///
/// # Errors
/// See [`OpenError`].
pub fn read(bytes: &[u8], monitor: &Monitor) -> Result<Scan, OpenError> {
    let scan = scan::read(bytes, monitor)?;
    check(&scan)?;
    Ok(scan)
}

fn check(scan: &Scan) -> Result<(), NothingToSeparate> {
    let points = scan.len();
    if points < MIN_POINTS {
        return Err(NothingToSeparate::TooFewPoints { found: points });
    }
    let first = scan.positions[0];
    if scan.positions.iter().all(|position| *position == first) {
        return Err(NothingToSeparate::OnePlace { points });
    }
    Ok(())
}

/// Transforms a scan to the world frame, metres with z up, and returns the findings that led there.
/// `choices` override them.
pub fn place(scan: &mut Scan, choices: Choices) -> Preflight {
    let found = preflight(scan, choices);
    found.apply(scan);
    found
}

/// An error of segmenting a scan.
#[derive(Debug, thiserror::Error)]
pub enum SegmentError {
    /// The scan does not fit the network.
    #[error(transparent)]
    Scene(#[from] SceneError),
    /// Inference failed.
    #[error(transparent)]
    Inference(#[from] InferenceError),
    /// The network's outputs are inconsistent or not finite.
    #[error(transparent)]
    Proposals(#[from] ProposalError),
    /// The network cannot be queried with words.
    #[error("the network answers in fixed classes, not in a text encoder's space")]
    FixedClasses,
    /// The caller cancelled.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
}

/// The network on its device, with everything that belongs to it.
pub struct Network {
    /// Name of the network and the start of the hash of its weights.
    pub name: String,
    model: SegDino3dVl,
    config: Config,
    device: Device,
    ranker: Option<Ranker>,
}

impl Network {
    /// Loads the network from the manifest and the pieces of the weights, and checks them by hash
    /// and against the golden outputs. Features are stored as f16 if that is faster on this device
    /// and the golden outputs are still met.
    ///
    /// # Errors
    /// If a piece is damaged or the device computes different results than the exporting one.
    pub async fn load(
        manifest: Manifest,
        pieces: &[impl AsRef<[u8]>],
        device: &Device,
        monitor: &Monitor<'_>,
    ) -> Result<Self, ManifestError> {
        let mut model = manifest.network(&manifest.join(pieces)?, device)?;
        let in_f16 = (Tuning::of(device).storage == DType::F16).then(|| model.clone().into_f16());
        if let Some(in_f16) = in_f16
            && manifest.verify(&in_f16, device, monitor).await.is_ok()
        {
            model = in_f16;
        } else {
            manifest.verify(&model, device, monitor).await?;
        }
        Ok(Self::new(
            manifest.name,
            model,
            manifest.config,
            device,
            manifest.ranker,
        ))
    }

    /// The architecture and the inputs of the network.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// `true` if the network can tell whole objects from pieces and mergers; otherwise regions are
    /// not candidates.
    pub fn has_ranker(&self) -> bool {
        self.ranker.is_some()
    }

    /// Edge length of the network's voxels, metres.
    pub fn voxel_size(&self) -> f32 {
        self.config.voxel_size
    }

    /// Wraps a model that is already on `device`, such as one in training.
    pub fn new(
        name: String,
        model: SegDino3dVl,
        config: Config,
        device: &Device,
        ranker: Option<Ranker>,
    ) -> Self {
        Self {
            name,
            model,
            config,
            device: device.clone(),
            ranker,
        }
    }
}

/// The superpoints of a scan, and how they merge into larger regions.
pub struct Grouping {
    /// The partition of the points.
    pub superpoints: Superpoints,
    hierarchy: Hierarchy,
}

impl Grouping {
    /// The regions of the merge tree that may be objects.
    pub fn regions(&self) -> Vec<Region> {
        self.hierarchy.regions(REGION_AREA)
    }

    /// Surface areas of the superpoints in square metres, `(superpoints)`.
    pub fn areas(&self) -> Vec<f32> {
        self.hierarchy.areas()
    }

    /// The pairs of superpoints that touch.
    pub fn contacts(&self) -> &[Contact] {
        self.hierarchy.contacts()
    }
}

/// Edges between points that are already grouped. All points are kept, because otherwise a group
/// could lose all of its points.
const EVERY_POINT: EdgeSource = EdgeSource::Neighbors {
    spacing: 0.0,
    k: 16,
    color_weight: 0.5,
};

/// Groups points in the world frame into superpoints, as the network expects them, and builds their
/// merge tree. `given` are superpoints that came with the scan; they stay as they are.
///
/// # Errors
/// See [`SuperpointError`].
pub fn group(
    observation: &Observation,
    given: Option<Superpoints>,
    monitor: &Monitor,
) -> Result<Grouping, SuperpointError> {
    let Observation {
        positions,
        colors,
        triangles,
        ..
    } = *observation;
    let SuperpointOptions {
        edges,
        threshold,
        minimum,
    } = SuperpointOptions::default();
    let (edges, triangles) = match given {
        Some(_) => (EVERY_POINT, &[][..]),
        None => (edges, triangles),
    };
    let graph = PointGraph::new(positions, colors, triangles, None, edges, monitor)?;
    let superpoints = match given {
        Some(given) => given,
        None => graph.superpoints(threshold, graph.points_on(minimum), monitor)?,
    };
    let hierarchy = Hierarchy::new(&graph, &superpoints, monitor)?;
    Ok(Grouping {
        superpoints,
        hierarchy,
    })
}

/// Runs the network once on points in the world frame and, if it reads them, on features of their
/// images.
///
/// # Errors
/// See [`SegmentError`].
pub async fn propose(
    observation: &Observation<'_>,
    grouping: &Grouping,
    network: &Network,
    monitor: &Monitor<'_>,
) -> Result<Proposals, SegmentError> {
    monitor.at(Stage::Backbone, 0.0)?;
    let scene = SceneInput::new(observation, &grouping.superpoints, &network.config)?
        .to_device(&network.device);
    let queries = scene.queries(network.config.max_queries);
    let answers = network.model.infer(scene, queries, monitor).await?;
    match &answers.class {
        ClassAnswers::Text(class) => Ok(proposals(class.clone(), answers)),
        ClassAnswers::Fixed { .. } => Err(SegmentError::FixedClasses),
    }
}

/// Runs the network once and separates its output into instances, from which any number of prompts
/// can be answered.
///
/// # Errors
/// See [`SegmentError`].
pub async fn segment(
    observation: &Observation<'_>,
    grouping: &Grouping,
    network: &Network,
    options: &SelectOptions,
    monitor: &Monitor<'_>,
) -> Result<Segmentation, SegmentError> {
    let proposals = propose(observation, grouping, network, monitor).await?;
    monitor.at(Stage::Instances, 0.0)?;
    let geometry = SuperpointGeometry::new(
        observation.positions,
        observation.colors,
        &grouping.superpoints,
        grouping.areas(),
    );
    let (regions, contacts) = (grouping.regions(), grouping.contacts());
    let segmentation = select(
        &proposals,
        &regions,
        contacts,
        &geometry,
        network.ranker.as_ref(),
        options,
    )?;
    monitor.at(Stage::Instances, 1.0)?;
    Ok(segmentation)
}

/// Converts the network's outputs for the selection of instances. P(object) is the probability of
/// all default labels together against "no object".
fn proposals(class: TextAnswers, answers: Answers) -> Proposals {
    let [logit_scale, bias] = class.affine;
    let vocabulary = Vocabulary::shipped();
    let labels = &vocabulary.embeddings()[..vocabulary.default_labels().len() * text::DIM];
    let object = class
        .embeddings
        .chunks_exact(text::DIM)
        .zip(&class.no_object)
        .map(|(query, &none)| {
            let cosines = labels
                .chunks_exact(text::DIM)
                .map(|label| label.iter().zip(query).map(|(a, b)| a * b).sum::<f32>());
            let logits: Vec<f32> = cosines.map(|cosine| logit_scale * cosine + bias).collect();
            let peak = logits.iter().copied().fold(none, f32::max);
            let any: f32 = logits.iter().map(|logit| (logit - peak).exp()).sum();
            any / (any + (none - peak).exp())
        });
    let rows = |values: &[f32]| values.as_chunks::<3>().0.to_vec();
    let boxes = rows(&answers.centers).into_iter().zip(rows(&answers.sizes));
    Proposals {
        superpoint_count: answers.superpoints,
        object: object.collect(),
        iou: class
            .scores
            .iter()
            .map(|logit| 1.0 / (1.0 + (-logit).exp()))
            .collect(),
        boxes: Some(
            boxes
                .map(|(center, size)| CenteredBox { center, size })
                .collect(),
        ),
        superpoint_of_query: answers.queries,
        masks: answers.masks,
        text: class.embeddings,
        logit_scale,
    }
}

/// Labels each instance with the best of `terms`, or of the default labels if there are no terms.
/// Instances whose confidence is below `threshold`, and instances that match no term, own no
/// points.
pub fn label(
    scan: &Scan,
    superpoints: &Superpoints,
    segmentation: &Segmentation,
    terms: &[PromptTerm],
    threshold: f32,
) -> PointLabels {
    let vocabulary = Vocabulary::shipped();
    let words = &vocabulary.embeddings()[..vocabulary.default_labels().len() * text::DIM];
    let recognizer = Recognizer::new(segmentation, words);
    let (labels, answers): (Vec<String>, Vec<Option<(usize, f32)>>) = if terms.is_empty() {
        let names = recognizer.names().into_iter().zip(&segmentation.instances);
        (
            vocabulary
                .default_labels()
                .iter()
                .map(ToString::to_string)
                .collect(),
            names.map(|(name, i)| Some((name?.0, i.score))).collect(),
        )
    } else {
        let recognition = recognizer.recognize(terms);
        let names = terms.iter().map(|term| term.name.clone()).collect();
        (
            names,
            (0..segmentation.instances.len())
                .map(|instance| recognition.label(instance))
                .collect(),
        )
    };
    let visible =
        |instance: usize| answers[instance].is_some_and(|(_, confidence)| confidence >= threshold);
    let instances =
        (0..)
            .zip(&answers)
            .zip(&segmentation.instances)
            .map(|((id, answer), instance)| LabeledInstance {
                id,
                label: answer.map(|(label, _)| label as u32),
                score: answer.map_or(instance.score, |(_, confidence)| confidence),
            });
    PointLabels {
        instance_of_point: segmentation.owner_of_point(&scan.positions, superpoints, visible),
        instances: instances.collect(),
        labels,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::{
        instances::{FEATURES, Instance, Linear, NO_INSTANCE},
        progress::{Cancel, Progress},
    };

    /// A floor of 3 m with two boxes of half a metre on it, one point every 3 cm.
    fn room() -> Scan {
        let (mut positions, mut colors) = (Vec::new(), Vec::new());
        let mut patch = |corner: [f32; 3], axes: [usize; 2], size: f32, color: [u8; 3]| {
            let steps = (size / 0.03) as usize;
            for i in 0..steps * steps {
                let mut p = corner;
                p[axes[0]] += (i % steps) as f32 * 0.03;
                p[axes[1]] += (i / steps) as f32 * 0.03;
                positions.push(p);
                colors.push(color);
            }
        };
        patch([0.0; 3], [0, 1], 3.0, [120, 110, 100]);
        for (corner, color) in [
            ([0.5, 0.5, 0.03], [200, 40, 40]),
            ([2.0, 1.5, 0.03], [40, 60, 200]),
        ] {
            for (axis, axes) in [(0, [1, 2]), (1, [0, 2]), (2, [0, 1])] {
                let mut far = corner;
                far[axis] += 0.5;
                patch(far, axes, 0.5, color);
                if axis < 2 {
                    patch(corner, axes, 0.5, color);
                }
            }
        }
        Scan::from_points(&positions, Some(&colors)).unwrap()
    }

    /// An untrained network, and a ranker that gives every candidate the same score.
    fn network() -> Network {
        let (config, device) = (Config::nano(), Device::flex());
        device.seed(3);
        let model = SegDino3dVl::new(&config, &device);
        let ranker = Ranker::new(
            [0.0; FEATURES],
            [1.0; FEATURES],
            vec![vec![Linear {
                weights: vec![0.0; FEATURES],
                bias: vec![1.0],
            }]],
        )
        .unwrap();
        Network::new("untrained".into(), model, config, &device, Some(ranker))
    }

    #[test]
    fn a_scan_becomes_instances_whose_points_are_told() {
        let (scan, network, monitor) = (room(), network(), Monitor::silent());
        let observation = Observation::from(&scan);
        let run = || {
            let grouping = group(&observation, None, &monitor).unwrap();
            let found = burn::tensor::read_sync(segment(
                &observation,
                &grouping,
                &network,
                &SelectOptions::default(),
                &monitor,
            ))
            .unwrap();
            (grouping.superpoints, found)
        };
        let (superpoints, segmentation) = run();
        assert!(!segmentation.instances.is_empty());
        assert_eq!(
            run().1,
            segmentation,
            "the same scan gives the same instances"
        );
        let labels = label(&scan, &superpoints, &segmentation, &[], 0.0);
        assert_eq!(labels.instance_of_point.len(), scan.len());
        for instance in &labels.instances {
            assert!(
                labels
                    .name(instance)
                    .is_some_and(|name| Vocabulary::shipped().lookup(name).is_some())
            );
        }
        let owned = labels
            .instance_of_point
            .iter()
            .filter(|owner| **owner != NO_INSTANCE)
            .count();
        assert!(owned > 0);
        let none = label(&scan, &superpoints, &segmentation, &[], 1.0);
        assert!(
            none.instance_of_point
                .iter()
                .all(|owner| *owner == NO_INSTANCE)
        );
    }

    #[test]
    fn a_cancelled_run_says_so() {
        let (scan, network) = (room(), network());
        let observation = Observation {
            colors: None,
            ..Observation::from(&scan)
        };
        let grouping = group(&observation, None, &Monitor::silent()).unwrap();
        let cancel = Cancel::default();
        let stop_at_instances = |progress: Progress| {
            if progress.stage == Stage::Instances {
                cancel.cancel();
            }
        };
        let monitor = Monitor::new(&stop_at_instances, &cancel);
        let result = burn::tensor::read_sync(segment(
            &observation,
            &grouping,
            &network,
            &SelectOptions::default(),
            &monitor,
        ));
        assert!(matches!(result, Err(SegmentError::Cancelled(_))));
    }

    #[test]
    fn what_is_asked_for_is_labeled_and_owns_its_points() {
        let scan = Scan::from_points(&[[0.0; 3], [1.0, 0.0, 0.0], [2.0, 0.0, 0.0]], None).unwrap();
        let superpoints = Superpoints::from_ids(&[0, 1, 2]);
        let word = |name: &str| Vocabulary::shipped().lookup(name).unwrap().to_vec();
        let instance = |superpoint: u32, name: &str| Instance {
            superpoints: vec![superpoint],
            crop: None,
            score: 0.8,
            embedding: word(name),
            bounds: crate::instances::Aabb::EMPTY.with(scan.positions[superpoint as usize]),
            points: 1,
        };
        let segmentation = Segmentation {
            instances: vec![instance(2, "chair"), instance(0, "table")],
            logit_scale: 20.0,
        };
        let named = label(&scan, &superpoints, &segmentation, &[], 0.1);
        assert_eq!(named.instance_of_point, [1, NO_INSTANCE, 0]);
        assert_eq!(
            named
                .instances
                .iter()
                .map(|i| named.name(i).unwrap())
                .collect::<Vec<_>>(),
            ["chair", "table"]
        );
        let terms = [PromptTerm {
            name: "Chair".into(),
            embedding: word("chair"),
        }];
        let asked = label(&scan, &superpoints, &segmentation, &terms, 0.1);
        assert_eq!(asked.instance_of_point, [NO_INSTANCE, NO_INSTANCE, 0]);
        assert_eq!(
            asked
                .instances
                .iter()
                .map(|i| asked.name(i))
                .collect::<Vec<_>>(),
            [Some("Chair"), None]
        );
    }

    #[test]
    fn a_few_points_or_one_place_are_no_scan() {
        let scan = |positions: &[[f32; 3]]| Scan::from_points(positions, None).unwrap();
        let spread: Vec<[f32; 3]> = (0..MIN_POINTS).map(|i| [i as f32, 0.0, 0.0]).collect();
        assert_eq!(check(&scan(&spread)), Ok(()));
        assert_eq!(
            check(&scan(&spread[1..])),
            Err(NothingToSeparate::TooFewPoints {
                found: MIN_POINTS - 1
            })
        );
        assert_eq!(
            check(&scan(&vec![[1.0; 3]; 1000])),
            Err(NothingToSeparate::OnePlace { points: 1000 })
        );
    }
}
