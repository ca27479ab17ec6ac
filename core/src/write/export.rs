//! The list of the formats in which results are written.

use std::str::FromStr;

/// A format in which results are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub enum Export {
    /// The file with labels, see [`labeled_ply`](super::labeled_ply).
    Ply,
    /// The instances, see [`instances_json`](super::instances_json).
    Json,
    /// The instances and their boxes as a table: RFC 4180.
    Csv,
    /// A page to read and to print: HTML.
    Inventory,
    /// A page in which the points can be looked at from all sides: HTML.
    Viewer,
    /// A node for every instance: glTF 2.0, binary.
    Glb,
    /// An object for every instance: Wavefront OBJ.
    Obj,
    /// Labelled points of surveys: LAS 1.4.
    Las,
    /// The same, compressed.
    Laz,
    /// Labelled points of robots: PCD 0.7.
    Pcd,
    /// Arrays for NumPy.
    Npz,
    /// A submission to the ScanNet200 benchmark.
    ScanNet,
}

/// Maximum number of points of [`Export::Viewer`]. Of a scan that has more, points are chosen evenly
/// in the order of the file.
pub(super) const VIEWER_POINTS: usize = 1_000_000;
/// Bytes of a point in this page before they are text: three u16 for its place, a u16 for its thing,
/// three u8 for its color.
pub(super) const VIEWER_POINT_BYTES: usize = 11;
/// Bytes of this page without points, about.
const VIEWER_BYTES: usize = 16_000;

impl Export {
    /// All formats, the usual ones first.
    pub const ALL: [Self; 12] = [
        Self::Ply,
        Self::Json,
        Self::Csv,
        Self::Inventory,
        Self::Viewer,
        Self::Glb,
        Self::Obj,
        Self::Las,
        Self::Laz,
        Self::Pcd,
        Self::Npz,
        Self::ScanNet,
    ];

    /// The key, the name, the ending and the media type.
    const fn about(self) -> [&'static str; 4] {
        match self {
            Self::Ply => ["ply", "PLY", "labelled.ply", "application/octet-stream"],
            Self::Json => ["json", "JSON", "json", "application/json"],
            Self::Csv => ["csv", "CSV", "csv", "text/csv"],
            Self::Inventory => ["html", "Inventory", "html", "text/html"],
            Self::Viewer => ["viewer", "Viewer", "viewer.html", "text/html"],
            Self::Glb => ["glb", "GLB", "glb", "model/gltf-binary"],
            Self::Obj => ["obj", "OBJ", "obj", "model/obj"],
            Self::Las => ["las", "LAS", "labelled.las", "application/vnd.las"],
            Self::Laz => ["laz", "LAZ", "labelled.laz", "application/vnd.laszip"],
            Self::Pcd => ["pcd", "PCD", "labelled.pcd", "application/octet-stream"],
            Self::Npz => ["npz", "NPZ", "npz", "application/zip"],
            Self::ScanNet => ["scannet", "ScanNet", "scannet.zip", "application/zip"],
        }
    }

    /// The word by which commands call the format.
    pub const fn key(self) -> &'static str {
        self.about()[0]
    }

    /// The name of the format for people.
    pub const fn name(self) -> &'static str {
        self.about()[1]
    }

    /// What follows the name of the scan and a dot in the name of a file.
    pub const fn ending(self) -> &'static str {
        self.about()[2]
    }

    /// The media type of a file.
    pub const fn mime(self) -> &'static str {
        self.about()[3]
    }

    /// What the file has, and for whom, in one line.
    pub const fn purpose(self) -> &'static str {
        match self {
            Self::Ply => {
                "The file you opened, with an instance, a label and a score for every point"
            }
            Self::Json => {
                "Every thing with its label, score, boxes, colour and points, for programs"
            }
            Self::Csv => "A table of the things with positions and sizes, for spreadsheets",
            Self::Inventory => {
                "A page with the picture, the counts and the sizes, to read and to print"
            }
            Self::Viewer => {
                "A page that shows the points and the named things in any browser, without a server"
            }
            Self::Glb => "A 3D model with a node for every thing, for Blender, games and the web",
            Self::Obj => "A 3D model with an object for every thing, for MeshLab and CAD",
            Self::Las => "Labelled points for surveying: CloudCompare, QGIS, PDAL",
            Self::Laz => "The same as LAS, compressed",
            Self::Pcd => "Labelled points for robotics: the Point Cloud Library, ROS, Open3D",
            Self::Npz => "Instance, label and score of every point as arrays, for NumPy",
            Self::ScanNet => "A submission to the ScanNet200 benchmark: a mask for every thing",
        }
    }
}

impl Export {
    /// About the number of bytes of a file of so many points, for the formats whose files are sent
    /// around and where it follows from the points alone.
    pub const fn bytes(self, points: usize) -> Option<usize> {
        let drawn = if points < VIEWER_POINTS {
            points
        } else {
            VIEWER_POINTS
        };
        match self {
            Self::Viewer => Some(VIEWER_BYTES + (drawn * VIEWER_POINT_BYTES).div_ceil(3) * 4),
            _ => None,
        }
    }
}

/// A word that is the key of no format.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is none of the formats that results are written in")]
pub struct UnknownExport(pub String);

impl FromStr for Export {
    type Err = UnknownExport;

    fn from_str(key: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|export| export.key() == key);
        found.ok_or_else(|| UnknownExport(key.to_owned()))
    }
}

#[cfg(feature = "exports")]
pub use writing::WriteError;

#[cfg(feature = "exports")]
mod writing {
    use super::{
        super::{
            Context, PointLabels, csv, glb, instances_json, inventory, labeled_ply, las, npz, obj,
            pcd, scannet, viewer,
        },
        Export,
    };
    use crate::{
        progress::Cancelled,
        scan::{ReadError, Scan},
    };

    /// The reason why a file cannot be written.
    #[derive(Debug, thiserror::Error)]
    pub enum WriteError {
        /// The numbers of the format are too small for the size of the file.
        #[error("the file would have {0} bytes, the format holds {limit}; choose another", limit = u32::MAX)]
        TooLarge(usize),
        /// The archive cannot hold the file.
        #[error("the archive cannot be written: {0}")]
        Archive(#[from] zip::result::ZipError),
        /// The points cannot be written as LAS.
        #[error("the LAS file cannot be written: {0}")]
        Las(#[from] ::las::Error),
        /// The file that the scan is an excerpt of cannot be read again.
        #[error("its points cannot be read again: {0}")]
        Read(#[from] ReadError),
        /// The result cannot be kept where it goes.
        #[error("the file cannot be written: {0}")]
        Out(#[from] std::io::Error),
        /// The caller cancelled.
        #[error(transparent)]
        Cancelled(#[from] Cancelled),
    }

    impl Export {
        /// Writes a scan and its instances. The same input gives the same bytes.
        ///
        /// # Errors
        /// [`WriteError`] if the format cannot hold this scan.
        pub fn write(
            self,
            scan: &Scan,
            labels: &PointLabels,
            context: &Context,
        ) -> Result<Vec<u8>, WriteError> {
            let painted = context.painted;
            Ok(match self {
                Self::Ply => labeled_ply(scan, labels, painted),
                Self::Json => instances_json(scan, labels, context).into_bytes(),
                Self::Csv => csv::write(scan, labels),
                Self::Inventory => inventory::write(scan, labels, context),
                Self::Viewer => viewer::write(scan, labels, context),
                Self::Glb => glb::write(scan, labels, context)?,
                Self::Obj => obj::write(scan, labels, painted),
                Self::Las => las::write(scan, labels, painted, false)?,
                Self::Laz => las::write(scan, labels, painted, true)?,
                Self::Pcd => pcd::write(scan, labels, painted),
                Self::Npz => npz::write(scan, labels)?,
                Self::ScanNet => scannet::write(scan, labels, context.scan)?,
            })
        }
    }
}
