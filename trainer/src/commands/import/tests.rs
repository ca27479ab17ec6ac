#![allow(clippy::unwrap_used)]
//! Checkpoints in all forms, and the whole way from a file that PyTorch wrote to instances.

use std::io::Cursor;

use zip::{ZipWriter, write::SimpleFileOptions};

use super::*;
use learning::models;
use segscape::{
    instances::{Finished, PostprocessOptions},
    job::{self, ClassMap, Decoding},
    model::Observation,
    progress::Monitor,
    superpoint::{SuperpointOptions, Superpoints},
    text::Vocabulary,
};

/// The tensors as `torch.save({"epoch": 3, key: tensors})` writes them: a zip of a pickle and
/// the raw storages.
fn torch_file(key: &str, tensors: &Checkpoint) -> Vec<u8> {
    let text = |s: &str| [&b"X"[..], &(s.len() as u32).to_le_bytes(), s.as_bytes()].concat();
    let int = |i: usize| [&b"J"[..], &(i as i32).to_le_bytes()].concat();
    let tuple = |items: &[Vec<u8>]| [b"(".to_vec(), items.concat(), b"t".to_vec()].concat();
    let mut archive = ZipWriter::new(Cursor::new(vec![]));
    let stored = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    let mut add = |name: &str, bytes: &[u8]| {
        archive
            .start_file(format!("archive/{name}"), stored)
            .unwrap();
        archive.write_all(bytes).unwrap();
    };
    let mut items = vec![];
    for (i, (name, StoredTensor { shape, values })) in tensors.iter().enumerate() {
        let strides = (0..shape.len()).map(|axis| int(shape[axis + 1..].iter().product()));
        let storage = [
            text("storage"),
            b"ctorch\nFloatStorage\n".to_vec(),
            text(&i.to_string()),
            text("cpu"),
            int(values.len()),
        ];
        let arguments = [
            [tuple(&storage), b"Q".to_vec()].concat(),
            int(0),
            tuple(&shape.iter().map(|&n| int(n)).collect::<Vec<_>>()),
            tuple(&strides.collect::<Vec<_>>()),
            b"\x89".to_vec(),
            b"ccollections\nOrderedDict\n)R".to_vec(),
        ];
        items.extend([
            text(name),
            b"ctorch._utils\n_rebuild_tensor_v2\n".to_vec(),
            tuple(&arguments),
            b"R".to_vec(),
        ]);
        add(
            &format!("data/{i}"),
            &values
                .iter()
                .flat_map(|v| v.to_le_bytes())
                .collect::<Vec<_>>(),
        );
    }
    let state = [b"}(".to_vec(), items.concat(), b"u".to_vec()].concat();
    add(
        "data.pkl",
        &[
            b"\x80\x02}(".to_vec(),
            text("epoch"),
            int(3),
            text(key),
            state,
            b"u.".to_vec(),
        ]
        .concat(),
    );
    add("version", b"3\n");
    archive.finish().unwrap().into_inner()
}

fn tensors() -> Checkpoint {
    let stored = |shape: &[usize], first: f32| StoredTensor {
        shape: shape.to_vec(),
        values: (0..shape.iter().product())
            .map(|i| first + i as f32)
            .collect(),
    };
    [
        ("module.input_conv.0.weight", stored(&[2, 1, 1, 1, 3], 0.5)),
        ("module.output_layer.0.bias", stored(&[2], -1.0)),
    ]
    .map(|(n, s)| (n.into(), s))
    .into()
}

#[test]
fn a_pytorch_file_and_safetensors_give_the_same_tensors() {
    let folder = tempfile::tempdir().unwrap();
    let (pth, other) = (
        folder.path().join("a.pth"),
        folder.path().join("a.safetensors"),
    );
    for key in ["model", "state_dict", "net"] {
        fs::write(&pth, torch_file(key, &tensors())).unwrap();
        assert_eq!(read(&pth).unwrap(), tensors(), "{key}");
    }
    let bytes: Vec<_> = tensors()
        .into_iter()
        .map(|(n, s)| {
            (
                n,
                s.shape,
                s.values
                    .iter()
                    .flat_map(|v| v.to_le_bytes())
                    .collect::<Vec<u8>>(),
            )
        })
        .collect();
    let views = bytes.iter().map(|(n, shape, b)| {
        (
            n,
            safetensors::tensor::TensorView::new(Dtype::F32, shape.clone(), b).unwrap(),
        )
    });
    fs::write(&other, safetensors::serialize(views, None).unwrap()).unwrap();
    assert_eq!(read(&other).unwrap(), tensors());
}

#[test]
fn half_matches_are_refused_unless_told() {
    let folder = tempfile::tempdir().unwrap();
    let (pth, out) = (folder.path().join("a.pth"), folder.path().join("run"));
    fs::write(&pth, torch_file("model", &tensors())).unwrap();
    let nano = concat!(env!("CARGO_MANIFEST_DIR"), "/../configs/nano.toml");
    let import = |partial| {
        Import {
            checkpoint: pth.clone(),
            out: out.clone(),
            network: nano.into(),
            classes: None,
            partial,
        }
        .run()
    };
    let refusal = import(false).unwrap_err().to_string();
    for word in [
        "another shape: backbone.input_conv.0.weight is [2, 1, 1, 1, 3] in the file",
        "missing: decoder.out_norm.weight",
        "--partial",
    ] {
        assert!(refusal.contains(word), "{refusal}");
    }
    assert!(!out.exists());
    import(true).unwrap();
    assert!(out.join(CHECKPOINT).exists());
}

#[test]
fn what_is_no_checkpoint_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in [
        ("a.pth", &b"not a checkpoint"[..]),
        ("b.safetensors", b"short"),
        ("c.pth", &torch_file("model", &tensors())[..200]),
    ] {
        let file = folder.path().join(name);
        fs::write(&file, bytes).unwrap();
        assert!(read(&file).is_err(), "{name}");
    }
}

/// The numbers of a tensor.
fn numbers(tensors: &SafeTensors, name: &str) -> Vec<f64> {
    let tensor = tensors.tensor(name).unwrap();
    let data = tensor.data();
    match tensor.dtype() {
        Dtype::F64 => data
            .as_chunks()
            .0
            .iter()
            .map(|b| f64::from_le_bytes(*b))
            .collect(),
        Dtype::F32 => data
            .as_chunks()
            .0
            .iter()
            .map(|b| f32::from_le_bytes(*b).into())
            .collect(),
        Dtype::I32 => data
            .as_chunks()
            .0
            .iter()
            .map(|b| i32::from_le_bytes(*b).into())
            .collect(),
        Dtype::U8 => data.iter().map(|b| (*b).into()).collect(),
        other => panic!("{name} is {other:?}"),
    }
}

/// tests/golden/README.md, section "published".
#[test]
fn a_file_of_pytorch_becomes_the_instances_of_the_released_code() {
    let golden = Path::new(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../tests/golden/published"
    ));
    let bytes = fs::read(golden.join("scene.safetensors")).unwrap();
    let scene = SafeTensors::deserialize(&bytes).unwrap();
    let positions: Vec<[f32; 3]> = numbers(&scene, "positions")
        .as_chunks()
        .0
        .iter()
        .map(|p: &[f64; 3]| p.map(|x| x as f32))
        .collect();
    let colors: Vec<[u8; 3]> = numbers(&scene, "colors")
        .as_chunks()
        .0
        .iter()
        .map(|c: &[f64; 3]| c.map(|x| x as u8))
        .collect();
    let ids = numbers(&scene, "superpoint_of_point");
    let ids: Vec<u32> = ids.iter().map(|id| *id as u32).collect();
    let observation = Observation {
        positions: &positions,
        colors: Some(&colors),
        ..Observation::default()
    };
    let device = DeviceChoice::Cpu.open().unwrap();
    let monitor = Monitor::silent();
    for (file, network) in [
        ("mink.pth", "mink"),
        ("spconv1.pth", "spconv"),
        ("spconv2.pth", "spconv"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let run = folder.path().join("run");
        let import = Import {
            checkpoint: golden.join(file),
            out: run.clone(),
            network: golden.join(format!("{network}.toml")).display().to_string(),
            classes: None,
            partial: false,
        };
        import.run().unwrap();
        let network_of_run = models::load_network(Some(&run), None, &device).unwrap().0;
        let classes = network_of_run.fixed_classes().unwrap();
        let superpoints = Superpoints::from_ids(&ids);
        let options = SuperpointOptions::default();
        let grouping = job::group(&observation, Some(superpoints), &options, &monitor).unwrap();
        let found = pollster::block_on(job::segment_as_released(
            &observation,
            &grouping,
            &network_of_run,
            None,
            &PostprocessOptions::default(),
            &monitor,
        ))
        .unwrap();

        let bytes = fs::read(golden.join(format!("{network}.safetensors"))).unwrap();
        let expected = SafeTensors::deserialize(&bytes).unwrap();
        let of = |name: &str| numbers(&expected, &format!("expected.instances.{name}"));
        let values = |value: fn(&Finished) -> f64| found.iter().map(value).collect::<Vec<_>>();
        assert_eq!(values(|f| f.pick.query.into()), of("query_index"), "{file}");
        assert_eq!(values(|f| f.pick.label.into()), of("labels"), "{file}");
        assert_eq!(
            values(|f| f.points.into()),
            of("mask_point_count"),
            "{file}"
        );
        for (score, expected) in values(|f| f.pick.score.into()).iter().zip(of("scores")) {
            assert!(
                (score - expected).abs() <= 1e-4 * expected,
                "{file}: {score}, {expected}"
            );
        }
        let packed = of("masks_packed");
        let masks = packed.chunks_exact(positions.len().div_ceil(8));
        for (found, mask) in found.iter().zip(masks) {
            let is_in = |point: &usize| mask[point / 8] as u8 >> (point % 8) & 1 == 1;
            let expected: Vec<u32> = (0..positions.len())
                .filter(is_in)
                .map(|point| point as u32)
                .collect();
            assert_eq!(
                found.point_indices(&grouping.superpoints, &positions),
                expected
            );
        }

        // Every point's class.
        let semantic = pollster::block_on(job::map_points(
            &observation,
            &grouping,
            &network_of_run,
            ClassMap::Semantic,
            &monitor,
        ))
        .unwrap();
        let expected = numbers(&expected, "expected.semantic_of_superpoint");
        for (point, superpoint) in ids.iter().enumerate() {
            let class = semantic.owner(point).unwrap().id;
            assert_eq!(f64::from(class), expected[*superpoint as usize], "{point}");
        }

        // What the product shows: whole superpoints, found by the names of their classes.
        let segmentation = pollster::block_on(job::segment(
            &observation,
            &grouping,
            &network_of_run,
            &Decoding::default(),
            &monitor,
        ))
        .unwrap();
        assert!(!segmentation.instances.is_empty());
        let mut rest = found.iter();
        for instance in &segmentation.instances {
            // Those that the box filter leaves nothing of are not shown.
            let found = rest.find(|f| f.pick.score == instance.score).unwrap();
            let name = &classes.names[found.pick.label as usize];
            let embedding = Vocabulary::shipped().lookup(name).unwrap();
            assert_eq!(instance.embedding, embedding, "{name}");
        }
    }
}
