//! Furnished buildings made by other people, walked through as they are: a few rooms at a time or
//! as a whole.

use std::{collections::HashMap, f32::consts::PI, path::Path};

use anyhow::{Context, bail, ensure};
use glam::{Vec2, Vec3};

use super::{
    assets::{self, Sheet},
    camera::Camera,
    classes,
    library::class_of,
    material::Material,
    rng::RoomRng,
    scene::{Light, Owner, Scene, Triangle},
    vary::Shade,
    walk::Sensor,
    ways::{CELL, Role, Ways},
};

/// The most triangles of a building.
const MAX_TRIANGLES: usize = 4_000_000;
/// Limits of the longest side of a building, metres.
const SIZES: [f32; 2] = [1.0, 60.0];
/// The most objects in a building.
const MAX_THINGS: usize = 20_000;
/// ScanNet200's ids of structure with our names.
const STRUCTURE: &[(i32, &str)] = &[(1, "wall"), (3, "floor"), (41, "ceiling")];

/// Walkable cells that a walk through a few rooms should have, where possible.
const LEAST_CELLS: usize = 80;
/// Margin around the area of the walk within which surfaces are visible, metres.
const SIGHT: f32 = 3.5;
/// Camera positions and points per walkable square metre in a walk through the whole building.
const PER_SQUARE_METER: [f32; 2] = [3.0, 4000.0];
/// The most camera positions and points of a walk through the whole building.
const MOST: [f32; 2] = [500.0, 1_200_000.0];
/// Edge of a voxel for a whole building, metres: the size that devices use for large places.
const LARGE_VOXEL: f32 = 0.03;
/// Mean distance of a point to its nearest neighbour for a whole building, metres.
const LARGE_SPACING: f32 = 0.022;
/// Area of walls, floors and ceilings per walkable area.
const AROUND: f32 = 8.0;

/// A building with the ground truth of its objects.
#[derive(Debug)]
pub struct Building {
    positions: Vec<Vec3>,
    /// `(vertices)`: sRGB in 0..1.
    colors: Vec<Vec3>,
    triangles: Vec<Triangle>,
    owners: Vec<Owner>,
    /// Height of the floor.
    floor: f32,
    /// The walkable area.
    ways: Ways,
    /// The position of each object that has a class.
    places: Vec<Vec2>,
}

/// The visible part of a building, and the cameras of the walk.
pub struct Tour {
    /// The scene, with lights.
    pub scene: Scene,
    /// The cameras along the walk.
    pub cameras: Vec<Camera>,
    /// The sensor, with settings that fit the walkable area.
    pub sensor: Sensor,
}

impl Building {
    /// Reads a building from `scenes/` of a folder.
    ///
    /// # Errors
    /// Returns an error if there is no such building, or if it cannot be read or used.
    pub fn open(assets: &Path, name: &str) -> anyhow::Result<Self> {
        let folder = assets.join("scenes");
        let names = assets::meshes_in(&folder)?;
        if !names.iter().any(|n| n == name) {
            bail!(
                "there is no building {name} in {}; there are: {}",
                folder.display(),
                names.join(", ")
            );
        }
        let path = folder.join(format!("{name}.ply"));
        let scan = assets::mesh(&path, MAX_TRIANGLES, SIZES)?;
        let truth = scan.truth.as_ref().with_context(|| {
            format!("{} has no `semantic` and `instance` labels", path.display())
        })?;
        let (owners, owner_of_instance) = owners(&folder.join(format!("{name}.csv")))?;
        let owner = |vertex: u32| match truth.instance[vertex as usize] {
            0 => STRUCTURE
                .iter()
                .position(|(id, _)| *id == truth.semantic[vertex as usize])
                .map_or(0, |i| i as u16 + 1),
            instance => owner_of_instance.get(&instance).copied().unwrap_or(0),
        };
        let triangles = scan
            .triangles
            .iter()
            .map(|corners| Triangle {
                corners: *corners,
                material: 0,
                owner: owner(corners[0]),
            })
            .collect();
        let colors = scan.colors.as_deref().unwrap_or_default();
        let mut building = Self {
            positions: scan.positions.iter().map(|p| Vec3::from(*p)).collect(),
            colors: colors
                .iter()
                .map(|c| Vec3::from(c.map(|c| f32::from(c) / 255.0)))
                .collect(),
            triangles,
            owners,
            floor: 0.0,
            ways: Ways::default(),
            places: Vec::new(),
        };
        building.lay_floor();
        building.ways = building.find_ways();
        building.places = building.find_places();
        ensure!(
            building.ways.cells().next().is_some(),
            "{} has no place where one can walk",
            path.display()
        );
        Ok(building)
    }

    fn owner_of(&self, name: &str) -> u16 {
        STRUCTURE
            .iter()
            .position(|(_, other)| *other == name)
            .map_or(0, |i| i as u16 + 1)
    }

    /// Adds a plate below the whole building if it has no floor.
    fn lay_floor(&mut self) {
        let floor = self.owner_of("floor");
        let of_floor = self
            .triangles
            .iter()
            .filter(|t| t.owner == floor)
            .flat_map(|t| t.corners);
        let height = of_floor
            .map(|i| self.positions[i as usize].z)
            .fold(f32::NEG_INFINITY, f32::max);
        let (lo, hi) = self
            .positions
            .iter()
            .fold((Vec3::INFINITY, Vec3::NEG_INFINITY), |(lo, hi), p| {
                (lo.min(*p), hi.max(*p))
            });
        self.floor = if height.is_finite() { height } else { lo.z };
        if height.is_finite() {
            return;
        }
        let first = self.positions.len() as u32;
        self.positions.extend(
            [(lo.x, lo.y), (hi.x, lo.y), (hi.x, hi.y), (lo.x, hi.y)]
                .map(|(x, y)| Vec3::new(x, y, lo.z)),
        );
        self.colors.extend([Vec3::new(0.5, 0.42, 0.34); 4]);
        let plate = [[0, 1, 2], [0, 2, 3]].map(|t: [u32; 3]| Triangle {
            corners: t.map(|i| i + first),
            material: 0,
            owner: floor,
        });
        self.triangles.extend(plate);
    }

    /// The center of the bounding box of each object, in plan view.
    fn find_places(&self) -> Vec<Vec2> {
        let mut boxes = vec![(Vec2::INFINITY, Vec2::NEG_INFINITY); self.owners.len()];
        for triangle in &self.triangles {
            for corner in triangle
                .corners
                .map(|i| self.positions[i as usize].truncate())
            {
                let (lo, hi) = &mut boxes[triangle.owner as usize];
                (*lo, *hi) = (lo.min(corner), hi.max(corner));
            }
        }
        let things = self
            .owners
            .iter()
            .zip(boxes)
            .filter(|(owner, (lo, _))| owner.instance > 0 && lo.is_finite());
        things.map(|(_, (lo, hi))| (lo + hi) / 2.0).collect()
    }

    fn find_ways(&self) -> Ways {
        let [wall, floor, ceiling] = ["wall", "floor", "ceiling"].map(|name| self.owner_of(name));
        let triangles = self.triangles.iter().map(|triangle| {
            let role = match triangle.owner {
                owner if owner == floor => Role::Floor,
                owner if owner == ceiling => Role::Ceiling,
                owner if owner == wall => Role::Wall,
                _ => Role::Thing,
            };
            (triangle.corners.map(|i| self.positions[i as usize]), role)
        });
        Ways::new(triangles, self.floor)
    }

    /// A walk through a few rooms or the whole building; if `varied`, it may be mirrored and its
    /// colors changed.
    pub fn tour(&self, whole: bool, varied: bool, rng: &mut RoomRng) -> Tour {
        let everywhere = [Vec2::NEG_INFINITY, Vec2::INFINITY];
        let free: Vec<usize> = self.ways.cells().collect();
        let (window, cells) = if whole {
            (everywhere, free)
        } else {
            let mut best: Option<(usize, [Vec2; 2], Vec<usize>)> = None;
            // Choose the most furnished window: large halls are empty in the middle.
            for _ in 0..6 {
                let from = rng.pick(&free);
                let half = Vec2::new(rng.within(2.0, 3.6), rng.within(2.0, 3.6));
                let window = [self.ways.center(from) - half, self.ways.center(from) + half];
                let reached = self.ways.reached(from, window);
                let things = self
                    .places
                    .iter()
                    .filter(|p| p.cmpge(window[0]).all() && p.cmple(window[1]).all())
                    .count();
                let worth = (things + 1) * reached.len().min(LEAST_CELLS);
                if best.as_ref().is_none_or(|(most, ..)| worth > *most) {
                    best = Some((worth, window, reached));
                }
            }
            best.map_or((everywhere, free), |(_, window, reached)| (window, reached))
        };
        let area = cells.len() as f32 * CELL * CELL;
        let mut sensor = Sensor::new(1, AROUND * area, rng);
        if whole {
            sensor.stations = (area * PER_SQUARE_METER[0]).clamp(40.0, MOST[0]) as usize;
            sensor.points = (area * PER_SQUARE_METER[1]).clamp(60_000.0, MOST[1]) as usize;
            (sensor.voxel, sensor.spacing, sensor.is_mesh) = (LARGE_VOXEL, LARGE_SPACING, false);
        }
        let side = if varied { rng.side() } else { 1.0 };
        let placed = |p: Vec3| Vec3::new(p.x * side, p.y, p.z);
        let mut scene = self.scene([window[0] - SIGHT, window[1] + SIGHT], placed, varied, rng);
        let spots = self.spots(&cells, sensor.stations, rng);
        let cameras = spots
            .iter()
            .map(|spot| self.camera(*spot, placed, rng))
            .collect();
        let warm = Vec3::new(1.0, rng.within(0.75, 1.0), rng.within(0.5, 0.95));
        for _ in 0..(sensor.stations / 25).clamp(1, 16) {
            let position = placed(rng.pick(&spots).extend(self.floor + rng.within(2.0, 2.4)));
            scene.lights.push(Light {
                position,
                direction: Vec3::new(0.01, 0.0, -1.0),
                power: warm * rng.within(1.5, 5.0),
            });
        }
        Tour {
            scene,
            cameras,
            sensor,
        }
    }

    /// The triangles inside a window of the plan.
    fn scene(
        &self,
        window: [Vec2; 2],
        placed: impl Fn(Vec3) -> Vec3,
        varied: bool,
        rng: &mut RoomRng,
    ) -> Scene {
        let shades: Vec<Option<Shade>> = self
            .owners
            .iter()
            .map(|_| varied.then(|| Shade::new(rng)))
            .collect();
        let mut scene = Scene {
            owners: self.owners.clone(),
            materials: vec![Material::painted()],
            ..Scene::default()
        };
        let mut new_of_old = HashMap::new();
        for triangle in &self.triangles {
            let corners = triangle
                .corners
                .map(|i| self.positions[i as usize].truncate());
            let (lo, hi) = corners
                .iter()
                .fold((Vec2::INFINITY, Vec2::NEG_INFINITY), |(lo, hi), p| {
                    (lo.min(*p), hi.max(*p))
                });
            if lo.cmpgt(window[1]).any() || hi.cmplt(window[0]).any() {
                continue;
            }
            let corners = triangle.corners.map(|i| {
                *new_of_old.entry(i).or_insert_with(|| {
                    let color = self.colors[i as usize];
                    scene.positions.push(placed(self.positions[i as usize]));
                    scene.textures.push(
                        shades[triangle.owner as usize]
                            .as_ref()
                            .map_or(color, |shade| shade.apply(color)),
                    );
                    scene.positions.len() as u32 - 1
                })
            });
            scene.triangles.push(Triangle {
                corners,
                ..*triangle
            });
        }
        scene.join();
        scene
    }

    /// Camera positions, spread evenly over the walkable cells.
    fn spots(&self, cells: &[usize], stations: usize, rng: &mut RoomRng) -> Vec<Vec2> {
        let mut spots: Vec<Vec2> = Vec::with_capacity(stations);
        while spots.len() < stations {
            // Take the farthest of a few candidates from all previous positions.
            let far = |p: &Vec2| {
                spots
                    .iter()
                    .map(|q| q.distance_squared(*p))
                    .fold(f32::INFINITY, f32::min)
            };
            let tries: Vec<Vec2> = (0..4).map(|_| self.ways.center(rng.pick(cells))).collect();
            let Some(spot) = tries.into_iter().max_by(|a, b| far(a).total_cmp(&far(b))) else {
                break;
            };
            spots.push(spot);
        }
        spots
    }

    /// A hand-held camera that looks in a random direction from a spot, but not at obstacles that
    /// are too near.
    fn camera(&self, spot: Vec2, placed: impl Fn(Vec3) -> Vec3, rng: &mut RoomRng) -> Camera {
        let eye = spot.extend(self.floor + rng.within(1.15, 1.75))
            + Vec3::new(rng.about(0.05), rng.about(0.05), 0.0);
        let open = |yaw: f32| {
            (1..=3).all(|i| {
                self.ways
                    .are_free(spot + Vec2::from_angle(yaw) * (0.2 * i as f32))
            })
        };
        // People look at objects.
        let near: Vec<Vec2> = self
            .places
            .iter()
            .map(|p| *p - spot)
            .filter(|d| (0.6..3.0).contains(&d.length()))
            .collect();
        let mut yaw = if near.is_empty() || rng.chance(0.4) {
            rng.about(PI)
        } else {
            rng.pick(&near).to_angle() + rng.about(0.4)
        };
        for _ in 0..8 {
            if open(yaw) {
                break;
            }
            yaw = rng.about(PI);
        }
        let pitch = if rng.chance(0.1) {
            rng.within(0.0, 0.45)
        } else {
            rng.within(-0.9, -0.12)
        };
        let forward = Vec3::new(
            yaw.cos() * pitch.cos(),
            yaw.sin() * pitch.cos(),
            pitch.sin(),
        );
        Camera::new(placed(eye), placed(forward), 1.05, [184, 138]).rolled(rng.about(0.08))
    }
}

/// The owners that a list of objects names, and the owner of each instance. The first owner is
/// nobody; those of structure come next.
fn owners(list: &Path) -> anyhow::Result<(Vec<Owner>, HashMap<i32, u16>)> {
    let mut owners = vec![Owner {
        semantic: 0,
        instance: 0,
    }];
    owners.extend(STRUCTURE.iter().map(|(_, name)| Owner {
        semantic: classes::id_of(name),
        instance: 0,
    }));
    let mut owner_of_instance = HashMap::new();
    for [instance, category] in Sheet::read(list)?.columns(["instance", "category"])? {
        let instance: i32 = instance.parse().ok().with_context(|| {
            format!(
                "{}: {instance} is not the number of an object",
                list.display()
            )
        })?;
        if let Some(class) = class_of(category) {
            owner_of_instance.insert(instance, owners.len() as u16);
            let things = owners.len() - STRUCTURE.len();
            ensure!(
                things <= MAX_THINGS,
                "{} lists more objects than the limit of {MAX_THINGS}",
                list.display()
            );
            owners.push(Owner {
                semantic: classes::id_of(class),
                instance: things as i32,
            });
        }
    }
    Ok((owners, owner_of_instance))
}
