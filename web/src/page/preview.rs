//! The preview picture of a scene: what programs show beside its link.

use js_sys::Promise;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{Blob, CanvasRenderingContext2d, HtmlCanvasElement};

use crate::{browser, page::state::State};

/// Width and height, pixels; the share server takes no other size.
const SIZE: [u32; 2] = [1200, 630];
/// Media type and quality.
const KIND: (&str, f64) = ("image/jpeg", 0.85);
/// Time that the picture may take, milliseconds. A page in the background draws nothing.
const PATIENCE_MS: i32 = 3000;

/// What is on screen beside the panel, as a JPEG; `None` if the browser does not give it away.
pub async fn picture(state: State) -> Option<Blob> {
    let blob = Promise::new(&mut |found, _| {
        let give_up = found.clone();
        browser::after(PATIENCE_MS, move || {
            drop(give_up.call0(&JsValue::NULL));
        });
        let viewer = state.viewer();
        let covered = viewer.covered();
        viewer.photograph(move |canvas| {
            let scaled = scaled(&canvas, [1.0 - covered.x, 1.0 - covered.y].map(f64::from));
            let (kind, quality) = KIND;
            let quality = JsValue::from(quality);
            let asked = scaled
                .map(|scaled| scaled.to_blob_with_type_and_encoder_options(&found, kind, &quality));
            if !matches!(asked, Some(Ok(()))) {
                drop(found.call0(&JsValue::NULL));
            }
        });
    });
    JsFuture::from(blob).await.ok()?.dyn_into().ok()
}

/// The part of a canvas at its upper left that is free, in fractions of its width and height, cut to
/// the shape of a preview around its middle.
fn scaled(canvas: &HtmlCanvasElement, free: [f64; 2]) -> Option<HtmlCanvasElement> {
    let [width, height] = SIZE.map(f64::from);
    let free = [
        f64::from(canvas.width()) * free[0],
        f64::from(canvas.height()) * free[1],
    ];
    let cut_width = free[0].min(free[1] * width / height);
    let cut_height = cut_width * height / width;
    let scaled = browser::document().create_element("canvas").ok()?;
    let scaled: HtmlCanvasElement = scaled.dyn_into().ok()?;
    scaled.set_width(SIZE[0]);
    scaled.set_height(SIZE[1]);
    let context = scaled.get_context("2d").ok().flatten()?;
    let context: CanvasRenderingContext2d = context.dyn_into().ok()?;
    context
        .draw_image_with_html_canvas_element_and_sw_and_sh_and_dx_and_dy_and_dw_and_dh(
            canvas,
            (free[0] - cut_width) / 2.0,
            (free[1] - cut_height) / 2.0,
            cut_width,
            cut_height,
            0.0,
            0.0,
            width,
            height,
        )
        .ok()?;
    Some(scaled)
}
