//! The sources of rooms: the furniture that they contain, and the buildings that are scanned
//! alongside them.

use std::{path::Path, sync::Arc};

use anyhow::ensure;
use clap::ValueEnum;

use super::{
    Shot, SyntheticRoom, assets, building::Building, furnisher::Furnisher, library::Library,
    rng::RoomRng, suite::Suite,
};

/// Buildings used for training; all others are held out.
const TRAINING_BUILDINGS: &[&str] = &["aws_small_house", "iai_apartment"];
/// Share of the rooms of a training world that are parts of buildings.
const SHARE_OF_BUILDINGS: f32 = 0.04;
/// Least and greatest share of the places in a room that take a third-party model: for training
/// worlds, and for held-out ones.
const SHARES: [[f32; 2]; 2] = [[0.3, 0.7], [0.96, 1.0]];

/// Third-party models, divided by the collections that they come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Models {
    /// Models for training, used beside the part grammars.
    Training,
    /// Models of held-out collections, used wherever one fits.
    HeldOut,
}

/// A source of rooms.
pub struct World {
    library: Arc<Library>,
    /// Least and greatest share of third-party models in a room.
    shares: [f32; 2],
    buildings: Vec<Building>,
    share_of_buildings: f32,
    /// If `as_it_is`, buildings are not varied; if `whole`, each walk covers the whole building.
    as_it_is: bool,
    whole: bool,
}

impl World {
    /// A world of the part grammars alone.
    pub fn grammars() -> Self {
        let library = Arc::new(Library::default());
        Self {
            library,
            shares: [0.0; 2],
            buildings: Vec::new(),
            share_of_buildings: 0.0,
            as_it_is: false,
            whole: false,
        }
    }

    /// A world of the part grammars and the furniture and buildings of a folder.
    ///
    /// # Errors
    /// Returns an error if the models or buildings of the folder cannot be read or used.
    pub fn open(assets: &Path, models: Models) -> anyhow::Result<Self> {
        ensure!(assets.is_dir(), "{} is not a folder", assets.display());
        let library = Arc::new(Library::open(assets, models)?);
        if models == Models::HeldOut {
            return Ok(Self {
                library,
                shares: SHARES[1],
                ..Self::grammars()
            });
        }
        let scenes = assets.join("scenes");
        let there = if scenes.is_dir() {
            assets::meshes_in(&scenes)?
        } else {
            Vec::new()
        };
        let wanted = TRAINING_BUILDINGS
            .iter()
            .filter(|name| there.iter().any(|n| n == *name));
        let buildings: Vec<Building> = wanted
            .map(|name| Building::open(assets, name))
            .collect::<anyhow::Result<_>>()?;
        let share_of_buildings = if buildings.is_empty() {
            0.0
        } else {
            SHARE_OF_BUILDINGS
        };
        Ok(Self {
            library,
            shares: SHARES[0],
            buildings,
            share_of_buildings,
            ..Self::grammars()
        })
    }

    /// A world of parts of one building of a folder, or, if `whole`, of the whole building each
    /// time.
    ///
    /// # Errors
    /// Returns an error if there is no such building, or if it cannot be read or used.
    pub fn of_building(assets: &Path, name: &str, whole: bool) -> anyhow::Result<Self> {
        let buildings = vec![Building::open(assets, name)?];
        Ok(Self {
            buildings,
            share_of_buildings: 1.0,
            as_it_is: true,
            whole,
            ..Self::grammars()
        })
    }

    /// Room number `index` of the series `seed`.
    pub fn room(&self, seed: u64, index: u64) -> SyntheticRoom {
        self.room_with_shots(seed, index).0
    }

    /// The room and the images it was scanned with.
    pub fn room_with_shots(&self, seed: u64, index: u64) -> (SyntheticRoom, Vec<Shot>) {
        let mut rng = RoomRng::new(seed, index);
        if !self.buildings.is_empty() && rng.chance(self.share_of_buildings) {
            let building = &self.buildings[rng.count(0, self.buildings.len() - 1)];
            let tour = building.tour(self.whole, !self.as_it_is, &mut rng);
            return SyntheticRoom::scanned(&tour.scene, &tour.cameras, &tour.sensor, &mut rng);
        }
        let mut rng = self.furnisher(rng);
        SyntheticRoom::of(&Suite::new(&mut rng), &mut rng)
    }

    /// The furnisher of a room, with this random number generator.
    pub fn furnisher(&self, mut rng: RoomRng) -> Furnisher {
        let share = if self.library.is_empty() {
            0.0
        } else {
            rng.within(self.shares[0], self.shares[1])
        };
        Furnisher::new(rng, self.library.clone(), share)
    }
}

#[cfg(test)]
mod tests;
