//! The whole way from bytes to named instances: the only module that knows the order.
//!
//! read -> superpoints -> network -> instances -> labels. Each step is a function of its own, so that a page can show what is
//! there while the next one runs.

use burn::tensor::Device;

use crate::{
    instances::{
        CenteredBox, Contact, ProposalError, Proposals, Ranker, Region, Segmentation, SelectOptions, SuperpointGeometry, name_regions,
        query::{PromptTerm, Recognizer},
        select,
    },
    model::{
        Answers, Config, InferenceError, SceneError, SceneInput, SegDino3dVl,
        manifest::{Manifest, ManifestError},
    },
    progress::{Cancelled, Monitor, Stage},
    scan::Scan,
    superpoint::{Hierarchy, PointGraph, SuperpointError, SuperpointOptions, Superpoints},
    text::{self, Vocabulary},
    write::{LabelledInstance, PointLabels},
};

/// Where the merge tree of the superpoints is cut into things: the level that separates labelled rooms best (MODEL_CARD.md).
const LEVEL: f32 = 0.6;

/// Regions of the merge tree with fewer points are no proposals for things.
const REGION_POINTS: u32 = 100;
/// Nor are larger ones, in square metres: the largest wardrobes and sofas have this much surface.
const REGION_AREA: f32 = 15.0;

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
    /// From the manifest and the pieces of the weights, checked by hash and against the golden answers.
    ///
    /// # Errors
    /// When a piece is damaged or the device computes something else than the exporting one.
    pub async fn load(manifest: Manifest, pieces: &[impl AsRef<[u8]>], device: &Device, monitor: &Monitor<'_>) -> Result<Self, ManifestError> {
        let model = manifest.network(&manifest.join(pieces)?, device)?;
        manifest.verify(&model, device, monitor).await?;
        Ok(Self::new(manifest.name, model, manifest.config, device, manifest.ranker))
    }

    /// From a model that is on `device` already, such as one in training.
    pub fn new(name: String, model: SegDino3dVl, config: Config, device: &Device, ranker: Option<Ranker>) -> Self {
        Self { name, model, config, device: device.clone(), ranker }
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
        self.hierarchy.regions(REGION_POINTS, REGION_AREA)
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
pub fn group(positions: &[[f32; 3]], colors: Option<&[[u8; 3]]>, triangles: &[[u32; 3]], monitor: &Monitor) -> Result<Grouping, SuperpointError> {
    let SuperpointOptions { edges, threshold, minimum } = SuperpointOptions::default();
    let graph = PointGraph::new(positions, colors, triangles, None, edges, monitor)?;
    let superpoints = graph.superpoints(threshold, minimum, monitor)?;
    let hierarchy = Hierarchy::new(&graph, &superpoints, monitor)?;
    Ok(Grouping { superpoints, hierarchy })
}

/// Asks the network once about points in the world frame.
///
/// # Errors
/// See [`SegmentError`].
pub async fn propose(
    positions: &[[f32; 3]],
    colors: Option<&[[u8; 3]]>,
    grouping: &Grouping,
    network: &Network,
    monitor: &Monitor<'_>,
) -> Result<Proposals, SegmentError> {
    monitor.at(Stage::Backbone, 0.0)?;
    let scene = SceneInput::new(positions, colors, &grouping.superpoints, &network.config)?.to_device(&network.device);
    let answers = network.model.infer(&scene, scene.queries(network.config.max_queries), monitor).await?;
    Ok(proposals(answers))
}

/// Asks the network once and separates its answers into instances, which answer any number of prompts.
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
    let proposals = propose(positions, colors, grouping, network, monitor).await?;
    monitor.at(Stage::Instances, 0.0)?;
    let geometry = SuperpointGeometry::new(positions, colors, &grouping.superpoints);
    let (contacts, options) = (grouping.contacts(), SelectOptions::default());
    let segmentation = match &network.ranker {
        Some(ranker) => select(&proposals, &grouping.regions(), contacts, &geometry, Some(ranker), &options)?,
        None => name_regions(&proposals, &grouping.hierarchy.cut(LEVEL), contacts, &geometry, &options)?,
    };
    monitor.at(Stage::Instances, 1.0)?;
    Ok(segmentation)
}

/// The network's answers as the selection of instances wants them. P(object) is that of any of the default labels against "no object".
fn proposals(answers: Answers) -> Proposals {
    let [logit_scale, bias] = answers.class_affine;
    let vocabulary = Vocabulary::shipped();
    let labels = &vocabulary.embeddings()[..vocabulary.default_labels().len() * text::DIM];
    let object = answers.text.chunks_exact(text::DIM).zip(&answers.no_object).map(|(query, &none)| {
        let cosines = labels.chunks_exact(text::DIM).map(|label| label.iter().zip(query).map(|(a, b)| a * b).sum::<f32>());
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
        iou: answers.scores.iter().map(|logit| 1.0 / (1.0 + (-logit).exp())).collect(),
        boxes: Some(boxes.map(|(center, size)| CenteredBox { center, size }).collect()),
        superpoint_of_query: answers.queries,
        masks: answers.masks,
        text: answers.text,
        logit_scale,
    }
}

/// What each instance is called: the best of `terms`, or of the default labels where nothing was asked. Instances whose confidence is not above
/// `threshold`, and those that are something else than asked for, own no points.
pub fn label(scan: &Scan, superpoints: &Superpoints, segmentation: &Segmentation, terms: &[PromptTerm], threshold: f32) -> PointLabels {
    let vocabulary = Vocabulary::shipped();
    let words = &vocabulary.embeddings()[..vocabulary.default_labels().len() * text::DIM];
    let recognizer = Recognizer::new(segmentation, words);
    let (labels, answers): (Vec<String>, Vec<Option<(usize, f32)>>) = if terms.is_empty() {
        let names = recognizer.names().into_iter().zip(&segmentation.instances);
        (vocabulary.default_labels().iter().map(ToString::to_string).collect(), names.map(|(name, i)| Some((name?.0, i.score))).collect())
    } else {
        let recognition = recognizer.recognize(terms);
        let names = terms.iter().map(|term| term.name.clone()).collect();
        (names, (0..segmentation.instances.len()).map(|instance| recognition.label(instance)).collect())
    };
    let visible = |instance: usize| answers[instance].is_some_and(|(_, confidence)| confidence > threshold);
    let instances = (0..).zip(&answers).zip(&segmentation.instances).map(|((id, answer), instance)| LabelledInstance {
        id,
        label: answer.map(|(label, _)| label as u32),
        score: answer.map_or(instance.score, |(_, confidence)| confidence),
    });
    PointLabels { instance_of_point: segmentation.owner_of_point(&scan.positions, superpoints, visible), instances: instances.collect(), labels }
}
