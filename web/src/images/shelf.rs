//! The files of models, in the browser's cache: a model is a manifest that pins its files. The
//! manifest is stored last, without it a model is not there.

use js_sys::{Array, ArrayBuffer, Reflect, Uint8Array};
use segscape::{
    images::{ImageModelManifest, MAX_MODEL_BYTES},
    shards::sha256,
};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{Blob, Cache, Request, Response};

use super::protocol::{ModelFileInfo, ModelInfo};
use crate::dedicated::scope;

/// Name of the browser's cache for 2D models.
const CACHE: &str = "segscape-2d-models";
/// Under this path the cache's entries lie: `id/file`. No server is asked for it.
const FOLDER: &str = "/2d-models";
const MANIFEST: &str = "manifest.json";

/// The browser's cache.
pub(super) struct Shelf(Cache);

impl Shelf {
    /// Opens the cache.
    pub(super) async fn open() -> Result<Self, String> {
        let refused = |_| {
            "this browser does not let the page keep files; allow site data and open the page over https"
                .to_owned()
        };
        let caches = scope().caches().map_err(refused)?;
        let cache = JsFuture::from(caches.open(CACHE)).await.map_err(refused)?;
        Ok(Self(cache.unchecked_into()))
    }

    /// The models, by name.
    pub(super) async fn list(&self) -> Result<Vec<ModelInfo>, String> {
        let keys = JsFuture::from(self.0.keys())
            .await
            .map_err(|_| "the browser does not list its files".to_owned())?;
        let keys: Vec<String> = Array::from(&keys)
            .iter()
            .filter_map(|request| request.dyn_into::<Request>().ok())
            .map(|request| request.url())
            .collect();
        let mut models = vec![];
        for key in &keys {
            let Some(id) = key
                .strip_suffix(&format!("/{MANIFEST}"))
                .and_then(|key| key.rsplit('/').next())
            else {
                continue;
            };
            // what cannot be read is deleted with its files: it was written by another version
            let Ok(manifest) = self.manifest(id).await else {
                self.delete(id).await?;
                continue;
            };
            let mut info = describe(&manifest, id);
            let there = |file: &ModelFileInfo| {
                let end = format!("{FOLDER}/{id}/{}", file.name);
                keys.iter().any(|key| key.ends_with(&end))
            };
            info.whole = info.files.iter().all(there);
            models.push(info);
        }
        models.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(models)
    }

    /// Keeps a model and returns its id.
    pub(super) async fn put(
        &self,
        manifest: &ImageModelManifest,
        files: &[Vec<u8>],
    ) -> Result<String, String> {
        let text = serde_json::to_vec_pretty(manifest).map_err(|error| error.to_string())?;
        let id = sha256(&text)[..16].to_owned();
        let names = manifest.files().into_iter().map(|file| file.file.as_str());
        let entries = names.zip(files).chain([(MANIFEST, &text)]);
        for (name, bytes) in entries {
            if let Err(message) = self.put_file(&id, name, bytes).await {
                self.delete(&id).await?;
                return Err(message);
            }
        }
        Ok(id)
    }

    async fn put_file(&self, id: &str, name: &str, bytes: &[u8]) -> Result<(), String> {
        let failed = |error: JsValue| {
            let said = |what: &str| Reflect::get(&error, &what.into()).ok()?.as_string();
            let megabytes = bytes.len() as f64 / 1e6;
            match said("name").as_deref() {
                Some("QuotaExceededError") => format!(
                    "the browser has no room for {name}, {megabytes:.1} MB; delete other models or other site data"
                ),
                _ => format!(
                    "the browser could not keep {name}, {megabytes:.1} MB: {}",
                    said("message").unwrap_or_default()
                ),
            }
        };
        let parts = Array::of1(&Uint8Array::from(bytes));
        let blob = Blob::new_with_u8_array_sequence(&parts).map_err(failed)?;
        let response = Response::new_with_opt_blob(Some(&blob)).map_err(failed)?;
        JsFuture::from(self.0.put_with_str(&key(id, name), &response))
            .await
            .map(drop)
            .map_err(failed)
    }

    /// A model's manifest.
    pub(super) async fn manifest(&self, id: &str) -> Result<ImageModelManifest, String> {
        let text = self.file(id, MANIFEST).await?;
        ImageModelManifest::parse(&text).map_err(|error| error.to_string())
    }

    /// A file of a model. Its content is checked by who reads it.
    pub(super) async fn file(&self, id: &str, name: &str) -> Result<Vec<u8>, String> {
        let gone = || format!("the browser has deleted {name}; delete the model and add it again");
        let found = JsFuture::from(self.0.match_with_str(&key(id, name))).await;
        let response: Response = found
            .ok()
            .and_then(|found| found.dyn_into().ok())
            .ok_or_else(gone)?;
        let blob = response.blob().map_err(|_| gone())?;
        let blob: Blob = JsFuture::from(blob)
            .await
            .map_err(|_| gone())?
            .unchecked_into();
        bytes_of(name, &blob).await
    }

    /// Deletes a model.
    pub(super) async fn delete(&self, id: &str) -> Result<(), String> {
        let failed = |_| "the browser does not delete the files of the model".to_owned();
        let keys = JsFuture::from(self.0.keys()).await.map_err(failed)?;
        let own = format!("{FOLDER}/{id}/");
        for request in Array::from(&keys).iter() {
            let request: Request = request.unchecked_into();
            if request.url().contains(&own) {
                JsFuture::from(self.0.delete_with_request(&request))
                    .await
                    .map_err(failed)?;
            }
        }
        Ok(())
    }
}

/// The bytes of a file; its length is checked before.
pub(super) async fn bytes_of(name: &str, blob: &Blob) -> Result<Vec<u8>, String> {
    let size = blob.size();
    if size > MAX_MODEL_BYTES as f64 {
        return Err(format!(
            "{name} has {size} bytes, the limit is {MAX_MODEL_BYTES}"
        ));
    }
    let buffer = JsFuture::from(blob.array_buffer())
        .await
        .map_err(|_| format!("the browser could not read {name}"))?;
    Ok(Uint8Array::new(&buffer.unchecked_into::<ArrayBuffer>()).to_vec())
}

/// What the page shows of a model.
pub(super) fn describe(manifest: &ImageModelManifest, id: &str) -> ModelInfo {
    let file = |file: &segscape::images::ModelFile| ModelFileInfo {
        name: file.file.clone(),
        bytes: file.bytes.map(|bytes| bytes as f64),
        url: file.url.clone(),
        sha256: file.sha256.clone(),
    };
    ModelInfo {
        id: id.to_owned(),
        name: manifest.name.clone(),
        kind: manifest.kind().to_owned(),
        license: manifest.license.clone(),
        source: manifest.source.clone(),
        files: manifest.files().into_iter().map(file).collect(),
        whole: true,
    }
}

/// A whole address: a worker that was made from a text has none that others could be relative to.
fn key(id: &str, name: &str) -> String {
    format!("{}{FOLDER}/{id}/{name}", scope().origin())
}
