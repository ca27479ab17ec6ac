//! Words to embeddings: the shipped vocabulary, prompt parsing, and the text encoder for everything else.

/// Width of a text embedding (all-MiniLM-L6-v2).
pub const DIM: usize = 384;

pub mod prompt;
