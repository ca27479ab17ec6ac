//! Furniture models made by other people: read once, checked, and shared by all rooms of a world.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
};

use anyhow::{Context, ensure};
use glam::Vec3;
use rayon::prelude::*;
use segscape::scan::Scan;

use super::{
    assets::{self, Sheet},
    classes,
    grammar::Top,
    mesh::{Mesh, Vertex},
    rng::RoomRng,
    tops,
    world::Models,
};

/// The most triangles of a model.
const MAX_TRIANGLES: usize = 100_000;
/// Limits of the longest side of a model, metres.
const SIZES: [f32; 2] = [0.02, 8.0];
/// Spacing of the grid on which vertices are merged, metres: no scan shows finer detail.
const GRAIN: f32 = 0.004;
/// The most colors of a model that is made of colored parts; models with more are colored by
/// vertex.
const MOST_COLORS: usize = 12;
/// Probability of choosing a model of the requested class where models of that class and of its kin
/// both exist.
const SAME_KIND: f32 = 0.75;

/// The held-out sources, used to test whether furniture by other makers is found: all of their
/// models are held out, and no others.
const HELD_OUT: &[&str] = &[
    "open-rmf/rmf_demos",
    "aws-robotics/aws-robomaker-bookstore-world",
];

/// Class names of other collections, with our names for them.
const SYNONYMS: &[(&str, &str)] = &[
    ("electric panel", "electrical panel"),
    ("exercise equipment", "exercise machine"),
    ("recycle bin", "recycling bin"),
];

/// Groups of classes found in the same places: a request for one class may be served by a model of
/// another. Classes without a grammar enter rooms only this way.
pub const KIN: &[&[&str]] = &[
    &["chair", "office chair", "folded chair", "stool"],
    &[
        "armchair",
        "sofa chair",
        "ottoman",
        "bean bag",
        "bench",
        "stool",
    ],
    &["couch", "bench", "armchair"],
    &["table", "dining table", "desk", "counter", "pool table"],
    &["coffee table", "end table", "ottoman", "tv stand"],
    &[
        "nightstand",
        "end table",
        "cabinet",
        "file cabinet",
        "stool",
        "mini fridge",
        "stand",
    ],
    &[
        "dresser",
        "cabinet",
        "tv stand",
        "kitchen counter",
        "shoe rack",
        "bookshelf",
        "counter",
        "bench",
        "rack",
    ],
    &[
        "cabinet",
        "wardrobe",
        "bookshelf",
        "rack",
        "refrigerator",
        "vending machine",
        "machine",
        "divider",
        "storage organizer",
        "copier",
        "water cooler",
    ],
    &[
        "file cabinet",
        "storage organizer",
        "mini fridge",
        "shoe rack",
        "copier",
        "cart",
    ],
    &[
        "kitchen counter",
        "bathroom vanity",
        "bathroom counter",
        "counter",
        "dishwasher",
        "oven",
        "kitchen cabinet",
    ],
    &[
        "stove",
        "oven",
        "dishwasher",
        "washing machine",
        "clothes dryer",
    ],
    &["refrigerator", "vending machine", "wardrobe", "shower"],
    &[
        "machine",
        "exercise machine",
        "copier",
        "piano",
        "keyboard piano",
        "pool table",
        "vending machine",
        "bicycle",
    ],
    &[
        "trash can",
        "trash bin",
        "bin",
        "recycling bin",
        "bucket",
        "laundry hamper",
        "laundry basket",
        "toilet brush",
    ],
    &[
        "suitcase",
        "luggage",
        "backpack",
        "bag",
        "guitar case",
        "bean bag",
    ],
    &[
        "box",
        "crate",
        "storage bin",
        "storage container",
        "basket",
        "toy",
        "suitcase",
        "speaker",
    ],
    &[
        "floor lamp",
        "lamp",
        "coat rack",
        "fan",
        "plant",
        "potted plant",
        "stand",
        "music stand",
    ],
    &["plant", "potted plant", "vase"],
    &["ceiling lamp", "ceiling light", "smoke detector", "fan"],
    &["divider", "rack", "coat rack"],
    &["column", "pillar"],
    &["monitor", "tv"],
    &[
        "picture",
        "poster",
        "mirror",
        "bulletin board",
        "tv",
        "whiteboard",
    ],
    &[
        "vent",
        "air conditioner",
        "shelf",
        "electrical panel",
        "sign",
    ],
    &["fire alarm", "clock", "light switch", "electrical panel"],
    &[
        "mailbox",
        "electrical panel",
        "fire extinguisher",
        "air conditioner",
    ],
    &["radiator", "air conditioner"],
    &["pillow", "cushion"],
    &["rug", "mat"],
    &["book", "books", "paper", "tablet", "cd case", "kitchenware"],
    &[
        "cup",
        "bottle",
        "water bottle",
        "vase",
        "toy",
        "tool",
        "candle",
        "decoration",
    ],
    &["plate", "bowl", "tray", "kitchenware"],
    &["laptop", "tablet", "book"],
    &[
        "telephone",
        "alarm clock",
        "tablet",
        "radio",
        "toy",
        "tool",
        "speaker",
    ],
    &[
        "toaster",
        "coffee maker",
        "coffee kettle",
        "radio",
        "iron",
        "machine",
        "microwave",
        "toaster oven",
    ],
    &["hair dryer", "iron", "tool", "kitchenware"],
    &[
        "decoration",
        "picture",
        "toy",
        "ball",
        "vase",
        "stuffed animal",
    ],
    &["shower floor", "shower"],
    &["dumbbell", "exercise machine", "ball"],
    &["laundry detergent", "iron", "toilet brush", "bottle"],
    &["plunger", "toilet brush"],
    &["tube", "tool", "dumbbell"],
];

/// How the surfaces of a model are colored.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Paint {
    /// One color for the whole surface, sRGB in 0..1; any material may replace it.
    Flat(Vec3),
    /// Colored by vertex; the color is stored in place of the texture position.
    Baked,
}

/// A part of a model with a uniform appearance.
#[derive(Clone, Debug)]
pub struct Surface {
    /// Its shape in the model's frame, which is the frame of the grammars' objects.
    pub mesh: Mesh,
    /// Its color.
    pub paint: Paint,
}

/// An object made by someone else: standing on z = 0, centred in x and y, its back towards -y where
/// the back is known.
#[derive(Clone, Debug)]
pub struct Model {
    /// Its class.
    pub class: &'static str,
    /// Its surfaces.
    pub surfaces: Vec<Surface>,
    /// The support surfaces on which other objects may stand.
    pub tops: Vec<Top>,
    /// Width, depth and height, metres.
    pub size: Vec3,
    /// `true` if its back is known.
    pub has_front: bool,
}

/// A collection of models.
#[derive(Debug, Default)]
pub struct Library {
    models: Vec<Model>,
    of_class: HashMap<&'static str, Vec<usize>>,
}

impl Library {
    /// Reads the models for the given use from `models/` of a folder.
    ///
    /// # Errors
    /// Returns an error if the manifest or a model cannot be read or used, or if there is no model
    /// for this use.
    pub fn open(assets: &Path, models: Models) -> anyhow::Result<Self> {
        let folder = assets.join("models");
        let path = folder.join("manifest.csv");
        let sheet = Sheet::read(&path)?;
        let rows = sheet.columns(["file", "category", "source_repo", "textured", "front"])?;
        let rows: Vec<_> = rows
            .into_iter()
            .filter(|[_, _, source, ..]| HELD_OUT.contains(source) == (models == Models::HeldOut))
            .collect();
        ensure!(
            !rows.is_empty(),
            "{} lists no model for this use",
            path.display()
        );
        let model = |[file, category, _, textured, front]: [&str; 5]| {
            ensure!(
                Path::new(file).file_name().is_some_and(|name| name == file),
                "{}: {file} is not the name of a file in its folder",
                path.display()
            );
            let class = class_of(category).with_context(|| {
                format!(
                    "{}: {file} has the category {category}, which is not a class",
                    path.display()
                )
            })?;
            let file: PathBuf = folder.join(file);
            let scan = assets::mesh(&file, MAX_TRIANGLES, SIZES)?;
            Ok(Model::new(class, &scan, textured == "1", front == "-y"))
        };
        let models: Vec<Model> = rows
            .into_par_iter()
            .map(model)
            .collect::<anyhow::Result<_>>()?;
        let mut of_class: HashMap<&'static str, Vec<usize>> = HashMap::new();
        models
            .iter()
            .enumerate()
            .for_each(|(index, model)| of_class.entry(model.class).or_default().push(index));
        Ok(Self { models, of_class })
    }

    /// `true` if there is no model.
    pub fn is_empty(&self) -> bool {
        self.models.is_empty()
    }

    fn of(&self, class: &str) -> impl Iterator<Item = &Model> {
        self.of_class
            .get(class)
            .into_iter()
            .flatten()
            .map(|index| &self.models[*index])
    }

    /// A random model for a place where an object of the class `kind` and of about this size is
    /// wanted.
    pub fn model_for(&self, kind: &str, size: Vec3, rng: &mut RoomRng) -> Option<&Model> {
        // The rail follows the slope of its stairs, so stairs always come from the grammar.
        if kind == "stairs" {
            return None;
        }
        let fitting = |class: &str| {
            self.of(class)
                .filter(|model| alike(model.size, size))
                .collect::<Vec<_>>()
        };
        let same = fitting(kind);
        let kin = KIN
            .iter()
            .filter(|kin| kin.contains(&kind))
            .flat_map(|kin| *kin)
            .filter(|other| **other != kind);
        let kin: Vec<&Model> = kin.flat_map(|other| fitting(other)).collect();
        let chosen = if kin.is_empty() || !same.is_empty() && rng.chance(SAME_KIND) {
            same
        } else {
            kin
        };
        (!chosen.is_empty()).then(|| rng.pick(&chosen))
    }

    /// Another model of the same class with similar proportions, for exchanging parts.
    pub fn mate_of(&self, model: &Model, rng: &mut RoomRng) -> Option<&Model> {
        let similar = |other: &&Model| {
            let ratio = other.size / model.size.max(Vec3::splat(0.01));
            !std::ptr::eq(*other, model)
                && other.has_front == model.has_front
                && ratio.min_element() > 0.7
                && ratio.max_element() < 1.4
        };
        let mates: Vec<&Model> = self.of(model.class).filter(similar).collect();
        (!mates.is_empty()).then(|| rng.pick(&mates))
    }
}

/// Our class for a category name of another collection; `None` if we have none.
pub fn class_of(category: &str) -> Option<&'static str> {
    let ours = SYNONYMS
        .iter()
        .find(|(theirs, _)| *theirs == category)
        .map_or(category, |(_, ours)| ours);
    classes::named(ours).filter(|name| classes::id_of(name) >= 100)
}

/// `true` if two boxes are of similar size, in either orientation.
fn alike(a: Vec3, b: Vec3) -> bool {
    let near = |a: f32, b: f32| (a - b).abs() < 0.1 || (0.3..2.2).contains(&(a / b.max(1e-3)));
    near(a.z, b.z) && near(a.x.max(a.y), b.x.max(b.y)) && near(a.x.min(a.y), b.x.min(b.y))
}

impl Model {
    fn new(class: &'static str, scan: &Scan, textured: bool, has_front: bool) -> Self {
        let points = || scan.positions.iter().map(|p| Vec3::from(*p));
        let (lo, hi) = points().fold((Vec3::INFINITY, Vec3::NEG_INFINITY), |(lo, hi), p| {
            (lo.min(p), hi.max(p))
        });
        let origin = ((lo + hi) / 2.0).with_z(lo.z);
        // Our fronts face +y.
        let turn = if has_front {
            Vec3::new(-1.0, -1.0, 1.0)
        } else {
            Vec3::ONE
        };
        let positions: Vec<Vec3> = points().map(|p| (p - origin) * turn).collect();
        let colors = scan.colors.as_deref().unwrap_or_default();
        let mut used: HashMap<[u8; 3], usize> = HashMap::new();
        scan.triangles
            .iter()
            .for_each(|t| *used.entry(colors[t[0] as usize]).or_default() += 1);
        let surfaces = if textured || used.len() > MOST_COLORS {
            let color = |i: u32| colors[i as usize].map(|c| f32::from(c) / 255.0);
            vec![Surface {
                mesh: thinned(&positions, scan.triangles.iter().copied(), |i| {
                    Vec3::from(color(i))
                }),
                paint: Paint::Baked,
            }]
        } else {
            let mut used: Vec<[u8; 3]> = used.into_keys().collect();
            used.sort_unstable();
            let surface = |color: [u8; 3]| {
                let triangles = scan
                    .triangles
                    .iter()
                    .copied()
                    .filter(|t| colors[t[0] as usize] == color);
                let paint = Paint::Flat(Vec3::from(color.map(|c| f32::from(c) / 255.0)));
                Surface {
                    mesh: thinned(&positions, triangles, |i| positions[i as usize]),
                    paint,
                }
            };
            used.into_iter()
                .map(surface)
                .filter(|surface| !surface.mesh.triangles.is_empty())
                .collect()
        };
        let mut tops = if tops::carries(class) {
            tops::tops(&surfaces, hi - lo)
        } else {
            Vec::new()
        };
        if class == "bed" {
            // The other horizontal surfaces are its pillows or the boards around it.
            tops.truncate(1);
        }
        Self {
            class,
            surfaces,
            tops,
            size: hi - lo,
            has_front,
        }
    }
}

/// The triangles after merging vertices in the same grid cell.
fn thinned(
    positions: &[Vec3],
    triangles: impl Iterator<Item = [u32; 3]>,
    texture: impl Fn(u32) -> Vec3,
) -> Mesh {
    let mut mesh = Mesh::default();
    let mut at = HashMap::new();
    for triangle in triangles {
        let corners = triangle.map(|i| {
            let position = positions[i as usize];
            *at.entry((position / GRAIN).round().as_ivec3())
                .or_insert_with(|| {
                    mesh.vertices.push(Vertex {
                        position,
                        texture: texture(i),
                    });
                    mesh.vertices.len() as u32 - 1
                })
        });
        let [a, b, c] = corners;
        if a != b && b != c && c != a {
            mesh.triangles.push(corners);
        }
    }
    mesh
}
