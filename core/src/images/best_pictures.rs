//! Things as their best pictures show them, and what a model of pictures and text makes of these.
//!
//! Every thing is looked for in all frames of a recording, one frame at a time. The
//! [best views](crate::views::BestViews) of each are cropped; a thing that no photograph shows, or a
//! scan without photographs, is drawn from its points instead, from where a person would stand. The
//! mean of the crops' embeddings stands for the thing. Nothing of a frame is kept but numbers: a
//! picture is opened once to see how sharp it is, and again if it is among the best.

use std::{borrow::Cow, collections::BTreeMap};

use super::{
    ImageModelError, ImageText, Picture,
    crops::{self, Marks},
};
use crate::{
    progress::{Cancelled, Monitor, Stage},
    text::normalize,
    views::{BestViewOptions, BestViews, Camera, Look, Map, Occlusion, Sight, Splats, Standpoints},
};

/// Longer side of the depth that is drawn for a frame without a depth image, pixels.
const DEPTH_SIDE: f32 = 256.0;
/// Number of drawn pictures among which the best are chosen, for each one that is wanted.
const DRAWN: usize = 2;
/// Maximum number of points of a thing that say which pixels are the thing.
const MARKS: usize = 20_000;
/// Share of the progress after which the best pictures are known.
const SEARCHED: f32 = 0.5;

/// The reason why a frame is left out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct FrameProblem(pub String);

/// The posed photographs of a scan. A frame is read when it is asked for.
pub trait PosedPictures {
    /// The number of frames.
    fn count(&self) -> usize;

    /// The name of a frame.
    fn name(&self, frame: usize) -> &str;

    /// The camera of a frame, which its picture spans; world frame.
    fn camera(&self, frame: usize) -> Camera;

    /// The depth image of a frame, shape `(height, width, 1)`: metres, 0 where unknown. `None` if it
    /// has none; then the points say what hides what.
    ///
    /// # Errors
    /// It cannot be read.
    fn depth(&self, frame: usize) -> Result<Option<Cow<'_, Map>>, FrameProblem>;

    /// `true` if a frame has a picture.
    fn has_picture(&self, frame: usize) -> bool;

    /// The picture of a frame.
    ///
    /// # Errors
    /// There is none, or it cannot be read.
    fn picture(&self, frame: usize) -> Result<Picture, FrameProblem>;
}

/// Things of a scan.
#[derive(Clone, Copy)]
pub struct Things<'a> {
    /// `(points, 3)`: metres, world frame, z up.
    pub positions: &'a [[f32; 3]],
    /// `(points, 3)`: sRGB.
    pub colors: Option<&'a [[u8; 3]]>,
    /// The points of each thing.
    pub points: &'a [Vec<u32>],
}

/// Where a picture of a thing is from.
#[derive(Clone, Debug, PartialEq)]
pub enum PictureSource {
    /// The photograph of the frame of this name.
    Frame(String),
    /// Drawn from the points, as a camera at this place sees them; metres, world frame.
    Drawn([f32; 3]),
}

/// A picture of a thing.
#[derive(Clone, Debug, PartialEq)]
pub struct ThingPicture {
    /// Index of the thing.
    pub thing: usize,
    /// Where it is from.
    pub source: PictureSource,
    /// Share of the thing's points that the view sees, 0..=1.
    pub share: f32,
    /// How good the view is, 0..=1.
    pub score: f32,
}

/// What the pictures of a thing say.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SeenThing {
    /// Mean of the pictures' embeddings, a unit vector; `None` without a picture, or if they cancel
    /// each other.
    pub embedding: Option<Vec<f32>>,
    /// The pictures: photographs before drawn ones, in the order in which they were taken.
    pub pictures: Vec<ThingPicture>,
}

/// What the pictures of all things say.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SeenThings {
    /// `(things)`
    pub things: Vec<SeenThing>,
    /// The frames that could not be used, with the reason.
    pub left_out: Vec<(String, FrameProblem)>,
}

/// Finds the best pictures of things and embeds them by `model`. `width` is the number of values of
/// the text encoder's vectors that the embeddings are to be compared with; `show` is given every crop
/// that is embedded.
///
/// # Errors
/// The model fails, its embeddings have another width, or the caller cancelled.
pub fn embed_things<E>(
    things: &Things,
    photographs: Option<&dyn PosedPictures>,
    options: &BestViewOptions,
    model: (&dyn ImageText, usize),
    monitor: &Monitor,
    show: &mut dyn FnMut(&ThingPicture, &Picture) -> Result<(), E>,
) -> Result<SeenThings, E>
where
    E: From<ImageModelError> + From<Cancelled>,
{
    let mut seen = SeenThings {
        things: vec![SeenThing::default(); things.points.len()],
        left_out: Vec::new(),
    };
    let mut sums: Vec<Vec<f32>> = vec![Vec::new(); things.points.len()];
    let (model, width) = model;
    let mut add = |picture: ThingPicture, crop: &Picture, seen: &mut SeenThings| {
        show(&picture, crop)?;
        let embedding = model.embed(crop)?;
        if embedding.len() != width {
            return Err(ImageModelError::Width {
                found: embedding.len(),
                expected: width,
            }
            .into());
        }
        let sum = &mut sums[picture.thing];
        sum.resize(width, 0.0);
        sum.iter_mut()
            .zip(&embedding)
            .for_each(|(sum, x)| *sum += x);
        seen.things[picture.thing].pictures.push(picture);
        Ok::<(), E>(())
    };
    let splats = Splats::new(things.positions, things.colors);
    if let Some(frames) = photographs {
        let photographs = Photographs {
            things,
            frames,
            splats: &splats,
            options,
            monitor,
        };
        photographs.crops(&mut seen, &mut add)?;
    }
    let is_unseen = |(_, thing): &(usize, &SeenThing)| thing.pictures.is_empty();
    let unseen = seen.things.iter().enumerate().filter(is_unseen);
    let unseen: Vec<usize> = unseen.map(|(thing, _)| thing).collect();
    if !unseen.is_empty() {
        let standpoints = Standpoints::new(&splats);
        for thing in unseen {
            monitor.check()?;
            for (picture, crop) in drawn(things, thing, &splats, &standpoints, options)? {
                add(picture, &crop, &mut seen)?;
            }
        }
    }
    for (thing, mut sum) in seen.things.iter_mut().zip(sums) {
        normalize(&mut sum);
        let is_direction = sum.iter().any(|x| *x != 0.0) && sum.iter().all(|x| x.is_finite());
        thing.embedding = is_direction.then_some(sum);
    }
    monitor.at(Stage::Instances, 1.0)?;
    Ok(seen)
}

/// The photographs of a scan and what is looked for in them.
struct Photographs<'a> {
    things: &'a Things<'a>,
    frames: &'a dyn PosedPictures,
    splats: &'a Splats<'a>,
    options: &'a BestViewOptions,
    monitor: &'a Monitor<'a>,
}

impl Photographs<'_> {
    /// Calls `add` with the crops of the best views of each thing, frame by frame.
    fn crops<E: From<ImageModelError> + From<Cancelled>>(
        &self,
        seen: &mut SeenThings,
        add: &mut dyn FnMut(ThingPicture, &Picture, &mut SeenThings) -> Result<(), E>,
    ) -> Result<(), E> {
        let best = self.looked_through(seen)?;
        let sharpness = self.sharpness(&best, seen)?;
        let ranked = best.ranked(&|thing, look| sharpness.get(&(look.view, thing)).copied());
        let looks = by_frame(&ranked);
        let all = looks.len();
        for (done, (frame, looks)) in looks.into_iter().enumerate() {
            let done = SEARCHED + (1.0 - SEARCHED) * done as f32 / all as f32;
            self.monitor.at(Stage::Instances, done)?;
            let name = self.frames.name(frame as usize);
            let opened = self
                .frames
                .picture(frame as usize)
                .and_then(|picture| Ok((picture, self.depth(frame as usize)?)));
            let (picture, depth) = match opened {
                Ok(opened) => opened,
                Err(problem) => {
                    seen.left_out.push((name.to_owned(), problem));
                    continue;
                }
            };
            let camera = self.frames.camera(frame as usize);
            for (thing, look) in looks {
                let marks = marks(
                    self.things,
                    thing,
                    &camera,
                    &depth,
                    self.splats,
                    self.options,
                );
                let crop = crops::crop(&picture, look.bounds, &marks);
                let source = PictureSource::Frame(name.to_owned());
                let crop = crop.map_err(ImageModelError::from)?;
                add(of_look(thing, source, &look), &crop, seen)?;
            }
        }
        Ok(())
    }

    /// Looks for all things in all frames, by what hides what.
    fn looked_through(&self, seen: &mut SeenThings) -> Result<BestViews, Cancelled> {
        let Things {
            positions, points, ..
        } = self.things;
        let mut best = BestViews::new(positions, points, *self.options);
        let count = self.frames.count();
        for frame in 0..count {
            let done = 0.5 * SEARCHED * frame as f32 / count as f32;
            self.monitor.at(Stage::Instances, done)?;
            if !self.frames.has_picture(frame) {
                continue;
            }
            match self.depth(frame) {
                Ok(depth) => best.add(frame as u32, &self.frames.camera(frame), Some(&depth)),
                Err(problem) => {
                    let name = self.frames.name(frame).to_owned();
                    seen.left_out.push((name, problem));
                }
            }
        }
        Ok(best)
    }

    /// The depth of a frame, measured or drawn.
    fn depth(&self, frame: usize) -> Result<Cow<'_, Map>, FrameProblem> {
        Ok(match self.frames.depth(frame)? {
            Some(depth) => depth,
            None => Cow::Owned(self.splats.depth(&self.frames.camera(frame), DEPTH_SIDE)),
        })
    }

    /// The sharpness of each thing in its candidates, by frame and thing; without the frames whose
    /// pictures cannot be read.
    fn sharpness(
        &self,
        best: &BestViews,
        seen: &mut SeenThings,
    ) -> Result<BTreeMap<(u32, usize), f32>, Cancelled> {
        let mut sharpness = BTreeMap::new();
        let looks = by_frame(best.candidates());
        let all = looks.len();
        for (done, (frame, looks)) in looks.into_iter().enumerate() {
            let done = SEARCHED * (0.5 + 0.5 * done as f32 / all as f32);
            self.monitor.at(Stage::Instances, done)?;
            let measured = self.frames.picture(frame as usize).and_then(|picture| {
                let of = |(thing, look): (usize, Look)| {
                    let sharp = crops::sharpness(&picture, look.bounds);
                    let sharp = sharp.map_err(|error| FrameProblem(error.to_string()))?;
                    Ok(((frame, thing), sharp))
                };
                looks.into_iter().map(of).collect::<Result<Vec<_>, _>>()
            });
            match measured {
                Ok(measured) => sharpness.extend(measured),
                Err(problem) => {
                    let name = self.frames.name(frame as usize).to_owned();
                    seen.left_out.push((name, problem));
                }
            }
        }
        Ok(sharpness)
    }
}

/// The looks at things by the frame that they are from, so that every frame is opened once.
fn by_frame(looks: &[Vec<Look>]) -> BTreeMap<u32, Vec<(usize, Look)>> {
    let mut by_frame = BTreeMap::<u32, Vec<(usize, Look)>>::new();
    for (thing, looks) in looks.iter().enumerate() {
        for look in looks {
            by_frame.entry(look.view).or_default().push((thing, *look));
        }
    }
    by_frame
}

fn of_look(thing: usize, source: PictureSource, look: &Look) -> ThingPicture {
    ThingPicture {
        thing,
        source,
        share: look.share,
        score: look.score,
    }
}

/// The crops of a thing that are drawn from the points; none if it is seen from nowhere.
fn drawn(
    things: &Things,
    thing: usize,
    splats: &Splats,
    standpoints: &Standpoints,
    options: &BestViewOptions,
) -> Result<Vec<(ThingPicture, Picture)>, ImageModelError> {
    let points = std::slice::from_ref(&things.points[thing]);
    let mut best = BestViews::new(things.positions, points, *options);
    let all = things.points[thing].iter();
    let all = all.filter_map(|point| things.positions.get(*point as usize).copied());
    let cameras = standpoints.around(&all.collect::<Vec<_>>(), DRAWN * options.views);
    let mut pictures = Vec::with_capacity(cameras.len());
    for (view, camera) in (0..).zip(&cameras) {
        let rendering = splats.render(camera);
        best.add(view, camera, Some(&rendering.depth));
        let picture = Picture::new(rendering.rgb, rendering.size)?;
        pictures.push((picture, rendering.depth));
    }
    let sharpness = |_: usize, look: &Look| {
        let (picture, _) = pictures.get(look.view as usize)?;
        crops::sharpness(picture, look.bounds).ok()
    };
    let looks = best.ranked(&sharpness).into_iter().flatten();
    looks
        .map(|look| {
            let camera = &cameras[look.view as usize];
            let (picture, depth) = &pictures[look.view as usize];
            let marks = marks(things, thing, camera, depth, splats, options);
            let crop = crops::crop(picture, look.bounds, &marks)?;
            let source = PictureSource::Drawn(camera.position());
            Ok((of_look(thing, source, &look), crop))
        })
        .collect()
}

/// The points of a thing that a view sees, and how far apart they are in its picture.
fn marks(
    things: &Things,
    thing: usize,
    camera: &Camera,
    depth: &Map,
    splats: &Splats,
    options: &BestViewOptions,
) -> Marks {
    let sight = Sight::new(camera, Some(depth), Occlusion::Around(options.tolerance));
    let of = &things.points[thing];
    let step = of.len().div_ceil(MARKS).max(1);
    let positions = of.iter().step_by(step);
    let positions = positions.filter_map(|point| things.positions.get(*point as usize));
    let (mut places, mut farness) = (Vec::new(), 0.0);
    for pixel in positions.filter_map(|position| sight.sees(*position)) {
        places.push([pixel.x, pixel.y]);
        farness += pixel.depth;
    }
    let mean = farness / places.len().max(1) as f32;
    // Of every nth point of a surface, the distance grows with the root of n.
    let metres = splats.spacing() * (step as f32).sqrt();
    let along = |focal: f32, extent: f32| match metres * focal / mean / extent {
        share if share.is_finite() => share.clamp(0.0, 1.0),
        _ => 0.0,
    };
    Marks {
        spacing: [
            along(camera.focal[0], camera.width),
            along(camera.focal[1], camera.height),
        ],
        places,
    }
}

#[cfg(test)]
mod tests;
