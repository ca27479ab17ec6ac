//! Everything the page knows, as signals in one context; [`crate::actions`] changes it on behalf of
//! the person, [`crate::replies`] on behalf of the worker.

use std::{cell::RefCell, rc::Rc};

use leptos::prelude::*;
use segscape::{bundle::ColorMode, preflight::Choices, progress::Stage};

use crate::{
    browser,
    edits::History,
    link::Link,
    listing::{self, Row},
    protocol::{Answer, BackendInfo, Bulk, InstanceInfo, Processor, ScanInfo, Source},
    view::{Viewer, cloud::Paint},
};

/// The threshold of a fresh scene.
const DEFAULT_THRESHOLD: f32 = 0.1;

/// What is done with a bundle, and the superpoints that go with it, once it is packed.
pub type Packed = Box<dyn FnOnce(Bulk, Bulk)>;

/// One stage of the running or last job.
#[derive(Clone, Debug, PartialEq)]
pub struct StageState {
    /// Which.
    pub stage: Stage,
    /// Finished share, 0..=1.
    pub done: f32,
    /// When it began, by [`browser::now`].
    pub began: f64,
    /// How long it took, once it is over.
    pub ms: Option<f64>,
    /// What came out of it.
    pub outcome: String,
}

/// What the worker is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Work {
    /// Nothing was asked for yet.
    #[default]
    Idle,
    /// At work.
    Running,
    /// All done.
    Done,
    /// Ended by the person.
    Cancelled,
    /// Ended by an error, which [`State::error`] shows.
    Failed,
}

/// What the points are coloured by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Coloring {
    /// The scan's own colour.
    #[default]
    Scan,
    /// One colour an instance.
    Instance,
    /// One colour a label.
    Label,
    /// The confidence of the instance.
    Score,
    /// Height above the floor.
    Height,
}

impl From<Coloring> for ColorMode {
    fn from(coloring: Coloring) -> Self {
        match coloring {
            Coloring::Scan => Self::Rgb,
            Coloring::Instance => Self::Instance,
            Coloring::Label => Self::Label,
            Coloring::Score => Self::Score,
            Coloring::Height => Self::Height,
        }
    }
}

impl From<ColorMode> for Coloring {
    fn from(mode: ColorMode) -> Self {
        match mode {
            ColorMode::Rgb => Self::Scan,
            ColorMode::Instance => Self::Instance,
            ColorMode::Label => Self::Label,
            ColorMode::Score => Self::Score,
            ColorMode::Height => Self::Height,
        }
    }
}

impl Coloring {
    /// In the order of the keys 1 to 5.
    pub const ALL: [Self; 5] = [
        Self::Scan,
        Self::Instance,
        Self::Label,
        Self::Score,
        Self::Height,
    ];

    /// For people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Scan => "Colour",
            Self::Instance => "Instance",
            Self::Label => "Label",
            Self::Score => "Score",
            Self::Height => "Height",
        }
    }

    /// What the renderer does for it.
    pub fn paint(self, colored: bool) -> Paint {
        match self {
            Self::Scan if colored => Paint::Scan,
            Self::Scan | Self::Height => Paint::Height,
            Self::Instance | Self::Label | Self::Score => Paint::Owner,
        }
    }
}

/// What the page was asked for in its address.
#[derive(Clone, Debug, Default)]
pub struct Wishes {
    /// `?backend=webgpu|cpu`.
    pub processor: Option<Processor>,
    /// `?renderer=webgpu|2d`: what draws the picture.
    pub renderer: Option<Processor>,
    /// `?scene=<url>`.
    pub scene: Option<String>,
    /// `/s/<id>`.
    pub shared: Option<String>,
    /// `#manage=<secret>`.
    pub secret: Option<String>,
}

impl Wishes {
    /// From the address.
    pub fn read() -> Self {
        let processor = match browser::query_parameter("backend").as_deref() {
            Some("webgpu") => Some(Processor::WebGpu),
            Some("cpu") => Some(Processor::Cpu),
            _ => None,
        };
        let renderer = match browser::query_parameter("renderer").as_deref() {
            Some("webgpu") => Some(Processor::WebGpu),
            Some("2d") => Some(Processor::Cpu),
            _ => None,
        };
        let location = browser::window().location();
        let part = |text: Result<String, _>, prefix: &str| {
            text.ok()?
                .strip_prefix(prefix)
                .filter(|rest| !rest.is_empty())
                .map(str::to_owned)
        };
        Self {
            processor,
            renderer,
            scene: browser::query_parameter("scene"),
            shared: part(location.pathname(), "/s/"),
            secret: part(location.hash(), "#manage="),
        }
    }
}

/// The page's one context.
#[derive(Clone, Copy)]
pub struct State {
    /// What the address asks for.
    pub wishes: StoredValue<Wishes>,
    /// Where the network runs, once that is settled.
    pub backend: RwSignal<Option<BackendInfo>>,
    /// What ended a worker that ran it on WebGPU.
    pub gpu_failure: StoredValue<Option<String>>,
    /// What the worker is doing.
    pub work: RwSignal<Work>,
    /// The stages of the running or last job, in order.
    pub stages: RwSignal<Vec<StageState>>,
    /// Counts up while the worker is at work, so that elapsed times are shown anew.
    pub clock: RwSignal<f64>,
    /// The scan on screen.
    pub scan: RwSignal<Option<ScanInfo>>,
    /// Where the scan on screen came from.
    pub source: RwSignal<Option<Source>, LocalStorage>,
    /// Where the scan that is being opened comes from, and how it is framed.
    pub opening: RwSignal<Option<(Source, Choices)>, LocalStorage>,
    /// What was found.
    pub instances: RwSignal<Vec<InstanceInfo>>,
    /// What is asked for, as typed.
    pub prompt: RwSignal<String>,
    /// The latest answer, which names the instances.
    pub answer: RwSignal<Option<Answer>>,
    /// Instances below this confidence are not counted, 0..=1.
    pub threshold: RwSignal<f32>,
    /// (instances) whether the answer and the threshold leave each in.
    pub visible: Memo<Vec<bool>>,
    /// The visible instances.
    pub rows: Memo<Vec<Row>>,
    /// Hidden, isolated and renamed instances.
    pub edits: RwSignal<History>,
    /// The selected instance.
    pub selected: RwSignal<Option<u32>>,
    /// The instance under the cursor.
    pub hovered: RwSignal<Option<u32>>,
    /// The instance whose name is being typed.
    pub renaming: RwSignal<Option<u32>>,
    /// What the points are coloured by.
    pub coloring: RwSignal<Coloring>,
    /// Diameter of a point, in units of the scan's spacing.
    pub point_size: RwSignal<f32>,
    /// What went wrong, until it is dismissed.
    pub error: RwSignal<Option<String>>,
    /// Whether the sheet is folded away on a phone.
    pub folded: RwSignal<bool>,
    /// Whether the help is open.
    pub help: RwSignal<bool>,
    /// Whether a file hovers over the page.
    pub dragging: RwSignal<bool>,
    /// Dark or light, following the system.
    pub dark: RwSignal<bool>,
    /// Counts the canvases that were made: another one is needed after a lost device.
    pub canvas: RwSignal<u32>,
    /// What a fresh worker needs to go on: the scene as a bundle, and its superpoints.
    pub snapshot: StoredValue<Option<(Bulk, Bulk)>, LocalStorage>,
    /// Who waits for a bundle to share.
    pub packing: StoredValue<Option<Packed>, LocalStorage>,
    /// Number of the latest prompt; older answers are dropped.
    pub asked: StoredValue<u32>,
    /// Number of the latest request for owners; older ones are dropped.
    pub owners_asked: StoredValue<u32>,
    /// The picture.
    pub viewer: StoredValue<Viewer, LocalStorage>,
    pub(crate) link: StoredValue<Rc<RefCell<Option<Link>>>, LocalStorage>,
}

impl State {
    /// The state of a fresh page.
    pub fn new() -> Self {
        let instances = RwSignal::new(Vec::<InstanceInfo>::new());
        let answer = RwSignal::new(None::<Answer>);
        let threshold = RwSignal::new(DEFAULT_THRESHOLD);
        let edits = RwSignal::new(History::default());
        let visible = Memo::new(move |_| {
            answer.with(|answer| {
                answer.as_ref().map_or_else(Vec::new, |a| {
                    listing::visible(&a.labels, threshold.get(), !a.terms.is_empty())
                })
            })
        });
        let rows = Memo::new(move |_| {
            let edits = edits.read();
            let labels = answer.with(|answer| {
                answer
                    .as_ref()
                    .map_or_else(Vec::new, |answer| answer.labels.clone())
            });
            instances.with(|instances| {
                listing::rows(instances, &labels, &visible.read(), edits.present())
            })
        });
        Self {
            instances,
            prompt: RwSignal::new(String::new()),
            answer,
            threshold,
            visible,
            rows,
            edits,
            renaming: RwSignal::new(None),
            snapshot: StoredValue::new_local(None),
            packing: StoredValue::new_local(None),
            asked: StoredValue::new(0),
            owners_asked: StoredValue::new(0),
            wishes: StoredValue::new(Wishes::read()),
            backend: RwSignal::new(None),
            gpu_failure: StoredValue::new(None),
            work: RwSignal::new(Work::Idle),
            stages: RwSignal::new(Vec::new()),
            clock: RwSignal::new(0.0),
            scan: RwSignal::new(None),
            source: RwSignal::new_local(None),
            opening: RwSignal::new_local(None),
            selected: RwSignal::new(None),
            hovered: RwSignal::new(None),
            coloring: RwSignal::new(Coloring::Scan),
            point_size: RwSignal::new(2.2),
            error: RwSignal::new(None),
            folded: RwSignal::new(false),
            help: RwSignal::new(false),
            dragging: RwSignal::new(false),
            dark: RwSignal::new(browser::prefers_dark()),
            canvas: RwSignal::new(0),
            viewer: StoredValue::new_local(Viewer::default()),
            link: StoredValue::new_local(Rc::default()),
        }
    }

    /// The state that [`crate::app::App`] provides.
    pub fn expect() -> Self {
        expect_context()
    }

    /// The picture.
    pub fn viewer(&self) -> Viewer {
        self.viewer.get_value()
    }

    /// One line on how things stand.
    pub fn status(&self) -> String {
        match self.work.get() {
            Work::Idle => "Ready for a scan".into(),
            Work::Running => self.stages.with(|stages| match stages.last() {
                Some(stage) => format!("{} … {:.0} %", stage_name(stage.stage), stage.done * 100.0),
                None => "Starting …".into(),
            }),
            Work::Done => self.stages.with(|stages| {
                let named =
                    |stage: &&StageState| stage.stage != Stage::Model && !stage.outcome.is_empty();
                let outcomes: Vec<_> = stages
                    .iter()
                    .filter(named)
                    .map(|stage| stage.outcome.as_str())
                    .collect();
                if outcomes.is_empty() {
                    "Done".into()
                } else {
                    format!("Done: {}", outcomes.join(" · "))
                }
            }),
            Work::Cancelled => "Cancelled".into(),
            Work::Failed => "Stopped".into(),
        }
    }
}

impl Default for State {
    fn default() -> Self {
        Self::new()
    }
}

/// A stage's name for people.
pub fn stage_name(stage: Stage) -> &'static str {
    match stage {
        Stage::Read => "Reading",
        Stage::Superpoints => "Superpoints",
        Stage::Model => "Loading the model",
        Stage::Backbone => "Backbone",
        Stage::Decoder => "Decoder",
        Stage::Instances => "Instances",
    }
}
