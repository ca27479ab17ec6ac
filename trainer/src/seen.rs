//! What images say about a scene, on its way to the network.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use segscape::{
    model::{Config as ModelConfig, Observation, SceneInput},
    superpoint::Superpoints,
    views::{Choice, Detection, ObjectQueries, View, from_correspondences, from_views, object_queries},
};

use crate::{
    augment,
    config::{Config, Views},
    foundation::{self, Foundation},
};

/// Views that a point is looked up in, and how far in metres behind what they saw it may lie (seed 001, section 3.2; spec/model.md section 13).
const VIEWS: usize = 3;
const TOLERANCE: f32 = 0.1;
/// At most this many objects seen in images (spec/model.md section 13).
const OBJECTS: usize = 2048;

/// What images say about a scene.
#[derive(Default)]
pub struct Seen {
    /// (points, channels).
    image: Option<Vec<f32>>,
    /// Each now and then left out.
    objects: ObjectQueries,
}

impl Seen {
    /// What the network reads of it, each modality now and then without.
    pub fn of(scene: &mut Foundation, config: &Config, rng: &mut ChaCha8Rng) -> Self {
        let image = match config.model.inputs.image > 0 && !rng.random_bool(config.augment.image_drop) {
            true => scene.given.features.take().or_else(|| image_features(scene, config.data.views)),
            false => None,
        };
        let objects = match config.model.objects.is_some() && !rng.random_bool(config.augment.objects_drop) {
            true => seen_objects(scene, config.augment.object_drop, rng),
            false => ObjectQueries::default(),
        };
        Self { image, objects }
    }

    /// All that a network of this configuration reads of it, points looking features up in these `views`.
    pub fn all(scene: &mut Foundation, model: &ModelConfig, views: Views) -> Self {
        let image = match model.inputs.image > 0 {
            true => scene.given.features.take().or_else(|| image_features(scene, views)),
            false => None,
        };
        let objects = match model.objects.is_some() {
            // nothing is left out, so nothing is drawn
            true => seen_objects(scene, 0.0, &mut ChaCha8Rng::seed_from_u64(0)),
            false => ObjectQueries::default(),
        };
        Self { image, objects }
    }

    /// The same with the points that it is about.
    pub fn observation<'a>(&'a self, positions: &'a [[f32; 3]], colors: Option<&'a [[u8; 3]]>) -> Observation<'a> {
        Observation {
            positions,
            colors,
            image: self.image.as_deref(),
            objects: (!self.objects.positions.is_empty()).then_some((&self.objects.features, &self.objects.positions)),
            ..Observation::default()
        }
    }

    /// What the network reads of the scene, moved and coloured at random; objects move with the points around them.
    ///
    /// # Errors
    /// The network reads features of other lengths.
    pub fn input(
        mut self,
        positions: &mut Vec<[f32; 3]>,
        colors: &mut Option<Vec<[u8; 3]>>,
        superpoints: &Superpoints,
        config: &Config,
        rng: &mut ChaCha8Rng,
    ) -> anyhow::Result<SceneInput> {
        let points = positions.len();
        positions.append(&mut self.objects.positions);
        augment::positions(positions, &config.augment, rng);
        self.objects.positions = positions.split_off(points);
        augment::colours(colors, &config.augment, rng);
        Ok(SceneInput::new(&self.observation(positions, colors.as_deref()), superpoints, &config.model)?)
    }
}

/// (points, channels) of the pixels that show the points; `None` unless every image has features.
fn image_features(scene: &Foundation, choice: Views) -> Option<Vec<f32>> {
    let view = |image: &foundation::Image| Some(View { camera: image.camera, depth: image.depth.clone(), features: image.features.clone()? });
    let views: Vec<View> = scene.images.iter().map(view).collect::<Option<_>>()?;
    let of = |choice| from_views(&scene.positions, &views, VIEWS, choice, TOLERANCE);
    (!views.is_empty()).then(|| match choice {
        Views::Own => from_correspondences(&scene.origins, &views),
        Views::Nearest => of(Choice::Nearest),
        Views::Farthest => of(Choice::Farthest),
    })
}

/// The instances of all images that have features and a place, and the objects that came with the scene, each left out with probability `drop`.
fn seen_objects(scene: &Foundation, drop: f64, rng: &mut ChaCha8Rng) -> ObjectQueries {
    let mut masks = Vec::new();
    for image in &scene.images {
        let (Some(depth), Some(mask)) = (&image.depth, &image.mask) else { continue };
        let [rows, columns] = depth.size();
        let share = |at: usize, extent: usize| (at as f32 + 0.5) / extent as f32;
        let shown: Vec<_> = (0..rows * columns).map(|pixel| mask.at(share(pixel % columns, columns), share(pixel / columns, rows))).collect();
        for (row, instance) in (0..).zip(&image.instances) {
            if !instance.features.is_empty() && !rng.random_bool(drop) {
                masks.push((image, depth, instance, shown.iter().map(|shown| *shown == Some(row)).collect::<Vec<_>>()));
            }
        }
    }
    let detections: Vec<_> = masks
        .iter()
        .map(|(image, depth, instance, mask)| Detection { camera: &image.camera, depth, mask, features: &instance.features, score: instance.score })
        .collect();
    let mut objects = object_queries(&detections, 0.0, OBJECTS);
    let ObjectQueries { features, positions } = &scene.given.objects;
    let rows = features.chunks_exact((features.len() / positions.len().max(1)).max(1)).zip(positions);
    for (feature, position) in rows {
        if !rng.random_bool(drop) && objects.positions.len() < OBJECTS {
            objects.features.extend_from_slice(feature);
            objects.positions.push(*position);
        }
    }
    objects
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use rand::SeedableRng;
    use segscape::model::Config as ModelConfig;

    use super::*;
    use crate::samples::tests::{bundle, config, processed};

    fn rng() -> ChaCha8Rng {
        ChaCha8Rng::seed_from_u64(1)
    }

    #[test]
    fn objects_in_images_are_placed_and_dropped() {
        let scene = bundle();
        let placed = seen_objects(&scene, 0.0, &mut rng());
        assert_eq!((placed.positions.len(), placed.features.len()), (1, 8));
        assert!((placed.positions[0][2] - 1.0).abs() < 1e-6, "a metre ahead of the camera: {:?}", placed.positions);
        assert!(seen_objects(&scene, 1.0, &mut rng()).positions.is_empty());
        let features = image_features(&scene, Views::Own).unwrap();
        assert!(features.len() == 1600 * 4 && features.iter().all(|x| (x - 0.5).abs() < 1e-6));
        let mut partly = scene;
        partly.images[1].features = None;
        assert!(image_features(&partly, Views::Own).is_none());
    }

    #[test]
    fn what_came_with_a_scene_is_what_the_network_reads() {
        let mut config = config();
        config.model = ModelConfig::scannet200();
        (config.augment.image_drop, config.augment.objects_drop, config.augment.object_drop) = (0.0, 0.0, 0.0);
        let seen = Seen::of(&mut processed(), &config, &mut rng());
        assert_eq!((seen.image, seen.objects), (processed().given.features, processed().given.objects));
        config.augment.object_drop = 1.0;
        assert!(Seen::of(&mut processed(), &config, &mut rng()).objects.positions.is_empty());
        (config.augment.image_drop, config.augment.objects_drop) = (1.0, 1.0);
        assert!(Seen::of(&mut processed(), &config, &mut rng()).image.is_none());
    }
}
