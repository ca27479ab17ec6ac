//! The state of the worker that runs 2D models, and its answers.

use segscape::images::{
    EncodedPicture, ImageFeatures as _, ImageModel, ImageModelManifest, ImageText as _,
    MAX_MODEL_BYTES, MaskLogits, MaskModel as _, MaskPrompt, Picture,
};
use segscape::views::Map;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{Blob, Response, Url};

use super::{
    protocol::{ChosenFile, ImageAnswer, ImageReply, ImageRequest, ModelInfo, ModelSource},
    shelf::{Shelf, bytes_of, describe},
};
use crate::{
    browser::now,
    dedicated::{self, Answers, scope},
    protocol::Bulk,
    streamed::{StreamError, streamed},
};

/// Largest manifest, bytes.
const MAX_MANIFEST: u64 = 1 << 20;
/// Largest file of a picture, bytes.
const MAX_PICTURE: f64 = 100e6;
/// Longest side of a mask that is shown, pixels.
const MASK_SIDE: usize = 1024;
/// Bytes between two reports of a download.
const REPORT: u64 = 1 << 20;

/// A model that was offered: its manifest, and where each of its files is.
struct Offer {
    manifest: ImageModelManifest,
    files: Vec<Origin>,
}

/// Where a file of an offer is.
enum Origin {
    Chosen(Blob),
    Url(String),
}

/// What a model keeps of a picture, for further questions about it.
enum Prepared {
    Masks(EncodedPicture),
    Features(Map),
    Embedding(u32),
}

/// The state that the worker keeps between requests.
#[derive(Default)]
pub(super) struct Session {
    offer: Option<Offer>,
    model: Option<ImageModel>,
    picture: Option<Picture>,
    prepared: Option<Prepared>,
}

impl Answers for Session {
    type Request = ImageRequest;

    async fn answer(&mut self, request: ImageRequest) {
        if let Err(message) = self.answered(request).await {
            post(&ImageReply::Failed { message });
        }
    }

    fn listening() {
        post(&ImageReply::Listening);
    }

    fn unreadable(message: String) {
        post(&ImageReply::Failed { message });
    }

    fn panicked(message: String) {
        post(&ImageReply::Panicked { message });
    }
}

impl Session {
    async fn answered(&mut self, request: ImageRequest) -> Result<(), String> {
        match request {
            ImageRequest::List => list().await,
            ImageRequest::Inspect(source) => {
                let (offer, info) = match source {
                    ModelSource::Files(files) => offered_files(files).await?,
                    ModelSource::Url(url) => offered_at(&url).await?,
                };
                self.offer = Some(offer);
                post(&ImageReply::Offer(info));
                Ok(())
            }
            ImageRequest::Add => {
                let offer = self.offer.take().ok_or("no model is offered")?;
                let (id, remarks) = self.add(offer).await?;
                list().await?;
                post(&ImageReply::Loaded { id, remarks });
                Ok(())
            }
            ImageRequest::Delete { id } => {
                Shelf::open().await?.delete(&id).await?;
                list().await
            }
            ImageRequest::Load { id } => {
                self.forget();
                let shelf = Shelf::open().await?;
                let manifest = shelf.manifest(&id).await?;
                let mut files = vec![];
                for file in manifest.files() {
                    files.push(shelf.file(&id, &file.file).await?);
                }
                let remarks = self.load(&manifest, files)?;
                post(&ImageReply::Loaded { id, remarks });
                Ok(())
            }
            ImageRequest::Run { picture, at } => {
                let start = now();
                if let Some(picture) = picture {
                    self.prepared = None;
                    self.picture = Some(decoded(&picture).await?);
                }
                let answer = self.run(at)?;
                post(&ImageReply::Answer {
                    answer,
                    ms: now() - start,
                });
                Ok(())
            }
        }
    }

    /// Drops the loaded model: two would not fit into memory.
    fn forget(&mut self) {
        self.model = None;
        self.prepared = None;
    }

    /// Checks the files and loads them. Returns what the runtime computes otherwise than they say.
    fn load(
        &mut self,
        manifest: &ImageModelManifest,
        files: Vec<Vec<u8>>,
    ) -> Result<Vec<String>, String> {
        let listed = manifest.files().into_iter().zip(&files);
        let remarks = listed
            .filter_map(|(file, bytes)| file.remark(bytes))
            .collect();
        let model = ImageModel::load(manifest, files).map_err(|error| error.to_string())?;
        self.model = Some(model);
        Ok(remarks)
    }

    /// Fetches what is not there, keeps the model if it can be loaded, and returns its id and what
    /// [`Self::load`] remarks.
    async fn add(&mut self, offer: Offer) -> Result<(String, Vec<String>), String> {
        self.forget();
        let Offer { manifest, files } = offer;
        let mut bytes = vec![];
        for (file, origin) in manifest.files().into_iter().zip(files) {
            let content = match origin {
                Origin::Chosen(blob) => bytes_of(&file.file, &blob).await?,
                Origin::Url(url) => {
                    let limit = file.bytes.unwrap_or(MAX_MODEL_BYTES);
                    fetched(&url, &file.file, limit).await?
                }
            };
            file.check(&content).map_err(|error| error.to_string())?;
            bytes.push(content);
        }
        let pinned = manifest.pinned(&bytes);
        let id = Shelf::open().await?.put(&pinned, &bytes).await?;
        match self.load(&pinned, bytes) {
            Ok(remarks) => Ok((id, remarks)),
            Err(message) => {
                Shelf::open().await?.delete(&id).await?;
                Err(message)
            }
        }
    }

    /// Runs the loaded model on the picture.
    fn run(&mut self, at: [f32; 2]) -> Result<ImageAnswer, String> {
        let model = self.model.as_ref().ok_or("load a model first")?;
        let picture = self.picture.as_ref().ok_or("choose a picture first")?;
        let at = at.map(|share| {
            if share.is_finite() {
                share.clamp(0.0, 1.0)
            } else {
                0.5
            }
        });
        let prepared = match self.prepared.take() {
            Some(prepared) => prepared,
            None => prepare(model, picture)?,
        };
        seen(model, picture, self.prepared.insert(prepared), at)
    }
}

fn prepare(model: &ImageModel, picture: &Picture) -> Result<Prepared, String> {
    let prepared = match model {
        ImageModel::Masks(model) => model.encode(picture).map(Prepared::Masks),
        ImageModel::Features(model) => model.features(picture).map(Prepared::Features),
        ImageModel::ImageText(model) => model
            .embed(picture)
            .map(|embedding| Prepared::Embedding(embedding.len() as u32)),
    };
    prepared.map_err(|error| error.to_string())
}

fn seen(
    model: &ImageModel,
    picture: &Picture,
    prepared: &Prepared,
    [x, y]: [f32; 2],
) -> Result<ImageAnswer, String> {
    let [rows, columns] = picture.size();
    match (model, prepared) {
        (ImageModel::Masks(model), Prepared::Masks(encoded)) => {
            let point = [([x * columns as f32, y * rows as f32], true)];
            let masks = model
                .masks(encoded, &MaskPrompt::Points(&point))
                .map_err(|error| error.to_string())?;
            let best = masks.into_iter().next().ok_or("the model gave no mask")?;
            Ok(shown(&best, [rows, columns]))
        }
        (_, Prepared::Features(features)) => Ok(similarity(features, x, y)),
        (_, Prepared::Embedding(channels)) => Ok(ImageAnswer::Embedding {
            channels: *channels,
        }),
        _ => Err("the picture was prepared for another model".into()),
    }
}

/// A mask as the page draws it.
fn shown(mask: &MaskLogits, picture: [usize; 2]) -> ImageAnswer {
    let longest = picture[0].max(picture[1]);
    let size = picture.map(|side| (side * MASK_SIDE.min(longest) / longest).max(1));
    let on = |logit: f32| if logit > 0.0 { 255 } else { 0_u8 };
    let pixels: Vec<u8> = mask.resized(size).into_iter().map(on).collect();
    ImageAnswer::Mask {
        rows: size[0] as u32,
        columns: size[1] as u32,
        pixels: Bulk::from_slice(&pixels),
        score: mask.score,
    }
}

/// The cosine of the features at every place with those at one place.
fn similarity(features: &Map, x: f32, y: f32) -> ImageAnswer {
    let [rows, columns] = features.size();
    let mut chosen = vec![0.0; features.channels()];
    features.add_sample(x, y, 1.0, &mut chosen);
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
    let cosine = |cell: usize| {
        let other = features.at(cell / columns, cell % columns);
        let lengths = (dot(&chosen, &chosen) * dot(other, other)).sqrt();
        (dot(&chosen, other) / lengths.max(f32::MIN_POSITIVE)).clamp(0.0, 1.0)
    };
    let pixels: Vec<u8> = (0..rows * columns)
        .map(|cell| (cosine(cell) * 255.0) as u8)
        .collect();
    ImageAnswer::Similarity {
        rows: rows as u32,
        columns: columns as u32,
        pixels: Bulk::from_slice(&pixels),
        channels: features.channels() as u32,
    }
}

async fn list() -> Result<(), String> {
    let models = Shelf::open().await?.list().await?;
    post(&ImageReply::Models(models));
    Ok(())
}

/// The model among files that the user chose.
async fn offered_files(files: Vec<ChosenFile>) -> Result<(Offer, ModelInfo), String> {
    let is_manifest = |file: &&ChosenFile| file.name.to_lowercase().ends_with(".json");
    let manifests: Vec<&ChosenFile> = files.iter().filter(is_manifest).collect();
    let [chosen] = manifests[..] else {
        return Err(format!(
            "choose one manifest (.json) and its .onnx files together; there are {} manifests among the files",
            manifests.len()
        ));
    };
    if chosen.blob.size() > MAX_MANIFEST as f64 {
        return Err(format!(
            "{} has {} bytes, a manifest has at most {MAX_MANIFEST}",
            chosen.name,
            chosen.blob.size()
        ));
    }
    let manifest = parsed(&chosen.name, &bytes_of(&chosen.name, &chosen.blob).await?)?;
    let mut info = describe(&manifest, "");
    let mut origins = vec![];
    for file in &mut info.files {
        if let Some(chosen) = files.iter().find(|chosen| chosen.name == file.name) {
            file.bytes = Some(chosen.blob.size());
            file.url = None;
            origins.push(Origin::Chosen(chosen.blob.clone()));
        } else if let Some(url) = &file.url {
            origins.push(Origin::Url(url.clone()));
        } else {
            return Err(format!(
                "{} lists {}, which was not chosen and has no address",
                chosen.name, file.name
            ));
        }
    }
    let files = origins;
    Ok((Offer { manifest, files }, info))
}

/// The model of a manifest at an address; its files lie beside it unless it says otherwise.
async fn offered_at(url: &str) -> Result<(Offer, ModelInfo), String> {
    let follows = |rest: &str| rest.starts_with([':', '/']);
    let local = ["http://127.0.0.1", "http://localhost"]
        .iter()
        .any(|host| url.strip_prefix(host).is_some_and(follows));
    if !url.starts_with("https://") && !local {
        return Err(format!("only https addresses can be opened, not {url}"));
    }
    let manifest = parsed(url, &fetched(url, url, MAX_MANIFEST).await?)?;
    let mut info = describe(&manifest, "");
    let mut files = vec![];
    for file in &mut info.files {
        let at = match &file.url {
            Some(address) => address.clone(),
            None => Url::new_with_base(&file.name, url)
                .map(|beside| beside.href())
                .map_err(|_| format!("{url} is not an address"))?,
        };
        file.url = Some(at.clone());
        files.push(Origin::Url(at));
    }
    Ok((Offer { manifest, files }, info))
}

fn parsed(name: &str, text: &[u8]) -> Result<ImageModelManifest, String> {
    ImageModelManifest::parse(text).map_err(|error| format!("{name}: {error}"))
}

/// Downloads a file of at most `limit` bytes and reports its progress.
async fn fetched(url: &str, name: &str, limit: u64) -> Result<Vec<u8>, String> {
    let no_answer = || {
        format!(
            "{url} did not answer, or its server does not allow other pages to read it (CORS); download the file and choose it here"
        )
    };
    let response = JsFuture::from(scope().fetch_with_str(url))
        .await
        .map_err(|_| no_answer())?;
    let response: Response = response.unchecked_into();
    if !response.ok() {
        return Err(format!("{url} answered with status {}", response.status()));
    }
    let mut reported = 0;
    let arrived = |bytes: u64, _| {
        if bytes >= reported + REPORT {
            reported = bytes;
            post(&ImageReply::Progress {
                file: name.to_owned(),
                bytes: bytes as f64,
            });
        }
    };
    let bytes = streamed(&response, limit, arrived).await;
    bytes.map_err(|error| match error {
        StreamError::Broken => no_answer(),
        StreamError::TooLarge(bytes) => {
            format!("{name} has at least {bytes} bytes, {limit} are expected at most")
        }
    })
}

async fn decoded(file: &ChosenFile) -> Result<Picture, String> {
    if file.blob.size() > MAX_PICTURE {
        return Err(format!(
            "{} has {:.0} MB, a picture may have {:.0}",
            file.name,
            file.blob.size() / 1e6,
            MAX_PICTURE / 1e6
        ));
    }
    let bytes = bytes_of(&file.name, &file.blob).await?;
    Picture::decode(&bytes).map_err(|error| format!("{}: {error}", file.name))
}

fn post(reply: &ImageReply) {
    dedicated::post(reply, &reply.transfers());
}
