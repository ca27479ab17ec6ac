#![allow(clippy::unwrap_used)]
//! Properties of every class of objects and every room.

use std::{
    collections::{HashMap, HashSet},
    sync::LazyLock,
};

use kiddo::{ImmutableKdTree, SquaredEuclidean};
use segscape::text::Vocabulary;

use super::{
    Shot, SyntheticRoom, World, classes,
    floorplan::FloorPlan,
    furnisher::{Furnisher, make},
    grammar::CATALOGUE,
    is_seen,
    layout::{Layout, MOST_KINDS},
    library::KIN,
    light::Lighting,
    lit_scene,
    rng::RoomRng,
    scan,
    scene::Footprint,
    suite::Suite,
    walk::{self, MOST_POINTS, Sensor},
};

#[test]
fn every_kind_makes_bounded_finite_geometry_of_its_class() {
    for (name, kind) in CATALOGUE {
        assert!(classes::id_of(name) >= 100, "{name} is no class");
        // As the grammar makes it, and as it may be varied.
        let plain = (0..24).map(|roll| kind(&mut RoomRng::new(11, roll)));
        for object in plain.chain((0..24).map(|roll| make(name, &mut furnisher(12, roll)).unwrap()))
        {
            assert_eq!(object.class, *name);
            assert!(
                object.parts.iter().any(|p| !p.mesh.triangles.is_empty()),
                "{name} is empty"
            );
            for part in &object.parts {
                let n = part.mesh.vertices.len() as u32;
                assert!(
                    part.mesh.triangles.iter().flatten().all(|i| *i < n),
                    "{name}"
                );
                assert!(
                    part.mesh
                        .vertices
                        .iter()
                        .all(|v| v.position.is_finite() && v.texture.is_finite()),
                    "{name}"
                );
                let color = part.material.color(part.mesh.vertices[0].texture);
                assert!(
                    color.is_finite() && color.min_element() >= 0.0 && color.max_element() <= 1.0,
                    "{name} {color}"
                );
            }
            let (lo, hi) = object.bounds();
            assert!(
                (hi - lo).max_element() > 0.03 && (hi - lo).max_element() < 4.2,
                "{name}: {lo} {hi}"
            );
            assert!(lo.z > -0.15, "{name} sinks to {}", lo.z);
            assert!(
                object
                    .tops
                    .iter()
                    .all(|t| t.center.cmpge(lo - 0.1).all() && t.center.cmple(hi + 0.1).all()),
                "{name}"
            );
        }
    }
}

#[test]
fn a_room_is_a_function_of_seed_and_number() {
    assert_eq!(SCANNED.0, World::grammars().room(5, 3));
    assert_ne!(SCANNED.0, World::grammars().room(5, 4));
}

#[test]
fn rooms_have_consistent_truth() {
    let many = suite(0);
    let rooms = [0, 1].map(|index| World::grammars().room(1, index));
    for room in rooms
        .into_iter()
        .chain([SyntheticRoom::of(&many, &mut RoomRng::new(6, 0)).0])
    {
        let n = room.positions.len();
        assert!((2_000..=MOST_POINTS).contains(&n), "{n} points");
        assert!(room.colors.len() == n && room.semantic.len() == n && room.instance.len() == n);
        assert!(
            room.positions
                .iter()
                .flatten()
                .all(|v| v.is_finite() && (0.0..36.0).contains(v))
        );
        let mut class_of_instance = HashMap::new();
        for (semantic, instance) in room.semantic.iter().zip(&room.instance) {
            let class = classes::CLASSES.iter().find(|c| c.id == *semantic);
            if *instance == 0 {
                assert!(*semantic == 0 || class.unwrap().stuff);
            } else {
                assert!(!class.unwrap().stuff);
                assert_eq!(
                    class_of_instance.entry(*instance).or_insert(*semantic),
                    semantic
                );
            }
        }
        assert!(
            class_of_instance.len() >= 5,
            "{} instances",
            class_of_instance.len()
        );
    }
}

#[test]
fn furniture_stays_in_the_room() {
    let alone = (0..20).map(|index| Layout::new(&mut furnisher(2, index)));
    for layout in alone.chain((0..6).flat_map(|index| suite(index).rooms)) {
        for thing in &layout.things {
            let center = thing.footprint.center;
            assert!(
                layout.shell.contains(center, -0.16),
                "{} at {center} outside",
                thing.object.class
            );
        }
    }
}

/// A furnisher that uses the part grammars alone.
fn furnisher(seed: u64, stream: u64) -> Furnisher {
    World::grammars().furnisher(RoomRng::new(seed, stream))
}

/// A suite of many rooms.
fn suite(index: u64) -> Suite {
    let mut rng = furnisher(8, index);
    Suite::of(&FloorPlan::new(&mut rng), &mut rng)
}

#[test]
fn people_pass_the_doorways_of_a_suite() {
    for index in 0..8 {
        let suite = suite(index);
        assert_eq!(
            suite.route().len(),
            suite.rooms.len(),
            "somebody who walks comes into every room"
        );
        for doorway in &suite.doorways {
            let half = glam::Vec2::new(0.6, doorway.size[0] / 2.0 - 0.05);
            let way = Footprint {
                center: doorway.center,
                half,
                turn: doorway.direction.to_angle(),
                height: [0.1, 1.9],
            };
            for room in doorway.rooms {
                let shell = &suite.rooms[room].shell;
                let inside = doorway.center
                    + doorway.direction * if room == doorway.rooms[0] { -0.3 } else { 0.3 };
                assert!(
                    shell.contains(inside, 0.1),
                    "a doorway of room {room} is not at it"
                );
                assert!(
                    shell
                        .openings
                        .iter()
                        .any(|o| o.size == doorway.size && o.sill == 0.0)
                );
                for thing in suite.rooms[room]
                    .things
                    .iter()
                    .filter(|t| !["door", "doorframe"].contains(&t.object.class))
                {
                    assert!(
                        !thing.footprint.overlaps(&way, 0.02),
                        "suite {index}: a {} stands in a doorway of room {room}",
                        thing.object.class
                    );
                }
            }
        }
        // The limit stays below `loss.classes`, 64: only so many classes get names and embeddings.
        let kinds: HashSet<&str> = suite
            .rooms
            .iter()
            .flat_map(|room| room.things.iter().map(|t| t.object.class))
            .collect();
        assert!(kinds.len() <= MOST_KINDS, "{} kinds", kinds.len());
    }
}

#[test]
fn points_are_as_far_apart_as_was_drawn() {
    let mut rng = furnisher(9, 0);
    let suite = Suite {
        rooms: vec![Layout::new(&mut rng)],
        doorways: vec![],
    };
    let scene = lit_scene(&suite, &mut rng);
    let lighting = Lighting::new(&scene, glam::Vec3::ONE, 1);
    for (spacing, is_mesh) in [(0.013, false), (0.03, false), (0.02, true), (0.04, true)] {
        let drawn = Sensor::new(1, suite.surface(), &mut rng);
        let sensor = Sensor {
            stations: 12,
            spacing,
            is_mesh,
            voxel: spacing.clamp(0.012, 0.024),
            ..drawn
        };
        let cameras = walk::walk(&suite, &sensor, &mut rng);
        let (samples, _) = scan::scan(&scene, &cameras, &lighting, &sensor, &mut rng);
        let mean = mean_gap(
            &samples.iter().map(|s| s.position).collect::<Vec<_>>(),
            spacing,
        );
        assert!(
            (mean / spacing - 1.0).abs() < 0.2,
            "{mean} m instead of {spacing} m, mesh: {is_mesh}"
        );
    }
}

/// The mean distance to the nearest neighbour, for a sample of the points that have a neighbour
/// within about four times `about`.
fn mean_gap(points: &[glam::Vec3], about: f32) -> f32 {
    let positions: Vec<[f32; 3]> = points.iter().map(|p| p.to_array()).collect();
    let tree = ImmutableKdTree::<f32, 3>::new_from_slice(&positions).unwrap();
    let gap = |position: &[f32; 3]| {
        let near = tree
            .query(position)
            .within::<SquaredEuclidean<f32>>((4.0 * about).powi(2))
            .execute();
        let nearest = near.iter().find(|found| found.distance > 0.0)?;
        Some(nearest.distance.sqrt())
    };
    let gaps: Vec<f32> = positions.iter().step_by(17).filter_map(gap).collect();
    gaps.iter().sum::<f32>() / gaps.len() as f32
}

#[test]
fn small_scans_are_finer_and_all_stay_below_the_limit() {
    let mut rng = furnisher(10, 0);
    let (one, many) = (
        Suite {
            rooms: vec![Layout::new(&mut rng)],
            doorways: vec![],
        },
        suite(0),
    );
    let spacings = |suite: &Suite, rng: &mut Furnisher| -> Vec<f32> {
        let mut drawn: Vec<f32> = (0..400)
            .map(|_| Sensor::new(suite.rooms.len(), suite.surface(), rng).spacing)
            .collect();
        drawn.sort_by(f32::total_cmp);
        drawn
    };
    let [alone, together] = [&one, &many].map(|suite| spacings(suite, &mut rng));
    assert!(
        (0.008..0.015).contains(&alone[0]) && (0.013..0.025).contains(&alone[200]),
        "from {} over {}",
        alone[0],
        alone[200]
    );
    assert!(alone[399] > 0.035 && together[399] <= 0.045);
    assert!(
        together[0] > 1.5 * alone[0],
        "{} and {}",
        together[0],
        alone[0]
    );
}

#[test]
fn what_is_labeled_goes_by_area() {
    assert!(is_seen(40, 0.019) && !is_seen(30, 0.019));
    assert!(!is_seen(100, 0.01) && is_seen(10, 0.04));
}

#[test]
fn a_ply_has_as_many_bytes_as_its_header_promises() {
    let room = SyntheticRoom {
        positions: vec![[1.0, 2.0, 3.0]; 2],
        colors: vec![[1, 2, 3]; 2],
        semantic: vec![101, 2],
        instance: vec![1, 0],
    };
    let bytes = room.to_ply();
    let end = bytes
        .windows(11)
        .position(|w| w == b"end_header\n")
        .unwrap()
        + 11;
    assert_eq!(bytes.len() - end, 2 * 23);
    assert!(String::from_utf8_lossy(&bytes[..end]).contains("comment class 101 office chair\n"));
}

#[test]
fn the_shipped_vocabulary_knows_every_class_and_every_thing_has_a_place() {
    for class in classes::CLASSES {
        assert!(
            Vocabulary::shipped().lookup(class.name).is_some(),
            "{} has no embedding",
            class.name
        );
        let made = CATALOGUE.iter().any(|(name, _)| *name == class.name);
        let taken = KIN.iter().any(|kin| {
            kin.contains(&class.name)
                && kin
                    .iter()
                    .any(|kind| CATALOGUE.iter().any(|(name, _)| name == kind))
        });
        assert!(class.stuff != (made || taken), "{}", class.name);
    }
}

#[test]
fn every_kind_is_placed_somewhere_and_common_furniture_is_common() {
    const ROOMS: u64 = 400;
    let mut rooms_with: HashMap<&str, u64> = HashMap::new();
    for index in 0..ROOMS {
        let layout = Layout::new(&mut furnisher(3, index));
        let present: HashSet<&str> = layout
            .things
            .iter()
            .map(|thing| thing.object.class)
            .collect();
        present
            .into_iter()
            .for_each(|class| *rooms_with.entry(class).or_default() += 1);
    }
    for (name, _) in CATALOGUE {
        // The expected share is about fifteen in a thousand; the bound allows for chance.
        let rooms = rooms_with.get(name).copied().unwrap_or(0);
        assert!(rooms >= 2, "{name} is in {rooms} of {ROOMS} rooms");
    }
    for name in ["chair", "table", "cabinet", "door", "picture", "trash can"] {
        assert!(
            rooms_with[name] * 100 > ROOMS * 18,
            "{name} is in {} of {ROOMS} rooms",
            rooms_with[name]
        );
    }
}

/// A room with the images it was scanned with.
static SCANNED: LazyLock<(SyntheticRoom, Vec<Shot>)> =
    LazyLock::new(|| World::grammars().room_with_shots(5, 3));

/// The mean colors of an instance in a picture and in the points, for instances that fill a good
/// part of the picture.
fn mean_colors(room: &SyntheticRoom, shot: &Shot) -> Vec<[glam::Vec3; 2]> {
    fn mean<'a>(
        pairs: impl Iterator<Item = (&'a i32, &'a [u8; 3])>,
    ) -> HashMap<i32, (glam::Vec3, usize)> {
        let mut sums: HashMap<i32, (glam::Vec3, usize)> = HashMap::new();
        for (instance, color) in pairs {
            let sum = sums.entry(*instance).or_default();
            *sum = (sum.0 + glam::Vec3::from(color.map(f32::from)), sum.1 + 1);
        }
        sums
    }
    let points = mean(room.instance.iter().zip(&room.colors));
    let pixels = mean(shot.instance.iter().zip(&shot.picture));
    let mut large: Vec<i32> = pixels
        .iter()
        .filter(|(i, (_, n))| **i > 0 && *n > 800 && points.contains_key(i))
        .map(|(i, _)| *i)
        .collect();
    large.sort_unstable();
    large
        .iter()
        .map(|i| [pixels[i], points[i]].map(|(sum, n)| sum / n as f32))
        .collect()
}

#[test]
fn pictures_show_what_the_instances_say() {
    let (room, shots) = &*SCANNED;
    let colors: Vec<_> = shots
        .iter()
        .flat_map(|shot| mean_colors(room, shot))
        .collect();
    assert!(colors.len() > 20, "{} large instances", colors.len());
    // Brightness changes with the exposure, hue less.
    let off = |shift: usize| {
        let pair = |i: usize| {
            (colors[i][0].normalize_or_zero()
                - colors[(i + shift) % colors.len()][1].normalize_or_zero())
            .length()
        };
        (0..colors.len()).map(pair).sum::<f32>() / colors.len() as f32
    };
    assert!(
        off(0) < 0.12 && off(0) < 0.6 * off(colors.len() / 2),
        "off by {}, from another thing by {}",
        off(0),
        off(colors.len() / 2)
    );
    for shot in shots {
        assert_eq!(shot.picture.len(), shot.size[0] * shot.size[1]);
    }
}

#[test]
fn measured_depth_is_noisy_and_has_holes() {
    let pairs: Vec<(f32, f32)> = SCANNED
        .1
        .iter()
        .flat_map(|s| s.depth.iter().copied().zip(s.measured.iter().copied()))
        .collect();
    let seen: Vec<&(f32, f32)> = pairs
        .iter()
        .filter(|(_, measured)| *measured > 0.0)
        .collect();
    let share = seen.len() as f32 / pairs.len() as f32;
    assert!(
        (0.3..0.97).contains(&share),
        "{share} of the pixels have a depth"
    );
    let error = seen
        .iter()
        .map(|(depth, measured)| (depth - measured).abs() / depth)
        .sum::<f32>()
        / seen.len() as f32;
    assert!((2e-4..0.01).contains(&error), "off by {error} of the depth");
}
