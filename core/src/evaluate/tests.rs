#![allow(clippy::unwrap_used)]

use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::golden;

/// Expands `[[value, length], ...]` to one value per point.
fn expand(runs: &Value) -> Vec<i32> {
    let runs: Vec<(i32, usize)> = serde_json::from_value(runs.clone()).unwrap();
    runs.into_iter()
        .flat_map(|(value, length)| std::iter::repeat_n(value, length))
        .collect()
}

fn expand_ids(runs: &Value) -> Vec<u32> {
    expand(runs).into_iter().map(|id| id as u32).collect()
}

/// The predictions of one golden scene as (class id, confidence, points).
fn masks(scene: &Value) -> Vec<(u64, f64, Vec<u32>)> {
    let mask = |p: &Value| {
        let intervals: Vec<(u32, u32)> =
            serde_json::from_value(p["mask_intervals"].clone()).unwrap();
        let mut points: Vec<u32> = intervals
            .into_iter()
            .flat_map(|(start, length)| start..start + length)
            .collect();
        points.sort_unstable();
        points.dedup();
        (
            p["label_id"].as_u64().unwrap_or(0),
            p["confidence"].as_f64().unwrap(),
            points,
        )
    };
    scene["predictions"]
        .as_array()
        .unwrap()
        .iter()
        .map(mask)
        .collect()
}

fn close(found: f64, expected: &Value, what: &str) {
    match expected.as_f64() {
        Some(expected) => assert!(
            (found - expected).abs() < 1e-12,
            "{what}: {found} instead of {expected}"
        ),
        None => assert!(found.is_nan(), "{what}: {found} instead of NaN"),
    }
}

fn class_agnostic(case: &Value, truth: impl Fn(&Value) -> EvaluationTruth) -> Scores {
    let mut evaluation = Evaluation::new(1);
    for scene in case["scenes"].as_array().unwrap() {
        let masks = masks(scene);
        let predictions: Vec<_> = masks
            .iter()
            .map(|(_, confidence, points)| ScoredMask {
                class: 0,
                confidence: *confidence,
                points,
            })
            .collect();
        evaluation.add(&truth(scene), &predictions).unwrap();
    }
    let scores = evaluation.scores();
    let expected = &case["expected"];
    for (t, threshold) in THRESHOLDS.iter().enumerate() {
        close(
            scores.ap_per_class()[0][t],
            &expected["ap"][t],
            &format!("AP at {threshold}"),
        );
    }
    close(scores.ap(), &expected["mAP"], "AP");
    close(scores.ap50(), &expected["mAP50"], "AP50");
    close(scores.ap25(), &expected["mAP25"], "AP25");
    scores
}

#[test]
fn equals_the_released_scannet_evaluator() {
    let cases = golden::json("evaluation/scannet.json");
    let cases = cases.as_object().unwrap();
    assert_eq!(cases.len(), 16);
    for (name, case) in cases {
        let classes: Vec<u32> = serde_json::from_value(case["class_ids"].clone()).unwrap();
        let mut evaluation = Evaluation::new(classes.len());
        for scene in case["scenes"].as_array().unwrap() {
            let masks = masks(scene);
            let class_of = |id: u64| classes.iter().position(|&c| u64::from(c) == id).unwrap();
            let predictions: Vec<_> = masks
                .iter()
                .map(|(id, confidence, points)| ScoredMask {
                    class: class_of(*id),
                    confidence: *confidence,
                    points,
                })
                .collect();
            evaluation
                .add(
                    &EvaluationTruth::scannet(&expand_ids(&scene["gt_ids_rle"]), &classes),
                    &predictions,
                )
                .unwrap();
        }
        let (scores, expected) = (evaluation.scores(), &case["expected"]);
        assert_eq!(
            serde_json::to_value(THRESHOLDS).unwrap(),
            expected["thresholds"]
        );
        for class in 0..classes.len() {
            for t in 0..THRESHOLDS.len() {
                close(
                    scores.ap_per_class()[class][t],
                    &expected["ap_per_class_threshold"][class][t],
                    &format!("{name} {class} {t}"),
                );
            }
        }
        close(scores.ap(), &expected["mAP"], name);
        close(scores.ap50(), &expected["mAP50"], name);
        close(scores.ap25(), &expected["mAP25"], name);
    }
}

#[test]
fn equals_open3dis_without_classes() {
    let cases = golden::json("evaluation/open3dis.json");
    for case in cases.as_object().unwrap().values() {
        let scores = class_agnostic(case, |scene| {
            EvaluationTruth::things(
                &expand(&scene["sem_rle"]),
                &expand(&scene["ins_rle"]),
                -100,
                |class| class >= 2,
            )
        });
        let expected = &case["expected"];
        for t in 0..THRESHOLDS.len() {
            close(
                scores.recall_per_class()[0][t],
                &expected["rc"][t],
                "recall",
            );
        }
        close(scores.recall(), &expected["AR"], "AR");
        close(scores.recall50(), &expected["RC50"], "RC50");
        close(scores.recall25(), &expected["RC25"], "RC25");
    }
}

#[test]
fn equals_segment3d() {
    let cases = golden::json("evaluation/segment3d.json");
    for case in cases.as_object().unwrap().values() {
        class_agnostic(case, |scene| {
            EvaluationTruth::segment3d(&expand_ids(&scene["gt_ids_rle"]))
        });
    }
}

/// Evaluates a class-agnostic scene given as runs of (instance, points), where instance 0 is void,
/// and predictions of (confidence, first point, points).
fn scene(truth: &[(i32, usize)], predictions: &[(f64, u32, u32)]) -> Scores {
    let instance: Vec<i32> = truth
        .iter()
        .flat_map(|&(id, n)| std::iter::repeat_n(id, n))
        .collect();
    let truth = EvaluationTruth::things(&vec![5; instance.len()], &instance, 0, |_| true);
    let masks: Vec<Vec<u32>> = predictions
        .iter()
        .map(|&(_, start, n)| (start..start + n).collect())
        .collect();
    let predictions: Vec<_> = predictions
        .iter()
        .zip(&masks)
        .map(|(p, points)| ScoredMask {
            class: 0,
            confidence: p.0,
            points,
        })
        .collect();
    let mut evaluation = Evaluation::new(1);
    evaluation.add(&truth, &predictions).unwrap();
    evaluation.scores()
}

#[test]
fn designed_cases() {
    let close = |a: f64, b: f64| assert!((a - b).abs() < 1e-12, "{a} instead of {b}");
    // Everything is found.
    close(
        scene(&[(1, 200), (2, 300)], &[(0.9, 0, 200), (0.8, 200, 300)]).ap(),
        1.0,
    );
    // One of two instances is found and nothing is wrong: recall 1/2, precision 1.
    close(scene(&[(1, 200), (2, 300)], &[(0.9, 0, 200)]).ap(), 0.5);
    // A second prediction of the same instance is a false positive at the lower score. It does no
    // harm, because the curve has both points.
    close(
        scene(&[(1, 200)], &[(0.9, 0, 200), (0.5, 0, 200)]).ap(),
        1.0,
    );
    // At equal scores it lowers the AP to r (1 + p) / 2 with p = 1/2.
    close(
        scene(&[(1, 200)], &[(1.0, 0, 200), (1.0, 0, 200)]).ap(),
        0.75,
    );
    // Void and small ground truth do not count, and a mask of fewer than 100 points is dropped.
    close(
        scene(
            &[(1, 200), (2, 99), (0, 300)],
            &[
                (0.5, 0, 200),
                (0.9, 200, 150),
                (0.9, 300, 200),
                (0.9, 0, 99),
            ],
        )
        .ap(),
        1.0,
    );
    // An overlap of exactly one half is not a match at 0.5, but it is at 0.25.
    let half = scene(&[(1, 200)], &[(0.9, 0, 100)]);
    close(half.ap50(), 0.0);
    close(half.ap25(), 1.0);
    // Two thirds of the mask with the higher score are void: it is ignored up to 0.65, and from 0.7
    // on it is a false positive above the true positive.
    let ignored = scene(&[(1, 600), (0, 100)], &[(0.9, 550, 150), (0.5, 0, 600)]);
    close(ignored.ap50(), 1.0);
    close(ignored.ap25(), 1.0);
    close(ignored.ap(), (4.0 + 5.0 * 0.25) / 9.0);
    // Ground truth without predictions gives 0; a class that has only predictions is not evaluated.
    close(scene(&[(1, 200)], &[]).ap(), 0.0);
    assert!(scene(&[(0, 200)], &[(0.9, 0, 200)]).ap().is_nan());
}

#[test]
fn groups_are_ignored() {
    let ids: Vec<u32> = (0..600).map(|i| if i < 200 { 1001 } else { 7 }).collect();
    let (one, group): (Vec<u32>, Vec<u32>) = ((0..200).collect(), (300..500).collect());
    let truth = EvaluationTruth::segment3d(&ids);
    assert_eq!(truth.count(), 1);
    let mut evaluation = Evaluation::new(1);
    let predictions = [&one, &group].map(|points| ScoredMask {
        class: 0,
        confidence: 1.0,
        points,
    });
    evaluation.add(&truth, &predictions).unwrap();
    assert_eq!(evaluation.scores().ap(), 1.0);
}

#[test]
fn subsets_of_classes() {
    let ids: Vec<u32> = (0..400)
        .map(|i| if i < 200 { 3001 } else { 5001 })
        .collect();
    let points: Vec<u32> = (0..200).collect();
    let mut evaluation = Evaluation::new(3);
    evaluation
        .add(
            &EvaluationTruth::scannet(&ids, &[3, 4, 5]),
            &[ScoredMask {
                class: 0,
                confidence: 0.3,
                points: &points,
            }],
        )
        .unwrap();
    let scores = evaluation.scores();
    assert_eq!(scores.ap(), 0.5);
    assert_eq!(scores.of_classes(&[0, 1]).ap(), 1.0);
    assert_eq!(scores.of_classes(&[2]).ap50(), 0.0);
    assert!(scores.of_classes(&[1, 99]).ap25().is_nan());
    assert_eq!(
        [&[0, 1, 2][..], &[1, 99]].map(|classes| scores.of_classes(classes).classes()),
        [2, 0]
    );
}

#[test]
fn sizes_have_their_bounds() {
    let sizes = [
        0.0,
        0.49,
        Size::MEDIUM_FROM,
        1.49,
        Size::LARGE_FROM,
        f32::INFINITY,
    ]
    .map(Size::of);
    assert_eq!(
        sizes,
        [
            Size::Small,
            Size::Small,
            Size::Medium,
            Size::Medium,
            Size::Large,
            Size::Large
        ]
    );
}

/// A cup of 0.2 m, a chair of 1 m and a table of 2 m, 200 points each, then 200 points of void; the
/// table is of another class.
#[test]
fn other_sizes_are_void() {
    let ids: Vec<u32> = (0..800).map(|i| [3001, 3002, 5003, 0][i / 200]).collect();
    let positions: Vec<[f32; 3]> = (0..800)
        .map(|i| {
            [
                0.0,
                (i % 200) as f32 / 199.0 * [0.2, 1.0, 2.0, 9.0][i / 200],
                0.0,
            ]
        })
        .collect();
    let truth = EvaluationTruth::scannet(&ids, &[3, 5]);
    let of = |size| truth.of_size(size, &positions);
    assert_eq!(Size::ALL.map(|size| of(size).count()), [1, 1, 1]);
    // everything is found, but the chair is predicted as a table and the void as a cup
    let masks: Vec<Vec<u32>> = (0..4)
        .map(|thing| (thing * 200..thing * 200 + 200).collect())
        .collect();
    let predictions: Vec<_> = masks
        .iter()
        .zip([0, 1, 1, 0])
        .map(|(points, class)| ScoredMask {
            class,
            confidence: 0.5,
            points,
        })
        .collect();
    let scores = |truth: &EvaluationTruth| {
        let mut evaluation = Evaluation::new(2);
        evaluation.add(truth, &predictions).unwrap();
        evaluation.scores()
    };
    assert_eq!(
        scores(&of(Size::Small)).ap50(),
        1.0,
        "what lies on the chair and the table costs nothing"
    );
    assert_eq!(scores(&of(Size::Medium)).ap50(), 0.0);
    assert_eq!(
        scores(&of(Size::Large)).ap50(),
        1.0,
        "the wrong chair is void here"
    );
    assert!(scores(&truth).ap50() < 0.7, "but not where all sizes count");
    assert_eq!(scores(&of(Size::Small)).classes(), 1);
}

#[test]
fn bad_input_is_named_and_not_counted() {
    let truth = EvaluationTruth::segment3d(&[1001; 200]);
    let good: Vec<u32> = (0..200).collect();
    let mut evaluation = Evaluation::new(1);
    let one = |class, confidence, points| {
        [ScoredMask {
            class,
            confidence,
            points,
        }]
    };
    assert_eq!(
        evaluation.add(&truth, &one(1, 1.0, &good)),
        Err(EvaluateError::Class {
            class: 1,
            classes: 1
        })
    );
    assert_eq!(
        evaluation.add(&truth, &one(0, 1.0, &[3, 3])),
        Err(EvaluateError::Order { prediction: 0 })
    );
    assert_eq!(
        evaluation.add(&truth, &one(0, 1.0, &[3, 200])),
        Err(EvaluateError::Point {
            prediction: 0,
            point: 200,
            points: 200
        })
    );
    assert_eq!(
        evaluation.add(&truth, &one(0, f64::NAN, &good)),
        Err(EvaluateError::Confidence { prediction: 0 })
    );
    assert!(evaluation.scores().ap().is_nan());
}

proptest! {
    /// Only the order of the scores matters, and every result is a fraction.
    #[test]
    fn invariant_to_monotone_rescaling(
        truth in prop::collection::vec((0i32..6, 20usize..300), 1..8),
        predictions in prop::collection::vec((0.0f64..1.0, 0u32..600, 50u32..500), 0..10),
    ) {
        let points: u32 = truth.iter().map(|t| t.1 as u32).sum();
        let inside: Vec<_> = predictions.iter().map(|&(c, start, n)| (c, start.min(points), n.min(points - start.min(points)))).collect();
        let rescaled: Vec<_> = inside.iter().map(|&(c, start, n)| (3.0 * c - 100.0, start, n)).collect();
        let scores = scene(&truth, &inside);
        for (a, b) in scores.ap_per_class()[0].iter().zip(&scene(&truth, &rescaled).ap_per_class()[0]) {
            // A sum of shares may be above 1 by its rounding.
            prop_assert!(a.is_nan() && b.is_nan() || (a - b).abs() < 1e-12 && (0.0..1.0 + 1e-12).contains(a));
        }
    }
}

#[test]
fn instances_numbered_in_every_class_are_different_things() {
    // chairs 1 and 2, table 1, and points of the floor and without a label
    let labels = [(5, 1), (5, 2), (7, 1), (1, 3), (5, 0)];
    let (semantic, instance): (Vec<i32>, Vec<i32>) = labels
        .iter()
        .flat_map(|label| std::iter::repeat_n(*label, 200))
        .unzip();
    let truth = EvaluationTruth::things(&semantic, &instance, 0, |class| class != 1);
    assert_eq!(truth.count(), 3);
    let masks: Vec<Vec<u32>> = (0..3u32)
        .map(|thing| (thing * 200..thing * 200 + 200).collect())
        .collect();
    let predictions: Vec<ScoredMask> = masks
        .iter()
        .map(|points| ScoredMask {
            class: 0,
            confidence: 1.0,
            points,
        })
        .collect();
    let mut evaluation = Evaluation::new(1);
    evaluation.add(&truth, &predictions).unwrap();
    assert_eq!(evaluation.scores().ap_per_class()[0][0], 1.0);
}
