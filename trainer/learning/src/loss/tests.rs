#![allow(clippy::unwrap_used)]
//! The loss on made-up scenes, and against the costs, pairs, terms and gradients of the released
//! criterion.

use std::slice::from_ref;

use burn::tensor::{Device, Gradients};
use proofs::{
    cases::published as cases,
    device::{self, Subject},
    golden::Golden,
};
use segscape::{
    model::{Prediction, SegDino3dVl, published},
    ops::SegmentMap,
};

use super::{targets::rows, *};

const CASES: [&str; 2] = ["loss_normalized", "loss_metric"];

fn open(case: &str) -> Golden {
    pollster::block_on(Golden::open(case))
}

fn truth(golden: &Golden, scene: usize) -> Targets {
    let name = |name: &str| format!("input.s{scene}.{name}");
    let masks = &golden.stored(&name("gt_masks"));
    let (objects, superpoints) = (masks.shape[0], masks.shape[1]);
    let object_of_superpoint: Vec<_> = (0..superpoints)
        .map(|s| {
            (0..objects)
                .find(|o| masks.values[o * superpoints + s] > 0.0)
                .map(|o| o as u32)
        })
        .collect();
    let queries = golden.indices(&name("query_index"));
    // (classes + 1, superpoints): the last row is background
    let surfaces = &golden.stored(&name("gt_semantic"));
    let surface = |s: u32| {
        (0..surfaces.shape[0] - 1)
            .find(|class| surfaces.values[class * superpoints + s as usize] > 0.0)
            .map(|class| class as u32)
    };
    Targets {
        object_of_query: queries
            .iter()
            .map(|&q| object_of_superpoint[q as usize])
            .collect(),
        masks: ObjectMasks::apart(&object_of_superpoint),
        superpoint_sizes: vec![10; superpoints],
        class_of_object: golden
            .indices(&name("gt_labels"))
            .into_iter()
            .map(Some)
            .collect(),
        centers: golden.rows(&name("gt_centers")),
        sizes: golden.rows(&name("gt_sizes")),
        dense_pairs: vec![],
        surface_of_query: queries.into_iter().map(surface).collect(),
    }
}

fn output(golden: &Golden, scene: usize, layer: usize) -> Output {
    let get = |name: &str| {
        golden.tensor(
            &format!("expected.s{scene}.head{layer}.{name}"),
            &Device::flex(),
        )
    };
    Output {
        classes: get("cls"),
        masks: get("mask"),
        scores: None,
        boxes: (layer > 0).then(|| Boxes {
            centers: get("center"),
            sizes: get("size"),
        }),
        semantics: None,
    }
}

/// The loss against one truth, and the terms of the last output.
fn loss(outputs: &[Output], truth: &Targets, options: &Loss, scenes: usize) -> (Tensor<1>, Terms) {
    losses(&[(truth, outputs.to_vec())], options, scenes).remove(0)
}

fn scalar(tensor: Tensor<1>) -> f32 {
    tensor.into_data().iter::<f32>().next().unwrap()
}

/// Costs, pairs and terms made by the released criterion on two scenes and three outputs.
#[test]
fn terms_and_matches_equal_the_reference() {
    let options = Loss::default();
    for case in CASES {
        let golden = open(case);
        for layer in 0..3 {
            let mut sums = [0.0; 5];
            for scene in 0..2 {
                let truth = truth(&golden, scene);
                let target = DeviceTargets::new(&truth, &Device::flex());
                let output = output(&golden, scene, layer);
                let prefix = format!("expected.match.output{layer}.s{scene}");
                let cost = golden.stored(&format!("{prefix}.cost"));
                let got: Vec<f32> = target
                    .cost(&output, &options)
                    .into_data()
                    .iter::<f32>()
                    .collect();
                for (row, expected) in got
                    .chunks_exact(cost.shape[1] + 1)
                    .zip(cost.values.chunks_exact(cost.shape[1]))
                {
                    assert!(
                        row.iter().zip(expected).all(|(g, e)| (g - e).abs() < 4e-5),
                        "{case} {row:?} instead of {expected:?}"
                    );
                }
                let matched = cost::matched(
                    &[(
                        DeviceTargets::new(&truth, &Device::flex()),
                        from_ref(&output),
                    )],
                    &options,
                );
                let pairs = matched[0][0].clone();
                assert_eq!(
                    pairs.iter().map(|p| p.query).collect::<Vec<_>>(),
                    golden.indices(&format!("{prefix}.query"))
                );
                assert_eq!(
                    pairs.iter().map(|p| p.object).collect::<Vec<_>>(),
                    golden.indices(&format!("{prefix}.gt"))
                );
                let t = target.terms(&output, &Pairs::same(pairs), &options);
                for (sum, term) in sums
                    .iter_mut()
                    .zip([t.class, t.bce, t.dice, t.center, t.size])
                {
                    *sum += scalar(term) / 2.0;
                }
            }
            // The reference values of the dice loss already include its factors.
            sums[2] *= if layer == 2 { 4.0 } else { 2.0 };
            for (sum, name) in sums.iter().zip(["cls", "bce", "dice", "center", "size"]) {
                let expected = golden
                    .stored(&format!("expected.loss.output{layer}.{name}"))
                    .values[0];
                assert!(
                    (sum - expected).abs() < 4e-5,
                    "{case} output {layer} {name}: {sum} instead of {expected}"
                );
            }
        }
    }
}

/// Checks the total over both scenes and the gradient of every parameter and input, from the
/// features to the loss.
#[test]
fn gradients_equal_the_reference_on_the_cpu() {
    check_gradients(&device::cpu());
}

#[test]
fn gradients_equal_the_reference_on_a_gpu() {
    check_gradients(&pollster::block_on(device::gpu()));
}

fn check_gradients(subject: &Subject) {
    let subject = Subject {
        device: subject.device.clone().autodiff(),
        ..subject.clone()
    };
    for case in CASES {
        let golden = open(case);
        let network = pollster::block_on(cases::network(
            &cases::decoder_config(&golden),
            &golden,
            "decoder.",
            &subject,
        ));
        let (total, inputs) = total_and_inputs(&network, &golden, &subject);
        let expected = golden.stored("expected.loss.total").values[0];
        let found = scalar(total.clone());
        assert!(
            (found - expected).abs() < golden.tolerance("loss terms"),
            "{case}: the total is {found} instead of {expected}"
        );

        let gradients = total.backward();
        let norm = golden.stored("expected.grad.global_norm").values[0];
        let check = |name: &str, found: &[f32], expected: &[f32]| {
            let allowed =
                1e-4 * expected.iter().fold(0.0, |max: f32, e| max.max(e.abs())) + 1e-7 * norm;
            let worst = found
                .iter()
                .zip(expected)
                .map(|(f, e)| (f - e).abs())
                .fold(0.0, f32::max);
            assert!(
                found.len() == expected.len() && worst <= allowed,
                "{case}: {name} differs by {worst}, at most {allowed} is allowed"
            );
        };
        for (name, input) in inputs {
            let gradient = input.grad(&gradients).unwrap().into_data();
            check(
                &name,
                &gradient.iter::<f32>().collect::<Vec<_>>(),
                &golden.stored(&format!("expected.grad.{name}")).values,
            );
        }
        let compared = compare_weights(&network, &golden, &gradients, check);
        assert!(compared > 100, "{compared} gradients were compared");
    }
}

/// The loss of both scenes of a case, and the inputs of the network by name.
fn total_and_inputs(
    network: &SegDino3dVl,
    golden: &Golden,
    subject: &Subject,
) -> (Tensor<1>, Vec<(String, Tensor<2>)>) {
    let mut inputs = vec![];
    let mut total = Tensor::<1>::zeros([1], &subject.device);
    for scene in 0..2 {
        let prefix = format!("input.s{scene}.");
        let features = golden
            .tensor::<2>(&format!("{prefix}superpoint_features"), &subject.device)
            .require_grad();
        let mut layout = cases::layout(golden, &prefix, subject);
        let objects = layout
            .objects
            .take()
            .map(|(features, positions)| (features.require_grad(), positions));
        inputs.push((format!("s{scene}.superpoint_features"), features.clone()));
        inputs.extend(
            objects
                .iter()
                .map(|(features, _)| (format!("s{scene}.query2d_feats"), features.clone())),
        );
        layout.objects = objects;
        let outputs = outputs(
            network,
            features,
            &layout,
            &golden.indices(&format!("{prefix}query_index")),
        );
        let (loss, _) = loss(&outputs, &truth(golden, scene), &Loss::default(), 2);
        total = total + loss / 2.0;
    }
    (total, inputs)
}

/// Compares the gradients of the decoder's weights by `check(name, found, expected)`; returns their
/// number. The expected ones are in the published layout and are converted in the same way as the
/// weights.
fn compare_weights(
    network: &SegDino3dVl,
    golden: &Golden,
    gradients: &Gradients,
    check: impl Fn(&str, &[f32], &[f32]),
) -> usize {
    let gradients = proofs::gradients::of_parameters(network, gradients);
    let keys = golden.checkpoint().iter().filter_map(|(key, stored)| {
        Some((
            key.strip_prefix("expected.grad.")?.to_owned(),
            stored.clone(),
        ))
    });
    let expected = published::import(
        network,
        &keys
            .filter(|(key, _)| key.starts_with("decoder."))
            .collect(),
    )
    .unwrap();
    let expected = safetensors::SafeTensors::deserialize(&expected.weights).unwrap();
    let mut compared = 0;
    for (name, found) in gradients
        .iter()
        .filter(|(name, _)| name.starts_with("decoder."))
    {
        let expected: Vec<f32> = expected
            .tensor(name)
            .unwrap()
            .data()
            .as_chunks()
            .0
            .iter()
            .map(|b| f32::from_le_bytes(*b))
            .collect();
        check(name, found, &expected);
        compared += 1;
    }
    compared
}

fn outputs(
    network: &SegDino3dVl,
    features: Tensor<2>,
    layout: &segscape::model::Layout,
    queries: &[u32],
) -> Vec<Output> {
    let [superpoints, _] = features.dims();
    let decoder = network.decoder();
    let (memory, mut state) = decoder.start(
        features,
        layout,
        &SegmentMap::selection(queries, superpoints).unwrap(),
    );
    let words = Tensor::zeros(
        [1, segscape::text::TextSpace::default().width],
        &layout.centers.device(),
    );
    let output = |Prediction {
                      class,
                      masks,
                      boxes,
                  }: Prediction| Output {
        classes: class.logits(words.clone()),
        masks,
        scores: class.score(),
        boxes,
        semantics: None,
    };
    let mut outputs = vec![output(decoder.predict(&state))];
    for layer in 0..decoder.layers() {
        state = decoder.step(layer, &memory, state);
        outputs.push(output(decoder.predict(&state)));
    }
    outputs.last_mut().unwrap().semantics = decoder.semantics(&state);
    outputs
}

fn random(shape: [usize; 2], device: &Device) -> Tensor<2> {
    Tensor::random(shape, burn::tensor::Distribution::Normal(0.0, 3.0), device)
}

#[test]
fn a_scene_without_objects_has_a_finite_loss_and_gradient() {
    let device = Device::flex().autodiff();
    let truth = Targets {
        masks: ObjectMasks::apart(&[None; 6]),
        superpoint_sizes: vec![1; 6],
        object_of_query: vec![None; 4],
        ..Targets::default()
    };
    for supervision in [
        Supervision::Dense,
        Supervision::Sparse,
        Supervision::Hungarian,
    ] {
        let masks = random([4, 6], &device).require_grad();
        let output = Output {
            classes: random([4, 3], &device),
            scores: Some(masks.clone().sum_dim(1)),
            boxes: Some(Boxes {
                centers: random([4, 3], &device),
                sizes: random([4, 3], &device),
            }),
            semantics: None,
            masks: masks.clone(),
        };
        let (total, _) = loss(
            &[output.clone(), output.clone()],
            &truth,
            &Loss {
                supervision,
                ..Loss::default()
            },
            1,
        );
        assert!(scalar(total.clone()).is_finite());
        let gradient = masks.grad(&total.backward()).unwrap();
        assert!(gradient.into_data().iter::<f32>().all(f32::is_finite));
    }
}

#[test]
fn background_teaches_only_where_it_is_a_class() {
    let device = Device::flex();
    let logits = Tensor::<2>::from_floats([[1.0, 2.0, 4.0], [0.5, 0.0, -1.0]], &device);
    let semantic = |surface_of_query: [Option<u32>; 2], background| {
        let truth = Targets {
            surface_of_query: surface_of_query.to_vec(),
            ..Targets::default()
        };
        scalar(DeviceTargets::new(&truth, &device).semantic(&logits, background))
    };
    let nats = |row: &[f32], class: usize| {
        row.iter().map(|logit| logit.exp()).sum::<f32>().ln() - row[class]
    };
    let close = |found: f32, expected: f32| {
        assert!(
            (found - expected).abs() < 1e-6,
            "{found} instead of {expected}"
        )
    };
    close(semantic([None, Some(0)], false), nats(&[0.5, 0.0], 0));
    close(
        semantic([None, Some(0)], true),
        (nats(&[1.0, 2.0, 4.0], 2) + nats(&[0.5, 0.0, -1.0], 0)) / 2.0,
    );
    close(semantic([None, None], false), 0.0);
}

#[test]
fn a_perfect_answer_costs_nothing_and_has_iou_one() {
    let device = Device::flex();
    let object_of_superpoint = vec![Some(0), Some(0), Some(1), None];
    let truth = Targets {
        superpoint_sizes: vec![5, 1, 2, 9],
        masks: ObjectMasks::apart(&object_of_superpoint),
        object_of_query: object_of_superpoint,
        class_of_object: vec![Some(1), Some(0)],
        centers: vec![[1.0, 2.0, 3.0]; 2],
        sizes: vec![[1.0; 3]; 2],
        dense_pairs: (0..3)
            .map(|query| Pair {
                query,
                object: query / 2,
            })
            .collect(),
        surface_of_query: vec![],
    };
    let far = |rows: [[f32; 4]; 4]| Tensor::<2>::from_floats(rows, &device) * 60.0 - 30.0;
    let output = Output {
        classes: far([
            [0., 1., 0., 0.],
            [0., 1., 0., 0.],
            [1., 0., 0., 0.],
            [0., 0., 0., 1.],
        ]),
        masks: far([
            [1., 1., 0., 0.],
            [1., 1., 0., 0.],
            [0., 0., 1., 0.],
            [0., 0., 0., 0.],
        ]),
        scores: Some(Tensor::from_floats(
            [[30.0], [30.0], [30.0], [-30.0]],
            &device,
        )),
        boxes: Some(Boxes {
            centers: rows(&[[1.0, 2.0, 3.0]; 4], &device),
            sizes: rows(&[[1.0; 3]; 4], &device),
        }),
        semantics: None,
    };
    let dense = Loss {
        supervision: Supervision::Dense,
        ..Loss::default()
    };
    let (total, terms) = loss(&[output], &truth, &dense, 1);
    assert!(scalar(total).abs() < 1e-5);
    assert_eq!(scalar(terms.iou), 1.0);
}
