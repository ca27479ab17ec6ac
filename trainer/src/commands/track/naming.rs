//! Names of tracked instances, when all frames were added.

use std::{ffi::OsStr, path::Path};

use recordings::foundation::{Image, names_by_views};
use segscape::{
    images::Things, job::RecordedPictures, progress::Monitor, scan::Scan, views::BestViewOptions,
    write::PointLabels,
};

use crate::commands::{
    by_views::{self, Looking},
    results::Sources,
};

/// What instances are named by.
pub struct Photographs<'a> {
    /// What messages call the recording.
    pub path: &'a Path,
    /// What its results are called.
    pub name: &'a OsStr,
    /// The images of a bundle.
    pub images: &'a [Image],
    /// The photographs.
    pub recorded: RecordedPictures<'a>,
}

impl Photographs<'_> {
    /// Names the instances of `labels`: by what a model says of their pictures, or else by the masks
    /// in the images that show them best. Those of which no such image has a named mask keep the
    /// names that masks gave them while they were tracked.
    ///
    /// # Errors
    /// The model fails, or a picture cannot be written.
    pub fn name(
        &self,
        labels: &mut PointLabels,
        scan: &Scan,
        looking: Option<&Looking>,
    ) -> anyhow::Result<Sources> {
        let mut points: Vec<Vec<u32>> = vec![Vec::new(); labels.instances.len()];
        for (point, owner) in (0..).zip(&labels.instance_of_point) {
            if let Some(points) = points.get_mut(*owner as usize) {
                points.push(point);
            }
        }
        if let Some(looking) = looking {
            let things = Things {
                positions: &scan.positions,
                colors: scan.colors.as_deref(),
                points: &points,
            };
            let recorded = Some(&self.recorded as _);
            let about = (self.path, self.name);
            return looking.name(labels, &things, recorded, about, &Monitor::silent());
        }
        let options = BestViewOptions::default();
        let voted = names_by_views(&scan.positions, &points, self.images, &options);
        let ids: Vec<u32> = labels.instances.iter().map(|of| of.id).collect();
        let scores = labels.instances.iter().map(|of| of.score);
        let names = voted.iter().zip(scores);
        let names = names.map(|(voted, score)| Some((voted.as_ref()?.name.clone(), score)));
        by_views::rename(labels, names.collect());
        Ok(by_views::voted_sources(&voted, &ids))
    }
}
