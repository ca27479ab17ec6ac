//! The order in which a run takes its scenes: generated ones, and those from folders, which
//! supervise in different ways and have different frequencies.

use std::path::PathBuf;

use anyhow::Context;
use rand::{SeedableRng, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;

use crate::{config::Data, data::scans};
use recordings::{
    foundation::{Foundation, InFolder as _},
    pseudo_label_file::PseudoLabels,
    store::{Cache, is_address},
};

/// Sources of scenes that take turns.
pub struct Sources<'a> {
    /// Each source with its relative frequency.
    sources: Vec<(f64, Source)>,
    seed: u64,
    /// Lists the scenes of object stores.
    cache: &'a Cache,
}

/// The scene or room of one sample.
pub enum Turn {
    /// A generated room, with the number of rooms generated before it.
    Made(u64),
    /// A labelled scan, followed by the scans that replace it, in this order, if it cannot be used.
    Labeled(Vec<PathBuf>),
    /// The same for bundles whose images supervise.
    ViewWise(Vec<PathBuf>),
    /// The same for files of pseudo-labels.
    Pseudo(Vec<PathBuf>),
}

impl<'a> Sources<'a> {
    /// The sources that `data` names. The order of the scenes follows from `seed`.
    pub fn new(data: &Data, seed: u64, cache: &'a Cache) -> Self {
        let mut sources = Vec::new();
        let made = data.generated.as_ref().map(|generated| generated.share);
        let has_labels = made.is_some() || !data.rooms.is_empty();
        let has_images = !data.foundations.is_empty() && data.foundation_part > 0.0;
        let labeled = match (has_images, has_labels) {
            (false, _) => 1.0,
            (true, false) => 0.0,
            (true, true) => 1.0 - data.foundation_share,
        };
        if has_images {
            let bundles = Folders {
                part: data.foundation_part,
                ..Folders::new(&data.foundations, Supervising::Images)
            };
            sources.push((1.0 - labeled, Source::Folders(bundles)));
        }
        let made = if data.rooms.is_empty() {
            made.map(|_| 1.0)
        } else {
            made
        };
        sources.extend(made.map(|share| (labeled * share, Source::Maker)));
        let read = labeled * (1.0 - made.unwrap_or(0.0));
        if data.weights.is_empty() {
            let rooms = Folders::new(&data.rooms, Supervising::Labels);
            sources.push((read, Source::Folders(rooms)));
        } else {
            let all: f64 = data.weights.iter().sum();
            let rooms = data.rooms.iter().zip(&data.weights);
            sources.extend(rooms.map(|(folder, weight)| {
                let room = Folders::new(std::slice::from_ref(folder), Supervising::Labels);
                (read * weight / all, Source::Folders(room))
            }));
        }
        if let Some(pseudo) = &data.pseudo {
            let files = Folders::new(&pseudo.files, Supervising::Pseudo);
            sources = vec![(1.0, Source::Folders(files))];
        }
        sources.retain(|(weight, _)| *weight > 0.0);
        Self {
            sources,
            seed,
            cache,
        }
    }

    /// The turn of sample `number`. Folders are listed again at the start of each of their epochs.
    ///
    /// # Errors
    /// Returns an error if a folder cannot be listed or has no scene.
    pub fn turn(&mut self, number: u64) -> anyhow::Result<Turn> {
        let weights: Vec<f64> = self.sources.iter().map(|(weight, _)| *weight).collect();
        let (index, of_source) = place(number, &weights);
        let (_, source) = self
            .sources
            .get_mut(index)
            .context("the configuration uses no scenes")?;
        Ok(match source {
            Source::Maker => Turn::Made(of_source),
            Source::Folders(folders) => {
                let turn = folders.turn(of_source, self.seed, self.cache)?;
                match folders.supervising {
                    Supervising::Labels => Turn::Labeled(turn),
                    Supervising::Images => Turn::ViewWise(turn),
                    Supervising::Pseudo => Turn::Pseudo(turn),
                }
            }
        })
    }
}

enum Source {
    /// Generates a new room for every sample.
    Maker,
    Folders(Folders),
}

/// What supervises the scenes of folders.
#[derive(Clone, Copy)]
enum Supervising {
    /// Labels of whole scenes.
    Labels,
    /// Masks in the images of bundles.
    Images,
    /// Masks that a network found.
    Pseudo,
}

/// Folders whose scenes each come once per epoch.
struct Folders {
    folders: Vec<PathBuf>,
    supervising: Supervising,
    /// Share of the scenes that are used.
    part: f64,
    files: Vec<PathBuf>,
    /// The epoch, and the order of the files in it.
    order: Option<(u64, Vec<usize>)>,
}

impl Folders {
    fn new(folders: &[PathBuf], supervising: Supervising) -> Self {
        Self {
            folders: folders.to_vec(),
            supervising,
            part: 1.0,
            files: Vec::new(),
            order: None,
        }
    }

    /// The scenes: of the sources whose images supervise only bundles, paths before addresses.
    fn list(&self, cache: &Cache) -> anyhow::Result<Vec<PathBuf>> {
        match self.supervising {
            Supervising::Labels => return scans::list(&self.folders, cache),
            Supervising::Pseudo => return PseudoLabels::files(&self.folders),
            Supervising::Images => {}
        }
        let (addresses, paths): (Vec<PathBuf>, Vec<PathBuf>) = self
            .folders
            .iter()
            .cloned()
            .partition(|folder| is_address(folder));
        let mut scenes = match paths.is_empty() {
            true => vec![],
            false => Foundation::folders(&paths)?,
        };
        for address in addresses {
            let mut found = cache.scenes(&address)?;
            // single files have no images
            found.retain(|scene| {
                !scene
                    .extension()
                    .is_some_and(|extension| extension.eq_ignore_ascii_case("ply"))
            });
            scenes.extend(found);
        }
        Ok(scenes)
    }

    /// The files in the order in which sample `number` of this source tries them.
    fn turn(&mut self, number: u64, seed: u64, cache: &Cache) -> anyhow::Result<Vec<PathBuf>> {
        let position = |files: usize| (number % files.max(1) as u64) as usize;
        if position(self.files.len()) == 0 {
            self.files = self.list(cache)?;
            self.files
                .truncate((self.part * self.files.len() as f64).ceil() as usize);
            anyhow::ensure!(
                !self.files.is_empty(),
                "there is no scene in {:?}",
                self.folders
            );
        }
        let epoch = number / self.files.len() as u64;
        if self
            .order
            .as_ref()
            .is_none_or(|(e, order)| *e != epoch || order.len() != self.files.len())
        {
            let mut order: Vec<usize> = (0..self.files.len()).collect();
            order.shuffle(&mut rng(seed, Draw::Order, epoch));
            self.order = Some((epoch, order));
        }
        let order = self.order.as_ref().map_or(&[][..], |(_, order)| order);
        let (after, before) = (
            &order[position(order.len())..],
            &order[..position(order.len())],
        );
        Ok(after
            .iter()
            .chain(before)
            .map(|&file| self.files[file].clone())
            .collect())
    }
}

/// The source of sample `number`, and the number of earlier samples of that source. After any
/// number of samples, each source has had its share, as evenly as whole numbers allow.
fn place(mut number: u64, weights: &[f64]) -> (usize, u64) {
    let last = weights.len().saturating_sub(1);
    for (source, weight) in weights[..last].iter().enumerate() {
        let share = weight / weights[source..].iter().sum::<f64>();
        let before = |number: u64| (number as f64 * share).floor() as u64;
        if before(number + 1) > before(number) {
            return (source, before(number));
        }
        number -= before(number);
    }
    (last, number)
}

/// Purpose of a stream of random numbers.
pub enum Draw {
    /// The order of the scenes of an epoch.
    Order,
    /// The random choices of a sample.
    Sample,
}

/// The random number generator for one purpose and number.
pub fn rng(seed: u64, draw: Draw, number: u64) -> ChaCha8Rng {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(number * 2 + draw as u64);
    rng
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn sources_take_turns_by_their_weights() {
        let folders = ["bundles", "many", "few"].map(|_| tempfile::tempdir().unwrap());
        let [bundles, many, few] = folders.each_ref().map(|folder| folder.path().to_owned());
        let mut data: Data = toml::from_str("rooms = ['x']").unwrap();
        (data.foundations, data.foundation_share) = (vec![bundles], 0.25);
        (data.rooms, data.weights) = (vec![many, few], vec![5.0, 1.0]);
        let cache = Cache::temporary(1).unwrap();
        let mut sources = Sources::new(&data, 1, &cache);
        // nothing lies in any of the folders: the error and the folder that it names tell whose
        // turn it was
        let errors: Vec<String> = (0..16)
            .map(|number| sources.turn(number).err().unwrap().to_string())
            .collect();
        let count = |folder: &tempfile::TempDir| {
            errors
                .iter()
                .filter(|error| error.contains(folder.path().to_str().unwrap()))
                .count()
        };
        assert_eq!(folders.each_ref().map(count), [4, 10, 2]);
        let is_bundle = |error: &String| error.starts_with("there is no scene in");
        assert_eq!(
            errors.iter().map(is_bundle).collect::<Vec<_>>()[..8],
            [false, false, false, true, false, false, false, true]
        );
        data.foundation_part = 0.0;
        assert_eq!(Sources::new(&data, 1, &cache).sources.len(), 2);
    }

    #[test]
    fn made_rooms_have_their_share_of_the_labeled_ones() {
        let count = |data: &Data| -> Vec<u64> {
            let cache = Cache::temporary(1).unwrap();
            let mut sources = Sources::new(data, 1, &cache);
            (0..100)
                .filter_map(|number| sources.turn(number).ok())
                .map(|turn| {
                    if let Turn::Made(before) = turn {
                        before
                    } else {
                        99
                    }
                })
                .collect()
        };
        let mut data: Data = toml::from_str("generated = { seed = 3, share = 0.25 }").unwrap();
        assert_eq!(
            count(&data),
            (0..100).collect::<Vec<_>>(),
            "there is nothing else"
        );
        data.rooms = vec!["/nowhere".into()];
        assert_eq!(count(&data), (0..25).collect::<Vec<_>>());
        (data.foundations, data.foundation_share) = (vec!["/nowhere".into()], 0.2);
        assert_eq!(count(&data), (0..20).collect::<Vec<_>>());
    }

    #[test]
    fn every_sample_of_a_source_comes_once_and_in_order() {
        let weights = [0.3, 0.5, 1e-3, 0.2];
        let mut next = [0; 4];
        for number in 0..5000 {
            let (source, of_source) = place(number, &weights);
            assert_eq!(of_source, next[source], "sample {number}");
            next[source] += 1;
        }
        assert!(
            next.iter()
                .zip(weights)
                .all(
                    |(&count, weight)| (f64::from(count as u32) - 5000.0 * weight / 1.001).abs()
                        < 3.0
                ),
            "{next:?}"
        );
    }
}
