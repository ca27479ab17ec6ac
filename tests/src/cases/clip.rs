//! Checks that CLIP's towers compute the same as transformers, from a model that it saved
//! (`golden/clip`): the tokens of texts exactly, and the vectors of texts and pictures.

use safetensors::SafeTensors;
use segscape::text::{
    Activation, Architecture, ClipTextConfig, TextEncoder,
    clip::{ClipVision, Pixels, PublishedVision},
};
use serde::Deserialize;

use crate::{device::Subject, golden};

/// Largest allowed difference in one coordinate of a unit vector.
const TOLERANCE: f32 = 1e-4;
/// Largest allowed difference of a normalized color; one step of a picture's colors is 0.014.
const COLOR: f32 = 1e-5;
const PICTURES: [&str; 5] = ["wide", "tall", "small", "exact", "large"];

#[derive(Deserialize)]
struct Text {
    text: String,
    token_ids: Vec<u32>,
}

/// The files that transformers saved.
struct Saved {
    /// `config.json` of the whole CLIP, and of its text tower alone.
    configs: [Vec<u8>; 2],
    tokenizer: Vec<u8>,
    weights: Vec<u8>,
    preprocessor: Vec<u8>,
    expected: Vec<u8>,
    texts: Vec<Text>,
}

impl Saved {
    async fn open() -> Self {
        let texts = golden::fetch("clip/texts.json").await;
        Self {
            configs: [
                golden::fetch("clip/config.json").await,
                golden::fetch("clip/config_text.json").await,
            ],
            tokenizer: golden::fetch("clip/tokenizer.json").await,
            weights: golden::fetch("clip/model.safetensors").await,
            preprocessor: golden::fetch("clip/preprocessor_config.json").await,
            expected: golden::fetch("clip/expected.safetensors").await,
            texts: serde_json::from_slice(&texts).expect("texts with their tokens"),
        }
    }

    /// The numbers of a tensor, in rows of the width of an embedding.
    fn expected(&self, name: &str) -> Vec<f32> {
        let file = SafeTensors::deserialize(&self.expected).expect("expected values");
        let tensor = file.tensor(name).unwrap_or_else(|_| panic!("no {name}"));
        let numbers = tensor.data().as_chunks().0.iter();
        numbers.map(|bytes| f32::from_le_bytes(*bytes)).collect()
    }
}

/// Returns a description of every text whose tokens or vector differ, and of every picture whose
/// pixels or vector differ.
pub async fn check(subject: &Subject) -> Vec<String> {
    let saved = Saved::open().await;
    let mut complaints = pictures(&saved, subject).await;
    for config in &saved.configs {
        let given = Architecture::of_config(config).expect("transformers' own configuration");
        let Architecture::ClipText(config) = &given else {
            panic!("the configuration of a CLIP");
        };
        let highest_id = Architecture::ClipText(ClipTextConfig {
            end: 2,
            ..config.clone()
        });
        let gelu = Architecture::ClipText(ClipTextConfig {
            activation: Activation::Gelu,
            ..config.clone()
        });
        for (architecture, name) in [
            (&given, "texts"),
            (&highest_id, "texts_highest_id"),
            (&gelu, "texts_gelu"),
        ] {
            let encoder = architecture.load(
                "clip-tiny",
                &saved.tokenizer,
                &saved.weights,
                &subject.device,
            );
            let encoder = encoder.expect("a model that transformers saved");
            complaints.extend(compare(&saved, &*encoder, name).await);
        }
    }
    complaints
}

async fn pictures(saved: &Saved, subject: &Subject) -> Vec<String> {
    let mut complaints = vec![];
    let published = PublishedVision {
        config: &saved.configs[0],
        preprocessor: Some(&saved.preprocessor),
        weights: &saved.weights,
    };
    let encoder = ClipVision::load("clip-tiny", &published, &subject.device);
    let encoder = encoder.expect("a model that transformers saved");
    let file = SafeTensors::deserialize(&saved.expected).expect("expected values");
    let images = PICTURES.map(|name| file.tensor(&format!("image.{name}")).expect("an image"));
    let images = images.each_ref().map(|image| Pixels {
        size: [image.shape()[0], image.shape()[1]],
        rgb: image.data(),
    });
    let vectors = match encoder.embed(&images).await {
        Ok(vectors) => vectors,
        Err(error) => return vec![error.to_string()],
    };
    for ((name, image), vector) in PICTURES.iter().zip(&images).zip(&vectors) {
        let pixels = encoder.pixels(image).expect("an image of its size");
        for (what, found, allowed) in [("pixels", &pixels, COLOR), ("vector", vector, TOLERANCE)] {
            let expected = saved.expected(&format!("{what}.{name}"));
            let differences = found.iter().zip(&expected).map(|(a, b)| (a - b).abs());
            let worst = differences.fold(0.0, f32::max);
            eprintln!("{what} of {name}: largest difference {worst:e}");
            if worst > allowed || found.len() != expected.len() {
                complaints.push(format!("the {what} of {name} differ by {worst}"));
            }
        }
    }
    complaints
}

async fn compare(saved: &Saved, encoder: &dyn TextEncoder, name: &str) -> Vec<String> {
    let mut complaints = vec![];
    let texts: Vec<&str> = saved.texts.iter().map(|text| text.text.as_str()).collect();
    for Text { text, token_ids } in &saved.texts {
        let found = encoder.token_ids(text).expect("it is text");
        if found != *token_ids {
            complaints.push(format!("{text:?} has tokens {found:?}, not {token_ids:?}"));
        }
    }
    let vectors = match encoder.embed(&texts).await {
        Ok(vectors) => vectors,
        Err(error) => return vec![error.to_string()],
    };
    let expected = saved.expected(name);
    let rows = expected.chunks_exact(encoder.space().width);
    assert_eq!(rows.len(), vectors.len(), "one vector for each text");
    let mut largest: f32 = 0.0;
    for ((text, found), expected) in texts.iter().zip(&vectors).zip(rows) {
        let differences = found.iter().zip(expected).map(|(a, b)| (a - b).abs());
        let worst = differences.fold(0.0, f32::max);
        largest = largest.max(worst);
        if worst > TOLERANCE || found.len() != expected.len() {
            complaints.push(format!("{name}: the vector of {text:?} differs by {worst}"));
        }
    }
    eprintln!("{name}: largest difference {largest:e}");
    complaints
}
