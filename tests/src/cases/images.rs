//! 2D models compute what PyTorch computes with the same weights (`golden/onnx`).

use safetensors::{Dtype, SafeTensors};
use segscape::images::{
    ImageFeatures as _, ImageModel, ImageModelManifest, ImageText as _, MaskLogits, MaskModel,
    MaskPrompt, Picture, SegmentAnything,
};

use crate::golden::fetch;

/// Largest difference from values that the same pixels give.
const SAME: f32 = 2e-4;
/// Largest difference if the picture was resized: pixels may be rounded to a neighboring value.
const RESIZED: f32 = 0.1;
/// The prompts of `tests/beside/image_models.py`, in pixels of the pictures.
const POINT: [([f32; 2], bool); 1] = [([20.0, 30.0], true)];
const BOX: [f32; 4] = [8.0, 6.0, 50.0, 40.0];
const PROMPTS: [(&str, MaskPrompt); 2] = [
    ("point", MaskPrompt::Points(&POINT)),
    ("box", MaskPrompt::Box(BOX)),
];

/// A model with its reference values.
struct Case {
    model: ImageModel,
    tensors: Vec<u8>,
}

impl Case {
    async fn open(name: &str) -> Result<Self, String> {
        let manifest = fetch(&format!("onnx/{name}.json")).await;
        let manifest = ImageModelManifest::parse(&manifest).map_err(|e| e.to_string())?;
        let mut files = vec![];
        for file in manifest.files() {
            files.push(fetch(&format!("onnx/{}", file.file)).await);
        }
        Ok(Self {
            model: ImageModel::load(&manifest, files).map_err(|e| e.to_string())?,
            tensors: fetch(&format!("onnx/{name}.safetensors")).await,
        })
    }

    fn tensor(&self, name: &str) -> Result<(Vec<usize>, Vec<f32>), String> {
        let tensors = SafeTensors::deserialize(&self.tensors).map_err(|e| e.to_string())?;
        let tensor = tensors.tensor(name).map_err(|e| format!("{name}: {e}"))?;
        let values = match tensor.dtype() {
            Dtype::U8 => tensor
                .data()
                .iter()
                .map(|value| f32::from(*value))
                .collect(),
            _ => {
                let words = tensor.data().as_chunks().0.iter();
                words.map(|word| f32::from_le_bytes(*word)).collect()
            }
        };
        Ok((tensor.shape().to_vec(), values))
    }

    fn picture(&self, name: &str) -> Result<Picture, String> {
        let (shape, values) = self.tensor(name)?;
        let bytes = values.iter().map(|value| *value as u8).collect();
        Picture::new(bytes, [shape[0], shape[1]]).map_err(|e| e.to_string())
    }

    /// Compares values with a tensor.
    fn compare(&self, name: &str, found: &[f32], allowed: f32) -> Result<(), String> {
        let (_, expected) = self.tensor(name)?;
        if found.len() != expected.len() {
            return Err(format!(
                "{name}: {} values instead of {}",
                found.len(),
                expected.len()
            ));
        }
        let differences = found.iter().zip(&expected).map(|(a, b)| (a - b).abs());
        let worst = differences.fold(0.0, f32::max);
        if worst <= allowed {
            Ok(())
        } else {
            Err(format!(
                "{name} differs by {worst}, at most {allowed} is allowed"
            ))
        }
    }

    /// Compares the masks for the prompts in a picture; `single` is the mask that a box gets.
    fn compare_masks(
        &self,
        model: &SegmentAnything,
        prefix: &str,
        masks: &str,
        single: Option<usize>,
        allowed: f32,
    ) -> Result<(), String> {
        let picture = self.picture(&format!("{prefix}picture"))?;
        let encoded = model.encode(&picture).map_err(|e| e.to_string())?;
        for (prompt, asked) in PROMPTS {
            let found = model.masks(&encoded, &asked).map_err(|e| e.to_string())?;
            let scores = self.tensor(&format!("{prefix}{prompt}.scores"))?.1;
            let (shape, logits) = self.tensor(&format!("{prefix}{prompt}.{masks}"))?;
            let expected = |index: usize| MaskLogits {
                size: [shape[1], shape[2]],
                values: logits[index * shape[1] * shape[2]..][..shape[1] * shape[2]].to_vec(),
                share: [1.0; 2],
                score: scores[index],
            };
            let mut wanted: Vec<usize> = (0..scores.len()).collect();
            if let Some(single) = single {
                wanted = match prompt {
                    "box" => vec![single],
                    _ => wanted.into_iter().filter(|i| *i != single).collect(),
                };
            }
            wanted.sort_by(|a, b| scores[*b].total_cmp(&scores[*a]));
            if found.len() != wanted.len() {
                return Err(format!("{prefix}{prompt}: {} masks", found.len()));
            }
            for (found, expected) in found.iter().zip(wanted.into_iter().map(expected)) {
                let logits = if found.size == expected.size {
                    found.values.clone()
                } else {
                    found.resized(expected.size)
                };
                let worst = logits
                    .iter()
                    .zip(&expected.values)
                    .map(|(a, b)| (a - b).abs())
                    .fold((found.score - expected.score).abs(), f32::max);
                if worst.is_nan() || worst > allowed {
                    return Err(format!(
                        "{prefix}{prompt}: a mask or its score differs by {worst}"
                    ));
                }
            }
        }
        Ok(())
    }
}

async fn sam() -> Result<(), String> {
    let case = Case::open("sam").await?;
    let ImageModel::Masks(model) = &case.model else {
        return Err("sam is not a mask model".into());
    };
    case.compare_masks(model, "same.", "low_res_masks", Some(0), SAME)?;
    // resized to the picture, without the padding
    case.compare_masks(model, "same.", "masks", Some(0), SAME)?;
    case.compare_masks(model, "larger.", "low_res_masks", Some(0), RESIZED)
}

async fn sam2() -> Result<(), String> {
    let case = Case::open("sam2").await?;
    let ImageModel::Masks(model) = &case.model else {
        return Err("sam2 is not a mask model".into());
    };
    case.compare_masks(model, "same.", "masks", None, SAME)
}

async fn dinov2() -> Result<(), String> {
    let case = Case::open("dinov2").await?;
    let ImageModel::Features(model) = &case.model else {
        return Err("dinov2 is not a model for features".into());
    };
    let features = model
        .features(&case.picture("picture")?)
        .map_err(|e| e.to_string())?;
    let [rows, columns] = features.size();
    if [rows, columns] != [3, 4] {
        return Err(format!("dinov2: {rows} x {columns} cells"));
    }
    // the class token is not a place
    let channels = features.channels();
    let mut found = case.tensor("output")?.1[..channels].to_vec();
    for cell in 0..rows * columns {
        found.extend(features.at(cell / columns, cell % columns));
    }
    case.compare("output", &found, RESIZED)
}

async fn tower(name: &str) -> Result<(), String> {
    let case = Case::open(name).await?;
    let ImageModel::ImageText(model) = &case.model else {
        return Err(format!("{name} is not a model for embeddings"));
    };
    let length = |values: &[f32]| values.iter().map(|x| x * x).sum::<f32>().sqrt();
    let embedding = model
        .embed(&case.picture("picture")?)
        .map_err(|e| e.to_string())?;
    if (length(&embedding) - 1.0).abs() > 1e-5 {
        return Err(format!(
            "{name}: an embedding of length {}",
            length(&embedding)
        ));
    }
    let scale = length(&case.tensor("output")?.1);
    let found: Vec<f32> = embedding.iter().map(|value| value * scale).collect();
    case.compare("output", &found, RESIZED)
}

/// What differs.
pub async fn check() -> Vec<String> {
    let results = [
        ("SAM", sam().await),
        ("SAM 2", sam2().await),
        ("DINOv2", dinov2().await),
        ("CLIP", tower("clip").await),
        ("SigLIP", tower("siglip").await),
    ];
    let failed = results
        .into_iter()
        .filter_map(|(name, result)| Some(format!("{name}: {}", result.err()?)));
    failed.collect()
}
