//! An orbit camera in the world frame: metres, z up, right-handed.

use std::ops::RangeInclusive;

use glam::{Mat4, Vec2, Vec3};
use segscape::{bundle, geometry::Aabb};

use crate::text::{Text, tr};

/// Vertical field of view, radians.
const FIELD_OF_VIEW: f32 = 0.87;
/// Maximum pitch of the eye, up or down, radians. At the pole itself a direction has no yaw.
const MAX_PITCH: f32 = std::f32::consts::FRAC_PI_2 - 1e-3;
/// Distances from the eye to the target, metres.
const DISTANCES: RangeInclusive<f32> = 0.02..=20_000.0;
/// Largest coordinate of a target that somebody else says, metres; scenes lie near the origin.
const FARTHEST: f32 = 1e5;
/// The pitch at which the three edges of a cube that meet at a corner look equally long, radians.
const ISOMETRIC_PITCH: f32 = 0.615_479_7;

/// Depth up to which nothing is drawn, as a part of the distance to the target.
const CUT: f32 = 0.3;
/// Largest such depth, metres.
const LONGEST_CUT: f32 = 0.6;

/// A camera that looks at `target` from `distance` metres away.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Camera {
    /// Point in the middle of the picture.
    pub target: Vec3,
    /// Distance from the eye to the target, metres.
    pub distance: f32,
    /// Rotation about z, radians; 0 looks along +y.
    pub yaw: f32,
    /// Elevation of the eye above the target, radians.
    pub pitch: f32,
    /// If set, the picture is orthographic: what is at any depth is as large as at the target. The
    /// number is the least distance of the eye, metres; nothing behind the eye is seen.
    pub orthographic: Option<f32>,
}

/// A side from which a scene is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// From above, with +y up in the picture.
    Top,
    /// Along +y.
    Front,
    /// Along +x.
    Left,
    /// From above a corner, all three axes equally steep.
    Isometric,
    /// Along -y.
    Back,
    /// Along -x.
    Right,
    /// From below, with -y up in the picture.
    Bottom,
}

impl Side {
    /// All sides, with their names, in the order of the keys Shift 1 to Shift 7.
    pub const ALL: [(Self, Text); 7] = [
        (Self::Top, tr("Top")),
        (Self::Front, tr("Front")),
        (Self::Left, tr("Left")),
        (Self::Isometric, tr("Isometric")),
        (Self::Back, tr("Back")),
        (Self::Right, tr("Right")),
        (Self::Bottom, tr("Bottom")),
    ];
}

impl Default for Camera {
    fn default() -> Self {
        Self {
            target: Vec3::ZERO,
            distance: 6.0,
            yaw: 0.6,
            pitch: 0.65,
            orthographic: None,
        }
    }
}

impl Camera {
    /// The camera that looks at `target` from this distance, turn and elevation; `None` if these are
    /// not numbers that a scene is looked at with.
    pub fn orbiting(target: Vec3, distance: f32, yaw: f32, pitch: f32) -> Option<Self> {
        let is_near = target.abs().max_element() <= FARTHEST;
        let is_sound = is_near && DISTANCES.contains(&distance) && pitch.is_finite();
        let yaw = yaw.rem_euclid(std::f32::consts::TAU);
        (is_sound && target.is_finite() && yaw.is_finite()).then(|| Self {
            target,
            distance,
            yaw,
            pitch: pitch.clamp(-MAX_PITCH, MAX_PITCH),
            orthographic: None,
        })
    }

    /// This camera moved so that it sees the whole box, within the fractions `free` of the width
    /// and height of a picture that is `aspect` times as wide as it is high.
    pub fn framing(self, bounds: Aabb, aspect: f32, free: Vec2) -> Self {
        let (min, max) = (Vec3::from(bounds.min), Vec3::from(bounds.max));
        let radius = ((max - min).length() / 2.0).max(0.05);
        let half_view = ((FIELD_OF_VIEW / 2.0).tan() * (free.x * aspect).min(free.y)).atan();
        Self {
            target: (min + max) / 2.0,
            distance: 0.85 * radius / half_view.sin(),
            ..self
        }
    }

    /// This camera turned to look from a side.
    pub fn from_side(self, side: Side) -> Self {
        use std::f32::consts::{FRAC_PI_2, FRAC_PI_4, PI};
        let (yaw, pitch) = match side {
            Side::Top => (0.0, MAX_PITCH),
            Side::Front => (0.0, 0.0),
            Side::Left => (FRAC_PI_2, 0.0),
            Side::Isometric => (FRAC_PI_4, ISOMETRIC_PITCH),
            Side::Back => (PI, 0.0),
            Side::Right => (PI + FRAC_PI_2, 0.0),
            Side::Bottom => (0.0, -MAX_PITCH),
        };
        Self { yaw, pitch, ..self }
    }

    /// Position of the eye, world frame.
    pub fn eye(&self) -> Vec3 {
        let least = self.orthographic.unwrap_or(0.0);
        self.target + self.distance.max(least) * self.backward()
    }

    /// The direction in which the eye looks, world frame.
    pub fn forward(&self) -> Vec3 {
        -self.backward()
    }

    /// The distance whose scale holds at every depth of an orthographic picture, metres.
    pub fn flat_distance(&self) -> Option<f32> {
        self.orthographic.map(|_| self.distance)
    }

    fn backward(&self) -> Vec3 {
        let (sin_yaw, cos_yaw) = self.yaw.sin_cos();
        let (sin_pitch, cos_pitch) = self.pitch.sin_cos();
        Vec3::new(-sin_yaw * cos_pitch, -cos_yaw * cos_pitch, sin_pitch)
    }

    /// Right and up directions of the picture, world frame.
    pub fn right_and_up(&self) -> (Vec3, Vec3) {
        let right = Vec3::new(self.yaw.cos(), -self.yaw.sin(), 0.0);
        (right, self.backward().cross(right))
    }

    /// Nearest visible depth, metres. With the reversed infinite projection, `depth = near / z`.
    ///
    /// What is much nearer than the target is not drawn: its few points would be large discs in
    /// front of what is looked at. In an orthographic picture they are no larger than others.
    pub fn near(&self) -> f32 {
        match self.orthographic {
            Some(_) => (self.distance * 0.01).clamp(1e-4, 0.1),
            None => (self.distance * CUT).clamp(1e-4, LONGEST_CUT),
        }
    }

    /// The transform from world to clip space. Depth is reversed (1 near, 0 at infinity), which
    /// gives f32 an even resolution. In an orthographic picture, x and y are divided by
    /// [`Self::flat_distance`] and only the depth by w.
    pub fn clip_from_world(&self, aspect: f32) -> Mat4 {
        let (_, up) = self.right_and_up();
        Mat4::perspective_infinite_reverse_rh(FIELD_OF_VIEW, aspect, self.near())
            * Mat4::look_at_rh(self.eye(), self.target, up)
    }

    /// The direction from the eye through a place `at` of a picture that is `aspect` times as wide
    /// as it is high, whose corners are at -1 and 1, y up. Its length along the camera's axis is 1.
    pub fn ray(&self, aspect: f32, at: Vec2) -> Vec3 {
        let (right, up) = self.right_and_up();
        let half_height = (FIELD_OF_VIEW / 2.0).tan();
        half_height * (aspect * at.x * right + at.y * up) - self.backward()
    }

    /// Height in pixels of an object one metre high and one metre away, in a picture `height`
    /// pixels high.
    pub fn pixels_per_metre(height: f32) -> f32 {
        height / (2.0 * (FIELD_OF_VIEW / 2.0).tan())
    }

    /// Turns about the target by a drag of `pixels`.
    pub fn orbit(&mut self, pixels: Vec2) {
        self.turn(pixels.x * 0.006);
        self.pitch = (self.pitch + pixels.y * 0.006).clamp(-MAX_PITCH, MAX_PITCH);
    }

    /// Turns about the target by an angle, radians.
    pub fn turn(&mut self, angle: f32) {
        self.yaw = (self.yaw + angle).rem_euclid(std::f32::consts::TAU);
    }

    /// Moves the target so that it follows a drag of `pixels` in a picture `height` pixels high.
    pub fn pan(&mut self, pixels: Vec2, height: f32) {
        let metres_per_pixel = self.distance / Self::pixels_per_metre(height);
        let (right, up) = self.right_and_up();
        self.target += metres_per_pixel * (up * pixels.y - right * pixels.x);
    }

    /// Turns the gaze about the eye by a drag of `pixels`.
    pub fn look_around(&mut self, pixels: Vec2) {
        let eye = self.eye();
        self.orbit(pixels);
        self.target += eye - self.eye();
    }

    /// Moves by so many metres to the right, up in the world, and forward.
    pub fn fly(&mut self, metres: Vec3) {
        let (right, _) = self.right_and_up();
        self.target += metres.x * right + metres.y * Vec3::Z + metres.z * self.forward();
    }

    /// Multiplies the distance by `factor`.
    pub fn zoom(&mut self, factor: f32) {
        self.distance = (self.distance * factor).clamp(*DISTANCES.start(), *DISTANCES.end());
    }

    /// Interpolates from `self` to `other` with `t` in `0..=1`; turns along the shorter arc.
    pub fn towards(self, other: Self, t: f32) -> Self {
        use std::f32::consts::{PI, TAU};
        let turn = (other.yaw - self.yaw + PI).rem_euclid(TAU) - PI;
        Self {
            target: self.target.lerp(other.target, t),
            distance: self.distance * (other.distance / self.distance).powf(t),
            yaw: self.yaw + turn * t,
            pitch: self.pitch + (other.pitch - self.pitch) * t,
            orthographic: other.orthographic,
        }
    }
}

impl From<Camera> for bundle::SavedCamera {
    fn from(camera: Camera) -> Self {
        Self {
            eye: (camera.target + camera.distance * camera.backward()).to_array(),
            target: camera.target.to_array(),
            fov_y: FIELD_OF_VIEW,
        }
    }
}

impl From<bundle::SavedCamera> for Camera {
    /// Shows the target at the same size as the sender saw it, whatever the sender's field of view.
    /// Invalid values give the default view.
    fn from(sent: bundle::SavedCamera) -> Self {
        let target = Vec3::from(sent.target);
        let backward = Vec3::from(sent.eye) - target;
        let zoom = (sent.fov_y.clamp(0.1, 3.0) / 2.0).tan() / (FIELD_OF_VIEW / 2.0).tan();
        let distance = backward.length() * zoom;
        if !(distance.is_finite() && target.is_finite() && distance > 1e-3) {
            return Self::default();
        }
        let direction = backward.normalize();
        let pitch = direction
            .z
            .clamp(-1.0, 1.0)
            .asin()
            .clamp(-MAX_PITCH, MAX_PITCH);
        Self {
            target,
            distance,
            yaw: (-direction.x)
                .atan2(-direction.y)
                .rem_euclid(std::f32::consts::TAU),
            pitch,
            orthographic: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use glam::Vec4;
    use wasm_bindgen_test::wasm_bindgen_test;

    use super::*;

    fn project(camera: &Camera, point: Vec3) -> Vec3 {
        let clip: Vec4 = camera.clip_from_world(1.5) * point.extend(1.0);
        clip.truncate() / clip.w
    }

    #[wasm_bindgen_test]
    fn a_framed_box_is_wholly_in_the_picture() {
        let bounds = Aabb {
            min: [-3.0, -1.0, 0.0],
            max: [4.0, 5.0, 2.5],
        };
        for yaw in [0.0, 1.0, 3.0, 5.0] {
            let camera = Camera {
                yaw,
                ..Camera::default()
            }
            .framing(bounds, 1.5, Vec2::ONE);
            let target = project(&camera, camera.target);
            assert!(
                target.truncate().length() < 1e-4,
                "the target is in the middle"
            );
            for corner in 0..8 {
                let pick = |axis: usize| {
                    if corner >> axis & 1 == 0 {
                        bounds.min[axis]
                    } else {
                        bounds.max[axis]
                    }
                };
                let seen = project(&camera, Vec3::new(pick(0), pick(1), pick(2)));
                assert!(
                    seen.x.abs() < 1.3 && seen.y.abs() < 1.3 && seen.z > 0.0 && seen.z < 1.0,
                    "{seen} at yaw {yaw}"
                );
            }
        }
    }

    #[wasm_bindgen_test]
    fn higher_points_are_higher_in_the_picture_and_nearer_ones_deeper_in_depth() {
        let camera = Camera::default();
        assert!(project(&camera, Vec3::Z).y > project(&camera, Vec3::ZERO).y);
        let nearer = camera.target + 0.5 * (camera.eye() - camera.target);
        let depth = project(&camera, nearer).z;
        assert!(depth > project(&camera, camera.target).z);
        assert!(
            (camera.near() / depth - camera.distance / 2.0).abs() < 1e-3,
            "depth is near / z"
        );
    }

    #[wasm_bindgen_test]
    fn what_is_just_before_the_eye_is_not_in_the_way() {
        let mut camera = Camera {
            distance: 1.0,
            ..Camera::default()
        };
        let depth_of = |camera: &Camera, part: f32| {
            project(
                camera,
                camera.target + part * (camera.eye() - camera.target),
            )
            .z
        };
        assert!(depth_of(&camera, 0.8) > 1.0, "a fifth of the way is left");
        assert!(
            depth_of(&camera, 0.6) < 1.0,
            "two fifths of the way are left"
        );
        camera.distance = 20.0;
        assert!(depth_of(&camera, 0.9) < 1.0, "two metres before the eye");
        camera.orthographic = Some(20.0);
        assert!(depth_of(&camera, 0.99) < 1.0, "discs are no larger there");
    }

    #[wasm_bindgen_test]
    fn a_pan_keeps_the_grabbed_point_under_the_finger() {
        let mut camera = Camera::default();
        let grabbed = camera.target;
        camera.pan(Vec2::new(60.0, -20.0), 800.0);
        let seen = project(&camera, grabbed);
        assert!(
            (seen.y - 20.0 / 400.0).abs() < 5e-3 && (seen.x - 60.0 / 600.0).abs() < 5e-3,
            "{seen}"
        );
    }

    #[wasm_bindgen_test]
    fn a_sent_camera_arrives_and_nonsense_becomes_the_default() {
        let camera = Camera {
            target: Vec3::new(1.0, 2.0, 0.5),
            distance: 3.0,
            yaw: 4.0,
            pitch: -0.4,
            orthographic: None,
        };
        let arrived = Camera::from(bundle::SavedCamera::from(camera));
        assert!(arrived.eye().distance(camera.eye()) < 1e-4 && (arrived.yaw - 4.0).abs() < 1e-4);
        let nowhere = bundle::SavedCamera {
            eye: [f32::NAN; 3],
            target: [0.0; 3],
            fov_y: 1.0,
        };
        assert_eq!(Camera::from(nowhere), Camera::default());
    }

    #[wasm_bindgen_test]
    fn sides_look_along_the_axes_and_a_sent_view_from_above_keeps_its_turn() {
        let from = |side| Camera::default().from_side(side);
        assert!(from(Side::Top).forward().distance(-Vec3::Z) < 2e-3);
        assert!(from(Side::Front).forward().distance(Vec3::Y) < 1e-5);
        assert!(from(Side::Left).forward().distance(Vec3::X) < 1e-5);
        assert!(from(Side::Back).forward().distance(-Vec3::Y) < 1e-5);
        assert!(from(Side::Right).forward().distance(-Vec3::X) < 1e-5);
        assert!(from(Side::Bottom).forward().distance(Vec3::Z) < 2e-3);
        let slope = from(Side::Isometric).forward().abs() * 3f32.sqrt();
        assert!(slope.distance(Vec3::ONE) < 1e-4, "{slope}");
        let above = Camera {
            yaw: 2.0,
            pitch: MAX_PITCH,
            ..Camera::default()
        };
        let arrived = Camera::from(bundle::SavedCamera::from(above));
        assert!((arrived.yaw - 2.0).abs() < 1e-2, "{}", arrived.yaw);
    }

    #[wasm_bindgen_test]
    fn who_looks_around_stays_and_who_flies_goes_where_the_gaze_goes() {
        let mut camera = Camera::default();
        let eye = camera.eye();
        camera.look_around(Vec2::new(80.0, -30.0));
        assert!(camera.eye().distance(eye) < 1e-4);
        let forward = camera.forward();
        camera.fly(Vec3::new(0.0, 0.5, 2.0));
        let to = eye + 2.0 * forward + 0.5 * Vec3::Z;
        assert!(camera.eye().distance(to) < 1e-4);
    }

    #[wasm_bindgen_test]
    fn the_short_way_round_is_taken() {
        let from = Camera {
            yaw: 0.1,
            ..Camera::default()
        };
        let to = Camera {
            yaw: 6.2,
            ..Camera::default()
        };
        assert!(from.towards(to, 0.5).yaw.abs() < 0.1);
        assert_eq!(from.towards(to, 0.0), from);
    }
}
