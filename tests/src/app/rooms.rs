//! Input files for the page: a synthetic room, real scans where they are available, and files that
//! are not scans.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Stdio,
    sync::OnceLock,
};

use segscape::{
    progress::Monitor,
    scan::{self, Scan},
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

    /// Writes a file into the story's folder.
    pub fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.folder.path().join(name);
        fs::write(&path, bytes).expect("the story's folder can be written");
        path
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
