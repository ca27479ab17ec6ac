//! From the outputs of the network to instances, ranked or as the released code does it.

use super::SegmentError;
use crate::{
    geometry::sigmoid,
    instances::{
        CenteredBox, Finished, Instance, KeptMasks, PostprocessOptions, Proposals, QueryMasks,
        Segmentation, SelectOptions, SuperpointGeometry, class_picks, postprocess_picks,
        top_queries,
    },
    model::{Answers, ClassAnswers, TextAnswers},
    text::{TextSpace, Vocabulary},
};

/// How the outputs of a network become instances.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Decoding {
    /// The masks of the queries and the regions of the merge tree, ranked together. The candidates
    /// of a network with fixed classes are not ranked but decoded as released, by default.
    Ranked(SelectOptions),
    /// As the released code does it (docs/spec/model.md section 10).
    Released(PostprocessOptions),
}

impl Default for Decoding {
    fn default() -> Self {
        Self::Ranked(SelectOptions::default())
    }
}

/// A list of classes with the embeddings of their names.
#[derive(Clone, Debug, PartialEq)]
pub struct NamedClasses {
    /// Names of the classes, `(classes)`.
    pub names: Vec<String>,
    /// Number of values of an embedding.
    width: usize,
    /// Unit embeddings of the names, row-major `(classes, width)`.
    embeddings: Vec<f32>,
}

impl NamedClasses {
    /// Looks the names up in a vocabulary.
    ///
    /// # Errors
    /// The first name that is not in the vocabulary.
    pub fn of_names(names: &[String], vocabulary: &Vocabulary) -> Result<Self, String> {
        let width = vocabulary.space().width;
        let mut embeddings = Vec::with_capacity(names.len() * width);
        for name in names {
            let embedding = vocabulary.lookup(name);
            embeddings.extend_from_slice(embedding.ok_or_else(|| name.clone())?);
        }
        Ok(Self {
            names: names.to_vec(),
            width,
            embeddings,
        })
    }

    fn embedding(&self, class: u32) -> &[f32] {
        &self.embeddings[class as usize * self.width..][..self.width]
    }
}

/// The instances as the released code makes them, cut by the box filter. Without `classes` the
/// instances of a network that is asked with words have one label.
///
/// # Errors
/// The fixed classes have no names, or the outputs are inconsistent or not finite.
pub(super) fn released(
    answers: &Answers,
    classes: Option<&NamedClasses>,
    geometry: &SuperpointGeometry,
    options: &PostprocessOptions,
    vocabulary: &Vocabulary,
) -> Result<Vec<Finished>, SegmentError> {
    let picks = match (&answers.class, classes) {
        (ClassAnswers::Fixed { instances, .. }, Some(classes)) => {
            class_picks(instances, classes.names.len() + 1, options.candidates)
        }
        (ClassAnswers::Fixed { instances, .. }, None) => {
            let columns = instances.len() / answers.queries.len().max(1);
            return Err(SegmentError::Unnamed(columns.saturating_sub(1)));
        }
        (ClassAnswers::Text(class), Some(classes)) => class_picks(
            &class.logits(&classes.embeddings),
            classes.names.len() + 1,
            options.candidates,
        ),
        (ClassAnswers::Text(class), None) => top_queries(
            &object_probabilities(class, vocabulary),
            &ious(class),
            options.candidates,
        ),
    };
    let triples = |values: &[f32]| values.as_chunks().0.to_vec();
    let boxes: Vec<CenteredBox> = triples(&answers.centers)
        .into_iter()
        .zip(triples(&answers.sizes))
        .map(|(center, size)| CenteredBox { center, size })
        .collect();
    let masks = QueryMasks {
        superpoints: answers.superpoints,
        logits: &answers.masks,
        boxes: Some(&boxes),
    };
    Ok(postprocess_picks(&masks, &picks, geometry, options)?)
}

/// Scale on the cosines of the names of fixed classes before a softmax.
const NAME_SCALE: f32 = 20.0;

/// Instances of whole superpoints, see [`super::segment`].
pub(super) fn whole_superpoints(
    found: Vec<Finished>,
    answers: &Answers,
    classes: Option<&NamedClasses>,
    geometry: &SuperpointGeometry,
    space: &TextSpace,
) -> Segmentation {
    let instance = |found: Finished| {
        let mostly_inside = |superpoint: &u32| {
            let (inside, _) = geometry.measure(&[*superpoint], found.crop.as_ref());
            2 * inside >= geometry.size(*superpoint)
        };
        let superpoints = found.superpoints.iter().copied().filter(mostly_inside);
        let superpoints: Vec<u32> = superpoints.collect();
        let (points, bounds) = geometry.measure(&superpoints, None);
        let embedding = match (&answers.class, classes) {
            (_, Some(classes)) => classes.embedding(found.pick.label),
            (ClassAnswers::Text(class), None) => class.embedding(found.pick.query),
            (ClassAnswers::Fixed { .. }, None) => &[],
        };
        (!superpoints.is_empty()).then(|| Instance {
            superpoints,
            score: found.pick.score,
            embedding: embedding.to_vec(),
            bounds,
            points,
        })
    };
    Segmentation {
        space: space.clone(),
        instances: found.into_iter().filter_map(instance).collect(),
        logit_scale: match &answers.class {
            ClassAnswers::Text(class) => class.affine[0],
            ClassAnswers::Fixed { .. } => NAME_SCALE,
        },
    }
}

/// Converts the network's outputs for the selection of instances.
pub(super) fn proposals(
    class: TextAnswers,
    answers: Answers,
    vocabulary: &Vocabulary,
) -> Proposals {
    Proposals {
        superpoint_count: answers.superpoints,
        object: object_probabilities(&class, vocabulary),
        space: vocabulary.space().clone(),
        iou: ious(&class),
        superpoint_of_query: answers.queries,
        masks: answers.masks,
        logit_scale: class.affine[0],
        text: class.embeddings,
    }
}

/// The masks of the surest queries, whether its classes are fixed or words.
pub(super) fn kept_masks(answers: &Answers, vocabulary: &Vocabulary) -> KeptMasks {
    let picks = match &answers.class {
        ClassAnswers::Fixed { instances, .. } => {
            // A query may be picked with several classes, the likeliest first.
            let columns = instances.len() / answers.queries.len().max(1);
            class_picks(instances, columns.max(1), 4 * KeptMasks::MOST)
        }
        ClassAnswers::Text(class) => top_queries(
            &object_probabilities(class, vocabulary),
            &ious(class),
            KeptMasks::MOST,
        ),
    };
    let above = SelectOptions::default().mask_logit;
    KeptMasks::new(answers.superpoints, &answers.masks, &picks, above)
}

/// P(object) of the queries, `(queries)`: the probability of all default labels together against
/// "no object".
fn object_probabilities(class: &TextAnswers, vocabulary: &Vocabulary) -> Vec<f32> {
    let labels = vocabulary.default_labels().len();
    let logits = class.logits(vocabulary.label_embeddings());
    let object = |row: &[f32]| {
        let (none, logits) = (row[labels], &row[..labels]);
        let peak = logits.iter().copied().fold(none, f32::max);
        let any: f32 = logits.iter().map(|logit| (logit - peak).exp()).sum();
        any / (any + (none - peak).exp())
    };
    logits.chunks_exact(labels + 1).map(object).collect()
}

/// Predicted IoU of the masks with their objects, `(queries)`.
fn ious(class: &TextAnswers) -> Vec<f32> {
    class.scores.iter().map(|&logit| sigmoid(logit)).collect()
}
