//! The outputs of the network in main memory.

use crate::peer::PeerError;

/// The outputs of the last decoder layer for one scene, in main memory. Logits are raw: no
/// activation has been applied.
#[derive(Clone, Debug, PartialEq)]
pub struct Answers {
    /// The superpoint each query started from, ascending, `(queries)`.
    pub queries: Vec<u32>,
    /// Number of superpoints.
    pub superpoints: usize,
    /// The class outputs of the queries.
    pub class: ClassAnswers,
    /// Mask logits, `(queries, superpoints)`: the logit that a superpoint belongs to the query's
    /// object.
    pub masks: Vec<f32>,
    /// Box centers in metres, world frame, `(queries, 3)`.
    pub centers: Vec<f32>,
    /// Full box extents in metres, `(queries, 3)`; not guaranteed to be positive.
    pub sizes: Vec<f32>,
}

/// The class outputs of the queries, in main memory.
#[derive(Clone, Debug, PartialEq)]
pub enum ClassAnswers {
    /// Embeddings in the space of the text encoder.
    Text(TextAnswers),
    /// One logit per class.
    Fixed {
        /// Class logits, `(queries, classes + 1)`; the last column is "no object".
        instances: Vec<f32>,
        /// Semantic logits of each query's own superpoint, `(queries, superpoint classes + 1)`; the
        /// last column is "background".
        semantics: Vec<f32>,
    },
}

/// Class outputs in the space of the text encoder, in main memory.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TextAnswers {
    /// Number of values of an embedding.
    pub width: usize,
    /// Unit vectors in the text encoder's space, `(queries, width)`.
    pub embeddings: Vec<f32>,
    /// Logit of "no object", to be used next to the class logits, `(queries)`.
    pub no_object: Vec<f32>,
    /// Logits of the IoU between the mask and its object, `(queries)`.
    pub scores: Vec<f32>,
    /// Scale and bias that turn the cosine of an embedding with a class's embedding into the logit
    /// of that class.
    pub affine: [f32; 2],
}

impl TextAnswers {
    /// The embedding of a query, `(width)`.
    pub fn embedding(&self, query: u32) -> &[f32] {
        &self.embeddings[query as usize * self.width..][..self.width]
    }

    /// Class logits, row-major `(queries, classes + 1)`; the last column is "no object". `classes`
    /// `(classes, width)` holds the unit vectors of the classes.
    pub fn logits(&self, classes: &[f32]) -> Vec<f32> {
        let [scale, bias] = self.affine;
        let queries = self.embeddings.chunks_exact(self.width);
        let mut logits =
            Vec::with_capacity(self.no_object.len() * (classes.len() / self.width + 1));
        for (query, &none) in queries.zip(&self.no_object) {
            let cosines = classes
                .chunks_exact(self.width)
                .map(|class| class.iter().zip(query).map(|(a, b)| a * b).sum::<f32>());
            logits.extend(cosines.map(|cosine| scale * cosine + bias));
            logits.push(none);
        }
        logits
    }
}

impl Answers {
    /// The answers without their queries, one array after the other, as [`append`](Self::append)
    /// takes them.
    pub(super) fn into_numbers(mut self) -> Vec<f32> {
        self.arrays().into_iter().flat_map(std::mem::take).collect()
    }

    /// Appends the answers of other queries about the same superpoints.
    ///
    /// # Errors
    /// If the numbers are not as many as these queries have answers.
    pub(super) fn append(&mut self, queries: &[u32], numbers: &[f32]) -> Result<(), PeerError> {
        let (mine, theirs) = (self.queries.len().max(1), queries.len());
        let arrays = self.arrays();
        let expected: usize = arrays.iter().map(|array| array.len() / mine * theirs).sum();
        if numbers.len() != expected {
            return Err(PeerError::Unexpected {
                found: format!("{} numbers", numbers.len()),
                expected: "the answers of all its queries",
            });
        }
        let mut rest = numbers;
        for array in arrays {
            let (more, others) = rest.split_at(array.len() / mine * theirs);
            array.extend_from_slice(more);
            rest = others;
        }
        self.queries.extend_from_slice(queries);
        Ok(())
    }

    /// The arrays with one row for each query.
    fn arrays(&mut self) -> Vec<&mut Vec<f32>> {
        let mut arrays = match &mut self.class {
            ClassAnswers::Text(class) => vec![
                &mut class.embeddings,
                &mut class.no_object,
                &mut class.scores,
            ],
            ClassAnswers::Fixed {
                instances,
                semantics,
            } => vec![instances, semantics],
        };
        arrays.extend([&mut self.masks, &mut self.centers, &mut self.sizes]);
        arrays
    }
}
