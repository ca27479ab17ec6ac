//! A cube that is turned as the scene is, whose faces are the sides to look from.

use glam::Vec3;
use web_sys::HtmlElement;

use crate::view::camera::{Camera, Side};

/// The element that holds the faces, and how it is turned.
#[derive(Default)]
pub struct Cube {
    element: Option<HtmlElement>,
    transform: String,
}

impl Cube {
    /// Turns this element from now on.
    pub fn attach(&mut self, element: HtmlElement) {
        self.element = Some(element);
        self.transform.clear();
    }

    /// Turns the cube as this camera sees the world.
    pub fn turn(&mut self, camera: &Camera) {
        let Some(element) = &self.element else {
            return;
        };
        let (right, up) = camera.right_and_up();
        // In CSS, y is down and z is towards the viewer.
        let seen = [right, -up, -camera.forward()];
        let axes = [Vec3::X, Vec3::Y, Vec3::Z].map(|axis| seen.map(|of| of.dot(axis)));
        let transform = matrix(axes, [0.0; 3]);
        if transform != self.transform {
            // The property and its value are valid.
            let _ = element.style().set_property("transform", &transform);
            self.transform = transform;
        }
    }
}

/// The CSS transform that moves a face, drawn in the middle of the cube, to its place. `half` is half
/// an edge of the cube, CSS pixels. `None` for what is no face.
pub fn face(side: Side, half: f32) -> Option<String> {
    // Where what is right and what is down on the face point in the world, and where it faces.
    let [right, down, out] = match side {
        Side::Top => [Vec3::X, -Vec3::Y, Vec3::Z],
        Side::Bottom => [Vec3::X, Vec3::Y, -Vec3::Z],
        Side::Front => [Vec3::X, -Vec3::Z, -Vec3::Y],
        Side::Back => [-Vec3::X, -Vec3::Z, Vec3::Y],
        Side::Left => [-Vec3::Y, -Vec3::Z, -Vec3::X],
        Side::Right => [Vec3::Y, -Vec3::Z, Vec3::X],
        Side::Isometric => return None,
    };
    let axes = [right, down, out].map(|axis| axis.to_array());
    Some(matrix(axes, (half * out).to_array()))
}

/// A CSS matrix with the images of the three axes and of the origin.
fn matrix([x, y, z]: [[f32; 3]; 3], origin: [f32; 3]) -> String {
    let column = |[a, b, c]: [f32; 3], last: u8| format!("{a:.4},{b:.4},{c:.4},{last}");
    format!(
        "matrix3d({},{},{},{})",
        column(x, 0),
        column(y, 0),
        column(z, 0),
        column(origin, 1)
    )
}

#[cfg(test)]
mod tests {
    use wasm_bindgen_test::wasm_bindgen_test;

    use super::*;

    /// What a camera and a face have in common: the face that is looked at lies flat in the picture,
    /// the right way up.
    #[wasm_bindgen_test]
    fn the_side_that_is_looked_from_faces_the_viewer() {
        for (side, _) in Side::ALL
            .into_iter()
            .filter(|(side, _)| *side != Side::Isometric)
        {
            let camera = Camera::default().from_side(side);
            let (right, up) = camera.right_and_up();
            let seen = [right, -up, -camera.forward()];
            let face = face(side, 1.0).expect("a face");
            let numbers: Vec<f32> = face["matrix3d(".len()..face.len() - 1]
                .split(',')
                .map(|number| number.parse().expect("a number"))
                .collect();
            for (axis, of) in seen.iter().enumerate() {
                let along = Vec3::from_slice(&numbers[4 * axis..]);
                assert!(of.dot(along) > 0.99, "{side:?}: {axis}");
            }
        }
    }
}
