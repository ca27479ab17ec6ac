//! Names of the objects in scans, used as the classes to distinguish.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Context;
use clap::ValueEnum;
use segscape::{
    instances::query::PromptTerm,
    text::{Vocabulary, meaning::Meaning},
};

use super::Found;
use crate::{
    data::{
        labeled_scan::{LabeledScan, Object},
        scans::{Asked, Labeled},
    },
    words::Words,
};

/// The values of `--names`: what an instance can be called. A name is the likelier to be right the
/// fewer there are to choose from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, ValueEnum)]
pub enum NameSet {
    /// The names of the objects in the scans, which nobody knows who opens a scan.
    #[default]
    Present,
    /// These, and all classes of ScanNet200 that are things, as in the application.
    Scannet200,
}

/// Names of the objects in scans, used as the classes to distinguish.
#[derive(Clone)]
pub struct Names {
    /// The names, sorted.
    pub names: Vec<String>,
    embeddings: Vec<Vec<f32>>,
    /// The background that answers to prompts are compared with.
    pub(super) vocabulary: Vocabulary,
}

impl Names {
    /// Collects the names of all objects in the scans, which are read one after the other, and the
    /// others of the set. For `stuff` see [`LabeledScan::read`].
    ///
    /// # Errors
    /// A scan cannot be read or has no labels, a class has no name, or one that is not among the
    /// nouns and cannot be encoded.
    pub fn of_scans(
        scans: &Asked,
        stuff: Option<&[i32]>,
        set: NameSet,
        words: &Words,
    ) -> anyhow::Result<Self> {
        let mut collected = Collected::default();
        scans.each(
            |path| Labeled::whole(path, None, stuff),
            |_, labeled| collected.add(&labeled.scan, words),
        )?;
        Ok(collected.names(set, words))
    }

    /// Shape `(names)`: the probability of each name for the instance, a softmax over the names, or
    /// 1 for the class that the network decided on.
    pub fn probabilities(&self, found: &Found) -> Vec<f32> {
        if let Some(class) = &found.class {
            let is_class = |name: &String| f32::from(u8::from(name == class));
            return self.names.iter().map(is_class).collect();
        }
        let cosine = |name: &[f32]| {
            name.iter()
                .zip(&found.embedding)
                .map(|(a, b)| a * b)
                .sum::<f32>()
        };
        let logits: Vec<f32> = self
            .embeddings
            .iter()
            .map(|name| found.logit_scale * cosine(name))
            .collect();
        let peak = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let total: f32 = logits.iter().map(|logit| (logit - peak).exp()).sum();
        logits
            .iter()
            .map(|logit| (logit - peak).exp() / total)
            .collect()
    }

    /// The names as terms of a prompt.
    pub(super) fn terms(&self) -> impl Iterator<Item = PromptTerm> {
        let named = self.names.iter().zip(&self.embeddings);
        named.map(|(name, embedding)| PromptTerm {
            name: name.clone(),
            negative: false,
            meaning: Meaning::Listed,
            embedding: Some(embedding.clone()),
        })
    }

    /// Row of the most probable name.
    pub fn nearest(&self, found: &Found) -> usize {
        self.probabilities(found)
            .into_iter()
            .enumerate()
            .max_by(|a, b| a.1.total_cmp(&b.1))
            .map_or(0, |(class, _)| class)
    }

    /// Row of the name of each object; `None` for objects that have none of the names.
    pub fn of_objects(&self, scan: &LabeledScan) -> Vec<Option<usize>> {
        let row = |object: &Object| self.names.binary_search(object.name.as_ref()?).ok();
        scan.objects.iter().map(row).collect()
    }
}

/// The names of objects with their embeddings, and the nouns that they are spellings of.
#[derive(Default)]
pub(super) struct Collected {
    embedding_of_name: BTreeMap<String, Vec<f32>>,
    nouns: BTreeSet<usize>,
}

impl Collected {
    /// Adds the names of the objects of a scan.
    pub(super) fn add(&mut self, scan: &LabeledScan, words: &Words) -> anyhow::Result<()> {
        for object in &scan.objects {
            let name = object.name.as_ref();
            let name = name.with_context(|| format!("class {} has no name", object.class))?;
            if !self.embedding_of_name.contains_key(name) {
                let embedding = words.embedding(name)?;
                let embedding = embedding
                    .with_context(|| format!("the text encoder cannot read \"{name}\""))?;
                self.embedding_of_name.insert(name.clone(), embedding);
                self.nouns.extend(words.vocabulary().find(name));
            }
        }
        Ok(())
    }

    /// The names so far, and the others of the set.
    pub(super) fn names(self, set: NameSet, words: &Words) -> Names {
        let vocabulary = words.vocabulary();
        let mut embedding_of_name = self.embedding_of_name;
        if set == NameSet::Scannet200 {
            let all = vocabulary.default_labels().iter().enumerate();
            let absent = all.filter(|(noun, _)| !self.nouns.contains(noun));
            embedding_of_name.extend(
                absent
                    .map(|(noun, name)| ((*name).to_owned(), vocabulary.embedding(noun).to_vec())),
            );
        }
        let (names, embeddings) = embedding_of_name.into_iter().unzip();
        Names {
            names,
            embeddings,
            vocabulary: vocabulary.clone(),
        }
    }
}
