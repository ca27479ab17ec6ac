//! What the browser keeps of the networks and text encoders, so that the next visit need not
//! download them again.

use std::collections::BTreeMap;

use js_sys::Array;
use wasm_bindgen::{JsCast as _, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{Blob, Cache, Request, Response};

use crate::{browser, protocol::MODEL_CACHE};

/// A model that the browser keeps.
#[derive(Clone, Debug, PartialEq)]
pub struct KeptModel {
    /// Name of the model: its folder on the server.
    pub name: String,
    /// Size of its files.
    pub bytes: f64,
}

/// The models that the browser keeps, by name.
///
/// # Errors
/// What the browser says, if it keeps no files for this page.
pub async fn list() -> Result<Vec<KeptModel>, JsValue> {
    let cache = open().await?;
    let mut bytes_of_model = BTreeMap::<String, f64>::new();
    for request in requests(&cache).await? {
        let Some(model) = model_of(&request.url()).map(str::to_owned) else {
            continue;
        };
        let response = JsFuture::from(cache.match_with_request(&request)).await?;
        let response: Response = response.dyn_into()?;
        let file: Blob = JsFuture::from(response.blob()?).await?.dyn_into()?;
        *bytes_of_model.entry(model).or_default() += file.size();
    }
    let models = bytes_of_model.into_iter();
    Ok(models
        .map(|(name, bytes)| KeptModel { name, bytes })
        .collect())
}

/// Deletes a model. It is downloaded again when it is needed.
///
/// # Errors
/// What the browser says, if it keeps no files for this page.
pub async fn delete(model: &str) -> Result<(), JsValue> {
    let cache = open().await?;
    for request in requests(&cache).await? {
        if model_of(&request.url()) == Some(model) {
            JsFuture::from(cache.delete_with_request(&request)).await?;
        }
    }
    Ok(())
}

async fn open() -> Result<Cache, JsValue> {
    let caches = browser::window().caches()?;
    JsFuture::from(caches.open(MODEL_CACHE)).await?.dyn_into()
}

async fn requests(cache: &Cache) -> Result<Vec<Request>, JsValue> {
    let keys = Array::from(&JsFuture::from(cache.keys()).await?);
    Ok(keys.iter().filter_map(|key| key.dyn_into().ok()).collect())
}

/// The folder of a file of a model.
fn model_of(url: &str) -> Option<&str> {
    let path = url.split('?').next()?;
    path.rsplit('/').nth(1)
}

#[cfg(test)]
mod tests {
    use wasm_bindgen_test::wasm_bindgen_test;

    use super::model_of;

    #[wasm_bindgen_test]
    fn files_belong_to_the_model_of_their_folder() {
        let url = "https://a.example/models/nano-12ab/weights-0.bin?sha256=a/b";
        assert_eq!(model_of(url), Some("nano-12ab"));
        assert_eq!(model_of("weights"), None);
    }
}
