//! Compares every operation's gradient with central finite differences of the operation, on the CPU
//! and on a GPU.
//!
//! The operations are linear in each argument, so the differences are exact except for rounding,
//! and the step can be large.
#![cfg(not(target_family = "wasm"))]

use std::collections::BTreeMap;

use burn::tensor::{Device, Tensor, activation};
use proofs::{
    cases::{noise, published, tensor},
    device::{self, Subject},
    golden::Golden,
    gradients,
};
use segscape::ops::{
    FusedEpilogue, KernelMap, Level, SegmentMap, attention, gelu, mask_ious, mask_terms,
    masked_softmax, matmul, normalize, segment_mean, sine, sparse_conv, sparse_conv_grad_input,
    sparse_conv_grad_weight, sparse_conv_with_epilogue,
};

const STEP: f32 = 0.5;
const TOLERANCE: f32 = 1e-4;

fn devices() -> [(&'static str, Device); 2] {
    [
        ("cpu", device::cpu().device),
        ("gpu", pollster::block_on(device::gpu()).device),
    ]
}

fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().try_to_vec().expect("a tensor of f32")
}

/// Compares the gradient of `sum(noise * f(a))` with respect to `a` with its central differences.
fn check<const A: usize, const O: usize>(
    what: &str,
    shape: [usize; A],
    device: &Device,
    f: impl Fn(Tensor<A>) -> Tensor<O>,
) {
    let loss = |a: Tensor<A>| {
        let out = f(a);
        let weights = noise(9, out.dims().iter().product());
        let weights = tensor(&weights, out.dims(), &out.device());
        (out * weights).sum()
    };
    let point = noise(8, shape.iter().product());
    let a = tensor(&point, shape, &device.clone().autodiff()).require_grad();
    let mut grads = loss(a.clone()).backward();
    let got = values(a.grad_remove(&mut grads).expect("a gradient"));
    for at in 0..point.len() {
        let moved = |by: f32| {
            let mut point = point.clone();
            point[at] += by;
            values(loss(tensor(&point, shape, device)))[0]
        };
        let want = (moved(STEP) - moved(-STEP)) / (2.0 * STEP);
        assert!(
            (got[at] - want).abs() <= TOLERANCE * want.abs().max(1.0),
            "{what}, value {at}: {} instead of {want}",
            got[at]
        );
    }
}

/// Ten voxels, some of which touch, at an odd border and at negative coordinates.
const VOXELS: [[i32; 3]; 10] = [
    [0, 0, 0],
    [1, 0, 0],
    [1, 1, 0],
    [-1, 0, 0],
    [-1, -1, -1],
    [2, 1, 0],
    [2, 2, 1],
    [3, 2, 1],
    [5, 5, 5],
    [4, 5, 5],
];

#[test]
fn of_sparse_convolutions() {
    let level = Level::new(VOXELS.to_vec()).expect("valid voxels");
    let (_, down) = KernelMap::strided(&level, None);
    let maps = [
        (
            "submanifold",
            KernelMap::submanifold(&level, 3).expect("an odd kernel"),
        ),
        ("up", down.inverse()),
        ("down", down),
    ];
    for (on, device) in devices() {
        for (kind, map) in &maps {
            let (x_shape, w_shape, g_shape) = (
                [map.in_rows(), 3],
                [map.offsets(), 3, 2],
                [map.out_rows(), 2],
            );
            let fixed = |like: Device| {
                let of = |seed, len| noise(seed, len);
                (
                    tensor(&of(1, map.in_rows() * 3), x_shape, &like),
                    tensor(&of(2, map.offsets() * 6), w_shape, &like),
                    tensor(&of(3, map.out_rows() * 2), g_shape, &like),
                )
            };
            let what = |name: &str| format!("{name} of a {kind} convolution on the {on}");
            check(&what("output to input"), x_shape, &device, |x| {
                sparse_conv(x.clone(), fixed(x.device()).1, map)
            });
            check(&what("output to weight"), w_shape, &device, |w| {
                sparse_conv(fixed(w.device()).0, w, map)
            });
            // With gradients, the operations run separately. All operations that may follow the
            // sums are included except ReLU, which is not linear.
            let following = |like: &Device| FusedEpilogue {
                affine: Some(tensor(&noise(4, 4), [2, 2], like)),
                addend: Some(tensor(&noise(5, map.out_rows() * 2), g_shape, like)),
                with_relu: false,
            };
            let then = |x: Tensor<2>, w: Tensor<3>, then: FusedEpilogue| {
                sparse_conv_with_epilogue(x, w, map, then)
            };
            check(&what("what follows to input"), x_shape, &device, |x| {
                then(x.clone(), fixed(x.device()).1, following(&x.device()))
            });
            check(&what("what follows to weight"), w_shape, &device, |w| {
                then(fixed(w.device()).0, w.clone(), following(&w.device()))
            });
            check(
                &what("what follows to factors"),
                [2, 2],
                &device,
                |affine| {
                    let (x, w, _) = fixed(affine.device());
                    then(
                        x,
                        w,
                        FusedEpilogue {
                            affine: Some(affine.clone()),
                            ..following(&affine.device())
                        },
                    )
                },
            );
            check(
                &what("what follows to addend"),
                g_shape,
                &device,
                |addend| {
                    let (x, w, _) = fixed(addend.device());
                    then(
                        x,
                        w,
                        FusedEpilogue {
                            addend: Some(addend.clone()),
                            ..following(&addend.device())
                        },
                    )
                },
            );
            check(
                &what("input gradient to output gradient"),
                g_shape,
                &device,
                |g| sparse_conv_grad_input(g.clone(), fixed(g.device()).1, map),
            );
            check(&what("input gradient to weight"), w_shape, &device, |w| {
                sparse_conv_grad_input(fixed(w.device()).2, w, map)
            });
            check(&what("weight gradient to input"), x_shape, &device, |x| {
                sparse_conv_grad_weight(x.clone(), fixed(x.device()).2, map)
            });
            check(
                &what("weight gradient to output gradient"),
                g_shape,
                &device,
                |g| sparse_conv_grad_weight(fixed(g.device()).0, g, map),
            );
        }
    }
}

#[test]
fn of_segment_means() {
    let map = SegmentMap::new(&[0, 0, 2, 2, 2, 3], &[1, 1, 0, 4, 1, 4], 4, 5).expect("valid ids");
    let selection = SegmentMap::selection(&[3, 0, 3, 1], 5).expect("valid ids");
    for (on, device) in devices() {
        check(&format!("segment mean on the {on}"), [5, 3], &device, |x| {
            segment_mean(x, &map)
        });
        check(&format!("selection on the {on}"), [5, 3], &device, |x| {
            segment_mean(x, &selection)
        });
    }
}

#[test]
fn of_matrix_products() {
    let (a_shape, b_shape) = ([2, 9, 5], [2, 5, 6]);
    let of = |seed, shape: [usize; 3], device: &Device| {
        tensor(&noise(seed, shape.iter().product()), shape, device)
    };
    for (on, device) in devices() {
        check(
            &format!("product to left factor on the {on}"),
            a_shape,
            &device,
            |a| matmul(a.clone(), of(2, b_shape, &a.device())),
        );
        check(
            &format!("product to right factor on the {on}"),
            b_shape,
            &device,
            |b| matmul(of(1, a_shape, &b.device()), b),
        );
    }
}

/// Masked softmax is not linear, so its gradient is compared with that of the formula's individual
/// steps.
#[test]
fn of_masked_softmaxes() {
    let shape = [2, 3, 7];
    for (on, device) in devices() {
        let device = device.autodiff();
        let mask = tensor(&noise(2, 21), [3, 7], &device);
        let blocked = mask
            .clone()
            .lower_elem(0.0)
            .unsqueeze_dim::<3>(0)
            .expand(shape);
        let weights = tensor(&noise(9, 42), shape, &device);
        let gradient = |f: &dyn Fn(Tensor<3>) -> Tensor<3>| {
            let scores = tensor(&noise(8, 42), shape, &device).require_grad();
            let mut grads = (f(scores.clone()) * weights.clone()).sum().backward();
            values(scores.grad_remove(&mut grads).expect("a gradient"))
        };
        let got = gradient(&|scores| masked_softmax(scores, Some(mask.clone()), 7));
        let want =
            gradient(&|scores| activation::softmax(scores.mask_fill(blocked.clone(), -1e30), 2));
        let mut both = got.iter().zip(&want);
        let are_near = both.all(|(got, want)| (got - want).abs() <= TOLERANCE);
        assert!(are_near, "on the {on}: {got:?} instead of {want:?}");
    }
}

#[test]
fn of_sines() {
    for (on, device) in devices() {
        let turns = noise(8, 90);
        let x = tensor(&turns, [90], &device.autodiff()).require_grad();
        let mut grads = sine(x.clone()).sum().backward();
        for (got, turn) in values(x.grad_remove(&mut grads).expect("a gradient"))
            .iter()
            .zip(&turns)
        {
            let want = std::f32::consts::TAU * (turn * std::f32::consts::TAU).cos();
            assert!(
                (got - want).abs() <= TOLERANCE,
                "on the {on}: {got} instead of {want}"
            );
        }
    }
}

#[test]
fn of_gelus() {
    for (on, device) in devices() {
        let points: Vec<f32> = noise(8, 90).into_iter().map(|x| x * 4.0).collect();
        let x = tensor(&points, [90], &device.clone().autodiff()).require_grad();
        let mut grads = gelu(x.clone()).sum().backward();
        // slopes of the parts that burn differentiates, which are exact on the CPU
        let y = tensor(&points, [90], &device::cpu().device.autodiff()).require_grad();
        let below = ((y.clone() * std::f32::consts::FRAC_1_SQRT_2).erf() + 1.0) * 0.5;
        let mut wanted = (y.clone() * below).sum().backward();
        let got = values(x.grad_remove(&mut grads).expect("a gradient"));
        let want = values(y.grad_remove(&mut wanted).expect("a gradient"));
        let mut both = got.iter().zip(&want);
        let are_near = both.all(|(got, want)| (got - want).abs() <= TOLERANCE);
        assert!(are_near, "on the {on}: {got:?} instead of {want:?}");
    }
}

/// Attention is not linear, so its gradients are compared with those of the formula's individual
/// steps, for queries that attend to many keys, to few, or, where a mask admits none, to all.
#[test]
fn of_attentions() {
    for sizes in [[2, 3, 5, 4, 6], [1, 70, 40, 18, 9], [3, 97, 31, 8, 24]] {
        for shift in [0.0, -0.7, -0.97, 1.0] {
            attention_gradients(sizes, shift);
        }
    }
}

/// Checks masks whose logits in `-1..1` are shifted by `shift`.
fn attention_gradients([heads, queries, keys, width, value_width]: [usize; 5], shift: f32) {
    let shapes = [
        [heads, queries, width],
        [heads, keys, width],
        [heads, keys, value_width],
    ];
    for (on, device) in devices() {
        let device = device.autodiff();
        let mask = tensor(&noise(2, queries * keys), [queries, keys], &device) + shift;
        let closed = mask.clone().lower_elem(0.0);
        let covers_none = closed.clone().all_dim(1).expand([queries, keys]);
        let blocked = closed
            .bool_and(covers_none.bool_not())
            .unsqueeze_dim::<3>(0)
            .expand([heads, queries, keys]);
        let weights = tensor(
            &noise(9, queries * heads * value_width),
            [queries, heads * value_width],
            &device,
        );
        let gradients = |f: &dyn Fn([Tensor<3>; 3]) -> Tensor<2>| {
            let inputs = [0, 1, 2].map(|i: usize| {
                tensor(
                    &noise(i as u32, shapes[i].iter().product()),
                    shapes[i],
                    &device,
                )
                .require_grad()
            });
            let mut grads = (f(inputs.clone()) * weights.clone()).sum().backward();
            inputs
                .map(|input| values(input.grad_remove(&mut grads).expect("a gradient")))
                .concat()
        };
        let got = gradients(&|[q, k, v]| attention(q, k, v, Some(mask.clone())));
        let want = gradients(&|[q, k, v]| {
            let scores = q.matmul(k.swap_dims(1, 2)) / (width as f32).sqrt();
            let seen = activation::softmax(scores.mask_fill(blocked.clone(), -1e30), 2).matmul(v);
            seen.swap_dims(0, 1).reshape([queries, heads * value_width])
        });
        assert_eq!(got.len(), want.len());
        for (got, want) in got.iter().zip(&want) {
            assert!(
                (got - want).abs() <= TOLERANCE * want.abs().max(1.0),
                "shift {shift} on the {on}: {got} instead of {want}"
            );
        }
    }
}

/// Normalization is not linear, so its results and gradients are compared with those of the
/// formula's individual steps.
#[test]
fn of_normalizations() {
    const EPSILON: f64 = 1e-3;
    for (on, device) in devices() {
        // a single block of rows and several; full groups of channels, single channels, and both
        for ([rows, channels], with_relu) in [
            ([9, 3], true),
            ([1500, 16], false),
            ([700, 20], true),
            ([1, 2], true),
        ] {
            let device = device.clone().autodiff();
            let weights = tensor(&noise(9, rows * channels), [rows, channels], &device);
            // far from zero, where errors from differences of large numbers would show
            let x = noise(1, rows * channels)
                .into_iter()
                .map(|x| x + 3.0)
                .collect::<Vec<_>>();
            let all = |f: &dyn Fn(Tensor<2>, Tensor<1>, Tensor<1>) -> [Tensor<2>; 3]| {
                let x = tensor(&x, [rows, channels], &device).require_grad();
                let [gamma, beta] = [2, 3]
                    .map(|seed| tensor(&noise(seed, channels), [channels], &device).require_grad());
                let [output, mean, variance] = f(x.clone(), gamma.clone(), beta.clone());
                let mut grads = (output.clone() * weights.clone()).sum().backward();
                let slopes = [gamma.grad_remove(&mut grads), beta.grad_remove(&mut grads)]
                    .map(|slope| values(slope.expect("a gradient")));
                let slope = values(x.grad_remove(&mut grads).expect("a gradient"));
                [
                    vec![values(output), values(mean), values(variance), slope],
                    slopes.into(),
                ]
                .concat()
            };
            let got = all(&|x, gamma, beta| {
                let found = normalize(x, gamma, beta, EPSILON, with_relu);
                [
                    found.output,
                    found.mean.unsqueeze(),
                    found.variance.unsqueeze(),
                ]
            });
            let want = all(&|x, gamma, beta| {
                let mean = x.clone().mean_dim(0);
                let variance = (x.clone() - mean.clone()).square().mean_dim(0);
                let y = (x - mean.clone()) / (variance.clone() + EPSILON).sqrt()
                    * gamma.unsqueeze()
                    + beta.unsqueeze();
                [
                    if with_relu { activation::relu(y) } else { y },
                    mean,
                    variance,
                ]
            });
            for (part, (got, want)) in [
                "output",
                "mean",
                "variance",
                "slope",
                "gamma's slope",
                "beta's slope",
            ]
            .iter()
            .zip(got.iter().zip(&want))
            {
                assert_eq!(got.len(), want.len());
                let largest = want
                    .iter()
                    .fold(1.0f32, |largest, value| largest.max(value.abs()));
                for (got, want) in got.iter().zip(want) {
                    assert!(
                        (got - want).abs() <= TOLERANCE * largest,
                        "{part} of {rows} x {channels} on the {on}: {got} instead of {want}"
                    );
                }
            }
        }
    }
}

/// Compares the gradient of normalization with central differences.
#[test]
fn of_normalizations_by_differences() {
    const SMALL: f32 = 1e-2;
    let (shape, device) = ([6, 5], device::cpu().device);
    let weights = noise(9, 30);
    let loss = |x: Tensor<2>| {
        let [gamma, beta] = [2, 3].map(|seed| tensor(&noise(seed, 5), [5], &x.device()));
        (normalize(x.clone(), gamma, beta, 0.1, false).output
            * tensor(&weights, shape, &x.device()))
        .sum()
    };
    let point = noise(8, 30);
    let x = tensor(&point, shape, &device.clone().autodiff()).require_grad();
    let mut grads = loss(x.clone()).backward();
    let got = values(x.grad_remove(&mut grads).expect("a gradient"));
    for at in 0..point.len() {
        let moved = |by: f32| {
            let mut point = point.clone();
            point[at] += by;
            // normalization uses the statistics of the given rows, with and without gradients
            values(loss(tensor(&point, shape, &device)))[0]
        };
        let want = (moved(SMALL) - moved(-SMALL)) / (2.0 * SMALL);
        assert!(
            (got[at] - want).abs() <= 3e-3 * want.abs().max(1.0),
            "value {at}: {} instead of {want}",
            got[at]
        );
    }
}

/// The mask terms are not linear, so their values and gradients are compared with those of the
/// formula's individual steps.
#[test]
fn of_mask_terms() {
    let (queries, columns, objects) = (7, 45, 3);
    // One query is in two pairs, the pairs are not ordered, and the last mask is empty.
    let pairs = [(4, 0), (1, 1), (4, 2), (6, 1)];
    let device = device::cpu().device.autodiff();
    let masks: Vec<f32> = noise(2, objects * columns)
        .iter()
        .enumerate()
        .map(|(i, x)| {
            if i < 2 * columns && *x > 0.2 {
                1.0
            } else {
                0.0
            }
        })
        .collect();
    let masks = tensor(&masks, [objects, columns], &device);
    // logits of small and of large magnitude
    let logits: Vec<f32> = noise(1, queries * columns)
        .iter()
        .enumerate()
        .map(|(i, x)| x * [1.0, 8.0, 60.0][i % 3])
        .collect();
    let all = |f: &dyn Fn(Tensor<2>) -> Tensor<1>| {
        let logits = tensor(&logits, [queries, columns], &device).require_grad();
        let terms = f(logits.clone());
        let mut grads = (terms.clone() * tensor(&[0.7, -1.3], [2], &device))
            .sum()
            .backward();
        [
            values(terms),
            values(logits.grad_remove(&mut grads).expect("a gradient")),
        ]
    };
    let got = all(&|logits| mask_terms(logits, masks.clone(), &pairs));
    let want = all(&|logits| {
        let chosen = |x: Tensor<2>, rows: [i32; 4]| x.select(0, Tensor::from_ints(rows, &device));
        let (logits, masks) = (
            chosen(logits, pairs.map(|(query, _)| query as i32)),
            chosen(masks.clone(), pairs.map(|(_, object)| object as i32)),
        );
        let softplus = logits.clone().clamp_min(0.0) + logits.clone().abs().neg().exp().log1p();
        let sigmoid = activation::sigmoid(logits.clone());
        let inter = (sigmoid.clone() * masks.clone()).sum_dim(1) * 2.0 + 1.0;
        let dice = inter / (sigmoid.sum_dim(1) + masks.clone().sum_dim(1) + 1.0) * -1.0 + 1.0;
        Tensor::cat(vec![(softplus - logits * masks).mean(), dice.mean()], 0)
    });
    for (got, want) in got.concat().iter().zip(want.concat()) {
        assert!(
            (got - want).abs() <= 1e-5 * want.abs().max(0.1),
            "{got} instead of {want}"
        );
    }
    let weights: Vec<f32> = noise(3, columns).iter().map(|x| x.abs()).collect();
    let own = [0, 1, 2, 0, 1, 1, 0];
    let ious = values(mask_ious(
        tensor(&logits, [queries, columns], &device),
        masks.clone(),
        tensor(&weights, [1, columns], &device),
        &own,
    ));
    let masks = values(masks);
    for (query, (got, own)) in ious.iter().zip(own).enumerate() {
        let sum = |keep: &dyn Fn(bool, bool) -> bool| {
            let column = |c: usize| {
                keep(
                    logits[query * columns + c] > 0.0,
                    masks[own as usize * columns + c] > 0.0,
                )
            };
            (0..columns)
                .filter(|c| column(*c))
                .map(|c| f64::from(weights[c]))
                .sum::<f64>()
        };
        let want = sum(&|a, b| a && b) / sum(&|a, b| a || b).max(1e-9);
        assert!(
            (f64::from(*got) - want).abs() < 1e-5,
            "query {query}: {got} instead of {want}"
        );
    }
}

/// The gradients of a backbone's input and of all its parameters on a GPU are those on the CPU.
/// There are up to sixty layers in f32 between a weight and the output, so the tolerance is relative
/// to the largest value of each gradient.
#[test]
fn of_backbones() {
    const TOLERANCE: f32 = 2e-4;
    for case in ["backbone_spconv", "backbone_mink"] {
        let golden = pollster::block_on(Golden::open(case));
        let want = backbone_gradients(&golden, device::cpu());
        let got = backbone_gradients(&golden, pollster::block_on(device::gpu()));
        assert!(want.len() > 50, "{case}: {} gradients", want.len());
        assert!(
            want.keys().eq(got.keys()),
            "{case}: gradients of the same parameters"
        );
        for (name, want) in &want {
            let got = &got[name];
            let largest = want.iter().fold(0.0, |max: f32, want| max.max(want.abs()));
            assert!(got.len() == want.len() && largest > 0.0, "{case}: {name}");
            for (got, want) in got.iter().zip(want) {
                assert!(
                    (got - want).abs() <= TOLERANCE * largest,
                    "{case}: {name} has {got} instead of {want}; its largest value is {largest}"
                );
            }
        }
    }
}

/// The gradients of a backbone case, by name, as in a training step: the normalizations use the
/// statistics of the case's own voxels.
fn backbone_gradients(golden: &Golden, subject: Subject) -> BTreeMap<String, Vec<f32>> {
    let subject = Subject {
        device: subject.device.autodiff(),
        ..subject
    };
    let config = published::backbone_config(golden);
    let network = pollster::block_on(published::network(&config, golden, "backbone.", &subject));
    let inputs = golden
        .tensor::<2>("expected.voxels_in.feats", &subject.device)
        .require_grad();
    let features = published::voxel_features(&network, &config, golden, inputs.clone());
    let weights = noise(9, features.dims().iter().product());
    let weights = tensor(&weights, features.dims(), &subject.device);
    let mut found = (features * weights).sum().backward();
    let slope = values(inputs.grad_remove(&mut found).expect("a gradient"));
    let mut all = gradients::of_parameters(&network, &found);
    all.insert("input".to_owned(), slope);
    all
}
