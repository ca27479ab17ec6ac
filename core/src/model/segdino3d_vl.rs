//! The whole network: backbone and decoder.

use std::ops::Range;

use burn::{
    module::{Module, Param},
    nn::Initializer,
    tensor::{DataError, Device, ExecutionError, Tensor, TensorData, Transaction},
};

use super::{
    Class, Config, Features, Prediction, Scene,
    backbone::Backbone,
    decoder::{Decoder, State},
};
use crate::{
    ops::{SegmentMap, segment_mean},
    platform,
    progress::{Cancelled, Monitor, Stage},
};

/// The network: voxels to superpoints to queries to [`Prediction`]s.
#[derive(Module, Debug)]
pub struct SegDino3dVl {
    backbone: Backbone,
    decoder: Decoder,
    /// Learned replacement for the image features of a scan without images, `(1, image channels)`.
    missing_image_embedding: Option<Param<Tensor<2>>>,
}

/// An error of inference.
#[derive(Debug, thiserror::Error)]
pub enum InferenceError {
    /// The caller cancelled.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
    /// The graphics device failed or ran out of memory.
    #[error("the device failed while the network ran: {0}")]
    Device(#[from] ExecutionError),
    /// The device returned something that is not a list of numbers.
    #[error("the device returned unreadable values: {0}")]
    Values(#[from] DataError),
}

/// The outputs of the last decoder layer for one scene, in main memory. Logits are raw: no
/// activation has been applied.
#[derive(Clone, Debug, PartialEq)]
pub struct Answers {
    /// The superpoint each query started from, ascending, `(queries)`.
    pub queries: Vec<u32>,
    /// Number of superpoints.
    pub superpoints: usize,
    /// The class outputs of the queries.
    pub class: ClassAnswers,
    /// Mask logits, `(queries, superpoints)`: the logit that a superpoint belongs to the query's
    /// object.
    pub masks: Vec<f32>,
    /// Box centers in metres, world frame, `(queries, 3)`.
    pub centers: Vec<f32>,
    /// Full box extents in metres, `(queries, 3)`; not guaranteed to be positive.
    pub sizes: Vec<f32>,
}

/// The class outputs of the queries, in main memory.
#[derive(Clone, Debug, PartialEq)]
pub enum ClassAnswers {
    /// Embeddings in the space of the text encoder.
    Text(TextAnswers),
    /// One logit per class.
    Fixed {
        /// Class logits, `(queries, classes + 1)`; the last column is "no object".
        instances: Vec<f32>,
        /// Semantic logits of each query's own superpoint, `(queries, superpoint classes + 1)`; the
        /// last column is "background".
        semantics: Vec<f32>,
    },
}

/// Class outputs in the space of the text encoder, in main memory.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TextAnswers {
    /// Number of values of an embedding.
    pub width: usize,
    /// Unit vectors in the text encoder's space, `(queries, width)`.
    pub embeddings: Vec<f32>,
    /// Logit of "no object", to be used next to the class logits, `(queries)`.
    pub no_object: Vec<f32>,
    /// Logits of the IoU between the mask and its object, `(queries)`.
    pub scores: Vec<f32>,
    /// Scale and bias that turn the cosine of an embedding with a class's embedding into the logit
    /// of that class.
    pub affine: [f32; 2],
}

impl TextAnswers {
    /// The embedding of a query, `(width)`.
    pub fn embedding(&self, query: u32) -> &[f32] {
        &self.embeddings[query as usize * self.width..][..self.width]
    }

    /// Class logits, row-major `(queries, classes + 1)`; the last column is "no object". `classes`
    /// `(classes, width)` holds the unit vectors of the classes.
    pub fn logits(&self, classes: &[f32]) -> Vec<f32> {
        let [scale, bias] = self.affine;
        let queries = self.embeddings.chunks_exact(self.width);
        let mut logits =
            Vec::with_capacity(self.no_object.len() * (classes.len() / self.width + 1));
        for (query, &none) in queries.zip(&self.no_object) {
            let cosines = classes
                .chunks_exact(self.width)
                .map(|class| class.iter().zip(query).map(|(a, b)| a * b).sum::<f32>());
            logits.extend(cosines.map(|cosine| scale * cosine + bias));
            logits.push(none);
        }
        logits
    }
}

impl SegDino3dVl {
    /// Creates a network with random weights. `config` must be [valid](Config::validate).
    pub fn new(config: &Config, device: &Device) -> Self {
        let image = config.inputs.image;
        let backbone = Backbone::new(&config.backbone, config.inputs.channels(), device);
        Self {
            backbone: backbone.with_own_statistics(config.own_statistics.into()),
            decoder: Decoder::new(config, config.backbone.output(), device),
            missing_image_embedding: (image > 0)
                .then(|| Initializer::Zeros.init([1, image], device)),
        }
    }

    /// Returns the predictions before the first decoder layer and after each layer; the last one is
    /// final. `scene` must be on the network's device; `queries` are superpoints of it, in any
    /// order.
    ///
    /// # Panics
    /// If a query is not a superpoint of the scene.
    pub fn forward(&self, scene: &Scene, queries: &[u32]) -> Vec<Prediction> {
        self.decode(self.encode(scene), scene, queries)
    }

    /// Runs the backbone part of [`forward`](Self::forward) and returns the superpoint features
    /// that the decoder reads, `(superpoints, channels)`.
    pub fn encode(&self, scene: &Scene) -> Tensor<2> {
        let voxels = self.backbone.forward(
            self.inputs(scene.features.clone(), scene.image.clone(), scene.voxels()),
            &scene.pyramid,
        );
        superpoint_means(voxels, &scene.segments)
    }

    /// Runs the decoder part of [`forward`](Self::forward) on the result of
    /// [`encode`](Self::encode) for the same scene.
    ///
    /// # Panics
    /// If a query is not a superpoint of the scene.
    pub fn decode(&self, features: Tensor<2>, scene: &Scene, queries: &[u32]) -> Vec<Prediction> {
        let (memory, mut state) =
            self.decoder
                .start(features, &scene.layout, &selection(scene, queries));
        let mut predictions = vec![self.decoder.predict(&state)];
        for layer in 0..self.decoder.layers() {
            state = self.decoder.step(layer, &memory, state);
            predictions.push(self.decoder.predict(&state));
        }
        predictions
    }

    /// Converts the [backbone](Backbone::into_f16) to store features as f16.
    #[must_use]
    pub fn into_f16(self) -> Self {
        Self {
            backbone: self.backbone.into_f16(),
            ..self
        }
    }

    /// The backbone, from voxel features to voxel features.
    pub fn backbone(&self) -> &Backbone {
        &self.backbone
    }

    /// The decoder, from superpoint features to predictions.
    pub fn decoder(&self) -> &Decoder {
        &self.decoder
    }

    /// The input features of the backbone, `(voxels, channels)`.
    fn inputs(&self, own: Features, image: Option<Features>, voxels: usize) -> Features {
        let Some(missing_image_embedding) = &self.missing_image_embedding else {
            return own;
        };
        let [_, channels] = missing_image_embedding.dims();
        let repeated = |cut: Range<usize>| {
            missing_image_embedding
                .val()
                .slice([0..1, cut])
                .repeat_dim(0, voxels)
        };
        own.append(image.unwrap_or_else(|| {
            Features::concat(Features::cuts(voxels, channels).map(repeated).collect())
        }))
    }

    /// Returns the outputs of the last layer for `queries`, with a single read-back at the end.
    /// Yields to the event loop and checks for cancellation between the levels of the backbone and
    /// between decoder layers.
    ///
    /// # Errors
    /// See [`InferenceError`].
    ///
    /// # Panics
    /// If a query is not a superpoint of the scene.
    pub async fn infer(
        &self,
        scene: Scene,
        queries: Vec<u32>,
        monitor: &Monitor<'_>,
    ) -> Result<Answers, InferenceError> {
        let selection = selection(&scene, &queries);
        let (voxels, superpoints) = (scene.voxels(), scene.superpoints());
        let Scene {
            features,
            image,
            pyramid,
            segments,
            layout,
            ..
        } = scene;
        let pause = async |stage, done: usize, total: usize| {
            platform::yield_now().await;
            monitor.at(stage, done as f32 / total as f32)
        };

        let stages = self.backbone.stages();
        let mut pass = self
            .backbone
            .begin(self.inputs(features, image, voxels), &pyramid);
        for stage in 0..stages {
            pause(Stage::Backbone, stage, stages).await?;
            pass = self.backbone.stage(stage, pass, &pyramid);
        }
        let features = superpoint_means(self.backbone.end(pass), &segments);
        // The decoder reads superpoints alone; of a large scan, the pairs of voxels are as large as
        // what it computes.
        drop((pyramid, segments));
        pause(Stage::Backbone, stages, stages).await?;

        let layers = self.decoder.layers();
        let (memory, mut state) = self.decoder.start(features, &layout, &selection);
        for layer in 0..layers {
            pause(Stage::Decoder, layer, layers + 1).await?;
            state = self.decoder.step(layer, &memory, state);
        }
        pause(Stage::Decoder, layers, layers + 1).await?;
        let answers = self.read(&state, queries, superpoints).await?;
        monitor.at(Stage::Decoder, 1.0)?;
        Ok(answers)
    }

    async fn read(
        &self,
        state: &State,
        queries: Vec<u32>,
        superpoints: usize,
    ) -> Result<Answers, InferenceError> {
        let semantics = self.decoder.semantics(state);
        let Prediction {
            class,
            masks,
            boxes,
        } = self.decoder.predict(state);
        let mut read = Transaction::default().register(masks);
        if let Some(boxes) = boxes {
            read = read.register(boxes.centers).register(boxes.sizes);
        }
        let width = match &class {
            Class::Text(class) => Some(class.embedding.dims()[1]),
            Class::Fixed(_) => None,
        };
        read = match class {
            Class::Text(class) => read
                .register(class.embedding)
                .register(class.no_object)
                .register(class.score)
                .register(Tensor::cat(class.affine.to_vec(), 0)),
            Class::Fixed(logits) => semantics
                .into_iter()
                .fold(read.register(logits), Transaction::register),
        };
        let mut read = read
            .execute_async()
            .await?
            .into_iter()
            .map(TensorData::try_into_vec::<f32>);
        let mut next = || read.next().unwrap_or(Ok(vec![]));
        let (masks, centers, sizes) = (next()?, next()?, next()?);
        let class = if let Some(width) = width {
            let (embeddings, no_object, scores) = (next()?, next()?, next()?);
            ClassAnswers::Text(TextAnswers {
                width,
                embeddings,
                no_object,
                scores,
                affine: next()?.try_into().unwrap_or_default(),
            })
        } else {
            ClassAnswers::Fixed {
                instances: next()?,
                semantics: next()?,
            }
        };
        Ok(Answers {
            queries,
            superpoints,
            masks,
            centers,
            sizes,
            class,
        })
    }
}

/// The mean voxel features of each superpoint, `(superpoints, channels)`.
fn superpoint_means(voxels: Features, segments: &SegmentMap) -> Tensor<2> {
    voxels
        .map(|_, part| segment_mean(part, segments))
        .into_tensor()
}

fn selection(scene: &Scene, queries: &[u32]) -> SegmentMap {
    SegmentMap::selection(queries, scene.superpoints())
        .expect("queries are superpoints of the scene")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use burn::{
        module::{ModuleVisitor, Param},
        tensor::{Distribution, Gradients, Tolerance},
    };

    use super::*;
    use crate::{
        model::{
            TextClass,
            config::QueryStart,
            fixture::{cube, shaken, tiny},
        },
        progress::Cancel,
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
            burn::tensor::read_sync(network.infer(
                scene.clone(),
                queries.clone(),
                &Monitor::silent(),
            ))
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
}
