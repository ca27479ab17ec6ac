//! Checks that the published networks, with weights imported from their checkpoints, compute the
//! same as the released code.

use burn::tensor::Tensor;
use segscape::{
    model::{
        Class, Config, Features, Layout, Observation, Pyramid, SceneInput, SegDino3dVl,
        config::{BackboneConfig, Classes, Inputs, ObjectAttentionOrder, Objects, Sizes},
        load_weights,
        published::{self, StoredTensor},
    },
    ops::{SegmentMap, segment_mean},
    superpoint::Superpoints,
};

use super::differs;
use crate::{device::Subject, golden::Golden};

const BACKBONES: [&str; 5] = [
    "backbone_mink",
    "backbone_mink_elastic",
    "backbone_spconv",
    "backbone_spconv_elastic",
    "backbone_spconv_odd",
];
const DECODERS: [&str; 4] = [
    "decoder_tiny_metric",
    "decoder_tiny_normalized",
    "decoder_d256_metric",
    "decoder_d256_normalized",
];

/// Returns a description of every output that differs from the released code's by more than the f32
/// tolerance.
pub async fn check(subject: &Subject) -> Vec<String> {
    let mut complaints = vec![];
    for (cases, is_backbone) in [(&BACKBONES[..], true), (&DECODERS[..], false)] {
        for name in cases {
            let golden = Golden::open(name).await;
            let found = if is_backbone {
                backbone(&golden, subject).await
            } else {
                decoder(&golden, subject).await
            };
            complaints.extend(
                found
                    .into_iter()
                    .map(|complaint| format!("{name}: {complaint}")),
            );
        }
    }
    complaints
}

/// The network of a case, with the weights of the part under test.
///
/// # Panics
/// Panics if a weight of that part is missing.
pub async fn network(
    config: &Config,
    golden: &Golden,
    part: &str,
    subject: &Subject,
) -> SegDino3dVl {
    let file = golden.about["weights_file"]
        .as_str()
        .and_then(|file| file.strip_suffix(".safetensors"))
        .expect("a case names its weights");
    let weights = Golden::open(file).await;
    let network = SegDino3dVl::new(config, &subject.device);
    let import = published::import(
        &SegDino3dVl::new(config, &crate::device::cpu().device),
        weights.checkpoint(),
    )
    .expect("values are finite");
    let missing: Vec<_> = import
        .missing
        .iter()
        .filter(|(name, _)| name.starts_with(part))
        .collect();
    assert!(
        missing.is_empty() && import.unused.is_empty() && import.mismatched.is_empty(),
        "{missing:?} {:?} {:?}",
        import.unused,
        import.mismatched
    );
    load_weights(network, &import.weights).expect("what was imported fits")
}

/// The configuration of a backbone case.
pub fn backbone_config(golden: &Golden) -> Config {
    let (planes, channels) = (golden.sizes("planes"), golden.size("in_channels"));
    let backbone = if golden.about["config"]["first_kernel"].is_null() {
        BackboneConfig::SparseUnet {
            planes,
            grid: Some(golden.size("min_spatial_shape") as u32),
        }
    } else {
        BackboneConfig::ResUnet {
            first_kernel: golden.size("first_kernel"),
            stem: golden.size("init_dim"),
            planes,
            blocks: golden.sizes("blocks"),
        }
    };
    let position = matches!(backbone, BackboneConfig::SparseUnet { .. });
    let inputs = Inputs {
        position,
        height: false,
        image: channels - if position { 6 } else { 3 },
        ..Inputs::default()
    };
    Config {
        inputs,
        backbone,
        ..Config::nano()
    }
}

/// The output of the backbone of `network`, `(voxels, channels)`, for `features`, the input of a
/// backbone case.
///
/// # Panics
/// Panics if the case's voxels are not a scene's.
pub fn voxel_features(
    network: &SegDino3dVl,
    config: &Config,
    golden: &Golden,
    features: Tensor<2>,
) -> Tensor<2> {
    let coords = golden.rows("expected.voxels_in.coords");
    let coords = coords.into_iter().map(|c| c.map(|c| c as i32)).collect();
    let pyramid = Pyramid::new(coords, &config.backbone).expect("the voxels are a scene's");
    let backbone = network.backbone();
    backbone
        .forward(Features::of(features), &pyramid)
        .into_tensor()
}

async fn backbone(golden: &Golden, subject: &Subject) -> Vec<String> {
    let config = backbone_config(golden);
    let last = match config.backbone {
        BackboneConfig::SparseUnet { .. } => "output_layer.feats",
        BackboneConfig::ResUnet { .. } => "block8.feats",
    };
    let network = network(&config, golden, "backbone.", subject).await;
    let inputs = golden.tensor("expected.voxels_in.feats", &subject.device);
    let features = voxel_features(&network, &config, golden, inputs);
    let rows = |name: &str| golden.stored(name).shape[0];
    let segments = SegmentMap::new(
        &golden.indices("input.superpoint_ids"),
        &golden.indices("expected.point_to_voxel"),
        rows("expected.superpoint_features"),
        rows("expected.voxels_in.coords"),
    )
    .expect("the superpoints are a scene's");
    let complaints = [
        scene(golden, &config, subject).await,
        golden
            .differs(&format!("expected.{last}"), last, features.clone())
            .await,
        golden
            .differs(
                "expected.superpoint_features",
                "superpoint_features",
                segment_mean(features, &segments),
            )
            .await,
    ];
    complaints.into_iter().flatten().collect()
}

/// Compares the voxels, their features, the superpoints and the scene's range, computed from the
/// case's points, with the case.
async fn scene(golden: &Golden, config: &Config, subject: &Subject) -> Option<String> {
    let positions = golden.rows("input.points_xyz");
    // The case stores them in voxels; they are needed in metres.
    let distorted = golden.has("input.elastic_coords").then(|| {
        golden
            .rows("input.elastic_coords")
            .into_iter()
            .map(|p| p.map(|x| x * 0.02))
            .collect::<Vec<_>>()
    });
    let image = &golden.stored("input.points_2dfeats").values;
    let observation = Observation {
        positions: &positions,
        distorted: distorted.as_deref(),
        image: Some(image),
        ..Observation::default()
    };
    let ids = golden.indices("input.superpoint_ids");
    let superpoints = Superpoints::from_ids(&ids);
    let config = Config {
        voxel_size: 0.02,
        ..config.clone()
    };
    let scene = match SceneInput::new(&observation, &superpoints, &config) {
        Ok(scene) => scene.to_device(&subject.device),
        Err(error) => return Some(error.to_string()),
    };
    // The case's superpoints are numbered differently.
    let mut id_of_superpoint = vec![0; superpoints.count()];
    ids.iter()
        .zip(superpoints.superpoint_of_point())
        .for_each(|(id, superpoint)| id_of_superpoint[*superpoint as usize] = *id as usize);
    let renumbered = |name: &str| {
        let rows = golden.rows(name);
        id_of_superpoint
            .iter()
            .flat_map(|id| rows[*id])
            .collect::<Vec<f32>>()
    };
    // The case's voxels are sorted by x first, a scene's by z first.
    let mut voxels: Vec<_> = golden
        .rows("expected.voxels_in.coords")
        .into_iter()
        .map(|[x, y, z]| [z, y, x].map(|c| c as i32))
        .zip(0..)
        .collect();
    voxels.sort_unstable();
    let columns = |from: usize, to: usize| {
        let StoredTensor { shape, values } = golden.stored("expected.voxels_in.feats");
        voxels
            .iter()
            .flat_map(|(_, row): &(_, usize)| &values[row * shape[1]..][from..to])
            .copied()
            .collect::<Vec<f32>>()
    };
    let channels = config.inputs.channels();
    let own = channels - config.inputs.image;
    let [min, max] = scene.layout.range;
    let corner = |name: &str| golden.stored(name).values.clone();
    let range = [min, max]
        .concat()
        .iter()
        .zip([corner("expected.scene_min"), corner("expected.scene_max")].concat())
        .map(|(a, b)| (a - b).abs())
        .fold(0.0, f32::max);
    [
        (range > 1e-5).then(|| format!("the range differs by {range}")),
        differs(
            "superpoint centres",
            scene.layout.centers.clone(),
            &renumbered("expected.superpoint_pos"),
        )
        .await,
        differs(
            "undistorted centres",
            scene.layout.undistorted.clone(),
            &renumbered("expected.superpoint_pos_no_elastic"),
        )
        .await,
        // Colors are not compared, because they are normalized in the case and bytes in a scan.
        if own > 3 {
            differs(
                "positions of voxels",
                scene.features.clone().into_tensor().narrow(1, 3, own - 3),
                &columns(3, own),
            )
            .await
        } else {
            None
        },
        match scene.image {
            Some(image) => {
                differs(
                    "image features of voxels",
                    image.into_tensor(),
                    &columns(own, channels),
                )
                .await
            }
            None => Some("the image features are lost".to_owned()),
        },
    ]
    .into_iter()
    .flatten()
    .next()
}

/// The configuration of a decoder case.
pub fn decoder_config(golden: &Golden) -> Config {
    Config {
        inputs: Inputs {
            position: false,
            height: false,
            ..Inputs::default()
        },
        backbone: BackboneConfig::SparseUnet {
            planes: vec![golden.size("in_channels")],
            grid: None,
        },
        d_model: golden.size("d_model"),
        heads: golden.size("num_heads"),
        ffn: golden.size("hidden_dim"),
        layers: golden.size("num_layers"),
        sizes: if golden.about["size_parametrisation"] == "metric" {
            Sizes::Metric
        } else {
            Sizes::Normalized
        },
        objects: Some(Objects {
            channels: golden.size("d_model"),
            reach: 0.2,
            order: ObjectAttentionOrder::AfterSelfAttention,
        }),
        classes: Classes::Fixed {
            instances: golden.size("num_instance_classes"),
            semantics: golden.size("num_semantic_classes"),
        },
        ..Config::nano()
    }
}

/// The layout of a scene of a decoder case, whose tensors have names that begin with `prefix`.
pub fn layout(golden: &Golden, prefix: &str, subject: &Subject) -> Layout {
    let tensor = |name: &str| golden.tensor(&format!("{prefix}{name}"), &subject.device);
    let corner = |name: &str| {
        golden
            .stored(&format!("{prefix}{name}"))
            .values
            .clone()
            .try_into()
            .expect("a corner has three coordinates")
    };
    Layout {
        centers: tensor("superpoint_pos"),
        undistorted: tensor("superpoint_pos_no_elastic"),
        range: [corner("scene_min"), corner("scene_max")],
        objects: Some((tensor("query2d_feats"), tensor("query2d_pos"))),
    }
}

async fn decoder(golden: &Golden, subject: &Subject) -> Vec<String> {
    let config = decoder_config(golden);
    let network = network(&config, golden, "decoder.", subject).await;
    let decoder = network.decoder();
    let superpoints = golden.stored("input.superpoint_features").shape[0];
    let queries = SegmentMap::selection(&(0..superpoints as u32).collect::<Vec<_>>(), superpoints)
        .expect("all superpoints");
    let (memory, mut state) = decoder.start(
        golden.tensor("input.superpoint_features", &subject.device),
        &layout(golden, "input.", subject),
        &queries,
    );
    let mut complaints = vec![];
    for head in 0..=config.layers {
        if head > 0 {
            state = decoder.step(head - 1, &memory, state);
        }
        let prediction = network.decoder().predict(&state);
        let Class::Fixed(classes) = &prediction.class else {
            panic!("classes are fixed")
        };
        let mut answers = vec![("cls", classes.clone()), ("mask", prediction.masks.clone())];
        if let Some(boxes) = &prediction.boxes {
            answers.extend([
                ("center", boxes.centers.clone()),
                ("size", boxes.sizes.clone()),
            ]);
        }
        if head == config.layers {
            answers.extend(
                decoder
                    .semantics(&state)
                    .map(|semantics| ("sem", semantics)),
            );
        }
        for (kind, answer) in answers {
            complaints.extend(
                golden
                    .differs(&format!("expected.head{head}.{kind}"), kind, answer)
                    .await,
            );
        }
    }
    complaints
}
