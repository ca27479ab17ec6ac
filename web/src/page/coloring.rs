//! What determines the color of the points.

use segscape::bundle::ColorMode;
use serde::{Deserialize, Serialize};

use crate::{
    text::{Text, said, tr},
    view::cloud::Paint,
};

/// The property that determines the color of the points.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Coloring {
    /// The scan's own color.
    #[default]
    Scan,
    /// One color per instance.
    Instance,
    /// One color per label.
    Label,
    /// The confidence of the instance.
    Score,
    /// Height above the floor.
    Height,
    /// How similar the instance is to the prompt, whatever else it could be.
    Similarity,
    /// The direction that the surface faces.
    Normal,
}

impl From<Coloring> for ColorMode {
    fn from(coloring: Coloring) -> Self {
        match coloring {
            Coloring::Scan => Self::Rgb,
            Coloring::Instance => Self::Instance,
            Coloring::Label => Self::Label,
            Coloring::Score => Self::Score,
            Coloring::Height => Self::Height,
            Coloring::Similarity => Self::Similarity,
            Coloring::Normal => Self::Normal,
        }
    }
}

impl From<ColorMode> for Coloring {
    fn from(mode: ColorMode) -> Self {
        match mode {
            ColorMode::Rgb => Self::Scan,
            ColorMode::Instance => Self::Instance,
            ColorMode::Label => Self::Label,
            ColorMode::Score => Self::Score,
            ColorMode::Height => Self::Height,
            ColorMode::Similarity => Self::Similarity,
            ColorMode::Normal => Self::Normal,
        }
    }
}

impl Coloring {
    /// All colorings, in the order of the keys 1 to 7.
    pub const ALL: [Self; 7] = [
        Self::Scan,
        Self::Instance,
        Self::Label,
        Self::Score,
        Self::Height,
        Self::Similarity,
        Self::Normal,
    ];

    /// The name shown to the user.
    pub fn name(self) -> Text {
        match self {
            Self::Scan => tr("Colour"),
            Self::Instance => tr("Instance"),
            Self::Label => tr("Label"),
            Self::Score => tr("Score"),
            Self::Height => tr("Height"),
            Self::Similarity => tr("Similarity"),
            Self::Normal => tr("Normal"),
        }
    }

    /// `true` if the color of a point depends on the thing that it belongs to.
    pub fn needs_things(self) -> bool {
        matches!(
            self,
            Self::Instance | Self::Label | Self::Score | Self::Similarity
        )
    }

    /// The renderer's paint mode for this coloring. `colored` says whether the scan has colors.
    pub fn paint(self, colored: bool) -> Paint {
        match self {
            Self::Scan if colored => Paint::Scan,
            Self::Scan | Self::Height => Paint::Height,
            Self::Normal => Paint::Normal,
            Self::Instance | Self::Label | Self::Score | Self::Similarity => Paint::Owner,
        }
    }

    /// What the ends of the color ramp mean, if the coloring has one. `heights` are those of the
    /// scan, metres.
    pub fn ends(self, [low, high]: [f32; 2]) -> Option<[String; 2]> {
        let ends = |low: &str, high: &str| Some([low, high].map(str::to_owned));
        match self {
            Self::Score => ends("0", "1"),
            Self::Similarity => ends(said("unrelated"), said("synonym")),
            Self::Height => Some(["0 m".to_owned(), format!("{:.1} m", high - low)]),
            Self::Scan | Self::Instance | Self::Label | Self::Normal => None,
        }
    }
}
