//! Embeddings of common indoor nouns, so that ordinary prompts do not need a text encoder.
//!
//! `vocabulary.txt` has one noun per line; `vocabulary.i8` has one row of signed bytes per noun, its
//! embedding scaled so that the largest magnitude is 127. `trainer vocabulary` creates the second
//! file from the first. Both are built into the crate for all-MiniLM-L6-v2; other text encoders
//! bring a table of their own for the same nouns.

use std::{
    collections::HashMap,
    sync::{Arc, LazyLock, OnceLock},
};

use super::{LoadTextError, TextSpace, normalize, spelling};

/// The number of names, from the start of the list, that instances are named with if there is no
/// prompt.
const DEFAULT_LABELS: usize = 198;

/// Nouns and their unit embeddings in the space of one text encoder. A clone shares the embeddings.
#[derive(Clone, Debug)]
pub struct Vocabulary {
    nouns: &'static Nouns,
    space: TextSpace,
    /// `(names, width)`
    embeddings: Arc<[f32]>,
    /// The cosines of all pairs of default labels, ascending; computed when first needed.
    cosines: Arc<OnceLock<Vec<f32>>>,
}

/// The nouns, whatever the encoder.
#[derive(Debug)]
struct Nouns {
    names: Vec<&'static str>,
    /// By the [key](spelling::key) of its name.
    index_of_key: HashMap<String, usize>,
}

static NOUNS: LazyLock<Nouns> = LazyLock::new(|| {
    let names: Vec<_> = include_str!("vocabulary.txt").lines().collect();
    let mut index_of_key = HashMap::with_capacity(names.len());
    for (index, name) in names.iter().enumerate() {
        index_of_key.entry(spelling::key(name)).or_insert(index);
    }
    Nouns {
        names,
        index_of_key,
    }
});

static SHIPPED: LazyLock<Vocabulary> =
    LazyLock::new(|| Vocabulary::new(TextSpace::default(), include_bytes!("vocabulary.i8")));

impl Vocabulary {
    /// The vocabulary that is built into the crate, in the space of all-MiniLM-L6-v2.
    pub fn shipped() -> &'static Self {
        &SHIPPED
    }

    /// The nouns with the embeddings of a table that [`quantize`] made, one row per noun.
    ///
    /// # Errors
    /// If the table has another size, or a row of zeros.
    pub fn of_table(space: TextSpace, table: &[u8]) -> Result<Self, LoadTextError> {
        let (nouns, width) = (NOUNS.names.len(), space.width);
        let wrong = |problem: String| LoadTextError::Vocabulary {
            space: space.clone(),
            problem,
        };
        if table.len() != nouns * width {
            return Err(wrong(format!(
                "it has {} bytes, {nouns} nouns of {width} values need {}",
                table.len(),
                nouns * width
            )));
        }
        let is_empty = |row: &[u8]| row.iter().all(|&value| value == 0);
        if let Some(noun) = table.chunks_exact(width).position(is_empty) {
            return Err(wrong(format!("\"{}\" has only zeros", NOUNS.names[noun])));
        }
        Ok(Self::new(space, table))
    }

    fn new(space: TextSpace, quantized: &[u8]) -> Self {
        let mut embeddings: Vec<f32> = quantized.iter().map(|&b| f32::from(b as i8)).collect();
        embeddings.resize(NOUNS.names.len() * space.width, 0.0);
        embeddings.chunks_exact_mut(space.width).for_each(normalize);
        Self {
            nouns: &NOUNS,
            space,
            embeddings: embeddings.into(),
            cosines: Arc::default(),
        }
    }

    /// The space of the embeddings.
    pub fn space(&self) -> &TextSpace {
        &self.space
    }

    /// The nouns; those of [`Self::default_labels`] come first.
    pub fn names(&self) -> &'static [&'static str] {
        &self.nouns.names
    }

    /// The object classes of ScanNet200, used to name instances if there is no prompt.
    pub fn default_labels(&self) -> &'static [&'static str] {
        &self.nouns.names[..DEFAULT_LABELS.min(self.nouns.names.len())]
    }

    /// The unit embeddings of [`Self::default_labels`], `(labels, width)`.
    pub fn label_embeddings(&self) -> &[f32] {
        &self.embeddings[..self.default_labels().len() * self.space.width]
    }

    /// The unit embedding of noun `index`.
    ///
    /// # Panics
    /// If `index` is not below `names().len()`.
    pub fn embedding(&self, index: usize) -> &[f32] {
        &self.embeddings[index * self.space.width..][..self.space.width]
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
        let index = |key: &str| self.nouns.index_of_key.get(key).copied();
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

    /// The noun nearest to a unit embedding, and its cosine. O(names * width).
    pub fn nearest(&self, embedding: &[f32]) -> (&'static str, f32) {
        self.nouns
            .names
            .iter()
            .zip(self.embeddings.chunks_exact(self.space.width))
            .map(|(name, row)| (*name, cosine(row, embedding)))
            .max_by(|a, b| a.1.total_cmp(&b.1))
            .unwrap_or_default()
    }

    /// The cosine in this space that corresponds to a cosine between words in the space of
    /// all-MiniLM-L6-v2: as many pairs of default labels are at least that similar. All words are
    /// alike to some encoders, CLIP's among them, so that one limit cannot serve for all.
    pub fn equivalent(&self, cosine: f32) -> f32 {
        let shipped = Self::shipped();
        if self.space == shipped.space {
            return cosine;
        }
        let (from, to) = (shipped.cosines(), self.cosines());
        let rank = from.partition_point(|&other| other < cosine);
        to.get(rank).copied().unwrap_or(1.0)
    }

    fn cosines(&self) -> &[f32] {
        self.cosines.get_or_init(|| {
            let rows: Vec<&[f32]> = self
                .label_embeddings()
                .chunks_exact(self.space.width)
                .collect();
            let pairs = (0..rows.len()).flat_map(|a| (0..a).map(move |b| (a, b)));
            let mut cosines: Vec<f32> = pairs.map(|(a, b)| cosine(rows[a], rows[b])).collect();
            cosines.sort_by(f32::total_cmp);
            cosines
        })
    }
}

fn cosine(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

/// Quantizes one embedding to a row of `vocabulary.i8`.
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
    #![allow(clippy::unwrap_used)]
    use super::*;

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
            vocabulary.nouns.index_of_key.len(),
            "a noun stands twice, perhaps in another spelling"
        );
        assert_eq!(
            include_bytes!("vocabulary.i8").len(),
            vocabulary.names().len() * vocabulary.space().width
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
        let v: Vec<f32> = (0..300)
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
    #[test]
    fn tables_of_other_encoders_are_checked_and_have_their_own_scale() {
        let space = TextSpace {
            encoder: "other".into(),
            width: 3,
        };
        let nouns = Vocabulary::shipped().names().len();
        for (table, word) in [
            (vec![1; 3 * nouns - 1], (3 * nouns - 1).to_string()),
            (vec![0; 3 * nouns], "only zeros".to_owned()),
            (vec![], "0 bytes".to_owned()),
        ] {
            let error = Vocabulary::of_table(space.clone(), &table).unwrap_err();
            let message = error.to_string();
            assert!(
                message.contains(&word) && message.contains("other (3 values)"),
                "{message}"
            );
        }
        // all words are alike here: their angles to the first axis are at most 0.1
        let rows = (0..nouns).flat_map(|i| [100, (i % 11) as u8, (i % 7) as u8]);
        let alike = Vocabulary::of_table(space, &rows.collect::<Vec<u8>>()).unwrap();
        let limits = [0.0, 0.3, 0.65, 0.9].map(|cosine| alike.equivalent(cosine));
        assert!(limits[0] > 0.98 && limits.is_sorted(), "{limits:?}");
        let share = |vocabulary: &Vocabulary, limit: f32| {
            let cosines = vocabulary.cosines();
            let above = cosines.iter().filter(|cosine| **cosine >= limit).count();
            above as f32 / cosines.len() as f32
        };
        let expected = share(Vocabulary::shipped(), 0.3);
        assert!((share(&alike, limits[1]) - expected).abs() < 0.02);
        assert_eq!(Vocabulary::shipped().equivalent(0.65), 0.65);
        assert_eq!(alike.equivalent(2.0), 1.0);
    }
}
