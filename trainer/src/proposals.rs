//! The network's answers as the instance selection wants them.

use segscape::{
    instances::{CenteredBox, Proposals},
    model::Answers,
    text,
};

/// `labels` (names, [`text::DIM`]) are what an object may be: P(object) is the probability of any of them against "no object".
pub fn proposals(answers: Answers, labels: &[f32]) -> Proposals {
    let [scale, bias] = answers.class_affine;
    let sigmoid = |x: f32| 1.0 / (1.0 + (-x).exp());
    let object = answers.text.chunks_exact(text::DIM).zip(&answers.no_object).map(|(query, &none)| {
        let logits = labels.chunks_exact(text::DIM).map(|name| scale * name.iter().zip(query).map(|(a, b)| a * b).sum::<f32>() + bias);
        let logits: Vec<f32> = logits.collect();
        let peak = logits.iter().copied().fold(none, f32::max);
        let sum: f32 = logits.iter().map(|l| (l - peak).exp()).sum();
        sum / (sum + (none - peak).exp())
    });
    let triples = |values: &[f32]| values.as_chunks::<3>().0.to_vec();
    let boxes = triples(&answers.centers).into_iter().zip(triples(&answers.sizes));
    Proposals {
        superpoint_count: answers.superpoints,
        object: object.collect(),
        iou: answers.scores.iter().map(|&s| sigmoid(s)).collect(),
        boxes: Some(boxes.map(|(center, size)| CenteredBox { center, size }).collect()),
        superpoint_of_query: answers.queries,
        masks: answers.masks,
        text: answers.text,
    }
}
