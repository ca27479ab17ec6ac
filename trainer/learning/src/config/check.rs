//! The checks of a configuration's values.

use segscape::model::config::Classes;

use super::{Augment, Config, Data, Frames, Generated, Loss, Pseudo, Run, Validation};

impl Config {
    /// Checks that every value is in its range.
    ///
    /// # Errors
    /// Returns an error that names the value that is out of its range.
    pub fn check(&self) -> anyhow::Result<()> {
        self.model.validate()?;
        self.data.check()?;
        let nameless = [
            ("frames", self.data.frames.is_some()),
            ("pseudo", self.data.pseudo.is_some()),
        ];
        if let Some((source, _)) = nameless.iter().find(|(_, is_given)| *is_given) {
            anyhow::ensure!(
                self.model.classes == Classes::OBJECT_OR_NOT,
                "the objects of data.{source} have no names, and model.classes is {:?}: it must be {:?}",
                self.model.classes,
                Classes::OBJECT_OR_NOT
            );
        }
        self.augment.check()?;
        self.loss.check()?;
        anyhow::ensure!(
            self.optimizer.scenes_per_step > 0,
            "optimizer.scenes_per_step must be at least 1"
        );
        self.run.check()?;
        let constant = self.optimizer.constant;
        anyhow::ensure!(
            (0.0..=1.0).contains(&constant),
            "optimizer.constant is {constant}, it must be a share of the run, from 0 to 1"
        );
        self.validation.check()?;
        let (devices, scenes) = (self.run.devices, self.optimizer.scenes_per_step);
        anyhow::ensure!(
            (1..=scenes).contains(&devices),
            "run.devices is {devices}, it must be from 1 to optimizer.scenes_per_step, which is {scenes}"
        );
        if let Some(decay) = self.optimizer.ema {
            anyhow::ensure!(
                0.0 < decay && decay < 1.0,
                "optimizer.ema must lie between 0 and 1, not {decay}"
            );
        }
        Ok(())
    }
}

impl Data {
    fn check(&self) -> anyhow::Result<()> {
        let is_empty =
            self.rooms.is_empty() && self.foundations.is_empty() && self.generated.is_none();
        anyhow::ensure!(
            !is_empty || self.pseudo.is_some(),
            "the configuration has no training data: set data.rooms, data.foundations, data.generated or data.pseudo"
        );
        self.check_nameless(is_empty)?;
        if let Some(Generated { share, .. }) = self.generated {
            anyhow::ensure!(
                (0.0..=1.0).contains(&share),
                "data.generated.share is {share}, it must be from 0 to 1"
            );
        }
        let weights = &self.weights;
        anyhow::ensure!(
            weights.is_empty()
                || weights.len() == self.rooms.len()
                    && weights
                        .iter()
                        .all(|weight| weight.is_finite() && *weight > 0.0),
            "data.weights must be one positive number for each of data.rooms, not {weights:?}"
        );
        let share = self.foundation_share;
        anyhow::ensure!(
            (0.0..=1.0).contains(&share),
            "data.foundation_share is {share}, it must be from 0 to 1"
        );
        let part = self.foundation_part;
        anyhow::ensure!(
            (0.0..=1.0).contains(&part),
            "data.foundation_part is {part}, it must be from 0 to 1"
        );
        let cache = self.cache_gib;
        anyhow::ensure!(
            cache.is_finite() && cache > 0.0,
            "data.cache_gib is {cache}, it must be positive"
        );
        Ok(())
    }

    /// Checks the sources whose objects have no names; `alone` says that there is no other source.
    fn check_nameless(&self, alone: bool) -> anyhow::Result<()> {
        if let Some(Frames {
            least_points,
            per_room,
        }) = self.frames
        {
            anyhow::ensure!(
                self.rooms.is_empty(),
                "data.frames is for data.generated and data.foundations; the scans of data.rooms ({:?}) have no frames",
                self.rooms
            );
            anyhow::ensure!(
                least_points > 0 && (1..=10_000).contains(&per_room),
                "data.frames.least_points is {least_points} and data.frames.per_room is {per_room}, they must be at least 1, and from 1 to 10000"
            );
        }
        if let Some(Pseudo {
            files,
            confidence,
            masks,
        }) = &self.pseudo
        {
            anyhow::ensure!(
                alone && self.frames.is_none() && !files.is_empty(),
                "data.pseudo has {} entries in `files`, it must have at least one, and neither data.frames nor another source of data beside it",
                files.len()
            );
            anyhow::ensure!(
                (0.0..=1.0).contains(confidence) && *masks > 0,
                "data.pseudo.confidence is {confidence} and data.pseudo.masks is {masks}, they must be from 0 to 1 and at least 1"
            );
        }
        Ok(())
    }
}

impl Augment {
    fn check(&self) -> anyhow::Result<()> {
        let [low, high] = self.scale;
        anyhow::ensure!(
            0.0 < low && low <= high,
            "augment.scale must be an ascending range of positive numbers, not {low}..{high}"
        );
        let Augment {
            flip,
            elastic,
            color_drop,
            image_drop,
            objects_drop,
            object_drop,
            ..
        } = *self;
        let probabilities = [
            ("flip", flip),
            ("elastic", elastic),
            ("color_drop", color_drop),
        ];
        for (name, p) in probabilities.into_iter().chain([
            ("image_drop", image_drop),
            ("objects_drop", objects_drop),
            ("object_drop", object_drop),
        ]) {
            anyhow::ensure!(
                (0.0..=1.0).contains(&p),
                "augment.{name} is {p}, it must be a probability from 0 to 1"
            );
        }
        Ok(())
    }
}

impl Loss {
    fn check(&self) -> anyhow::Result<()> {
        let [few, many] = self.queries;
        anyhow::ensure!(
            0.0 < few && few <= many && many <= 1.0,
            "loss.queries must be an ascending range from 0 to 1, not {few}..{many}"
        );
        anyhow::ensure!(self.max_queries > 0, "loss.max_queries must be at least 1");
        anyhow::ensure!(
            self.classes > 0 && self.pairs > 0 && self.views > 0,
            "loss.classes, loss.pairs and loss.views must be at least 1"
        );
        Ok(())
    }
}

impl Run {
    fn check(&self) -> anyhow::Result<()> {
        anyhow::ensure!(
            self.minutes > 0.0,
            "run.minutes must be positive, not {}",
            self.minutes
        );
        anyhow::ensure!(
            self.checkpoint_minutes > 0.0 && self.checkpoint_minutes <= 10.0,
            "run.checkpoint_minutes must be from 0 to 10, not {}",
            self.checkpoint_minutes
        );
        anyhow::ensure!(
            self.threads > 0 && self.makers > 0,
            "run.threads and run.makers must be at least 1"
        );
        Ok(())
    }
}

impl Validation {
    fn check(&self) -> anyhow::Result<()> {
        let mut names = std::collections::HashSet::new();
        let twice = self.sets.iter().find(|set| !names.insert(&set.name));
        anyhow::ensure!(
            twice.is_none(),
            "two of validation.sets have the name {}",
            twice.map_or("", |set| &set.name)
        );
        anyhow::ensure!(
            self.minutes > 0.0,
            "validation.minutes must be positive, not {}",
            self.minutes
        );
        Ok(())
    }
}
