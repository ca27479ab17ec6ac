//! The networks and text encoders: fetched when first needed, cached by the browser under their
//! content hash, and verified every time.

use burn::tensor::Device;
use segscape::{
    job::Network,
    model::manifest::{Manifest, ManifestError},
    progress::{Cancel, Monitor, Progress, Stage},
    shards::Shard,
    text::{LoadTextError, SpaceMismatch, TextEncoder, TextManifest, TextSpace, Vocabulary},
};
use serde::Deserialize;

use super::{
    fetch::{FetchError, Part, download},
    post,
};
use crate::{
    model_cache::{ModelCache, is_other_version},
    protocol::Reply,
};

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
    pub folder: String,
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

/// The files of a network, in order, from the cache or the server.
///
/// # Errors
/// [`ModelError`].
pub async fn files_of(offered: &Offered) -> Result<Vec<Vec<u8>>, ModelError> {
    Ok(pieces(&offered.folder, &offered.manifest.shards).await?)
}

/// Loads a network, whose `files` are there, onto `device`.
///
/// # Errors
/// [`ModelError`].
pub async fn load(
    offered: &Offered,
    files: &[Vec<u8>],
    device: &Device,
) -> Result<Network, ModelError> {
    let vocabulary = vocabulary(&offered.manifest.config.text).await?;
    let loaded = Network::load(
        offered.manifest.clone(),
        files,
        &vocabulary,
        device,
        &Monitor::new(&|_| (), &Cancel::default()),
    )
    .await;
    let network = or_forget(loaded).await?;
    let in_use = offered.folder.rsplit('/').next().unwrap_or_default();
    if let Ok(cache) = ModelCache::open().await {
        // What cannot be deleted costs space, no more.
        let earlier = cache.delete(|model| is_other_version(model, in_use));
        drop(earlier.await);
    }
    Ok(network)
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
    let pieces = pieces(&folder, &files(&manifest)).await?;
    Ok(or_forget(manifest.load(&pieces[0], &pieces[1..], &Device::flex())).await?)
}

/// `true` if the browser keeps models of any kind.
pub async fn keeps_any() -> bool {
    match ModelCache::open().await {
        Ok(cache) => cache.list().await.is_ok_and(|models| !models.is_empty()),
        Err(_) => false,
    }
}

/// `true` if the browser keeps all files of a network.
pub async fn is_kept(offered: &Offered) -> bool {
    let Ok(cache) = ModelCache::open().await else {
        return false;
    };
    for shard in &offered.manifest.shards {
        if !cache.has(&key(&offered.folder, shard)).await {
            return false;
        }
    }
    true
}

/// Number of bytes of the text encoder of a space that the browser does not have.
///
/// # Errors
/// [`ModelError`].
pub async fn missing_bytes(space: &TextSpace) -> Result<u64, ModelError> {
    let (folder, manifest) = encoder_manifest(space).await?;
    let cache = ModelCache::open().await;
    let mut missing = 0;
    for file in files(&manifest) {
        let is_there = match &cache {
            Ok(cache) => cache.has(&key(&folder, &file)).await,
            Err(_) => false,
        };
        if !is_there {
            missing += file.bytes as u64;
        }
    }
    Ok(missing)
}

/// The files of a text encoder, the tokenizer first.
fn files(manifest: &TextManifest) -> Vec<Shard> {
    let files = std::iter::once(&manifest.tokenizer).chain(&manifest.shards);
    files.cloned().collect()
}

/// The key of a file in the cache: its address with its hash.
fn key(folder: &str, shard: &Shard) -> String {
    format!("{folder}/{}?sha256={}", shard.file, shard.sha256)
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
    let key = key(folder, shard);
    let cache = ModelCache::open().await;
    if let Ok(cache) = &cache
        && let Ok(bytes) = cache.get(&key).await
        && shard.check(&bytes).is_ok()
    {
        return Ok(bytes);
    }
    let mut bytes = download(&url, part).await?;
    if let Ok(cache) = &cache {
        drop(cache.put(&key, &mut bytes).await);
    }
    Ok(bytes)
}

/// Deletes the cache if loading failed, so that the next attempt downloads the files again.
async fn or_forget<T, E>(loaded: Result<T, E>) -> Result<T, E> {
    if loaded.is_err()
        && let Ok(cache) = ModelCache::open().await
    {
        drop(cache.delete(|_| true).await);
    }
    loaded
}
