//! Samples whose objects have masks, which may overlap, but no names: frames, and scenes with
//! pseudo-labels. They have no boxes either, because what is seen of an object may be a part of it.

use rand_chacha::ChaCha8Rng;
use recordings::pseudo_labels::PseudoLabels;
use segscape::{job::ImageEvidence, superpoint::Superpoints};

use crate::{
    config::{Config, Pseudo},
    data::frames::Frame,
    data::view_partition::Part,
    loss::{ObjectMasks, Targets, matching},
    words::Words,
};

use super::{Sample, augmented, class_names::names, queries};

/// Points, and the objects among them.
pub(super) struct Nameless {
    pub(super) positions: Vec<[f32; 3]>,
    pub(super) colors: Option<Vec<[u8; 3]>>,
    /// The points of each object, ascending; the first of several is that of a point.
    masks: Vec<Vec<u32>>,
}

impl From<Frame> for Nameless {
    fn from(frame: Frame) -> Self {
        Self {
            positions: frame.positions,
            colors: frame.colors,
            masks: frame.segments,
        }
    }
}

impl Nameless {
    /// The most confident masks of a scene.
    ///
    /// # Errors
    /// None of them is confident enough.
    pub(super) fn confident(labels: PseudoLabels, options: &Pseudo) -> anyhow::Result<Self> {
        let best = labels.scores.first().copied().unwrap_or(0.0);
        let all = labels.masks.len();
        let confident = labels.masks.into_iter().zip(labels.scores);
        let confident = confident.filter(|(_, score)| *score > options.confidence);
        let masks: Vec<_> = confident
            .map(|(mask, _)| mask)
            .take(options.masks)
            .collect();
        anyhow::ensure!(
            !masks.is_empty(),
            "none of the {all} masks has a confidence above {}, the highest is {best}",
            options.confidence
        );
        Ok(Self {
            positions: labels.positions,
            colors: labels.colors,
            masks,
        })
    }

    /// Augments the points and makes a sample with the masks.
    ///
    /// # Errors
    /// No object has more than half of any superpoint, or the points do not fit the network.
    pub(super) fn sample(
        mut self,
        superpoints: &Superpoints,
        config: &Config,
        words: &Words,
        rng: &mut ChaCha8Rng,
    ) -> anyhow::Result<Sample> {
        let masks = ObjectMasks::overlapping(superpoints, &self.masks);
        let objects = masks.objects();
        anyhow::ensure!(
            objects > 0,
            "none of the {} masks has more than half of one of the {} superpoints",
            self.masks.len(),
            superpoints.count()
        );
        let input = augmented(
            &mut self.positions,
            &mut self.colors,
            &mut ImageEvidence::default(),
            superpoints,
            config,
            rng,
        )?;
        let queries = queries(&input, superpoints, config, rng);
        let first = masks.first_objects();
        let own = queries.iter().map(|&query| first[query as usize]);
        let object_of_query: Vec<_> = own.collect();
        let (text, class_of_object) = names(&vec![""; objects], config, words, rng);
        let truth = Targets {
            dense_pairs: matching::dense(&object_of_query, objects, config.loss.pairs, rng),
            superpoint_sizes: superpoints.sizes(),
            masks,
            object_of_query,
            class_of_object,
            ..Targets::default()
        };
        Ok(Sample {
            input,
            queries,
            text,
            parts: vec![Part { seen: None, truth }],
        })
    }
}
