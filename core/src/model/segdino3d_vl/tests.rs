#![allow(clippy::unwrap_used)]
use burn::{
    module::ModuleVisitor,
    tensor::{Distribution, Gradients, Tolerance},
};

use super::*;
use crate::{
    model::{
        Class, TextClass,
        config::QueryStart,
        fixture::{cube, shaken, tiny},
    },
    progress::{Cancel, Monitor, Stage},
};

fn same<const D: usize>(a: &Tensor<D>, b: &Tensor<D>) {
    a.to_data()
        .assert_approx_eq::<f32>(&b.to_data(), Tolerance::rel_abs(1e-4, 1e-4));
}

fn text_class(prediction: &Prediction) -> &TextClass {
    match &prediction.class {
        Class::Text(class) => class,
        Class::Fixed(_) => panic!("classes by text"),
    }
}

#[test]
fn predictions_have_their_shapes() {
    let (config, device) = (tiny(), Device::flex());
    let network = SegDino3dVl::new(&config, &device);
    let scene = cube(&device, &config);
    let predictions = network.forward(&scene, &[3, 1, 7]);
    assert_eq!(predictions.len(), config.layers + 1);
    for (layer, p) in predictions.iter().enumerate() {
        let class = text_class(p);
        assert_eq!(class.embedding.dims(), [3, config.text.width]);
        assert_eq!(
            (class.no_object.dims(), class.score.dims()),
            ([3, 1], [3, 1])
        );
        assert_eq!(p.masks.dims(), [3, 8]);
        assert_eq!(p.boxes.is_some(), layer > 0);
        let norms = class.embedding.clone().square().sum_dim(1);
        same(&norms, &Tensor::ones([3, 1], &device));
        assert_eq!(
            p.class
                .logits(class.embedding.clone().narrow(0, 0, 2))
                .dims(),
            [3, 3]
        );
    }
}

#[test]
fn nano_fits_the_browser() {
    let network = SegDino3dVl::new(&Config::nano(), &Device::flex());
    assert!(
        (2_000_000..4_000_000).contains(&network.num_params()),
        "{}",
        network.num_params()
    );
}

#[test]
fn order_of_queries_is_order_of_predictions() {
    let (config, device) = (tiny(), Device::flex());
    let network = shaken(SegDino3dVl::new(&config, &device));
    let scene = cube(&device, &config);
    let (straight, turned) = (
        network.forward(&scene, &[0, 2, 5]),
        network.forward(&scene, &[5, 0, 2]),
    );
    for (a, b) in straight.iter().zip(&turned) {
        let turn = |t: &Tensor<2>| {
            Tensor::cat(
                vec![t.clone().narrow(0, 2, 1), t.clone().narrow(0, 0, 2)],
                0,
            )
        };
        same(&turn(&text_class(a).embedding), &text_class(b).embedding);
        same(&turn(&a.masks), &b.masks);
        same(&turn(&text_class(a).score), &text_class(b).score);
        if let (Some(a), Some(b)) = (&a.boxes, &b.boxes) {
            same(&turn(&a.centers), &b.centers);
            same(&turn(&a.sizes), &b.sizes);
        }
    }
}

#[test]
fn inference_reads_back_the_last_prediction() {
    let (config, device) = (tiny(), Device::flex());
    let network = shaken(SegDino3dVl::new(&config, &device));
    let scene = cube(&device, &config);
    let queries = scene.queries(5);
    let answers = || {
        burn::tensor::read_sync(network.infer(scene.clone(), queries.clone(), &Monitor::silent()))
            .unwrap()
    };
    let (first, again) = (answers(), answers());
    assert_eq!(first, again);
    assert_eq!((first.superpoints, first.queries.len()), (8, 5));
    let last = network.forward(&scene, &queries).pop().unwrap();
    let floats = |t: Tensor<2>| t.into_data().try_into_vec::<f32>().unwrap();
    let ClassAnswers::Text(class) = first.class else {
        panic!("classes by text")
    };
    assert_eq!(
        class.embeddings,
        floats(text_class(&last).embedding.clone())
    );
    assert_eq!(first.masks, floats(last.masks));
    assert_eq!(first.centers, floats(last.boxes.unwrap().centers));
    let [scale, bias] = class.affine;
    assert!(
        scale > 10.0 && scale < 16.0 && (0.0..=0.2).contains(&bias),
        "{scale} {bias}"
    );
}

#[test]
fn inference_stops_when_cancelled() {
    let (config, device) = (tiny(), Device::flex());
    let network = SegDino3dVl::new(&config, &device);
    let scene = cube(&device, &config);
    let cancel = Cancel::default();
    let stop_at_decoder = |p: crate::progress::Progress| {
        if p.stage == Stage::Decoder {
            cancel.cancel();
        }
    };
    let result = burn::tensor::read_sync(network.infer(
        scene,
        vec![0],
        &Monitor::new(&stop_at_decoder, &cancel),
    ));
    assert!(
        matches!(result, Err(InferenceError::Cancelled(_))),
        "{result:?}"
    );
}

/// The parameters without a gradient in a scene, of those that are learned.
fn silent(config: &Config) -> Vec<String> {
    struct Silent<'a> {
        gradients: &'a Gradients,
        path: Vec<String>,
        found: Vec<String>,
    }
    impl ModuleVisitor for Silent<'_> {
        fn enter_module(&mut self, name: &str, _: &str) {
            self.path.push(name.to_owned());
        }
        fn exit_module(&mut self, _: &str, _: &str) {
            self.path.pop();
        }
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            let name = self.path.join(".");
            // Running statistics are not learned, and a bias added to all keys cancels in the
            // softmax.
            if name.contains("running_")
                || (name.contains("attention.key_") && name.ends_with("bias"))
            {
                return;
            }
            let slope = param
                .val()
                .grad(self.gradients)
                .map(|g| g.abs().sum().into_scalar::<f32>());
            if !slope.is_some_and(|s| s.is_finite() && s > 1e-9) {
                self.found.push(format!("{name}: {slope:?}"));
            }
        }
    }

    let device = Device::flex().autodiff();
    let network = shaken(SegDino3dVl::new(config, &device));
    let scene = cube(&device, config);
    let words = Tensor::random(
        [3, config.text.width],
        Distribution::Normal(0.0, 0.05),
        &device,
    );
    let mut loss = Tensor::<1>::zeros([1], &device);
    let mut add = |t: Tensor<2>| {
        let weights = t.random_like(Distribution::Normal(0.0, 1.0)).detach();
        loss = loss.clone() + (t * weights).sum();
    };
    for prediction in network.forward(&scene, &[0, 3, 5, 6]) {
        add(prediction.class.logits(words.clone()));
        add(text_class(&prediction).score.clone());
        add(prediction.masks);
        if let Some(boxes) = prediction.boxes {
            add(boxes.centers);
            add(boxes.sizes);
        }
    }
    let gradients = loss.backward();
    let mut silent = Silent {
        gradients: &gradients,
        path: vec![],
        found: vec![],
    };
    network.visit(&mut silent);
    silent.found
}

#[test]
fn every_parameter_learns() {
    for queries in [QueryStart::Superpoint, QueryStart::Place] {
        let mut silent = silent(&Config { queries, ..tiny() });
        if queries == QueryStart::Place {
            // Places alone have no content that the first attention could compare, and their
            // masks in this scene leave the second one nothing to choose between.
            silent.retain(|name| {
                !name.contains("layers.0.cross_attention.query_content.weight")
                    && !name.contains("layers.1.cross_attention.")
            });
        }
        assert!(silent.is_empty(), "{queries:?}: {silent:#?}");
    }
}

/// Before the first layer, queries that are places alone know nothing of the scene and have one
/// mask; after it, each has its own.
#[test]
fn queries_that_are_places_differ_by_their_places() {
    let config = Config {
        queries: QueryStart::Place,
        ..tiny()
    };
    let device = Device::flex();
    let network = shaken(SegDino3dVl::new(&config, &device));
    let predictions = network.forward(&cube(&device, &config), &[0, 3]);
    let difference = |p: &Prediction| {
        let masks = p.masks.clone();
        let difference = masks.clone().narrow(0, 0, 1) - masks.narrow(0, 1, 1);
        difference.abs().max().into_scalar::<f32>()
    };
    assert_eq!(difference(&predictions[0]), 0.0);
    assert!(difference(&predictions[config.layers]) > 1e-4);
}
