//! Supervision that images provide for points: boundaries for superpoints, and annotations per
//! view.

use segscape::{
    superpoint::{Boundaries, Reading, Superpoints, ViewLabel},
    views::{Camera, Correspondence},
};

use super::Foundation;

/// Maximum difference between the depth of a point and the depth map of a view that sees it,
/// metres.
const TOLERANCE: f32 = 0.05;

/// The 2D instances of each point, for superpoints that respect them (OVSeg3R, Algorithm 1): first
/// the instance in the image that the point was reconstructed from, then, except with
/// [`Reading::Strict`], those in all other images that see the point.
pub fn boundaries(foundation: &Foundation, reading: Reading) -> Boundaries {
    let labels = foundation
        .positions
        .iter()
        .zip(&foundation.origins)
        .map(|(&position, origin)| {
            let own = origin.iter().map(|o| label(foundation, o));
            let own_view = origin.map(|o| o.view);
            let others = (0..foundation.images.len() as u32)
                .filter(move |view| reading != Reading::Strict && Some(*view) != own_view);
            let seen = others.filter_map(move |view| {
                Some(label(foundation, &sight(foundation, view, position)?))
            });
            own.chain(seen).collect::<Vec<_>>()
        });
    Boundaries::new(labels, reading)
}

/// Hands everything that [`boundaries`] looks at to `add`, piece by piece, besides the positions of
/// the points: what has the same pieces has the same boundaries.
pub fn boundary_inputs(foundation: &Foundation, reading: Reading, mut add: impl FnMut(&[u8])) {
    add(format!("{reading:?} {TOLERANCE}").as_bytes());
    let origins = foundation.origins.iter();
    let origins = origins.map(|origin| match origin {
        Some(Correspondence { view, x, y }) => [1, *view, x.to_bits(), y.to_bits()],
        None => [0; 4],
    });
    add(bytemuck::cast_slice(&origins.collect::<Vec<_>>()));
    for image in &foundation.images {
        if let Some(mask) = &image.mask {
            add(bytemuck::cast_slice(&mask.size()));
            add(bytemuck::cast_slice(mask.values()));
        } else {
            add(b"no mask");
        }
        if reading == Reading::Strict {
            continue;
        }
        // only views with depth are asked what they see
        let Some(depth) = &image.depth else {
            add(b"no depth");
            continue;
        };
        let Camera {
            width,
            height,
            focal,
            center,
            world_from_camera,
        } = image.camera;
        let pose = world_from_camera.to_cols_array();
        let [rows, columns] = depth.size();
        add(bytemuck::cast_slice(&[width, height]));
        add(bytemuck::cast_slice(&[focal, center]));
        add(bytemuck::cast_slice(&pose));
        add(bytemuck::cast_slice(&[rows, columns]));
        for row in 0..rows {
            let values: Vec<f32> = (0..columns)
                .flat_map(|column| depth.at(row, column))
                .copied()
                .collect();
            add(bytemuck::cast_slice(&values));
        }
    }
}

fn label(foundation: &Foundation, at: &Correspondence) -> ViewLabel {
    let instance = foundation
        .images
        .get(at.view as usize)
        .and_then(|image| image.instance_at(at.x, at.y));
    ViewLabel {
        view: at.view,
        instance: instance.map_or(0, |row| row + 1),
    }
}

/// The pixel at which a view with a depth map sees a point.
fn sight(foundation: &Foundation, view: u32, position: [f32; 3]) -> Option<Correspondence> {
    let image = &foundation.images[view as usize];
    let (depth, pixel) = (image.depth.as_ref()?, image.camera.project(position)?);
    let there = depth.positive_sample(pixel.x, pixel.y)?;
    ((pixel.depth - there).abs() <= TOLERANCE).then_some(Correspondence {
        view,
        x: pixel.x,
        y: pixel.y,
    })
}

/// The annotation that one view gives to the superpoints with points reconstructed from it
/// (OVSeg3R, sections 3.1.2 and 3.2).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Annotation {
    /// V^sp: the superpoints with a point of this view, ascending.
    pub superpoints: Vec<u32>,
    /// Shape `(superpoints of the view)`: number of points of this view in each superpoint.
    pub sizes: Vec<u32>,
    /// Shape `(superpoints of the view)`: the object that more than half of those points show.
    pub objects: Vec<Option<u32>>,
    /// Names of the objects; objects that no superpoint shows are left out.
    pub names: Vec<String>,
}

/// Shape `(views)`: the annotation of each view; empty for a view that no point was reconstructed
/// from. `O(points + views superpoints)`.
pub fn annotations(foundation: &Foundation, superpoints: &Superpoints) -> Vec<Annotation> {
    let mut votes: Vec<Vec<(u32, Option<u32>)>> = vec![Vec::new(); foundation.images.len()];
    for (origin, &superpoint) in foundation
        .origins
        .iter()
        .zip(superpoints.superpoint_of_point())
    {
        let Some(origin) = origin else { continue };
        if let Some(image) = foundation.images.get(origin.view as usize) {
            votes[origin.view as usize].push((superpoint, image.instance_at(origin.x, origin.y)));
        }
    }
    let annotate = |(view, mut votes): (usize, Vec<(u32, Option<u32>)>)| {
        votes.sort_unstable();
        let mut annotation = Annotation::default();
        let mut row_of_instance = vec![None; foundation.images[view].instances.len()];
        for votes in votes.chunk_by(|a, b| a.0 == b.0) {
            let winner = votes
                .chunk_by(|a, b| a == b)
                .find(|same| 2 * same.len() > votes.len())
                .and_then(|same| same[0].1);
            let object = winner.map(|instance| {
                *row_of_instance[instance as usize].get_or_insert_with(|| {
                    annotation.names.push(
                        foundation.images[view].instances[instance as usize]
                            .name
                            .clone(),
                    );
                    annotation.names.len() as u32 - 1
                })
            });
            annotation.superpoints.push(votes[0].0);
            annotation.sizes.push(votes.len() as u32);
            annotation.objects.push(object);
        }
        annotation
    };
    votes.into_iter().enumerate().map(annotate).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use segscape::{superpoint::SuperpointOptions, views::Map};

    use super::*;
    use crate::foundation::{Image, ImageInstance, Mask, tests::camera};

    /// Two views of a wall two metres away, each with a mask of two columns; their annotations
    /// differ.
    fn wall() -> Foundation {
        let image = |name: &str, values: Vec<u16>, names: &[&str]| Image {
            name: name.into(),
            camera: camera(),
            picture: None,
            depth: Some(Map::new(vec![2.0; 4], [2, 2, 1]).unwrap()),
            mask: Mask::new(values, [1, 2]),
            instances: names
                .iter()
                .map(|name| ImageInstance {
                    name: (*name).into(),
                    score: 1.0,
                    features: vec![],
                })
                .collect(),
            features: None,
        };
        let images = vec![
            image("a", vec![1, 0], &["picture"]),
            image("b", vec![2, 1], &["lamp", "picture"]),
        ];
        let pixel = |view, x| Some(Correspondence { view, x, y: 0.5 });
        let origins = vec![
            pixel(0, 0.2),
            pixel(0, 0.3),
            pixel(0, 0.8),
            pixel(1, 0.2),
            pixel(1, 0.9),
            None,
        ];
        Foundation {
            positions: vec![[0.0; 3]; origins.len()],
            origins,
            images,
            ..Foundation::default()
        }
    }

    #[test]
    fn a_view_speaks_of_what_it_made_and_by_majority() {
        let superpoints = Superpoints::from_ids(&[0, 0, 0, 1, 1, 2]);
        let [a, b] = annotations(&wall(), &superpoints).try_into().unwrap();
        assert_eq!(
            a,
            Annotation {
                superpoints: vec![0],
                sizes: vec![3],
                objects: vec![Some(0)],
                names: vec!["picture".into()]
            }
        );
        // one point shows the picture and one the lamp: there is no majority, and no object is left
        assert_eq!(
            b,
            Annotation {
                superpoints: vec![1],
                sizes: vec![2],
                objects: vec![None],
                names: vec![]
            }
        );
    }

    #[test]
    fn the_strict_reading_asks_the_own_view_alone() {
        let foundation = wall();
        let strict = boundaries(&foundation, Reading::Strict);
        assert!(
            strict.allow(0, 1) && !strict.allow(0, 2) && strict.allow(2, 5),
            "unlabelled is an instance like any other"
        );
        assert!(
            !strict.allow(0, 3) && strict.allow(0, 4),
            "ids of two views are compared as numbers"
        );
        let same_view = boundaries(&foundation, Reading::SameView);
        assert!(same_view.allow(0, 2) && same_view.allow(0, 3));
    }

    #[test]
    fn another_view_that_sees_both_ends_cuts_between_them() {
        let mut foundation = wall();
        let camera = foundation.images[1].camera;
        let at = |x| {
            camera.back_project(segscape::views::Pixel {
                x,
                y: 0.5,
                depth: 2.0,
            })
        };
        // both ends come from one instance of view a, and lie in two instances of view b
        (foundation.positions[0], foundation.positions[1]) = (at(0.3), at(0.7));
        assert!(!boundaries(&foundation, Reading::SameView).allow(0, 1));
        assert!(boundaries(&foundation, Reading::Strict).allow(0, 1));
        foundation.images[1].depth = None;
        assert!(
            boundaries(&foundation, Reading::SameView).allow(0, 1),
            "without depth nobody knows what a view sees"
        );
    }

    #[test]
    fn a_flat_picture_gets_a_superpoint_of_its_own() {
        let camera = camera();
        let grid = |i: usize| (i as f32 + 0.5) / 40.0;
        let places: Vec<[f32; 2]> = (0..1600).map(|i| [grid(i % 40), grid(i / 40)]).collect();
        let is_picture = |[x, y]: [f32; 2]| (0.4..0.6).contains(&x) && (0.4..0.6).contains(&y);
        let foundation = Foundation {
            positions: places
                .iter()
                .map(|&[x, y]| camera.back_project(segscape::views::Pixel { x, y, depth: 2.0 }))
                .collect(),
            origins: places
                .iter()
                .map(|&[x, y]| Some(Correspondence { view: 0, x, y }))
                .collect(),
            images: vec![Image {
                name: "wall".into(),
                camera,
                picture: None,
                depth: None,
                mask: Mask::new(
                    places
                        .iter()
                        .map(|&place| if is_picture(place) { 2 } else { 1 })
                        .collect(),
                    [40, 40],
                ),
                instances: ["wall", "picture"]
                    .map(|name| ImageInstance {
                        name: name.into(),
                        score: 1.0,
                        features: vec![],
                    })
                    .to_vec(),
                features: None,
            }],
            ..Foundation::default()
        };
        let options = SuperpointOptions::default();
        let group =
            |boundaries| crate::foundation::tests::superpoints(&foundation, boundaries, &options);
        assert_eq!(group(None).count(), 1, "geometry alone sees a plane");
        let aware = group(Some(boundaries(&foundation, Reading::SameView)));
        assert_eq!(aware.count(), 2);
        let annotation = &annotations(&foundation, &aware)[0];
        assert_eq!(
            (annotation.sizes.as_slice(), annotation.names.len()),
            (&[1600 - 64, 64][..], 2)
        );
    }
}
