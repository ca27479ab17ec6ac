#![allow(clippy::unwrap_used)]
//! The objects, superpoints and classes of small scans.

use super::*;

fn scan() -> LabeledScan {
    let superpoints = Superpoints::from_ids(&[0, 0, 1, 1, 1, 2, 2]);
    let truth = scan::Truth {
        semantic: vec![105, 105, 105, 105, 1, 7, 105],
        instance: vec![9, 9, 9, 0, 3, 4, 9],
    };
    let names = [(105, "office chair".to_owned())].into();
    let (object_of_point, objects) = objects(&truth, &[1], None, &names);
    let structure = Structure::of_points(&truth.semantic, &names);
    LabeledScan {
        triangles: vec![],
        positions: vec![[0.0; 3]; 7],
        colors: None,
        superpoints,
        object_of_point,
        objects,
        stuff: vec![1],
        truth,
        structure,
    }
}

/// A labelled room of 4 x 3 x 2.5 m: a floor, two walls and a table, a point every 5 cm. Every
/// coordinate is written by `write`.
fn labeled_room(write: impl Fn([f32; 3]) -> [f32; 3]) -> String {
    let sheet = |from: [f32; 3], [a, b]: [usize; 2], size: [f32; 2], label: &'static str| {
        let steps = size.map(|edge| (edge / 0.05) as usize);
        (0..=steps[0]).flat_map(move |i| {
            (0..=steps[1]).map(move |k| {
                let mut at = from;
                at[a] += i as f32 * 0.05;
                at[b] += k as f32 * 0.05;
                (at, label)
            })
        })
    };
    let rows: Vec<String> = sheet([0.0; 3], [0, 1], [4.0, 3.0], "2 0")
        .chain(sheet([0.0; 3], [0, 2], [4.0, 2.5], "1 0"))
        .chain(sheet([0.0; 3], [1, 2], [3.0, 2.5], "1 0"))
        .chain(sheet([1.5, 1.0, 0.72], [0, 1], [1.4, 0.8], "7 3"))
        .map(|(at, label)| {
            let [x, y, z] = write(at);
            format!("{x} {y} {z} {label}\n")
        })
        .collect();
    format!(
        "ply\nformat ascii 1.0\nelement vertex {}\nproperty float x\nproperty float y\nproperty float z\n\
         property int label\nproperty int instance\nend_header\n{}",
        rows.len(),
        rows.concat()
    )
}

#[test]
fn labeled_scans_are_turned_and_scaled_as_all_scans_are() {
    let folder = tempfile::tempdir().unwrap();
    let read = |name: &str, write: &dyn Fn([f32; 3]) -> [f32; 3]| {
        let path = folder.path().join(name);
        fs::write(&path, labeled_room(write)).unwrap();
        LabeledScan::read(&path, None, MeshSuperpoints::default()).unwrap()
    };
    let upright = read("z-up.ply", &|p| p);
    assert_eq!(upright.objects.len(), 1);
    for (name, other) in [
        ("y-up.ply", read("y-up.ply", &|[x, y, z]| [x, z, -y])),
        (
            "mm.ply",
            read("mm.ply", &|p| p.map(|metres| metres * 1000.0)),
        ),
    ] {
        assert_eq!(other.object_of_point, upright.object_of_point, "{name}");
        for (a, b) in other.positions.iter().zip(&upright.positions) {
            assert!(
                (0..3).all(|i| (a[i] - b[i]).abs() < 1e-3),
                "{name}: {a:?} {b:?}"
            );
        }
    }
}

#[test]
fn objects_leave_out_stuff_and_unlabeled_points() {
    let scan = scan();
    let chair = Object {
        class: 105,
        name: Some("office chair".into()),
    };
    assert_eq!(
        scan.objects,
        [
            Object {
                class: 7,
                name: Some("table".into())
            },
            chair
        ]
    );
    assert_eq!(
        scan.object_of_point,
        [Some(1), Some(1), Some(1), None, None, Some(0), Some(1)]
    );
}

#[test]
fn things_that_are_held_out_leave_no_point() {
    assert!(scan().kept_without(&["lamp".into()]).is_none());
    let scan = scan();
    let kept = scan.kept_without(&["table".into(), "lamp".into()]).unwrap();
    let scan = scan.only(&kept);
    assert_eq!(
        scan.objects,
        [Object {
            class: 105,
            name: Some("office chair".into())
        }]
    );
    assert_eq!(
        scan.object_of_point,
        [Some(0), Some(0), Some(0), None, None, Some(0)]
    );
    assert_eq!(scan.superpoints.superpoint_of_point(), [0, 0, 1, 1, 1, 2]);
    assert_eq!(
        (scan.positions.len(), scan.truth.instance),
        (6, vec![9, 9, 9, 0, 3, 9])
    );
    assert_eq!(
        scan.structure,
        [None, None, None, None, Some(Structure::Wall), None]
    );
}

#[test]
fn a_bundle_says_what_its_classes_and_superpoints_are() {
    // the same ids are different classes in another dataset: 2 is NYU40's floor
    let names = vec![(2, "chair".into()), (3, "floor".into())];
    let scene = Foundation {
        positions: vec![[0.0; 3]; 4],
        truth: Some(foundation::SceneTruth {
            semantic: vec![2, 4, 3, 1],
            instance: vec![1, 2, 3, 4],
            names,
            stuff: None,
        }),
        given: foundation::Given {
            superpoints: Some(vec![7, 9, 9, 7]),
            ..foundation::Given::default()
        },
        ..Foundation::default()
    };
    let of = |stuff| {
        LabeledScan::of_bundle(
            scene.clone(),
            Path::new("scene"),
            stuff,
            ClassOfObject::FirstPoint,
        )
        .unwrap()
    };
    assert_eq!(
        of(Some(&[2])).object_of_point,
        [None, Some(0), Some(1), Some(2)]
    );
    let scan = of(None);
    assert_eq!(
        scan.objects,
        [
            Object {
                class: 2,
                name: Some("chair".into())
            },
            Object {
                class: 4,
                name: None
            }
        ]
    );
    assert_eq!(scan.object_of_point, [Some(0), Some(1), None, None]);
    assert_eq!(
        scan.structure,
        [None, None, Some(Structure::Floor), Some(Structure::Wall)]
    );
    assert_eq!((scan.stuff, scan.superpoints.count()), (vec![1, 3], 2));
    // a data set says which of its classes are stuff: in ScanNet200 a ceiling is a thing
    let mut scene = scene.clone();
    let truth = scene.truth.as_mut().unwrap();
    truth.names = vec![(2, "ceiling".into()), (3, "floor".into())];
    truth.stuff = Some(vec![1, 3, 0]);
    let scan =
        LabeledScan::of_bundle(scene, Path::new("scene"), None, ClassOfObject::FirstPoint).unwrap();
    assert_eq!(scan.object_of_point, [Some(0), Some(1), None, None]);
}

#[test]
fn points_that_disagree_about_a_class_are_heard_in_order_or_counted() {
    let truth = scan::Truth {
        semantic: vec![7, 5, 5, 9, 6],
        instance: vec![2, 2, 2, 3, 3],
    };
    let classes = |class_of| {
        objects(&truth, &[], class_of, &HashMap::new())
            .1
            .iter()
            .map(|object| object.class)
            .collect::<Vec<_>>()
    };
    assert_eq!(classes(Some(ClassOfObject::FirstPoint)), [7, 9]);
    assert_eq!(classes(Some(ClassOfObject::MostPoints)), [5, 6]);
    assert_eq!(classes(None), [5, 7, 6, 9], "an instance of each class");
}

#[test]
fn a_superpoint_needs_more_than_half() {
    assert_eq!(scan().object_of_superpoint(), [Some(1), None, None]);
}
