//! The two renderers, and which of them draws on a canvas.

use wasm_bindgen::prelude::*;
use web_sys::HtmlCanvasElement;

use super::{gpu::GpuRenderer, software::SoftwareRenderer};
use crate::{gpu_support, protocol::Processor};

/// The renderer of the points.
pub enum Renderer {
    /// Draws with WebGPU.
    Gpu(Box<GpuRenderer>),
    /// Draws on a 2D canvas.
    Software(SoftwareRenderer),
}

/// What a picture cost.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PictureCost {
    /// Number of points that were drawn.
    pub points: usize,
    /// Number of draw calls on the GPU; 0 without one.
    pub draws: usize,
    /// Time until it was there, milliseconds.
    pub ms: f32,
}

impl Renderer {
    /// Time of the last picture, milliseconds.
    pub fn last_picture_ms(&self) -> f32 {
        match self {
            Self::Gpu(gpu) => gpu.last_picture_ms(),
            Self::Software(software) => software.last_picture_ms(),
        }
    }

    /// What a picture of every `stride`-th of `points` cost.
    pub fn cost(&self, points: usize, stride: u32) -> PictureCost {
        PictureCost {
            points: points.div_ceil(stride.max(1) as usize),
            draws: match self {
                Self::Gpu(gpu) => gpu.draws(),
                Self::Software(_) => 0,
            },
            ms: self.last_picture_ms(),
        }
    }
}

/// Creates the renderer for this canvas: the wanted one, or by default WebGPU if there is hardware
/// for it. If WebGPU fails, the 2D canvas is used.
///
/// # Errors
/// Returns an error if the canvas supports neither.
pub async fn renderer_for(
    canvas: &HtmlCanvasElement,
    wanted: Option<Processor>,
) -> Result<Renderer, JsValue> {
    let on_gpu = match wanted {
        Some(processor) => processor == Processor::WebGpu,
        None => gpu_support::draws_in_hardware().await,
    };
    if on_gpu {
        match GpuRenderer::new(canvas.clone()).await {
            Ok(gpu) => return Ok(Renderer::Gpu(Box::new(gpu))),
            Err(error) => web_sys::console::warn_1(
                &format!("WebGPU picture: {error}; drawing on the CPU").into(),
            ),
        }
    }
    SoftwareRenderer::new(canvas.clone())
        .map(Renderer::Software)
        .ok_or_else(|| "the canvas cannot be drawn on".into())
}
