//! Input files for the page: a synthetic room, real scans where they are available, and files that
//! are not scans.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Stdio,
    sync::OnceLock,
};

use segscape::{
    bundle::{self, Bundle, ColorMode, Meta, Name, Provenance, SavedView},
    geometry::Aabb,
    instances::{Instance, Segmentation},
    progress::Monitor,
    scan::{self, Scan},
    superpoint::Superpoints,
    text,
};

use super::{Stand, process::program};

/// The thinned room has one of every this many points.
const THINNED: usize = 6;

/// The room that `trainer synth` generates for this seed; generated once.
fn synthetic() -> &'static [u8] {
    static ROOM: OnceLock<Vec<u8>> = OnceLock::new();
    ROOM.get_or_init(|| {
        let folder = tempfile::tempdir().expect("a folder for temporary files");
        let mut synth = program("trainer");
        synth
            .args(["synth", "--count", "1", "--seed", "9", "--out"])
            .arg(folder.path());
        let status = synth
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .expect("the trainer runs");
        assert!(status.success(), "trainer synth failed: {status}");
        fs::read(folder.path().join("room_9_00000.ply")).expect("the room it made")
    })
}

impl Stand {
    /// A furnished room of ordinary density.
    pub fn room(&self) -> PathBuf {
        self.file("room.ply", synthetic())
    }

    /// The same room with a sixth of the points, for stories that do not depend on the room.
    pub fn thin_room(&self) -> PathBuf {
        let room = read(synthetic());
        let mut ply = format!(
            "ply\nformat ascii 1.0\nelement vertex {}\n",
            room.positions.len().div_ceil(THINNED)
        );
        ply += "property float x\nproperty float y\nproperty float z\nproperty uchar red\nproperty uchar green\nproperty uchar blue\nend_header\n";
        for ([x, y, z], [r, g, b]) in room
            .positions
            .iter()
            .zip(room.colors.expect("a synthetic room has colours"))
            .step_by(THINNED)
        {
            ply += &format!("{x} {y} {z} {r} {g} {b}\n");
        }
        self.file("thin-room.ply", ply.as_bytes())
    }

    /// The same room as a bundle with the instances that it was made of, so that no network runs.
    pub fn segmented_room(&self) -> PathBuf {
        self.file("room.segscape", &encoded(&segmented(synthetic())))
    }

    /// A bundle of a room with a table by a window, whose things have names.
    pub fn office(&self) -> PathBuf {
        self.file("office.segscape", &encoded(&office()))
    }

    /// Writes a file into the story's folder.
    pub fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.folder.path().join(name);
        fs::write(&path, bytes).expect("the story's folder can be written");
        path
    }
}

fn encoded(scene: &Bundle) -> Vec<u8> {
    bundle::encode(scene).expect("a room is within the limits")
}

/// A bundle of a synthetic room. Each instance in it is one superpoint; superpoint 0 is the rest.
fn segmented(ply: &[u8]) -> Bundle {
    let room = read(ply);
    let rows = room.table.point_rows();
    let [instances, classes] = ["instance", "semantic"].map(|name| -> Vec<u32> {
        let column = rows.column(name).expect("a synthetic room has labels");
        column.values().map(|label| label as u32).collect()
    });
    let superpoints = Superpoints::from_ids(&instances);
    let superpoint_of_point = superpoints.superpoint_of_point();
    let rest = instances
        .iter()
        .position(|instance| *instance == 0)
        .map(|point| superpoint_of_point[point]);
    let (mut found, mut names) = (Vec::new(), Vec::new());
    for superpoint in (0..superpoints.count() as u32).filter(|id| Some(*id) != rest) {
        let points: Vec<usize> = (0..room.len())
            .filter(|point| superpoint_of_point[*point] == superpoint)
            .collect();
        let mut embedding = vec![0.0; text::TextSpace::default().width];
        embedding[0] = 1.0;
        found.push(Instance {
            superpoints: vec![superpoint],
            score: 1.0,
            embedding,
            bounds: points.iter().fold(Aabb::EMPTY, |bounds, point| {
                bounds.with(room.positions[*point])
            }),
            points: points.len() as u32,
        });
        names.push(Name {
            text: format!("class {}", classes[points[0]]),
            by_user: true,
        });
    }
    Bundle {
        segmentation: Segmentation {
            space: text::TextSpace::default(),
            instances: found,
            logit_scale: 1.0,
        },
        meta: Meta {
            names,
            view: SavedView {
                color_mode: ColorMode::Instance,
                ..SavedView::default()
            },
            frame: room.frame,
            provenance: Provenance::default(),
        },
        superpoints,
        positions: room.positions,
        colors: room.colors,
    }
}

/// Names, lower and upper corners of the things in the office, metres; the room is 6 x 5 x 2.5.
const OFFICE: [(&str, [f32; 3], [f32; 3]); 9] = [
    ("table", [4.0, 1.0, 0.0], [5.5, 2.0, 0.75]),
    ("window", [5.9, 0.8, 1.0], [6.0, 2.2, 2.0]),
    // by the window, by the table alone, and in the other corner
    ("chair", [5.1, 2.0, 0.0], [5.5, 2.4, 0.9]),
    ("chair", [3.5, 1.3, 0.0], [3.9, 1.7, 0.9]),
    ("chair", [0.2, 4.4, 0.0], [0.6, 4.8, 0.9]),
    ("box", [2.0, 1.0, 0.0], [2.6, 1.6, 0.5]),
    ("box", [0.5, 0.5, 0.0], [0.7, 0.7, 0.2]),
    ("box", [4.2, 1.2, 0.75], [4.4, 1.4, 0.9]),
    ("couch", [1.0, 2.0, 0.0], [3.0, 2.9, 0.8]),
];

/// The things of the office, one superpoint each, on a floor that is nobody's.
fn office() -> Bundle {
    let vocabulary = text::Vocabulary::shipped();
    let (mut positions, mut ids, mut found) = (Vec::new(), Vec::new(), Vec::new());
    let mut fill = |id: u32, min: [f32; 3], max: [f32; 3], step: f32| {
        let count = |axis: usize| ((max[axis] - min[axis]) / step).ceil() as usize;
        let at = |axis: usize, k: usize| (min[axis] + step * k as f32).min(max[axis]);
        let before = positions.len();
        for (x, y, z) in (0..=count(0))
            .flat_map(|x| (0..=count(1)).flat_map(move |y| (0..=count(2)).map(move |z| (x, y, z))))
        {
            positions.push([at(0, x), at(1, y), at(2, z)]);
            ids.push(id);
        }
        (positions.len() - before) as u32
    };
    for (id, (name, min, max)) in (0..).zip(OFFICE) {
        let points = fill(id, min, max, 0.05);
        let embedding = vocabulary.lookup(name).expect("a common noun").to_vec();
        found.push(Instance {
            superpoints: vec![id],
            score: 0.9 - id as f32 / 100.0,
            embedding,
            bounds: Aabb { min, max },
            points,
        });
    }
    fill(OFFICE.len() as u32, [0.0; 3], [6.0, 5.0, 0.0], 0.04);
    let name = |(name, ..): &(&str, [f32; 3], [f32; 3])| Name {
        text: (*name).to_owned(),
        by_user: false,
    };
    Bundle {
        segmentation: Segmentation {
            space: vocabulary.space().clone(),
            instances: found,
            logit_scale: 20.0,
        },
        meta: Meta {
            names: OFFICE.iter().map(name).collect(),
            view: SavedView {
                color_mode: ColorMode::Instance,
                ..SavedView::default()
            },
            frame: scan::Frame::default(),
            provenance: Provenance::default(),
        },
        superpoints: Superpoints::from_ids(&ids),
        colors: Some(vec![[170; 3]; positions.len()]),
        positions,
    }
}

/// A real scan next to the project.
pub fn real(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../shared/data")
        .join(name);
    path.canonicalize()
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Reads a scan as the product does.
pub fn read(bytes: &[u8]) -> Scan {
    scan::read(bytes, &Monitor::silent()).expect("a scan")
}
