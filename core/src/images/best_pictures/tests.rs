#![allow(clippy::unwrap_used)]
use super::*;
use crate::{progress::Cancel, views::camera_that_looks_along_x as camera};

const RED: [u8; 3] = [250, 20, 20];
const BLUE: [u8; 3] = [20, 20, 250];
const GREEN: [u8; 3] = [20, 250, 20];

/// Embeds a picture as the color of its middle.
struct MiddleColor;

impl ImageText for MiddleColor {
    fn embed(&self, picture: &Picture) -> Result<Vec<f32>, ImageModelError> {
        let [rows, columns] = picture.size();
        let from = (rows / 2 * columns + columns / 2) * 3;
        let mut color: Vec<f32> = picture.bytes()[from..from + 3]
            .iter()
            .map(|value| f32::from(*value) / 255.0)
            .collect();
        normalize(&mut color);
        Ok(color)
    }
}

/// Photographs of one color each, by cameras that look along x.
#[derive(Clone, Default)]
struct Shots(Vec<Shot>);

#[derive(Clone)]
struct Shot {
    name: String,
    camera: Camera,
    depth: Option<f32>,
    color: Result<[u8; 3], String>,
}

fn shot(name: &str, x: f32, depth: Option<f32>, color: Result<[u8; 3], &str>) -> Shot {
    Shot {
        name: name.to_owned(),
        camera: camera([x, 0.0, 0.0]),
        depth,
        color: color.map_err(str::to_owned),
    }
}

impl PosedPictures for Shots {
    fn count(&self) -> usize {
        self.0.len()
    }

    fn name(&self, frame: usize) -> &str {
        &self.0[frame].name
    }

    fn camera(&self, frame: usize) -> Camera {
        self.0[frame].camera
    }

    fn depth(&self, frame: usize) -> Result<Option<Cow<'_, Map>>, FrameProblem> {
        let map = |depth: f32| Cow::Owned(Map::new(vec![depth; 12], [3, 4, 1]).unwrap());
        Ok(self.0[frame].depth.map(map))
    }

    fn has_picture(&self, _: usize) -> bool {
        true
    }

    fn picture(&self, frame: usize) -> Result<Picture, FrameProblem> {
        let color = self.0[frame].color.clone().map_err(FrameProblem)?;
        Ok(Picture::new(color.repeat(64 * 48), [48, 64]).unwrap())
    }
}

/// Positions, colors, and the points of each thing.
type Plates = (Vec<[f32; 3]>, Vec<[u8; 3]>, Vec<Vec<u32>>);

/// A green plate of 0.4 m that faces the cameras 2 m away, and a plate of the same size behind it.
fn plates() -> Plates {
    let at = |i: usize| (i as f32 / 20.0 - 0.5) * 0.4;
    let plate = |x: f32| (0..21 * 21).map(move |i| [x, at(i % 21), at(i / 21)]);
    let positions: Vec<[f32; 3]> = plate(2.0).chain(plate(3.0)).collect();
    let colors = vec![GREEN; positions.len()];
    let points = vec![(0..441).collect(), (441..882).collect()];
    (positions, colors, points)
}

fn seen(shots: &Shots, width: usize) -> Result<SeenThings, ImageModelError> {
    let (positions, colors, points) = plates();
    let things = Things {
        positions: &positions,
        colors: Some(&colors),
        points: &points,
    };
    let photographs: Option<&dyn PosedPictures> = (shots.count() > 0).then_some(shots as _);
    let mut shown = 0;
    let found: Result<SeenThings, Failure> = embed_things(
        &things,
        photographs,
        &BestViewOptions::default(),
        (&MiddleColor, width),
        &Monitor::silent(),
        &mut |_, _| {
            shown += 1;
            Ok(())
        },
    );
    let found = found.map_err(|Failure(error)| error)?;
    let pictures = found.things.iter().map(|thing| thing.pictures.len());
    assert_eq!(shown, pictures.sum::<usize>());
    Ok(found)
}

#[derive(Debug)]
struct Failure(ImageModelError);

impl From<ImageModelError> for Failure {
    fn from(error: ImageModelError) -> Self {
        Self(error)
    }
}

impl From<Cancelled> for Failure {
    fn from(_: Cancelled) -> Self {
        panic!("nobody cancels")
    }
}

/// The channel in which an embedding is largest.
fn channel(thing: &SeenThing) -> usize {
    let embedding = thing.embedding.as_ref().unwrap();
    (0..3)
        .max_by(|a, b| embedding[*a].total_cmp(&embedding[*b]))
        .unwrap()
}

fn frames(thing: &SeenThing) -> Vec<&str> {
    let name = |picture: &'_ ThingPicture| -> String {
        match &picture.source {
            PictureSource::Frame(name) => name.clone(),
            PictureSource::Drawn(_) => "drawn".to_owned(),
        }
    };
    let names: Vec<String> = thing.pictures.iter().map(name).collect();
    let known = ["near", "far", "blocked", "torn", "drawn"];
    let find = |name: &String| *known.iter().find(|known| *known == name).unwrap();
    names.iter().map(find).collect()
}

#[test]
fn a_thing_is_what_its_best_photographs_show() {
    let shots = Shots(vec![
        shot("near", 0.8, Some(1.2), Ok(RED)),
        shot("far", 0.0, Some(2.0), Ok(RED)),
        shot("blocked", 0.5, Some(0.5), Ok(BLUE)),
        shot("torn", 0.9, Some(1.1), Err("it ends after 7 bytes")),
    ]);
    let found = seen(&shots, 3).unwrap();
    let [front, behind] = &found.things[..] else {
        panic!("{found:?}")
    };
    assert_eq!((channel(front), frames(front)), (0, vec!["near", "far"]));
    assert!(front.pictures.iter().all(|picture| picture.share > 0.95));
    let reason = FrameProblem("it ends after 7 bytes".to_owned());
    assert_eq!(found.left_out, [("torn".to_owned(), reason)]);
    // No photograph shows the plate behind: it is drawn, and its points are green.
    assert_eq!(channel(behind), 1);
    assert!(frames(behind).iter().all(|from| *from == "drawn"));
    assert!((1..=3).contains(&behind.pictures.len()));
}

#[test]
fn without_depth_the_points_say_what_hides_what() {
    let shots = Shots(vec![shot("near", 0.5, None, Ok(BLUE))]);
    let found = seen(&shots, 3).unwrap();
    assert_eq!(frames(&found.things[0]), ["near"]);
    assert!(!frames(&found.things[1]).contains(&"near"), "{found:?}");
}

#[test]
fn without_photographs_things_are_drawn() {
    let found = seen(&Shots::default(), 3).unwrap();
    for thing in &found.things {
        assert_eq!(channel(thing), 1);
        let embedding = thing.embedding.as_ref().unwrap();
        let length: f32 = embedding.iter().map(|x| x * x).sum();
        assert!((length - 1.0).abs() < 1e-5);
    }
    assert_eq!(
        found,
        seen(&Shots::default(), 3).unwrap(),
        "it is repeatable"
    );
}

#[test]
fn embeddings_of_another_width_and_cancelled_work_are_errors() {
    let error = seen(&Shots::default(), 4).unwrap_err().to_string();
    assert!(
        error.contains("have 3 values") && error.contains("have 4"),
        "{error}"
    );
    let (positions, _, points) = plates();
    let things = Things {
        positions: &positions,
        colors: None,
        points: &points,
    };
    let cancel = Cancel::default();
    cancel.cancel();
    let mut show = |_: &ThingPicture, _: &Picture| Ok(());
    let found: Result<SeenThings, Stopped> = embed_things(
        &things,
        None,
        &BestViewOptions::default(),
        (&MiddleColor, 3),
        &Monitor::new(&|_| (), &cancel),
        &mut show,
    );
    assert_eq!(found, Err(Stopped(true)));
}

#[derive(Debug, PartialEq)]
struct Stopped(bool);

impl From<Cancelled> for Stopped {
    fn from(_: Cancelled) -> Self {
        Self(true)
    }
}

impl From<ImageModelError> for Stopped {
    fn from(_: ImageModelError) -> Self {
        Self(false)
    }
}
