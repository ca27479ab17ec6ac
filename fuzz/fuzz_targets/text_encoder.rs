//! The manifest of the text encoder, and the published file that its weights come from.

#![no_main]

use libfuzzer_sys::fuzz_target;
use segscape::{shards, text::TextManifest};

fuzz_target!(|file: &[u8]| {
    let _ = TextManifest::parse(file);
    let Ok(files) = TextManifest::files(file, b"{}".to_vec()) else {
        return;
    };
    let (_, manifest) = files.last().expect("the manifest is among the files");
    let manifest = TextManifest::parse(manifest).expect("what was written can be read");
    let pieces: Vec<&Vec<u8>> = manifest
        .shards
        .iter()
        .filter_map(|shard| Some(&files.iter().find(|(name, _)| *name == shard.file)?.1))
        .collect();
    let weights = shards::join(&manifest.shards, &pieces).expect("the pieces fit the manifest");
    TextManifest::files(&weights, b"{}".to_vec()).expect("what was written can be read");
});
