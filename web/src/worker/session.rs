//! The state of the worker and the requests it answers.

use std::cell::Cell;

use burn::tensor::Device;
use js_sys::Promise;
use segscape::{
    bundle::{SavedView, ScanFile},
    instances::{Segmentation, query::Recognizer},
    job::{Network, Segmented},
    progress::{Progress, Stage},
    scan::Scan,
    spatial,
    superpoint::Superpoints,
    text::{TextEncoder, Vocabulary},
    warm_up::warm_up,
    write::Export,
};
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::future_to_promise;

use super::{
    assistant::Help,
    backend,
    capture::Whole,
    images::Images,
    models::{self, Offered},
    opening::How,
    post,
    prompt::Asked,
    scene::{OpenScene, Origin},
};
use crate::{
    browser,
    edits::Edits,
    protocol::{BackendInfo, Bulk, Contents, ExportFacts, Processor, Reply, Request, stem},
    view::{cloud::pack, palette},
};

/// Number of neighbors that tell the direction of the surface at a point.
const NORMAL_NEIGHBORS: usize = 16;

/// The state that the worker keeps between requests.
#[derive(Default)]
pub struct Session {
    pub(super) device: Option<Device>,
    /// If `true`, the device is WebGPU.
    pub(super) on_gpu: bool,
    /// Resolved once the kernels are compiled; `None` before compilation has begun.
    pub(super) warm: Option<Promise>,
    /// The network to load, once its manifest is fetched.
    pub(super) offered: Option<Offered>,
    pub(super) network: Option<Network>,
    pub(super) help: Help,
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
pub(super) const NO_SCENE: &str = "open a scan first";

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
                assistant,
            } => {
                self.help = assistant.map(Help::At).unwrap_or_default();
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

    /// Computes on a device. For the first scan, kernels are compiled or the assistant is started,
    /// unless it is `found_already`.
    fn start_on(&mut self, chosen: (Device, BackendInfo), found_already: bool) {
        self.compute_on(chosen);
        if !found_already {
            self.warm_up();
            self.call_assistant();
        }
    }

    pub(super) fn compute_on(&mut self, (device, info): (Device, BackendInfo)) {
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
