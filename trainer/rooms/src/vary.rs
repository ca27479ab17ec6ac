//! Varies a model: exchanges parts with another model of its class, and changes its proportions,
//! shape and materials.

use std::f32::consts::FRAC_PI_2;

use glam::{Quat, Vec2, Vec3};

use super::{
    grammar::{Object, Part, Top},
    library::{Model, Paint, Surface},
    material::{Material, Texture, hue},
    mesh::{Mesh, Vertex},
    rng::RoomRng,
};

/// Limits of the total scale of each side relative to the model.
const STRETCH: [f32; 2] = [0.72, 1.4];
/// Share of the smaller cross section that two halves must have in common for one to rest on the
/// other.
const SHARED: f32 = 0.5;

/// Soft classes, which are covered with cloth.
const SOFT: &[&str] = &[
    "couch",
    "armchair",
    "sofa chair",
    "ottoman",
    "bean bag",
    "bed",
    "pillow",
    "cushion",
    "rug",
    "mat",
    "curtain",
    "bag",
    "suitcase",
];
/// Classes that are mostly white.
const WHITE: &[&str] = &[
    "toilet",
    "sink",
    "bathtub",
    "refrigerator",
    "mini fridge",
    "washing machine",
    "clothes dryer",
    "dishwasher",
    "air conditioner",
    "light switch",
];
/// Classes made of plastic and metal, never of wood or cloth.
const DEVICES: &[&str] = &[
    "laptop",
    "monitor",
    "tv",
    "tablet",
    "keyboard",
    "mouse",
    "microwave",
    "toaster",
    "coffee maker",
    "coffee kettle",
    "fan",
    "radio",
    "iron",
    "speaker",
    "machine",
    "stove",
    "range hood",
    "fire extinguisher",
    "smoke detector",
    "electrical panel",
    "exercise machine",
];
/// Classes on which a depth camera fails over large areas.
const GLOSSY: &[&str] = &[
    "mirror",
    "window",
    "tv",
    "monitor",
    "tablet",
    "shower",
    "vending machine",
];
/// Classes whose bright parts emit light.
const LAMPS: &[&str] = &["lamp", "floor lamp", "ceiling lamp", "ceiling light"];
/// Classes that fill the hole in the wall that was made for them.
const FITTED: &[&str] = &["door", "window"];

/// A variation of a model that replaces an object with the bounding box `space`; some of its parts
/// come from `mate`, if given.
pub fn varied(
    model: &Model,
    mate: Option<&Model>,
    space: (Vec3, Vec3),
    rng: &mut RoomRng,
) -> Object {
    let height = model.size.z * rng.within(0.25, 0.75);
    let mixed = mate
        .filter(|_| rng.chance(0.35))
        .and_then(|mate| mixed(model, mate, height));
    let (surfaces, tops) = match mixed {
        Some(surfaces) => (
            surfaces,
            model
                .tops
                .iter()
                .filter(|top| top.center.z > height)
                .copied()
                .collect(),
        ),
        None => (model.surfaces.clone(), model.tops.clone()),
    };
    let turns = quarter_turns(model, space.1 - space.0, rng);
    let form = Form::new(model, space.1 - space.0, turns, rng);
    let shade = Shade::new(rng);
    let whole: f32 = surfaces.iter().map(|surface| extent(&surface.mesh)).sum();
    let mut object = Object::new(model.class);
    for Surface { mesh, paint } in surfaces {
        let share = extent(&mesh) / whole.max(1e-6);
        let mut mesh = mesh.warp(|p| form.apply(p));
        let material = match paint {
            Paint::Flat(color) => material(color, share, model.class, &mesh, rng),
            Paint::Baked => {
                mesh.vertices
                    .iter_mut()
                    .for_each(|v| v.texture = shade.apply(v.texture));
                Material::painted()
            }
        };
        let material = if GLOSSY.contains(&model.class) {
            material.missing(0.25)
        } else {
            material
        };
        object.parts.push(Part { mesh, material });
    }
    object.tops = tops.into_iter().map(|top| form.top(top)).collect();
    let (lo, hi) = object.bounds();
    // Its back goes to the back of the replaced object, which may hang on a wall.
    let y = if space.0.y > -0.02 {
        space.0.y - lo.y
    } else {
        (space.0.y + space.1.y - lo.y - hi.y) / 2.0
    };
    object.at(
        (space.0.x + space.1.x - lo.x - hi.x) / 2.0,
        y,
        space.0.z - lo.z,
    )
}

/// The approximate size of a mesh: half the surface area of its bounding box.
fn extent(mesh: &Mesh) -> f32 {
    let (lo, hi) = mesh.bounds();
    let d = (hi - lo).max(Vec3::ZERO);
    d.x * d.y + d.y * d.z + d.z * d.x
}

/// Number of quarter turns: if the back is unknown, the long side follows the long side of the
/// place.
fn quarter_turns(model: &Model, wanted: Vec3, rng: &mut RoomRng) -> usize {
    if model.has_front {
        return 0;
    }
    let square = |size: Vec3| size.x.min(size.y) > 0.85 * size.x.max(size.y);
    if square(model.size) && square(wanted) {
        return rng.count(0, 3);
    }
    2 * rng.count(0, 1) + usize::from((model.size.x > model.size.y) != (wanted.x > wanted.y))
}

/// A change of shape.
struct Form {
    scale: Vec3,
    height: f32,
    half: Vec2,
    taper: f32,
    shear: f32,
    bend: f32,
    turns: usize,
}

impl Form {
    fn new(model: &Model, wanted: Vec3, turns: usize, rng: &mut RoomRng) -> Self {
        let size = model.size.max(Vec3::splat(1e-3));
        let whole = rng.within(0.85, 1.2);
        let stretch = Vec3::new(
            rng.within(0.8, 1.25),
            rng.within(0.8, 1.25),
            rng.within(0.8, 1.25),
        );
        let mut scale = (stretch * whole).clamp(Vec3::splat(STRETCH[0]), Vec3::splat(STRETCH[1]));
        let fitted = FITTED.contains(&model.class);
        if fitted {
            let wanted = if turns % 2 == 1 {
                Vec3::new(wanted.y, wanted.x, wanted.z)
            } else {
                wanted
            };
            scale = (wanted / size).max(Vec3::new(0.0, 0.5, 0.0));
        }
        let mut sometimes = |reach: f32| {
            if !fitted && rng.chance(0.3) {
                rng.about(reach)
            } else {
                0.0
            }
        };
        let (taper, shear, bend) = (sometimes(0.1), sometimes(0.04), sometimes(0.08));
        scale.x *= rng.side();
        Self {
            scale,
            height: size.z,
            half: size.truncate() / 2.0,
            taper,
            shear,
            bend,
            turns,
        }
    }

    fn apply(&self, p: Vec3) -> Vec3 {
        let narrow = 1.0 + self.taper * (p.z / self.height - 0.5);
        let (x, y) = (p.x * narrow, p.y * narrow);
        let bent = Vec3::new(
            x + self.shear * p.z,
            y + self.bend * self.half.y * (p.x / self.half.x).powi(2),
            p.z,
        );
        Quat::from_rotation_z(self.turns as f32 * FRAC_PI_2) * (bent * self.scale)
    }

    fn top(&self, top: Top) -> Top {
        // Bending and tapering take some of the rim.
        let [x, y] = [
            top.half[0] * self.scale.x.abs() * 0.94,
            top.half[1] * self.scale.y * 0.94,
        ];
        let half = if self.turns % 2 == 1 { [y, x] } else { [x, y] };
        Top {
            center: self.apply(top.center),
            half,
            clearance: top.clearance * self.scale.z,
        }
    }
}

/// A variation of brightness, saturation and hue for colors that cannot be replaced.
pub struct Shade {
    gain: f32,
    saturation: f32,
    turn: Quat,
}

impl Shade {
    /// A random variation, not far from the identity.
    pub fn new(rng: &mut RoomRng) -> Self {
        let turn = if rng.chance(0.5) {
            rng.about(0.35)
        } else {
            0.0
        };
        Self {
            gain: rng.within(0.75, 1.25),
            saturation: rng.within(0.6, 1.3),
            turn: Quat::from_axis_angle(Vec3::ONE.normalize(), turn),
        }
    }

    /// The varied color, sRGB in 0..1.
    pub fn apply(&self, color: Vec3) -> Vec3 {
        let gray = Vec3::splat(color.element_sum() / 3.0);
        ((gray + self.turn * (color - gray) * self.saturation) * self.gain)
            .clamp(Vec3::ZERO, Vec3::ONE)
    }
}

/// A new material for a part of one color: sometimes its own color again, mostly a material that is
/// usual for parts of its size.
fn material(color: Vec3, share: f32, class: &str, mesh: &Mesh, rng: &mut RoomRng) -> Material {
    let light = color.element_sum() / 3.0;
    if LAMPS.contains(&class) && light > 0.6 {
        return rng.white().glowing(rng.within(0.0, 0.8));
    }
    if class.ends_with("plant") && color.y > color.x.max(color.z) {
        return rng.leaf();
    }
    if share > 0.15 && WHITE.contains(&class) && rng.chance(0.6) {
        return rng.white();
    }
    let (lo, hi) = mesh.bounds();
    let axis = (0..3)
        .max_by(|a, b| (hi - lo)[*a].total_cmp(&(hi - lo)[*b]))
        .unwrap_or(0);
    if rng.chance(0.3) {
        let base = Shade::new(rng).apply(color.max(Vec3::splat(0.03)));
        let texture = if rng.chance(0.3) && !DEVICES.contains(&class) {
            Texture::Grain(axis)
        } else {
            Texture::Mottled(rng.within(0.05, 0.4))
        };
        let accent = base * rng.within(0.5, 0.9);
        let material = Material::new(texture, base, accent, rng);
        return if light < 0.2 {
            material.missing(rng.within(0.02, 0.25))
        } else {
            material
        };
    }
    if DEVICES.contains(&class) {
        return match rng.count(0, 3) {
            0 => rng.metal(),
            1 => rng.dark(),
            2 => rng.white(),
            _ => rng.paint(),
        };
    }
    let soft = if SOFT.contains(&class) { 0.75 } else { 0.06 };
    match rng.within(0.0, 1.0) {
        t if t < soft => rng.fabric(),
        // Small parts are fittings.
        _ if share < 0.15 => match rng.count(0, 5) {
            0 => rng.metal(),
            1 => rng.dark(),
            2 => rng.white(),
            3 => rng.paint(),
            4 => rng.print(0.1),
            _ => rng.carcass(axis),
        },
        t if t < soft + 0.1 => rng.metal(),
        t if t < soft + 0.16 => rng.dark(),
        t if t < soft + 0.3 => rng.white(),
        t if t < soft + 0.36 => {
            let base = hue(
                rng.within(0.0, 1.0),
                rng.within(0.3, 0.9),
                rng.within(0.2, 0.9),
            );
            Material::new(Texture::Mottled(0.2), base, base * 0.7, rng)
        }
        _ => rng.carcass(axis),
    }
}

/// The part of a model above `height` on the part of its mate below `height`, stretched to the same
/// size; `None` if one would not rest on the other.
fn mixed(model: &Model, mate: &Model, height: f32) -> Option<Vec<Surface>> {
    let scale = model.size / mate.size.max(Vec3::splat(1e-3));
    let stretched = |surface: &Surface| Surface {
        mesh: surface.mesh.clone().warp(|p| p * scale),
        paint: surface.paint,
    };
    let above: Vec<Cut> = model
        .surfaces
        .iter()
        .map(|surface| Cut::new(surface.clone(), height, 1.0))
        .collect();
    let below: Vec<Cut> = mate
        .surfaces
        .iter()
        .map(|surface| Cut::new(stretched(surface), height, -1.0))
        .collect();
    let section = |cuts: &[Cut]| {
        cuts.iter()
            .fold((Vec2::INFINITY, Vec2::NEG_INFINITY), |(lo, hi), cut| {
                (lo.min(cut.section.0), hi.max(cut.section.1))
            })
    };
    let ((a, b), (c, d)) = (section(&above), section(&below));
    let area = |lo: Vec2, hi: Vec2| (hi - lo).max(Vec2::ZERO).element_product();
    let (shared, smaller, larger) = (
        area(a.max(c), b.min(d)),
        area(a, b).min(area(c, d)),
        area(a, b).max(area(c, d)),
    );
    let rests = smaller > 1e-4 && shared > SHARED * smaller && smaller > 0.3 * larger;
    rests.then(|| {
        above
            .into_iter()
            .chain(below)
            .map(|cut| cut.kept)
            .filter(|surface| !surface.mesh.triangles.is_empty())
            .collect()
    })
}

/// The part of a surface on one side of a horizontal plane.
struct Cut {
    kept: Surface,
    /// The low and high corners of the bounding rectangle of the cross section.
    section: (Vec2, Vec2),
}

impl Cut {
    /// Keeps the part above `height` if `side` is 1, below if it is -1.
    fn new(surface: Surface, height: f32, side: f32) -> Self {
        let Surface { mesh, paint } = surface;
        let mut kept = Mesh {
            vertices: mesh.vertices,
            triangles: Vec::with_capacity(mesh.triangles.len()),
        };
        let mut section = (Vec2::INFINITY, Vec2::NEG_INFINITY);
        for triangle in mesh.triangles {
            let away = |i: u32, mesh: &Mesh| (mesh.vertices[i as usize].position.z - height) * side;
            let mut polygon: Vec<u32> = Vec::with_capacity(4);
            for (k, &i) in triangle.iter().enumerate() {
                let j = triangle[(k + 1) % 3];
                let (here, there) = (away(i, &kept), away(j, &kept));
                if here >= 0.0 {
                    polygon.push(i);
                }
                if (here >= 0.0) != (there >= 0.0) {
                    let (a, b, t) = (
                        kept.vertices[i as usize],
                        kept.vertices[j as usize],
                        here / (here - there),
                    );
                    let vertex = Vertex {
                        position: a.position.lerp(b.position, t),
                        texture: a.texture.lerp(b.texture, t),
                    };
                    section = (
                        section.0.min(vertex.position.truncate()),
                        section.1.max(vertex.position.truncate()),
                    );
                    polygon.push(kept.vertices.len() as u32);
                    kept.vertices.push(vertex);
                }
            }
            kept.triangles
                .extend((2..polygon.len()).map(|i| [polygon[0], polygon[i - 1], polygon[i]]));
        }
        Self {
            kept: Surface {
                mesh: compact(kept),
                paint,
            },
            section,
        }
    }
}

/// Removes the vertices that no triangle uses.
fn compact(mesh: Mesh) -> Mesh {
    let mut new_of_old = vec![u32::MAX; mesh.vertices.len()];
    let mut vertices = Vec::new();
    let mut place = |i: u32| {
        if new_of_old[i as usize] == u32::MAX {
            new_of_old[i as usize] = vertices.len() as u32;
            vertices.push(mesh.vertices[i as usize]);
        }
        new_of_old[i as usize]
    };
    let triangles = mesh.triangles.iter().map(|t| t.map(&mut place)).collect();
    Mesh {
        vertices,
        triangles,
    }
}
