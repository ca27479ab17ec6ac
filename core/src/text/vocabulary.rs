//! Embeddings of common indoor nouns, built into the crate, so that ordinary prompts do not need a
//! text encoder.
//!
//! `vocabulary.txt` has one noun per line; `vocabulary.i8` has [`DIM`] signed bytes per noun, its
//! MiniLM embedding scaled so that the largest magnitude is 127. `trainer vocabulary` creates the
//! second file from the first.

use std::{collections::HashMap, sync::LazyLock};

use super::{DIM, normalize, spelling};

/// The number of names, from the start of the list, that instances are named with if there is no
/// prompt.
const DEFAULT_LABELS: usize = 198;

/// Nouns and their unit embeddings.
pub struct Vocabulary {
    names: Vec<&'static str>,
    /// `(names, DIM)`
    embeddings: Vec<f32>,
    /// By the [key](spelling::key) of its name.
    index_of_key: HashMap<String, usize>,
}

static SHIPPED: LazyLock<Vocabulary> = LazyLock::new(|| {
    Vocabulary::new(
        include_str!("vocabulary.txt"),
        include_bytes!("vocabulary.i8"),
    )
});

impl Vocabulary {
    /// The vocabulary that is built into the crate.
    pub fn shipped() -> &'static Self {
        &SHIPPED
    }

    fn new(names: &'static str, quantized: &[u8]) -> Self {
        let names: Vec<_> = names.lines().collect();
        let mut embeddings: Vec<f32> = quantized.iter().map(|&b| f32::from(b as i8)).collect();
        embeddings.resize(names.len() * DIM, 0.0);
        embeddings.chunks_exact_mut(DIM).for_each(normalize);
        let mut index_of_key = HashMap::with_capacity(names.len());
        for (index, name) in names.iter().enumerate() {
            index_of_key.entry(spelling::key(name)).or_insert(index);
        }
        Self {
            names,
            embeddings,
            index_of_key,
        }
    }

    /// The nouns; those of [`Self::default_labels`] come first.
    pub fn names(&self) -> &[&'static str] {
        &self.names
    }

    /// The object classes of ScanNet200, used to name instances if there is no prompt.
    pub fn default_labels(&self) -> &[&'static str] {
        &self.names[..DEFAULT_LABELS.min(self.names.len())]
    }

    /// The unit embedding of noun `index`, of length [`DIM`].
    ///
    /// # Panics
    /// If `index` is not below `names().len()`.
    pub fn embedding(&self, index: usize) -> &[f32] {
        &self.embeddings[index * DIM..(index + 1) * DIM]
    }

    /// `(names, DIM)`, see [`DIM`]: all unit embeddings, row by row.
    pub fn embeddings(&self) -> &[f32] {
        &self.embeddings
    }

    /// The index of the noun that a phrase is a spelling of. Case, accents, an article, hyphens and
    /// underscores do not matter; a plural finds its singular, and words written apart find their
    /// compound if there is no noun of these words.
    ///
    /// ```
    /// use segscape::text::Vocabulary;
    ///
    /// let vocabulary = Vocabulary::shipped();
    /// let name = |phrase| vocabulary.find(phrase).map(|index| vocabulary.names()[index]);
    /// assert_eq!(name("Office_Chairs"), Some("office chair"));
    /// assert_eq!(name("book shelves"), Some("bookshelf"));
    /// assert_eq!(name("Bürostuhl"), None);
    /// ```
    pub fn find(&self, phrase: &str) -> Option<usize> {
        let key = spelling::key(phrase);
        let index = |key: &str| self.index_of_key.get(key).copied();
        index(&key).or_else(|| spelling::variants(&key).iter().find_map(|key| index(key)))
    }

    /// Returns the embedding of a phrase that [`Self::find`] finds.
    ///
    /// ```
    /// use segscape::text::Vocabulary;
    ///
    /// let vocabulary = Vocabulary::shipped();
    /// assert!(vocabulary.lookup("chair").is_some());
    /// assert_eq!(vocabulary.lookup(" Chairs"), vocabulary.lookup("chair"));
    /// ```
    pub fn lookup(&self, phrase: &str) -> Option<&[f32]> {
        self.find(phrase).map(|index| self.embedding(index))
    }

    /// The noun nearest to a unit embedding of length [`DIM`], and its cosine. O(names * DIM).
    pub fn nearest(&self, embedding: &[f32]) -> (&'static str, f32) {
        let cosine = |row: &[f32]| row.iter().zip(embedding).map(|(a, b)| a * b).sum::<f32>();
        self.names
            .iter()
            .zip(self.embeddings.chunks_exact(DIM))
            .map(|(name, row)| (*name, cosine(row)))
            .max_by(|a, b| a.1.total_cmp(&b.1))
            .unwrap_or_default()
    }
}

/// Quantizes one embedding to the [`DIM`] bytes of `vocabulary.i8`.
pub fn quantize(embedding: &[f32]) -> Vec<u8> {
    let largest = embedding
        .iter()
        .fold(0.0_f32, |m, v| m.max(v.abs()))
        .max(f32::MIN_POSITIVE);
    embedding
        .iter()
        .map(|v| (v / largest * 127.0).round() as i8 as u8)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cosine(a: &[f32], b: &[f32]) -> f32 {
        a.iter().zip(b).map(|(x, y)| x * y).sum()
    }

    #[test]
    fn the_table_is_complete() {
        let vocabulary = Vocabulary::shipped();
        assert!(
            vocabulary.names().len() >= 2000,
            "{} nouns",
            vocabulary.names().len()
        );
        assert_eq!(
            vocabulary.names().len(),
            vocabulary.index_of_key.len(),
            "a noun stands twice, perhaps in another spelling"
        );
        assert_eq!(
            include_bytes!("vocabulary.i8").len(),
            vocabulary.names().len() * DIM
        );
        for i in 0..vocabulary.names().len() {
            let norm = cosine(vocabulary.embedding(i), vocabulary.embedding(i));
            assert!(
                (norm - 1.0).abs() < 1e-4,
                "{}: {norm}",
                vocabulary.names()[i]
            );
        }
    }

    #[test]
    fn lookup_ignores_spelling_and_plural() {
        let vocabulary = Vocabulary::shipped();
        let chair = vocabulary.lookup("chair").expect("a chair is common");
        for phrase in ["Chair", " chairs ", "CHAIRS"] {
            assert_eq!(vocabulary.lookup(phrase), Some(chair), "{phrase}");
        }
        assert_eq!(vocabulary.lookup("boxes"), vocabulary.lookup("box"));
        assert_eq!(vocabulary.lookup("a thing nobody has"), None);
        let name = |phrase| {
            vocabulary
                .find(phrase)
                .map(|index| vocabulary.names()[index])
        };
        for (phrase, expected) in [
            ("office_chair", "office chair"),
            ("Office-Chairs", "office chair"),
            ("the chair", "chair"),
            ("T-Shirt", "t-shirt"),
            ("t shirts", "t-shirt"),
            ("childrens bed", "children's bed"),
            ("children\u{2019}s bed", "children's bed"),
            ("Blu Ray player", "blu-ray player"),
            ("T.V.", "tv"),
            ("sofá", "sofa"),
            ("bookshelves", "bookshelf"),
            ("arm chair", "armchair"),
            ("arm-chairs", "armchair"),
        ] {
            assert_eq!(name(phrase), Some(expected), "{phrase}");
        }
        for own in vocabulary.names() {
            assert_eq!(name(own), Some(*own));
        }
    }

    #[test]
    fn neighbors_in_meaning_are_near() {
        let vocabulary = Vocabulary::shipped();
        let get = |name: &str| vocabulary.lookup(name).expect("in the table");
        assert!(cosine(get("couch"), get("sofa")) > cosine(get("couch"), get("refrigerator")));
    }

    #[test]
    fn quantized_embeddings_keep_their_direction() {
        let v: Vec<f32> = (0..DIM)
            .map(|i| ((i * 37 % 101) as f32 - 50.0) / 50.0)
            .collect();
        let mut q: Vec<f32> = quantize(&v)
            .into_iter()
            .map(|b| f32::from(b as i8))
            .collect();
        let mut v = v;
        normalize(&mut v);
        normalize(&mut q);
        assert!(cosine(&v, &q) > 0.9999);
    }
}
