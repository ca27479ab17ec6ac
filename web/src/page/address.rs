//! The address of the page: what it asks for when the page starts, and the view of the scene that
//! its fragment holds. Anybody may have written an address, so whatever is not valid in it counts
//! as not said.

use std::{cell::Cell, iter, rc::Rc};

use glam::Vec3;
use leptos::{ev, prelude::*};
use segscape::geometry::Aabb;
use wasm_bindgen::JsValue;
use web_sys::UrlSearchParams;

use crate::{
    browser,
    page::{
        actions, coloring::Coloring, embedding::Embedding, selection::Selection, share,
        state::State,
    },
    protocol::{Address, Processor, Source},
    view::camera::Camera,
};

/// Least time between two changes of the address, milliseconds: browsers refuse faster ones.
const EVERY_MS: i32 = 500;
/// Longest prompt that an address holds, characters.
const LONGEST_PROMPT: usize = 1000;
/// What an address says where nothing is cut off.
const OFF: &str = "off";
/// Greatest distance of what an address hides from the origin of a scan, metres.
const FARTHEST: f32 = 1e6;
/// Significant digits of the distance of a camera, and so of places.
const DIGITS: i32 = 4;
/// The smallest budget of points.
const FEWEST: u32 = 1000;
/// What the address of the page asks for.
#[derive(Clone, Debug, Default)]
pub struct Wishes {
    /// `?backend=webgpu|cpu`: runs the network.
    pub processor: Option<Processor>,
    /// `?renderer=webgpu|2d`: draws the points.
    pub renderer: Option<Processor>,
    /// `?scene=<url>&filename=<name>`, any number of times: the scan or bundle to open, or several
    /// scans. The n-th name is what the n-th scan is called, for addresses that do not end in a
    /// name.
    pub scenes: Vec<Address>,
    /// `?budget=<points>`: the most points that are kept of a LAS, LAZ or binary PLY file, which is
    /// then read in slices if it has more.
    pub budget: Option<u32>,
    /// `?assistant=none`: the worker does everything alone.
    pub alone: bool,
    /// `/s/<id>` or `/embed/<id>`: the shared scene to open.
    pub shared: Option<String>,
    /// `/embed/<id>`: how the shared scene is shown in a frame of another page.
    pub embedding: Option<Embedding>,
    /// `#manage=<secret>`: allows replacement and deletion of the shared scene. The address loses it
    /// once it is read.
    pub secret: Option<String>,
    /// If `true`, the secret came with the address, and not from this tab's memory.
    pub manages: bool,
    /// `#view=…`: how the scene is looked at.
    pub view: LinkedView,
}

impl Wishes {
    /// Reads the address of the page.
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
        let path = browser::window().location().pathname().unwrap_or_default();
        let framed = path.strip_prefix("/embed/");
        let shared = framed.or_else(|| path.strip_prefix("/s/"));
        let shared = shared.filter(|id| !id.is_empty());
        let fragment = fragment();
        let arrived = secret(&fragment);
        Self {
            processor,
            renderer,
            scenes: addresses(
                browser::query_parameters("scene"),
                browser::query_parameters("filename"),
            ),
            budget: browser::query_parameter("budget").and_then(|points| budget(&points)),
            alone: browser::query_parameter("assistant").as_deref() == Some("none"),
            shared: shared.map(str::to_owned),
            embedding: framed.map(|_| Embedding::asked()),
            manages: arrived.is_some(),
            secret: arrived.or_else(|| share::secret_of_tab(shared?)),
            view: LinkedView::read(&fragment),
        }
    }

    /// What the address says to open.
    pub fn source(&self) -> Option<Source> {
        let shared = self.shared.clone().map(Source::Shared);
        let scenes = || Some(self.scenes.clone()).filter(|scenes| !scenes.is_empty());
        shared.or_else(|| scenes().map(Source::Urls))
    }
}

/// How a scene is looked at, as far as an address says it. In a fragment, it is
/// `view=1.2,0.4,0.9,6.1,34,37&color=label&threshold=0.2&prompt=chair&selected=12&ceiling=2.1&clip=0,0,0,1,1,2`:
/// the place that the camera looks at, metres; its distance, metres; its turn and its height, degrees;
/// and what the other names say.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LinkedView {
    /// The camera.
    pub camera: Option<Camera>,
    /// The property that determines the color of the points.
    pub coloring: Option<Coloring>,
    /// Least confidence of a visible instance, in `0..=1`.
    pub threshold: Option<f32>,
    /// The prompt.
    pub prompt: Option<String>,
    /// The selected instance.
    pub selected: Option<u32>,
    /// Height above which points are hidden, metres, or that none is.
    pub ceiling: Option<Option<f32>>,
    /// The box outside of which points are hidden, metres, or that none is.
    pub clip: Option<Option<Aabb>>,
}

impl LinkedView {
    /// Reads a fragment, without its `#`. Values that are not valid are left out.
    pub fn read(fragment: &str) -> Self {
        let Some(said) = parameters(fragment) else {
            return Self::default();
        };
        let prompt = said.get("prompt");
        let threshold = said.get("threshold").and_then(|text| text.parse().ok());
        let coloring = said.get("color").and_then(|text| {
            let mut all = Coloring::ALL.into_iter();
            all.find(|coloring| name_of(*coloring) == text)
        });
        Self {
            camera: said.get("view").and_then(|text| camera(&text)),
            coloring,
            threshold: threshold.filter(|threshold| (0.0..=1.0).contains(threshold)),
            prompt: prompt.filter(|prompt| prompt.chars().count() <= LONGEST_PROMPT),
            selected: said.get("selected").and_then(|text| text.parse().ok()),
            ceiling: said.get("ceiling").and_then(|text| cut_off(&text, height)),
            clip: said.get("clip").and_then(|text| cut_off(&text, clip)),
        }
    }

    /// The scene on screen as it is looked at now.
    fn of(state: State) -> Self {
        let prompt = state.prompt.get_untracked();
        // A shared scene may have come with another prompt, and with something cut off; a scan comes
        // without.
        let source = state.source.read_untracked();
        let is_shared = matches!(source.as_ref().map(Source::opened), Some(Source::Shared(_)));
        Self {
            camera: Some(state.viewer().camera()),
            coloring: Some(state.coloring.get_untracked()),
            threshold: Some(state.threshold.get_untracked()),
            prompt: (is_shared || !prompt.is_empty()).then_some(prompt),
            selected: state.selection.read_untracked().first(),
            ceiling: said_if(state.ceiling.get_untracked(), is_shared),
            clip: said_if(state.clip.get_untracked(), is_shared),
        }
    }

    /// The fragment, without its `#`, that [`Self::read`] reads.
    fn fragment(&self) -> String {
        let Ok(said) = UrlSearchParams::new() else {
            return String::new();
        };
        if let Some(camera) = &self.camera {
            said.append("view", &numbers(camera));
        }
        if let Some(coloring) = self.coloring {
            said.append("color", name_of(coloring));
        }
        if let Some(threshold) = self.threshold {
            said.append("threshold", &short(threshold, 2));
        }
        if let Some(prompt) = &self.prompt {
            said.append("prompt", prompt);
        }
        if let Some(selected) = self.selected {
            said.append("selected", &selected.to_string());
        }
        if let Some(ceiling) = self.ceiling {
            let height = ceiling.map(|height| short(height, 2));
            said.append("ceiling", height.as_deref().unwrap_or(OFF));
        }
        if let Some(clip) = self.clip {
            let sides = clip.map(|Aabb { min, max }| {
                let numbers = [min, max].into_iter().flatten();
                let numbers: Vec<String> = numbers.map(|metres| short(metres, 2)).collect();
                numbers.join(",")
            });
            said.append("clip", sides.as_deref().unwrap_or(OFF));
        }
        readable(&said)
    }

    /// Looks at the scene on screen as the address says, as far as it says.
    fn apply(self, state: State) {
        if let Some(camera) = self.camera {
            state.viewer().steer(|current| *current = camera);
        }
        if let Some(threshold) = self.threshold {
            state.threshold.set(threshold);
        }
        if let Some(coloring) = self.coloring {
            state.coloring.set(coloring);
        }
        if let Some(ceiling) = self.ceiling {
            state.ceiling.set(ceiling);
        }
        if let Some(clip) = self.clip {
            state.clip.set(clip);
        }
        if let Some(prompt) = self.prompt
            && prompt != state.prompt.get_untracked()
        {
            actions::ask_as_linked(state, &prompt);
        }
        let count = state.instances.with_untracked(Vec::len);
        if let Some(selected) = self.selected.filter(|id| (*id as usize) < count) {
            state.selection.set(Selection::of(Some(selected)));
        }
    }
}

/// A number of points that is enough for a scan.
fn budget(text: &str) -> Option<u32> {
    text.parse().ok().filter(|points| *points >= FEWEST)
}

/// What addresses call a coloring.
fn name_of(coloring: Coloring) -> &'static str {
    match coloring {
        Coloring::Scan => "scan",
        Coloring::Instance => "instance",
        Coloring::Label => "label",
        Coloring::Score => "score",
        Coloring::Height => "height",
        Coloring::Similarity => "similarity",
        Coloring::Normal => "normal",
    }
}

/// Six numbers.
fn six(text: &str) -> Option<[f32; 6]> {
    let numbers = text.split(',').map(str::parse);
    let numbers: Vec<f32> = numbers.collect::<Result<_, _>>().ok()?;
    numbers.try_into().ok()
}

/// What is cut off, or that nothing is.
fn cut_off<T>(text: &str, read: impl Fn(&str) -> Option<T>) -> Option<Option<T>> {
    match text {
        OFF => Some(None),
        text => read(text).map(Some),
    }
}

/// What is cut off; that nothing is, only if it has to be `said`.
fn said_if<T>(cut_off: Option<T>, said: bool) -> Option<Option<T>> {
    (said || cut_off.is_some()).then_some(cut_off)
}

/// A height, metres.
fn height(text: &str) -> Option<f32> {
    let height: f32 = text.parse().ok()?;
    (height.abs() <= FARTHEST).then_some(height)
}

/// The box of six numbers, metres: those of its lower and those of its upper corner.
fn clip(text: &str) -> Option<Aabb> {
    let [min @ .., _, _, _] = six(text)?;
    let [_, _, _, max @ ..] = six(text)?;
    let is_box = (0..3)
        .all(|axis| -FARTHEST <= min[axis] && min[axis] <= max[axis] && max[axis] <= FARTHEST);
    is_box.then_some(Aabb { min, max })
}

/// The camera of six numbers.
fn camera(text: &str) -> Option<Camera> {
    let [x, y, z, distance, yaw, pitch] = six(text)?;
    let [yaw, pitch] = [yaw, pitch].map(f32::to_radians);
    Camera::orbiting(Vec3::new(x, y, z), distance, yaw, pitch)
}

/// The six numbers of a camera.
fn numbers(camera: &Camera) -> String {
    let magnitude = camera.distance.max(1e-3).log10().floor() as i32;
    let digits = (DIGITS - 1 - magnitude).clamp(0, 6) as usize;
    let [x, y, z] = camera.target.to_array().map(|metres| short(metres, digits));
    let distance = short(camera.distance, digits);
    let [yaw, pitch] = [camera.yaw, camera.pitch].map(|angle| short(angle.to_degrees(), 1));
    format!("{x},{y},{z},{distance},{yaw},{pitch}")
}

/// A number with at most so many decimal places.
fn short(number: f32, digits: usize) -> String {
    let text = format!("{number:.digits$}");
    let text = match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.'),
        false => &text,
    };
    if text == "-0" { "0" } else { text }.to_owned()
}

/// The parameters as text. Commas, colons and slashes mean nothing there and stay as they are.
fn readable(parameters: &UrlSearchParams) -> String {
    let text = String::from(parameters.to_string());
    [("%2C", ","), ("%3A", ":"), ("%2F", "/")]
        .iter()
        .fold(text, |text, (code, sign)| text.replace(code, sign))
}

fn parameters(fragment: &str) -> Option<UrlSearchParams> {
    UrlSearchParams::new_with_str(fragment).ok()
}

fn secret(fragment: &str) -> Option<String> {
    let secret = parameters(fragment)?.get("manage")?;
    (!secret.is_empty()).then_some(secret)
}

/// A fragment without the secret.
fn without_secret(fragment: &str) -> String {
    parameters(fragment).map_or_else(String::new, |said| {
        said.delete("manage");
        readable(&said)
    })
}

/// The fragment of the page's address, without its `#`.
fn fragment() -> String {
    let hash = browser::window().location().hash().unwrap_or_default();
    hash.strip_prefix('#').unwrap_or_default().to_owned()
}

/// A link to the scene on screen as it is looked at; `None` for a scan that is on this machine
/// alone. Whoever opens it needs nothing of the sender.
pub fn link(state: State) -> Option<String> {
    let source = state.source.get();
    let place = match source.as_ref().map(Source::opened) {
        Some(Source::Shared(id)) => format!("/s/{id}"),
        Some(Source::Urls(scenes)) => by_url(scenes),
        _ => format!("/s/{}", state.shared.get()?.id),
    };
    let fragment = LinkedView::of(state).fragment();
    Some(format!("{}{place}#{fragment}", browser::origin()))
}

/// The scenes at these URLs, of which the n-th is called by the n-th name. What is empty is not said.
fn addresses(urls: Vec<String>, names: Vec<String>) -> Vec<Address> {
    let names = names.into_iter().map(Some).chain(iter::repeat(None));
    let scenes = urls.into_iter().zip(names).map(|(url, name)| Address {
        url,
        name: name.filter(|name| !name.is_empty()),
    });
    scenes.filter(|scene| !scene.url.is_empty()).collect()
}

/// Path and query of the page that opens scans on other servers.
fn by_url(scenes: &[Address]) -> String {
    let Ok(query) = UrlSearchParams::new() else {
        return String::new();
    };
    let last_named = scenes.iter().rposition(|scene| scene.name.is_some());
    for (place, Address { url, name }) in scenes.iter().enumerate() {
        query.append("scene", url);
        // A scene without a name holds the place before those with one.
        if last_named >= Some(place) {
            query.append("filename", name.as_deref().unwrap_or_default());
        }
    }
    format!("/?{}", readable(&query))
}

/// Applies what is left of the view that the address asked for, once the scene is there.
pub fn arrive(state: State) {
    if let Some(view) = state.arriving.try_update_value(Option::take).flatten() {
        // The camera came with the points, and whoever looked around since then stays there.
        let rest = LinkedView {
            camera: None,
            ..view
        };
        rest.apply(state);
    }
}

/// The camera that the address asked for, as long as its scene is arriving.
pub fn arriving_camera(state: State) -> Option<Camera> {
    let arriving = state.arriving.get_value();
    arriving.and_then(|view| view.camera)
}

/// Keeps the fragment of the address up to date with the view once that rests, if the address says
/// what scene is on screen; and looks as the fragment says when the user changes it.
pub fn follow(state: State) {
    let due = Rc::new(Cell::new(false));
    let changed = move || {
        if !due.replace(true) {
            let due = Rc::clone(&due);
            browser::after(EVERY_MS, move || {
                due.set(false);
                write(state);
            });
        }
    };
    let changed = Rc::new(changed);
    let at_rest = Rc::clone(&changed);
    state.viewer().on_rest(move || at_rest());
    Effect::new(move |_| {
        state.prompt.track();
        state.threshold.track();
        state.coloring.track();
        state.selection.track();
        state.ceiling.track();
        state.clip.track();
        changed();
    });
    hide_secret(state);
    // The manage link of a scene that is already open differs from the scene's link only in the
    // fragment, which by itself loads no page.
    let listener = window_event_listener(ev::hashchange, move |_| {
        let fragment = fragment();
        let known = state.wishes.with_value(|wishes| wishes.secret.clone());
        match secret(&fragment) {
            // If the browser refuses to reload, the page stays as it is.
            Some(new) if known.as_ref() != Some(&new) => {
                drop(browser::window().location().reload());
            }
            Some(_) => {
                hide_secret(state);
                state.sharing.set(true);
            }
            None => LinkedView::read(&fragment).apply(state),
        }
    });
    on_cleanup(move || listener.remove());
}

/// Takes the secret out of the address, which stays in the history of the browser, is seen by others
/// and copied by who means the link to the scene. The tab keeps the secret until it is closed.
fn hide_secret(state: State) {
    let fragment = fragment();
    if secret(&fragment).is_none() {
        return;
    }
    state.wishes.with_value(|wishes| {
        if let (Some(id), Some(secret)) = (&wishes.shared, &wishes.secret) {
            share::keep_in_tab(id, secret);
        }
    });
    let location = browser::window().location();
    let place = location.pathname().unwrap_or_default() + &location.search().unwrap_or_default();
    let rest = without_secret(&fragment);
    let rest = if rest.is_empty() {
        rest
    } else {
        format!("#{rest}")
    };
    replace(&format!("{place}{rest}"));
}

/// Replaces the address of the page, without loading another one.
fn replace(address: &str) {
    if let Ok(history) = browser::window().history() {
        // A browser that refuses keeps the address of a moment ago.
        let _ = history.replace_state_with_url(&JsValue::NULL, "", Some(address));
    }
}

/// Writes the view into the address of the page.
fn write(state: State) {
    let named = state.wishes.with_value(Wishes::source);
    let source = state.source.get_untracked();
    let is_named = match (source.as_ref().map(Source::opened), named) {
        (Some(Source::Shared(id)), Some(Source::Shared(named))) => *id == named,
        (Some(Source::Urls(scenes)), Some(Source::Urls(named))) => *scenes == named,
        _ => false,
    };
    let is_arriving = state.arriving.with_value(Option::is_some);
    if !is_named || is_arriving || !state.viewer().is_at_rest() {
        return;
    }
    let now = LinkedView::of(state).fragment();
    if now != fragment() {
        replace(&format!("#{now}"));
    }
}

#[cfg(test)]
mod tests;
