//! The pictures of a capture's frames. What is kept of them is a bounded number of thumbnails: a
//! picture itself is read when it is shown, and forgotten afterwards.

use std::{cell::RefCell, collections::VecDeque, rc::Rc};

use js_sys::{Array, Object, Promise, Reflect, Uint8Array};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{Blob, HtmlCanvasElement, ReadableStreamDefaultReader};

use crate::protocol::Frames;

/// Height of a thumbnail, pixels; twice that of its place, for screens with small pixels.
const THUMBNAIL: u32 = 112;
/// Maximum number of thumbnails that are kept, of about 70 KB each.
const KEPT: usize = 160;
/// Maximum number of bytes of an encoded picture; captures have none that are larger.
const MAX_BYTES: usize = 64 << 20;

#[wasm_bindgen]
extern "C" {
    /// `ImageBitmap`.
    #[derive(Clone)]
    type Bitmap;

    #[wasm_bindgen(method, getter)]
    fn width(this: &Bitmap) -> u32;

    #[wasm_bindgen(method, getter)]
    fn height(this: &Bitmap) -> u32;

    #[wasm_bindgen(method)]
    fn close(this: &Bitmap);

    #[wasm_bindgen(catch, js_name = createImageBitmap)]
    fn create_bitmap(blob: &Blob, options: &JsValue) -> Result<Promise, JsValue>;

    /// `CanvasRenderingContext2D`.
    type Context;

    #[wasm_bindgen(method, catch, js_name = drawImage)]
    fn draw(this: &Context, bitmap: &Bitmap, x: f64, y: f64) -> Result<(), JsValue>;

    type DecompressionStream;

    #[wasm_bindgen(constructor, catch)]
    fn new(format: &str) -> Result<DecompressionStream, JsValue>;

    /// `ReadableStream`.
    type Stream;

    #[wasm_bindgen(method, catch, js_name = pipeThrough)]
    fn through(this: &Stream, inflater: &DecompressionStream) -> Result<Stream, JsValue>;

    #[wasm_bindgen(method, catch, js_name = getReader)]
    fn reader(this: &Stream) -> Result<ReadableStreamDefaultReader, JsValue>;
}

/// The pictures of the open capture; clones share them.
#[derive(Clone, Default)]
pub struct Pictures(Rc<RefCell<Inner>>);

#[derive(Default)]
struct Inner {
    /// `(frames)`: the handle of each picture, and its number of bytes if it is deflated.
    pictures: Vec<Option<(Blob, Option<u32>)>>,
    /// Frames with their thumbnails, the one that was shown last at the end.
    kept: VecDeque<(u32, Bitmap)>,
}

impl Pictures {
    /// The pictures of these frames.
    pub fn new(frames: &Frames) -> Self {
        let pictures = Self::default();
        pictures.add(frames);
        pictures
    }

    /// Adds the pictures of frames that follow those before.
    pub fn add(&self, Frames { frames, pictures }: &Frames) {
        let handle = |(frame, blob): (&crate::protocol::FrameInfo, JsValue)| {
            Some((blob.dyn_into::<Blob>().ok()?, frame.inflated_bytes))
        };
        let added = frames.iter().zip(pictures.iter()).map(handle);
        self.0.borrow_mut().pictures.extend(added);
    }

    /// The encoded picture of a frame; `None` if it cannot be read.
    pub async fn encoded(&self, frame: u32) -> Option<Blob> {
        let (blob, inflated) = self.0.borrow().pictures.get(frame as usize)?.clone()?;
        match inflated {
            None => Some(blob),
            Some(bytes) => self::inflated(&blob, bytes as usize).await.ok().flatten(),
        }
    }

    /// Draws the thumbnail of a frame. Returns `false` if the picture cannot be decoded.
    pub async fn draw_thumbnail(&self, frame: u32, canvas: &HtmlCanvasElement) -> bool {
        let known = self.0.borrow_mut().known(frame);
        let bitmap = match known {
            Some(bitmap) => bitmap,
            None => {
                let Some(blob) = self.encoded(frame).await else {
                    return false;
                };
                let Ok(bitmap) = thumbnail(&blob).await else {
                    return false;
                };
                self.0.borrow_mut().keep(frame, bitmap.clone());
                bitmap
            }
        };
        canvas.set_width(bitmap.width());
        canvas.set_height(bitmap.height());
        let context = canvas.get_context("2d").ok().flatten();
        context.is_some_and(|context| {
            let context: Context = context.unchecked_into();
            context.draw(&bitmap, 0.0, 0.0).is_ok()
        })
    }

    /// Returns `true` if the thumbnail of a frame is there already.
    pub fn has_thumbnail(&self, frame: u32) -> bool {
        self.0
            .borrow()
            .kept
            .iter()
            .any(|(known, _)| *known == frame)
    }
}

impl Inner {
    fn known(&mut self, frame: u32) -> Option<Bitmap> {
        let place = self.kept.iter().position(|(known, _)| *known == frame)?;
        let (_, bitmap) = self.kept.remove(place)?;
        self.kept.push_back((frame, bitmap.clone()));
        Some(bitmap)
    }

    fn keep(&mut self, frame: u32, bitmap: Bitmap) {
        self.kept.push_back((frame, bitmap));
        if self.kept.len() > KEPT
            && let Some((_, oldest)) = self.kept.pop_front()
        {
            oldest.close();
        }
    }
}

async fn thumbnail(blob: &Blob) -> Result<Bitmap, JsValue> {
    let options = Object::new();
    Reflect::set(&options, &"resizeHeight".into(), &THUMBNAIL.into())?;
    Reflect::set(&options, &"resizeQuality".into(), &"medium".into())?;
    let bitmap = JsFuture::from(create_bitmap(blob, &options)?).await?;
    Ok(bitmap.unchecked_into())
}

/// Inflates a blob to the number of bytes that it declares; `None` if it has another number.
async fn inflated(blob: &Blob, bytes: usize) -> Result<Option<Blob>, JsValue> {
    if bytes > MAX_BYTES {
        return Ok(None);
    }
    let stream: Stream = blob.stream().unchecked_into();
    let reader = stream
        .through(&DecompressionStream::new("deflate-raw")?)?
        .reader()?;
    let (parts, mut count) = (Array::new(), 0);
    loop {
        let piece = JsFuture::from(reader.read()).await?;
        let piece = Reflect::get(&piece, &"value".into())?;
        let Ok(piece) = piece.dyn_into::<Uint8Array>() else {
            break;
        };
        count += piece.length() as usize;
        if count > bytes {
            drop(JsFuture::from(reader.cancel()).await);
            return Ok(None);
        }
        parts.push(&piece);
    }
    let blob = Blob::new_with_u8_array_sequence(&parts)?;
    Ok((count == bytes).then_some(blob))
}
