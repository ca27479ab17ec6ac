//! Stray Scanner: `odometry.csv` with one pose per frame, `camera_matrix.csv`, `depth/000007.png`,
//! `confidence/000007.png`, and a video, whose frames must be extracted first. The app has already
//! converted ARKit's axes to x right, y down, z forward.

use glam::Affine3A;

use super::{
    super::{
        Intrinsics,
        poses::{TEXT_LIMIT, numbers, quaternion_pose},
    },
    CaptureError, CaptureOptions, Names, Reader, Sequence, Tree, UpAxis,
    phone::{self, Phone, of_picture},
};

const ODOMETRY: &str = "odometry.csv";
const MATRIX: &str = "camera_matrix.csv";
/// Command that extracts the frames of the video to `rgb/`.
const EXTRACT: &str =
    "mkdir rgb && ffmpeg -noautorotate -i rgb.mp4 -start_number 0 -q:v 2 rgb/%06d.jpg";

/// A row of the odometry.
struct Row {
    frame: String,
    world_from_camera: Option<Affine3A>,
    /// Intrinsics of this frame, which newer versions of the app write.
    intrinsics: Option<Intrinsics>,
}

/// Stray Scanner's recordings.
pub struct Stray;

impl Reader for Stray {
    fn signs(&self) -> &'static str {
        "odometry.csv and camera_matrix.csv (Stray Scanner)"
    }

    fn up(&self) -> Option<UpAxis> {
        Some(UpAxis::PlusY)
    }

    fn is_here(&self, names: &dyn Names) -> bool {
        names.has_file(ODOMETRY) && names.has_file(MATRIX)
    }

    fn sequence<'a>(
        &self,
        tree: Tree<'a>,
        options: &CaptureOptions,
    ) -> Result<Sequence<'a>, CaptureError> {
        if !tree.has_folder("rgb") {
            return Err(CaptureError::Unusable(format!(
                "{} has no folder rgb with the frames of the video, which is not read itself; this command extracts them there: {EXTRACT}",
                tree.shown_root()
            )));
        }
        let m = numbers::<9>(&tree, MATRIX)?;
        let of_all = of_picture([m[0], m[4]], [m[2], m[5]]);
        let rows = rows(&tree)?;
        let names = rows.iter().map(|row| row.frame.clone()).collect();
        let unit = options.units_per_metre;
        let frame = move |place: usize| {
            let Row {
                frame,
                world_from_camera,
                intrinsics,
            } = &rows[place];
            Phone {
                name: frame.clone(),
                world_from_camera: *world_from_camera,
                intrinsics: intrinsics.unwrap_or(of_all),
                picture: phone::picture(&tree, &format!("rgb/{frame}")),
                depth: format!("depth/{frame}.png"),
                confidence: Some(format!("confidence/{frame}.png")),
            }
            .frame(&tree, unit)
        };
        Ok(Sequence {
            names,
            frame: Box::new(frame),
        })
    }
}

/// Places of the columns in the odometry.
struct Columns {
    count: usize,
    frame: usize,
    pose: [usize; 7],
    camera: Option<[usize; 4]>,
}

impl Columns {
    /// Finds the columns by their names, because versions of the app have different columns.
    fn of(tree: &Tree, header: &str) -> Result<Self, CaptureError> {
        let header: Vec<&str> = header.split(',').map(str::trim).collect();
        let place = |name: &str| header.iter().position(|column| *column == name);
        let column = |name: &str| {
            let missing = |file: &str| format!("{file} has no column \"{name}\"");
            place(name).ok_or_else(|| tree.wrong(ODOMETRY, missing))
        };
        let mut pose = [0; 7];
        for (place, name) in pose.iter_mut().zip(["x", "y", "z", "qx", "qy", "qz", "qw"]) {
            *place = column(name)?;
        }
        let camera = match ["fx", "fy", "cx", "cy"].map(place) {
            [Some(fx), Some(fy), Some(cx), Some(cy)] => Some([fx, fy, cx, cy]),
            _ => None,
        };
        Ok(Self {
            count: header.len(),
            frame: column("frame")?,
            pose,
            camera,
        })
    }

    /// Reads a line.
    ///
    /// # Errors
    /// What is wrong with it.
    fn row(&self, line: &str) -> Result<Row, String> {
        let cells: Vec<&str> = line.split(',').map(str::trim).collect();
        let cell = |place: usize| {
            let short = || {
                format!(
                    "it has {} cells, the header has {}",
                    cells.len(),
                    self.count
                )
            };
            cells.get(place).copied().ok_or_else(short)
        };
        let value = |place: usize| {
            let word = cell(place)?;
            word.parse::<f32>()
                .map_err(|_| format!("\"{word}\" is not a number"))
        };
        let word = cell(self.frame)?;
        let index: u32 = word
            .parse()
            .map_err(|_| format!("\"{word}\" is not a frame number"))?;
        let [x, y, z, qx, qy, qz, qw] = self.pose.map(value);
        let intrinsics = match self.camera {
            Some([fx, fy, cx, cy]) => {
                let (focal, center) = ([value(fx)?, value(fy)?], [value(cx)?, value(cy)?]);
                Some(of_picture(focal, center))
            }
            None => None,
        };
        Ok(Row {
            frame: format!("{index:06}"),
            world_from_camera: quaternion_pose([qx?, qy?, qz?, qw?], [x?, y?, z?]),
            intrinsics,
        })
    }
}

/// Reads the odometry.
fn rows(tree: &Tree) -> Result<Vec<Row>, CaptureError> {
    let text = tree.text(ODOMETRY, TEXT_LIMIT)?;
    let mut lines = text.lines();
    let columns = Columns::of(tree, lines.next().unwrap_or_default())?;
    let lines = (2..).zip(lines).filter(|(_, line)| !line.trim().is_empty());
    let mut rows = Vec::new();
    for (number, line) in lines {
        let row = columns.row(line).map_err(|problem| {
            tree.wrong(ODOMETRY, |file| {
                format!("line {number} of {file}: {problem}")
            })
        })?;
        rows.push(row);
    }
    let mut frames: Vec<&str> = rows.iter().map(|row| row.frame.as_str()).collect();
    frames.sort_unstable();
    match frames.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => {
            let twice = |file: &str| format!("{file} lists frame {} twice", pair[0]);
            Err(tree.wrong(ODOMETRY, twice))
        }
        None => Ok(rows),
    }
}
