//! Recordings in the layout of TUM RGB-D: lists of time stamps with pictures (rgb.txt), depth
//! images (depth.txt) and poses (groundtruth.txt).

use glam::Affine3A;

use super::{
    super::{
        Extent, Intrinsics,
        poses::{TEXT_LIMIT, quaternion_pose},
    },
    CaptureError, CaptureOptions, Names, Reader, Sequence, Tree, UpAxis, gray16,
    recorded::{self, inside},
    stem,
};

const LISTS: [&str; 3] = ["rgb.txt", "depth.txt", "groundtruth.txt"];
/// Files in which a folder may specify its camera.
const INTRINSICS: [&str; 3] = ["camera_intrinsic.json", "intrinsics.txt", "calibration.txt"];
/// Depth units per metre: fifths of a millimetre.
const UNIT: f32 = 5000.0;
/// Time stamps that are farther apart belong to different moments, seconds.
const APART: f64 = 0.02;
/// Names of the three cameras of the data set, and their fx, fy, cx and cy.
const CAMERAS: [([&str; 2], [f32; 4]); 3] = [
    (["freiburg1", "fr1"], [517.3, 516.5, 318.6, 255.3]),
    (["freiburg2", "fr2"], [520.9, 521.0, 325.1, 249.7]),
    (["freiburg3", "fr3"], [535.4, 539.2, 320.1, 247.6]),
];
const SIZE: [f32; 2] = [640.0, 480.0];

/// Recordings with lists of time stamps.
pub struct Tum;

impl Reader for Tum {
    fn signs(&self) -> &'static str {
        "rgb.txt, depth.txt and groundtruth.txt (TUM RGB-D)"
    }

    fn up(&self) -> Option<UpAxis> {
        None
    }

    fn is_here(&self, names: &dyn Names) -> bool {
        LISTS.iter().all(|list| names.has_file(list))
    }

    /// The pairs of a picture and a depth image that are each other's nearest in time, with the
    /// nearest pose.
    fn sequence<'a>(
        &self,
        tree: Tree<'a>,
        options: &CaptureOptions,
    ) -> Result<Sequence<'a>, CaptureError> {
        let [rgb, depth, poses] = LISTS;
        let (pictures, depths) = (list(&tree, rgb, file)?, list(&tree, depth, file)?);
        let poses = list(&tree, poses, pose)?;
        let given = match options.intrinsics {
            Some(given) => Some(given),
            None => Intrinsics::find(&tree, &INTRINSICS)?,
        };
        let intrinsics = given.or_else(|| known(tree.name())).ok_or_else(|| {
            CaptureError::NoCamera(format!(
                "the camera of {} is not known: the name contains none of fr1, fr2 and fr3, and the folder has none of {INTRINSICS:?}",
                tree.shown_root()
            ))
        })?;
        let mutual = |picture: usize| {
            let depth = nearest(&depths, pictures[picture].0)?;
            (nearest(&pictures, depths[depth].0) == Some(picture)).then_some((picture, depth))
        };
        let pairs: Vec<_> = (0..pictures.len()).filter_map(mutual).collect();
        if pairs.is_empty() {
            return Err(tree.wrong(rgb, |file| {
                format!("no picture in {file} has a depth image within {APART} s")
            }));
        }
        let name = |(picture, _): &(usize, usize)| stem(&pictures[*picture].1).to_owned();
        let names = pairs.iter().map(name).collect();
        let options = options.clone();
        let frame = move |place: usize| {
            let (picture, depth) = pairs[place];
            let (time, depth) = &depths[depth];
            let picture = pictures[picture].1.as_str();
            let pose = nearest(&poses, *time).and_then(|row| poses[row].1);
            let depth = gray16(depth.clone(), &options, UNIT);
            recorded::frame(&tree, stem(picture), pose, intrinsics, Some(picture), depth)
        };
        Ok(Sequence {
            names,
            frame: Box::new(frame),
        })
    }
}

/// The camera of the data set, by the name of the folder.
fn known(folder: &str) -> Option<Intrinsics> {
    let name = folder.to_lowercase();
    let mut words = name.split(|c: char| !c.is_ascii_alphanumeric());
    let (_, [fx, fy, cx, cy]) =
        words.find_map(|word| CAMERAS.iter().find(|(names, _)| names.contains(&word)))?;
    Some(Intrinsics {
        focal: [*fx, *fy],
        center: [*cx, *cy],
        of: Extent::Size(SIZE),
    })
}

/// The entries of a list with their times in seconds, by ascending time.
fn list<T>(
    tree: &Tree,
    path: &str,
    what: impl Fn(&[&str]) -> Result<T, String>,
) -> Result<Vec<(f64, T)>, CaptureError> {
    let text = tree.text(path, TEXT_LIMIT)?;
    let mut rows = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let words: Vec<&str> = line
            .split(|c: char| c.is_whitespace() || c == ',')
            .filter(|word| !word.is_empty())
            .collect();
        let [time, rest @ ..] = &words[..] else {
            continue;
        };
        if time.starts_with('#') {
            continue;
        }
        let seconds = time.parse().ok().filter(|time: &f64| time.is_finite());
        let row = seconds
            .ok_or_else(|| format!("\"{time}\" is not a time"))
            .and_then(|time| Ok((time, what(rest)?)));
        rows.push(row.map_err(|problem| {
            tree.wrong(path, |file| format!("line {number} of {file}: {problem}"))
        })?);
    }
    if rows.is_empty() {
        return Err(tree.wrong(path, |file| format!("{file} has no entries")));
    }
    rows.sort_by(|a, b| a.0.total_cmp(&b.0));
    Ok(rows)
}

fn file(words: &[&str]) -> Result<String, String> {
    inside(words.first().ok_or("the line names no file")?)
}

fn pose(words: &[&str]) -> Result<Option<Affine3A>, String> {
    let number = |word: &&str| {
        let number = word.parse();
        number.map_err(|_| format!("\"{word}\" is not a number"))
    };
    let numbers = words.iter().map(number).collect::<Result<Vec<f32>, _>>()?;
    let [tx, ty, tz, qx, qy, qz, qw] = numbers[..] else {
        return Err(format!(
            "there are {} numbers after the time instead of 7: tx ty tz qx qy qz qw",
            numbers.len()
        ));
    };
    Ok(quaternion_pose([qx, qy, qz, qw], [tx, ty, tz]))
}

/// The row whose time is nearest, if it is near enough.
fn nearest<T>(rows: &[(f64, T)], time: f64) -> Option<usize> {
    let after = rows.partition_point(|row| row.0 < time);
    let away = |row: &usize| (rows[*row].0 - time).abs();
    let row = [after.checked_sub(1), (after < rows.len()).then_some(after)]
        .into_iter()
        .flatten()
        .min_by(|a, b| away(a).total_cmp(&away(b)))?;
    (away(&row) <= APART).then_some(row)
}
