//! Frames that standard input announces as they arrive: a line names files that are complete when
//! the line comes.

use std::{
    ffi::OsStr,
    fs,
    io::{self, BufRead, Read as _},
    path::Path,
};

use anyhow::{Context, bail, ensure};
use recordings::{folder::Folder, foundation::Image};
use segscape::{
    captures::{Cells, DecodedImage, Files, InMemory},
    foundation::{Entry, depth_file, is_plain, masks_file},
    job::{RecordedFrame, RecordedPictures, bundle_depth},
    scan::{MAX_POINTS, Scan},
};

use super::{
    Ending, Track,
    frames::{Frames, Seen},
};

/// Longest line, bytes.
const LINE_LIMIT: u64 = 4 << 20;
/// Maximum number of frames whose pictures are looked at in the end.
const MAX_RECORDED: usize = 4096;
/// Largest file of a frame, bytes.
const FILE_LIMIT: u64 = 64 << 20;

impl Track {
    /// Tracks the frames that standard input announces, until it ends. Their axes are those of
    /// bundles: metres, +z is up.
    pub(super) fn arriving(&self, mut frames: Frames) -> anyhow::Result<()> {
        ensure!(
            self.orientation.choices().up.is_none() && self.orientation.choices().unit.is_none(),
            "frames that arrive are in metres and +z is up: --up, --unit and --scale are for recordings"
        );
        let mut lines = io::stdin().lock();
        let mut cells = Cells::new(self.captures.spacing());
        let (mut number, mut recorded) = (0, Recorded::default());
        while let Some(line) = next_line(&mut lines)? {
            if line.iter().all(u8::is_ascii_whitespace) {
                continue;
            }
            match arrived(&line, &self.folder) {
                Ok(Arrived { image, files }) => {
                    let refused = frames.refused;
                    self.one(number, &image, &files, &mut frames, &mut cells)?;
                    if frames.looking.is_some() && frames.refused == refused {
                        recorded.add(&image);
                    }
                }
                Err(error) => {
                    let name = format!("line {}", u64::from(number) + 1);
                    frames.refuse(number, &name, &error)?;
                }
            }
            number += 1;
        }
        let points = cells.points();
        let scan = Scan::from_points(&points.positions, Some(&points.colors))
            .context("the frames have no points")?;
        let frame = scan.frame;
        // The points may have been moved to the origin, the cameras were not.
        let place = move |position: [f32; 3]| {
            let given = frame.file_from_world(position.map(f64::from));
            given.map(|x| x as f32)
        };
        // Listed only where pictures are looked at again.
        let files: Box<dyn Files> = match frames.looking.is_some() {
            true => Box::new(Folder::open(&self.folder)?),
            false => Box::new(InMemory::new("", Vec::<(String, Vec<u8>)>::new())?),
        };
        for seen in &mut recorded.frames {
            let pose = &mut seen.camera.world_from_camera;
            let eye: [f32; 3] = pose.translation.into();
            let moved = frame.world_from_file(eye.map(f64::from));
            pose.translation = moved.map(|x| x as f32).into();
        }
        let ending = Ending {
            scan: &scan,
            place: &place,
            given: None,
            images: &[],
            recorded: RecordedPictures {
                files: &*files,
                frames: &recorded.frames,
            },
            name: OsStr::new("tracked"),
            kind: "frames from standard input",
        };
        self.finish(&frames, ending)
    }

    fn one(
        &self,
        number: u32,
        image: &Image,
        files: &InMemory,
        frames: &mut Frames,
        cells: &mut Cells,
    ) -> anyhow::Result<()> {
        let Some(seen) = Seen::of_image(number, image, files, "") else {
            let error = anyhow::anyhow!("there is no {}", depth_file(&image.name));
            return frames.refuse(number, &image.name, &error);
        };
        let pixels = seen.depth.size().iter().product::<usize>();
        if cells.len().saturating_add(pixels) > MAX_POINTS {
            let error = anyhow::anyhow!(
                "the frames so far have {} points and the limit is {MAX_POINTS}: a larger --spacing has room for more",
                cells.len()
            );
            return frames.refuse(number, &image.name, &error);
        }
        let colors = match (seen.picture)()? {
            Some(bytes) => DecodedImage::decode(&bytes, None),
            None => Ok(gray()),
        };
        let colors = match colors {
            Ok(colors) => colors,
            Err(problem) => {
                let error = anyhow::anyhow!("its picture cannot be read: {problem}");
                return frames.refuse(number, &image.name, &error);
            }
        };
        let refused = frames.refused;
        frames.add(&seen)?;
        if frames.refused == refused {
            let farthest = self.captures.farthest();
            cells.add_image(number, seen.camera, seen.depth, &colors, farthest);
        }
        Ok(())
    }
}

/// The frames whose pictures are looked at in the end, every nth of a long recording.
#[derive(Debug, Default)]
struct Recorded {
    frames: Vec<RecordedFrame>,
    /// Number of frames that came.
    came: usize,
    /// Frames are taken whose numbers two to the power of this divides.
    halvings: u32,
}

impl Recorded {
    fn add(&mut self, image: &Image) {
        let number = self.came;
        self.came += 1;
        if number.trailing_zeros() < self.halvings {
            return;
        }
        self.frames.push(RecordedFrame {
            name: image.name.clone(),
            camera: image.camera,
            picture: image.picture.clone(),
            depth: Some(bundle_depth("", &image.name)),
        });
        if self.frames.len() >= MAX_RECORDED {
            self.halvings += 1;
            let mut is_kept = false;
            self.frames.retain(|_| {
                is_kept = !is_kept;
                is_kept
            });
        }
    }
}

/// A frame whose files are there.
#[derive(Debug)]
struct Arrived {
    image: Image,
    files: InMemory,
}

/// The next line; `None` at the end.
///
/// # Errors
/// It cannot be read, or it is too long.
fn next_line(lines: &mut impl BufRead) -> anyhow::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    let mut bounded = lines.take(LINE_LIMIT + 1);
    bounded
        .read_until(b'\n', &mut line)
        .context("standard input cannot be read")?;
    ensure!(
        line.len() as u64 <= LINE_LIMIT,
        "a line of standard input has more than {LINE_LIMIT} bytes, which is the limit"
    );
    Ok((!line.is_empty()).then_some(line))
}

/// Reads the frame that a line announces.
fn arrived(line: &[u8], folder: &Path) -> anyhow::Result<Arrived> {
    let entry: Entry = serde_json::from_slice(line)
        .context("the line is not an image as `images` in foundation.json has them")?;
    let names = [Some(entry.name.as_str()), entry.picture.as_deref()];
    if let Some(name) = names.into_iter().flatten().find(|name| !is_plain(name)) {
        bail!("\"{}\" is not the name of a file", name.escape_debug());
    }
    let mut files: Vec<(String, Vec<u8>)> = Vec::new();
    let wanted = [Some(depth_file(&entry.name)), Some(masks_file(&entry.name))];
    for name in wanted.into_iter().chain([entry.picture.clone()]).flatten() {
        if files.iter().any(|(other, _)| *other == name) {
            bail!("\"{}\" is two of its files at once", name.escape_debug());
        }
        let path = folder.join(&name);
        let shown = || format!("cannot read {}", path.display());
        let Ok(metadata) = fs::metadata(&path) else {
            continue;
        };
        let bytes = metadata.len();
        ensure!(
            metadata.is_file() && bytes <= FILE_LIMIT,
            "{} has {bytes} bytes or is no file, the limit is {FILE_LIMIT}",
            path.display()
        );
        let mut content = Vec::new();
        let file = fs::File::open(&path).with_context(shown)?;
        file.take(bytes)
            .read_to_end(&mut content)
            .with_context(shown)?;
        files.push((name, content));
    }
    if let Some(picture) = &entry.picture {
        ensure!(
            files.iter().any(|(name, _)| name == picture),
            "there is no {}",
            folder.join(picture).display()
        );
    }
    let files = InMemory::new(folder.display().to_string(), files)?;
    Ok(Arrived {
        image: Image::open(&files, "", entry)?,
        files,
    })
}

/// A picture of nothing, for frames without one.
fn gray() -> DecodedImage {
    DecodedImage {
        width: 1,
        height: 1,
        rgb: vec![128; 3],
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    /// A line that announces a frame of 4 x 3 pixels.
    fn line(name: &str, picture: &str) -> String {
        format!(
            r#"{{"name": "{name}", "size": [3, 4], "focal": [3, 3], "center": [1.5, 1], "world_from_camera": [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0]{picture}, "instances": [{{"name": "cup", "score": 0.5}}]}}"#
        )
    }

    fn gray16(path: &Path, values: Vec<u16>) {
        let image = image::ImageBuffer::<image::Luma<u16>, _>::from_raw(4, 3, values).unwrap();
        image.save(path).unwrap();
    }

    #[test]
    fn a_line_brings_its_files() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        gray16(&at("a.depth.png"), vec![1500; 12]);
        gray16(&at("a.masks.png"), vec![1; 12]);
        let Arrived { image, .. } = arrived(line("a", "").as_bytes(), folder.path()).unwrap();
        assert_eq!(image.depth.unwrap().at(2, 3), [1.5]);
        assert_eq!(image.mask.unwrap().at(0.5, 0.5), Some(0));
        assert_eq!(image.instances[0].name, "cup");
        let none = arrived(line("b", "").as_bytes(), folder.path()).unwrap();
        assert!(none.image.depth.is_none() && none.image.mask.is_none());
    }

    #[test]
    fn lines_that_lead_elsewhere_or_are_none_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        gray16(&folder.path().join("c.depth.png"), vec![1500; 12]);
        gray16(&folder.path().join("c.masks.png"), vec![2; 12]);
        for (line, words) in [
            (line("../a", ""), "not the name of a file"),
            (
                line("a", r#", "picture": "/etc/passwd""#),
                "not the name of a file",
            ),
            (line("a", r#", "picture": "a.jpg""#), "there is no"),
            (
                line("c", r#", "picture": "c.depth.png""#),
                "two of its files",
            ),
            (line("c", ""), "counts 2 instances, 1 are listed"),
            ("{}".to_owned(), "not an image"),
            ("nonsense".to_owned(), "not an image"),
        ] {
            let error = arrived(line.as_bytes(), folder.path()).unwrap_err();
            let error = format!("{error:#}");
            assert!(
                error.contains(words),
                "\"{error}\" does not say \"{words}\""
            );
        }
    }

    #[test]
    fn of_long_recordings_frames_are_kept_at_equal_distances() {
        let folder = tempfile::tempdir().unwrap();
        gray16(&folder.path().join("a.depth.png"), vec![1500; 12]);
        let Arrived { mut image, .. } = arrived(line("a", "").as_bytes(), folder.path()).unwrap();
        image.instances.clear();
        let mut recorded = Recorded::default();
        for number in 0..3 * MAX_RECORDED {
            image.name = number.to_string();
            recorded.add(&image);
        }
        let numbers: Vec<usize> = recorded
            .frames
            .iter()
            .map(|frame| frame.name.parse().unwrap())
            .collect();
        assert!(numbers.len() < MAX_RECORDED);
        assert!(
            numbers
                .iter()
                .enumerate()
                .all(|(i, number)| *number == 4 * i),
            "{numbers:?}"
        );
    }

    #[test]
    fn lines_end_and_are_bounded() {
        let mut two = &b"first\nsecond"[..];
        assert_eq!(next_line(&mut two).unwrap().unwrap(), b"first\n");
        assert_eq!(next_line(&mut two).unwrap().unwrap(), b"second");
        assert_eq!(next_line(&mut two).unwrap(), None);
        let long = vec![b'x'; LINE_LIMIT as usize + 1];
        assert!(
            next_line(&mut &long[..])
                .unwrap_err()
                .to_string()
                .contains("the limit")
        );
    }
}
