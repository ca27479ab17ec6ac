//! The room that all odd files are made of: floor, two walls, a table and two chairs, as a mesh.

/// A corner of the mesh.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Corner {
    /// Position in metres, z up.
    pub at: [f32; 3],
    /// sRGB.
    pub color: [u8; 3],
    /// Class, numbered as in NYU40, and instance, 0 for what is no object.
    pub label: [i32; 2],
}

/// A mesh of labelled corners.
#[derive(Clone, Debug, Default)]
pub struct Room {
    /// The corners.
    pub corners: Vec<Corner>,
    /// The triangles, three indices of corners each.
    pub triangles: Vec<[u32; 3]>,
}

/// Distance between corners, metres.
const STEP: f32 = 0.04;
/// Largest deviation of a coordinate from its surface, metres.
const NOISE: f32 = 0.002;

/// What a surface is of: its color and its label.
#[derive(Clone, Copy)]
struct Paint([u8; 3], [i32; 2]);

const FLOOR: Paint = Paint([139, 104, 70], [2, 0]);
const WALL: Paint = Paint([218, 212, 203], [1, 0]);
const TABLE: Paint = Paint([149, 88, 41], [7, 1]);
const CHAIRS: [Paint; 2] = [Paint([24, 64, 158], [5, 2]), Paint([171, 38, 40], [5, 3])];

/// Makes meshes of rectangles, with the same noise every time.
struct Maker {
    room: Room,
    noise: u32,
    /// Distance between corners.
    step: f32,
}

impl Maker {
    fn new(step: f32) -> Self {
        Self {
            room: Room::default(),
            noise: 7,
            step,
        }
    }

    /// In -1..=1.
    fn noise(&mut self) -> f32 {
        self.noise = self
            .noise
            .wrapping_mul(1_664_525)
            .wrapping_add(1_013_904_223);
        (self.noise >> 16) as f32 / 32_767.5 - 1.0
    }

    fn rectangle(&mut self, from: [f32; 3], [a, b]: [[f32; 3]; 2], Paint(color, label): Paint) {
        let length = |edge: [f32; 3]| edge.iter().map(|x| x * x).sum::<f32>().sqrt();
        let [along, across] = [a, b].map(|edge| ((length(edge) / self.step).ceil() as u32).max(1));
        let first = self.room.corners.len() as u32;
        for i in 0..=along {
            for k in 0..=across {
                let [u, v] = [i as f32 / along as f32, k as f32 / across as f32];
                let at = std::array::from_fn(|axis| {
                    from[axis] + a[axis] * u + b[axis] * v + NOISE * self.noise()
                });
                let color = color.map(|c| (f32::from(c) + 8.0 * self.noise()) as u8);
                self.room.corners.push(Corner { at, color, label });
            }
        }
        for i in 0..along {
            for k in 0..across {
                let corner = first + i * (across + 1) + k;
                let [right, both] = [corner + across + 1, corner + across + 2];
                self.room
                    .triangles
                    .extend([[corner, right, both], [corner, both, corner + 1]]);
            }
        }
    }

    /// The sides of a box that stand upright, and its top.
    fn block(&mut self, [x, y, z]: [f32; 3], [w, d, h]: [f32; 3], paint: Paint) {
        let up = [0.0, 0.0, h];
        let [along, across] = [[w, 0.0, 0.0], [0.0, d, 0.0]];
        self.rectangle([x, y, z], [along, up], paint);
        self.rectangle([x, y + d, z], [along, up], paint);
        self.rectangle([x, y, z], [across, up], paint);
        self.rectangle([x + w, y, z], [across, up], paint);
        self.rectangle([x, y, z + h], [along, across], paint);
    }

    /// Four legs below a plate.
    fn stand(&mut self, [x, y]: [f32; 2], [w, d]: [f32; 2], height: f32, paint: Paint) {
        const LEG: f32 = 0.05;
        const PLATE: f32 = 0.04;
        for (i, k) in [(0.0, 0.0), (1.0, 0.0), (0.0, 1.0), (1.0, 1.0)] {
            let corner = [x + i * (w - LEG), y + k * (d - LEG), 0.0];
            self.block(corner, [LEG, LEG, height - PLATE], paint);
        }
        self.block([x, y, height - PLATE], [w, d, PLATE], paint);
    }
}

/// The room, 4 x 3.5 m and 2.5 m high.
pub fn room() -> Room {
    storey(Maker::new(STEP), [4.0, 3.5], 2.5).room
}

fn storey(mut maker: Maker, [width, depth]: [f32; 2], height: f32) -> Maker {
    let [x, y, z] = [[width, 0.0, 0.0], [0.0, depth, 0.0], [0.0, 0.0, height]];
    maker.rectangle([0.0; 3], [x, y], FLOOR);
    maker.rectangle([0.0; 3], [x, z], WALL);
    maker.rectangle([0.0; 3], [y, z], WALL);
    maker.stand([1.3, 1.6], [1.2, 0.7], 0.74, TABLE);
    for (at, paint) in [[1.6, 0.7], [3.0, 1.7]].into_iter().zip(CHAIRS) {
        maker.stand(at, [0.45, 0.45], 0.46, paint);
        maker.block([at[0], at[1], 0.46], [0.45, 0.04, 0.45], paint);
    }
    maker
}

/// Three storeys of 12 x 9 m, each with a table and chairs, a point every 15 cm.
pub fn building() -> Room {
    let mut all = Room::default();
    for floor in 0..3 {
        let mut storey = storey(Maker::new(0.12), [12.0, 9.0], 2.8).room;
        let first = all.corners.len() as u32;
        for corner in &mut storey.corners {
            corner.at[2] += 2.8 * floor as f32;
        }
        all.corners.append(&mut storey.corners);
        let moved = storey.triangles.iter().map(|t| t.map(|v| v + first));
        all.triangles.extend(moved);
    }
    all
}

/// The same room of as few triangles as its rectangles allow.
pub fn coarse() -> Room {
    storey(Maker::new(f32::INFINITY), [4.0, 3.5], 2.5).room
}
