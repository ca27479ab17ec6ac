//! The state of the worker and the requests it answers.

use std::cell::Cell;

use burn::tensor::Device;
use js_sys::Promise;
use segscape::{
    bundle::{SavedView, ScanFile},
    instances::{Segmentation, query::Recognizer},
    job::{self, Decoding, Network, SegmentError, Segmented},
    model::{InferenceError, Observation, manifest::ManifestError},
    platform,
    progress::{Cancel, Monitor, Progress, Stage},
    scan::Scan,
    spatial,
    superpoint::{SuperpointOptions, Superpoints},
    text::{TextEncoder, Vocabulary},
    warm_up::warm_up,
    write::Export,
};
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::{JsFuture, future_to_promise};

use super::{
    backend,
    capture::Whole,
    images::Images,
    models::{self, ModelError, Offered},
    opening::How,
    pointing::Pieces,
    post,
    prompt::Asked,
    scene::{OpenScene, Origin},
};
use crate::{
    browser,
    edits::Edits,
    numbers::grouped,
    protocol::{BackendInfo, Bulk, Contents, ExportFacts, Processor, Reply, Request, stem},
    view::{cloud::pack, palette},
};

/// Number of neighbors that tell the direction of the surface at a point.
const NORMAL_NEIGHBORS: usize = 16;

/// The state that the worker keeps between requests.
#[derive(Default)]
pub struct Session {
    device: Option<Device>,
    /// If `true`, the device is WebGPU.
    on_gpu: bool,
    /// Resolved once the kernels are compiled; `None` before compilation has begun.
    warm: Option<Promise>,
    /// The network to load, once its manifest is fetched.
    offered: Option<Offered>,
    network: Option<Network>,
    /// The text encoder that was needed last; that of the open scene may be another one.
    pub(super) encoder: Option<Box<dyn TextEncoder>>,
    /// File name of the open scan.
    pub(super) name: String,
    /// The file that it is, if it is one file with points alone.
    pub(super) file: Option<ScanFile>,
    /// Number of frames of the capture that it was made of, or 0.
    pub(super) frames: u32,
    /// What the images of the open scan say, if nothing was searched in it so far.
    pub(super) waiting: Option<Images>,
    pub(super) open: Open,
    /// Maximum number of points of a file that are kept, if the page says one.
    pub(super) budget: Option<usize>,
    /// The file that the open scan is an excerpt of, if it is one.
    pub(super) whole: Option<Whole>,
}

/// The stage that the open scan has reached.
#[derive(Default)]
pub(super) enum Open {
    #[default]
    Nothing,
    /// The scan is on screen, without instances so far.
    Scan(Box<Scan>),
    /// The instances are found.
    Scene(Box<OpenScene>),
}

impl Open {
    pub(super) fn scan(&self) -> Option<&Scan> {
        match self {
            Self::Nothing => None,
            Self::Scan(scan) => Some(scan),
            Self::Scene(scene) => Some(&scene.segmented.scan),
        }
    }

    fn into_scan(self) -> Option<Scan> {
        match self {
            Self::Nothing => None,
            Self::Scan(scan) => Some(*scan),
            Self::Scene(scene) => Some(scene.segmented.scan),
        }
    }
}

/// Measures the time of one stage after the other and forwards their progress.
pub(super) struct Watch(Cell<(Option<Stage>, f64)>);

impl Watch {
    pub(super) fn start() -> Self {
        Self(Cell::new((None, browser::now())))
    }

    /// Reports the progress of a stage. The first report of a stage starts its clock.
    pub(super) fn report(&self, progress: Progress) {
        if self.0.get().0 != Some(progress.stage) {
            self.0.set((Some(progress.stage), browser::now()));
        }
        post(&Reply::Progress(progress));
    }

    /// Reports the end of a stage.
    pub(super) fn finished(&self, stage: Stage, outcome: String) {
        post(&Reply::Finished {
            stage,
            ms: browser::now() - self.0.get().1,
            outcome,
        });
    }
}

/// There is no scene that the request could refer to.
const NO_SCENE: &str = "open a scan first";

impl Session {
    /// Answers one request. After an error, the scene that was open before stays open.
    ///
    /// # Errors
    /// A message that tells the user what to do.
    pub async fn answered(&mut self, request: Request) -> Result<(), String> {
        match request {
            Request::Start {
                forced,
                gpu_failure,
                found_already,
                budget,
            } => {
                self.budget = budget.map(|points| points as usize);
                let chosen = match gpu_failure {
                    Some(failure) => backend::cpu_instead(&failure),
                    None => backend::choose(forced).await,
                };
                self.start_on(chosen, found_already);
            }
            Request::Open {
                source,
                choices,
                with_images,
                follow,
                view_only,
                first_look,
            } => {
                let how = How {
                    choices,
                    with_images,
                    follow,
                    view_only,
                    first_look,
                };
                self.open(&source, how).await?;
            }
            Request::Find => {
                self.warm_up();
                let images = self.waiting.take();
                self.find(images).await?;
            }
            Request::Group => self.group().await?,
            Request::Show { found } => self.scene_mut()?.found = Some(found),
            // It was acted on when it came.
            Request::Stop => {}
            Request::Prompt {
                serial,
                text,
                like,
                asking,
                threshold,
                edits,
            } => {
                let asked = Asked {
                    serial,
                    text: &text,
                    like: like.as_ref(),
                    asking,
                    threshold,
                    edits: &edits,
                };
                self.prompt(asked).await?;
            }
            Request::Export {
                format,
                about,
                threshold,
                edits,
            } => self.export(format, &about, (threshold, &edits))?,
            Request::Normals => self.normals()?,
            Request::PointOut { serial, clicks } => self.point_out(serial, &clicks).await?,
            Request::Fill {
                serial,
                clicks,
                barred,
            } => self.fill(serial, &clicks, &barred).await?,
            Request::Resize {
                serial,
                set,
                fixed,
                grows,
            } => self.resize(serial, (&set, &fixed), grows).await?,
            Request::Pack {
                serial,
                edits,
                view,
                contents,
            } => self.pack(serial, contents, &edits, view)?,
            Request::Restore {
                bundle,
                superpoint_of_point,
                labels,
                found,
                source,
                choices,
                followed,
            } => {
                self.restore(&bundle, &superpoint_of_point, &source, choices, followed)
                    .await?;
                let scene = self.scene_mut()?;
                (scene.labels, scene.found) = (labels, found);
            }
        }
        Ok(())
    }

    /// Computes the superpoints, unless they came with the scan, and then the instances of the open
    /// scan. `images` are those of a capture.
    pub(super) async fn find(&mut self, images: Option<Images>) -> Result<(), String> {
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
        let scan = self.open.scan().ok_or(NO_SCENE)?;
        let options = mesh_superpoints.options(scan.triangles.len());
        let grouping = job::group(&Observation::from(scan), given, &options, &monitor)
            .map_err(|error| error.to_string())?;
        watch.finished(
            Stage::Superpoints,
            format!("{} superpoints", grouped(grouping.superpoints.count())),
        );
        platform::yield_now().await;

        // A failed run on the GPU is repeated on the CPU.
        let (segmentation, masks) = loop {
            self.load_network(&watch).await?;
            let (Some(network), Some(scan)) = (&self.network, self.open.scan()) else {
                return Err(NO_SCENE.to_owned());
            };
            let decoding = Decoding::default();
            let colors = scan.colors.as_deref();
            let observation = evidence.observation(&scan.positions, colors, &scan.triangles);
            let found =
                job::segment_keeping_masks(&observation, &grouping, network, &decoding, &monitor);
            match found.await {
                Err(SegmentError::Inference(InferenceError::Device(error))) if self.on_gpu => {
                    self.leave_gpu(&error)
                }
                result => break result.map_err(|error| error.to_string())?,
            }
        };
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

    /// Computes the superpoints of the open scan and finds nothing in it.
    async fn group(&mut self) -> Result<(), String> {
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

    /// Loads the network onto the device.
    async fn fetch_network(&mut self) -> Result<Network, ModelError> {
        let offered = self.offered().await?.clone();
        let device = self.device.as_ref().ok_or(ModelError::NoDevice)?;
        models::network(&offered, device).await
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

    /// Computes on a device, for whose first scan kernels are compiled unless it is `found_already`.
    fn start_on(&mut self, chosen: (Device, BackendInfo), found_already: bool) {
        self.compute_on(chosen);
        if !found_already {
            self.warm_up();
        }
    }

    fn compute_on(&mut self, (device, info): (Device, BackendInfo)) {
        self.device = Some(device);
        self.on_gpu = info.processor == Processor::WebGpu;
        post(&Reply::Backend(info));
    }

    /// Starts to compile the kernels that scans need, once, in the background. An error here recurs
    /// when a scan is segmented, where it is reported.
    pub(super) fn warm_up(&mut self) {
        let (true, None, Some(device)) = (self.on_gpu, &self.warm, self.device.clone()) else {
            return;
        };
        self.warm = Some(future_to_promise(async move {
            if let Err(error) = warm_up(&device).await {
                web_sys::console::warn_1(
                    &format!("the shaders could not be compiled in advance, so the first scan compiles them: {error}").into(),
                );
            }
            Ok(JsValue::UNDEFINED)
        }));
    }

    /// Continues on the CPU after WebGPU was lost, ran out of memory or computed wrong results.
    /// Everything that was loaded onto the GPU is gone.
    fn leave_gpu(&mut self, error: &impl std::fmt::Display) {
        let report = error.to_string();
        web_sys::console::warn_1(&report.as_str().into());
        self.network = None;
        self.compute_on(backend::cpu_instead(&report));
    }

    /// Stores the instances of the open scan and sends them to the page.
    pub(super) async fn through(
        &mut self,
        superpoints: Superpoints,
        segmentation: Segmentation,
        model: String,
    ) -> Result<(), String> {
        let compared = compared(&segmentation).await?;
        let scan = std::mem::take(&mut self.open).into_scan().ok_or(NO_SCENE)?;
        let superpoint_of_point = Bulk::from_slice(superpoints.superpoint_of_point());
        let segmented = Segmented {
            scan,
            superpoints,
            segmentation,
        };
        let scene = OpenScene::new(segmented, compared, model);
        post(&Reply::Instances {
            instances: scene.infos(),
            model: scene.model.clone(),
            superpoint_of_point,
        });
        self.open = Open::Scene(Box::new(scene));
        Ok(())
    }

    fn export(
        &mut self,
        format: Export,
        about: &ExportFacts,
        shown: (f32, &Edits),
    ) -> Result<(), String> {
        let stem = stem(&self.name).to_owned();
        let name = format!("{stem}.{}", format.ending());
        let scene = self.scene_mut()?;
        if scene.segmented.scan.excerpt.is_some() && format.has_all_points() {
            return self.export_all(format, (stem.as_str(), name), about, shown);
        }
        let bytes = scene.export(format, &stem, about, shown);
        let bytes = bytes.map_err(|error| error.to_string())?;
        let file = browser::file(format.mime(), &Bulk::from_slice(&bytes).0);
        let file = file.map_err(|_| format!("the browser could not keep {name}"))?;
        post(&Reply::Exported { name, file });
        Ok(())
    }

    fn normals(&self) -> Result<(), String> {
        let positions = &self.open.scan().ok_or(NO_SCENE)?.positions;
        let normals = spatial::normals_of_points(positions, NORMAL_NEIGHBORS, &|_| Ok(()));
        let normals = normals.map_err(|cancelled| cancelled.to_string())?;
        let color = |normal: &[f32; 3]| pack(palette::normal_color(*normal));
        let colors: Vec<u32> = normals.iter().map(color).collect();
        post(&Reply::Normals(Bulk::from_slice(&colors)));
        Ok(())
    }

    /// Packs the scene, or its labels alone, for those who have the file.
    fn pack(
        &mut self,
        serial: u32,
        contents: Contents,
        edits: &Edits,
        view: SavedView,
    ) -> Result<(), String> {
        let name = match contents.named {
            true => self.name.clone(),
            false => String::new(),
        };
        let origin = Origin {
            name: &name,
            frames: self.frames,
            located: contents.located,
        };
        let file = self.file.clone();
        let scene = self.scene_mut()?;
        let bundle = match (contents.labels_only, file) {
            (true, Some(file)) => scene.pack_labels(&name, file, edits, view),
            (true, None) => {
                return Err(
                    "these labels belong to no single file, so they need their points".into(),
                );
            }
            (false, _) => scene.pack(origin, edits, view),
        };
        let bundle = Bulk::from_slice(&bundle.map_err(|error| error.to_string())?);
        post(&Reply::Packed { serial, bundle });
        Ok(())
    }

    pub(super) fn scene(&self) -> Result<&OpenScene, String> {
        match &self.open {
            Open::Scene(scene) => Ok(scene),
            _ => Err(NO_SCENE.to_owned()),
        }
    }

    pub(super) fn scene_mut(&mut self) -> Result<&mut OpenScene, String> {
        match &mut self.open {
            Open::Scene(scene) => Ok(scene),
            _ => Err(NO_SCENE.to_owned()),
        }
    }
}

/// The nouns in the space of the instances, and what compares the instances with them.
pub(super) async fn compared(
    segmentation: &Segmentation,
) -> Result<(Vocabulary, Recognizer), String> {
    let vocabulary = models::vocabulary(&segmentation.space).await;
    let vocabulary = vocabulary.map_err(|error| error.to_string())?;
    let recognizer = Recognizer::new(segmentation, &vocabulary);
    let recognizer = recognizer.map_err(|error| error.to_string())?;
    Ok((vocabulary, recognizer))
}
