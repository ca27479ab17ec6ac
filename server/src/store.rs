//! Scenes in an object store. A scene is a record, `scenes/<id>.json`, and the version that the record
//! names: its bundle, `scenes/<id>.<version>.segscape`, and perhaps its preview picture,
//! `scenes/<id>.<version>.picture`.
//!
//! A record is written after the objects that it names and deleted before them, and written at once.
//! Readers therefore see one whole version or another, and an object that no record names is left
//! over from something that was interrupted.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use axum::body::Bytes;
use object_store::{GetOptions, GetResult, ObjectMeta, path::Path};
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;

use crate::{
    links::{Id, Lifetime, Secret, SecretHash, now},
    storage::Storage,
};

/// The folder of scenes in the store.
pub(crate) const FOLDER: &str = "scenes";
/// Time for which the record of an expired scene is kept, seconds, so that its link can report the
/// expiry.
const REMEMBER_EXPIRED: u64 = 90 * 86_400;
/// Time for which an object that no record names may belong to a scene that is being stored, seconds.
pub const STORING_MAY_TAKE: u64 = 3_600;

/// The metadata of a scene.
#[derive(Clone, Serialize, Deserialize)]
pub struct Record {
    /// Time of creation, seconds since 1970.
    pub created: u64,
    /// Time of expiry, seconds since 1970.
    pub expires: u64,
    /// Size of the bundle, bytes.
    pub bytes: u64,
    /// Number of points in the bundle.
    pub points: u64,
    /// The title that its owner chose; empty without one.
    #[serde(default)]
    pub title: String,
    /// The version that the link leads to. Scenes of earlier servers have a single one without a name.
    #[serde(default)]
    pub version: Option<Id>,
    /// Hash of the secret that allows its replacement and deletion.
    pub secret_hash: SecretHash,
}

/// The reason why an operation on a scene failed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The scene never existed or was deleted.
    #[error("there is no such scene; it may have been deleted")]
    Missing,
    /// The scene has expired.
    #[error("this scene's link has expired")]
    Expired,
    /// The secret does not belong to the scene.
    #[error("this secret does not belong to the scene")]
    WrongSecret,
    /// The system cannot provide random numbers.
    #[error("the system provides no random numbers: {0}")]
    Random(#[from] getrandom::Error),
    /// The disk has no room, or less than what has to stay free.
    #[error("the server's disk is full; its operator has to make room")]
    DiskFull,
    /// The object store does not answer.
    #[error("the store did not answer within {seconds} seconds; try again")]
    TooSlow {
        /// The limit.
        seconds: u64,
    },
    /// The object store fails for now.
    #[error("the store is not available: {0}")]
    Unavailable(object_store::Error),
    /// Another server changed the object at the same time.
    #[error("the scene is being changed by another request; ask again in a moment")]
    Changed,
    /// The store failed.
    #[error("the store failed: {0}")]
    Backend(object_store::Error),
    /// The record was not written by this program.
    #[error("a record in the store is damaged: {0}")]
    Record(#[from] serde_json::Error),
}

/// What a link leads to.
pub struct Content {
    /// Its name, unique among all versions.
    pub version: Id,
    /// The bundle.
    pub bundle: Bytes,
    /// Number of points in the bundle.
    pub points: usize,
    /// The preview picture.
    pub picture: Option<Bytes>,
    /// The title; empty without one.
    pub title: String,
}

/// The link under which a scene is published.
#[derive(Clone, Serialize, Deserialize)]
pub struct Target {
    /// Id of the scene.
    pub scene: Id,
    /// Hash of the owner's secret.
    pub secret_hash: SecretHash,
    /// What becomes of the link.
    pub change: Change,
}

/// What becomes of a link.
#[derive(Clone, Copy, Serialize, Deserialize)]
pub enum Change {
    /// It is made, and works for this time.
    Made(Lifetime),
    /// It exists and leads to another content; it works for this time from now on, or expires when it
    /// would have anyway.
    Replaced(Option<Lifetime>),
}

/// The scenes of one server.
#[derive(Clone)]
pub struct Scenes {
    store: Storage,
    /// Held while a record is read and changed.
    changing: Arc<Mutex<()>>,
    /// Size of all bundles and pictures, bytes.
    bytes: Arc<AtomicU64>,
    /// The records that the last sweep read, with their tags: it would have to read all of them again.
    known: Arc<Mutex<HashMap<Id, (String, Record)>>>,
}

impl Scenes {
    /// Uses this store, under `scenes/`.
    pub fn new(store: Storage) -> Self {
        Self {
            store,
            changing: Arc::default(),
            bytes: Arc::default(),
            known: Arc::default(),
        }
    }

    /// Adds up what is in the store. Until then, nothing of it counts.
    ///
    /// # Errors
    /// [`StoreError::TooSlow`], [`StoreError::Backend`].
    pub async fn count(&self) -> Result<(), StoreError> {
        let listing = self.store.list_all(&Path::from(FOLDER)).await?;
        self.recount(&listing.objects, 0);
        Ok(())
    }

    /// Replaces what was counted before a listing by what is in it. What this server stores and deletes
    /// meanwhile counts on; if the listing has that already, the next one corrects it.
    fn recount(&self, objects: &[ObjectMeta], before: u64) {
        let counted = objects.iter().filter(|object| is_counted(object));
        let found = counted.fold(0_u64, |sum, object| sum.saturating_add(object.size));
        let corrected = |now: u64| Some(now.saturating_add(found).saturating_sub(before));
        // The function always gives a value.
        let _ = self.bytes.fetch_update(Relaxed, Relaxed, corrected);
    }

    /// Size of all bundles and pictures, bytes.
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Relaxed)
    }

    /// Lets a link lead to this content. Until that is complete, a link that is replaced leads to what
    /// it led to before. Returns the time of expiry, seconds since 1970.
    ///
    /// # Errors
    /// [`StoreError::Missing`], [`StoreError::Expired`] or [`StoreError::WrongSecret`] if there is no
    /// such link to replace; [`StoreError::Backend`]. Nothing has changed then.
    pub async fn publish(&self, target: &Target, content: Content) -> Result<u64, StoreError> {
        let (id, version) = (target.scene, Some(content.version));
        match self.switch(target, content).await {
            Ok((expires, old)) => {
                if let Some(old) = old.filter(|old| *old != version) {
                    self.discard(id, old).await;
                }
                Ok(expires)
            }
            // What a store was told may still happen, however late, so that the record may come to name
            // this version. Whoever asks again finds it, and the sweep if nobody does.
            Err(
                error @ (StoreError::TooSlow { .. }
                | StoreError::Unavailable(_)
                | StoreError::Changed),
            ) => Err(error),
            Err(error) => {
                // The version is the current one if it was published before, and only that was not
                // noted down.
                let current = self.record(id).await.map(|record| record.version);
                if matches!(&current, Err(StoreError::Missing))
                    || current.is_ok_and(|current| current != version)
                {
                    self.discard(id, version).await;
                }
                Err(error)
            }
        }
    }

    /// Stores a version and lets the record name it. Returns the time of expiry and the version that
    /// the record named before, if there was a record.
    async fn switch(
        &self,
        target: &Target,
        content: Content,
    ) -> Result<(u64, Option<Option<Id>>), StoreError> {
        let (id, version) = (target.scene, Some(content.version));
        let bytes = content.bundle.len() as u64;
        self.put(&bundle_path(id, version), content.bundle).await?;
        if let Some(picture) = content.picture {
            self.put(&picture_path(id, version), picture).await?;
        }
        let _changing = self.changing.lock().await;
        let found = match self.tagged(id).await {
            Err(StoreError::Missing) if matches!(target.change, Change::Made(_)) => None,
            found => Some(found?),
        };
        let (old, tag) = found.unzip();
        let (created, expires) = match (target.change, &old) {
            // It was published before, perhaps through another server, and may lead elsewhere by now.
            (Change::Made(_), Some(old)) => return Ok((old.expires, None)),
            (_, Some(old)) if old.version == version => return Ok((old.expires, None)),
            (Change::Made(lifetime), None) => (now(), now() + lifetime.seconds()),
            (Change::Replaced(_), None) => return Err(StoreError::Missing),
            (Change::Replaced(lifetime), Some(old)) => {
                // It may have expired meanwhile.
                allow(old, &target.secret_hash)?;
                let expires = lifetime.map_or(old.expires, |lifetime| now() + lifetime.seconds());
                (old.created, expires)
            }
        };
        let record = Record {
            created,
            expires,
            bytes,
            points: content.points as u64,
            title: content.title,
            version,
            secret_hash: target.secret_hash.clone(),
        };
        let record = serde_json::to_vec(&record)?.into();
        let path = record_path(id);
        self.store.put_over(&path, record, tag.flatten()).await?;
        Ok((expires, old.map(|old| old.version)))
    }

    /// Stores an object and counts it. One of this name that is there already came from the same
    /// upload and is counted.
    async fn put(&self, path: &Path, bytes: Bytes) -> Result<(), StoreError> {
        let size = bytes.len() as u64;
        let is_new = matches!(self.store.head(path).await, Err(StoreError::Missing));
        self.store.put(path, bytes).await?;
        if is_new {
            self.bytes.fetch_add(size, Relaxed);
        }
        Ok(())
    }

    /// Removes an object and counts it no more.
    async fn remove(&self, path: &Path) -> Result<(), StoreError> {
        let size = match self.store.head(path).await {
            Ok(object) => object.size,
            Err(StoreError::Missing) => return Ok(()),
            Err(error) => return Err(error),
        };
        self.store.remove(path).await?;
        self.uncount(size);
        Ok(())
    }

    fn uncount(&self, size: u64) {
        let less = |bytes: u64| Some(bytes.saturating_sub(size));
        // The function always gives a value.
        let _ = self.bytes.fetch_update(Relaxed, Relaxed, less);
    }

    /// The record of a scene that this secret belongs to.
    ///
    /// # Errors
    /// [`StoreError::Missing`], [`StoreError::Expired`], [`StoreError::WrongSecret`],
    /// [`StoreError::Backend`].
    pub async fn owned(&self, id: Id, secret_hash: &SecretHash) -> Result<Record, StoreError> {
        let record = self.record(id).await?;
        allow(&record, secret_hash)?;
        Ok(record)
    }

    /// The bundle of a scene, or a part of it, to be streamed.
    ///
    /// # Errors
    /// [`StoreError::Missing`], [`StoreError::Expired`], [`StoreError::Backend`].
    pub async fn get(&self, id: Id, options: GetOptions) -> Result<GetResult, StoreError> {
        self.current(id, bundle_path, options).await
    }

    /// The preview picture of a scene.
    ///
    /// # Errors
    /// [`StoreError::Missing`], [`StoreError::Expired`], [`StoreError::Backend`].
    pub async fn picture(&self, id: Id) -> Result<GetResult, StoreError> {
        self.current(id, picture_path, GetOptions::default()).await
    }

    /// All bytes of what was found.
    ///
    /// # Errors
    /// [`StoreError::TooSlow`], [`StoreError::Backend`].
    pub async fn collect(&self, found: GetResult) -> Result<Bytes, StoreError> {
        self.store.collect(found).await
    }

    /// An object of the version that the link leads to.
    async fn current(
        &self,
        id: Id,
        path: impl Fn(Id, Option<Id>) -> Path,
        options: GetOptions,
    ) -> Result<GetResult, StoreError> {
        let version = self.living(id).await?.version;
        match self.store.get(&path(id, version), options.clone()).await {
            // Another version took its place between the record and the object.
            Err(StoreError::Missing) => {
                let next = self.living(id).await?.version;
                self.store.get(&path(id, next), options).await
            }
            found => found,
        }
    }

    /// The title of a scene, and the name of its picture's version if it has a picture.
    ///
    /// # Errors
    /// [`StoreError::Missing`], [`StoreError::Expired`], [`StoreError::Backend`].
    pub async fn described(&self, id: Id) -> Result<(String, Option<String>), StoreError> {
        /// Digits that tell versions of one scene apart. All of them are the key to an upload.
        const DIGITS: usize = 8;
        let Record { title, version, .. } = self.living(id).await?;
        let has_picture = self.store.head(&picture_path(id, version)).await.is_ok();
        let name = version.map_or_else(String::new, |version| version.to_string());
        let name = name.chars().take(DIGITS).collect();
        Ok((title, has_picture.then_some(name)))
    }

    /// Deletes a scene if the secret belongs to it.
    ///
    /// # Errors
    /// [`StoreError::Missing`], [`StoreError::WrongSecret`], [`StoreError::Backend`].
    pub async fn delete(&self, id: Id, secret: &Secret) -> Result<(), StoreError> {
        let _changing = self.changing.lock().await;
        let record = self.record(id).await?;
        if record.secret_hash != secret.hash() {
            return Err(StoreError::WrongSecret);
        }
        self.store.remove(&record_path(id)).await?;
        self.discard(id, record.version).await;
        Ok(())
    }

    /// Deletes a version that no record names. What cannot be deleted is left to [`Self::sweep`].
    async fn discard(&self, id: Id, version: Option<Id>) {
        for path in [picture_path(id, version), bundle_path(id, version)] {
            if let Err(error) = self.remove(&path).await {
                tracing::warn!("an old version stays for a while: {error}");
            }
        }
    }

    /// Deletes expired scenes, damaged records and what was left over, and counts what other servers
    /// stored and deleted. Returns the number of objects deleted; those that cannot be deleted are
    /// logged.
    ///
    /// # Errors
    /// [`StoreError::Backend`] if the store cannot be listed.
    pub async fn sweep(&self) -> Result<usize, StoreError> {
        let counted_before = self.bytes();
        let folder = Path::from(FOLDER);
        let listing = self.store.list_all(&folder).await?;
        self.recount(&listing.objects, counted_before);
        let mut known = self.known.lock().await;
        let mut records = HashMap::new();
        for object in &listing.objects {
            if let Some((id, true, _)) = read_name(object) {
                let record = match known.remove(&id) {
                    Some((etag, record)) if Some(&etag) == object.e_tag.as_ref() => Ok(record),
                    _ => self.record(id).await,
                };
                records.insert(id, (object.e_tag.clone(), record));
            }
        }
        let mut removed = 0;
        for object in listing.objects {
            let Some((id, is_record, version)) = read_name(&object) else {
                continue;
            };
            let record = records.get(&id).map(|(_, record)| record.as_ref());
            let is_old =
                object.last_modified.timestamp() + (STORING_MAY_TAKE as i64) < now() as i64;
            let is_over = match record {
                Some(Ok(record)) if is_record => {
                    record.expires.saturating_add(REMEMBER_EXPIRED) <= now()
                }
                Some(Ok(record)) => {
                    record.expires <= now() || (is_old && record.version != version)
                }
                None | Some(Err(StoreError::Missing | StoreError::Record(_))) => is_old,
                Some(Err(_)) => false,
            };
            if is_over {
                match self.store.remove(&object.location).await {
                    Ok(()) => {
                        removed += 1;
                        if is_counted(&object) {
                            self.uncount(object.size);
                        }
                    }
                    Err(error) => tracing::error!("what expired cannot be deleted: {error}"),
                }
            }
        }
        let read = records.into_iter();
        *known = read
            .filter_map(|(id, (etag, record))| Some((id, (etag?, record.ok()?))))
            .collect();
        Ok(removed)
    }

    /// The record of a scene that has not expired.
    async fn living(&self, id: Id) -> Result<Record, StoreError> {
        let record = self.record(id).await?;
        match record.expires <= now() {
            true => Err(StoreError::Expired),
            false => Ok(record),
        }
    }

    async fn record(&self, id: Id) -> Result<Record, StoreError> {
        Ok(self.tagged(id).await?.0)
    }

    /// A record and its tag in the store, if it has one.
    async fn tagged(&self, id: Id) -> Result<(Record, Option<String>), StoreError> {
        let path = record_path(id);
        let found = self.store.get(&path, GetOptions::default()).await?;
        let tag = found.meta.e_tag.clone();
        let bytes = self.store.collect(found).await?;
        Ok((serde_json::from_slice(&bytes)?, tag))
    }
}

/// Checks that a scene has not expired and that this secret belongs to it.
fn allow(record: &Record, secret_hash: &SecretHash) -> Result<(), StoreError> {
    if record.expires <= now() {
        return Err(StoreError::Expired);
    }
    match record.secret_hash == *secret_hash {
        true => Ok(()),
        false => Err(StoreError::WrongSecret),
    }
}

/// Returns `true` for what counts: bundles and pictures, which are no records.
fn is_counted(object: &ObjectMeta) -> bool {
    read_name(object).is_some_and(|(_, is_record, _)| !is_record)
}

/// The scene that an object belongs to, whether it is the record, and else its version. `None` for
/// files of others.
fn read_name(object: &ObjectMeta) -> Option<(Id, bool, Option<Id>)> {
    let (id, rest) = object.location.filename()?.split_once('.')?;
    let id = id.parse().ok()?;
    let version = match rest.rsplit_once('.') {
        Some((version, "segscape" | "picture")) => Some(version.parse().ok()?),
        None if matches!(rest, "json" | "segscape" | "picture") => None,
        _ => return None,
    };
    Some((id, rest == "json", version))
}

fn bundle_path(id: Id, version: Option<Id>) -> Path {
    path_of(id, version, "segscape")
}

fn picture_path(id: Id, version: Option<Id>) -> Path {
    path_of(id, version, "picture")
}

fn record_path(id: Id) -> Path {
    path_of(id, None, "json")
}

fn path_of(id: Id, version: Option<Id>, kind: &str) -> Path {
    Path::from(match version {
        Some(version) => format!("{FOLDER}/{id}.{version}.{kind}"),
        None => format!("{FOLDER}/{id}.{kind}"),
    })
}
