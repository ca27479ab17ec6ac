//! Scenes in an object store: `scenes/<id>.segscape` and beside it `scenes/<id>.json` with what is
//! known about it.
//!
//! The record is written last and deleted first: a bundle without a record is the rest of an
//! interrupted upload.

use std::{path::Path as FilePath, sync::Arc};

use axum::body::Bytes;
use object_store::{
    GetResult, ObjectStore, ObjectStoreExt as _, aws::AmazonS3Builder, local::LocalFileSystem,
    path::Path, prefix::PrefixStore,
};
use serde::{Deserialize, Serialize};

use crate::links::{Lifetime, SceneId, Secret, SecretHash, now};

const FOLDER: &str = "scenes";
/// The record of an expired scene stays this long, so that its link can say so.
const REMEMBER_EXPIRED: u64 = 90 * 86_400;
/// A bundle without a record may be an upload at work for this long.
const UPLOAD_MAY_TAKE: i64 = 3_600;

/// Opens `s3://bucket/prefix` (credentials, region and endpoint from the usual `AWS_*` variables)
/// or a local folder, which is made if need be.
///
/// # Errors
/// When the folder cannot be made or the bucket's settings are incomplete.
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

/// What is known about a scene besides its bytes.
#[derive(Clone, Serialize, Deserialize)]
pub struct Record {
    /// Seconds since 1970.
    pub created: u64,
    /// Seconds since 1970.
    pub expires: u64,
    /// Of the bundle.
    pub bytes: u64,
    /// Points in it.
    pub points: u64,
    /// Of the secret that deletes it.
    pub secret_hash: SecretHash,
}

/// Why a scene cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Never was, or was deleted.
    #[error("there is no such scene; it may have been deleted")]
    Missing,
    /// Its time is over.
    #[error("this scene's link has expired")]
    Expired,
    /// The secret is not the scene's.
    #[error("this secret does not belong to the scene")]
    WrongSecret,
    /// The system has no random numbers.
    #[error("no random numbers: {0}")]
    Random(#[from] getrandom::Error),
    /// The store itself failed.
    #[error("the store failed: {0}")]
    Backend(object_store::Error),
    /// A record that this program did not write.
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
    /// Its link.
    pub id: SceneId,
    /// Its owner's secret.
    pub secret: Secret,
    /// Seconds since 1970.
    pub expires: u64,
}

/// The scenes of one server.
#[derive(Clone)]
pub struct Scenes(Arc<dyn ObjectStore>);

impl Scenes {
    /// In this store, under `scenes/`.
    pub fn new(store: Arc<dyn ObjectStore>) -> Self {
        Self(store)
    }

    /// Keeps a bundle under a new id.
    ///
    /// # Errors
    /// [`StoreError::Random`], [`StoreError::Backend`].
    pub async fn add(
        &self,
        bundle: Bytes,
        points: usize,
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
        if self.record(id).await?.expires <= now() {
            return Err(StoreError::Expired);
        }
        Ok(self.0.get(&bundle_path(id)).await?)
    }

    /// Deletes a scene for whoever has its secret.
    ///
    /// # Errors
    /// [`StoreError::Missing`], [`StoreError::WrongSecret`], [`StoreError::Backend`].
    pub async fn delete(&self, id: SceneId, secret: &Secret) -> Result<(), StoreError> {
        if self.record(id).await?.secret_hash != secret.hash() {
            return Err(StoreError::WrongSecret);
        }
        self.remove(&record_path(id)).await?;
        self.remove(&bundle_path(id)).await
    }

    /// Deletes what has expired and what interrupted uploads left. Returns how many bundles went.
    ///
    /// # Errors
    /// [`StoreError::Backend`] when the store cannot be listed or does not delete.
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
                ("segscape", Ok(record)) if record.expires <= now() => {
                    self.remove(&bundle_path(id)).await?;
                    removed += 1;
                }
                ("segscape", Err(StoreError::Missing))
                    if object.last_modified.timestamp() + UPLOAD_MAY_TAKE < now() as i64 =>
                {
                    self.remove(&bundle_path(id)).await?;
                    removed += 1;
                }
                _ => {}
            }
        }
        Ok(removed)
    }

    async fn record(&self, id: SceneId) -> Result<Record, StoreError> {
        let bytes = self.0.get(&record_path(id)).await?.bytes().await?;
        Ok(serde_json::from_slice(&bytes)?)
    }

    /// What is gone already need not be removed.
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

fn record_path(id: SceneId) -> Path {
    Path::from(format!("{FOLDER}/{id}.json"))
}
