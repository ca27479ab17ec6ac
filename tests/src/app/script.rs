//! Scripts that run inside the page, and their results.

use std::collections::HashMap;

use serde::Deserialize;

/// Runs once, as soon as the page is loaded. Records when the page has points, when the picture
/// first shows something, when each stage appears, and every long task, and counts the frames that the page has requested.
pub const WATCH: &str = r#"
    const watched = window.watched = { points: null, drawn: null, stages: [], tasks: [], said: [] };
    new PerformanceObserver(list => list.getEntries().forEach(task => watched.tasks.push({ start: task.startTime, ms: task.duration })))
        .observe({ type: 'longtask', buffered: true });
    new MutationObserver(() => {
        if (watched.points === null && document.querySelector('[data-testid=preflight]'))
            watched.points = performance.now();
        for (const testid of ['status', 'skipped']) {
            const words = document.querySelector(`[data-testid=${testid}]`)?.textContent;
            if (words && !watched.said.includes(words) && watched.said.length < 5000) watched.said.push(words);
        }
        for (const name of document.querySelectorAll('[data-testid=stage-progress] .name'))
            if (!watched.stages.some(stage => stage.name === name.textContent))
                watched.stages.push({ name: name.textContent, at: performance.now() });
    }).observe(document.body, { subtree: true, childList: true, characterData: true });
    const request = window.requestAnimationFrame.bind(window);
    window.framesAsked = window.framesDue = 0;
    window.requestAnimationFrame = call => {
        window.framesAsked += 1;
        window.framesDue += 1;
        return request(time => {
            window.framesDue -= 1;
            call(time);
        });
    };
    const scratch = new OffscreenCanvas(64, 40).getContext('2d', { willReadFrequently: true });
    const look = () => {
        const canvas = document.querySelector('[data-testid=viewer-canvas]');
        if (canvas && canvas.width > 1) {
            scratch.drawImage(canvas, 0, 0, 64, 40);
            const { data } = scratch.getImageData(0, 0, 64, 40);
            let drawn = 0;
            for (let at = 4; at < data.length; at += 4)
                drawn += Math.abs(data[at] - data[0]) + Math.abs(data[at + 1] - data[1]) + Math.abs(data[at + 2] - data[2]) > 24;
            if (drawn > 100) return watched.drawn = performance.now();
        }
        request(look);
    };
    look();
"#;

/// The events that [`WATCH`] recorded.
#[derive(Clone, Debug, Deserialize)]
pub struct Watched {
    /// Time when the page had points, milliseconds. A busy machine shows them later, so that only
    /// this one says what came before a stage.
    pub points: Option<f64>,
    /// Time when the picture first showed more than its background, milliseconds.
    pub drawn: Option<f64>,
    /// The stages in order of appearance.
    pub stages: Vec<StageSeen>,
    /// What the page said of its work and of frames that it skipped, each once.
    pub said: Vec<String>,
    /// Tasks of the page's thread longer than 50 ms.
    pub tasks: Vec<Task>,
}

/// A stage that appeared.
#[derive(Clone, Debug, Deserialize)]
pub struct StageSeen {
    /// Name as displayed.
    pub name: String,
    /// Time of appearance, milliseconds.
    pub at: f64,
}

/// A long task.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct Task {
    /// Start time, milliseconds.
    pub start: f64,
    /// Duration, milliseconds.
    pub ms: f64,
}

impl Watched {
    /// The time when a stage appeared.
    pub fn stage(&self, name: &str) -> Option<f64> {
        self.stages
            .iter()
            .find(|stage| stage.name == name)
            .map(|stage| stage.at)
    }

    /// The longest task of the page's thread that started at or after `since`.
    pub fn longest_task(&self, since: f64) -> Task {
        let tasks = self.tasks.iter().filter(|task| task.start >= since);
        tasks
            .max_by(|a, b| a.ms.total_cmp(&b.ms))
            .copied()
            .unwrap_or(Task {
                start: since,
                ms: 0.0,
            })
    }
}

/// The stages as currently displayed.
pub const STAGES: &str = r#"
    return [...document.querySelectorAll('[data-testid=stage-progress] li')].map(stage => ({
        name: stage.querySelector('.name').textContent,
        done: stage.querySelector('progress').value,
        outcome: stage.querySelector('.outcome').textContent,
        time: stage.querySelector('.time').textContent,
    }));
"#;

/// A stage as displayed.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct StageShown {
    /// Name for the user.
    pub name: String,
    /// Progress in `0..=1`.
    pub done: f64,
    /// Result in words.
    pub outcome: String,
    /// Time as displayed: `2.4 s`.
    pub time: String,
}

/// Clicks cancel as soon as a stage is displayed. Records when, and the time until the page reports
/// the cancellation.
pub const CANCEL: &str = r#"
    const [stage] = arguments;
    window.cancelled = null;
    const find = id => document.querySelector(`[data-testid=${id}]`);
    const observer = new MutationObserver(() => {
        const last = [...document.querySelectorAll('[data-testid=stage-progress] .name')].at(-1);
        if (last?.textContent !== stage || !find('cancel')) return;
        observer.disconnect();
        const start = performance.now(), at = performance.timeOrigin + start;
        find('cancel').click();
        const look = () => find('status').textContent === 'Cancelled' ? window.cancelled = { at, ms: performance.now() - start } : requestAnimationFrame(look);
        look();
    });
    observer.observe(document.body, { subtree: true, childList: true, characterData: true });
"#;

/// A click on cancel.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct Cancelled {
    /// Time of the click, milliseconds by the clock that all pages and workers share.
    pub at: f64,
    /// Time until the page reported the cancellation, milliseconds.
    pub ms: f64,
}

/// The rows of the list.
pub const ROWS: &str = r#"
    return [...document.querySelectorAll('[data-testid=instance-row]')].map(row => {
        const label = row.querySelector('.label'), numbers = row.querySelectorAll('.number');
        return {
            id: Number(row.dataset.instance),
            name: label ? label.querySelector('.name').textContent : '',
            score: numbers.length ? Number(numbers[0].textContent) : 0,
            points: numbers.length ? Number(numbers[1].textContent.replaceAll('\u202f', '')) : 0,
            selected: row.getAttribute('aria-selected') === 'true',
            hovered: row.classList.contains('hovered'),
            hidden: row.classList.contains('hidden'),
        };
    });
"#;

/// The terms that are looked for.
pub const CHIPS: &str = r#"
    return [...document.querySelectorAll('.chip')].map(chip => {
        const text = part => chip.querySelector(part).textContent;
        return { name: text('.name'), count: Number(text('.count')) };
    });
"#;

/// Types a whole prompt at once and returns the milliseconds until the list has changed and the
/// next frame is due.
pub const ASK: &str = r#"
    const [text, answer] = arguments;
    const input = document.querySelector('[data-testid=prompt-input]');
    const list = document.querySelector('[aria-label="Instances"]');
    let start;
    const observer = new MutationObserver(() => {
        observer.disconnect();
        requestAnimationFrame(() => answer(performance.now() - start));
    });
    observer.observe(list, { subtree: true, childList: true, attributes: true, attributeFilter: ['hidden'] });
    Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value').set.call(input, text);
    start = performance.now();
    input.dispatchEvent(new InputEvent('input', { bubbles: true }));
"#;

/// Starts a worker as the page does, opens a file in it, and returns what it says.
pub const ASK_WORKER: &str = r#"
    const [address, name, toTheEnd, answer] = arguments;
    (async () => {
        const blob = await (await fetch(address)).blob();
        const worker = new Worker('/worker_loader.js', { type: 'module' });
        const said = {};
        const end = () => {
            worker.terminate();
            answer(said);
        };
        worker.onerror = event => {
            said.failed = event.message;
            end();
        };
        worker.onmessage = ({ data }) => {
            const [kind, content] = typeof data === 'string' ? [data] : Object.entries(data)[0];
            if (kind === 'Listening') {
                worker.postMessage({ Start: { forced: 'cpu', gpu_failure: null, found_already: true } });
                worker.postMessage({ Open: { source: { File: { name, blob } }, choices: { up: null, unit: null }, with_images: true, follow: false, view_only: false } });
            }
            if (kind === 'Points') said.points = {
                positions: [...new Float32Array(content.positions)],
                colors: content.colors ? [...new Uint8Array(content.colors)] : [],
                scan: content.scan,
            };
            if (kind === 'Instances') said.instances = {
                instances: content.instances,
                superpoint_of_point: [...new Uint32Array(content.superpoint_of_point)],
            };
            if (kind === 'Answer') said.names = content.labels.of_instance.map(label => label.name);
            if (kind === 'Failed' || kind === 'Panicked') said.failed = content.message;
            if (said.failed || kind === 'Done' || kind === 'Points' && !toTheEnd) end();
        };
    })().catch(error => answer({ failed: String(error) }));
"#;

/// Waits in the page until it has asked for no frame for `arguments[0]` milliseconds, but at most
/// `arguments[1]`. Returns `true` if it came to rest.
pub const REST: &str = r#"
    const [rest, limit, done] = arguments;
    const began = performance.now();
    let asked = -1, since = began;
    const look = () => {
        const now = performance.now();
        if (window.framesAsked !== asked || window.framesDue > 0) [asked, since] = [window.framesAsked, now];
        if (now - since >= rest || now - began > limit) done(now - since >= rest);
        else setTimeout(look, 20);
    };
    look();
"#;

/// The picture, 48 x 30, as rows of red, green, blue.
pub const PICTURE: &str = r#"
    const canvas = document.querySelector('[data-testid=viewer-canvas]');
    const scratch = new OffscreenCanvas(48, 30).getContext('2d', { willReadFrequently: true });
    scratch.imageSmoothingQuality = 'high';
    scratch.drawImage(canvas, 0, 0, 48, 30);
    return [...scratch.getImageData(0, 0, 48, 30).data].filter((_, index) => index % 4 < 3);
"#;

/// The contents of the canvas at low resolution.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Picture(Vec<u8>);

impl Picture {
    /// Mean difference of the channels, in `0..=255`.
    pub fn difference(&self, other: &Self) -> f64 {
        let sum: u64 = self
            .0
            .iter()
            .zip(&other.0)
            .map(|(a, b)| u64::from(a.abs_diff(*b)))
            .sum();
        sum as f64 / self.0.len().max(1) as f64
    }

    /// Fraction of the picture that is not background. The background is the one color that many
    /// pixels have exactly.
    pub fn coverage(&self) -> f64 {
        let (pixels, _) = self.0.as_chunks::<3>();
        let mut counts = HashMap::new();
        for pixel in pixels {
            *counts.entry(pixel).or_insert(0) += 1;
        }
        let Some((background, _)) = counts.into_iter().max_by_key(|(_, count)| *count) else {
            return 0.0;
        };
        let differs = |pixel: &&[u8; 3]| {
            pixel
                .iter()
                .zip(background)
                .map(|(a, b)| u32::from(a.abs_diff(*b)))
                .sum::<u32>()
                > 24
        };
        pixels.iter().filter(differs).count() as f64 / pixels.len() as f64
    }
}

/// Makes everything but the picture transparent, or visible again. The layout and what the mouse is
/// over stay.
pub const BARE: &str = r#"
    const [bare] = arguments;
    document.getElementById('bare')?.remove();
    if (bare) {
        const style = document.head.appendChild(document.createElement('style'));
        style.id = 'bare';
        style.textContent = 'body :not(:has(.viewer), .viewer) { opacity: 0 !important }';
    }
"#;

/// Moves a mouse over places of the picture and returns the instance that the page finds at each.
/// Values come back from the GPU in buffers, for which it waits. Frames are held back meanwhile:
/// each would show another outline, and the next answer would wait for it.
pub const HOVER: &str = r#"
    const [places, answer] = arguments;
    const canvas = document.querySelector('[data-testid=viewer-canvas]');
    const reads = [], map = GPUBuffer.prototype.mapAsync;
    GPUBuffer.prototype.mapAsync = function (...given) {
        const read = map.apply(this, given);
        reads.push(read);
        return read;
    };
    const frames = [], request = window.requestAnimationFrame;
    window.requestAnimationFrame = call => frames.push(call);
    (async () => {
        const found = [];
        for (const [x, y] of places) {
            canvas.dispatchEvent(new PointerEvent('pointermove', { clientX: x, clientY: y, pointerId: 1, bubbles: true }));
            await Promise.allSettled(reads.splice(0));
            await new Promise(later => setTimeout(later));
            const row = document.querySelector('[data-testid=instance-row].hovered');
            found.push(row ? Number(row.dataset.instance) : null);
        }
        GPUBuffer.prototype.mapAsync = map;
        window.requestAnimationFrame = request;
        frames.forEach(call => requestAnimationFrame(call));
        answer(found);
    })();
"#;

/// Elements that cover elements to be seen or pressed, or that extend beyond the window; empty for
/// a sound page.
pub const FLAWS: &str = r#"
    const flaws = [], { innerWidth: width, innerHeight: height } = window;
    const shown = element => element.checkVisibility({ visibilityProperty: true, opacityProperty: true });
    const box = element => element.getBoundingClientRect();
    // What scrolls is seen within its frame alone.
    const seen = element => {
        const all = box(element), frame = element.closest('.drop-zone');
        if (!frame) return all;
        const { top, bottom } = box(frame);
        return { left: all.left, right: all.right, top: Math.max(all.top, top), bottom: Math.min(all.bottom, bottom) };
    };
    const name = element => element.dataset.testid || element.getAttribute('aria-label') || element.className || element.tagName;
    if (document.documentElement.scrollWidth > width) flaws.push('the page scrolls sideways');
    const cards = [...document.querySelectorAll('.header, .toolbar, .panel, .progress, .error, .notice.card, .selected-bar, .backend, .invitation, .strip, .large')].filter(shown);
    for (const card of cards) {
        const { left, right, top, bottom } = seen(card);
        if (left < -1 || right > width + 1 || top < -1) flaws.push(`${name(card)} reaches out of the window`);
        for (const other of cards) {
            const b = seen(other);
            const over = Math.min(right, b.right) - Math.max(left, b.left) > 1 && Math.min(bottom, b.bottom) - Math.max(top, b.top) > 1;
            if (card.compareDocumentPosition(other) & Node.DOCUMENT_POSITION_FOLLOWING && over) flaws.push(`${name(card)} and ${name(other)} overlap`);
        }
    }
    const prompt = document.querySelector('.prompt-box');
    if (width > 720 && prompt && shown(prompt) && (box(prompt).top < -1 || box(prompt).bottom > height + 1)) flaws.push('the prompt is out of sight');
    const least = matchMedia('(pointer: coarse)').matches ? 44 : 20;
    for (const control of [...document.querySelectorAll('button:not(.not-found button), label.button, label.segment, select, .field')].filter(shown)) {
        const { width, height } = box(control);
        // The faces of the cube have a button each in the menu of the view.
        if (Math.min(width, height) < least && !control.closest('.view-cube')) flaws.push(`${name(control)} is ${width.toFixed(0)} x ${height.toFixed(0)}, too small to hit`);
        if (control.matches('.square') && width < height - 1) flaws.push(`${name(control)} is squeezed`);
        const words = [control.getAttribute('aria-label'), control.textContent, ...[...control.labels ?? []].map(label => label.textContent), control.querySelector('img')?.alt];
        if (!words.some(words => words?.trim())) flaws.push(`${control.outerHTML.slice(0, 80)} has no name`);
    }
    for (const button of [...document.querySelectorAll('button, label.button, select, input:not(.visually-hidden)')].filter(shown)) {
        const { left, right, top, bottom } = box(button);
        if (button.scrollWidth > button.clientWidth + 1 && button.tagName === 'BUTTON') flaws.push(`the words of ${name(button)} do not fit`);
        let scrolls = button.parentElement;
        while (scrolls && !/auto|scroll/.test(getComputedStyle(scrolls).overflow)) scrolls = scrolls.parentElement;
        if (!scrolls && (left < -1 || right > width + 1 || top < -1 || bottom > height + 1)) flaws.push(`${name(button)} is out of the window`);
    }
    return flaws;
"#;
