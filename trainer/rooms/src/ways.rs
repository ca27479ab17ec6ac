//! The walkable area of a building, as a grid of cells in plan view.

use glam::{IVec2, Vec2, Vec3};

/// Side of a cell of the grid, metres.
pub const CELL: f32 = 0.1;
/// Clearance between the walkable cells and obstacles, cells.
const MARGIN: i32 = 2;
/// Range of heights above the floor in which surfaces are obstacles, metres.
const IN_THE_WAY: [f32; 2] = [0.2, 1.8];
/// The most samples of all surfaces together, enough for any building.
const MOST_SAMPLES: usize = 1 << 24;
/// The role of a surface for a walking person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The surface that is walked on.
    Floor,
    /// Surrounds every place where a person can be; also an obstacle.
    Wall,
    /// Never an obstacle.
    Ceiling,
    /// An obstacle if it is at the height of a person.
    Thing,
}

/// The walkable grid of a building.
#[derive(Debug, Default)]
pub struct Ways {
    /// The lower corner of the first cell.
    low: Vec2,
    /// Cells along x and y.
    size: IVec2,
    /// `(cells)`: `true` where a person can walk.
    free: Vec<bool>,
}

impl Ways {
    /// Marks the cells that have floor, no obstacle within the clearance, and walls on all four
    /// sides.
    pub fn new(
        triangles: impl Iterator<Item = ([Vec3; 3], Role)> + Clone,
        height_of_floor: f32,
    ) -> Self {
        let corners = triangles
            .clone()
            .flat_map(|(corners, _)| corners)
            .map(Vec3::truncate);
        let (low, high) = corners.fold((Vec2::INFINITY, Vec2::NEG_INFINITY), |(lo, hi), p| {
            (lo.min(p), hi.max(p))
        });
        let mut ways = Self {
            low,
            size: ((high - low) / CELL).as_ivec2() + 1,
            free: Vec::new(),
        };
        let cells = (ways.size.x * ways.size.y) as usize;
        let (mut floor, mut wall, mut taken) =
            (vec![false; cells], vec![false; cells], vec![false; cells]);
        let mut samples = 0;
        for ([a, b, c], role) in triangles {
            let longest = a.distance(b).max(b.distance(c)).max(c.distance(a));
            let steps = (longest / (0.7 * CELL)).ceil().max(1.0);
            samples += (steps * steps / 2.0) as usize;
            if samples > MOST_SAMPLES {
                break;
            }
            for i in 0..=steps as usize {
                for j in 0..=steps as usize - i {
                    let p = a + (b - a) * (i as f32 / steps) + (c - a) * (j as f32 / steps);
                    let Some(cell) = ways.cell(p.truncate()) else {
                        continue;
                    };
                    match role {
                        Role::Floor => floor[cell] = true,
                        Role::Ceiling => {}
                        Role::Wall | Role::Thing => {
                            wall[cell] |= role == Role::Wall;
                            taken[cell] |=
                                (IN_THE_WAY[0]..IN_THE_WAY[1]).contains(&(p.z - height_of_floor));
                        }
                    }
                }
            }
        }
        let enclosed = enclosed(&wall, ways.size.x as usize);
        let (width, height) = (ways.size.x, ways.size.y);
        let room = |cell: usize| {
            let (x, y) = (cell as i32 % width, cell as i32 / width);
            let near = |at: i32, most: i32| (at - MARGIN).max(0)..=(at + MARGIN).min(most - 1);
            near(y, height).all(|y| near(x, width).all(|x| !taken[(y * width + x) as usize]))
        };
        ways.free = (0..cells)
            .map(|cell| floor[cell] && enclosed[cell] && room(cell))
            .collect();
        ways
    }

    /// The walkable cells.
    pub fn cells(&self) -> impl Iterator<Item = usize> {
        (0..self.free.len()).filter(|cell| self.free[*cell])
    }

    /// `true` if a person can walk at a point.
    pub fn are_free(&self, p: Vec2) -> bool {
        self.cell(p).is_some_and(|cell| self.free[cell])
    }

    fn cell(&self, p: Vec2) -> Option<usize> {
        let at = ((p - self.low) / CELL).floor().as_ivec2();
        (at.min_element() >= 0 && at.cmplt(self.size).all())
            .then_some((at.y * self.size.x + at.x) as usize)
    }

    /// The center of a cell.
    pub fn center(&self, cell: usize) -> Vec2 {
        let cell = IVec2::new(cell as i32 % self.size.x, cell as i32 / self.size.x);
        self.low + (cell.as_vec2() + 0.5) * CELL
    }

    /// The walkable cells that can be reached from a cell without leaving a window.
    pub fn reached(&self, from: usize, window: [Vec2; 2]) -> Vec<usize> {
        let mut seen = vec![false; self.free.len()];
        let (mut reached, mut next) = (Vec::new(), vec![from]);
        seen[from] = true;
        while let Some(cell) = next.pop() {
            reached.push(cell);
            let here = self.center(cell);
            for step in [Vec2::X, Vec2::NEG_X, Vec2::Y, Vec2::NEG_Y] {
                let there = here + step * CELL;
                let Some(other) = self.cell(there) else {
                    continue;
                };
                if self.free[other]
                    && !seen[other]
                    && there.cmpge(window[0]).all()
                    && there.cmple(window[1]).all()
                {
                    seen[other] = true;
                    next.push(other);
                }
            }
        }
        reached
    }
}

/// `(cells)`: `true` if there is a wall in each of the four directions.
fn enclosed(wall: &[bool], width: usize) -> Vec<bool> {
    let height = wall.len() / width;
    let mut sides = vec![0u8; wall.len()];
    let mut sweep = |cells: &mut dyn Iterator<Item = usize>| {
        let mut behind = false;
        for cell in cells {
            behind |= wall[cell];
            sides[cell] += u8::from(behind);
        }
    };
    for y in 0..height {
        sweep(&mut (0..width).map(|x| y * width + x));
        sweep(&mut (0..width).rev().map(|x| y * width + x));
    }
    for x in 0..width {
        sweep(&mut (0..height).map(|y| y * width + x));
        sweep(&mut (0..height).rev().map(|y| y * width + x));
    }
    sides.into_iter().map(|sides| sides == 4).collect()
}
