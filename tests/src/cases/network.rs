//! Checks that the whole network computes the same on every device.

use segscape::{
    model::{
        Answers, ClassAnswers, Config, InferenceError, Observation, SceneInput, SegDino3dVl,
        TextAnswers, load_weights, save_weights,
    },
    progress::Monitor,
    superpoint::Superpoints,
};

use super::noise;
use crate::device::{self, Subject};

/// Largest allowed difference, relative to the largest value of a list, for some sixty layers in
/// f32.
const TOLERANCE: f32 = 1e-3;
/// Largest allowed difference if features are rounded to eleven bits between convolutions: the
/// tolerance of a manifest.
const F16_TOLERANCE: f32 = 1e-2;
const POINTS: usize = 6000;

/// Returns a description of every list of outputs that differs from the CPU's.
pub async fn check(subject: &Subject) -> Vec<String> {
    compare(subject, false, TOLERANCE).await
}

/// The same check for a backbone that stores features in f16.
pub async fn check_f16(subject: &Subject) -> Vec<String> {
    compare(subject, true, F16_TOLERANCE).await
}

async fn compare(subject: &Subject, in_f16: bool, tolerance: f32) -> Vec<String> {
    let config = Config::nano();
    let cpu = device::cpu();
    cpu.device.seed(7);
    let network = SegDino3dVl::new(&config, &cpu.device);
    let weights = save_weights(&network).expect("fresh weights are finite");
    // Both networks are loaded from the file, so both have the weights as stored.
    let want = answers(&cpu, &config, &weights, false).await;
    let got = answers(subject, &config, &weights, in_f16).await;
    let (want, got) = match (want, got) {
        (Ok(want), Ok(got)) => (want, got),
        (want, got) => {
            return [want.err(), got.err()]
                .into_iter()
                .flatten()
                .map(|error| error.to_string())
                .collect();
        }
    };
    let lists = |a: Answers| {
        let ClassAnswers::Text(TextAnswers {
            embeddings,
            no_object,
            scores,
            affine,
            ..
        }) = a.class
        else {
            panic!("classes by text")
        };
        [
            ("embeddings", embeddings),
            ("no_object", no_object),
            ("scores", scores),
            ("affine", affine.to_vec()),
            ("masks", a.masks),
            ("centers", a.centers),
            ("sizes", a.sizes),
        ]
    };
    lists(want)
        .into_iter()
        .zip(lists(got))
        .filter_map(|((what, want), (_, got))| differs(what, &want, &got, tolerance))
        .collect()
}

async fn answers(
    subject: &Subject,
    config: &Config,
    weights: &[u8],
    in_f16: bool,
) -> Result<Answers, InferenceError> {
    let (positions, colors, superpoints) = room();
    let observation = Observation {
        positions: &positions,
        colors: Some(&colors),
        ..Observation::default()
    };
    let scene =
        SceneInput::new(&observation, &superpoints, config).expect("the room is a valid scan");
    let scene = scene.to_device(&subject.device);
    let network = load_weights(SegDino3dVl::new(config, &subject.device), weights)
        .expect("the weights are the network's own");
    let network = if in_f16 { network.into_f16() } else { network };
    let queries = scene.queries(20);
    network.infer(scene, queries, &Monitor::silent()).await
}

/// Points on the walls, the floor and the ceiling of a room of 2 m. The superpoints are patches of
/// half a metre.
fn room() -> (Vec<[f32; 3]>, Vec<[u8; 3]>, Superpoints) {
    let noise = noise(3, 2 * POINTS);
    let position = |i: usize| {
        let (u, v) = (noise[2 * i] + 1.0, noise[2 * i + 1] + 1.0);
        let side = if i % 6 < 3 { 0.0 } else { 2.0 };
        match i % 3 {
            0 => [u, v, side],
            1 => [u, side, v],
            _ => [side, u, v],
        }
    };
    let positions: Vec<[f32; 3]> = (0..POINTS).map(position).collect();
    let colors = positions
        .iter()
        .map(|p| p.map(|x| (x * 127.0) as u8))
        .collect();
    let patch = |(i, p): (usize, &[f32; 3])| {
        p.iter()
            .fold(i as u32 % 6, |id, x| id * 4 + ((x * 2.0) as u32).min(3))
    };
    let superpoints =
        Superpoints::from_ids(&positions.iter().enumerate().map(patch).collect::<Vec<_>>());
    (positions, colors, superpoints)
}

fn differs(what: &str, want: &[f32], got: &[f32], tolerance: f32) -> Option<String> {
    if want.len() != got.len() {
        return Some(format!(
            "{what}: {} values instead of {}",
            got.len(),
            want.len()
        ));
    }
    let allowed = tolerance * want.iter().fold(1.0, |max: f32, v| max.max(v.abs()));
    let at = want
        .iter()
        .zip(got)
        .position(|(want, got)| (want - got).is_nan() || (want - got).abs() > allowed)?;
    Some(format!(
        "{what}: value {at} is {} instead of {}",
        got[at], want[at]
    ))
}
