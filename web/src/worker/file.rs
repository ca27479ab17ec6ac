//! What a file holds that the page opens: a scan, or a bundle with its instances.

use segscape::{
    bundle::{self, Bundle, Meta, SavedCamera},
    geometry::Aabb,
    instances::Segmentation,
    job,
    preflight::Choices,
    progress::Monitor,
    scan::{Frame, Scan},
    superpoint::Superpoints,
};

/// The contents of a bundle apart from its points.
pub struct Found {
    pub superpoints: Superpoints,
    pub segmentation: Segmentation,
    pub meta: Meta,
}

impl Found {
    /// The up axis and the unit of the file that the scene was made of.
    pub fn choices(&self) -> Choices {
        Choices::of(&self.meta.frame)
    }

    /// Moves what the bundle says of places with its points, whose origin a scan chooses anew.
    pub fn follow(&mut self, scan: &Scan) {
        let origin = scan.frame.world_from_file(self.meta.frame.offset);
        let moved = |value: f32, axis: usize| (f64::from(value) + origin[axis]) as f32;
        let place = |at: &mut [f32; 3]| {
            (0..3).for_each(|axis| at[axis] = moved(at[axis], axis));
        };
        let view = &mut self.meta.view;
        let bounds = self
            .segmentation
            .instances
            .iter_mut()
            .map(|i| &mut i.bounds);
        for Aabb { min, max } in bounds.chain(&mut view.clip) {
            place(min);
            place(max);
        }
        if let Some(SavedCamera { eye, target, .. }) = &mut view.camera {
            place(eye);
            place(target);
        }
        if let Some(ceiling) = &mut view.ceiling {
            *ceiling = moved(*ceiling, 2);
        }
    }
}

/// Returns `true` if a file that begins with these bytes is a bundle.
pub fn is_bundle(bytes: &[u8]) -> bool {
    bytes.starts_with(&bundle::MAGIC)
}

/// Reads a scan or a bundle, distinguished by content.
///
/// # Errors
/// A message for the user.
pub fn read(bytes: &[u8], monitor: &Monitor) -> Result<(Scan, Option<Found>), String> {
    if !is_bundle(bytes) {
        let scan = job::read(bytes, monitor).map_err(|error| error.to_string())?;
        return Ok((scan, None));
    }
    let Bundle {
        positions,
        colors,
        superpoints,
        segmentation,
        mut meta,
    } = bundle::decode(bytes).map_err(|error| error.to_string())?;
    let colors = colors.as_deref();
    let scan = Scan::from_world(&positions, colors, &meta.frame).or_else(|_| {
        // No file has a frame in which its points lie nowhere; in the world they lie somewhere.
        meta.frame = Frame::default();
        Scan::from_points(&positions, colors)
    });
    let scan = scan.map_err(|error| error.to_string())?;
    Ok((
        scan,
        Some(Found {
            superpoints,
            segmentation,
            meta,
        }),
    ))
}

/// What is said of a bundle of a capture: its frames stayed with the sender.
pub fn without_frames(found: &Found) -> Option<String> {
    let frames = found.meta.provenance.frames;
    (frames > 0).then(|| {
        format!("The scene was made from {frames} frames of a capture, which are not part of it.")
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use segscape::{
        bundle::{Provenance, SavedView},
        instances::Instance,
    };
    use wasm_bindgen_test::wasm_bindgen_test;

    use super::*;

    /// A scene of three points with one thing, a camera, a ceiling and a clip box.
    fn scene(positions: [[f32; 3]; 3], frame: Frame) -> Bundle {
        let [x, y, z] = positions[0];
        let eye = [x, y - 10.0, z + 2.0];
        let whole = positions
            .iter()
            .fold(Aabb::EMPTY, |all, position| all.with(*position));
        Bundle {
            positions: positions.to_vec(),
            colors: None,
            superpoints: Superpoints::from_ids(&[0; 3]),
            segmentation: Segmentation {
                instances: vec![Instance {
                    superpoints: vec![0],
                    score: 0.5,
                    embedding: vec![0.0; Segmentation::default().space.width],
                    bounds: whole,
                    points: 3,
                }],
                ..Segmentation::default()
            },
            meta: Meta {
                names: vec![bundle::Name {
                    text: String::new(),
                    by_user: false,
                }],
                view: SavedView {
                    camera: Some(SavedCamera {
                        eye,
                        target: positions[1],
                        fov_y: 1.0,
                    }),
                    ceiling: Some(z + 1.0),
                    clip: Some(whole),
                    ..SavedView::default()
                },
                frame,
                provenance: Provenance::default(),
            },
        }
    }

    #[wasm_bindgen_test]
    fn a_scene_lies_where_its_file_does_if_it_says_where() {
        let positions = [0.0, 1.0, 2.0].map(|x| [x, 0.5, 0.25]);
        let frame = Frame {
            offset: [512_345.0, 4_200_000.0, 120.0],
            ..Frame::default()
        };
        let bytes = bundle::encode(&scene(positions, frame)).unwrap();
        let (mut scan, found) = read(&bytes, &Monitor::silent()).unwrap();
        let mut found = found.unwrap();
        job::place(&mut scan, found.choices());
        found.follow(&scan);
        let [x, y, z] = scan.frame.file_from_world(scan.positions[1].map(f64::from));
        assert!((x - 512_346.0).abs() < 0.01 && (y - 4_200_000.5).abs() < 0.01);
        assert!((z - 120.25).abs() < 0.01);
        let camera = found.meta.view.camera.unwrap();
        for (axis, value) in camera.target.into_iter().enumerate() {
            assert!((value - scan.positions[1][axis]).abs() < 0.01);
        }
    }

    #[wasm_bindgen_test]
    fn a_frame_that_no_file_can_have_is_left_out() {
        let positions = [0.0, 1.0, 2.0].map(|x| [x, 0.0, 5e4]);
        let frame = Frame {
            metres_per_unit: 1e-6,
            ..Frame::default()
        };
        let bytes = bundle::encode(&scene(positions, frame)).unwrap();
        let (scan, found) = read(&bytes, &Monitor::silent()).unwrap();
        assert_eq!(scan.len(), 3);
        assert_eq!(found.unwrap().meta.frame, Frame::default());
    }

    #[wasm_bindgen_test]
    fn what_is_said_of_far_places_moves_with_the_points() {
        let positions = [0.0, 1.0, 2.0].map(|x| [5000.0 + x, -3000.0, 7.0]);
        let sent = scene(positions, Frame::default());
        let bytes = bundle::encode(&sent).unwrap();
        let (mut scan, found) = read(&bytes, &Monitor::silent()).unwrap();
        job::place(&mut scan, Choices::WORLD);
        let mut found = found.unwrap();
        found.follow(&scan);
        assert!(scan.positions[0][0].abs() < 10.0, "{:?}", scan.positions);
        let shown = scan
            .positions
            .iter()
            .fold(Aabb::EMPTY, |all, position| all.with(*position));
        assert_eq!(found.segmentation.instances[0].bounds, shown);
        let view = found.meta.view;
        assert_eq!(view.clip, Some(shown));
        let camera = view.camera.unwrap();
        assert_eq!(camera.target, scan.positions[1]);
        assert_eq!(camera.eye[1], camera.target[1] - 10.0);
        assert_eq!(view.ceiling, Some(scan.positions[0][2] + 1.0));
    }
}
