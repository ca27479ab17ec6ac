//! Names of the objects in scans, used as the classes to distinguish.

use std::collections::BTreeSet;

use anyhow::Context;
use segscape::text::Vocabulary;

use super::{Answer, Found};
use crate::data::labeled_scan::LabeledScan;

/// Names of the objects in scans, used as the classes to distinguish.
pub struct Names {
    /// The names, sorted.
    pub names: Vec<String>,
    embeddings: Vec<&'static [f32]>,
}

impl Names {
    /// Collects the names of all objects.
    ///
    /// # Errors
    /// A class has no name, or a name outside the vocabulary.
    pub fn of(answers: &[Answer]) -> anyhow::Result<Self> {
        let mut names = BTreeSet::new();
        for object in answers.iter().flat_map(|answer| &answer.scan.objects) {
            names.insert(
                object
                    .name
                    .clone()
                    .with_context(|| format!("class {} has no name", object.class))?,
            );
        }
        let names: Vec<String> = names.into_iter().collect();
        let embedding = |name: &String| {
            Vocabulary::shipped()
                .lookup(name)
                .with_context(|| format!("\"{name}\" is not in the built-in vocabulary"))
        };
        Ok(Self {
            embeddings: names.iter().map(embedding).collect::<anyhow::Result<_>>()?,
            names,
        })
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

    /// Row of the most probable name.
    pub fn nearest(&self, found: &Found) -> usize {
        self.probabilities(found)
            .into_iter()
            .enumerate()
            .max_by(|a, b| a.1.total_cmp(&b.1))
            .map_or(0, |(class, _)| class)
    }

    /// Row of the name of each object.
    pub fn of_objects(&self, scan: &LabeledScan) -> Vec<usize> {
        let row = |name: &Option<String>| {
            name.as_ref()
                .and_then(|name| self.names.binary_search(name).ok())
                .unwrap_or(0)
        };
        scan.objects
            .iter()
            .map(|object| row(&object.name))
            .collect()
    }
}
