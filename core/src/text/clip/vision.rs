//! The image tower of a CLIP.

use burn::{
    nn::LayerNorm,
    tensor::{Device, Int, Tensor, TensorData},
};
use serde::Deserialize;
use serde_json::Value;

use super::{
    layers::{Layers, Sizes},
    pixels::{Pixels, PixelsError, Preprocessing},
};
use crate::{
    ops::matmul,
    text::{
        Activation, LoadTextError, TextSpace,
        architecture::{check_sizes, tower},
        normalize,
        weights::Weights,
    },
};

/// Number of pictures that are encoded together.
const AT_ONCE: usize = 8;
/// The largest accepted width.
const MAX_WIDTH: usize = 4096;
/// The largest accepted side of a picture, pixels.
const MAX_SIDE: usize = 1024;

/// Sizes of an image tower, as `config.json` states them; what it leaves out are those of CLIP
/// ViT-B/32.
#[derive(Deserialize)]
#[serde(default)]
struct Config {
    hidden_size: usize,
    intermediate_size: usize,
    projection_dim: usize,
    num_hidden_layers: usize,
    num_attention_heads: usize,
    num_channels: usize,
    image_size: usize,
    patch_size: usize,
    hidden_act: Activation,
    layer_norm_eps: f64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            hidden_size: 768,
            intermediate_size: 3072,
            projection_dim: 512,
            num_hidden_layers: 12,
            num_attention_heads: 12,
            num_channels: 3,
            image_size: 224,
            patch_size: 32,
            hidden_act: Activation::QuickGelu,
            layer_norm_eps: 1e-5,
        }
    }
}

impl Config {
    fn of(json: &[u8]) -> Result<Self, LoadTextError> {
        let malformed = |error: serde_json::Error| LoadTextError::Config(error.to_string());
        let config: Value = serde_json::from_slice(json).map_err(malformed)?;
        let read: Self = match config["model_type"].as_str() {
            Some("clip") => tower(&config, "vision_config")?,
            Some("clip_vision_model") => serde_json::from_value(config).map_err(malformed)?,
            other => {
                return Err(LoadTextError::Config(format!(
                    "its model_type is {other:?}, an image tower is read from clip and clip_vision_model"
                )));
            }
        };
        let sizes = [
            ("hidden_size", read.hidden_size, MAX_WIDTH),
            ("intermediate_size", read.intermediate_size, 4 * MAX_WIDTH),
            ("projection_dim", read.projection_dim, MAX_WIDTH),
            ("num_hidden_layers", read.num_hidden_layers, 64),
            (
                "num_attention_heads",
                read.num_attention_heads,
                read.hidden_size,
            ),
            ("image_size", read.image_size, MAX_SIDE),
            ("patch_size", read.patch_size, read.image_size),
        ];
        check_sizes(
            &sizes,
            read.hidden_size,
            read.num_attention_heads,
            read.layer_norm_eps,
        )?;
        if read.num_channels != 3 {
            return Err(LoadTextError::Config(format!(
                "its num_channels is {}, only 3 are read",
                read.num_channels
            )));
        }
        Ok(read)
    }
}

/// The published files of an image tower.
pub struct PublishedVision<'a> {
    /// `config.json`, of a whole CLIP or of its image tower.
    pub config: &'a [u8],
    /// `preprocessor_config.json`, if there is one.
    pub preprocessor: Option<&'a [u8]>,
    /// `model.safetensors`, of a whole CLIP or of its image tower.
    pub weights: &'a [u8],
}

/// The image encoder, ready to embed pictures in the space of the CLIP's text tower.
pub struct ClipVision {
    space: TextSpace,
    preprocessing: Preprocessing,
    /// Edge of a patch, pixels.
    patch: usize,
    /// `(3 * patch * patch, width)`
    patches: Tensor<2>,
    /// `(1, width)`
    class: Tensor<2>,
    /// `(patches + 1, width)`
    positions: Tensor<2>,
    before: LayerNorm,
    layers: Layers,
    after: LayerNorm,
    /// `(width, embedding)`
    projection: Tensor<2>,
}

impl ClipVision {
    /// Loads the encoder from published files. `name` is the name of its space, that of the text
    /// encoder of the same CLIP.
    ///
    /// # Errors
    /// If a file is unreadable, or a tensor is missing, has another shape than the configuration or
    /// a number that is not finite.
    pub fn load(
        name: &str,
        published: &PublishedVision,
        device: &Device,
    ) -> Result<Self, LoadTextError> {
        let config = Config::of(published.config)?;
        let space = TextSpace {
            encoder: name.to_owned(),
            width: config.projection_dim,
        };
        space.validate()?;
        let (width, epsilon) = (config.hidden_size, config.layer_norm_eps);
        let sizes = Sizes {
            width,
            ffn: config.intermediate_size,
            heads: config.num_attention_heads,
            layers: config.num_hidden_layers,
            activation: config.hidden_act,
            epsilon,
            causal: false,
        };
        let (side, patch) = (config.image_size, config.patch_size);
        let patches = (side / patch) * (side / patch);
        let file = Weights::open(published.weights, device)?;
        let embeddings = "vision_model.embeddings";
        Ok(Self {
            preprocessing: match published.preprocessor {
                Some(json) => Preprocessing::of_config(json, side)?,
                None => Preprocessing::usual(side),
            },
            patch,
            patches: file.transposed(
                &format!("{embeddings}.patch_embedding.weight"),
                &[width, 3, patch, patch],
            )?,
            class: file
                .tensor(&format!("{embeddings}.class_embedding"), [width])?
                .unsqueeze(),
            positions: file.tensor(
                &format!("{embeddings}.position_embedding.weight"),
                [patches + 1, width],
            )?,
            // spelled so in the files
            before: file.norm("vision_model.pre_layrnorm", width, epsilon)?,
            layers: Layers::load(&file, "vision_model.encoder.layers", sizes)?,
            after: file.norm("vision_model.post_layernorm", width, epsilon)?,
            projection: file.transposed("visual_projection.weight", &[space.width, width])?,
            space,
        })
    }

    /// The space that the vectors lie in.
    pub fn space(&self) -> &TextSpace {
        &self.space
    }

    /// What the tower reads of a picture, `(3, side, side)`: resized, cut out and normalized.
    ///
    /// # Errors
    /// [`PixelsError::Size`].
    pub fn pixels(&self, picture: &Pixels) -> Result<Vec<f32>, PixelsError> {
        self.preprocessing.apply(picture)
    }

    /// Returns one unit vector per picture.
    ///
    /// # Errors
    /// If a picture is empty, the device fails, or a vector is not finite.
    pub async fn embed(&self, pictures: &[Pixels<'_>]) -> Result<Vec<Vec<f32>>, PixelsError> {
        let device = |error: &dyn std::fmt::Display| PixelsError::Device(error.to_string());
        let mut embeddings = Vec::with_capacity(pictures.len());
        for pictures in pictures.chunks(AT_ONCE) {
            let pixels = pictures.iter().map(|picture| self.pixels(picture));
            let vectors = self.vectors(&pixels.collect::<Result<Vec<_>, _>>()?);
            let data = vectors.into_data_async().await.map_err(|e| device(&e))?;
            let values = data.try_into_vec::<f32>().map_err(|e| device(&e))?;
            for row in values.chunks_exact(self.space.width) {
                if row.iter().any(|value| !value.is_finite()) {
                    return Err(PixelsError::NotFinite(embeddings.len()));
                }
                let mut row = row.to_vec();
                normalize(&mut row);
                embeddings.push(row);
            }
        }
        Ok(embeddings)
    }

    /// The vectors of what the tower reads, of any length, `(pictures, width)`.
    fn vectors(&self, pixels: &[Vec<f32>]) -> Tensor<2> {
        let device = self.class.device();
        let [inputs, _] = self.patches.dims();
        let [rows, _] = self.positions.dims();
        let cut: Vec<f32> = pixels.iter().flat_map(|p| self.cut(p)).collect();
        let shape = [cut.len() / inputs, inputs];
        let seen = Tensor::<2>::from_data(TensorData::new(cut, shape), &device);
        let seen = matmul(seen, self.patches.clone());
        let [_, width] = seen.dims();
        let with_class = |picture: usize| {
            let first = picture * (rows - 1);
            let own = seen.clone().slice([first..first + rows - 1, 0..width]);
            Tensor::cat(vec![self.class.clone(), own], 0) + self.positions.clone()
        };
        let x = Tensor::cat((0..pixels.len()).map(with_class).collect(), 0);
        let spans: Vec<_> = (0..pixels.len())
            .map(|p| p * rows..(p + 1) * rows)
            .collect();
        let x = self.layers.forward(self.before.forward(x), &spans);
        let classes: Vec<i32> = spans.iter().map(|span| span.start as i32).collect();
        let classes = TensorData::new(classes, [pixels.len()]);
        let states = x.select(0, Tensor::<1, Int>::from_data(classes, &device));
        matmul(self.after.forward(states), self.projection.clone())
    }

    /// The patches of what the tower reads, `(patches, 3 * patch * patch)`. Pixels beyond the last
    /// whole patch are not seen.
    fn cut(&self, pixels: &[f32]) -> Vec<f32> {
        let (side, patch) = (self.preprocessing.side, self.patch);
        let along = side / patch;
        let mut cut = Vec::with_capacity(pixels.len());
        for (row, column) in (0..along * along).map(|p| (p / along, p % along)) {
            for channel in 0..3 {
                for y in row * patch..(row + 1) * patch {
                    let start = (channel * side + y) * side + column * patch;
                    cut.extend_from_slice(&pixels[start..start + patch]);
                }
            }
        }
        cut
    }
}
