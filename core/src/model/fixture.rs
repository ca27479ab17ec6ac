//! A network and a scene small enough for tests.
#![allow(clippy::unwrap_used)]

use burn::{
    module::{Module, ModuleMapper, Param},
    tensor::{Device, Distribution, Tensor},
};

use super::{Config, Observation, Scene, SceneInput, config::BackboneConfig};
use crate::superpoint::Superpoints;

pub fn tiny() -> Config {
    Config {
        backbone: BackboneConfig::SparseUnet {
            planes: vec![4, 6, 8],
            grid: None,
        },
        d_model: 12,
        heads: 2,
        ffn: 16,
        layers: 2,
        ..Config::nano()
    }
}

/// A scene of 400 points in a cube of 1 m whose octants are the superpoints.
pub fn cube(device: &Device, config: &Config) -> Scene {
    let digit = |i: usize, base: usize| {
        (1..8)
            .map(|n| (i / base.pow(n - 1) % base) as f32 / base.pow(n) as f32)
            .sum::<f32>()
    };
    let positions: Vec<[f32; 3]> = (0..400)
        .map(|i| [digit(i, 2), digit(i, 3), digit(i, 5)])
        .collect();
    let colors: Vec<[u8; 3]> = positions
        .iter()
        .map(|p| p.map(|x| (x * 255.0) as u8))
        .collect();
    let octants: Vec<u32> = positions
        .iter()
        .map(|p| (0..3).map(|a| u32::from(p[a] > 0.5) << a).sum())
        .collect();
    let superpoints = Superpoints::from_ids(&octants);
    let observation = Observation {
        positions: &positions,
        colors: Some(&colors),
        ..Observation::default()
    };
    SceneInput::new(&observation, &superpoints, config)
        .unwrap()
        .to_device(device)
}

/// Adds noise to all parameters: layers that are initialized to zero would hide the effect of the
/// layers before them.
pub fn shaken<M: Module>(network: M) -> M {
    struct Shake;
    impl ModuleMapper for Shake {
        fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
            param.map(|t| {
                let noise = t.random_like(Distribution::Uniform(0.0, 0.2));
                let trains = t.is_require_grad();
                (t + noise).detach().set_require_grad(trains)
            })
        }
    }
    network.map(&mut Shake)
}
