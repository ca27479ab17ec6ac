#![allow(clippy::unwrap_used)]
//! Properties of rooms with third-party objects, tested on models that are written here.

use std::{collections::HashSet, fs, path::Path};

use glam::Vec3;
use tempfile::TempDir;

use super::*;
use crate::{
    classes::id_of,
    furnisher::make,
    grammar::CATALOGUE,
    layout::Layout,
    library::{KIN, Model},
    vary::varied,
};

const HEADER: &str = "file,name,category,textured,front,source_repo\n";

/// Boxes `[x, y, z, width, depth, height]`, where x and y are the middle, each with a color, a
/// semantic id and an instance.
type Boxes<'a> = &'a [([f32; 6], [u8; 3], [i32; 2])];

/// An ASCII PLY file of boxes.
fn ply(boxes: Boxes) -> String {
    const CORNERS: [[f32; 3]; 8] = [
        [-0.5, -0.5, 0.],
        [0.5, -0.5, 0.],
        [0.5, 0.5, 0.],
        [-0.5, 0.5, 0.],
        [-0.5, -0.5, 1.],
        [0.5, -0.5, 1.],
        [0.5, 0.5, 1.],
        [-0.5, 0.5, 1.],
    ];
    const SIDES: [[usize; 4]; 6] = [
        [0, 1, 2, 3],
        [4, 5, 6, 7],
        [0, 1, 5, 4],
        [1, 2, 6, 5],
        [2, 3, 7, 6],
        [3, 0, 4, 7],
    ];
    let (mut vertices, mut faces) = (String::new(), String::new());
    for (number, ([x, y, z, w, d, h], [r, g, b], [semantic, instance])) in boxes.iter().enumerate()
    {
        for [a, b2, c] in CORNERS {
            vertices += &format!(
                "{:.3} {:.3} {:.3} {r} {g} {b} {semantic} {instance}\n",
                x + a * w,
                y + b2 * d,
                z + c * h
            );
        }
        for side in SIDES {
            let [p, q, r, s] = side.map(|i| i + 8 * number);
            faces += &format!("3 {p} {q} {r}\n3 {p} {r} {s}\n");
        }
    }
    let (points, triangles) = (8 * boxes.len(), 12 * boxes.len());
    let colors = "property uchar red\nproperty uchar green\nproperty uchar blue\nproperty int semantic\nproperty int instance\n";
    format!(
        "ply\nformat ascii 1.0\nelement vertex {points}\nproperty float x\nproperty float y\nproperty float z\n{colors}\
         element face {triangles}\nproperty list uchar int vertex_indices\nend_header\n{vertices}{faces}"
    )
}

const GRAY: [u8; 3] = [128; 3];
const BROWN: [u8; 3] = [120, 70, 30];
const NONE: [i32; 2] = [0, 0];

/// A chair of two colors whose back is at +y, as in a model whose front is -y.
const CHAIR: Boxes = &[
    ([-0.18, -0.18, 0.0, 0.04, 0.04, 0.45], GRAY, NONE),
    ([0.18, -0.18, 0.0, 0.04, 0.04, 0.45], GRAY, NONE),
    ([-0.18, 0.18, 0.0, 0.04, 0.04, 0.45], GRAY, NONE),
    ([0.18, 0.18, 0.0, 0.04, 0.04, 0.45], GRAY, NONE),
    ([0.0, 0.0, 0.45, 0.42, 0.42, 0.05], BROWN, NONE),
    ([0.0, 0.19, 0.5, 0.42, 0.04, 0.45], BROWN, NONE),
];
const TABLE: Boxes = &[
    ([0.0, 0.0, 0.7, 1.2, 0.7, 0.04], BROWN, NONE),
    ([0.0, 0.0, 0.0, 0.1, 0.1, 0.7], GRAY, NONE),
];
const TOY: Boxes = &[([0.0, 0.0, 0.0, 0.12, 0.1, 0.15], BROWN, NONE)];
const TABLET: Boxes = &[([0.0, 0.0, 0.0, 0.2, 0.28, 0.03], GRAY, NONE)];
/// A room of four by four metres with a chair and a table.
const HOUSE: Boxes = &[
    ([0.0, 0.0, -0.1, 4.0, 4.0, 0.1], GRAY, [3, 0]),
    ([-2.0, 0.0, 0.0, 0.1, 4.0, 2.5], GRAY, [1, 0]),
    ([2.0, 0.0, 0.0, 0.1, 4.0, 2.5], GRAY, [1, 0]),
    ([0.0, -2.0, 0.0, 4.0, 0.1, 2.5], GRAY, [1, 0]),
    ([0.0, 2.0, 0.0, 4.0, 0.1, 2.5], GRAY, [1, 0]),
    ([-1.2, -1.2, 0.0, 0.5, 0.5, 0.9], BROWN, [2, 7]),
    ([1.2, 1.2, 0.0, 1.0, 0.8, 0.7], BROWN, [4, 8]),
    ([1.2, -1.2, 0.0, 0.4, 0.4, 0.6], BROWN, [0, 9]),
];

/// A folder with three chairs and a toy for training, a table and a tablet of held-out sources, and
/// a house.
fn assets() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let write = |file: &str, text: &str| {
        let path = folder.path().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    let rows = [
        ("chair", CHAIR, "0,-y,pascalorg/editor"),
        ("chair", CHAIR, "1,-y,osrf/gazebo_models"),
        ("chair", CHAIR, "1,?,osrf/gazebo_models"),
        ("toy", TOY, "1,?,pascalorg/editor"),
        ("table", TABLE, "0,?,open-rmf/rmf_demos"),
        (
            "tablet",
            TABLET,
            "0,?,aws-robotics/aws-robomaker-bookstore-world",
        ),
    ];
    let mut manifest = HEADER.to_owned();
    for (number, (category, boxes, rest)) in rows.into_iter().enumerate() {
        manifest += &format!("{number}.ply,some name,{category},{rest}\n");
        write(&format!("models/{number}.ply"), &ply(boxes));
    }
    write("models/manifest.csv", &manifest);
    write("scenes/aws_small_house.ply", &ply(HOUSE));
    write(
        "scenes/aws_small_house.csv",
        "instance,name,category\n7,a,chair\n8,b,dining table\n9,c,spaceship\n",
    );
    folder
}

fn refusal(assets: &Path) -> String {
    World::open(assets, Models::Training)
        .err()
        .map_or_else(String::new, |error| format!("{error:#}"))
}

#[test]
fn models_that_cannot_be_used_are_refused_by_name_value_and_limit() {
    let folder = assets();
    let (model, manifest) = (
        folder.path().join("models/0.ply"),
        folder.path().join("models/manifest.csv"),
    );
    let good = ply(CHAIR);
    let large = ply(&[([0.0, 0.0, 0.0, 90.0, 1.0, 1.0], GRAY, NONE)]);
    for (text, said) in [
        (
            good.replacen("\n3 0 1 2\n", "\n3 0 1 99\n", 1),
            "corner that is not a point",
        ),
        (
            good.replacen("-0.200 -0.200 0.000 ", "nan -0.200 0.000 ", 1),
            "finite",
        ),
        (large, "90 m large, it must be 0.02 to 8 m"),
        (good.replace("uchar red", "uchar rot"), "no colors"),
        (
            good.split("element face").next().unwrap().to_owned() + "end_header\n",
            "cut short",
        ),
    ] {
        assert!(text != good, "{said}: nothing was changed");
        fs::write(&model, text).unwrap();
        let refusal = refusal(folder.path());
        assert!(
            refusal.contains("0.ply") && refusal.contains(said),
            "{refusal}"
        );
    }
    fs::write(&model, &good).unwrap();
    let listed = fs::read_to_string(&manifest).unwrap();
    for (text, said) in [
        (
            listed.replacen("0.ply", "../0.ply", 1),
            "not the name of a file",
        ),
        (
            listed.replacen(",chair,", ",spaceship,", 1),
            "spaceship, which is not a class",
        ),
        (listed.replacen("category", "kind", 1), "no column category"),
        (listed.replacen(",chair,", ",", 1), "row 2 of"),
    ] {
        fs::write(&manifest, text).unwrap();
        let refusal = refusal(folder.path());
        assert!(
            refusal.contains("manifest.csv") && refusal.contains(said),
            "{refusal}"
        );
    }
    let missing = World::of_building(folder.path(), "palace", false)
        .err()
        .unwrap()
        .to_string();
    assert!(
        missing.contains("palace") && missing.contains("there are: aws_small_house"),
        "{missing}"
    );
}

/// The classes of the objects in some rooms.
fn classes_in(world: &World) -> HashSet<&'static str> {
    let layouts = (0..60).map(|index| Layout::new(&mut world.furnisher(RoomRng::new(4, index))));
    layouts
        .flat_map(|layout| layout.things.into_iter().map(|thing| thing.object.class))
        .collect()
}

#[test]
fn rooms_take_models_and_those_kept_aside_are_never_in_rooms_to_learn_from() {
    let folder = assets();
    let [training, held_out] = [Models::Training, Models::HeldOut]
        .map(|models| classes_in(&World::open(folder.path(), models).unwrap()));
    assert!(training.contains("toy") && !training.contains("tablet"));
    assert!(held_out.contains("tablet") && !held_out.contains("toy"));
    let grammars = classes_in(&World::grammars());
    assert!(!grammars.contains("toy") && !grammars.contains("tablet"));
}

#[test]
fn who_wants_a_thing_gets_a_model_as_often_as_the_world_says() {
    let folder = assets();
    for (models, kind, range) in [
        (Models::Training, "chair", 0.3..0.7),
        (Models::HeldOut, "table", 0.6..1.0),
    ] {
        let world = World::open(folder.path(), models).unwrap();
        let foreign = |index: &u64| {
            let own = make(
                kind,
                &mut World::grammars().furnisher(RoomRng::new(9, *index)),
            )
            .unwrap();
            let mut furnisher = world.furnisher(RoomRng::new(9, *index)).again(9, *index);
            let thing = make(kind, &mut furnisher).unwrap();
            own.parts.len() != thing.parts.len() || own.bounds() != thing.bounds()
        };
        let share = (0..200).filter(foreign).count() as f32 / 200.0;
        assert!(range.contains(&share), "{kind}: {share}");
    }
}

#[test]
fn a_varied_model_stays_finite_and_within_bounds() {
    let folder = assets();
    let library = Library::open(folder.path(), Models::Training).unwrap();
    let rng = &mut RoomRng::new(2, 0);
    for (kind, size) in [
        ("chair", Vec3::new(0.45, 0.45, 0.95)),
        ("toy", Vec3::splat(0.13)),
    ] {
        let half = Vec3::new(size.x / 2.0, size.y / 2.0, 0.0);
        let space = (-half, half.with_z(size.z));
        let mut most_parts = 0;
        for _ in 0..200 {
            let model = library.model_for(kind, size, rng).unwrap();
            let object = varied(model, library.mate_of(model, rng), space, rng);
            let (lo, hi) = object.bounds();
            let longest = |size: Vec3| size.max_element();
            assert!(lo.z.abs() < 1e-4 && (lo.x + hi.x).abs() < 1e-4, "{lo} {hi}");
            assert!(
                (0.5..2.0).contains(&(longest(hi - lo) / longest(model.size))),
                "{kind}: {} became {}",
                model.size,
                hi - lo
            );
            most_parts = most_parts.max(object.parts.len());
            for part in &object.parts {
                let vertices = part.mesh.vertices.len() as u32;
                assert!(part.mesh.triangles.iter().flatten().all(|i| *i < vertices));
                assert!(part.mesh.vertices.iter().all(|v| v.position.is_finite()));
                let color = part.material.color(part.mesh.vertices[0].texture);
                assert!(
                    color.is_finite() && color.min_element() >= 0.0 && color.max_element() <= 1.0,
                    "{color}"
                );
            }
        }
        // The upper half of the chair of two colors on the lower half of the painted one.
        assert_eq!(most_parts, if kind == "chair" { 3 } else { 1 });
    }
}

#[test]
fn tables_have_a_top_and_backs_face_the_wall() {
    let folder = assets();
    let held_out = Library::open(folder.path(), Models::HeldOut).unwrap();
    let rng = &mut RoomRng::new(2, 1);
    let table: &Model = held_out
        .model_for("table", Vec3::new(1.2, 0.7, 0.74), rng)
        .unwrap();
    let top = table.tops[0];
    assert!(
        (top.center.z - 0.74).abs() < 0.02 && top.half[0] > 0.5 && top.half[1] > 0.28,
        "{top:?}"
    );
    let training = Library::open(folder.path(), Models::Training).unwrap();
    let chair = std::iter::repeat_with(|| {
        training
            .model_for("chair", Vec3::new(0.42, 0.42, 0.95), rng)
            .unwrap()
    })
    .find(|m| m.has_front)
    .unwrap();
    let back = chair
        .surfaces
        .iter()
        .flat_map(|s| &s.mesh.vertices)
        .filter(|v| v.position.z > 0.8);
    assert!(back.map(|v| v.position.y).all(|y| y < -0.1));
}

#[test]
fn kin_are_classes_and_some_of_them_have_a_grammar() {
    for kin in KIN {
        assert!(kin.iter().all(|kind| id_of(kind) >= 100), "{kin:?}");
        assert!(
            kin.iter()
                .any(|kind| CATALOGUE.iter().any(|(name, _)| name == kind)),
            "{kin:?}"
        );
    }
}

#[test]
fn a_room_with_models_is_a_function_of_seed_and_number() {
    let folder = assets();
    let [one, other] = [0, 1].map(|_| World::open(folder.path(), Models::Training).unwrap());
    assert_eq!(one.room(5, 3), other.room(5, 3));
    assert_ne!(one.room(5, 3), World::grammars().room(5, 3));
}

#[test]
fn a_building_has_the_truth_of_its_list() {
    let folder = assets();
    for whole in [false, true] {
        let world = World::of_building(folder.path(), "aws_small_house", whole).unwrap();
        let room = world.room(1, 0);
        assert!(
            room.positions.len() > 5_000,
            "{} points",
            room.positions.len()
        );
        let seen: HashSet<(i32, i32)> = room
            .semantic
            .iter()
            .copied()
            .zip(room.instance.iter().copied())
            .collect();
        let structure = |name| (id_of(name), 0);
        let known = HashSet::from([
            structure("wall"),
            structure("floor"),
            (0, 0),
            (id_of("chair"), 1),
            (id_of("dining table"), 2),
        ]);
        assert!(seen.is_subset(&known), "{seen:?}");
        assert!(
            seen.contains(&structure("wall")) && seen.contains(&(id_of("chair"), 1)),
            "{seen:?}"
        );
        let height = |instance| {
            let points = room
                .positions
                .iter()
                .zip(&room.instance)
                .filter(|(_, i)| **i == instance);
            points.map(|(p, _)| p[2]).fold(0.0, f32::max)
        };
        assert!(
            (0.85..0.97).contains(&height(1)) && (0.65..0.77).contains(&height(2)),
            "{} {}",
            height(1),
            height(2)
        );
        assert_eq!(room, world.room(1, 0));
        assert_ne!(room, world.room(1, 1));
    }
}
