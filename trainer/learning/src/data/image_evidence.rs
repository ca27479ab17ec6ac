//! The features and objects that a scene's images give to the network: features of the pixels that
//! show its points, and the objects that were detected.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use segscape::{
    model::{Config, Observation},
    views::{Correspondence, Detection, ObjectQueries, View, lifted, object_queries},
};

use crate::config::Augment;
use recordings::foundation::Foundation;

/// Largest number of objects (docs/spec/model.md section 13).
const OBJECTS: usize = 2048;

/// Image features and objects of a scene. Both are empty for a scan without images and for a
/// network that does not use them.
#[derive(Clone, Debug, Default)]
pub struct ImageEvidence {
    /// Image features of the points, `(points, channels)`.
    pub image: Option<Vec<f32>>,
    /// Objects seen in images, in the scene's frame.
    pub objects: ObjectQueries,
}

impl ImageEvidence {
    /// Extracts everything that a network of this `config` uses.
    pub fn all(scene: &mut Foundation, config: &Config) -> Self {
        Self {
            image: image_features(scene, config),
            objects: objects(scene, config, || true),
        }
    }

    /// Extracts a random part, for training: all features, all objects or single objects may be
    /// missing.
    pub fn drawn(
        scene: &mut Foundation,
        config: &Config,
        augment: &Augment,
        rng: &mut ChaCha8Rng,
    ) -> Self {
        let image = if rng.random_bool(augment.image_drop) {
            None
        } else {
            image_features(scene, config)
        };
        let objects = match rng.random_bool(augment.objects_drop) {
            true => ObjectQueries::default(),
            false => objects(scene, config, || !rng.random_bool(augment.object_drop)),
        };
        Self { image, objects }
    }

    /// The network's input for the points at these positions.
    pub fn observation<'a>(
        &'a self,
        positions: &'a [[f32; 3]],
        colors: Option<&'a [[u8; 3]]>,
        triangles: &'a [[u32; 3]],
    ) -> Observation<'a> {
        let objects = (!self.objects.positions.is_empty())
            .then_some((&self.objects.features[..], &self.objects.positions[..]));
        Observation {
            positions,
            colors,
            triangles,
            image: self.image.as_deref(),
            objects,
            ..Observation::default()
        }
    }
}

/// The image features of the points, `(points, channels)`: those that came with the scene,
/// otherwise those of its images; points that only images without features show have zeros. Returns
/// `None` if the network does not use them, or if there are none.
fn image_features(scene: &mut Foundation, config: &Config) -> Option<Vec<f32>> {
    if config.inputs.image == 0 {
        return None;
    }
    if let Some(features) = scene.given.features.take() {
        return Some(features);
    }
    let mut views = Vec::with_capacity(scene.images.len());
    let mut view_of_image = Vec::with_capacity(scene.images.len());
    for image in &scene.images {
        view_of_image.push(image.features.as_ref().map(|_| views.len() as u32));
        views.extend(image.features.clone().map(|features| View {
            camera: image.camera,
            depth: image.depth.clone(),
            features,
        }));
    }
    if views.is_empty() {
        return None;
    }
    if views.len() < scene.images.len() {
        tracing::warn!(
            "{} of {} images of a scene have no features; its points have those of the others",
            scene.images.len() - views.len(),
            scene.images.len()
        );
    }
    let renumbered = |origin: &Option<Correspondence>| {
        let origin = origin.as_ref()?;
        let view = view_of_image.get(origin.view as usize).copied().flatten()?;
        Some(Correspondence { view, ..*origin })
    };
    let origins: Vec<_> = scene.origins.iter().map(renumbered).collect();
    Some(lifted(
        config.inputs.views,
        &scene.positions,
        &origins,
        &views,
    ))
}

/// The instances of all images that have features and depth, and the objects that came with the
/// scene; each is included if `kept` returns `true`.
fn objects(scene: &Foundation, config: &Config, mut kept: impl FnMut() -> bool) -> ObjectQueries {
    if config.objects.is_none() {
        return ObjectQueries::default();
    }
    let mut shown = Vec::new();
    for image in &scene.images {
        let (Some(depth), Some(mask)) = (&image.depth, &image.mask) else {
            continue;
        };
        let mut pixels_of_instance = vec![Vec::new(); image.instances.len()];
        let [rows, columns] = depth.size();
        let share = |at: usize, extent: usize| (at as f32 + 0.5) / extent as f32;
        for pixel in 0..rows * columns {
            let (row, column) = (pixel / columns, pixel % columns);
            if let Some(instance) = mask.at(share(column, columns), share(row, rows))
                && let Some(pixels) = pixels_of_instance.get_mut(instance as usize)
            {
                pixels.push(pixel as u32);
            }
        }
        for (instance, pixels) in image.instances.iter().zip(pixels_of_instance) {
            if !instance.features.is_empty() && kept() {
                shown.push((image, depth, instance, pixels));
            }
        }
    }
    let detections: Vec<_> = shown
        .iter()
        .map(|(image, depth, instance, pixels)| Detection {
            camera: &image.camera,
            depth,
            pixels,
            features: &instance.features,
            score: instance.score,
        })
        .collect();
    let mut objects = object_queries(&detections, 0.0, OBJECTS);
    let ObjectQueries {
        features,
        positions,
    } = &scene.given.objects;
    let rows = features
        .chunks_exact((features.len() / positions.len().max(1)).max(1))
        .zip(positions);
    for (feature, position) in rows {
        if kept() && objects.positions.len() < OBJECTS {
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
    use segscape::model::config::{ObjectAttentionOrder, Objects};

    use super::*;
    use crate::{data::samples::tests::processed, data::scans::tests::bundle};

    fn looking() -> Config {
        let mut config = Config::nano();
        config.inputs.image = 5;
        config.objects = Some(Objects {
            channels: 6,
            reach: 1.0,
            order: ObjectAttentionOrder::default(),
        });
        config
    }

    #[test]
    fn what_the_network_looks_at_is_placed() {
        let (mut scene, config) = (bundle(), looking());
        let seen = ImageEvidence::all(&mut scene, &config);
        assert_eq!(
            (seen.objects.positions.len(), seen.objects.features.len()),
            (1, 6)
        );
        assert!(
            (seen.objects.positions[0][0] - 2.0).abs() < 1e-6,
            "two metres ahead of the camera: {:?}",
            seen.objects.positions
        );
        assert_eq!(seen.image.map(|features| features.len()), Some(1600 * 5));
        let blind = ImageEvidence::all(&mut scene, &Config::nano());
        assert!(blind.image.is_none() && blind.objects.positions.is_empty());
        let whole = ImageEvidence::all(&mut bundle(), &config).image.unwrap();
        // An image without features before the others takes nothing from them.
        let mut bare = scene.images[0].clone();
        bare.features = None;
        scene.images.insert(0, bare);
        for origin in scene.origins.iter_mut().flatten() {
            origin.view += 1;
        }
        let lost = scene.origins.iter().position(Option::is_some).unwrap();
        scene.origins[lost].as_mut().unwrap().view = 0;
        let rest = ImageEvidence::all(&mut scene, &config).image.unwrap();
        assert_eq!(rest[5 * lost..][..5], [0.0; 5]);
        assert_eq!(rest[..5 * lost], whole[..5 * lost]);
        assert_eq!(rest[5 * (lost + 1)..], whole[5 * (lost + 1)..]);
        scene
            .images
            .iter_mut()
            .for_each(|image| image.features = None);
        assert!(ImageEvidence::all(&mut scene, &config).image.is_none());
    }

    #[test]
    fn what_came_with_a_scene_is_what_the_network_reads() {
        let seen = ImageEvidence::all(&mut processed(), &Config::scannet200());
        assert_eq!(
            (seen.image, seen.objects),
            (processed().given.features, processed().given.objects)
        );
    }

    #[test]
    fn training_drops_kinds_and_objects() {
        let (config, mut rng) = (looking(), ChaCha8Rng::seed_from_u64(1));
        let mut drawn = |image_drop, objects_drop, object_drop| {
            let seen = ImageEvidence::drawn(
                &mut bundle(),
                &config,
                &Augment {
                    image_drop,
                    objects_drop,
                    object_drop,
                    ..Augment::default()
                },
                &mut rng,
            );
            (seen.image.is_some(), seen.objects.positions.len())
        };
        assert_eq!(drawn(0.0, 0.0, 0.0), (true, 1));
        assert_eq!(drawn(1.0, 0.0, 0.0), (false, 1));
        assert_eq!(drawn(0.0, 1.0, 0.0), (true, 0));
        assert_eq!(drawn(0.0, 0.0, 1.0), (true, 0));
    }
}
