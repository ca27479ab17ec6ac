//! The manifest of a text encoder, and the published files that its weights come from.

#![no_main]

use libfuzzer_sys::fuzz_target;
use segscape::{
    shards,
    text::{PublishedEncoder, TextManifest},
};

/// Configurations of small encoders of each architecture.
const CONFIGS: [&[u8]; 2] = [
    br#"{"model_type": "bert", "hidden_size": 2, "num_hidden_layers": 1,
        "num_attention_heads": 1, "intermediate_size": 2, "max_position_embeddings": 2,
        "layer_norm_eps": 1e-12}"#,
    br#"{"model_type": "clip", "projection_dim": 3, "text_config":
        {"vocab_size": 2, "hidden_size": 2, "num_attention_heads": 1}}"#,
];

fn files(config: &[u8], weights: &[u8]) -> Option<Vec<(String, Vec<u8>)>> {
    let published = PublishedEncoder {
        config,
        tokenizer: b"{}".to_vec(),
        weights,
    };
    TextManifest::files("encoder", "MIT", published).ok()
}

fuzz_target!(|file: &[u8]| {
    let _ = TextManifest::parse(file);
    let _ = files(file, &[]);
    for config in CONFIGS {
        let Some(files_of_first) = files(config, file) else {
            continue;
        };
        let (_, manifest) = files_of_first
            .last()
            .expect("the manifest is among the files");
        let manifest = TextManifest::parse(manifest).expect("what was written can be read");
        let piece = |name: &str| files_of_first.iter().find(|(other, _)| other == name);
        let pieces = manifest
            .shards
            .iter()
            .filter_map(|shard| Some(&piece(&shard.file)?.1));
        let pieces: Vec<&Vec<u8>> = pieces.collect();
        let weights = shards::join(&manifest.shards, &pieces).expect("the pieces fit the manifest");
        assert!(
            files(config, &weights).is_some(),
            "what was written can be read"
        );
    }
});
