//! What the browser keeps of networks and text encoders, so that the next visit need not download them
//! again. The worker fills it and reads it, and the page lists it.
//!
//! Files are in the private file system of the page's origin, in a folder per model. Where there is
//! none, as in private windows, and where it is full, they are in the Cache API, in which earlier
//! versions of the page kept all; what is there is still found. A browser that has neither keeps a
//! model in memory, as long as it is in use. A file has its name only once all of it is written, and
//! whoever reads it compares its hash.

use std::collections::BTreeMap;

use js_sys::{
    Array, ArrayBuffer, AsyncIterator, Function, IteratorNext, Promise, Reflect, Uint8Array,
};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    Blob, Cache, CacheStorage, File, FileSystemDirectoryHandle as Folder, FileSystemFileHandle,
    FileSystemGetDirectoryOptions, FileSystemGetFileOptions, FileSystemRemoveOptions,
    FileSystemSyncAccessHandle, FileSystemWritableFileStream, Request, Response, StorageManager,
};

/// Name of the folder and of the cache in the browser.
const NAME: &str = "segscape-models";
/// Ending of the names of files that are being written.
const PART: &str = ".part";

/// A model that the browser keeps.
#[derive(Clone, Debug, PartialEq)]
pub struct CachedModel {
    /// Name of the model: its folder on the server.
    pub name: String,
    /// Size of its files.
    pub bytes: f64,
}

/// Where the browser keeps models. Every error is what the browser says.
pub struct ModelCache {
    /// The folder of models in the private file system.
    folder: Option<Folder>,
    caches: Option<CacheStorage>,
}

impl ModelCache {
    /// Opens what the page or the worker has.
    ///
    /// # Errors
    /// The browser keeps no files for this page.
    pub async fn open() -> Result<Self, JsValue> {
        let folder = folder().await;
        // Pages from other than safe addresses have no caches.
        let caches = Reflect::get(&js_sys::global(), &"caches".into()).ok();
        let caches = caches.and_then(|caches| caches.dyn_into::<CacheStorage>().ok());
        match (folder, &caches) {
            (Err(refused), None) => Err(refused),
            (folder, _) => Ok(Self {
                folder: folder.ok(),
                caches,
            }),
        }
    }

    /// The bytes of a file, if it is there.
    pub async fn get(&self, key: &str) -> Result<Vec<u8>, JsValue> {
        let body = match self.file(key).await {
            Ok(file) => file.array_buffer(),
            Err(_) => self.response(key).await?.array_buffer()?,
        };
        let buffer: ArrayBuffer = JsFuture::from(body).await?.dyn_into()?;
        Ok(Uint8Array::new(&buffer).to_vec())
    }

    /// `true` if a file is there.
    pub async fn has(&self, key: &str) -> bool {
        self.file(key).await.is_ok() || self.response(key).await.is_ok()
    }

    /// Keeps a file.
    pub async fn put(&self, key: &str, bytes: &mut [u8]) -> Result<(), JsValue> {
        // Another tab may have written the same meanwhile.
        if self.write(key, bytes).await.is_ok() || self.file(key).await.is_ok() {
            return Ok(());
        }
        let response = Response::new_with_opt_u8_array(Some(bytes))?;
        let cache = JsFuture::from(self.caches()?.open(NAME)).await?;
        let cache: Cache = cache.dyn_into()?;
        JsFuture::from(cache.put_with_str(key, &response))
            .await
            .map(drop)
    }

    /// The models, by name, with what is left of files that were not completely written.
    pub async fn list(&self) -> Result<Vec<CachedModel>, JsValue> {
        let mut bytes_of_model = BTreeMap::<String, f64>::new();
        for (model, folder) in self.folders().await? {
            let bytes = bytes_of_model.entry(model).or_default();
            for (_, handle) in entries(&folder).await? {
                // What another tab deletes meanwhile is no longer there.
                if let Ok(file) = contents(handle.dyn_into()?).await {
                    *bytes += file.size();
                }
            }
        }
        if let Some(cache) = self.cache().await {
            for request in requests(&cache).await? {
                let Some(model) = model_of(&request.url()).map(str::to_owned) else {
                    continue;
                };
                let response = JsFuture::from(cache.match_with_request(&request)).await?;
                let body = response.dyn_into::<Response>()?.blob()?;
                let file: Blob = JsFuture::from(body).await?.dyn_into()?;
                *bytes_of_model.entry(model).or_default() += file.size();
            }
        }
        let models = bytes_of_model.into_iter();
        Ok(models
            .map(|(name, bytes)| CachedModel { name, bytes })
            .collect())
    }

    /// Deletes the models whose names are `unwanted`. They are downloaded again when they are needed.
    pub async fn delete(&self, unwanted: impl Fn(&str) -> bool) -> Result<(), JsValue> {
        for (model, _) in self.folders().await? {
            if let Some(folder) = self.folder.as_ref().filter(|_| unwanted(&model)) {
                JsFuture::from(folder.remove_entry_with_options(&model, &whole())).await?;
            }
        }
        if let Some(cache) = self.cache().await {
            for request in requests(&cache).await? {
                if model_of(&request.url()).is_some_and(&unwanted) {
                    JsFuture::from(cache.delete_with_request(&request)).await?;
                }
            }
        }
        Ok(())
    }

    /// The folders of models in the private file system, with their names.
    async fn folders(&self) -> Result<Vec<(String, Folder)>, JsValue> {
        let Some(folder) = &self.folder else {
            return Ok(Vec::new());
        };
        let all = entries(folder).await?.into_iter();
        Ok(all
            .filter_map(|(name, handle)| Some((name, handle.dyn_into().ok()?)))
            .collect())
    }

    /// The file of the private file system with this key.
    async fn file(&self, key: &str) -> Result<File, JsValue> {
        let folder = self.folder.as_ref().ok_or(JsValue::UNDEFINED)?;
        let (model, name) = place(key);
        let folder = JsFuture::from(folder.get_directory_handle(&model)).await?;
        let folder: Folder = folder.dyn_into()?;
        let handle = JsFuture::from(folder.get_file_handle(&name)).await?;
        contents(handle.dyn_into()?).await
    }

    /// Writes a file of the private file system, which has another name until all of it is there.
    async fn write(&self, key: &str, bytes: &mut [u8]) -> Result<(), JsValue> {
        let folder = self.folder.as_ref().ok_or(JsValue::UNDEFINED)?;
        let (model, name) = place(key);
        let created = FileSystemGetDirectoryOptions::new();
        created.set_create(true);
        let folder = folder.get_directory_handle_with_options(&model, &created);
        let folder: Folder = JsFuture::from(folder).await?.dyn_into()?;
        // What has the name already was of no use.
        drop(JsFuture::from(folder.remove_entry(&name)).await);
        let part = format!("{name}{PART}");
        let created = FileSystemGetFileOptions::new();
        created.set_create(true);
        let file = folder.get_file_handle_with_options(&part, &created);
        let file: FileSystemFileHandle = JsFuture::from(file).await?.dyn_into()?;
        if let Err(problem) = fill(&file, bytes).await {
            // What cannot be removed either is in the list.
            drop(JsFuture::from(folder.remove_entry(&part)).await);
            return Err(problem);
        }
        let rename: Function = Reflect::get(&file, &"move".into())?.dyn_into()?;
        let renamed = rename.call1(&file, &name.into())?;
        JsFuture::from(Promise::resolve(&renamed)).await.map(drop)
    }

    fn caches(&self) -> Result<&CacheStorage, JsValue> {
        self.caches.as_ref().ok_or(JsValue::UNDEFINED)
    }

    /// The cache, if there is one.
    async fn cache(&self) -> Option<Cache> {
        let caches = self.caches.as_ref()?;
        let exists = JsFuture::from(caches.has(NAME)).await.ok()?;
        if exists.is_falsy() {
            return None;
        }
        JsFuture::from(caches.open(NAME))
            .await
            .ok()?
            .dyn_into()
            .ok()
    }

    /// What the cache has under this key.
    async fn response(&self, key: &str) -> Result<Response, JsValue> {
        let cache = self.cache().await.ok_or(JsValue::UNDEFINED)?;
        let found = JsFuture::from(cache.match_with_str(key)).await?;
        found.dyn_into()
    }
}

/// The folder of models in the private file system.
async fn folder() -> Result<Folder, JsValue> {
    let navigator = Reflect::get(&js_sys::global(), &"navigator".into())?;
    let storage = Reflect::get(&navigator, &"storage".into())?;
    // Pages from other than safe addresses have no storage, and older browsers no files in it.
    let has_files = storage.is_object() && offers(&storage, "getDirectory");
    let storage = Some(storage).filter(|_| has_files);
    let storage: StorageManager = storage.ok_or(JsValue::UNDEFINED)?.unchecked_into();
    let root: Folder = JsFuture::from(storage.get_directory()).await?.dyn_into()?;
    let created = FileSystemGetDirectoryOptions::new();
    created.set_create(true);
    let folder = root.get_directory_handle_with_options(NAME, &created);
    JsFuture::from(folder).await?.dyn_into()
}

/// Writes all of a file.
async fn fill(file: &FileSystemFileHandle, bytes: &mut [u8]) -> Result<(), JsValue> {
    if offers(file, "createWritable") {
        let stream = JsFuture::from(file.create_writable()).await?;
        let stream: FileSystemWritableFileStream = stream.dyn_into()?;
        // The browser reads a copy: the program's memory may move while it writes.
        let copy = Uint8Array::from(&*bytes);
        JsFuture::from(stream.write_with_js_u8_array(&copy)?).await?;
        return JsFuture::from(stream.close()).await.map(drop);
    }
    // Some browsers have this in workers in its place.
    let handle = JsFuture::from(file.create_sync_access_handle()).await?;
    let handle: FileSystemSyncAccessHandle = handle.dyn_into()?;
    let written = handle
        .truncate_with_u32(0)
        .and_then(|()| handle.write_with_u8_array(bytes))
        .and_then(|written| handle.flush().map(|()| written));
    handle.close();
    match written? as usize == bytes.len() {
        true => Ok(()),
        false => Err("the file was not written to its end".into()),
    }
}

/// What is in a folder, by name.
async fn entries(folder: &Folder) -> Result<Vec<(String, JsValue)>, JsValue> {
    let all: AsyncIterator = folder.entries();
    let mut found = Vec::new();
    loop {
        let next: IteratorNext = JsFuture::from(all.next()?).await?.unchecked_into();
        if next.done() {
            return Ok(found);
        }
        let entry = Array::from(&next.value());
        if let Some(name) = entry.get(0).as_string() {
            found.push((name, entry.get(1)));
        }
    }
}

async fn contents(handle: FileSystemFileHandle) -> Result<File, JsValue> {
    JsFuture::from(handle.get_file()).await?.dyn_into()
}

async fn requests(cache: &Cache) -> Result<Vec<Request>, JsValue> {
    let keys = Array::from(&JsFuture::from(cache.keys()).await?);
    Ok(keys.iter().filter_map(|key| key.dyn_into().ok()).collect())
}

/// With all that is in a folder.
fn whole() -> FileSystemRemoveOptions {
    let options = FileSystemRemoveOptions::new();
    options.set_recursive(true);
    options
}

/// `true` if an object has this function.
fn offers(object: &JsValue, function: &str) -> bool {
    let found = Reflect::get(object, &function.into());
    found.is_ok_and(|found| found.is_function())
}

/// The folder and the name of the file with this key: its model, and what follows in the key.
fn place(key: &str) -> (String, String) {
    let plain = |text: &str| -> String {
        let allowed = |sign: char| match sign {
            'a'..='z' | 'A'..='Z' | '0'..='9' | '.' | '-' => sign,
            _ => '_',
        };
        text.chars().map(allowed).collect()
    };
    let path = key.split('?').next().unwrap_or(key);
    let file = path.rfind('/').map_or(key, |end| &key[end + 1..]);
    (plain(model_of(key).unwrap_or("model")), plain(file))
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
        let (model, name) = place(url);
        assert_eq!(model, "nano-12ab");
        assert_eq!(name, "weights-0.bin_sha256_a_b");
    }

    #[wasm_bindgen_test]
    async fn a_file_is_kept_listed_and_deleted() {
        let cache = ModelCache::open()
            .await
            .expect("tests run at a safe address");
        let key = "/models/test-0123/weights.bin?sha256=ab";
        assert!(!cache.has(key).await);
        for bytes in [&mut [1, 2, 3][..], &mut [4, 5]] {
            cache.put(key, bytes).await.expect("there is room");
            assert_eq!(cache.get(key).await.expect("it is there"), bytes);
        }
        let kept = CachedModel {
            name: "test-0123".to_owned(),
            bytes: 2.0,
        };
        assert!(cache.list().await.expect("a list").contains(&kept));
        cache
            .delete(|model| model == "test-0123")
            .await
            .expect("nobody else has it");
        assert!(!cache.has(key).await);
        assert!(!cache.list().await.expect("a list").contains(&kept));
    }

    #[wasm_bindgen_test]
    fn other_versions_have_the_same_name_and_another_hash() {
        assert!(is_other_version("nano-12ab", "nano-34cd"));
        for kept in ["nano-34cd", "nano-clip-12ab", "all-minilm-l6-v2", "nano"] {
            assert!(!is_other_version(kept, "nano-34cd"), "{kept}");
        }
    }
}
