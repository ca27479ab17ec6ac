//! The loss of the network's outputs for one scene, or for what one view sees of it, against the
//! ground truth (docs/spec/model.md sections 11.2 and 11.3).

pub mod matching;

use burn::tensor::{Device, Int, Tensor, TensorData, activation};

use segscape::{model::Boxes, ops};

use crate::{
    config::{Loss, Supervision},
    loss::matching::Pair,
};

/// The ground truth of one scene, with S superpoints, Q queries, G objects and T class names.
#[derive(Clone, Debug, Default)]
pub struct Targets {
    /// Object that more than half of each superpoint's points belong to, `(S)`.
    pub object_of_superpoint: Vec<Option<u32>>,
    /// Number of points in each superpoint, `(S)`.
    pub superpoint_sizes: Vec<u32>,
    /// Object of each query's own superpoint, `(Q)`.
    pub object_of_query: Vec<Option<u32>>,
    /// Index of each object's class among the T names, `(G)`. An object without one does not
    /// contribute to the class term.
    pub class_of_object: Vec<Option<u32>>,
    /// Box centres, `(G, 3)`, metres, in the frame of the network's input.
    pub centers: Vec<[f32; 3]>,
    /// Box sizes, `(G, 3)`, metres.
    pub sizes: Vec<[f32; 3]>,
    /// Pairs that dense supervision drew for the mask and box terms.
    pub dense_pairs: Vec<Pair>,
    /// Superpoint class of each query's own superpoint, `(Q)`; `None` for background. It is used
    /// only if the network predicts superpoint classes.
    pub surface_of_query: Vec<Option<u32>>,
}

/// The prediction after one decoder layer.
#[derive(Clone, Debug)]
pub struct Output {
    /// Class logits, `(Q, T + 1)`; the last column is "no object".
    pub classes: Tensor<2>,
    /// Mask logits, `(Q, S)`.
    pub masks: Tensor<2>,
    /// Logits of the IoU of each mask with its object, `(Q, 1)`, if the network predicts them.
    pub scores: Option<Tensor<2>>,
    /// Predicted boxes; `None` before the first layer.
    pub boxes: Option<Boxes>,
    /// Logits of the class of each query's own superpoint, `(Q, superpoint classes + 1)`; the last
    /// column is "background". Only the last output has them, and only if the network predicts
    /// them.
    pub semantics: Option<Tensor<2>>,
}

/// The unweighted terms of one output, `(1)` each, and the mean IoU of the queries that lie in an
/// object.
#[derive(Clone, Debug)]
pub struct Terms {
    /// Weighted cross-entropy over T + 1 classes.
    pub class: Tensor<1>,
    /// Binary cross-entropy of the masks, mean over pairs and superpoints.
    pub bce: Tensor<1>,
    /// Dice loss of the masks, mean over pairs.
    pub dice: Tensor<1>,
    /// Binary cross-entropy of the scores, mean over queries.
    pub score: Tensor<1>,
    /// L1 loss of the box centres, summed over xyz, mean over pairs.
    pub center: Tensor<1>,
    /// L1 loss of the box sizes, summed over xyz, mean over pairs.
    pub size: Tensor<1>,
    /// Cross-entropy over the superpoint classes, mean over the queries whose superpoint is not
    /// background.
    pub semantic: Tensor<1>,
    /// Point-weighted IoU; it has no gradient.
    pub iou: Tensor<1>,
}

impl Terms {
    /// Names of the rows of [`Self::stacked`].
    pub const NAMES: [&'static str; 8] = [
        "class", "bce", "dice", "score", "centre", "size", "semantic", "iou",
    ];

    /// All terms in one tensor, `(8)`, so that they can be read back at once.
    pub fn stacked(&self) -> Tensor<1> {
        let Self {
            class,
            bce,
            dice,
            score,
            center,
            size,
            semantic,
            iou,
        } = self.clone();
        Tensor::cat(
            vec![class, bce, dice, score, center, size, semantic, iou],
            0,
        )
        .detach()
    }

    /// The weighted sum, `(1)`; `dice` is the whole factor on the dice term.
    fn total(self, weights: &Loss, dice: f32) -> Tensor<1> {
        self.class * weights.class
            + self.bce * weights.bce
            + self.dice * dice
            + self.score * weights.score
            + self.center * weights.center
            + self.size * weights.size
            + self.semantic * weights.semantic
    }
}

/// Computes the loss of all outputs for one of the `scenes` scenes of a step, `(1)`, to be averaged
/// over them, and the terms of the last output.
///
/// The loss is finite for every scene, including one without objects. Sparse supervision reads the
/// costs back once per output; dense supervision reads nothing back.
pub fn loss(
    outputs: &[Output],
    truth: &Targets,
    options: &Loss,
    scenes: usize,
) -> Option<(Tensor<1>, Terms)> {
    let target = Target::new(truth, &outputs.first()?.masks.device());
    let mut total: Option<Tensor<1>> = None;
    let mut last = None;
    for (index, output) in outputs.iter().enumerate() {
        let terms = target.terms(output, options);
        last = Some(terms.clone());
        let is_auxiliary = index + 1 < outputs.len();
        let divisor = if is_auxiliary && options.auxiliary_dice_by_batch {
            scenes as f32
        } else {
            1.0
        };
        let loss = terms.total(options, options.dice * options.dice_factor / divisor);
        total = Some(match total {
            Some(total) => total + loss,
            None => loss,
        });
    }
    total.zip(last)
}

/// [`Targets`] on the device. One additional object with an empty mask stands for "none", so that no
/// tensor is ever empty.
struct Target<'a> {
    truth: &'a Targets,
    device: Device,
    /// 1 where the superpoint belongs to the object, `(G + 1, S)`.
    masks: Tensor<2>,
    /// Share of the points that each superpoint has, `(1, S)`.
    weights: Tensor<2>,
    /// Object of each query, G for none, `(Q)`.
    object_of_query: Tensor<1, Int>,
}

impl<'a> Target<'a> {
    fn new(truth: &'a Targets, device: &Device) -> Self {
        let objects = truth.class_of_object.len();
        let superpoints = truth.object_of_superpoint.len();
        let mut masks = vec![0.0_f32; (objects + 1) * superpoints];
        for (superpoint, object) in truth.object_of_superpoint.iter().enumerate() {
            if let Some(object) = object {
                masks[*object as usize * superpoints + superpoint] = 1.0;
            }
        }
        let points: f32 = truth.superpoint_sizes.iter().map(|&n| n as f32).sum();
        let weights: Vec<f32> = truth
            .superpoint_sizes
            .iter()
            .map(|&n| n as f32 / points)
            .collect();
        let object_of_query: Vec<i32> = truth
            .object_of_query
            .iter()
            .map(|o| o.map_or(objects as i32, |o| o as i32))
            .collect();
        Self {
            truth,
            masks: Tensor::from_data(TensorData::new(masks, [objects + 1, superpoints]), device),
            weights: Tensor::from_data(TensorData::new(weights, [1, superpoints]), device),
            object_of_query: indices(object_of_query, device),
            device: device.clone(),
        }
    }

    fn objects(&self) -> usize {
        self.truth.class_of_object.len()
    }

    fn terms(&self, output: &Output, options: &Loss) -> Terms {
        let (pairs, classed) = match options.supervision {
            Supervision::Dense => {
                let every = self.truth.object_of_query.iter().enumerate();
                let classed = every
                    .filter_map(|(q, o)| {
                        o.map(|object| Pair {
                            query: q as u32,
                            object,
                        })
                    })
                    .collect();
                (self.truth.dense_pairs.clone(), classed)
            }
            Supervision::Sparse => {
                let pairs = self.matched(output, options);
                (pairs.clone(), pairs)
            }
        };
        let zero = || Tensor::<1>::zeros([1], &self.device);
        let iou = self.iou(&output.masks);
        let inside: Vec<f32> = self
            .truth
            .object_of_query
            .iter()
            .map(|o| f32::from(u8::from(o.is_some())))
            .collect();
        let count = inside.iter().sum::<f32>().max(1.0);
        let inside = Tensor::<2>::from_data(
            TensorData::new(inside, [self.truth.object_of_query.len(), 1]),
            &self.device,
        );
        let mut terms = Terms {
            class: self.class(&output.classes, &classed, options.no_object),
            bce: zero(),
            dice: zero(),
            score: output
                .scores
                .clone()
                .map_or_else(zero, |scores| cross_entropy(scores, iou.clone()).mean()),
            center: zero(),
            size: zero(),
            semantic: output.semantics.as_ref().map_or_else(zero, |logits| {
                self.semantic(logits, options.semantic_background)
            }),
            iou: (iou * inside).sum() / count,
        };
        if pairs.is_empty() {
            return terms;
        }
        let query = indices(pairs.iter().map(|p| p.query as i32).collect(), &self.device);
        let object = indices(
            pairs.iter().map(|p| p.object as i32).collect(),
            &self.device,
        );
        [terms.bce, terms.dice] = self.mask_terms(&output.masks, &pairs);
        if let Some(Boxes { centers, sizes }) = &output.boxes {
            let l1 = |predicted: &Tensor<2>, truth: &[[f32; 3]]| {
                let expected = rows(truth, &self.device).select(0, object.clone());
                (predicted.clone().select(0, query.clone()) - expected)
                    .abs()
                    .sum_dim(1)
                    .mean()
            };
            terms.center = l1(centers, &self.truth.centers);
            terms.size = l1(sizes, &self.truth.sizes);
        }
        terms
    }

    /// The binary cross-entropy of the masks, mean over pairs and superpoints, and their dice loss,
    /// mean over pairs; `(1)` each.
    fn mask_terms(&self, logits: &Tensor<2>, pairs: &[Pair]) -> [Tensor<1>; 2] {
        if self.is_on_cpu() {
            let pairs: Vec<(u32, u32)> =
                pairs.iter().map(|pair| (pair.query, pair.object)).collect();
            let terms = ops::mask_terms(logits.clone(), self.masks.clone(), &pairs);
            return [0, 1].map(|term| terms.clone().narrow(0, term, 1));
        }
        let rows = |row: fn(&Pair) -> u32| {
            indices(
                pairs.iter().map(|pair| row(pair) as i32).collect(),
                &self.device,
            )
        };
        let logits = logits.clone().select(0, rows(|pair| pair.query));
        let mask = self.masks.clone().select(0, rows(|pair| pair.object));
        [
            cross_entropy(logits.clone(), mask.clone()).mean(),
            dice(activation::sigmoid(logits), mask).mean(),
        ]
    }

    /// `true` on the CPU, where the mask terms have operations of their own.
    fn is_on_cpu(&self) -> bool {
        self.device.clone().without_autodiff() == Device::flex()
    }

    /// The weighted mean of the cross-entropy over T + 1 classes, `(1)`. Queries without a pair are
    /// "no object" and have the weight `no_object`.
    fn class(&self, logits: &Tensor<2>, pairs: &[Pair], no_object: f32) -> Tensor<1> {
        let [queries, classes] = logits.dims();
        let mut class = vec![classes as i32 - 1; queries];
        let mut weight = vec![no_object; queries];
        for pair in pairs {
            let name = self.truth.class_of_object[pair.object as usize];
            class[pair.query as usize] = name.unwrap_or_default() as i32;
            weight[pair.query as usize] = f32::from(u8::from(name.is_some()));
        }
        let sum = weight.iter().sum::<f32>().max(f32::MIN_POSITIVE);
        let class = indices(class, &self.device).unsqueeze_dim::<2>(1);
        let weight = Tensor::<2>::from_data(TensorData::new(weight, [queries, 1]), &self.device);
        let log_p = activation::log_softmax(logits.clone(), 1).gather(1, class);
        (log_p * weight).sum() / -sum
    }

    /// The cross-entropy over the superpoint classes, `(1)`: of all queries with `background`,
    /// otherwise without that class and without the queries whose superpoint is background.
    fn semantic(&self, logits: &Tensor<2>, background: bool) -> Tensor<1> {
        let [queries, columns] = logits.dims();
        let classes = if background { columns } else { columns - 1 };
        let surface = &self.truth.surface_of_query;
        let known: Vec<f32> = surface
            .iter()
            .map(|s| f32::from(u8::from(background || s.is_some())))
            .collect();
        let count = known.iter().sum::<f32>();
        if known.len() != queries || count == 0.0 {
            return Tensor::zeros([1], &self.device);
        }
        let class = indices(
            surface
                .iter()
                .map(|s| s.map_or(classes as i32 - 1, |s| s as i32))
                .collect(),
            &self.device,
        )
        .unsqueeze_dim::<2>(1);
        let known = Tensor::<2>::from_data(TensorData::new(known, [queries, 1]), &self.device);
        let log_p =
            activation::log_softmax(logits.clone().narrow(1, 0, classes), 1).gather(1, class);
        (log_p * known).sum() / -count
    }

    /// The point-weighted IoU of each query's binary mask with its own object, `(Q, 1)`; 0 for a
    /// query without an object. It has no gradient.
    fn iou(&self, logits: &Tensor<2>) -> Tensor<2> {
        if self.is_on_cpu() {
            let own: Vec<u32> = self
                .truth
                .object_of_query
                .iter()
                .map(|object| object.unwrap_or(self.objects() as u32))
                .collect();
            return ops::mask_ious(
                logits.clone(),
                self.masks.clone(),
                self.weights.clone(),
                &own,
            );
        }
        let mask = logits.clone().detach().greater_scalar(0.0).float() * self.weights.clone();
        let own = self.masks.clone().select(0, self.object_of_query.clone());
        let inter = (mask.clone() * own.clone()).sum_dim(1);
        let union = mask.sum_dim(1) + (own * self.weights.clone()).sum_dim(1) - inter.clone();
        inter / union.clamp_min(1e-9)
    }

    fn matched(&self, output: &Output, options: &Loss) -> Vec<Pair> {
        let cost = self.cost(output, options).into_data();
        let cost = cost.iter::<f32>().collect::<Vec<_>>();
        matching::sparse(
            &cost,
            &self.truth.object_of_query,
            self.objects() + 1,
            options.matching,
        )
        .into_iter()
        .filter(|p| (p.object as usize) < self.objects())
        .collect()
    }

    /// The matching cost of each query and object, `(Q, G + 1)` (docs/spec/model.md section 11.2).
    fn cost(&self, output: &Output, options: &Loss) -> Tensor<2> {
        let logits = output.masks.clone().detach();
        let [_, superpoints] = logits.dims();
        let classes = || self.truth.class_of_object.iter().copied().chain([None]);
        let named = Tensor::<1>::from_floats(
            classes()
                .map(|c| f32::from(u8::from(c.is_some())))
                .collect::<Vec<_>>()
                .as_slice(),
            &self.device,
        );
        let class = indices(
            classes().map(|c| c.unwrap_or_default() as i32).collect(),
            &self.device,
        );
        let p = activation::softmax(output.classes.clone().detach(), 1).select(1, class)
            * named.unsqueeze::<2>();
        let masks = self.masks.clone().transpose();
        let bce = (softplus(logits.clone()).sum_dim(1) - logits.clone().matmul(masks.clone()))
            / superpoints as f32;
        let sigma = activation::sigmoid(logits);
        let area = sigma.clone().sum_dim(1) + masks.clone().sum_dim(0);
        let dice = (sigma.matmul(masks) * 2.0 + 1.0) / (area + 1.0) * -1.0 + 1.0;
        let mut cost = p * -options.class + bce * options.bce + dice * options.dice;
        if let Some(Boxes { centers, sizes }) = &output.boxes {
            for (predicted, truth, weight) in [
                (centers, &self.truth.centers, options.center),
                (sizes, &self.truth.sizes, options.size),
            ] {
                let mut truth = truth.clone();
                truth.push([0.0; 3]);
                let difference = predicted.clone().detach().unsqueeze_dim::<3>(1)
                    - rows(&truth, &self.device).unsqueeze_dim::<3>(0);
                cost = cost + difference.abs().sum_dim(2).squeeze_dim::<2>(2) * weight;
            }
        }
        cost
    }
}

/// The element-wise binary cross-entropy of a logit with a target in 0..=1.
fn cross_entropy<const D: usize>(logits: Tensor<D>, target: Tensor<D>) -> Tensor<D> {
    softplus(logits.clone()) - logits * target
}

/// ln(1 + e^x) without overflow.
fn softplus<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    x.clone().clamp_min(0.0) + x.abs().neg().exp().log1p()
}

/// The dice loss of each row, 1 - (2 |a b| + 1) / (|a| + |b| + 1), `(P, 1)`.
fn dice(a: Tensor<2>, b: Tensor<2>) -> Tensor<2> {
    let inter = (a.clone() * b.clone()).sum_dim(1);
    let area = a.sum_dim(1) + b.sum_dim(1);
    (inter * 2.0 + 1.0) / (area + 1.0) * -1.0 + 1.0
}

/// Row indices on the device.
pub fn indices(values: Vec<i32>, device: &Device) -> Tensor<1, Int> {
    let length = values.len();
    Tensor::from_data(TensorData::new(values, [length]), device)
}

fn rows(values: &[[f32; 3]], device: &Device) -> Tensor<2> {
    Tensor::from_data(
        TensorData::new(values.as_flattened().to_vec(), [values.len(), 3]),
        device,
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use burn::module::{Module, ModuleVisitor, Param};
    use proofs::{
        cases::published as cases,
        device::{self, Subject},
        golden::Golden,
    };
    use segscape::{
        model::{Prediction, SegDino3dVl, published},
        ops::SegmentMap,
    };

    use super::*;

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
            object_of_superpoint,
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
                    let target = Target::new(&truth, &Device::flex());
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
                    let pairs = target.matched(&output, &options);
                    assert_eq!(
                        pairs.iter().map(|p| p.query).collect::<Vec<_>>(),
                        golden.indices(&format!("{prefix}.query"))
                    );
                    assert_eq!(
                        pairs.iter().map(|p| p.object).collect::<Vec<_>>(),
                        golden.indices(&format!("{prefix}.gt"))
                    );
                    let t = target.terms(&output, &options);
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
            let mut inputs = vec![];
            let mut total = Tensor::<1>::zeros([1], &subject.device);
            for scene in 0..2 {
                let prefix = format!("input.s{scene}.");
                let features = golden
                    .tensor::<2>(&format!("{prefix}superpoint_features"), &subject.device)
                    .require_grad();
                let mut layout = cases::layout(&golden, &prefix, &subject);
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
                    &network,
                    features,
                    &layout,
                    &golden.indices(&format!("{prefix}query_index")),
                );
                let (loss, _) =
                    loss(&outputs, &truth(&golden, scene), &Loss::default(), 2).unwrap();
                total = total + loss / 2.0;
            }
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
            let mut slopes = Slopes {
                gradients: &gradients,
                path: vec![],
                found: vec![],
            };
            network.visit(&mut slopes);
            // the gradients in the published layout, converted in the same way as the weights
            let keys = golden.checkpoint().iter().filter_map(|(key, stored)| {
                Some((
                    key.strip_prefix("expected.grad.")?.to_owned(),
                    stored.clone(),
                ))
            });
            let expected = published::import(
                &network,
                &keys
                    .filter(|(key, _)| key.starts_with("decoder."))
                    .collect(),
            )
            .unwrap();
            let expected = safetensors::SafeTensors::deserialize(&expected.weights).unwrap();
            let mut checked = 0;
            for (name, found) in slopes
                .found
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
                checked += 1;
            }
            assert!(checked > 100, "{checked} gradients were compared");
        }
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
        let words = Tensor::zeros([1, segscape::text::DIM], &layout.centers.device());
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

    struct Slopes<'a> {
        gradients: &'a burn::tensor::Gradients,
        path: Vec<String>,
        found: Vec<(String, Vec<f32>)>,
    }

    impl ModuleVisitor for Slopes<'_> {
        fn enter_module(&mut self, name: &str, _: &str) {
            self.path.push(name.to_owned());
        }

        fn exit_module(&mut self, _: &str, _: &str) {
            self.path.pop();
        }

        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            if let Some(gradient) = param.val().grad(self.gradients) {
                self.found.push((
                    self.path.join("."),
                    gradient.into_data().iter::<f32>().collect(),
                ));
            }
        }
    }

    fn random(shape: [usize; 2], device: &Device) -> Tensor<2> {
        Tensor::random(shape, burn::tensor::Distribution::Normal(0.0, 3.0), device)
    }

    #[test]
    fn a_scene_without_objects_has_a_finite_loss_and_gradient() {
        let device = Device::flex().autodiff();
        let truth = Targets {
            object_of_superpoint: vec![None; 6],
            superpoint_sizes: vec![1; 6],
            object_of_query: vec![None; 4],
            ..Targets::default()
        };
        for supervision in [Supervision::Dense, Supervision::Sparse] {
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
            )
            .unwrap();
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
            scalar(Target::new(&truth, &device).semantic(&logits, background))
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
            object_of_query: object_of_superpoint.clone(),
            object_of_superpoint,
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
        let (total, terms) = loss(&[output], &truth, &dense, 1).unwrap();
        assert!(scalar(total).abs() < 1e-5);
        assert_eq!(scalar(terms.iou), 1.0);
    }
}
