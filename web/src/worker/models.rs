//! The networks and text encoders: fetched when first needed, cached by the browser under their
//! content hash, and verified every time.

use burn::tensor::Device;
use js_sys::{Array, ArrayBuffer, Uint8Array};
use segscape::{
    job::Network,
    model::manifest::{Manifest, ManifestError},
    progress::{Cancel, Monitor, Progress, Stage},
    shards::Shard,
    text::{LoadTextError, SpaceMismatch, TextEncoder, TextManifest, TextSpace, Vocabulary},
};
use serde::Deserialize;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{Cache, Request, Response};

use super::{
    fetch::{FetchError, Part, download},
    post, scope,
};
use crate::protocol::{MODEL_CACHE, Reply};

/// The server's folder of models.
const MODELS: &str = "/models";
/// The index of the models in use.
const INDEX: &str = "/models/index.json";

/// `index.json`: the folder of the network in use.
#[derive(Deserialize)]
struct Index {
    network: String,
}

impl Index {
    async fn fetch() -> Result<Self, ModelError> {
        Ok(serde_json::from_slice(&download(INDEX, None).await?)?)
    }
}

/// The reason why a model is not available, in words that tell the user what to do.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// The download failed.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// The worker has chosen no device.
    #[error("the worker has no device yet")]
    NoDevice,
    /// The index of the models is malformed.
    #[error("the list of models is malformed: {0}")]
    Index(#[from] serde_json::Error),
    /// The network is damaged, or this device computes wrong results.
    #[error(transparent)]
    Network(#[from] ManifestError),
    /// The text encoder is damaged.
    #[error(transparent)]
    Text(#[from] LoadTextError),
    /// The text encoder's vectors cannot be compared with the network's.
    #[error(transparent)]
    Space(#[from] SpaceMismatch),
}

/// A network that the server offers: its folder and its manifest.
#[derive(Clone)]
pub struct Offered {
    folder: String,
    pub manifest: Manifest,
}

/// Fetches the manifest of the network in use.
///
/// # Errors
/// [`ModelError`].
pub async fn offered() -> Result<Offered, ModelError> {
    let folder = format!("{MODELS}/{}", Index::fetch().await?.network);
    let manifest = Manifest::parse(&download(&format!("{folder}/manifest.json"), None).await?)?;
    Ok(Offered { folder, manifest })
}

/// Loads a network onto `device`.
///
/// # Errors
/// [`ModelError`].
pub async fn network(offered: &Offered, device: &Device) -> Result<Network, ModelError> {
    let vocabulary = vocabulary(&offered.manifest.config.text).await?;
    let pieces = pieces(&offered.folder, &offered.manifest.shards).await?;
    let loaded = Network::load(
        offered.manifest.clone(),
        &pieces,
        &vocabulary,
        device,
        &Monitor::new(&|_| (), &Cancel::default()),
    )
    .await;
    let network = or_forget(loaded).await?;
    forget_earlier(&offered.folder).await;
    Ok(network)
}

/// Deletes earlier versions of the network, `NAME-HASH` like the one in `folder`, from the cache.
async fn forget_earlier(folder: &str) {
    let Some((name, _)) = folder.rsplit_once('-') else {
        return;
    };
    let Some(cache) = store().await else {
        return;
    };
    // What cannot be deleted costs space, no more.
    let Ok(keys) = JsFuture::from(cache.keys()).await else {
        return;
    };
    let requests = Array::from(&keys);
    for request in requests
        .iter()
        .filter_map(|key| key.dyn_into::<Request>().ok())
    {
        let url = request.url();
        let is_earlier = url.contains(&format!("{name}-")) && !url.contains(&format!("{folder}/"));
        if is_earlier {
            drop(JsFuture::from(cache.delete_with_request(&request)).await);
        }
    }
}

/// The nouns in a space. Those of all-MiniLM-L6-v2 are built in; other encoders bring their own.
///
/// # Errors
/// [`ModelError`].
pub async fn vocabulary(space: &TextSpace) -> Result<Vocabulary, ModelError> {
    let shipped = Vocabulary::shipped();
    if space == shipped.space() {
        return Ok(shipped.clone());
    }
    let (folder, manifest) = encoder_manifest(space).await?;
    // a megabyte or two, which is needed even where no progress is shown
    let table = piece(&folder, manifest.vocabulary_file()?, None).await?;
    Ok(or_forget(manifest.load_vocabulary(&table)).await?)
}

/// The folder of the text encoder of a space, and its manifest.
async fn encoder_manifest(space: &TextSpace) -> Result<(String, TextManifest), ModelError> {
    let folder = format!("{MODELS}/{}", space.folder());
    let manifest = TextManifest::parse(&download(&format!("{folder}/manifest.json"), None).await?)?;
    space.check("the scene", &manifest.space(), "the text encoder")?;
    Ok((folder, manifest))
}

/// Loads the text encoder of a space. It always runs on the CPU, whatever device the network uses:
/// a phrase is a handful of tokens, for which a GPU needs some hundred launches and a read-back, and
/// prompts must still work after a GPU has failed.
///
/// # Errors
/// [`ModelError`].
pub async fn encoder(space: &TextSpace) -> Result<Box<dyn TextEncoder>, ModelError> {
    let (folder, manifest) = encoder_manifest(space).await?;
    let files: Vec<Shard> = std::iter::once(&manifest.tokenizer)
        .chain(&manifest.shards)
        .cloned()
        .collect();
    let pieces = pieces(&folder, &files).await?;
    Ok(or_forget(manifest.load(&pieces[0], &pieces[1..], &Device::flex())).await?)
}

/// Reads all shards in order, from the cache or the server, and reports progress of
/// [`Stage::Model`].
async fn pieces(folder: &str, shards: &[Shard]) -> Result<Vec<Vec<u8>>, FetchError> {
    let total: usize = shards.iter().map(|shard| shard.bytes).sum();
    let share = |bytes: usize| bytes as f32 / total.max(1) as f32;
    let mut there = Vec::with_capacity(shards.len());
    let mut before = 0;
    for shard in shards {
        let part = Part {
            stage: Stage::Model,
            from: share(before),
            to: share(before + shard.bytes),
            before: before as u64,
            total: Some(total as u64),
        };
        there.push(piece(folder, shard, Some(part)).await?);
        before += shard.bytes;
        post(&Reply::Progress(Progress {
            stage: Stage::Model,
            done: part.to,
        }));
    }
    Ok(there)
}

/// Reads one shard, and reports progress if it is a part of a stage. If the cache is missing, full or
/// forbidden, the shard is merely downloaded again the next time.
async fn piece(folder: &str, shard: &Shard, part: Option<Part>) -> Result<Vec<u8>, FetchError> {
    let url = format!("{folder}/{}", shard.file);
    let key = format!("{url}?sha256={}", shard.sha256);
    let cache = store().await;
    if let Some(cache) = &cache
        && let Some(bytes) = stored(cache, &key).await
        && shard.check(&bytes).is_ok()
    {
        return Ok(bytes);
    }
    let mut bytes = download(&url, part).await?;
    if let Some(cache) = &cache
        && let Ok(response) = Response::new_with_opt_u8_array(Some(&mut bytes))
    {
        let _ = JsFuture::from(cache.put_with_str(&key, &response)).await;
    }
    Ok(bytes)
}

async fn store() -> Option<Cache> {
    let caches = scope().caches().ok()?;
    JsFuture::from(caches.open(MODEL_CACHE))
        .await
        .ok()?
        .dyn_into()
        .ok()
}

async fn stored(cache: &Cache, key: &str) -> Option<Vec<u8>> {
    let response: Response = JsFuture::from(cache.match_with_str(key))
        .await
        .ok()?
        .dyn_into()
        .ok()?;
    let buffer: ArrayBuffer = JsFuture::from(response.array_buffer().ok()?)
        .await
        .ok()?
        .dyn_into()
        .ok()?;
    Some(Uint8Array::new(&buffer).to_vec())
}

/// Deletes the cache if loading failed, so that the next attempt downloads the files again.
async fn or_forget<T, E>(loaded: Result<T, E>) -> Result<T, E> {
    if loaded.is_err()
        && let Ok(caches) = scope().caches()
    {
        let _ = JsFuture::from(caches.delete(MODEL_CACHE)).await;
    }
    loaded
}
