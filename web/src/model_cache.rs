//! The browser's cache of networks and text encoders, so that the next visit need not download them
//! again. The worker fills it and reads it, and the page lists it. A file is kept under its address
//! with its hash, and its model is the folder it is in.

use std::collections::BTreeMap;

use js_sys::{Array, ArrayBuffer, Uint8Array};
use wasm_bindgen::{JsCast as _, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{Blob, Cache, CacheStorage, Request, Response};

/// Name of the cache in the browser.
const NAME: &str = "segscape-models";

/// A model that the browser keeps.
#[derive(Clone, Debug, PartialEq)]
pub struct CachedModel {
    /// Name of the model: its folder on the server.
    pub name: String,
    /// Size of its files.
    pub bytes: f64,
}

/// The open cache. Every error is what the browser says, which may keep no files for this page.
pub struct ModelCache(Cache);

impl ModelCache {
    /// Opens the cache among those of the page or the worker.
    pub async fn open(caches: Result<CacheStorage, JsValue>) -> Result<Self, JsValue> {
        let cache = JsFuture::from(caches?.open(NAME)).await?;
        Ok(Self(cache.dyn_into()?))
    }

    /// Deletes the cache, with all that is in it.
    pub async fn clear(caches: Result<CacheStorage, JsValue>) -> Result<(), JsValue> {
        JsFuture::from(caches?.delete(NAME)).await.map(drop)
    }

    /// The bytes of a file, if it is there.
    pub async fn get(&self, key: &str) -> Result<Vec<u8>, JsValue> {
        let response = JsFuture::from(self.0.match_with_str(key)).await?;
        let body = response.dyn_into::<Response>()?.array_buffer()?;
        let buffer: ArrayBuffer = JsFuture::from(body).await?.dyn_into()?;
        Ok(Uint8Array::new(&buffer).to_vec())
    }

    /// `true` if a file is there.
    pub async fn has(&self, key: &str) -> bool {
        let found = JsFuture::from(self.0.match_with_str(key)).await;
        found.is_ok_and(|found| !found.is_undefined())
    }

    /// Keeps a file.
    pub async fn put(&self, key: &str, bytes: &mut [u8]) -> Result<(), JsValue> {
        let response = Response::new_with_opt_u8_array(Some(bytes))?;
        JsFuture::from(self.0.put_with_str(key, &response))
            .await
            .map(drop)
    }

    /// The models, by name.
    pub async fn list(&self) -> Result<Vec<CachedModel>, JsValue> {
        let mut bytes_of_model = BTreeMap::<String, f64>::new();
        for request in self.requests().await? {
            let Some(model) = model_of(&request.url()).map(str::to_owned) else {
                continue;
            };
            let response = JsFuture::from(self.0.match_with_request(&request)).await?;
            let body = response.dyn_into::<Response>()?.blob()?;
            let file: Blob = JsFuture::from(body).await?.dyn_into()?;
            *bytes_of_model.entry(model).or_default() += file.size();
        }
        let models = bytes_of_model.into_iter();
        Ok(models
            .map(|(name, bytes)| CachedModel { name, bytes })
            .collect())
    }

    /// Deletes the models whose names are `unwanted`. They are downloaded again when they are needed.
    pub async fn delete(&self, unwanted: impl Fn(&str) -> bool) -> Result<(), JsValue> {
        for request in self.requests().await? {
            if model_of(&request.url()).is_some_and(&unwanted) {
                JsFuture::from(self.0.delete_with_request(&request)).await?;
            }
        }
        Ok(())
    }

    async fn requests(&self) -> Result<Vec<Request>, JsValue> {
        let keys = Array::from(&JsFuture::from(self.0.keys()).await?);
        Ok(keys.iter().filter_map(|key| key.dyn_into().ok()).collect())
    }
}

/// The model that a file belongs to.
fn model_of(url: &str) -> Option<&str> {
    let path = url.split('?').next()?;
    path.rsplit('/').nth(1)
}

/// `true` if a model is another version of the one that is in use: both are called `NAME-HASH`.
pub fn is_other_version(model: &str, in_use: &str) -> bool {
    let name = |model: &str| model.rsplit_once('-').map(|(name, _)| name.to_owned());
    model != in_use && name(model).is_some() && name(model) == name(in_use)
}

#[cfg(test)]
mod tests {
    use wasm_bindgen_test::wasm_bindgen_test;

    use super::*;

    #[wasm_bindgen_test]
    fn files_belong_to_the_model_of_their_folder() {
        let url = "https://a.example/models/nano-12ab/weights-0.bin?sha256=a/b";
        assert_eq!(model_of(url), Some("nano-12ab"));
        assert_eq!(model_of("weights"), None);
    }

    #[wasm_bindgen_test]
    fn other_versions_have_the_same_name_and_another_hash() {
        assert!(is_other_version("nano-12ab", "nano-34cd"));
        for kept in ["nano-34cd", "nano-clip-12ab", "all-minilm-l6-v2", "nano"] {
            assert!(!is_other_version(kept, "nano-34cd"), "{kept}");
        }
    }
}
