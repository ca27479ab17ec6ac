//! Reads the files of models and buildings, tables and meshes, and checks them before use.

use std::{
    fs::{self, File},
    io::Read,
    path::{Path, PathBuf},
};

use anyhow::{Context, bail, ensure};
use segscape::{
    progress::Monitor,
    scan::{self, Scan},
};

/// The largest size of a file, bytes.
const MAX_BYTES: u64 = 256 << 20;
/// The most rows of a table.
const MAX_ROWS: usize = 20_000;

fn bytes_of(path: &Path) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
    file.take(MAX_BYTES + 1)
        .read_to_end(&mut bytes)
        .with_context(|| format!("cannot read {}", path.display()))?;
    ensure!(
        bytes.len() as u64 <= MAX_BYTES,
        "{} has more bytes than the limit of {MAX_BYTES}",
        path.display()
    );
    Ok(bytes)
}

/// A table of comma-separated values without quotes.
pub struct Sheet {
    path: PathBuf,
    text: String,
}

impl Sheet {
    /// Reads a table.
    ///
    /// # Errors
    /// Returns an error if the file cannot be read, is not text, or has too many rows.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let text = String::from_utf8(bytes_of(path)?)
            .ok()
            .with_context(|| format!("{} is not text", path.display()))?;
        let rows = text.lines().count();
        ensure!(
            rows <= MAX_ROWS,
            "{} has {rows} rows, the limit is {MAX_ROWS}",
            path.display()
        );
        Ok(Self {
            path: path.to_owned(),
            text,
        })
    }

    /// The cells of the columns with the given names, row by row.
    ///
    /// # Errors
    /// Returns an error if a column does not exist, or if a row has more or fewer cells than the
    /// header.
    pub fn columns<'a, const N: usize>(
        &'a self,
        names: [&str; N],
    ) -> anyhow::Result<Vec<[&'a str; N]>> {
        let path = self.path.display();
        let mut lines = self.text.lines();
        let header: Vec<&str> = lines
            .next()
            .unwrap_or_default()
            .split(',')
            .map(str::trim)
            .collect();
        let mut places = [0; N];
        for (place, name) in places.iter_mut().zip(names) {
            *place = header
                .iter()
                .position(|cell| *cell == name)
                .with_context(|| format!("{path} has no column {name}"))?;
        }
        let row = |(number, line): (usize, &'a str)| {
            let cells: Vec<&str> = line.split(',').map(str::trim).collect();
            ensure!(
                cells.len() == header.len(),
                "row {} of {path} has {} cells, its header has {}",
                number + 2,
                cells.len(),
                header.len()
            );
            Ok(places.map(|place| cells[place]))
        };
        lines
            .enumerate()
            .filter(|(_, line)| !line.trim().is_empty())
            .map(row)
            .collect()
    }
}

/// Reads a colored triangle mesh of at most `most` triangles whose longest side is within `sizes`,
/// metres.
///
/// # Errors
/// Returns an error if the file cannot be read or is damaged, or if it has no color, no triangle,
/// more than `most` triangles, or a longest side outside `sizes`.
pub fn mesh(path: &Path, most: usize, sizes: [f32; 2]) -> anyhow::Result<Scan> {
    let name = path.display();
    let scan = scan::read(&bytes_of(path)?, &Monitor::silent())
        .with_context(|| format!("cannot read {name}"))?;
    if let Some(warning) = scan.warnings.first() {
        bail!("{name} is damaged: {}", warning.0);
    }
    ensure!(scan.colors.is_some(), "{name} has no colors");
    ensure!(
        (1..=most).contains(&scan.triangles.len()),
        "{name} has {} triangles, it must have 1 to {most}",
        scan.triangles.len()
    );
    let extent = |axis: usize| {
        let values = || scan.positions.iter().map(|p| p[axis]);
        values().fold(f32::NEG_INFINITY, f32::max) - values().fold(f32::INFINITY, f32::min)
    };
    let size = (0..3).map(extent).fold(0.0, f32::max);
    ensure!(
        (sizes[0]..=sizes[1]).contains(&size),
        "{name} is {size} m large, it must be {} to {} m",
        sizes[0],
        sizes[1]
    );
    Ok(scan)
}

/// The sorted names, without the extension, of the `.ply` files in a folder.
///
/// # Errors
/// Returns an error if the folder cannot be read.
pub fn meshes_in(folder: &Path) -> anyhow::Result<Vec<String>> {
    let entries =
        fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let name = |entry: std::io::Result<fs::DirEntry>| {
        Some(
            entry
                .ok()?
                .file_name()
                .to_str()?
                .strip_suffix(".ply")?
                .to_owned(),
        )
    };
    let mut names: Vec<String> = entries.filter_map(name).collect();
    names.sort();
    Ok(names)
}
