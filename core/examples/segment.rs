//! Finds objects in a scan by name, prints them and writes a labelled copy of the scan:
//! `cargo run --release --example segment -- room.ply "chair, table"` in the project's folder.
#![allow(clippy::print_stdout)]

use std::{env, error::Error, fs, path::Path};

use burn::tensor::Device;
use segscape::{
    instances::query::{Labels, Question},
    job::{self, Network, Options},
    model::manifest::Manifest,
    progress::Monitor,
    text::Vocabulary,
    write,
};

/// Lowest score of the instances to print.
const THRESHOLD: f32 = 0.1;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [path, words] = &arguments[..] else {
        return Err("usage: segment SCAN \"NAME, NAME\"".into());
    };
    let monitor = Monitor::silent();
    let network = pollster::block_on(shipped_network(&monitor))?;

    let file = fs::read(path).map_err(|error| format!("{path}: {error}"))?;
    let options = Options::default();
    let segmented = pollster::block_on(job::run(file, &network, &options, &monitor))?;

    let question = Question::parse(words, network.vocabulary())?;
    if let [name, ..] = question.unread()[..] {
        return Err(
            format!("\"{name}\" is not in the vocabulary, and needs a text encoder").into(),
        );
    }
    let terms = question.terms();
    let answer = Labels::new(&segmented.segmentation, &terms, network.vocabulary())?;
    for missing in answer.missing(THRESHOLD) {
        println!("no {}: {missing}", missing.term.name);
    }
    let labels = job::label(&segmented, &answer.of_instance, &answer.visible(THRESHOLD));
    for found in write::instance_records(&segmented.scan, &labels) {
        if let (Some(label), Some(bounds)) = (found.label, found.world_box) {
            println!("{label} ({:.2}) at {:.2?} m", found.score, bounds.center);
        }
    }
    let labeled = Path::new(path).with_extension("labelled.ply");
    fs::write(labeled, write::labeled_ply(&segmented.scan, &labels, false))?;
    Ok(())
}

/// Loads the network that ships, on the CPU.
async fn shipped_network(monitor: &Monitor<'_>) -> Result<Network, Box<dyn Error>> {
    let models = Path::new("static/models");
    let index: serde_json::Value = serde_json::from_slice(&fs::read(models.join("index.json"))?)?;
    let name = index["network"]
        .as_str()
        .ok_or("index.json names no network")?;
    let folder = models.join(name);
    let manifest = Manifest::parse(&fs::read(folder.join("manifest.json"))?)?;
    let shards = manifest.shards.iter();
    let shards = shards.map(|shard| fs::read(folder.join(&shard.file)));
    let shards = shards.collect::<Result<Vec<_>, _>>()?;
    let nouns = Vocabulary::shipped();
    Ok(Network::load(manifest, &shards, nouns, &Device::flex(), monitor).await?)
}
