//! Samples that are single frames: of the images of a bundle, or of the walk through a generated room.

use std::{
    collections::VecDeque,
    fs,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use anyhow::Context;
use rand::{RngExt, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;
use recordings::foundation::{Foundation, Image};
use rooms::{Shot, World};
use segscape::images::Picture;

use crate::{
    config::{Frames, Generated},
    data::frames::{Frame, Pixels},
    data::oracle::{self, Errors},
};

/// Number of frames that are tried for one sample: some see nothing but a wall too near.
const OTHERS: usize = 12;
/// Number of walks that are kept. Threads that make samples ahead are at most one room apart, unless
/// there are more threads than frames of a room.
const KEPT: usize = 2;

/// What the cameras saw in the generated rooms that frames are being taken of.
#[derive(Default)]
pub(super) struct Walks(Mutex<VecDeque<(u64, Arc<Vec<Shot>>)>>);

impl Walks {
    /// The shots of room number `room` of the series `seed`.
    fn of(&self, world: &World, seed: u64, room: u64) -> Arc<Vec<Shot>> {
        // a room is made once, however many threads wait for it
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, shots)) = kept.iter().find(|(number, _)| *number == room) {
            return shots.clone();
        }
        let shots = Arc::new(world.room_with_shots(seed, room).1);
        kept.push_back((room, shots.clone()));
        if kept.len() > KEPT {
            kept.pop_front();
        }
        shots
    }

    /// Tries frames of a generated room until `make` can use one; `before` is the number of frames
    /// taken before. The frames of a room are spread over its walk.
    pub(super) fn frame<S>(
        &self,
        world: &World,
        generated: &Generated,
        frames: &Frames,
        before: u64,
        rng: &mut ChaCha8Rng,
        make: impl FnMut(Frame, &mut ChaCha8Rng) -> anyhow::Result<S>,
    ) -> anyhow::Result<S> {
        let room = before / frames.per_room;
        let shots = self.of(world, generated.seed, room);
        let count = shots.len().max(1);
        let part = (before % frames.per_room) as f64 + rng.random_range(0.0..1.0);
        let first = (part / frames.per_room as f64 * count as f64) as usize;
        let order = (0..shots.len()).map(|step| (first + step) % count);
        let of = |shot: usize, rng: &mut ChaCha8Rng| {
            let shot = &shots[shot];
            let image = oracle::segments(shot, &Errors::default(), rng.random());
            Frame::of(
                &image,
                Some((shot.size, &shot.picture)),
                frames.least_points,
            )
        };
        let tried = first_usable(order, rng, of, make);
        tried.with_context(|| format!("generated room {room} has no frame to train on"))
    }
}

/// Tries the images of a bundle, in random order, until `make` can use one.
pub(super) fn frame_of_bundle<S>(
    scene: &Foundation,
    path: &Path,
    frames: &Frames,
    rng: &mut ChaCha8Rng,
    make: impl FnMut(Frame, &mut ChaCha8Rng) -> anyhow::Result<S>,
) -> anyhow::Result<S> {
    let images = 0..scene.images.len();
    let mut images: Vec<usize> = images
        .filter(|&image| scene.images[image].depth.is_some() && scene.images[image].mask.is_some())
        .collect();
    anyhow::ensure!(
        !images.is_empty(),
        "none of the {} images has depth and segments",
        scene.images.len()
    );
    images.shuffle(rng);
    let of = |image: usize, _: &mut ChaCha8Rng| {
        let image = &scene.images[image];
        let picture = picture(image, path)?;
        let pixels = picture
            .as_ref()
            .map(|picture| -> Pixels { (picture.size(), picture.bytes().as_chunks().0) });
        Frame::of(image, pixels, frames.least_points)
    };
    first_usable(images, rng, of, make)
}

/// What `make` makes of the first frame that it can use, or the last error.
fn first_usable<S>(
    places: impl IntoIterator<Item = usize>,
    rng: &mut ChaCha8Rng,
    frame: impl Fn(usize, &mut ChaCha8Rng) -> anyhow::Result<Frame>,
    mut make: impl FnMut(Frame, &mut ChaCha8Rng) -> anyhow::Result<S>,
) -> anyhow::Result<S> {
    let mut last = None;
    for place in places.into_iter().take(OTHERS) {
        match frame(place, rng).and_then(|frame| make(frame, rng)) {
            Ok(sample) => return Ok(sample),
            Err(error) => last = Some(error),
        }
    }
    Err(last.context("there are no frames")?)
}

/// The picture of an image of the bundle at `path`, if it has one.
fn picture(image: &Image, path: &Path) -> anyhow::Result<Option<Picture>> {
    let Some(name) = &image.picture else {
        return Ok(None);
    };
    let path = path.join(name);
    let bytes = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let picture = Picture::decode(&bytes);
    Ok(Some(picture.with_context(|| path.display().to_string())?))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use rand::SeedableRng;
    use recordings::foundation::{ImageInstance, Mask};
    use segscape::views::{Camera, Map};

    use super::*;

    /// A bundle of an image without depth, and one of a wall with a segment on it.
    fn bundle(picture: Option<&str>) -> Foundation {
        let camera = Camera {
            width: 20.0,
            height: 10.0,
            focal: [10.0, 10.0],
            center: [9.5, 4.5],
            world_from_camera: Default::default(),
        };
        let image = |name: &str| Image {
            mask: Mask::new(vec![1; 2], [1, 2]),
            instances: vec![ImageInstance {
                name: String::new(),
                score: 1.0,
                features: vec![],
            }],
            ..Image::new(name.to_owned(), camera, picture.map(str::to_owned))
        };
        let with_depth = Image {
            depth: Map::new(vec![2.0; 200], [10, 20, 1]).ok(),
            ..image("b")
        };
        Foundation {
            images: vec![image("a"), with_depth],
            ..Foundation::default()
        }
    }

    fn frame(scene: &Foundation, path: &Path, least_points: usize) -> anyhow::Result<Frame> {
        let frames = Frames {
            least_points,
            ..Frames::default()
        };
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        frame_of_bundle(scene, path, &frames, &mut rng, |frame, _| Ok(frame))
    }

    #[test]
    fn frames_of_bundles_have_the_colors_of_their_pictures() {
        let folder = tempfile::tempdir().unwrap();
        let red = image::RgbImage::from_pixel(4, 2, image::Rgb([200, 0, 7]));
        red.save(folder.path().join("b.png")).unwrap();
        let found = frame(&bundle(Some("b.png")), folder.path(), 100).unwrap();
        assert_eq!(found.colors, Some(vec![[200, 0, 7]; 200]));
        assert_eq!(found.segments, [(0..200).collect::<Vec<u32>>()]);
        let refused = |scene: &Foundation, least, word: &str| {
            let error = format!("{:#}", frame(scene, folder.path(), least).unwrap_err());
            assert!(error.contains(word), "{error}");
        };
        refused(&bundle(Some("c.png")), 100, "c.png");
        refused(&bundle(None), 201, "the largest has 200");
        let mut blind = bundle(None);
        blind.images[1].depth = None;
        refused(&blind, 1, "none of the 2 images has depth and segments");
    }

    #[test]
    fn frames_of_a_generated_room_are_the_same_again() {
        let (world, walks) = (World::grammars(), Walks::default());
        let (generated, frames) = (Generated::default(), Frames::default());
        let of = |before| {
            let mut rng = ChaCha8Rng::seed_from_u64(before);
            let make = |frame, _: &mut ChaCha8Rng| Ok(frame);
            walks.frame(&world, &generated, &frames, before, &mut rng, make)
        };
        let [first, second, again] = [of(0).unwrap(), of(1).unwrap(), of(0).unwrap()];
        assert_eq!(first, again);
        assert_ne!(first, second);
        let sizes = first.segments.iter().map(Vec::len);
        assert!(first.positions.len() > 1000 && sizes.min().unwrap() >= 100);
    }
}
