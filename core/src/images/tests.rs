#![allow(clippy::unwrap_used)]

use super::*;
use crate::golden;

/// A manifest of `golden/onnx`, of which no file is pinned, and its files.
fn unpinned(name: &str) -> (serde_json::Value, Vec<Vec<u8>>) {
    let manifest = golden::json(&format!("onnx/{name}.json"));
    let parsed = ImageModelManifest::parse(manifest.to_string().as_bytes()).unwrap();
    let file = |file: &&ModelFile| golden::bytes(&format!("onnx/{}", file.file));
    let files = parsed.files().iter().map(file).collect();
    let mut manifest = manifest;
    forget_hashes(&mut manifest);
    (manifest, files)
}

fn forget_hashes(value: &mut serde_json::Value) {
    if let Some(object) = value.as_object_mut() {
        object.remove("sha256");
        object.remove("bytes");
        object.values_mut().for_each(forget_hashes);
    }
}

fn load(manifest: &serde_json::Value, files: Vec<Vec<u8>>) -> Result<ImageModel, ImageModelError> {
    ImageModel::load(
        &ImageModelManifest::parse(manifest.to_string().as_bytes())?,
        files,
    )
}

fn picture() -> Picture {
    let bytes = (0..48 * 64 * 3).map(|i| (i * 37 % 251) as u8).collect();
    Picture::new(bytes, [48, 64]).unwrap()
}

/// Loads a tower and embeds a picture with it.
fn embed(manifest: &serde_json::Value, file: Vec<u8>) -> Result<Vec<f32>, ImageModelError> {
    match load(manifest, vec![file])? {
        ImageModel::ImageText(tower) => tower.embed(&picture()),
        _ => panic!("not a tower"),
    }
}

fn assert_says<T>(result: Result<T, ImageModelError>, words: &[&str]) {
    let error = result.err().expect("an error").to_string();
    for word in words {
        assert!(error.contains(word), "\"{error}\" does not say \"{word}\"");
    }
}

fn replaced(file: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let at = file.windows(from.len()).position(|part| part == from);
    let mut file = file.to_vec();
    let at = at.expect("the bytes to replace");
    file[at..at + to.len()].copy_from_slice(to);
    file
}

#[test]
fn damaged_files_are_named_with_the_rule_and_the_value() {
    let (manifest, files) = unpinned("siglip");
    let file = &files[0];
    assert!(embed(&manifest, file.clone()).is_ok());
    let half = file[..file.len() / 2].to_vec();
    assert_says(
        embed(&manifest, half),
        &["siglip.onnx", "not an ONNX model"],
    );
    assert_says(
        embed(&manifest, vec![]),
        &["siglip.onnx", "not an ONNX model"],
    );
    assert_says(embed(&manifest, vec![7; 4000]), &["not an ONNX model"]);
    // the type of a node, a text of seven bytes in its field 4
    let unknown = replaced(file, b"\x22\x07Softmax", b"\x22\x07Softmex");
    assert_says(embed(&manifest, unknown), &["siglip.onnx", "Softmex"]);
    // weights of a linear layer: 2048 bytes in the field 9 of a tensor
    let start: &[u8] = b"\x4a\x80\x10";
    let mut nan = file.clone();
    let at = nan.windows(start.len()).position(|part| part == start);
    let at = at.unwrap() + start.len();
    nan[at..at + 256].fill(0xff);
    assert_says(
        embed(&manifest, nan),
        &["siglip.onnx", "pooler_output", "not finite"],
    );
}

#[test]
fn files_of_another_hash_or_length_are_refused() {
    let manifest = golden::json("onnx/siglip.json");
    let file = golden::bytes("onnx/siglip.onnx");
    assert!(embed(&manifest, file.clone()).is_ok());
    let mut changed = file.clone();
    changed[100] ^= 1;
    assert_says(
        embed(&manifest, changed),
        &["siglip.onnx", "SHA-256", "must be"],
    );
    let longer = [file.clone(), vec![0]].concat();
    let lengths = [file.len() + 1, file.len()].map(|length| length.to_string());
    assert_says(
        embed(&manifest, longer),
        &["siglip.onnx", "length", &lengths[0], &lengths[1]],
    );
    let listed = ImageModelManifest::parse(manifest.to_string().as_bytes()).unwrap();
    assert_says(
        listed.files()[0].check_length(MAX_MODEL_BYTES + 1),
        &["siglip.onnx", "the limit is"],
    );
    assert_says(load(&manifest, vec![]), &["SigLIP", "1 files, 0"]);
    // what is pinned is what was used
    let (unpinned, files) = unpinned("sam");
    let parsed = ImageModelManifest::parse(unpinned.to_string().as_bytes()).unwrap();
    let golden = golden::json("onnx/sam.json");
    let pinned = ImageModelManifest::parse(golden.to_string().as_bytes()).unwrap();
    assert_eq!(parsed.pinned(&files), pinned);
}

#[test]
fn graphs_that_the_manifest_does_not_describe_are_refused() {
    let (manifest, files) = unpinned("siglip");
    let with = |path: &str, value: serde_json::Value| {
        let mut manifest = manifest.clone();
        *manifest.pointer_mut(path).unwrap() = value;
        embed(&manifest, files[0].clone())
    };
    let output = with("/task/image_text/output", "image_embeds".into());
    assert_says(output, &["siglip.onnx", "image_embeds", "pooler_output"]);
    let input = with("/task/image_text/encoder/image", "image".into());
    assert_says(input, &["siglip.onnx", "inputs image", "pixel_values"]);
    let size = with("/input/size/fixed", serde_json::json!([40, 40]));
    assert_says(
        size,
        &["siglip.onnx", "pixel_values", "32", "[1, 3, 40, 40]"],
    );
    let layout = with("/input/layout", "hwc".into());
    assert_says(layout, &["pixel_values", "[32, 32, 3]"]);

    let (mut manifest, files) = unpinned("dinov2");
    manifest["task"]["features"]["grid"]["tokens"]["before"] = 5.into();
    match load(&manifest, files).unwrap() {
        ImageModel::Features(grid) => {
            assert_says(
                grid.features(&picture()),
                &["dinov2.onnx", "last_hidden_state", "17"],
            );
        }
        _ => panic!("not a model for features"),
    }
    let (mut manifest, files) = unpinned("sam");
    manifest["task"]["masks"]["decoder"]["single_mask"] = 9.into();
    let model = load(&manifest, files).unwrap();
    let ImageModel::Masks(model) = model else {
        panic!("not a model for masks")
    };
    let encoded = model.encode(&picture()).unwrap();
    let at = |point| model.masks(&encoded, &MaskPrompt::Points(&[(point, true)]));
    assert_says(at([5.0, 5.0]), &["sam.decoder.onnx", "single_mask", "4"]);
    assert_says(
        at([70.0, 5.0]),
        &["[70.0, 5.0]", "inside the picture, 64 x 48"],
    );
    assert_says(at([f32::NAN, 5.0]), &["inside the picture"]);
    assert_says(
        model.masks(&encoded, &MaskPrompt::Points(&[])),
        &["of 0 points"],
    );
}

#[test]
fn malformed_manifests_are_refused() {
    let good = golden::json("onnx/sam.json");
    let refused = |path: &str, value: serde_json::Value, words: &[&str]| {
        let mut manifest = good.clone();
        *manifest.pointer_mut(path).expect(path) = value;
        assert_says(
            ImageModelManifest::parse(manifest.to_string().as_bytes()),
            words,
        );
    };
    use serde_json::json;
    assert_says(ImageModelManifest::parse(b"{"), &["malformed"]);
    refused("/image_model", json!(2), &["format is 2"]);
    refused("/license", json!(" "), &["license"]);
    refused(
        "/source",
        json!("javascript:0"),
        &["source", "https://", "javascript:0"],
    );
    refused("/name", json!("x".repeat(400)), &["name", "400"]);
    refused("/input/mean", json!([1, 2]), &["malformed"]);
    refused("/input/std", json!([1, 0, 1]), &["std"]);
    refused(
        "/input/size",
        json!({"long_side": 100_000}),
        &["long_side", "100000", "4096"],
    );
    refused("/input/size", json!({"long_side": 0}), &["long_side", "0"]);
    refused("/input/size", json!({"cover": [8, 8]}), &["pad_to"]);
    refused(
        "/input/size",
        json!({"patches": {"long_side": 8, "patch": 14}}),
        &["patch"],
    );
    refused("/input/pad_to", json!([32, 64]), &["pad_to", "32"]);
    let decoder = "/task/masks/decoder";
    let at = |rest: &str| format!("{decoder}{rest}");
    refused(&at("/file/file"), json!("../x.onnx"), &["plain file name"]);
    refused(
        &at("/file/file"),
        json!("sam.encoder.onnx"),
        &["listed twice"],
    );
    refused(&at("/file/sha256"), json!("ABC"), &["SHA-256", "ABC"]);
    refused(&at("/file/bytes"), json!(0), &["0 bytes"]);
    refused(&at("/points"), json!("point_labels"), &["used twice"]);
    refused(&at("/scores"), json!(""), &["scores"]);
    refused(&at("/mask_input/size"), json!([0, 16]), &["mask_input"]);
    refused("/task/masks/embeddings", json!([]), &["embeddings"]);
    let mut url = good.clone();
    url["task"]["masks"]["encoder"]["file"]["url"] = "http://example.org/x.onnx".into();
    assert_says(
        ImageModelManifest::parse(url.to_string().as_bytes()),
        &["https://", "http://example.org"],
    );
}

#[test]
fn ready_manifests_are_valid() {
    let folder = format!("{}/../configs/image-models", env!("CARGO_MANIFEST_DIR"));
    let mut count = 0;
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        if let Err(error) = ImageModelManifest::parse(&std::fs::read(&path).unwrap()) {
            panic!("{}: {error}", path.display());
        }
        count += 1;
    }
    assert!(count >= 6, "{count} manifests");
}

/// Resized as PIL resizes; a value may be rounded to a neighboring one twice.
#[test]
fn pixels_are_prepared_as_pytorch_gets_them() {
    for (name, case) in [
        ("sam", "same."),
        ("sam", "larger."),
        ("sam2", "same."),
        ("sam2", "wide."),
        ("dinov2", ""),
        ("clip", ""),
        ("siglip", ""),
    ] {
        let manifest = golden::json(&format!("onnx/{name}.json"));
        let manifest = ImageModelManifest::parse(manifest.to_string().as_bytes()).unwrap();
        let file = golden::bytes(&format!("onnx/{name}.safetensors"));
        let tensors = safetensors::SafeTensors::deserialize(&file).unwrap();
        let picture = tensors.tensor(&format!("{case}picture")).unwrap();
        let size = [picture.shape()[0], picture.shape()[1]];
        let picture = Picture::new(picture.data().to_vec(), size).unwrap();
        let (found, _) = manifest.input.prepare(&picture).unwrap();
        let expected = tensors.tensor(&format!("{case}pixels")).unwrap();
        assert_eq!(found.shape, expected.shape(), "{name} {case}");
        let expected = expected.data().as_chunks().0.iter();
        let expected = expected.map(|word| f32::from_le_bytes(*word));
        let differences = found
            .values
            .iter()
            .zip(expected)
            .map(|(a, b)| (a - b).abs());
        let worst = differences.fold(0.0, f32::max) * 255.0 * manifest.input.std[0];
        assert!(worst < 2.1, "{name} {case}: pixels differ by {worst}");
    }
}

/// Whatever is changed in a file, the answer is a result or an error.
#[test]
fn flipped_bits_end_in_errors_or_results() {
    for name in ["siglip", "dinov2"] {
        let (manifest, files) = unpinned(name);
        let parsed = ImageModelManifest::parse(manifest.to_string().as_bytes()).unwrap();
        let mut state = 1_u64;
        let mut errors = 0;
        for _ in 0..60 {
            let mut file = files[0].clone();
            for _ in 0..3 {
                state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(7);
                let at = (state >> 20) as usize % file.len();
                file[at] ^= 1 << (state >> 61);
            }
            let result = ImageModel::load(&parsed, vec![file]).and_then(|model| match model {
                ImageModel::ImageText(model) => model.embed(&picture()).map(|_| ()),
                ImageModel::Features(model) => model.features(&picture()).map(|_| ()),
                ImageModel::Masks(_) => Ok(()),
            });
            errors += usize::from(result.is_err());
        }
        assert!(errors > 5, "{name}: only {errors} errors");
    }
}

#[test]
fn pictures_are_decoded_within_limits() {
    let mut file = vec![];
    let picture = picture();
    let encoder = image::codecs::png::PngEncoder::new(&mut file);
    image::ImageEncoder::write_image(
        encoder,
        picture.bytes(),
        64,
        48,
        image::ExtendedColorType::Rgb8,
    )
    .unwrap();
    assert_eq!(Picture::decode(&file).unwrap(), picture);
    let says = |file: &[u8], words: &str| {
        let error = Picture::decode(file).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    };
    says(&file[..file.len() / 2], "cannot be read");
    says(b"no picture", "cannot be read");
    // a header that claims 60 000 columns
    let mut wide = file.clone();
    wide[16..20].copy_from_slice(&60_000_u32.to_be_bytes());
    let crc = crc32(&wide[12..29]);
    wide[29..33].copy_from_slice(&crc.to_be_bytes());
    says(&wide, "48 x 60000");
    assert!(Picture::new(vec![0; 5], [1, 2]).is_err());
    assert!(Picture::new(vec![], [0, 2]).is_err());
    assert!(picture.resized([0, 5], ResizeFilter::Bilinear).is_err());
    // a box is cut to the picture and never empty
    assert_eq!(picture.cropped([60.2, -3.0, 90.0, 2.5]).size(), [3, 4]);
    assert_eq!(picture.cropped([500.0, 500.0, 500.0, 500.0]).size(), [1, 1]);
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0_u32, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| {
            (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg())
        })
    })
}

/// Cuts a disk where a point is: better the nearer to the middle of the picture, and a doubtful one
/// in the left half.
struct Disks;

impl MaskModel for Disks {
    fn encode(&self, picture: &Picture) -> Result<EncodedPicture, ImageModelError> {
        let model = match load(&golden::json("onnx/sam.json"), unpinned("sam").1)? {
            ImageModel::Masks(model) => model,
            _ => panic!("not a model for masks"),
        };
        model.encode(picture)
    }

    fn masks(
        &self,
        _: &EncodedPicture,
        prompt: &MaskPrompt,
    ) -> Result<Vec<MaskLogits>, ImageModelError> {
        let MaskPrompt::Points(&[([x, y], true)]) = *prompt else {
            panic!("{prompt:?}")
        };
        let steepness = if x < 32.0 { 0.1 } else { 10.0 };
        let logit = |i: usize| {
            let away = ((i % 64) as f32 + 0.5 - x).hypot((i / 64) as f32 + 0.5 - y);
            (8.0 - away) * steepness
        };
        Ok(vec![MaskLogits {
            size: [48, 64],
            values: (0..48 * 64).map(logit).collect(),
            share: [1.0; 2],
            score: 1.0 - (x - 32.0).abs() / 100.0,
        }])
    }
}

#[test]
fn automatic_masks_are_stable_separate_and_good() {
    let options = AutomaticMasks {
        points_per_side: 16,
        min_score: 0.8,
        ..AutomaticMasks::default()
    };
    let found = automatic_masks(&Disks, &picture(), &options).unwrap();
    assert!(!found.is_empty());
    for (i, mask) in found.iter().enumerate() {
        let [x0, y0, x1, y1] = mask.bounds;
        let middle = (x0 + x1) as f32 / 2.0;
        assert!(middle > 28.0, "a doubtful mask was kept: {:?}", mask.bounds);
        assert!(middle < 56.0, "a bad mask was kept: {:?}", mask.bounds);
        assert!(mask.score >= 0.8 && mask.stability >= 0.95);
        assert_eq!(mask.runs.area(), mask.runs.pixels().count());
        let inside = |at: usize| (x0..x1).contains(&(at % 64)) && (y0..y1).contains(&(at / 64));
        assert!(mask.runs.pixels().all(inside));
        assert!(found[..i].iter().all(|other| other.score >= mask.score));
    }
    let overlapping = AutomaticMasks {
        max_overlap: 0.3,
        ..options
    };
    let fewer = automatic_masks(&Disks, &picture(), &overlapping).unwrap();
    assert!(
        fewer.len() < found.len(),
        "{} of {}",
        fewer.len(),
        found.len()
    );
    let large = AutomaticMasks {
        min_area: 0.5,
        ..options
    };
    assert!(
        automatic_masks(&Disks, &picture(), &large)
            .unwrap()
            .is_empty()
    );
}

/// Answers every point of the left half with a disk of 4 pixels around it and a disk of 12 pixels
/// around the middle of that half, and every point of the right half with a small disk alone.
struct Nested;

impl MaskModel for Nested {
    fn encode(&self, picture: &Picture) -> Result<EncodedPicture, ImageModelError> {
        Disks.encode(picture)
    }

    fn masks(
        &self,
        _: &EncodedPicture,
        prompt: &MaskPrompt,
    ) -> Result<Vec<MaskLogits>, ImageModelError> {
        let MaskPrompt::Points(&[([x, y], true)]) = *prompt else {
            panic!("{prompt:?}")
        };
        let disk = |[x, y]: [f32; 2], radius: f32, score: f32| {
            let logit = |i: usize| {
                let away = ((i % 64) as f32 + 0.5 - x).hypot((i / 64) as f32 + 0.5 - y);
                (radius - away) * 100.0
            };
            MaskLogits {
                size: [48, 64],
                values: (0..48 * 64).map(logit).collect(),
                share: [1.0; 2],
                score,
            }
        };
        let part = disk([x, y], 4.0, 0.95);
        Ok(match x < 32.0 {
            true => vec![part, disk([16.0, 24.0], 12.0, 0.9)],
            false => vec![part],
        })
    }
}

#[test]
fn whole_objects_replace_the_masks_inside_them() {
    let found = |whole_objects| {
        let options = AutomaticMasks {
            points_per_side: 8,
            whole_objects,
            ..AutomaticMasks::default()
        };
        automatic_masks(&Nested, &picture(), &options).unwrap()
    };
    let is_whole = |mask: &FoundMask| mask.runs.area() > 300;
    let inside = |mask: &FoundMask| {
        let away = |pixel: usize| ((pixel % 64) as f32 - 15.5).hypot((pixel / 64) as f32 - 23.5);
        !is_whole(mask) && mask.runs.pixels().all(|pixel| away(pixel) < 12.0)
    };
    let (all, whole) = (found(false), found(true));
    assert!(all.iter().any(inside) && all.iter().any(is_whole));
    assert_eq!(whole.iter().filter(|mask| is_whole(mask)).count(), 1);
    assert!(
        !whole.iter().any(inside),
        "parts of the whole object are left"
    );
    let right = |masks: &[FoundMask]| masks.iter().filter(|m| m.bounds[0] >= 32).count();
    assert_eq!(right(&whole), right(&all));
    assert!(whole.is_sorted_by(|a, b| a.score >= b.score));
}

#[test]
fn features_are_pooled_and_averaged_in_masks() {
    let values: Vec<f32> = (0..4 * 4).flat_map(|i| [i as f32, 1.0]).collect();
    let map = crate::views::Map::new(values, [4, 4, 2]).unwrap();
    let two = pooled(map.clone(), 2);
    assert_eq!(two.size(), [2, 2]);
    assert_eq!(two.at(0, 0), [2.5, 1.0]);
    assert_eq!(two.at(1, 1), [12.5, 1.0]);
    // cells may share rows, as in an adaptive average
    assert_eq!(pooled(map.clone(), 3).at(0, 0), [2.5, 1.0]);
    assert_eq!(pooled(map.clone(), 9), map);
    // the center of a cell has its value; between two centers lies their mean
    let at = |x: f32, y: f32| [x / 4.0, y / 4.0];
    assert_eq!(mask_feature(&map, [at(1.5, 2.5)].into_iter()), [9.0, 1.0]);
    let pair = [at(2.0, 0.5), at(2.0, 1.5)];
    assert_eq!(mask_feature(&map, pair.into_iter()), [3.5, 1.0]);
}

#[test]
fn masks_are_resized_to_the_picture_without_the_padding() {
    // the lower half is padding
    let mask = MaskLogits {
        size: [4, 2],
        values: vec![0.0, 2.0, 4.0, 6.0, 100.0, 100.0, 100.0, 100.0],
        share: [0.5, 1.0],
        score: 1.0,
    };
    assert_eq!(mask.resized([2, 2]), [0.0, 2.0, 4.0, 6.0]);
    assert_eq!(mask.resized([2, 1]), [1.0, 5.0]);
}
