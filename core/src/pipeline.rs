//! The whole way from bytes to named instances: the only module that knows the order.
//!
//! read -> superpoints -> network -> instances -> labels. Each step is a function of its own, so
//! that a page can show what is there while the next one runs.

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
    progress::{Cancelled, Monitor, Stage},
    scan::Scan,
    superpoint::{
        EdgeSource, Hierarchy, PointGraph, SuperpointError, SuperpointOptions, Superpoints,
    },
    text::{self, Vocabulary},
    write::{LabelledInstance, PointLabels},
};

/// Larger regions of the merge tree, in square metres, are no proposals for things: the largest
/// wardrobes and sofas have this much surface.
const REGION_AREA: f32 = 15.0;
/// Fewer points are no scan of anything: they are a dozen superpoints at most.
pub const MIN_POINTS: usize = 50;

/// Why there is nothing to separate in a scan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NothingToSeparate {
    /// Fewer than [`MIN_POINTS`].
    #[error("the scan has too few points to tell things apart: {found}, the least is {MIN_POINTS}")]
    TooFewPoints {
        /// Its points.
        found: usize,
    },
    /// No extent.
    #[error("all {points} points of the scan are in one place; two places are the least")]
    OnePlace {
        /// Its points.
        points: usize,
    },
}

/// Whether there can be things in a scan; asked before it takes the place of another one.
///
/// # Errors
/// See [`NothingToSeparate`].
pub fn check(scan: &Scan) -> Result<(), NothingToSeparate> {
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

/// Why a scan did not become instances.
#[derive(Debug, thiserror::Error)]
pub enum SegmentError {
    /// The scan does not fit the network.
    #[error(transparent)]
    Scene(#[from] SceneError),
    /// The network did not answer.
    #[error(transparent)]
    Inference(#[from] InferenceError),
    /// The network answered with something else than numbers.
    #[error(transparent)]
    Proposals(#[from] ProposalError),
    /// The network cannot be asked with words.
    #[error("the network answers in fixed classes, not in a text encoder's space")]
    FixedClasses,
    /// The caller cancelled.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
}

/// The network on its device, with what belongs to it.
pub struct Network {
    /// Its name and the start of its weights' hash.
    pub name: String,
    model: SegDino3dVl,
    config: Config,
    device: Device,
    ranker: Option<Ranker>,
}

impl Network {
    /// From the manifest and the pieces of the weights, checked by hash and against the golden
    /// answers. Features are stored by halves where that is faster on this device and the answers
    /// stay what they should be.
    ///
    /// # Errors
    /// When a piece is damaged or the device computes something else than the exporting one.
    pub async fn load(
        manifest: Manifest,
        pieces: &[impl AsRef<[u8]>],
        device: &Device,
        monitor: &Monitor<'_>,
    ) -> Result<Self, ManifestError> {
        let mut model = manifest.network(&manifest.join(pieces)?, device)?;
        let halves = (Tuning::of(device).storage == DType::F16).then(|| model.clone().by_halves());
        if let Some(halves) = halves
            && manifest.verify(&halves, device, monitor).await.is_ok()
        {
            model = halves;
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

    /// What it was built of, and reads.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Whether it can tell whole objects from pieces and mergers; without that regions are no
    /// candidates.
    pub fn has_ranker(&self) -> bool {
        self.ranker.is_some()
    }

    /// Edge of the voxels that it sees, metres.
    pub fn voxel_size(&self) -> f32 {
        self.config.voxel_size
    }

    /// From a model that is on `device` already, such as one in training.
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

/// The superpoints of a scan, and how they merge into larger things.
pub struct Grouping {
    /// The partition of the points.
    pub superpoints: Superpoints,
    hierarchy: Hierarchy,
}

impl Grouping {
    /// The regions of the merge tree that may be things.
    pub fn regions(&self) -> Vec<Region> {
        self.hierarchy.regions(REGION_AREA)
    }

    /// (superpoints): square metres.
    pub fn areas(&self) -> Vec<f32> {
        self.hierarchy.areas()
    }

    /// Which superpoints touch.
    pub fn contacts(&self) -> &[Contact] {
        self.hierarchy.contacts()
    }
}

/// Groups points in the world frame as the network expects them.
///
/// # Errors
/// See [`SuperpointError`].
pub fn group(
    positions: &[[f32; 3]],
    colors: Option<&[[u8; 3]]>,
    triangles: &[[u32; 3]],
    monitor: &Monitor,
) -> Result<Grouping, SuperpointError> {
    let SuperpointOptions {
        edges,
        threshold,
        minimum,
    } = SuperpointOptions::default();
    let graph = PointGraph::new(positions, colors, triangles, None, edges, monitor)?;
    let superpoints = graph.superpoints(threshold, graph.points_on(minimum), monitor)?;
    let hierarchy = Hierarchy::new(&graph, &superpoints, monitor)?;
    Ok(Grouping {
        superpoints,
        hierarchy,
    })
}

/// How points are joined that somebody grouped already: no group loses all of its points.
const EVERY_POINT: EdgeSource = EdgeSource::Neighbours {
    spacing: 0.0,
    k: 16,
    color_weight: 0.5,
};

/// Groups points that somebody grouped already.
///
/// # Errors
/// See [`SuperpointError`].
pub fn group_as(
    superpoints: Superpoints,
    positions: &[[f32; 3]],
    colors: Option<&[[u8; 3]]>,
    monitor: &Monitor,
) -> Result<Grouping, SuperpointError> {
    let graph = PointGraph::new(positions, colors, &[], None, EVERY_POINT, monitor)?;
    let hierarchy = Hierarchy::new(&graph, &superpoints, monitor)?;
    Ok(Grouping {
        superpoints,
        hierarchy,
    })
}

/// Asks the network once about points in the world frame, and what images say of them, where it
/// reads that.
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

/// Asks the network once and separates its answers into instances, which answer any number of
/// prompts.
///
/// # Errors
/// See [`SegmentError`].
pub async fn segment(
    positions: &[[f32; 3]],
    colors: Option<&[[u8; 3]]>,
    grouping: &Grouping,
    network: &Network,
    monitor: &Monitor<'_>,
) -> Result<Segmentation, SegmentError> {
    segment_observed(
        &Observation {
            positions,
            colors,
            ..Observation::default()
        },
        grouping,
        network,
        &SelectOptions::default(),
        monitor,
    )
    .await
}

/// The same about everything that is known of the points, selected as `options` say.
///
/// # Errors
/// See [`SegmentError`].
pub async fn segment_observed(
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

/// The network's answers as the selection of instances wants them. P(object) is that of any of the
/// default labels against "no object".
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

/// What each instance is called: the best of `terms`, or of the default labels where nothing was
/// asked. Instances whose confidence is not above `threshold`, and those that are something else
/// than asked for, own no points.
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
        |instance: usize| answers[instance].is_some_and(|(_, confidence)| confidence > threshold);
    let instances =
        (0..)
            .zip(&answers)
            .zip(&segmentation.instances)
            .map(|((id, answer), instance)| LabelledInstance {
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

    /// A floor of 3 m with two boxes of half a metre on it, a point every 3 cm.
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

    /// A network nobody trained, and a ranker to which everything is as good.
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
        let colors = scan.colors.as_deref();
        let run = || {
            let grouping = group(&scan.positions, colors, &[], &monitor).unwrap();
            let found = burn::tensor::read_sync(segment(
                &scan.positions,
                colors,
                &grouping,
                &network,
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
        let grouping = group(&scan.positions, None, &[], &Monitor::silent()).unwrap();
        let cancel = Cancel::default();
        let stop_at_instances = |progress: Progress| {
            if progress.stage == Stage::Instances {
                cancel.cancel();
            }
        };
        let monitor = Monitor::new(&stop_at_instances, &cancel);
        let result = burn::tensor::read_sync(segment(
            &scan.positions,
            None,
            &grouping,
            &network,
            &monitor,
        ));
        assert!(matches!(result, Err(SegmentError::Cancelled(_))));
    }

    #[test]
    fn what_is_asked_for_is_labelled_and_owns_its_points() {
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
