//! The transform between a file's coordinates and the world frame (metres, z up, near the origin).

use serde::{Deserialize, Serialize};

use crate::geometry::Aabb;

/// The axis of the file's frame that points up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum UpAxis {
    /// +x is up.
    PlusX,
    /// -x is up.
    MinusX,
    /// +y is up (phone scans, game engines).
    PlusY,
    /// -y is up (camera frames: y points down).
    MinusY,
    /// +z is up (ScanNet, surveying).
    #[default]
    PlusZ,
    /// -z is up.
    MinusZ,
}

impl UpAxis {
    /// All six axes.
    pub const ALL: [Self; 6] = [
        Self::PlusX,
        Self::MinusX,
        Self::PlusY,
        Self::MinusY,
        Self::PlusZ,
        Self::MinusZ,
    ];

    /// The index of the axis: 0, 1 or 2 for x, y or z.
    pub const fn index(self) -> usize {
        match self {
            Self::PlusX | Self::MinusX => 0,
            Self::PlusY | Self::MinusY => 1,
            Self::PlusZ | Self::MinusZ => 2,
        }
    }

    /// The sign of the direction along the axis that is up: +1 or -1.
    pub const fn sign(self) -> f64 {
        match self {
            Self::PlusX | Self::PlusY | Self::PlusZ => 1.0,
            Self::MinusX | Self::MinusY | Self::MinusZ => -1.0,
        }
    }

    /// Applies the proper rotation that takes this axis to +z.
    fn rotate(self, [x, y, z]: [f64; 3]) -> [f64; 3] {
        match self {
            Self::PlusX => [-z, y, x],
            Self::MinusX => [z, y, -x],
            Self::PlusY => [x, -z, y],
            Self::MinusY => [x, z, -y],
            Self::PlusZ => [x, y, z],
            Self::MinusZ => [x, -y, -z],
        }
    }

    /// Applies the inverse of [`Self::rotate`].
    fn rotate_back(self, [x, y, z]: [f64; 3]) -> [f64; 3] {
        match self {
            Self::PlusX => [z, y, -x],
            Self::MinusX => [-z, y, x],
            Self::PlusY => [x, z, -y],
            Self::MinusY => [x, -z, y],
            Self::PlusZ => [x, y, z],
            Self::MinusZ => [x, -y, -z],
        }
    }
}

impl std::fmt::Display for UpAxis {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::PlusX => "+x",
            Self::MinusX => "-x",
            Self::PlusY => "+y",
            Self::MinusY => "-y",
            Self::PlusZ => "+z",
            Self::MinusZ => "-z",
        })
    }
}

/// The transform from file to world: `world = up_rotation * (metres_per_unit * (file - offset))`,
/// in f64.
///
/// The rotation only permutes and flips axes, so axis-aligned boxes stay axis-aligned in both
/// directions.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Frame {
    /// The offset that is subtracted first, file units.
    pub offset: [f64; 3],
    /// The length of one file unit in metres.
    pub metres_per_unit: f64,
    /// The up axis of the file.
    pub up: UpAxis,
}

impl Default for Frame {
    /// The identity: file and world coordinates are the same.
    fn default() -> Self {
        Self {
            offset: [0.0; 3],
            metres_per_unit: 1.0,
            up: UpAxis::PlusZ,
        }
    }
}

/// An axis-aligned box in the file's frame and units.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct FileBox {
    /// Lower corner.
    pub min: [f64; 3],
    /// Upper corner.
    pub max: [f64; 3],
}

impl Frame {
    /// Transforms a point from file to world coordinates.
    pub fn world_from_file(&self, file: [f64; 3]) -> [f64; 3] {
        let local =
            std::array::from_fn(|axis| self.metres_per_unit * (file[axis] - self.offset[axis]));
        self.up.rotate(local)
    }

    /// Transforms a point from world to file coordinates.
    pub fn file_from_world(&self, world: [f64; 3]) -> [f64; 3] {
        let local = self.up.rotate_back(world);
        std::array::from_fn(|axis| local[axis] / self.metres_per_unit + self.offset[axis])
    }

    /// Transforms a box from file to world coordinates, rounded to f32.
    pub fn world_box_from_file(&self, file: &FileBox) -> Aabb {
        let [a, b] = [
            self.world_from_file(file.min),
            self.world_from_file(file.max),
        ];
        Aabb {
            min: std::array::from_fn(|axis| a[axis].min(b[axis]) as f32),
            max: std::array::from_fn(|axis| a[axis].max(b[axis]) as f32),
        }
    }

    /// Transforms a box from world to file coordinates.
    pub fn file_box_from_world(&self, world: &Aabb) -> FileBox {
        let [a, b] = [
            self.file_from_world(world.min.map(f64::from)),
            self.file_from_world(world.max.map(f64::from)),
        ];
        FileBox {
            min: std::array::from_fn(|axis| a[axis].min(b[axis])),
            max: std::array::from_fn(|axis| a[axis].max(b[axis])),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn frames() -> impl Strategy<Value = Frame> {
        let offset = proptest::array::uniform3((-20_000i32..20_000).prop_map(f64::from));
        let units = proptest::sample::select(vec![1.0, 0.001, 0.01, 0.0254, 0.3048]);
        (
            offset,
            units,
            proptest::sample::select(UpAxis::ALL.to_vec()),
        )
            .prop_map(|(offset, metres_per_unit, up)| Frame {
                offset,
                metres_per_unit,
                up,
            })
    }

    proptest! {
        #[test]
        fn points_return_through_local_f32_to_a_tenth_of_a_millimetre(frame in frames(), local in proptest::array::uniform3(-20.0f64..20.0)) {
            let file: [f64; 3] = std::array::from_fn(|axis| frame.offset[axis] + local[axis] / frame.metres_per_unit);
            let world = frame.world_from_file(file).map(|v| v as f32);
            let back = frame.file_from_world(world.map(f64::from));
            for axis in 0..3 {
                prop_assert!((back[axis] - file[axis]).abs() * frame.metres_per_unit < 1e-4);
            }
        }

        #[test]
        fn boxes_return_and_keep_their_corners_in_order(frame in frames(), a in proptest::array::uniform3(-20.0f32..20.0), size in proptest::array::uniform3(0.0f32..5.0)) {
            let world = Aabb { min: a, max: std::array::from_fn(|axis| a[axis] + size[axis]) };
            let file = frame.file_box_from_world(&world);
            let back = frame.world_box_from_file(&file);
            for axis in 0..3 {
                prop_assert!(file.min[axis] <= file.max[axis]);
                prop_assert!((back.min[axis] - world.min[axis]).abs() < 1e-4 && (back.max[axis] - world.max[axis]).abs() < 1e-4);
            }
        }
    }

    #[test]
    fn every_rotation_is_proper_and_brings_its_axis_up() {
        for up in UpAxis::ALL {
            let mut axis = [0.0; 3];
            axis[up.index()] = up.sign();
            assert_eq!(up.rotate(axis).map(|v| v + 0.0), [0.0, 0.0, 1.0], "{up}");
            let [a, b, c] = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]
                .map(|v| glam::DVec3::from(up.rotate(v)));
            assert_eq!(a.cross(b), c, "{up} is a reflection");
        }
    }
}
