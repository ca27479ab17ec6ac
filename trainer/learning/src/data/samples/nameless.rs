//! Samples whose objects have masks, which may overlap, but no names: frames, and scenes with
//! pseudo-labels. They have no boxes either, because what is seen of an object may be a part of it.

use rand_chacha::ChaCha8Rng;
use recordings::pseudo_label_file::PseudoLabels;
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use rand::SeedableRng;
    use segscape::model::config::Classes;

    use super::*;

    /// A plane of 4 superpoints of 100 points each, side by side.
    fn labels() -> (PseudoLabels, Superpoints) {
        let positions = (0..400).map(|i| [(i / 10) as f32 * 0.05, (i % 10) as f32 * 0.05, 0.0]);
        let ids: Vec<u32> = (0..400).map(|i| i / 100).collect();
        let labels = PseudoLabels {
            network: "first".to_owned(),
            positions: positions.collect(),
            colors: None,
            masks: vec![
                (0..200).collect(),
                (100..300).collect(),
                (300..340).collect(),
                (0..400).collect(),
            ],
            scores: vec![0.9, 0.8, 0.7, 0.5],
        };
        (labels, Superpoints::from_ids(&ids))
    }

    fn options(confidence: f32, masks: usize) -> Pseudo {
        Pseudo {
            confidence,
            masks,
            ..Pseudo::default()
        }
    }

    #[test]
    fn the_most_confident_masks_are_taken() {
        let taken = |confidence, masks| {
            let scene = Nameless::confident(labels().0, &options(confidence, masks));
            scene.map(|scene| scene.masks.len())
        };
        assert_eq!(taken(0.6, 150).unwrap(), 3);
        assert_eq!(taken(0.6, 2).unwrap(), 2);
        assert_eq!(taken(0.8, 150).unwrap(), 1, "a mask must exceed it");
        let error = taken(0.95, 150).unwrap_err().to_string();
        assert!(error.contains("0.95") && error.contains("0.9"), "{error}");
    }

    #[test]
    fn masks_may_overlap_and_a_query_learns_the_first() {
        let mut config: Config = toml::from_str("[data.pseudo]\nfiles = ['x']").unwrap();
        config.model.classes = Classes::OBJECT_OR_NOT;
        config.loss.queries = [1.0; 2];
        let (labels, superpoints) = labels();
        let scene = Nameless::confident(labels, &options(0.0, 150)).unwrap();
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let sample = scene.sample(&superpoints, &config, &Words::usual(), &mut rng);
        let sample = sample.unwrap();
        let truth = &sample.parts[0].truth;
        // the third mask has less than half of its superpoint and is left out
        assert_eq!(truth.class_of_object, [Some(0); 3]);
        assert_eq!(truth.object_of_query, [Some(0), Some(0), Some(1), Some(2)]);
        assert!(truth.centers.is_empty() && !truth.dense_pairs.is_empty());
        let [superpoints, objects] = [truth.masks.superpoints(), truth.masks.objects()];
        assert_eq!((superpoints, objects), (4, 3));
    }
}
