//! Names of things by the pictures that show them best, for the commands that find instances.

use std::{
    cell::Cell,
    ffi::OsStr,
    path::{Path, PathBuf},
};

use anyhow::{Context, bail, ensure};
use clap::Args;
use learning::{
    models::MODELS,
    words::{self, Words},
};
use recordings::foundation::{Models, VotedName};
use segscape::{
    geometry::Aabb,
    images::{
        ImageText as _, ImageTower, Picture, PictureSource, PosedPictures, SeenThings,
        ThingPicture, Things, embed_things,
    },
    instances::{
        Instance, Segmentation,
        query::{Guess, Label, Labels, PromptTerm},
    },
    progress::Monitor,
    text::TextSpace,
    views::BestViewOptions,
    write::PointLabels,
};
use serde_json::{Value, json};

use super::results::Sources;

/// Maximum number of frames that are left out and told one by one.
const TOLD: usize = 5;

/// The options of names by pictures.
#[derive(Args, Clone, Debug, Default)]
pub struct ByViews {
    /// Manifest of a model for image embeddings (CLIP, SigLIP) by which things are named: from the
    /// three photographs that show each best, or drawn from the points where there is none.
    #[arg(long)]
    image_text: Option<PathBuf>,
    /// Folder of the text encoder that its embeddings are compared with; by default the folder in
    /// static/models of the one that the manifest names.
    #[arg(long, requires = "image_text")]
    image_text_encoder: Option<PathBuf>,
    /// Folder for these pictures, as SCAN/ID-1.png, the first of the instance ID.
    #[arg(long, requires = "image_text")]
    view_pictures: Option<PathBuf>,
}

/// A model that names things, and words in its space.
pub struct Namer {
    models: Models,
    words: Words,
    /// Folder for the pictures.
    pictures: Option<PathBuf>,
}

impl ByViews {
    /// Loads the model; `None` if none is asked for.
    ///
    /// # Errors
    /// A file is missing or damaged, the manifest and the text encoder do not belong together, or the
    /// model fails on a plain picture.
    pub fn open(&self) -> anyhow::Result<Option<Namer>> {
        let Some(path) = &self.image_text else {
            return Ok(None);
        };
        let models = Models::load(None, None, Some(path))?;
        for warning in models.warnings() {
            tracing::warn!("{warning}");
        }
        let namer = Namer {
            words: self.words(path, tower(&models)?)?,
            models,
            pictures: self.view_pictures.clone(),
        };
        // Before hours of work rather than after them.
        let width = namer.words.vocabulary().space().width;
        let plain = Picture::new([200, 120, 60].repeat(64 * 64), [64, 64])?;
        let tried = tower(&namer.models)?.embed(&plain);
        let shown = || format!("the 2D model of {}", path.display());
        let found = tried.with_context(shown)?.len();
        ensure!(
            found == width,
            "{}: its embeddings have {found} values, those of the text encoder {} have {width}",
            shown(),
            namer.words.vocabulary().space().encoder
        );
        Ok(Some(namer))
    }

    /// The words that embeddings of the manifest at `path` are compared with.
    fn words(&self, path: &Path, tower: &ImageTower) -> anyhow::Result<Words> {
        let named = tower.text_encoder();
        let usual = TextSpace::default();
        let folder = match (&self.image_text_encoder, named) {
            (Some(folder), _) => folder.clone(),
            (None, Some(name)) if name == usual.encoder => return Words::of(&usual, None),
            (None, Some(name)) => Path::new(MODELS).join(name.to_ascii_lowercase()),
            (None, None) => bail!(
                "{} does not say which words its embeddings are compared with: add \"text_encoder\": \"NAME\" to its \"image_text\", or give the folder of the encoder with --image-text-encoder",
                path.display()
            ),
        };
        let manifest = words::encoder_manifest(&folder);
        let space = manifest
            .with_context(|| folder.display().to_string())?
            .space();
        if let Some(named) = named {
            ensure!(
                named == space.encoder,
                "{} is for the words of {named}, {} has those of {space}: they cannot be compared",
                path.display(),
                folder.display()
            );
        }
        Words::of(&space, Some(&folder))
    }
}

fn tower(models: &Models) -> anyhow::Result<&ImageTower> {
    models.image_tower().context("the model embeds pictures")
}

impl Namer {
    /// The terms of a prompt, in the space of the model.
    ///
    /// # Errors
    /// See [`Words::terms`].
    pub fn terms(&self, prompt: &str) -> anyhow::Result<Vec<PromptTerm>> {
        self.words.terms(prompt)
    }

    /// Looks at the things of a scan, whose results have a `name`. `ids` are those of the instances
    /// that the things are.
    ///
    /// # Errors
    /// The model fails, or a picture of a thing cannot be written.
    pub fn look(
        &self,
        things: &Things,
        ids: &[u32],
        photographs: Option<&dyn PosedPictures>,
        name: &OsStr,
        monitor: &Monitor,
    ) -> anyhow::Result<SeenThings> {
        let folder = self.pictures.as_ref().map(|folder| folder.join(name));
        super::results::create(folder.as_deref())?;
        let shown: Vec<Cell<u32>> = vec![Cell::new(0); things.points.len()];
        let mut show = |about: &ThingPicture, picture: &Picture| {
            let count = &shown[about.thing];
            count.set(count.get() + 1);
            let Some(folder) = &folder else {
                return Ok(());
            };
            let path = folder.join(format!("{}-{}.png", ids[about.thing], count.get()));
            let [rows, columns] = picture.size().map(|side| side as u32);
            let rgb = image::ColorType::Rgb8;
            image::save_buffer(&path, picture.bytes(), columns, rows, rgb)
                .with_context(|| format!("cannot write {}", path.display()))
        };
        let width = self.words.vocabulary().space().width;
        embed_things(
            things,
            photographs,
            &BestViewOptions::default(),
            (tower(&self.models)?, width),
            monitor,
            &mut show,
        )
    }

    /// A label for each thing with its score: the best of the terms, or of the default labels if
    /// there are none. The name of a thing without a picture is empty.
    ///
    /// # Errors
    /// The scores are not those of the things.
    pub fn labels(
        &self,
        seen: &SeenThings,
        scores: &[f32],
        terms: &[PromptTerm],
    ) -> anyhow::Result<Labels> {
        ensure!(scores.len() == seen.things.len(), "a score for each thing");
        let all = (0u32..).zip(seen.things.iter().zip(scores));
        let (of_seen, instances): (Vec<u32>, Vec<Instance>) = all
            .filter_map(|(index, (thing, score))| {
                let instance = Instance {
                    superpoints: Vec::new(),
                    score: *score,
                    embedding: thing.embedding.clone()?,
                    bounds: Aabb::EMPTY,
                    points: 0,
                };
                Some((index, instance))
            })
            .unzip();
        let vocabulary = self.words.vocabulary();
        let segmentation = Segmentation {
            space: vocabulary.space().clone(),
            instances,
            logit_scale: tower(&self.models)?.logit_scale(),
        };
        let found = Labels::new(&segmentation, terms, vocabulary)?;
        let unseen = Label {
            name: String::new(),
            term: None,
            confidence: 0.0,
        };
        let mut labels = Labels {
            terms: found.terms,
            of_instance: vec![unseen; scores.len()],
            ..Labels::default()
        };
        for (index, label) in of_seen.iter().zip(found.of_instance) {
            labels.of_instance[*index as usize] = label;
        }
        let of_all = |guess: &mut Guess| guess.instance = of_seen[guess.instance as usize];
        for term in &mut labels.terms {
            term.best.iter_mut().for_each(of_all);
            term.nearest.iter_mut().for_each(of_all);
        }
        Ok(labels)
    }
}

/// Tells which frames were left out, on the error output.
pub fn tell_left_out(path: &Path, seen: &SeenThings) {
    for (frame, problem) in seen.left_out.iter().take(TOLD) {
        eprintln!(
            "{}: names are given without the frame {frame}: {problem}",
            path.display()
        );
    }
    let more = seen.left_out.len().saturating_sub(TOLD);
    if more > 0 {
        eprintln!("{}: and without {more} other frames", path.display());
    }
}

/// From which pictures the instances with these ids are named.
pub fn sources(seen: &SeenThings, ids: &[u32]) -> Sources {
    let of_thing = |(id, thing): (&u32, &segscape::images::SeenThing)| {
        let picture = |picture: &ThingPicture| match &picture.source {
            PictureSource::Frame(frame) => json!({"frame": frame, "seen": picture.share}),
            PictureSource::Drawn(eye) => json!({"drawn_from": eye, "seen": picture.share}),
        };
        let pictures: Vec<Value> = thing.pictures.iter().map(picture).collect();
        (!pictures.is_empty()).then(|| (*id, Value::from(pictures)))
    };
    ids.iter().zip(&seen.things).filter_map(of_thing).collect()
}

/// From which images the instances with these ids have the names that masks gave them.
pub fn voted_sources(names: &[Option<VotedName>], ids: &[u32]) -> Sources {
    let of_thing = |(id, name): (&u32, &Option<VotedName>)| {
        let images = name.as_ref()?.images.iter();
        let images = images.map(|(frame, share)| json!({"frame": frame, "seen": share}));
        Some((*id, images.collect()))
    };
    ids.iter().zip(names).filter_map(of_thing).collect()
}

/// Names the instances of `labels` in their order: `None` keeps the name that one has, an empty name
/// takes it away. Each comes with the new score of the instance.
pub fn rename(labels: &mut PointLabels, names: Vec<Option<(String, f32)>>) {
    let old = labels.clone();
    let named = old.instances.iter().map(|of| old.name(of).unwrap_or(""));
    let mut words: Vec<String> = named.map(str::to_owned).collect();
    let changed = labels.instances.iter_mut().zip(&mut words).zip(names);
    for ((instance, word), name) in changed {
        if let Some((name, score)) = name {
            *word = name;
            instance.score = score;
        }
    }
    labels.labels = words.iter().filter(|w| !w.is_empty()).cloned().collect();
    labels.labels.sort_unstable();
    labels.labels.dedup();
    for (instance, word) in labels.instances.iter_mut().zip(&words) {
        let index = labels.labels.binary_search(word).ok();
        instance.label = index.map(|index| index as u32);
    }
}

/// Names for [`rename`] from labels: those of the terms, if there are some, and else all.
pub fn names(labels: &Labels, scores: &[f32]) -> Vec<Option<(String, f32)>> {
    let seeks = labels.seeks();
    let nameless = |score: &f32| Some((String::new(), *score));
    let name = |(label, score): (&Label, &f32)| match (seeks, label.term, label.name.is_empty()) {
        _ if labels.left_out_by(label).is_some() => nameless(score),
        (true, Some(_), _) | (false, _, false) => Some((label.name.clone(), label.confidence)),
        (true, None, _) => nameless(score),
        (false, _, true) => None,
    };
    labels.of_instance.iter().zip(scores).map(name).collect()
}

/// A prompt for commands whose things have names by pictures alone.
#[derive(Args, Clone, Debug, Default)]
pub struct PictureNames {
    #[command(flatten)]
    by_views: ByViews,
    /// English names to choose from, as in "chair . table, sofa"; what is none of them gets no name,
    /// and neither does what fits a name better that has a minus or "not" before it.
    #[arg(
        long,
        allow_hyphen_values = true,
        requires = "image_text",
        conflicts_with = "ask"
    )]
    prompt: Option<String>,
}

impl PictureNames {
    /// Loads the model, and reads what is looked for: the prompt, or what a question is about.
    ///
    /// # Errors
    /// See [`ByViews::open`] and [`Namer::terms`].
    pub fn open(&self, asked: Option<String>) -> anyhow::Result<Option<Looking>> {
        let Some(namer) = self.by_views.open()? else {
            return Ok(None);
        };
        let prompt = self.prompt.clone().or(asked).unwrap_or_default();
        let terms = namer.terms(&prompt)?;
        Ok(Some(Looking { namer, terms }))
    }
}

/// A model with what is looked for.
pub struct Looking {
    namer: Namer,
    terms: Vec<PromptTerm>,
}

impl Looking {
    /// Names the instances of `labels`, which are `things` in the same order, and returns from which
    /// pictures. `path` is what messages call the scan, `name` what its results are called.
    ///
    /// # Errors
    /// See [`Namer::look`].
    pub fn name(
        &self,
        labels: &mut PointLabels,
        things: &Things,
        photographs: Option<&dyn PosedPictures>,
        (path, name): (&Path, &OsStr),
        monitor: &Monitor,
    ) -> anyhow::Result<Sources> {
        let of = labels.instances.iter().map(|of| (of.id, of.score));
        let (ids, scores): (Vec<u32>, Vec<f32>) = of.unzip();
        let seen = self.namer.look(things, &ids, photographs, name, monitor)?;
        tell_left_out(path, &seen);
        let found = self.namer.labels(&seen, &scores, &self.terms)?;
        for missing in found.missing(0.0) {
            eprintln!("{}: no {}: {missing}", path.display(), missing.term.name);
        }
        rename(labels, names(&found, &scores));
        Ok(sources(&seen, &ids))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use segscape::write::LabeledInstance;

    use super::*;

    /// Four instances, called lamp, lamp, chair and nothing.
    fn labeled() -> PointLabels {
        let instance = |id, label| LabeledInstance {
            id,
            label,
            score: 0.5,
        };
        PointLabels {
            instance_of_point: vec![0, 1, 2, 3],
            instances: vec![
                instance(3, Some(1)),
                instance(4, Some(1)),
                instance(6, Some(0)),
                instance(7, None),
            ],
            labels: vec!["chair".to_owned(), "lamp".to_owned()],
        }
    }

    fn told(labels: &PointLabels) -> Vec<(&str, f32)> {
        let of = labels.instances.iter();
        of.map(|of| (labels.name(of).unwrap_or("-"), of.score))
            .collect()
    }

    #[test]
    fn names_are_given_kept_and_taken() {
        let mut labels = labeled();
        let names = [
            Some(("sofa", 0.9)),
            None,
            Some(("", 0.4)),
            Some(("lamp", 0.2)),
        ];
        let names = names.map(|name| name.map(|(name, score)| (name.to_owned(), score)));
        rename(&mut labels, names.to_vec());
        assert_eq!(
            told(&labels),
            [("sofa", 0.9), ("lamp", 0.5), ("-", 0.4), ("lamp", 0.2)]
        );
        assert_eq!(labels.labels, ["lamp", "sofa"]);
    }

    #[test]
    fn only_what_is_asked_for_has_a_name() {
        let label = |name: &str, term| Label {
            name: name.to_owned(),
            term,
            confidence: 0.7,
        };
        let mut labels = Labels {
            of_instance: vec![label("sofa", None), label("", None), label("bed", Some(0))],
            ..Labels::default()
        };
        let given = |labels: &Labels| names(labels, &[0.1, 0.2, 0.3]);
        let name = |name: &str, score: f32| Some((name.to_owned(), score));
        assert_eq!(given(&labels), [name("sofa", 0.7), None, name("bed", 0.7)]);
        labels.terms = vec![segscape::instances::query::Term {
            name: "bed".to_owned(),
            negative: false,
            meaning: segscape::text::meaning::Meaning::Listed,
            best: None,
            nearest: Vec::new(),
        }];
        assert_eq!(
            given(&labels),
            [name("", 0.1), name("", 0.2), name("bed", 0.7)]
        );
        labels.terms[0].negative = true;
        let but_beds = [name("sofa", 0.7), None, name("", 0.3)];
        assert_eq!(given(&labels), but_beds, "what is left out has no name");
    }
}
