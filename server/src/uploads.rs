//! Uploads in parts: what has arrived of a bundle until it is complete and a link leads to it.
//!
//! An upload is a record, `uploads/<id>/upload.json`, its parts, `uploads/<id>/<number>`, and perhaps
//! a preview picture, `uploads/<id>/picture`. The record is written first and deleted first, so that
//! parts without one are left over from an upload that was cancelled. All of it is in the store, so an
//! upload goes on after the server was started again.

use std::{
    collections::{HashMap, HashSet},
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use axum::body::Bytes;
use base64::{Engine as _, prelude::BASE64_STANDARD};
use ipnet::IpNet;
use object_store::path::Path;
use segscape::bundle;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::{
    client::networks,
    limits::NEIGHBORS,
    links::{Id, now},
    storage::{Storage, blocking},
    store::{Content, Scenes, StoreError, Target},
};

mod error;

pub use error::UploadError;

/// The folder of uploads in the store.
pub(crate) const FOLDER: &str = "uploads";
/// Time for which an upload may stay unfinished, and a finished one is remembered, seconds.
pub const KEPT_FOR: u64 = 6 * 3_600;
/// Number of unfinished uploads that one address may have.
pub const MOST_PER_ADDRESS: usize = 6;

/// An upload, as the store keeps it.
#[derive(Clone, Serialize, Deserialize)]
pub struct Upload {
    /// Time at which it began, seconds since 1970.
    pub created: u64,
    /// Size of the bundle, bytes.
    pub bytes: u64,
    /// Size of all parts but the last, which is smaller, bytes.
    pub part_bytes: u64,
    /// The title of the link; empty without one.
    pub title: String,
    /// The link.
    pub target: Target,
    /// Time at which the link expires, seconds since 1970, once it leads to the bundle.
    pub published: Option<u64>,
}

impl Upload {
    /// Number of parts.
    pub fn parts(&self) -> u64 {
        self.bytes.div_ceil(self.part_bytes)
    }

    /// Size of a part, bytes.
    ///
    /// # Errors
    /// [`UploadError::NoSuchPart`].
    pub fn length_of(&self, number: u64) -> Result<u64, UploadError> {
        let parts = self.parts();
        match number < parts {
            true => Ok((self.bytes - number * self.part_bytes).min(self.part_bytes)),
            false => Err(UploadError::NoSuchPart { number, parts }),
        }
    }
}

/// Limits on uploads.
#[derive(Clone, Copy)]
pub struct Limits {
    /// Maximum size of one bundle, bytes.
    pub max_bytes: u64,
    /// Size of a part, bytes.
    pub part_bytes: u64,
    /// Maximum size of all unfinished uploads together, bytes.
    pub max_unfinished_bytes: u64,
    /// Maximum size of all scenes and unfinished uploads together, bytes.
    pub max_store_bytes: u64,
}

/// What counts towards the limits.
struct Unfinished {
    created: u64,
    bytes: u64,
    /// Where it comes from; `None` if it began with another server or an earlier run of this one.
    networks: Option<[IpNet; 2]>,
    /// Whether it is in the store, and not only about to be.
    noted: bool,
    completing: bool,
}

/// The uploads of one server.
#[derive(Clone)]
pub struct Uploads {
    store: Storage,
    scenes: Scenes,
    limits: Limits,
    unfinished: Arc<Mutex<HashMap<Id, Unfinished>>>,
}

impl Uploads {
    /// Uses this store, under `uploads/`.
    pub fn new(store: Storage, scenes: Scenes, limits: Limits) -> Self {
        Self {
            store,
            scenes,
            limits,
            unfinished: Arc::default(),
        }
    }

    /// The limits.
    pub fn limits(&self) -> Limits {
        self.limits
    }

    /// Checks that a bundle may have so many bytes, and that the disk has room for it.
    ///
    /// # Errors
    /// [`UploadError::Size`], [`UploadError::Store`].
    pub fn check(&self, bytes: u64) -> Result<(), UploadError> {
        let limit = self.limits.max_bytes;
        if !(1..=limit).contains(&bytes) {
            return Err(UploadError::Size { bytes, limit });
        }
        Ok(self.store.room_for(bytes)?)
    }

    /// Begins an upload of so many bytes from an address. Returns its id and what is known of it.
    ///
    /// # Errors
    /// [`UploadError::Size`], [`UploadError::TooMany`], [`UploadError::Full`],
    /// [`UploadError::StoreFull`], [`UploadError::Store`].
    pub async fn begin(
        &self,
        address: IpAddr,
        bytes: u64,
        title: String,
        target: Target,
    ) -> Result<(Id, Upload), UploadError> {
        self.check(bytes)?;
        let id = Id::random().map_err(StoreError::from)?;
        let upload = Upload {
            created: now(),
            bytes,
            part_bytes: self.limits.part_bytes,
            title,
            target,
            published: None,
        };
        self.admit(id, address, &upload)?;
        if let Err(error) = self.note(id, &upload).await {
            self.unfinished().remove(&id);
            return Err(error);
        }
        if let Some(entry) = self.unfinished().get_mut(&id) {
            entry.noted = true;
        }
        Ok((id, upload))
    }

    /// Counts an upload, if it is within the limits.
    fn admit(&self, id: Id, address: IpAddr, upload: &Upload) -> Result<(), UploadError> {
        let mut unfinished = self.unfinished();
        let networks = networks(address);
        for (at, most) in [MOST_PER_ADDRESS, MOST_PER_ADDRESS * NEIGHBORS as usize]
            .into_iter()
            .enumerate()
        {
            let is_own =
                |other: &&Unfinished| other.networks.is_some_and(|n| n[at] == networks[at]);
            let own = unfinished.values().filter(is_own);
            let (count, oldest) = own.fold((0, u64::MAX), |(count, oldest), other| {
                (count + 1, oldest.min(other.created))
            });
            if count >= most {
                let wait = oldest.saturating_add(KEPT_FOR).saturating_sub(now());
                return Err(UploadError::TooMany { wait });
            }
        }
        let (bytes, limit) = (upload.bytes, self.limits.max_unfinished_bytes);
        let others: u64 = unfinished.values().map(|other| other.bytes).sum();
        let all = others.saturating_add(bytes);
        if all > limit {
            return Err(UploadError::Full { bytes, limit });
        }
        let limit = self.limits.max_store_bytes;
        if self.scenes.bytes().saturating_add(all) > limit {
            return Err(UploadError::StoreFull { bytes, limit });
        }
        unfinished.insert(id, Unfinished::of(upload, Some(networks)));
        Ok(())
    }

    /// An upload and the numbers of its parts that have arrived, ascending.
    ///
    /// # Errors
    /// [`UploadError::Missing`], [`UploadError::Store`].
    pub async fn arrived(&self, id: Id) -> Result<(Upload, Vec<u64>), UploadError> {
        let upload = self.read(id).await?;
        let objects = self.store.list(&folder(id)).await?;
        let names = objects.objects.iter();
        let mut numbers: Vec<u64> = names
            .filter_map(|object| object.location.filename()?.parse().ok())
            .collect();
        numbers.sort_unstable();
        Ok((upload, numbers))
    }

    /// An upload whose parts have all arrived.
    ///
    /// # Errors
    /// [`UploadError::Missing`], [`UploadError::Incomplete`], [`UploadError::Store`].
    pub async fn whole(&self, id: Id) -> Result<Upload, UploadError> {
        let (upload, arrived) = self.arrived(id).await?;
        let parts = upload.parts();
        let is_missing = |number: &u64| arrived.binary_search(number).is_err();
        match (0..parts).find(is_missing) {
            Some(number) if upload.published.is_none() => {
                Err(UploadError::Incomplete { number, parts })
            }
            _ => Ok(upload),
        }
    }

    /// An upload that is not finished.
    ///
    /// # Errors
    /// [`UploadError::Missing`], [`UploadError::Store`].
    pub async fn unfinished_one(&self, id: Id) -> Result<Upload, UploadError> {
        let upload = self.read(id).await?;
        match upload.published {
            Some(_) => Err(UploadError::Missing),
            None => Ok(upload),
        }
    }

    /// Stores a part. A part that has arrived before is replaced. `digest` is its SHA-256 in base64.
    ///
    /// # Errors
    /// [`UploadError::NoSuchPart`], [`UploadError::Length`], [`UploadError::Damaged`],
    /// [`UploadError::Store`].
    pub async fn put_part(
        &self,
        (id, upload): (Id, &Upload),
        number: u64,
        digest: String,
        part: Bytes,
    ) -> Result<(), UploadError> {
        let (expected, found) = (upload.length_of(number)?, part.len() as u64);
        if expected != found {
            return Err(UploadError::Length {
                number,
                expected,
                found,
            });
        }
        let hashed = part.clone();
        let found = blocking(move || BASE64_STANDARD.encode(Sha256::digest(&hashed))).await;
        if found != digest {
            return Err(UploadError::Damaged {
                number,
                expected: digest,
                found,
            });
        }
        self.store.put(&part_path(id, number), part).await?;
        Ok(())
    }

    /// Stores the preview picture of an upload.
    ///
    /// # Errors
    /// [`UploadError::Store`].
    pub async fn put_picture(&self, id: Id, picture: Bytes) -> Result<(), UploadError> {
        self.store.put(&picture_path(id), picture).await?;
        Ok(())
    }

    /// Lets the link lead to what has arrived, if that is a whole bundle. Returns the time at which the
    /// link expires, seconds since 1970, also if this was done before.
    ///
    /// # Errors
    /// [`UploadError`]. An upload that is no bundle is gone then, and all others can go on.
    pub async fn complete(&self, id: Id) -> Result<(Upload, u64), UploadError> {
        let upload = self.whole(id).await?;
        if let Some(expires) = upload.published {
            return Ok((upload, expires));
        }
        let _completing = self.completing(id, &upload)?;
        let content = match self.content(id, &upload).await {
            Err(error @ UploadError::Malformed(_)) => {
                if let Err(error) = self.discard(id).await {
                    tracing::warn!("what is no bundle stays for a while: {error}");
                }
                return Err(error);
            }
            // Another server may have completed it meanwhile, and removed its parts.
            Err(UploadError::Missing) => {
                let upload = self.read(id).await?;
                let expires = upload.published.ok_or(UploadError::Missing)?;
                return Ok((upload, expires));
            }
            content => content?,
        };
        let expires = self.scenes.publish(&upload.target, content).await?;
        let published = Upload {
            published: Some(expires),
            ..upload
        };
        match self.note(id, &published).await {
            Ok(()) => {
                self.unfinished().remove(&id);
                self.remove_parts(id).await;
            }
            // The link works. Who asks again publishes the same once more.
            Err(error) => tracing::warn!("that an upload is published is not noted: {error}"),
        }
        Ok((published, expires))
    }

    /// The bundle of a complete upload, with all that belongs to it.
    async fn content(&self, id: Id, upload: &Upload) -> Result<Content, UploadError> {
        let mut bundle = Vec::with_capacity(upload.bytes as usize);
        for number in 0..upload.parts() {
            bundle.extend_from_slice(&self.part(id, number).await?);
        }
        // The bundle says its own length and hash, which are checked with it.
        let bundle = Bytes::from(bundle);
        let inspected = bundle.clone();
        let inspection = blocking(move || bundle::inspect(&inspected)).await?;
        let picture = match self.store.read(&picture_path(id)).await {
            Ok(picture) => Some(picture),
            Err(StoreError::Missing) => None,
            Err(error) => return Err(error.into()),
        };
        Ok(Content {
            version: id,
            bundle,
            points: inspection.points,
            picture,
            title: upload.title.clone(),
        })
    }

    async fn part(&self, id: Id, number: u64) -> Result<Bytes, UploadError> {
        let part = self.store.read(&part_path(id, number)).await;
        part.map_err(missing)
    }

    /// Deletes an upload that is not finished.
    ///
    /// # Errors
    /// [`UploadError::Missing`], [`UploadError::Completing`], [`UploadError::Store`].
    pub async fn cancel(&self, id: Id) -> Result<(), UploadError> {
        let upload = self.unfinished_one(id).await?;
        let _completing = self.completing(id, &upload)?;
        self.discard(id).await
    }

    /// Deletes an upload with its parts. Without its record it is gone, whatever becomes of them.
    async fn discard(&self, id: Id) -> Result<(), UploadError> {
        self.store.remove(&record_path(id)).await?;
        self.unfinished().remove(&id);
        self.remove_parts(id).await;
        Ok(())
    }

    /// Deletes uploads that are over or damaged, and counts those that are unfinished, whichever server
    /// they began with. Returns the number of uploads deleted; those that cannot be deleted are logged.
    ///
    /// # Errors
    /// [`UploadError::Store`] if the store cannot be listed.
    pub async fn sweep(&self) -> Result<usize, UploadError> {
        // Those that another server ended meanwhile are no longer unfinished.
        let mut ended: HashSet<Id> = {
            let unfinished = self.unfinished();
            let noted = unfinished.iter().filter(|(_, upload)| upload.noted);
            noted.map(|(id, _)| *id).collect()
        };
        let uploads = Path::from(FOLDER);
        let listing = self.store.list_all(&uploads).await?;
        let mut removed = 0;
        for prefix in listing.common_prefixes {
            let Some(Ok(id)) = prefix.filename().map(str::parse) else {
                continue;
            };
            match self.read(id).await {
                Ok(upload) => {
                    if upload.published.is_none() {
                        ended.remove(&id);
                        let mut unfinished = self.unfinished();
                        let unknown = || Unfinished::of(&upload, None);
                        unfinished.entry(id).or_insert_with(unknown);
                    }
                    continue;
                }
                // It is beginning.
                Err(UploadError::Missing) if self.is_beginning(id) => continue,
                Err(UploadError::Missing | UploadError::Store(StoreError::Record(_))) => {}
                Err(error) => {
                    tracing::error!("an upload cannot be read: {error}");
                    ended.remove(&id);
                    continue;
                }
            }
            match self.discard(id).await {
                Ok(()) => removed += 1,
                Err(error) => tracing::error!("an upload cannot be deleted: {error}"),
            }
        }
        self.unfinished()
            .retain(|id, upload| upload.completing || (upload.is_young() && !ended.contains(id)));
        Ok(removed)
    }

    /// Number of unfinished uploads, and their size, bytes.
    pub fn unfinished_ones(&self) -> (usize, u64) {
        let unfinished = self.unfinished();
        let bytes = unfinished.values().map(|upload| upload.bytes).sum();
        (unfinished.len(), bytes)
    }

    fn is_beginning(&self, id: Id) -> bool {
        let unfinished = self.unfinished();
        let upload = unfinished.get(&id);
        upload.is_some_and(|upload| !upload.noted && upload.is_young())
    }

    /// Deletes all but the record of an upload. What cannot be deleted is left to [`Self::sweep`].
    async fn remove_parts(&self, id: Id) {
        let listing = match self.store.list(&folder(id)).await {
            Ok(listing) => listing,
            Err(error) => {
                tracing::warn!("the parts of an upload stay for a while: {error}");
                return;
            }
        };
        for object in listing.objects {
            if object.location == record_path(id) {
                continue;
            }
            if let Err(error) = self.store.remove(&object.location).await {
                tracing::warn!("a part of an upload stays for a while: {error}");
            }
        }
    }

    /// An upload that is not too old.
    async fn read(&self, id: Id) -> Result<Upload, UploadError> {
        let bytes = self.store.read(&record_path(id)).await.map_err(missing)?;
        let upload: Upload = serde_json::from_slice(&bytes).map_err(StoreError::from)?;
        match upload.created + KEPT_FOR > now() {
            true => Ok(upload),
            false => Err(UploadError::Missing),
        }
    }

    async fn note(&self, id: Id, upload: &Upload) -> Result<(), UploadError> {
        let record = serde_json::to_vec(upload).map_err(StoreError::from)?;
        self.store.put(&record_path(id), record.into()).await?;
        Ok(())
    }

    /// Nobody else completes or cancels the upload until this is dropped.
    fn completing(&self, id: Id, upload: &Upload) -> Result<Completing, UploadError> {
        let mut unfinished = self.unfinished();
        let entry = unfinished.entry(id);
        let entry = entry.or_insert_with(|| Unfinished::of(upload, None));
        match std::mem::replace(&mut entry.completing, true) {
            true => Err(UploadError::Completing),
            false => Ok(Completing(self.clone(), id)),
        }
    }

    fn unfinished(&self) -> MutexGuard<'_, HashMap<Id, Unfinished>> {
        self.unfinished
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Unfinished {
    fn of(upload: &Upload, networks: Option<[IpNet; 2]>) -> Self {
        Self {
            created: upload.created,
            bytes: upload.bytes,
            networks,
            noted: networks.is_none(),
            completing: false,
        }
    }

    fn is_young(&self) -> bool {
        self.created + KEPT_FOR > now()
    }
}

struct Completing(Uploads, Id);

impl Drop for Completing {
    fn drop(&mut self) {
        if let Some(entry) = self.0.unfinished().get_mut(&self.1) {
            entry.completing = false;
        }
    }
}

/// What the store lacks of an upload, there is no such upload for.
fn missing(error: StoreError) -> UploadError {
    match error {
        StoreError::Missing => UploadError::Missing,
        other => other.into(),
    }
}

fn folder(id: Id) -> Path {
    Path::from(format!("{FOLDER}/{id}"))
}

fn record_path(id: Id) -> Path {
    folder(id).join("upload.json")
}

fn part_path(id: Id, number: u64) -> Path {
    folder(id).join(number.to_string())
}

fn picture_path(id: Id) -> Path {
    folder(id).join("picture")
}
