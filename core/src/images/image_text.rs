//! Embeddings of pictures in the space of a text encoder, by the image towers of
//! [CLIP](https://arxiv.org/abs/2103.00020) and [SigLIP](https://arxiv.org/abs/2303.15343).

use super::{
    ImageInput, ImageModelError, ImageModelManifest, Picture,
    manifest::TowerGraph,
    onnx::{Array, Graph},
};

/// Factor of the cosines that the released CLIPs have learned.
const CLIP_SCALE: f32 = 100.0;

/// A model that embeds pictures where a text encoder embeds words.
pub trait ImageText {
    /// `(channels)`, of length 1.
    ///
    /// # Errors
    /// [`ImageModelError`]
    fn embed(&self, picture: &Picture) -> Result<Vec<f32>, ImageModelError>;
}

/// The image tower of a model of pictures and text.
pub struct ImageTower {
    input: ImageInput,
    about: TowerGraph,
    graph: Graph,
}

impl ImageTower {
    pub(super) fn load(
        manifest: &ImageModelManifest,
        about: &TowerGraph,
        file: Vec<u8>,
    ) -> Result<Self, ImageModelError> {
        let encoder = &about.encoder;
        let graph = Graph::load(
            &encoder.file.file,
            file,
            &[&encoder.image],
            &[&about.output],
        )?;
        Ok(Self {
            input: manifest.input.clone(),
            about: about.clone(),
            graph,
        })
    }
}

impl ImageTower {
    /// Name of the text encoder in whose space the embeddings lie, if the manifest says it.
    pub fn text_encoder(&self) -> Option<&str> {
        self.about.text_encoder.as_deref()
    }

    /// Factor of the cosines with words before a softmax.
    pub fn logit_scale(&self) -> f32 {
        self.about.logit_scale.unwrap_or(CLIP_SCALE)
    }
}

impl ImageText for ImageTower {
    fn embed(&self, picture: &Picture) -> Result<Vec<f32>, ImageModelError> {
        let (pixels, _) = self.input.prepare(picture)?;
        let (image, name) = (self.about.encoder.image.as_str(), &self.about.output);
        let output = self.graph.run(vec![(image, pixels)], &[name])?;
        let output = output.into_iter().next();
        let Array { shape, mut values } = output.unwrap_or_else(|| Array::zeros(vec![0]));
        let length = values.iter().map(|x| x * x).sum::<f32>().sqrt();
        let [1, _] = shape[..] else {
            return Err(self.graph.other_shape(name, shape, "(1, channels)"));
        };
        if !(length.is_finite() && length > 0.0) {
            let expected = "an embedding whose length is above 0";
            return Err(self.graph.other_shape(name, shape, expected));
        }
        values.iter_mut().for_each(|value| *value /= length);
        Ok(values)
    }
}
