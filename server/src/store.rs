//! Scenes in an object store: each has its bundle in `scenes/<id>.segscape`, its record in
//! `scenes/<id>.json`, and perhaps its preview picture in `scenes/<id>.picture`.
//!
//! The record is written after the bundle and deleted first, so a bundle or a picture without a
//! record is left over from an interrupted upload or deletion.

use std::{path::Path as FilePath, sync::Arc};

use axum::body::Bytes;
use object_store::{
    GetResult, ObjectStore, ObjectStoreExt as _, aws::AmazonS3Builder, local::LocalFileSystem,
    path::Path, prefix::PrefixStore,
};
use serde::{Deserialize, Serialize};

use crate::links::{Lifetime, SceneId, Secret, SecretHash, now};

const FOLDER: &str = "scenes";
/// Time for which the record of an expired scene is kept, seconds, so that its link can report the
/// expiry.
const REMEMBER_EXPIRED: u64 = 90 * 86_400;
/// Time for which a bundle without a record may belong to an upload in progress, seconds.
const UPLOAD_MAY_TAKE: i64 = 3_600;

/// Opens `s3://bucket/prefix` (credentials, region and endpoint from the usual `AWS_*` variables)
/// or a local folder, which is created if necessary.
///
/// # Errors
/// Returns an error if the folder cannot be created or the bucket's settings are incomplete.
pub fn open(location: &str) -> anyhow::Result<Arc<dyn ObjectStore>> {
    let Some(bucket) = location.strip_prefix("s3://") else {
        let folder = FilePath::new(location);
        std::fs::create_dir_all(folder)?;
        return Ok(Arc::new(LocalFileSystem::new_with_prefix(folder)?));
    };
    let (bucket, prefix) = bucket.split_once('/').unwrap_or((bucket, ""));
    let store = AmazonS3Builder::from_env()
        .with_bucket_name(bucket)
        .build()?;
    Ok(Arc::new(PrefixStore::new(store, Path::parse(prefix)?)))
}

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
    /// Hash of the secret that allows deletion of the scene.
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
    /// The object store failed.
    #[error("the store failed: {0}")]
    Backend(object_store::Error),
    /// The record was not written by this program.
    #[error("a record in the store is damaged: {0}")]
    Record(#[from] serde_json::Error),
}

impl From<object_store::Error> for StoreError {
    fn from(error: object_store::Error) -> Self {
        match error {
            object_store::Error::NotFound { .. } => Self::Missing,
            other => Self::Backend(other),
        }
    }
}

/// A scene that was just stored.
pub struct Stored {
    /// The id that forms its link.
    pub id: SceneId,
    /// The owner's secret.
    pub secret: Secret,
    /// Time of expiry, seconds since 1970.
    pub expires: u64,
}

/// The scenes of one server.
#[derive(Clone)]
pub struct Scenes(Arc<dyn ObjectStore>);

impl Scenes {
    /// Uses this store, under `scenes/`.
    pub fn new(store: Arc<dyn ObjectStore>) -> Self {
        Self(store)
    }

    /// Stores a bundle under a new id.
    ///
    /// # Errors
    /// [`StoreError::Random`], [`StoreError::Backend`].
    pub async fn add(
        &self,
        bundle: Bytes,
        points: usize,
        title: String,
        lifetime: Lifetime,
    ) -> Result<Stored, StoreError> {
        let (id, secret) = (SceneId::random()?, Secret::random()?);
        let created = now();
        let expires = created + lifetime.seconds();
        let record = Record {
            created,
            expires,
            bytes: bundle.len() as u64,
            points: points as u64,
            title,
            secret_hash: secret.hash(),
        };
        self.0.put(&bundle_path(id), bundle.into()).await?;
        self.0
            .put(&record_path(id), serde_json::to_vec(&record)?.into())
            .await?;
        Ok(Stored {
            id,
            secret,
            expires,
        })
    }

    /// The bundle of a scene, to be streamed.
    ///
    /// # Errors
    /// [`StoreError::Missing`], [`StoreError::Expired`], [`StoreError::Backend`].
    pub async fn get(&self, id: SceneId) -> Result<GetResult, StoreError> {
        self.living(id).await?;
        Ok(self.0.get(&bundle_path(id)).await?)
    }

    /// The title of a scene, and whether it has a picture.
    ///
    /// # Errors
    /// [`StoreError::Missing`], [`StoreError::Expired`], [`StoreError::Backend`].
    pub async fn described(&self, id: SceneId) -> Result<(String, bool), StoreError> {
        let record = self.living(id).await?;
        let has_picture = self.0.head(&picture_path(id)).await.is_ok();
        Ok((record.title, has_picture))
    }

    /// The preview picture of a scene.
    ///
    /// # Errors
    /// [`StoreError::Missing`], [`StoreError::Expired`], [`StoreError::Backend`].
    pub async fn picture(&self, id: SceneId) -> Result<Bytes, StoreError> {
        self.living(id).await?;
        Ok(self.0.get(&picture_path(id)).await?.bytes().await?)
    }

    /// Stores the preview picture of a scene if the secret belongs to it.
    ///
    /// # Errors
    /// [`StoreError::Missing`], [`StoreError::Expired`], [`StoreError::WrongSecret`],
    /// [`StoreError::Backend`].
    pub async fn set_picture(
        &self,
        id: SceneId,
        secret: &Secret,
        picture: Bytes,
    ) -> Result<(), StoreError> {
        if self.living(id).await?.secret_hash != secret.hash() {
            return Err(StoreError::WrongSecret);
        }
        self.0.put(&picture_path(id), picture.into()).await?;
        Ok(())
    }

    /// Deletes a scene if the secret belongs to it.
    ///
    /// # Errors
    /// [`StoreError::Missing`], [`StoreError::WrongSecret`], [`StoreError::Backend`].
    pub async fn delete(&self, id: SceneId, secret: &Secret) -> Result<(), StoreError> {
        if self.record(id).await?.secret_hash != secret.hash() {
            return Err(StoreError::WrongSecret);
        }
        self.remove(&record_path(id)).await?;
        self.remove(&picture_path(id)).await?;
        self.remove(&bundle_path(id)).await
    }

    /// Deletes expired scenes and the remains of interrupted uploads. Returns the number of bundles
    /// and pictures deleted.
    ///
    /// # Errors
    /// [`StoreError::Backend`] if the store cannot be listed or fails to delete.
    pub async fn sweep(&self) -> Result<usize, StoreError> {
        let listing = self
            .0
            .list_with_delimiter(Some(&Path::from(FOLDER)))
            .await?;
        let mut removed = 0;
        for object in listing.objects {
            let name = object.location.filename().unwrap_or_default();
            let Some((Ok(id), extension)) = name
                .split_once('.')
                .map(|(stem, extension)| (stem.parse::<SceneId>(), extension))
            else {
                continue;
            };
            match (extension, self.record(id).await) {
                ("json", Ok(record)) if record.expires + REMEMBER_EXPIRED <= now() => {
                    self.remove(&record_path(id)).await?
                }
                ("segscape" | "picture", Ok(record)) if record.expires <= now() => {
                    self.remove(&object.location).await?;
                    removed += 1;
                }
                ("segscape" | "picture", Err(StoreError::Missing))
                    if object.last_modified.timestamp() + UPLOAD_MAY_TAKE < now() as i64 =>
                {
                    self.remove(&object.location).await?;
                    removed += 1;
                }
                _ => {}
            }
        }
        Ok(removed)
    }

    /// The record of a scene that has not expired.
    async fn living(&self, id: SceneId) -> Result<Record, StoreError> {
        let record = self.record(id).await?;
        match record.expires <= now() {
            true => Err(StoreError::Expired),
            false => Ok(record),
        }
    }

    async fn record(&self, id: SceneId) -> Result<Record, StoreError> {
        let bytes = self.0.get(&record_path(id)).await?.bytes().await?;
        Ok(serde_json::from_slice(&bytes)?)
    }

    /// Removes an object. An object that does not exist is not an error.
    async fn remove(&self, path: &Path) -> Result<(), StoreError> {
        match self.0.delete(path).await.map_err(StoreError::from) {
            Err(StoreError::Missing) => Ok(()),
            result => result,
        }
    }
}

fn bundle_path(id: SceneId) -> Path {
    Path::from(format!("{FOLDER}/{id}.segscape"))
}

fn picture_path(id: SceneId) -> Path {
    Path::from(format!("{FOLDER}/{id}.picture"))
}

fn record_path(id: SceneId) -> Path {
    Path::from(format!("{FOLDER}/{id}.json"))
}
