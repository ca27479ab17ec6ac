//! What the images of the open scan say to the network.

use segscape::{
    job::{ImageEvidence, SceneImages},
    model::Config,
    superpoint::Superpoints,
};

use super::post;
use crate::protocol::{ImagesInfo, Reply};

/// What the images of a capture or a bundle may say, before it is known which network asks.
pub struct Images {
    /// What a bundle says of its points; captures have pictures alone, which no network reads.
    about: Option<SceneImages>,
    /// If `true`, the network gets it.
    used: bool,
}

impl Images {
    /// What is said `about` the points; the network gets it if it is `used`.
    pub fn new(about: Option<SceneImages>, used: bool) -> Self {
        Self { about, used }
    }

    /// The superpoints that came with the scene.
    pub fn superpoints(&self) -> Option<Superpoints> {
        self.about.as_ref().and_then(SceneImages::superpoints)
    }

    /// What a network of this `config` gets. Tells the page whether there is a choice, and what is
    /// missing or not read.
    ///
    /// # Errors
    /// Another 2D model described the images than the network reads; in words for the user.
    pub fn evidence(self, config: &Config) -> Result<ImageEvidence, String> {
        let content = self.about.as_ref().map(|about| about.content);
        let content = content.unwrap_or_default();
        let choice = content.is_read_by(config);
        let tell = |remarks| post(&Reply::Images(ImagesInfo { choice, remarks }));
        let read = match self.about.filter(|_| self.used) {
            Some(about) => about.evidence(config),
            None => Ok((ImageEvidence::default(), None)),
        };
        match read {
            Ok((evidence, partly)) => {
                let mut remarks = evidence.remarks(config, content, !self.used);
                remarks.extend(partly);
                tell(remarks);
                Ok(evidence)
            }
            Err(error) => {
                tell(vec![error.to_string()]);
                Err(format!(
                    "{error}; it can search without what the images say, which is a choice beside what is known of the scan"
                ))
            }
        }
    }
}
