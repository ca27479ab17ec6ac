//! The class names that a scene is trained with: its own, and negatives.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use segscape::model::config::Classes;

use crate::{config::Config, words::Words};

/// Draws the class names of a scene. Returns their embeddings, `(T, width)`, and the index of each of
/// `named` among them; a name that is not among the nouns is read by the text encoder. A name that
/// cannot be read has no class, and its objects only learn their masks.
///
/// The scene's own names come first, then random others, none of them a near synonym of the scene's
/// own; half of the others are among the vocabulary's common labels, which are harder negatives. If
/// the scene has more than T names, the objects of the last ones only learn their masks.
///
/// A network with one class for all objects reads no names: there is one embedding of zeros.
pub(super) fn names(
    named: &[&str],
    config: &Config,
    words: &Words,
    rng: &mut ChaCha8Rng,
) -> (Vec<f32>, Vec<Option<u32>>) {
    let vocabulary = words.vocabulary();
    let width = vocabulary.space().width;
    if config.model.classes == Classes::OBJECT_OR_NOT {
        return (vec![0.0; width], vec![Some(0); named.len()]);
    }
    let synonym = vocabulary.equivalent(config.loss.synonym);
    let mut own: Vec<&str> = Vec::new();
    let mut text: Vec<f32> = Vec::with_capacity(config.loss.classes * width);
    let mut class_of_object = Vec::with_capacity(named.len());
    for name in named {
        let class = own.iter().position(|n| n == name).or_else(|| {
            if own.len() == config.loss.classes {
                return None;
            }
            text.extend(words.class(name)?);
            own.push(name);
            Some(own.len() - 1)
        });
        class_of_object.push(class.map(|class| class as u32));
    }
    let cosine = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
    let own_text = text.clone();
    let (all, common) = (vocabulary.names().len(), vocabulary.default_labels().len());
    let mut chosen = std::collections::HashSet::new();
    // A vocabulary of nothing but near synonyms would never fill the list, so the attempts are
    // limited.
    for attempt in 0..20 * config.loss.classes {
        if text.len() == config.loss.classes * width {
            break;
        }
        let index = rng.random_range(0..if attempt % 2 == 0 { common } else { all });
        let embedding = vocabulary.embedding(index);
        let synonym = own_text
            .chunks_exact(width)
            .any(|own| cosine(own, embedding) > synonym);
        if !synonym && chosen.insert(index) {
            text.extend_from_slice(embedding);
        }
    }
    (text, class_of_object)
}
