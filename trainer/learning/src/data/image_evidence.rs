//! What the images of a scene say, all of it for evaluation and a random part for training.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use segscape::{
    job::{ImageEvidence, without_features},
    model::Config,
    views::ObjectQueries,
};

use crate::config::Augment;
use recordings::foundation::Foundation;

/// Takes everything that a network of this `config` uses out of the scene.
///
/// # Errors
/// The images were described by another 2D model than the network reads.
pub fn whole(scene: &mut Foundation, config: &Config) -> anyhow::Result<ImageEvidence> {
    tell(scene, config);
    Ok(ImageEvidence::all(scene, config)?)
}

/// Takes a random part out of the scene, for training: all features, all objects or single objects
/// may be missing.
///
/// # Errors
/// The images were described by another 2D model than the network reads.
pub fn drawn(
    scene: &mut Foundation,
    config: &Config,
    augment: &Augment,
    rng: &mut ChaCha8Rng,
) -> anyhow::Result<ImageEvidence> {
    let image = if rng.random_bool(augment.image_drop) {
        None
    } else {
        tell(scene, config);
        ImageEvidence::features(scene, config)?
    };
    let objects = match rng.random_bool(augment.objects_drop) {
        true => ObjectQueries::default(),
        false => ImageEvidence::objects(scene, config, || !rng.random_bool(augment.object_drop))?,
    };
    Ok(ImageEvidence { image, objects })
}

fn tell(scene: &Foundation, config: &Config) {
    if let Some(sentence) = without_features(scene, config) {
        tracing::warn!("{sentence}");
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use rand::SeedableRng;
    use segscape::model::config::{ObjectAttentionOrder, Objects};

    use super::*;
    use crate::data::scans::tests::bundle;

    #[test]
    fn training_drops_kinds_and_objects() {
        let mut config = Config::nano();
        config.inputs.image = 5;
        config.objects = Some(Objects {
            channels: 6,
            reach: 1.0,
            order: ObjectAttentionOrder::default(),
        });
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let mut drawn = |image_drop, objects_drop, object_drop| {
            let augment = Augment {
                image_drop,
                objects_drop,
                object_drop,
                ..Augment::default()
            };
            let seen = drawn(&mut bundle(), &config, &augment, &mut rng).unwrap();
            (seen.image.is_some(), seen.objects.positions.len())
        };
        assert_eq!(drawn(0.0, 0.0, 0.0), (true, 1));
        assert_eq!(drawn(1.0, 0.0, 0.0), (false, 1));
        assert_eq!(drawn(0.0, 1.0, 0.0), (true, 0));
        assert_eq!(drawn(0.0, 0.0, 1.0), (true, 0));
    }
}
