//! AdamW over a whole module, with one gradient norm for all parameters, and the learning rate
//! schedule.

use std::collections::BTreeMap;

use burn::{
    module::{Module, ModuleMapper, ModuleVisitor, Param},
    optim::GradientsParams,
    tensor::Tensor,
};

use crate::{
    config::Optimizer as Options,
    run::elementwise::{self, Descent, descend},
};

const BETA: [f32; 2] = [0.9, 0.999];
const EPSILON: f32 = 1e-8;

/// AdamW. Its whole state is here, under the parameters' paths in the module, so that a checkpoint
/// can hold it.
pub struct AdamW {
    /// Number of updates made.
    pub updates: u64,
    /// Running means of the gradient and of its square, flat, by parameter path.
    pub moments: BTreeMap<String, [Tensor<1>; 2]>,
    weight_decay: f32,
    decay_vectors: bool,
    clip: f32,
}

impl AdamW {
    /// Creates an optimiser without any moments yet.
    pub fn new(options: &Options) -> Self {
        Self {
            updates: 0,
            moments: BTreeMap::new(),
            weight_decay: options.weight_decay as f32,
            decay_vectors: options.decay_vectors,
            clip: options.clip,
        }
    }

    /// Makes one update with `gradients`, scaled down to the norm `clip` if theirs is larger.
    pub fn step<M: Module>(
        &mut self,
        module: M,
        Finite { gradients, norm }: Finite,
        learning_rate: f64,
    ) -> M {
        if gradients.is_empty() {
            return module;
        }
        self.updates += 1;
        let scale = if norm > self.clip {
            self.clip / norm
        } else {
            1.0
        };
        module.map(&mut Update {
            optimizer: self,
            gradients,
            scale,
            learning_rate: learning_rate as f32,
            path: Vec::new(),
        })
    }
}

/// Gradients that are finite, as is the sum of their squares.
pub struct Finite {
    gradients: GradientsParams,
    norm: f32,
}

impl Finite {
    /// The gradients of `module`'s parameters; `None` if they are not finite.
    pub fn new<M: Module>(module: &M, gradients: GradientsParams) -> Option<Self> {
        let mut squares = Squares {
            gradients: &gradients,
            sums: Vec::new(),
        };
        module.visit(&mut squares);
        let norm = if squares.sums.is_empty() {
            0.0
        } else {
            Tensor::cat(squares.sums, 0)
                .sum()
                .sqrt()
                .into_scalar::<f32>()
        };
        norm.is_finite().then_some(Self { gradients, norm })
    }

    /// The norm of all gradients together.
    pub fn norm(&self) -> f32 {
        self.norm
    }
}

/// Collects the squared norm of every gradient.
struct Squares<'a> {
    gradients: &'a GradientsParams,
    sums: Vec<Tensor<1>>,
}

impl ModuleVisitor for Squares<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        self.sums.extend(
            self.gradients
                .get::<D>(param.id)
                .map(elementwise::sum_of_squares),
        );
    }
}

struct Update<'a> {
    optimizer: &'a mut AdamW,
    gradients: GradientsParams,
    scale: f32,
    learning_rate: f32,
    path: Vec<String>,
}

impl ModuleMapper for Update<'_> {
    fn enter_module(&mut self, name: &str, _container: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.pop();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let Some(gradient) = self.gradients.remove::<D>(param.id) else {
            return param;
        };
        let path = self.path.join(".");
        let moments = self
            .optimizer
            .moments
            .remove(&path)
            .unwrap_or_else(|| [0, 1].map(|_| gradient.zeros_like().flatten::<1>(0, D - 1)));
        let decays = D > 1 || self.optimizer.decay_vectors;
        let by = Descent {
            scale: self.scale,
            beta: BETA,
            unbias: BETA
                .map(|beta| 1.0 - f64::from(beta).powf(self.optimizer.updates as f64) as f32),
            epsilon: EPSILON,
            keep: if decays {
                1.0 - self.learning_rate * self.optimizer.weight_decay
            } else {
                1.0
            },
            rate: self.learning_rate,
        };
        param.map(|value| {
            let (value, moments) = descend(value.inner(), gradient, moments, by);
            self.optimizer.moments.insert(path, moments);
            Tensor::from_inner(value).require_grad()
        })
    }
}

/// The learning rate at `progress` (0..=1) of the run: a linear warm-up over the first updates, the
/// peak up to `constant`, then `(1 - share)^power`, where `share` is the share of the remaining run
/// that is over (docs/spec/model.md section 11.4, where `constant` is 0).
pub fn learning_rate(options: &Options, updates: u64, progress: f64) -> f64 {
    let warmup = ((updates + 1) as f64 / options.warmup.max(1) as f64).min(1.0);
    let decayed = (progress - options.constant) / (1.0 - options.constant).max(f64::MIN_POSITIVE);
    options.learning_rate * warmup * (1.0 - decayed.clamp(0.0, 1.0)).powf(options.power)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use burn::tensor::Device;
    use proofs::golden;

    use super::*;

    #[derive(Module, Debug)]
    struct Quadratic {
        x: Param<Tensor<2>>,
    }

    fn quadratic() -> Quadratic {
        let x = Tensor::<2>::from_floats([[3.0, -4.0]], &Device::flex().autodiff());
        Quadratic {
            x: Param::from_tensor(x),
        }
    }

    fn gradients(module: &Quadratic, factor: f32) -> Option<Finite> {
        let loss = (module.x.val().square() * factor).sum();
        Finite::new(module, GradientsParams::from_grads(loss.backward(), module))
    }

    fn values(module: &Quadratic) -> Vec<f32> {
        module.x.val().into_data().iter::<f32>().collect()
    }

    #[test]
    fn the_first_step_has_the_textbook_size() {
        let mut optimizer = AdamW::new(&Options {
            weight_decay: 0.5,
            clip: 1e9,
            ..Options::default()
        });
        let module = quadratic();
        let gradients = gradients(&module, 1.0).unwrap();
        assert!(
            (gradients.norm() - 10.0).abs() < 1e-5,
            "{}",
            gradients.norm()
        );
        let module = optimizer.step(module, gradients, 0.1);
        // x (1 - rate decay) - rate sign(gradient)
        let expected = [3.0 * 0.95 - 0.1, -4.0 * 0.95 + 0.1];
        assert!(
            values(&module)
                .iter()
                .zip(expected)
                .all(|(v, e)| (v - e).abs() < 1e-5),
            "{:?}",
            values(&module)
        );
    }

    #[test]
    fn vectors_decay_where_that_is_wanted() {
        #[derive(Module, Debug)]
        struct Bias {
            x: Param<Tensor<1>>,
        }
        for (decay_vectors, expected) in [(true, 2.0 * 0.95 - 0.1), (false, 2.0 - 0.1)] {
            let x = Tensor::<1>::from_floats([2.0], &Device::flex().autodiff());
            let module = Bias {
                x: Param::from_tensor(x),
            };
            let mut optimizer = AdamW::new(&Options {
                weight_decay: 0.5,
                decay_vectors,
                clip: 1e9,
                ..Options::default()
            });
            let gradients =
                GradientsParams::from_grads(module.x.val().square().sum().backward(), &module);
            let gradients = Finite::new(&module, gradients).unwrap();
            let module = optimizer.step(module, gradients, 0.1);
            let found = module.x.val().into_data().iter::<f32>().next().unwrap();
            assert!(
                (found - expected).abs() < 1e-5,
                "{found} instead of {expected}"
            );
        }
    }

    #[test]
    fn a_gradient_that_is_not_finite_is_none() {
        // the last gradient is finite, but its square is not
        for factor in [f32::NAN, f32::INFINITY, 1e30] {
            assert!(gradients(&quadratic(), factor).is_none(), "{factor}");
        }
    }

    #[test]
    fn it_finds_the_minimum() {
        let mut optimizer = AdamW::new(&Options {
            weight_decay: 0.0,
            ..Options::default()
        });
        let mut module = quadratic();
        for _ in 0..200 {
            let gradients = gradients(&module, 1.0).unwrap();
            module = optimizer.step(module, gradients, 0.1);
        }
        assert_eq!(optimizer.updates, 200);
        assert!(
            values(&module).iter().all(|v| v.abs() < 0.2),
            "{:?}",
            values(&module)
        );
    }

    #[test]
    fn clipping_bounds_the_whole_gradient() {
        let mut optimizer = AdamW::new(&Options {
            clip: 1.0,
            ..Options::default()
        });
        let module = quadratic();
        let gradients = gradients(&module, 1.0).unwrap();
        optimizer.step(module, gradients, 0.1);
        let [mean, _] = &optimizer.moments["x"];
        let norm = (mean.clone() / (1.0 - BETA[0]))
            .square()
            .sum()
            .sqrt()
            .into_scalar::<f32>();
        assert!((norm - 1.0).abs() < 1e-4, "{norm}");
    }

    /// Reference values of the released schedule (no warm-up).
    #[test]
    fn the_learning_rate_follows_the_reference() {
        let case = &golden::json("components.json")["poly_lr"];
        let options = Options {
            learning_rate: case["base"].as_f64().unwrap(),
            power: case["power"].as_f64().unwrap(),
            warmup: 0,
            ..Options::default()
        };
        for (step, expected) in case["at"].as_object().unwrap() {
            let step: f64 = step.parse().unwrap();
            let rate = learning_rate(
                &options,
                step as u64,
                step / case["total"].as_f64().unwrap(),
            );
            assert!(
                (rate - expected.as_f64().unwrap()).abs() < 1e-15,
                "{step}: {rate} instead of {expected}"
            );
        }
        assert!(
            learning_rate(
                &Options {
                    warmup: 10,
                    ..options.clone()
                },
                0,
                0.0
            ) < options.learning_rate * 0.11
        );
    }
}
