//! View-wise Instance Partition (VIP; [OVSeg3R](https://arxiv.org/abs/2509.23541), section 3.2):
//! the annotation of a view supervises only the predictions for the part of the scene that the view
//! sees.
//!
//! A view covers the superpoints to which it contributed points. A query whose own superpoint is
//! among them belongs to the view, and its mask is restricted to them; the annotation of the view
//! is matched and compared with the result. Boxes are left out: a view sees parts of objects, and
//! where the visible part ends is not where the object ends.

use burn::tensor::Tensor;

use crate::{
    config::Loss,
    loss::{self, ObjectMasks, Output, Targets},
};
use recordings::foundation::Annotation;

/// The rows of a scene's predictions that a view covers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VisibleQueries {
    /// V^q: rows of the queries, ascending.
    pub queries: Vec<u32>,
    /// V^sp: superpoints, ascending.
    pub superpoints: Vec<u32>,
}

/// The ground truth of a scene, or of what one view sees of it.
#[derive(Clone, Debug)]
pub struct Part {
    /// Rows that the truth covers; all of them if it is `None`.
    pub seen: Option<VisibleQueries>,
    /// Truth for the rows of `seen`, in their order.
    pub truth: Targets,
}

impl Part {
    /// The annotation of a view as truth for the queries whose superpoints are `queries`
    /// (ascending), with the given classes of its objects. Returns `None` if no query belongs to
    /// the view.
    pub fn of_view(
        annotation: &Annotation,
        queries: &[u32],
        class_of_object: Vec<Option<u32>>,
    ) -> Option<Self> {
        let place = |superpoint: &u32| annotation.superpoints.binary_search(superpoint).ok();
        let (rows, places): (Vec<u32>, Vec<usize>) = (0..)
            .zip(queries)
            .filter_map(|(row, query)| Some((row, place(query)?)))
            .unzip();
        let truth = Targets {
            masks: ObjectMasks::apart(&annotation.objects),
            superpoint_sizes: annotation.sizes.clone(),
            object_of_query: places
                .iter()
                .map(|&place| annotation.objects[place])
                .collect(),
            class_of_object,
            ..Targets::default()
        };
        let seen = VisibleQueries {
            queries: rows,
            superpoints: annotation.superpoints.clone(),
        };
        (!places.is_empty()).then_some(Self {
            seen: Some(seen),
            truth,
        })
    }

    /// The same annotation compared with all predictions for the scene, as if the view had seen
    /// everything, which is what VIP avoids. `sizes` are the numbers of points of the scene's
    /// superpoints.
    pub fn unpartitioned(
        annotation: &Annotation,
        queries: &[u32],
        class_of_object: Vec<Option<u32>>,
        sizes: &[u32],
    ) -> Self {
        let mut object_of_superpoint = vec![None; sizes.len()];
        for (&superpoint, &object) in annotation.superpoints.iter().zip(&annotation.objects) {
            object_of_superpoint[superpoint as usize] = object;
        }
        let truth = Targets {
            object_of_query: queries
                .iter()
                .map(|&query| object_of_superpoint[query as usize])
                .collect(),
            masks: ObjectMasks::apart(&object_of_superpoint),
            superpoint_sizes: sizes.to_vec(),
            class_of_object,
            ..Targets::default()
        };
        Self { seen: None, truth }
    }
}

/// Computes the mean loss over the parts of one of the `scenes` scenes of a step, `(1)`, and the
/// mean terms of the last output, `(terms)`.
pub fn loss(
    outputs: &[Output],
    parts: &[Part],
    options: &Loss,
    scenes: usize,
) -> Option<(Tensor<1>, Tensor<1>)> {
    let compared: Vec<_> = parts
        .iter()
        .map(|part| {
            let outputs = match &part.seen {
                None => unboxed(outputs, &part.truth),
                Some(seen) => seen.of(outputs),
            };
            (&part.truth, outputs)
        })
        .collect();
    let losses = loss::losses(&compared, options, scenes)
        .into_iter()
        .map(|(loss, terms)| (loss, terms.stacked()));
    let (loss, terms, count) = losses.fold((None, None, 0), |(sum, terms, count), (loss, more)| {
        let add = |sum: Option<Tensor<1>>, more: Tensor<1>| {
            Some(sum.map_or_else(|| more.clone(), |sum| sum + more.clone()))
        };
        (add(sum, loss), add(terms, more), count + 1)
    });
    Some((loss? / count as f32, terms? / count as f32))
}

/// The outputs, without boxes if the truth has none.
fn unboxed(outputs: &[Output], truth: &Targets) -> Vec<Output> {
    let known = truth.centers.len() == truth.class_of_object.len();
    outputs
        .iter()
        .cloned()
        .map(|output| Output {
            boxes: output.boxes.filter(|_| known),
            ..output
        })
        .collect()
}

impl VisibleQueries {
    /// The view's queries, with their masks restricted to the view's superpoints (equation 6).
    fn of(&self, outputs: &[Output]) -> Vec<Output> {
        let Some(first) = outputs.first() else {
            return vec![];
        };
        let device = first.masks.device();
        let rows =
            |rows: &[u32]| loss::indices(rows.iter().map(|&row| row as i32).collect(), &device);
        let (queries, superpoints) = (rows(&self.queries), rows(&self.superpoints));
        let cut = |output: &Output| Output {
            classes: output.classes.clone().select(0, queries.clone()),
            masks: output
                .masks
                .clone()
                .select(0, queries.clone())
                .select(1, superpoints.clone()),
            scores: output
                .scores
                .clone()
                .map(|scores| scores.select(0, queries.clone())),
            boxes: None,
            semantics: None,
        };
        outputs.iter().map(cut).collect()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::{
        slice::from_ref,
        sync::{
            Arc,
            atomic::{AtomicUsize, Ordering},
        },
    };

    use burn::tensor::Device;
    use tracing::{Event, Metadata, Subscriber, span};

    use super::*;
    use crate::config::Supervision;

    /// Two queries in superpoints 0 and 2 of three. The view contributed points to superpoints 0
    /// and 1, which are one chair.
    fn annotation() -> Annotation {
        Annotation {
            superpoints: vec![0, 1],
            sizes: vec![4, 2],
            objects: vec![Some(0), Some(0)],
            names: vec!["chair".into()],
        }
    }

    fn values(tensor: &Tensor<2>) -> Vec<f32> {
        tensor.to_data().iter::<f32>().collect()
    }

    fn output(device: &Device) -> Output {
        Output {
            // columns: chair, no object
            classes: Tensor::from_floats([[3.0, 0.0], [0.0, 3.0]], device),
            masks: Tensor::from_floats([[9.0, 9.0, 9.0], [-9.0, -9.0, 9.0]], device),
            scores: None,
            boxes: None,
            semantics: None,
        }
    }

    #[test]
    fn predictions_are_cut_down_to_what_the_view_sees() {
        let part = Part::of_view(&annotation(), &[0, 2], vec![Some(0)]).unwrap();
        let seen = part.seen.clone().unwrap();
        assert_eq!(
            seen,
            VisibleQueries {
                queries: vec![0],
                superpoints: vec![0, 1]
            }
        );
        assert_eq!(
            (part.truth.object_of_query, part.truth.superpoint_sizes),
            (vec![Some(0)], vec![4, 2])
        );
        let cut = &seen.of(&[output(&Device::flex())])[0];
        assert_eq!(
            (values(&cut.masks), values(&cut.classes)),
            (vec![9.0, 9.0], vec![3.0, 0.0])
        );
        assert!(
            Part::of_view(&annotation(), &[2], vec![Some(0)]).is_none(),
            "no query belongs to the view"
        );
    }

    /// The first mask extends beyond the view, and the second query is of something that the view
    /// does not see: with VIP neither is an error.
    #[test]
    fn what_a_view_does_not_see_is_no_false_positive() {
        let device = Device::flex();
        let options = Loss {
            supervision: Supervision::Sparse,
            no_object: 1.0,
            class: 1.0,
            ..Loss::default()
        };
        let terms = |part: Part| -> Vec<f32> {
            loss(&[output(&device)], &[part], &options, 1)
                .unwrap()
                .1
                .into_data()
                .iter::<f32>()
                .collect()
        };
        let [vip, without] = [
            Part::of_view(&annotation(), &[0, 2], vec![Some(0)]).unwrap(),
            Part::unpartitioned(&annotation(), &[0, 2], vec![Some(0)], &[4, 2, 5]),
        ]
        .map(terms);
        // both pair the first query with the chair, but only VIP ignores superpoint 2
        let (bce, dice) = (1, 2);
        assert!(vip[bce] < 1e-3 && vip[dice] < 1e-3, "{vip:?}");
        assert!(
            (without[bce] - 3.0).abs() < 1e-3,
            "a third of the superpoints is wrong by nine: {without:?}"
        );
        assert!(
            (without[dice] - (1.0 - 5.0 / 6.0)).abs() < 1e-3,
            "{without:?}"
        );
    }

    #[test]
    fn views_are_averaged() {
        let device = Device::flex().autodiff();
        let options = Loss::default();
        let chair = Part::of_view(&annotation(), &[0, 2], vec![Some(0)]).unwrap();
        let nothing = Annotation {
            objects: vec![None, None],
            names: vec![],
            ..annotation()
        };
        let nothing = Part::of_view(&nothing, &[0, 2], vec![]).unwrap();
        let of = |parts: &[Part]| {
            loss(&[output(&device)], parts, &options, 1)
                .unwrap()
                .0
                .into_scalar::<f32>()
        };
        let (a, b, both) = (
            of(from_ref(&chair)),
            of(from_ref(&nothing)),
            of(&[chair.clone(), nothing.clone()]),
        );
        assert!((both - (a + b) / 2.0).abs() < 1e-6 && a != b);
        assert!(loss(&[output(&device)], &[], &options, 1).is_none());
    }

    /// Counts the times that costs are read back from the device.
    #[derive(Clone, Default)]
    struct Reads(Arc<AtomicUsize>);

    impl Subscriber for Reads {
        fn enabled(&self, metadata: &Metadata) -> bool {
            metadata.target().ends_with("loss::cost")
        }

        fn new_span(&self, _: &span::Attributes) -> span::Id {
            span::Id::from_u64(1)
        }

        fn record(&self, _: &span::Id, _: &span::Record) {}

        fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

        fn event(&self, _: &Event) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }

        fn enter(&self, _: &span::Id) {}

        fn exit(&self, _: &span::Id) {}
    }

    #[test]
    fn the_costs_of_all_views_and_outputs_are_read_back_at_once() {
        let device = Device::flex().autodiff();
        let first = Part::of_view(&annotation(), &[0, 2], vec![Some(0)]).unwrap();
        let second = Annotation {
            superpoints: vec![0, 1, 2],
            sizes: vec![1, 1, 3],
            objects: vec![Some(1), None, Some(0)],
            names: vec!["lamp".into(), "chair".into()],
        };
        let second = Part::of_view(&second, &[0, 2], vec![None, Some(0)]).unwrap();
        let outputs = [output(&device), output(&device), output(&device)];
        let of = |parts: &[Part], supervision| {
            let options = Loss {
                supervision,
                ..Loss::default()
            };
            let reads = Reads::default();
            let (loss, terms) = tracing::subscriber::with_default(reads.clone(), || {
                loss(&outputs, parts, &options, 1).unwrap()
            });
            let terms: Vec<f32> = terms.into_data().iter::<f32>().collect();
            (
                loss.into_scalar::<f32>(),
                terms,
                reads.0.load(Ordering::Relaxed),
            )
        };
        // An event that another thread reaches for the first time just now may miss the subscriber.
        let hears = |_| of(from_ref(&first), Supervision::Sparse).2 > 0;
        assert!((0..100).any(hears));
        let both = [first.clone(), second.clone()];
        let (together, terms, reads) = of(&both, Supervision::Sparse);
        assert_eq!(reads, 1);
        // each view gets the pairs that it would get alone
        let alone = both.map(|part| of(&[part], Supervision::Sparse));
        assert!((together - (alone[0].0 + alone[1].0) / 2.0).abs() < 1e-6);
        for (term, (a, b)) in terms.iter().zip(alone[0].1.iter().zip(&alone[1].1)) {
            assert!((term - (a + b) / 2.0).abs() < 1e-6, "{terms:?}");
        }
        assert_ne!(alone[0].0, alone[1].0);
        assert_eq!(of(&[first, second], Supervision::Dense).2, 0);
    }

    #[test]
    fn what_has_no_name_teaches_no_class() {
        let device = Device::flex();
        let part = |class| Part::of_view(&annotation(), &[0, 1], vec![class]).unwrap();
        let class = |part: Part| {
            loss(
                &[output(&device)],
                &[part],
                &Loss {
                    supervision: Supervision::Dense,
                    ..Loss::default()
                },
                1,
            )
            .unwrap()
            .1
        };
        let class = |part: Part| class(part).into_data().iter::<f32>().next().unwrap();
        assert!(class(part(Some(0))) > 0.1);
        assert_eq!(class(part(None)), 0.0);
    }
}
