//! What a user points out or fills by clicks, and sets of superpoints that grow and shrink by one.

use segscape::{
    instances::{Clicks, KeptMasks},
    job::Segmented,
    platform,
    progress::{Cancel, Monitor, Stage},
    superpoint::Hierarchy,
};

use super::{
    post,
    session::{Session, Watch},
};
use crate::protocol::Reply;

/// What clicks choose from beside the instances: about 200 bytes per superpoint, and at most 50 for
/// the masks.
#[derive(Default)]
pub struct Pieces {
    /// The merge tree of the superpoints. A scene that was found elsewhere has none before the first
    /// click.
    pub tree: Option<Hierarchy>,
    /// The masks that the network proposed. A scene that was found elsewhere has none.
    pub masks: KeptMasks,
}

impl Session {
    /// Answers what clicks point out.
    ///
    /// # Errors
    /// There is no scene, or its merge tree cannot be built; in words for the user.
    pub(super) async fn point_out(&mut self, serial: u32, clicks: &Clicks) -> Result<(), String> {
        let is_new = self.build_tree().await?;
        let ground = self.scene()?.ground().ok_or(NO_TREE)?;
        post(&Reply::PointedOut {
            serial,
            suggestions: ground.pointed_out(clicks),
            masks: self.scene()?.pieces.masks.count() as u32,
        });
        end(is_new);
        Ok(())
    }

    /// Answers what clicks fill. The `barred` superpoints bound it.
    ///
    /// # Errors
    /// There is no scene, or its merge tree cannot be built; in words for the user.
    pub(super) async fn fill(
        &mut self,
        serial: u32,
        clicks: &Clicks,
        barred: &[u32],
    ) -> Result<(), String> {
        let is_new = self.build_tree().await?;
        let ground = self.scene()?.ground().ok_or(NO_TREE)?;
        post(&Reply::PointedOut {
            serial,
            suggestions: ground.filled(clicks, barred),
            masks: 0,
        });
        end(is_new);
        Ok(())
    }

    /// Answers by which superpoint a set grows or shrinks. The `fixed` ones neither come nor go.
    ///
    /// # Errors
    /// There is no scene, or its merge tree cannot be built; in words for the user.
    pub(super) async fn resize(
        &mut self,
        serial: u32,
        (set, fixed): (&[u32], &[u32]),
        grows: bool,
    ) -> Result<(), String> {
        let is_new = self.build_tree().await?;
        let ground = self.scene()?.ground().ok_or(NO_TREE)?;
        let superpoint = match grows {
            true => ground.grown(set, fixed),
            false => ground.shrunk(set, fixed),
        };
        post(&Reply::Resized { serial, superpoint });
        end(is_new);
        Ok(())
    }

    /// Builds the merge tree of a scene that came without one, as a stage of its own that can be
    /// cancelled. Returns `true` if it was missing.
    async fn build_tree(&mut self) -> Result<bool, String> {
        if self.scene()?.pieces.tree.is_some() {
            return Ok(false);
        }
        let (watch, cancel) = (Watch::start(), Cancel::default());
        let report = |progress| watch.report(progress);
        let monitor = Monitor::new(&report, &cancel);
        platform::yield_now().await;
        let scene = self.scene_mut()?;
        let Segmented {
            scan, superpoints, ..
        } = &scene.segmented;
        let colors = scan.colors.as_deref();
        let tree = Hierarchy::of_points(&scan.positions, colors, superpoints, &monitor);
        let tree = tree.map_err(|error| format!("clicks have nothing to choose from: {error}"))?;
        let contacts = tree.contacts().len();
        scene.pieces.tree = Some(tree);
        watch.finished(Stage::Superpoints, format!("{contacts} contacts"));
        Ok(true)
    }
}

/// The tree is there as soon as it was built.
const NO_TREE: &str = "the superpoints of the scene are lost; open it again";

/// Ends the job that building the tree was.
fn end(was_job: bool) {
    if was_job {
        post(&Reply::Done);
    }
}
