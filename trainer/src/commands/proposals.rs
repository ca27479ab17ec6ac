//! Instances that other programs found, as candidates beside those of the network.

use std::{
    collections::BTreeMap,
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, ensure};
use clap::Args;
use segscape::{
    instances::{NO_INSTANCE, PointMasks},
    progress::Monitor,
    scan::{self, Scan},
};

/// Folders with the results of other programs.
#[derive(Args, Clone, Debug, Default)]
pub struct Proposals {
    /// Folder with SCAN.labelled.ply of every scan, as `trainer lift --out` and `trainer track --out`
    /// write it: `instance` of every point (negative for none) and, if there is, `score`. Its
    /// instances are ranked beside those of the network. May be given more than once.
    #[arg(long = "proposals", value_name = "FOLDER")]
    folders: Vec<PathBuf>,
}

impl Proposals {
    /// `true` if there are none.
    pub fn is_empty(&self) -> bool {
        self.folders.is_empty()
    }

    /// Those for a scan with this name, from every folder.
    ///
    /// # Errors
    /// A file is missing or damaged, or has no instances.
    pub fn of(&self, name: &OsStr) -> anyhow::Result<Vec<PointMasks>> {
        let read = |folder: &PathBuf| {
            let mut file = name.to_owned();
            file.push(".labelled.ply");
            let file = folder.join(file);
            read(&file).with_context(|| file.display().to_string())
        };
        self.folders.iter().map(read).collect()
    }
}

fn read(file: &Path) -> anyhow::Result<PointMasks> {
    let bytes = fs::read(file).context("the file cannot be read")?;
    let scan = scan::read(&bytes, &Monitor::silent())?;
    point_masks(&scan)
}

/// The instances of a labelled scan. One whose points have different scores has their mean.
fn point_masks(scan: &Scan) -> anyhow::Result<PointMasks> {
    let points = scan.table.point_rows();
    let instance = points
        .column("instance")
        .context("the points have no property `instance`")?;
    let score = points.column("score");
    let mut index_of_id = BTreeMap::<i128, u32>::new();
    let (mut instance_of_point, mut sums) = (Vec::with_capacity(scan.len()), Vec::new());
    for point in 0..scan.len() {
        let row = match &scan.row_of_point {
            Some(rows) => *rows.get(point).context("a point has no row in the file")? as usize,
            None => point,
        };
        let id = instance.integer_at(row).with_context(|| {
            let value = instance.at(row);
            format!("`instance` of point {row} is {value}, no whole number")
        })?;
        if id < 0 {
            instance_of_point.push(NO_INSTANCE);
            continue;
        }
        let index = *index_of_id.entry(id).or_insert(sums.len() as u32);
        if index as usize == sums.len() {
            sums.push((0.0, 0.0));
        }
        let score = score.map_or(1.0, |score| score.at(row));
        ensure!(
            (0.0..=1.0).contains(&score),
            "`score` of point {row} is {score}, it must be 0 to 1"
        );
        let (sum, count) = &mut sums[index as usize];
        *sum += score;
        *count += 1.0;
        instance_of_point.push(index);
    }
    let mean = |(sum, count): (f64, f64)| (sum / count) as f32;
    Ok(PointMasks {
        instance_of_point,
        scores: sums.into_iter().map(mean).collect(),
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn of(properties: &str, rows: &[&str]) -> anyhow::Result<PointMasks> {
        let text = format!(
            "ply\nformat ascii 1.0\nelement vertex {}\nproperty float x\nproperty float y\nproperty float z\n{properties}end_header\n{}\n",
            rows.len(),
            rows.join("\n")
        );
        point_masks(&scan::read(text.as_bytes(), &Monitor::silent()).unwrap())
    }

    #[test]
    fn instances_and_scores_are_read_or_the_value_is_named() {
        let both = "property int instance\nproperty float score\n";
        let rows = [
            "0 0 0 7 0.5",
            "1 0 0 -1 0",
            "nan 0 0 7 1",
            "1 1 0 0 1",
            "2 1 0 7 0.25",
        ];
        let masks = of(both, &rows).unwrap();
        assert_eq!(masks.instance_of_point, [0, NO_INSTANCE, 1, 0]);
        assert_eq!(
            masks.scores,
            [0.375, 1.0],
            "the point without a place does not count"
        );
        let plain = of("property int instance\n", &["0 0 0 0", "1 0 0 0"]).unwrap();
        assert_eq!(
            (plain.instance_of_point, plain.scores),
            (vec![0, 0], vec![1.0])
        );

        let refused = |properties, row| of(properties, &[row]).unwrap_err().to_string();
        assert!(refused("", "0 0 0").contains("no property `instance`"));
        assert!(refused(both, "0 0 0 1 2").contains("`score` of point 0 is 2"));
        assert!(refused("property float instance\n", "0 0 0 0.5").contains("is 0.5"));
    }
}
