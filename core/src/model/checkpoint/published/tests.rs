#![allow(clippy::unwrap_used)]
use burn::tensor::Device;

use super::*;
use crate::model::{
    Config, SegDino3dVl,
    config::{BackboneConfig, Objects},
    load_weights,
};

fn small(published: Config) -> Config {
    let planes = |planes: &[usize]| planes.iter().map(|p| p / 8).collect();
    let backbone = match published.backbone {
        BackboneConfig::SparseUnet { planes: p, grid } => BackboneConfig::SparseUnet {
            planes: planes(&p),
            grid,
        },
        BackboneConfig::ResUnet {
            first_kernel,
            stem,
            planes: p,
            blocks,
        } => BackboneConfig::ResUnet {
            first_kernel,
            stem: stem / 8,
            planes: planes(&p),
            blocks: blocks.iter().map(|b| b.min(&2)).copied().collect(),
        },
    };
    let objects = published.objects.map(|objects| Objects {
        channels: 16,
        ..objects
    });
    Config {
        backbone,
        objects,
        d_model: 16,
        heads: 4,
        ffn: 32,
        layers: 2,
        ..published
    }
}

/// The checkpoint that a publication of `network` would have, with distinct values.
fn publish(network: &SegDino3dVl, depth: usize) -> Checkpoint {
    let mut checkpoint = Checkpoint::new();
    let mut next = 0.0;
    for parameter in weights::parameters(network) {
        let Some(Origin { key, layout }) = origin(&parameter.name, depth) else {
            continue;
        };
        let shape = &parameter.shape;
        let shape = match layout {
            Layout::Same => shape.clone(),
            Layout::Transposed => vec![shape[1], shape[0]],
            Layout::Reinterpreted => vec![shape[1], 1, 1, 1, shape[0]],
            Layout::Third(_) if shape.len() == 1 => vec![3 * shape[0]],
            Layout::Third(_) => vec![3 * shape[1], shape[0]],
            Layout::Kernel => {
                let edge = if shape[0] == 8 { 2 } else { 3 };
                vec![shape[2], edge, edge, edge, shape[1]]
            }
        };
        let values = (0..shape.iter().product()).map(|_| {
            next += 1.0;
            next
        });
        let stored = StoredTensor {
            values: values.collect(),
            shape,
        };
        checkpoint.entry(key).or_insert(stored);
    }
    checkpoint
}

#[test]
fn published_networks_are_taken_over_whole() {
    let device = Device::flex();
    for (published, depth) in [(Config::scannet200(), 4), (Config::scannet20(), 0)] {
        let config = small(published);
        let network = SegDino3dVl::new(&config, &device);
        let mut checkpoint = publish(&network, depth);
        checkpoint.insert(
            "backbone.bn0.bn.num_batches_tracked".into(),
            StoredTensor {
                shape: vec![],
                values: vec![1.0],
            },
        );
        let import = super::import(&network, &checkpoint).unwrap();
        assert!(
            import.is_whole(),
            "{:?} {:?} {:?}",
            import.missing,
            import.unused,
            import.mismatched
        );
        assert_eq!(import.own, ["missing_image_embedding"]);
        let loaded = load_weights(SegDino3dVl::new(&config, &device), &import.weights).unwrap();
        let sum = |network: &SegDino3dVl| {
            weights::parameters(network)
                .iter()
                .flat_map(|p| &p.values)
                .map(|v| f64::from(*v))
                .sum::<f64>()
        };
        let expected: f64 = checkpoint
            .iter()
            .filter(|(key, _)| !key.ends_with("tracked"))
            .flat_map(|(_, s)| &s.values)
            .map(|v| f64::from(*v))
            .sum();
        assert!(
            (sum(&loaded) - expected).abs() < 1e-6 * expected,
            "every value arrives once"
        );
    }
}

#[test]
fn what_does_not_fit_is_listed() {
    let device = Device::flex();
    let network = SegDino3dVl::new(&small(Config::scannet20()), &device);
    let mut checkpoint = publish(&network, 0);
    checkpoint.remove("decoder.out_sem.bias");
    checkpoint.insert(
        "decoder.query.weight".into(),
        StoredTensor {
            shape: vec![1],
            values: vec![0.0],
        },
    );
    let stem = checkpoint.get_mut("backbone.input_conv.0.weight").unwrap();
    stem.shape[4] -= 1;
    stem.values.truncate(stem.shape.iter().product());
    let import = super::import(&network, &checkpoint).unwrap();
    assert!(!import.is_whole());
    assert_eq!(
        import.missing,
        [(
            "decoder.heads.class.Fixed.semantics.bias".into(),
            "decoder.out_sem.bias".into()
        )]
    );
    assert_eq!(import.unused, ["decoder.query.weight"]);
    assert_eq!(
        import.mismatched,
        [Mismatch {
            key: "backbone.input_conv.0.weight".into(),
            found: vec![4, 3, 3, 3, 261],
            expected: vec![27, 262, 4]
        }]
    );
}

#[test]
fn other_networks_keys_are_told() {
    assert_eq!(
        unified("unet.u.blocks.block0.conv_branch.2.weight"),
        "backbone.u.blocks.block0.conv_branch.2.weight"
    );
    assert_eq!(
        unified("module.input_conv.0.weight"),
        "backbone.input_conv.0.weight"
    );
    assert_eq!(
        unified("model.backbone.conv0p1s1.kernel"),
        "backbone.conv0p1s1.kernel"
    );
    assert_eq!(
        unified("module.decoder.out_norm.weight"),
        "decoder.out_norm.weight"
    );
}

#[test]
fn kernels_come_in_both_layouts() {
    // One input, two outputs, kernel of edge 2: each value is 10 x + 100 y + 1000 z + output.
    let value =
        |x: usize, y: usize, z: usize, output: usize| (10 * x + 100 * y + 1000 * z + output) as f32;
    let cells = || (0..8).map(|i| [i / 4, i / 2 % 2, i % 2]);
    let new = (0..2)
        .flat_map(|o| cells().map(move |[x, y, z]| value(x, y, z, o)))
        .collect();
    let old = cells()
        .flat_map(|[x, y, z]| (0..2).map(move |o| value(x, y, z, o)))
        .collect();
    let expected: Vec<f32> = (0..8)
        .flat_map(|k| (0..2).map(move |o| value(k % 2, k / 2 % 2, k / 4, o)))
        .collect();
    for stored in [
        StoredTensor {
            shape: vec![2, 2, 2, 2, 1],
            values: new,
        },
        StoredTensor {
            shape: vec![2, 2, 2, 1, 2],
            values: old,
        },
    ] {
        assert_eq!(Layout::Kernel.read(&stored, &[8, 1, 2]).unwrap(), expected);
    }
}
