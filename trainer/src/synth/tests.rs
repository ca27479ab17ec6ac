#![allow(clippy::unwrap_used)]
//! What must hold for every kind of thing and every room.

use std::{
    collections::{HashMap, HashSet},
    sync::LazyLock,
};

use segscape::text::Vocabulary;

use super::{Room, Shot, World, classes, dice::Dice, grammar::CATALOGUE, layout::Layout, library::KIN};

#[test]
fn every_kind_makes_bounded_finite_geometry_of_its_class() {
    for (name, kind) in CATALOGUE {
        assert!(classes::id_of(name) >= 100, "{name} is no class");
        for roll in 0..24 {
            let object = kind(&mut Dice::new(11, roll));
            assert_eq!(object.class, *name);
            assert!(object.parts.iter().any(|p| !p.mesh.triangles.is_empty()), "{name} is empty");
            for part in &object.parts {
                let n = part.mesh.vertices.len() as u32;
                assert!(part.mesh.triangles.iter().flatten().all(|i| *i < n), "{name}");
                assert!(part.mesh.vertices.iter().all(|v| v.position.is_finite() && v.texture.is_finite()), "{name}");
                let color = part.material.color(part.mesh.vertices[0].texture);
                assert!(color.is_finite() && color.min_element() >= 0.0 && color.max_element() <= 1.0, "{name} {color}");
            }
            let (lo, hi) = object.bounds();
            assert!((hi - lo).max_element() > 0.03 && (hi - lo).max_element() < 3.6, "{name}: {lo} {hi}");
            assert!(lo.z > -0.15, "{name} sinks to {}", lo.z);
            assert!(object.tops.iter().all(|t| t.centre.cmpge(lo - 0.1).all() && t.centre.cmple(hi + 0.1).all()), "{name}");
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
    for index in 0..2 {
        let room = World::grammars().room(1, index);
        let n = room.positions.len();
        assert!((10_000..100_000).contains(&n), "{n} points");
        assert!(room.colors.len() == n && room.semantic.len() == n && room.instance.len() == n);
        assert!(room.positions.iter().flatten().all(|v| v.is_finite() && (0.0..15.0).contains(v)));
        let mut class_of_instance = HashMap::new();
        for (semantic, instance) in room.semantic.iter().zip(&room.instance) {
            let class = classes::CLASSES.iter().find(|c| c.id == *semantic);
            if *instance == 0 {
                assert!(*semantic == 0 || class.unwrap().stuff);
            } else {
                assert!(!class.unwrap().stuff);
                assert_eq!(class_of_instance.entry(*instance).or_insert(*semantic), semantic);
            }
        }
        assert!(class_of_instance.len() >= 5, "{} instances", class_of_instance.len());
    }
}

#[test]
fn furniture_stays_in_the_room() {
    for index in 0..20 {
        let layout = Layout::new(&mut World::grammars().furnisher(Dice::new(2, index)));
        for thing in &layout.things {
            let centre = thing.footprint.centre;
            assert!(layout.shell.contains(centre, -0.16), "{} at {centre} outside", thing.object.class);
        }
    }
}

#[test]
fn a_ply_has_as_many_bytes_as_its_header_promises() {
    let room = Room { positions: vec![[1.0, 2.0, 3.0]; 2], colors: vec![[1, 2, 3]; 2], semantic: vec![101, 2], instance: vec![1, 0] };
    let bytes = room.to_ply();
    let end = bytes.windows(11).position(|w| w == b"end_header\n").unwrap() + 11;
    assert_eq!(bytes.len() - end, 2 * 23);
    assert!(String::from_utf8_lossy(&bytes[..end]).contains("comment class 101 office chair\n"));
}

#[test]
fn the_shipped_vocabulary_knows_every_class_and_every_thing_has_a_place() {
    for class in classes::CLASSES {
        assert!(Vocabulary::shipped().lookup(class.name).is_some(), "{} has no embedding", class.name);
        let made = CATALOGUE.iter().any(|(name, _)| *name == class.name);
        let taken = KIN.iter().any(|kin| kin.contains(&class.name) && kin.iter().any(|kind| CATALOGUE.iter().any(|(name, _)| name == kind)));
        assert!(class.stuff != (made || taken), "{}", class.name);
    }
}

#[test]
fn every_kind_is_placed_somewhere_and_common_furniture_is_common() {
    const ROOMS: u64 = 400;
    let mut rooms_with: HashMap<&str, u64> = HashMap::new();
    for index in 0..ROOMS {
        let layout = Layout::new(&mut World::grammars().furnisher(Dice::new(3, index)));
        let present: HashSet<&str> = layout.things.iter().map(|thing| thing.object.class).collect();
        present.into_iter().for_each(|class| *rooms_with.entry(class).or_default() += 1);
    }
    for (name, _) in CATALOGUE {
        // about fifteen in a thousand, less what chance takes
        let rooms = rooms_with.get(name).copied().unwrap_or(0);
        assert!(rooms >= 2, "{name} is in {rooms} of {ROOMS} rooms");
    }
    for name in ["chair", "table", "cabinet", "door", "picture", "trash can"] {
        assert!(rooms_with[name] * 100 > ROOMS * 18, "{name} is in {} of {ROOMS} rooms", rooms_with[name]);
    }
}

/// A room with the images it was scanned with.
static SCANNED: LazyLock<(Room, Vec<Shot>)> = LazyLock::new(|| World::grammars().room_with_shots(5, 3));

/// The mean colours of an instance in a picture and in the points, for instances that fill a good part of the picture.
fn mean_colors(room: &Room, shot: &Shot) -> Vec<[glam::Vec3; 2]> {
    fn mean<'a>(pairs: impl Iterator<Item = (&'a i32, &'a [u8; 3])>) -> HashMap<i32, (glam::Vec3, usize)> {
        let mut sums: HashMap<i32, (glam::Vec3, usize)> = HashMap::new();
        for (instance, color) in pairs {
            let sum = sums.entry(*instance).or_default();
            *sum = (sum.0 + glam::Vec3::from(color.map(f32::from)), sum.1 + 1);
        }
        sums
    }
    let points = mean(room.instance.iter().zip(&room.colors));
    let pixels = mean(shot.instance.iter().zip(&shot.picture));
    let mut large: Vec<i32> = pixels.iter().filter(|(i, (_, n))| **i > 0 && *n > 800 && points.contains_key(i)).map(|(i, _)| *i).collect();
    large.sort_unstable();
    large.iter().map(|i| [pixels[i], points[i]].map(|(sum, n)| sum / n as f32)).collect()
}

#[test]
fn pictures_show_what_the_instances_say() {
    let (room, shots) = &*SCANNED;
    let colors: Vec<_> = shots.iter().flat_map(|shot| mean_colors(room, shot)).collect();
    assert!(colors.len() > 20, "{} large instances", colors.len());
    // brightness changes with the exposure, hue less
    let off = |shift: usize| {
        let pair = |i: usize| (colors[i][0].normalize_or_zero() - colors[(i + shift) % colors.len()][1].normalize_or_zero()).length();
        (0..colors.len()).map(pair).sum::<f32>() / colors.len() as f32
    };
    assert!(off(0) < 0.12 && off(0) < 0.6 * off(colors.len() / 2), "off by {}, from another thing by {}", off(0), off(colors.len() / 2));
    for shot in shots {
        assert_eq!(shot.picture.len(), shot.size[0] * shot.size[1]);
    }
}

#[test]
fn measured_depth_is_noisy_and_has_holes() {
    let pairs: Vec<(f32, f32)> = SCANNED.1.iter().flat_map(|s| s.depth.iter().copied().zip(s.measured.iter().copied())).collect();
    let seen: Vec<&(f32, f32)> = pairs.iter().filter(|(_, measured)| *measured > 0.0).collect();
    let share = seen.len() as f32 / pairs.len() as f32;
    assert!((0.3..0.97).contains(&share), "{share} of the pixels have a depth");
    let error = seen.iter().map(|(depth, measured)| (depth - measured).abs() / depth).sum::<f32>() / seen.len() as f32;
    assert!((2e-4..0.01).contains(&error), "off by {error} of the depth");
}
