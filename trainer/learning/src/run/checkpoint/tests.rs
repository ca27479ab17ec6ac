#![allow(clippy::unwrap_used)]
//! Checkpoints of a network of two layers.

use burn::{
    nn::{BatchNorm, BatchNormConfig, Linear, LinearConfig},
    optim::GradientsParams,
    tensor::Distribution,
};

use super::*;
use crate::run::optimizer::Finite;

#[derive(Module, Debug)]
struct Net {
    linear: Linear,
    norm: BatchNorm,
}

impl Net {
    fn new(device: &Device) -> Self {
        Self {
            linear: LinearConfig::new(3, 2).init(device),
            norm: BatchNormConfig::new(2).init(device),
        }
    }

    fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        self.norm.forward::<2>(self.linear.forward(x))
    }
}

fn step(net: Net, optimizer: &mut AdamW, x: &Tensor<2>) -> Net {
    let loss = (net.forward(x.clone()) * x.clone().sum_dim(1))
        .square()
        .sum();
    let gradients = GradientsParams::from_grads(loss.backward(), &net);
    let gradients = Finite::new(&net, gradients).unwrap();
    optimizer.step(net, gradients, 0.1)
}

fn values(net: &Net) -> Vec<f32> {
    parameters(net).into_iter().flat_map(|p| p.values).collect()
}

#[test]
fn a_resumed_run_takes_the_same_steps() {
    let device = Device::flex().autodiff();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("checkpoint.safetensors");
    let config: Config = toml::from_str("[data]\nrooms = ['x']").unwrap();
    let x = Tensor::<2>::random([5, 3], Distribution::Default, &device);
    let mut optimizer = AdamW::new(&config.optimizer);
    let mut net = step(Net::new(&device), &mut optimizer, &x);
    let state = State {
        steps: 2,
        updates: 2,
        scenes: 4,
        seconds: 2.5,
    };
    let mut ema = Ema::new(0.9);
    ema.update(&net, 1);
    let kept = values(&net);
    net = step(net, &mut optimizer, &x);
    save(&path, &net, &optimizer, Some(&ema), &config, &state).unwrap();
    let saved = values(&net);

    let checkpoint = Checkpoint::read(&path).unwrap();
    assert_eq!(checkpoint.state, state);
    let mut resumed = checkpoint.module(Net::new(&device)).unwrap();
    assert_eq!(values(&resumed), saved);
    assert_eq!(
        values(&checkpoint.answering(Net::new(&device)).unwrap()),
        kept,
        "the running means answer"
    );
    let mut again = Ema::new(0.9);
    checkpoint.ema(&mut again, &device.clone().inner()).unwrap();
    assert_eq!(
        again.means.keys().collect::<Vec<_>>(),
        ema.means.keys().collect::<Vec<_>>()
    );
    let mut resumed_optimizer = AdamW::new(&config.optimizer);
    checkpoint
        .optimizer(&mut resumed_optimizer, &device.clone().inner())
        .unwrap();
    net = step(net, &mut optimizer, &x);
    resumed = step(resumed, &mut resumed_optimizer, &x);
    assert_eq!(values(&resumed), values(&net));
    assert_ne!(values(&resumed), saved);
}

#[test]
fn the_last_two_and_the_best_are_kept() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path();
    assert!(latest(run).unwrap().is_none());
    assert!(keep_as_best(run).is_err());
    let config: Config = toml::from_str("[data]\nrooms = ['x']").unwrap();
    let net = Net::new(&Device::flex().autodiff());
    let save = |steps| {
        save_newest(
            run,
            &net,
            &AdamW::new(&config.optimizer),
            None,
            &config,
            &State {
                steps,
                ..State::default()
            },
        )
    };
    let steps = |name: &str| Checkpoint::read(&run.join(name)).unwrap().state.steps;
    save(1).unwrap();
    keep_as_best(run).unwrap();
    save(2).unwrap();
    save(3).unwrap();
    assert_eq!([CHECKPOINT, PREVIOUS, BEST].map(steps), [3, 2, 1]);
    assert_eq!(latest(run).unwrap().unwrap().state.steps, 3);
    fs::write(run.join(CHECKPOINT), b"half of a f").unwrap();
    assert_eq!(
        latest(run).unwrap().unwrap().state.steps,
        2,
        "the one before it is whole"
    );
    save(4).unwrap();
    assert_eq!(
        [CHECKPOINT, PREVIOUS, BEST].map(steps),
        [4, 2, 1],
        "what is damaged takes nobody's place"
    );
    fs::write(run.join(CHECKPOINT), b"half of a f").unwrap();
    fs::write(run.join(PREVIOUS), b"").unwrap();
    assert!(latest(run).is_err());
    assert_eq!(fs::read_dir(run).unwrap().count(), 3, "no leftovers");
}

#[test]
fn what_is_not_finite_replaces_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(CHECKPOINT);
    let config: Config = toml::from_str("[data]\nrooms = ['x']").unwrap();
    let mut net = Net::new(&Device::flex().autodiff());
    let save = |net: &Net| {
        save(
            &path,
            net,
            &AdamW::new(&config.optimizer),
            None,
            &config,
            &State::default(),
        )
    };
    save(&net).unwrap();
    let whole = fs::read(&path).unwrap();
    net.linear.bias = net.linear.bias.map(|bias| bias.map(|bias| bias * f32::NAN));
    let refusal = format!("{:#}", save(&net).unwrap_err());
    assert!(
        refusal.contains("model.linear.bias is not finite"),
        "{refusal}"
    );
    assert!(fs::read(&path).unwrap() == whole);
}

#[test]
fn a_damaged_file_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("checkpoint.safetensors");
    for bytes in [&b""[..], b"{}", &[255; 64]] {
        fs::write(&path, bytes).unwrap();
        assert!(Checkpoint::read(&path).is_err());
    }
}
