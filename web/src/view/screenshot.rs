//! Pictures of the view with what is drawn over it, at the resolution of the screen.

use web_sys::HtmlCanvasElement;

use super::{Inner, Viewer, surface::Surface};
use crate::browser;

/// Receives the canvas with the picture.
pub type Taken = Box<dyn FnOnce(HtmlCanvasElement)>;

impl Viewer {
    /// Calls `taken` with the next picture that is complete and at rest.
    pub fn photograph(&self, taken: impl FnOnce(HtmlCanvasElement) + 'static) {
        self.0.borrow_mut().photographs.push(Box::new(taken));
        self.invalidate();
    }
}

impl Inner {
    /// The picture on screen, for those who asked for one. It has to be taken in the same task in
    /// which it is drawn: a canvas of WebGPU is empty afterwards.
    pub(super) fn developed(&mut self) -> Vec<(Taken, HtmlCanvasElement)> {
        let wanted = std::mem::take(&mut self.photographs);
        let pictures = wanted.into_iter();
        pictures
            .filter_map(|taken| Some((taken, self.composed()?)))
            .collect()
    }

    /// A canvas with the picture and all that is drawn over it.
    fn composed(&self) -> Option<HtmlCanvasElement> {
        use wasm_bindgen::JsCast;
        let (width, height) = self.size();
        let canvas = browser::document().create_element("canvas").ok()?;
        let canvas: HtmlCanvasElement = canvas.dyn_into().ok()?;
        canvas.set_width(width);
        canvas.set_height(height);
        let composed = Surface::of(canvas)?;
        let over = [
            self.frusta.surface(),
            self.overlay.surface.as_ref(),
            self.guides.surface.as_ref(),
        ];
        let over = over.into_iter().flatten().map(|surface| &surface.canvas);
        let origin = self.canvas.as_ref()?.get_bounding_client_rect();
        let ratio = f64::from(self.pixel_ratio());
        for layer in self.canvas.iter().chain(over) {
            let place = layer.get_bounding_client_rect();
            if place.width() < 1.0 || place.height() < 1.0 {
                continue;
            }
            composed
                .context
                .draw_image_with_html_canvas_element_and_dw_and_dh(
                    layer,
                    (place.x() - origin.x()) * ratio,
                    (place.y() - origin.y()) * ratio,
                    place.width() * ratio,
                    place.height() * ratio,
                )
                .ok()?;
        }
        Some(composed.canvas)
    }
}
