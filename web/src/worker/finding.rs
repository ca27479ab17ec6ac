//! Finds the instances of the open scan, together with the worker's assistant where there is one.

use segscape::{
    instances::{KeptMasks, Segmentation},
    job::{self, Decoding, Grouping, ImageEvidence, Network, SegmentError},
    model::{InferenceError, Observation, manifest::ManifestError},
    platform,
    progress::{Cancel, Monitor, Progress, Stage},
    scan::Scan,
    superpoint::SuperpointOptions,
};
use wasm_bindgen_futures::JsFuture;

use super::{
    assistant::Help,
    backend,
    images::Images,
    models::{self, ModelError, Offered},
    pointing::Pieces,
    post,
    prompt::Asked,
    session::{NO_SCENE, Session, Watch},
};
use crate::{
    numbers::grouped,
    protocol::{MOST_SHARED_POINTS, Reply},
};

impl Session {
    /// Computes the superpoints, unless they came with the scan, and then the instances of the open
    /// scan. `images` are those of a capture.
    pub(super) async fn find(&mut self, images: Option<Images>) -> Result<(), String> {
        let points = self.open.scan().map_or(0, Scan::len);
        if points > MOST_SHARED_POINTS as usize {
            self.help.dismiss();
        } else {
            self.call_assistant();
        }
        let found = self.search(images).await;
        if found.is_err() {
            // What it still sends belongs to this scan.
            self.help.dismiss();
        }
        found
    }

    async fn search(&mut self, images: Option<Images>) -> Result<(), String> {
        let (watch, cancel) = (Watch::start(), Cancel::default());
        let report = |progress| watch.report(progress);
        let monitor = Monitor::new(&report, &cancel);
        platform::yield_now().await; // send the points to the page first
        // Without a manifest the superpoints are the usual ones; loading the network says why.
        let given = images.as_ref().and_then(Images::superpoints);
        let (mesh_superpoints, evidence) = match self.offered().await {
            Ok(Offered { manifest, .. }) => {
                let read = images.map(|images| images.evidence(&manifest.config));
                let evidence = read.transpose()?.unwrap_or_default();
                (manifest.config.mesh_superpoints, evidence)
            }
            Err(_) => Default::default(),
        };
        let encoded = self.begin_elsewhere(&evidence).await;
        let scan = self.open.scan().ok_or(NO_SCENE)?;
        let options = mesh_superpoints.options(scan.triangles.len());
        let grouping = job::group(&Observation::from(scan), given, &options, &monitor)
            .map_err(|error| error.to_string())?;
        watch.finished(
            Stage::Superpoints,
            format!("{} superpoints", grouped(grouping.superpoints.count())),
        );
        platform::yield_now().await;

        let (segmentation, masks) = self
            .segment(&evidence, &grouping, encoded, &watch, &monitor)
            .await?;
        watch.finished(
            Stage::Instances,
            format!("{} instances", segmentation.instances.len()),
        );
        let model = self
            .network
            .as_ref()
            .map(|network| network.name.clone())
            .unwrap_or_default();
        let (superpoints, tree) = grouping.into_parts();
        self.through(superpoints, segmentation, model).await?;
        let tree = Some(tree);
        self.scene_mut()?.pieces = Pieces { tree, masks };
        self.prompt(Asked::NOTHING).await?;
        post(&Reply::Done);
        Ok(())
    }

    /// Runs the network, together with the assistant if it is there, which has `encoded` the voxels or
    /// will have. A failed run on the GPU is repeated on the CPU, and one whose assistant failed without
    /// it.
    async fn segment(
        &mut self,
        evidence: &ImageEvidence,
        grouping: &Grouping,
        mut encoded: bool,
        watch: &Watch,
        monitor: &Monitor<'_>,
    ) -> Result<(Segmentation, KeptMasks), String> {
        loop {
            self.load_network(watch).await?;
            let (Some(network), Some(scan)) = (&self.network, self.open.scan()) else {
                return Err(NO_SCENE.to_owned());
            };
            let decoding = Decoding::default();
            let colors = scan.colors.as_deref();
            let observation = evidence.observation(&scan.positions, colors, &scan.triangles);
            let found = match &self.help {
                Help::There(assistant) if assistant.is_loaded() => {
                    let encoded = std::mem::take(&mut encoded);
                    job::segment_shared(
                        &observation,
                        grouping,
                        network,
                        &decoding,
                        (assistant, encoded),
                        monitor,
                    )
                    .await
                }
                _ => {
                    job::segment_keeping_masks(&observation, grouping, network, &decoding, monitor)
                        .await
                }
            };
            match found {
                Err(SegmentError::Inference(InferenceError::Peer(error))) => {
                    self.help.give_up(&error);
                }
                Err(SegmentError::Inference(InferenceError::Device(error))) if self.on_gpu => {
                    self.leave_gpu(&error)
                }
                result => return result.map_err(|error| error.to_string()),
            }
        }
    }

    /// Starts the assistant, unless it is there. A GPU does alone what it does fast.
    pub(super) fn call_assistant(&mut self) {
        if !self.on_gpu {
            self.help.call();
        }
    }

    /// Lets the assistant load the network and, once it has, begin with the open scan, so that it is
    /// at work while superpoints are computed here. `true` if it will send the features of the voxels.
    async fn begin_elsewhere(&mut self, evidence: &ImageEvidence) -> bool {
        let Some(offered) = &self.offered else {
            self.help.dismiss(); // there is nothing that it could load
            return false;
        };
        let (Help::There(assistant), Some(scan)) = (&self.help, self.open.scan()) else {
            return false;
        };
        // What is not there yet is fetched while this worker is too busy to read what comes.
        let fetches = self.network.is_none() && !models::is_kept(offered).await;
        assistant.load(offered, fetches);
        if !assistant.is_loaded() {
            return false; // waiting for it would take longer than working alone
        }
        let colors = scan.colors.as_deref();
        let observation = evidence.observation(&scan.positions, colors, &scan.triangles);
        job::encode_elsewhere(&observation, assistant)
    }

    /// Computes the superpoints of the open scan and finds nothing in it.
    pub(super) async fn group(&mut self) -> Result<(), String> {
        let (watch, cancel) = (Watch::start(), Cancel::default());
        let report = |progress| watch.report(progress);
        let monitor = Monitor::new(&report, &cancel);
        platform::yield_now().await;
        let given = self.waiting.take();
        let given = given.as_ref().and_then(Images::superpoints);
        let scan = self.open.scan().ok_or(NO_SCENE)?;
        let options = SuperpointOptions::default();
        let grouping = job::group(&Observation::from(scan), given, &options, &monitor)
            .map_err(|error| error.to_string())?;
        let (superpoints, tree) = grouping.into_parts();
        watch.finished(
            Stage::Superpoints,
            format!("{} superpoints", grouped(superpoints.count())),
        );
        self.through(superpoints, Segmentation::default(), String::new())
            .await?;
        self.scene_mut()?.pieces.tree = Some(tree);
        self.prompt(Asked::NOTHING).await?;
        post(&Reply::Done);
        Ok(())
    }

    /// The network that the server offers; its manifest is fetched once.
    async fn offered(&mut self) -> Result<&Offered, ModelError> {
        match &mut self.offered {
            Some(offered) => Ok(offered),
            none => Ok(none.insert(models::offered().await?)),
        }
    }

    /// Loads the network onto the device, from the files that the assistant hands over if it fetches
    /// them.
    async fn fetch_network(&mut self) -> Result<Network, ModelError> {
        let offered = self.offered().await?.clone();
        let handed = match &self.help {
            Help::There(assistant) => assistant.files().await,
            _ => Ok(None),
        };
        let files = match handed {
            Ok(Some(files)) => files,
            Ok(None) => models::files_of(&offered).await?,
            Err(error) => {
                self.help.give_up(&error);
                models::files_of(&offered).await?
            }
        };
        let device = self.device.as_ref().ok_or(ModelError::NoDevice)?;
        models::load(&offered, &files, device).await
    }

    async fn load_network(&mut self, watch: &Watch) -> Result<(), String> {
        watch.report(Progress {
            stage: Stage::Model,
            done: 0.0,
        });
        if self.network.is_none() {
            if let Some(warm) = &self.warm {
                // This promise never rejects.
                drop(JsFuture::from(warm.clone()).await);
            }
            let mut loaded = self.fetch_network().await;
            if let Err(ModelError::Network(
                error @ (ManifestError::Golden { .. } | ManifestError::Inference(_)),
            )) = &loaded
                && self.on_gpu
            {
                self.leave_gpu(error);
                loaded = self.fetch_network().await;
            }
            let network = loaded.map_err(|error| {
                format!(
                    "the superpoints are computed, but the network could not be loaded: {error}"
                )
            })?;
            self.network = Some(network);
        }
        let outcome = |network: &Network| match network.fixed_classes() {
            None => network.name.clone(),
            Some(classes) => format!(
                "{}: {} fixed classes, with whose names prompts are compared",
                network.name,
                classes.names.len()
            ),
        };
        let outcome = self.network.as_ref().map(outcome).unwrap_or_default();
        watch.finished(Stage::Model, outcome);
        Ok(())
    }

    /// Continues on the CPU after WebGPU was lost, ran out of memory or computed wrong results.
    /// Everything that was loaded onto the GPU is gone.
    fn leave_gpu(&mut self, error: &impl std::fmt::Display) {
        let report = error.to_string();
        web_sys::console::warn_1(&report.as_str().into());
        self.network = None;
        self.compute_on(backend::cpu_instead(&report));
    }
}
