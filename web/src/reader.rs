//! The reader: a small worker, which shows a part of a file's points while the program of the
//! worker that does everything is on the way to a new visitor. That one reads all of the file later,
//! and knows nothing of this one.

use segscape::preflight::Choices;
use serde::{Deserialize, Serialize};

use crate::protocol::Points;

/// The message from the page to the reader: asks for a first look at a file.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct LookRequest {
    /// Serial number of what the page opens.
    pub serial: u32,
    /// Name of the file.
    pub name: String,
    /// The file itself. Only a handle is sent; the reader reads the bytes.
    #[serde(with = "serde_wasm_bindgen::preserve")]
    pub blob: web_sys::Blob,
    /// The up axis and unit that the user chose.
    pub choices: Choices,
}

/// Messages from the reader to the page.
#[allow(clippy::large_enum_variant, reason = "a message is sent, not kept")]
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum LookReply {
    /// The reader listens from now on. Earlier messages are lost.
    Listening,
    /// A part of the points.
    Part {
        /// Serial number of what the page opens.
        serial: u32,
        /// The points; `None` if the reader does not know the format: the worker does, or says what is
        /// wrong.
        points: Option<Points>,
    },
    /// The reader is of no use, for this reason.
    Failed(String),
}

#[cfg(feature = "reader")]
pub use answers::run;

#[cfg(feature = "reader")]
mod answers {
    use js_sys::{ArrayBuffer, Uint8Array};
    use wasm_bindgen::JsCast as _;
    use wasm_bindgen_futures::JsFuture;
    use web_sys::Blob;

    use super::{LookReply, LookRequest};
    use crate::{
        dedicated::{self, Answers},
        protocol::Points,
        shown,
    };

    /// Maximum number of bytes of a file that is looked at: the worker has to find memory for it at the
    /// same time.
    const MAX_BYTES: f64 = 256e6;

    /// The reader keeps nothing between requests.
    struct Reader;

    /// Listens for requests until the page terminates the worker.
    pub fn run() {
        dedicated::listen(Reader);
    }

    impl Answers for Reader {
        type Request = LookRequest;

        async fn answer(&mut self, look: LookRequest) {
            let serial = look.serial;
            let points = looked(look).await;
            post(&LookReply::Part { serial, points });
        }

        fn listening() {
            post(&LookReply::Listening);
        }

        fn unreadable(message: String) {
            post(&LookReply::Failed(message));
        }

        fn panicked(message: String) {
            post(&LookReply::Failed(message));
        }
    }

    async fn looked(look: LookRequest) -> Option<Points> {
        let LookRequest {
            name,
            blob,
            choices,
            ..
        } = look;
        let bytes = bytes_of(&blob).await?;
        shown::first_look(name, &bytes, choices)
    }

    async fn bytes_of(blob: &Blob) -> Option<Vec<u8>> {
        if blob.size() > MAX_BYTES {
            return None;
        }
        let buffer = JsFuture::from(blob.array_buffer()).await.ok()?;
        Some(Uint8Array::new(&buffer.unchecked_into::<ArrayBuffer>()).to_vec())
    }

    fn post(message: &LookReply) {
        let transfers = match message {
            LookReply::Part {
                points: Some(points),
                ..
            } => points.transfers(),
            _ => js_sys::Array::new(),
        };
        dedicated::post(message, &transfers);
    }
}
