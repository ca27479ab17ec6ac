//! The features and objects that a scene's images give to the network: features of the pixels that
//! show its points, and the objects that were detected.

use crate::{
    foundation::{Foundation, Image},
    model::{Config, Observation},
    views::{Choice, Correspondence, Detection, Map, ObjectQueries, View, lifted, object_queries},
};

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

/// The scene's images were described by another 2D model than those that the network learned from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the {what} of the scene have {found} channels, the network reads {expected}")]
pub struct ChannelError {
    /// The kind of features.
    pub what: &'static str,
    /// Number of channels of the scene.
    pub found: usize,
    /// Number of channels that the network reads.
    pub expected: usize,
}

impl ImageEvidence {
    /// Takes everything that a network of this `config` uses out of the scene.
    ///
    /// # Errors
    /// See [`ChannelError`].
    pub fn all(scene: &mut Foundation, config: &Config) -> Result<Self, ChannelError> {
        Ok(Self {
            image: Self::features(scene, config)?,
            objects: Self::objects(scene, config, || true)?,
        })
    }

    /// Takes the image features of the points, `(points, channels)`, out of the scene: those that
    /// came with it, otherwise those of its images; points that only images without features show
    /// have zeros. `None` if the network does not use them, or if there are none.
    ///
    /// # Errors
    /// See [`ChannelError`].
    pub fn features(
        scene: &mut Foundation,
        config: &Config,
    ) -> Result<Option<Vec<f32>>, ChannelError> {
        let expected = config.inputs.image;
        if expected == 0 {
            return Ok(None);
        }
        // Before anything of that size is computed.
        let channels = |found: usize| ChannelError::check("image features", found, expected);
        if let Some(features) = scene.given.features.take() {
            channels(features.len() / scene.positions.len().max(1))?;
            return Ok(Some(features));
        }
        let mut views = Vec::with_capacity(scene.images.len());
        let mut view_of_image = Vec::with_capacity(scene.images.len());
        for image in &mut scene.images {
            let features = image.features.take();
            view_of_image.push(features.as_ref().map(|_| views.len() as u32));
            // Only the choice among several views asks what they see.
            let depth = (config.inputs.views != Choice::Own).then(|| image.depth.clone());
            views.extend(features.map(|features| View {
                camera: image.camera,
                depth: depth.flatten(),
                features,
            }));
        }
        let Some(first) = views.first() else {
            return Ok(None);
        };
        channels(first.features.channels())?;
        let renumbered = |origin: &Option<Correspondence>| {
            let origin = origin.as_ref()?;
            let view = view_of_image.get(origin.view as usize).copied().flatten()?;
            Some(Correspondence { view, ..*origin })
        };
        let origins: Vec<_> = scene.origins.iter().map(renumbered).collect();
        Ok(Some(lifted(
            config.inputs.views,
            &scene.positions,
            &origins,
            &views,
        )))
    }

    /// The instances of all images that have features and depth, and the objects that came with the
    /// scene; each is included if `kept` returns `true`. None if the network does not use them.
    ///
    /// # Errors
    /// See [`ChannelError`].
    pub fn objects(
        scene: &Foundation,
        config: &Config,
        mut kept: impl FnMut() -> bool,
    ) -> Result<ObjectQueries, ChannelError> {
        let Some(expected) = config.objects.as_ref().map(|objects| objects.channels) else {
            return Ok(ObjectQueries::default());
        };
        let channels = |found: usize| ChannelError::check("objects", found, expected);
        let mut shown = Vec::new();
        for image in &scene.images {
            let Some((depth, pixels_of_instance)) = shown_in(image) else {
                continue;
            };
            for (instance, pixels) in image.instances.iter().zip(pixels_of_instance) {
                if !instance.features.is_empty() && kept() {
                    channels(instance.features.len())?;
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
        let width = (features.len() / positions.len().max(1)).max(1);
        for (feature, position) in features.chunks_exact(width).zip(positions) {
            if kept() && objects.positions.len() < OBJECTS {
                channels(width)?;
                objects.features.extend_from_slice(feature);
                objects.positions.push(*position);
            }
        }
        Ok(objects)
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

    /// A sentence for each kind of evidence that a network of this `config` reads and that is
    /// missing, because it was `left_out` or because there is none, and for each that it does not
    /// read although the images have it. `scene` is what the images had.
    pub fn remarks(&self, config: &Config, scene: ImageContent, left_out: bool) -> Vec<String> {
        let why = match left_out {
            true => "they are left out",
            false => "there are none",
        };
        let features = match (config.inputs.image > 0, self.image.is_some()) {
            (true, false) => Some(format!(
                "the network reads features of images; {why}, so every point has the feature that it learned for this case"
            )),
            (false, _) if scene.features => {
                Some("the images have features, which the network does not read".to_owned())
            }
            _ => None,
        };
        let none = self.objects.positions.is_empty();
        let objects = match (config.objects.is_some(), none) {
            (true, true) => Some(format!("the network reads objects seen in images; {why}")),
            (false, _) if scene.objects > 0 => {
                Some("the images have objects, which the network does not read".to_owned())
            }
            _ => None,
        };
        features.into_iter().chain(objects).collect()
    }
}

impl ChannelError {
    fn check(what: &'static str, found: usize, expected: usize) -> Result<(), Self> {
        match found == expected {
            true => Ok(()),
            false => Err(Self {
                what,
                found,
                expected,
            }),
        }
    }
}

/// What the images of a scene have for networks that read it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ImageContent {
    /// `true` if there are image features.
    pub features: bool,
    /// Number of objects seen in images.
    pub objects: usize,
}

impl ImageContent {
    /// What the images of `scene` have.
    pub fn of(scene: &Foundation) -> Self {
        Self {
            features: scene.has_features(),
            objects: scene.objects(),
        }
    }

    /// `true` if a network of this `config` reads any of it.
    pub fn is_read_by(self, config: &Config) -> bool {
        (self.features && config.inputs.image > 0) || (self.objects > 0 && config.objects.is_some())
    }
}

/// A sentence about a scene of which only some of the images have features, for a network that
/// reads them.
pub fn without_features(scene: &Foundation, config: &Config) -> Option<String> {
    let images = scene.images.len();
    let bare = scene.images.iter().filter(|image| image.features.is_none());
    let bare = bare.count();
    let is_partial = config.inputs.image > 0 && scene.given.features.is_none();
    (is_partial && bare > 0 && bare < images).then(|| {
        format!(
            "{bare} of {images} images have no features; their points have those of the others, or none"
        )
    })
}

/// The depth of an image, and the pixels of it that show each instance; `None` if it is not known
/// where they are.
fn shown_in(image: &Image) -> Option<(&Map, Vec<Vec<u32>>)> {
    let (depth, mask) = (image.depth.as_ref()?, image.mask.as_ref()?);
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
    Some((depth, pixels_of_instance))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::{
        foundation::tests::wall,
        model::config::{ObjectAttentionOrder, Objects},
    };

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
        let (mut scene, config) = (wall(), looking());
        let seen = ImageEvidence::all(&mut scene, &config).unwrap();
        assert_eq!(
            (seen.objects.positions.len(), seen.objects.features.len()),
            (1, 6)
        );
        assert!(
            (seen.objects.positions[0][0] - 2.0).abs() < 1e-6,
            "two metres ahead of the camera: {:?}",
            seen.objects.positions
        );
        let whole = seen.image.unwrap();
        assert_eq!(whole.len(), 1600 * 5);
        let blind = ImageEvidence::all(&mut wall(), &Config::nano()).unwrap();
        assert!(blind.image.is_none() && blind.objects.positions.is_empty());
        // An image without features before the others takes nothing from them.
        let mut scene = wall();
        let mut bare = scene.images[0].clone();
        bare.features = None;
        scene.images.insert(0, bare);
        for origin in scene.origins.iter_mut().flatten() {
            origin.view += 1;
        }
        let lost = scene.origins.iter().position(Option::is_some).unwrap();
        scene.origins[lost].as_mut().unwrap().view = 0;
        assert!(
            without_features(&scene, &config)
                .unwrap()
                .starts_with("1 of 2 images")
        );
        let rest = ImageEvidence::all(&mut scene, &config).unwrap();
        let rest = rest.image.unwrap();
        assert_eq!(rest[5 * lost..][..5], [0.0; 5]);
        assert_eq!(rest[..5 * lost], whole[..5 * lost]);
        assert_eq!(rest[5 * (lost + 1)..], whole[5 * (lost + 1)..]);
        // what was taken is gone
        let again = ImageEvidence::all(&mut scene, &config).unwrap();
        assert!(again.image.is_none());
    }

    #[test]
    fn features_of_another_model_are_refused_before_they_are_lifted() {
        let mut config = looking();
        config.inputs.image = 7;
        let error = ImageEvidence::all(&mut wall(), &config).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the image features of the scene have 5 channels, the network reads 7"
        );
        let mut given = wall();
        given.given.features = Some(vec![0.5; 1600 * 7]);
        let whole = ImageEvidence::features(&mut given, &config).unwrap();
        assert_eq!(
            whole,
            Some(vec![0.5; 1600 * 7]),
            "what came with the scene is read"
        );
        given.given.features = Some(vec![0.5; 1600 * 4]);
        assert_eq!(
            ImageEvidence::features(&mut given, &config)
                .unwrap_err()
                .found,
            4
        );
        let mut config = looking();
        config.objects.as_mut().unwrap().channels = 3;
        let error = ImageEvidence::all(&mut wall(), &config).unwrap_err();
        assert_eq!((error.found, error.expected), (6, 3));
    }

    #[test]
    fn what_is_missing_and_what_is_not_read_is_said() {
        let (config, blind) = (looking(), Config::nano());
        let content = ImageContent::of(&wall());
        assert_eq!((content.features, content.objects), (true, 1));
        assert!(content.is_read_by(&config) && !content.is_read_by(&blind));
        let seen = ImageEvidence::all(&mut wall(), &config).unwrap();
        assert!(seen.remarks(&config, content, false).is_empty());
        let nothing = ImageEvidence::default();
        let said = |config, content, left_out| nothing.remarks(config, content, left_out).join(" ");
        let missing = said(&config, ImageContent::default(), false);
        assert!(missing.contains("features of images; there are none"));
        assert!(missing.contains("objects seen in images; there are none"));
        assert!(said(&config, content, true).contains("they are left out"));
        let unread = said(&blind, content, false);
        assert!(unread.contains("features, which the network does not read"));
        assert!(unread.contains("objects, which the network does not read"));
        assert_eq!(said(&blind, ImageContent::default(), false), "");
    }
}
