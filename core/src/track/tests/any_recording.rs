//! What holds for every recording.
#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::*;

/// Things at random places in a room, and a walk past them.
fn recordings() -> impl Strategy<Value = Vec<Shot>> {
    let thing = (1.2f32..3.0, -1.0f32..1.0, 0.0f32..1.0, 0.2f32..0.8);
    let things = prop::collection::vec(thing, 0..4);
    (things, 1u32..5).prop_map(|(things, steps)| {
        let names = ["one", "two", "three", "four"];
        let boxes: Vec<NamedBox> = names
            .into_iter()
            .zip(things)
            .map(|(name, (x, y, z, size))| (name, [x, y, z], [x + size, y + size, z + size]))
            .collect();
        let world = World::room(&boxes);
        let walk = walk(steps).into_iter();
        walk.map(|camera| {
            world.shot(&Camera {
                width: 64.0,
                height: 48.0,
                focal: [50.0; 2],
                center: [31.5, 23.5],
                ..camera
            })
        })
        .collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn a_frame_that_comes_again_changes_no_membership(shots in recordings(), again in any::<prop::sample::Index>()) {
        let mut tracker = tracker();
        for (number, shot) in (0..).zip(&shots) {
            tracker.add(&shot.frame(number)).unwrap();
        }
        let before = tracker.instances();
        let added = tracker.add(&again.get(&shots).frame(99)).unwrap();
        prop_assert!(added.repeated || added.masks == 0);
        prop_assert_eq!(tracker.instances(), before);
    }

    #[test]
    fn instances_keep_the_rules(shots in recordings()) {
        let [mut tracker, mut twin] = [tracker(), tracker()];
        for (number, shot) in (0..).zip(&shots) {
            let added = tracker.add(&shot.frame(number)).unwrap();
            prop_assert_eq!(added.masks, added.matched + added.started);
            twin.add(&shot.frame(number)).unwrap();
            let instances = tracker.instances();
            prop_assert_eq!(&instances, &twin.instances(), "equal frames have equal results");
            prop_assert!(instances.is_sorted_by(|a, b| a.id < b.id));
            for instance in &instances {
                prop_assert!(instance.voxels.is_sorted_by(|a, b| a < b) && !instance.voxels.is_empty());
                prop_assert!((0.0..=1.0).contains(&instance.score) && instance.last_frame <= number);
                prop_assert!(instance.first_frame <= instance.last_frame);
                prop_assert!((0..3).all(|axis| instance.bounds.min[axis] <= instance.bounds.max[axis]));
            }
        }
    }
}
