//! Pictures of the view with what is drawn over it, at the resolution of the screen.

use glam::Vec2;
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

    /// Fractions of the width at the right and of the height at the bottom of the canvas that the
    /// panel covers.
    pub fn covered(&self) -> Vec2 {
        self.0.borrow().frame.covered
    }

    /// What the canvas shows, as PNG; `None` if the browser does not give it away.
    pub fn picture(&self) -> Option<Vec<u8>> {
        let mut inner = self.0.borrow_mut();
        // A canvas of WebGPU can be read only in the task in which it was drawn.
        inner.step();
        let url = inner.canvas.as_ref()?.to_data_url_with_type("image/png");
        browser::bytes_of_data_url(&url.ok()?)
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
