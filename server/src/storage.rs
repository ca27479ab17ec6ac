//! The object store as the server uses it: every call ends in time, a local disk keeps some room, and
//! what a program that was killed left of a file is removed.

use std::{
    error::Error as _,
    fs, io,
    path::{Path as FilePath, PathBuf},
    sync::Arc,
    time::Duration,
};

use axum::body::Bytes;
use object_store::{
    ClientConfigKey, GetOptions, GetResult, ListResult, ObjectMeta, ObjectStore,
    ObjectStoreExt as _, PutMode, RetryConfig, UpdateVersion,
    aws::{AmazonS3Builder, AmazonS3ConfigKey},
    local::LocalFileSystem,
    path::Path,
    prefix::PrefixStore,
};
use tokio::time::timeout;

use crate::{
    store::{self, StoreError},
    uploads,
};

/// Time for which a call that fails is tried again, and how often.
const RETRY: (Duration, usize) = (Duration::from_secs(15), 3);

/// Time for which one answer of an object store may go on: as long as the slowest reader of a scene.
/// [`Storage::in_time`] bounds what the server itself waits for.
const LONGEST_ANSWER: &str = "1 day";

/// Number of calls whose time a long listing may take.
const LISTING: u32 = 20;

/// An object store.
#[derive(Clone)]
pub struct Storage {
    objects: Arc<dyn ObjectStore>,
    /// The folder, if the store is local.
    folder: Option<Arc<FilePath>>,
    /// What has to stay free on the disk, bytes.
    min_free: u64,
    /// Time limit of a call.
    patience: Duration,
}

impl Storage {
    /// Opens `s3://bucket/prefix` (credentials, region and endpoint from the usual `AWS_*` variables)
    /// or a local folder, which is created if necessary, for this user alone: the names in it are
    /// links. So many bytes have to stay free on a local disk.
    ///
    /// # Errors
    /// Returns an error if the folder cannot be created or the bucket's settings are incomplete.
    pub fn open(location: &str, min_free: u64) -> anyhow::Result<Self> {
        let Some(bucket) = location.strip_prefix("s3://") else {
            let folder = FilePath::new(location);
            create(folder)?;
            let store = LocalFileSystem::new_with_prefix(folder)?
                .with_fsync(true)
                .with_automatic_cleanup(true);
            return Ok(Self {
                folder: Some(folder.into()),
                min_free,
                ..Self::new(Arc::new(store))
            });
        };
        let (bucket, prefix) = bucket.split_once('/').unwrap_or((bucket, ""));
        let (retry_timeout, max_retries) = RETRY;
        let client = AmazonS3ConfigKey::Client;
        let store = AmazonS3Builder::from_env()
            .with_bucket_name(bucket)
            .with_config(client(ClientConfigKey::ConnectTimeout), "5 seconds")
            .with_config(client(ClientConfigKey::Timeout), LONGEST_ANSWER)
            .with_retry(RetryConfig {
                max_retries,
                retry_timeout,
                ..RetryConfig::default()
            })
            .build()?;
        let store = PrefixStore::new(store, Path::parse(prefix)?);
        Ok(Self::new(Arc::new(store)))
    }

    /// Uses an object store that is not a local folder.
    pub fn new(objects: Arc<dyn ObjectStore>) -> Self {
        Self {
            objects,
            folder: None,
            min_free: 0,
            patience: Duration::MAX,
        }
    }

    /// The same with a time limit for every call.
    pub(crate) fn within(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// Stores an object, in place of another one of this name.
    ///
    /// # Errors
    /// [`StoreError::DiskFull`], [`StoreError::TooSlow`], [`StoreError::Backend`].
    pub(crate) async fn put(&self, path: &Path, bytes: Bytes) -> Result<(), StoreError> {
        self.room_for(bytes.len() as u64)?;
        self.in_time(self.objects.put(path, bytes.into())).await?;
        Ok(())
    }

    /// Stores an object if nothing has changed since it had this tag, or since there was none of this
    /// name. Only object stores can compare: in a folder, which one server alone uses, and in a store
    /// whose settings say that it cannot, the object is stored in any case.
    ///
    /// # Errors
    /// [`StoreError::Changed`], and as [`Self::put`].
    pub(crate) async fn put_over(
        &self,
        path: &Path,
        bytes: Bytes,
        old: Option<String>,
    ) -> Result<(), StoreError> {
        if self.folder.is_some() {
            return self.put(path, bytes).await;
        }
        let mode = old.map_or(PutMode::Create, |e_tag| {
            PutMode::Update(UpdateVersion {
                e_tag: Some(e_tag),
                version: None,
            })
        });
        let put = self
            .objects
            .put_opts(path, bytes.clone().into(), mode.into());
        let stored = timeout(self.patience, put).await;
        match stored.map_err(|_| self.too_slow())? {
            Ok(_) => Ok(()),
            Err(object_store::Error::NotImplemented { .. }) => self.put(path, bytes).await,
            Err(
                object_store::Error::AlreadyExists { .. }
                | object_store::Error::Precondition { .. }
                | object_store::Error::NotModified { .. },
            ) => Err(StoreError::Changed),
            Err(error) => Err(error.into()),
        }
    }

    /// An object, or a part of it, to be streamed.
    ///
    /// # Errors
    /// [`StoreError::Missing`], [`StoreError::TooSlow`], [`StoreError::Backend`].
    pub(crate) async fn get(
        &self,
        path: &Path,
        options: GetOptions,
    ) -> Result<GetResult, StoreError> {
        self.in_time(self.objects.get_opts(path, options)).await
    }

    /// All bytes of what was found.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub(crate) async fn collect(&self, found: GetResult) -> Result<Bytes, StoreError> {
        self.in_time(found.bytes()).await
    }

    /// A whole object.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub(crate) async fn read(&self, path: &Path) -> Result<Bytes, StoreError> {
        let read = async { self.objects.get(path).await?.bytes().await };
        self.in_time(read).await
    }

    /// What is known of an object.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub(crate) async fn head(&self, path: &Path) -> Result<ObjectMeta, StoreError> {
        self.in_time(self.objects.head(path)).await
    }

    /// Everything in a folder that may have very much, which takes many calls.
    ///
    /// # Errors
    /// As [`Self::list`].
    pub(crate) async fn list_all(&self, folder: &Path) -> Result<ListResult, StoreError> {
        let patience = self.patience.saturating_mul(LISTING);
        self.clone().within(patience).list(folder).await
    }

    /// What is in a folder.
    ///
    /// # Errors
    /// [`StoreError::TooSlow`], [`StoreError::Unavailable`], [`StoreError::Backend`].
    pub(crate) async fn list(&self, folder: &Path) -> Result<ListResult, StoreError> {
        let list = self.objects.list_with_delimiter(Some(folder));
        self.in_time(list).await
    }

    /// Removes an object. One that does not exist is not an error.
    ///
    /// # Errors
    /// [`StoreError::TooSlow`], [`StoreError::Backend`].
    pub(crate) async fn remove(&self, path: &Path) -> Result<(), StoreError> {
        match self.in_time(self.objects.delete(path)).await {
            Err(StoreError::Missing) => Ok(()),
            result => result,
        }
    }

    /// Checks that a local disk has room for so many bytes.
    ///
    /// # Errors
    /// [`StoreError::DiskFull`].
    pub(crate) fn room_for(&self, bytes: u64) -> Result<(), StoreError> {
        let free = self.folder.as_deref().and_then(free_bytes);
        match free.is_some_and(|free| free < self.min_free.saturating_add(bytes)) {
            true => Err(StoreError::DiskFull),
            false => Ok(()),
        }
    }

    /// Removes what a program that was killed left of files that it was writing, if it is that old,
    /// and returns the number of files. What cannot be removed is logged.
    pub(crate) async fn sweep(&self, age: Duration) -> usize {
        let Some(folder) = self.folder.clone() else {
            return 0;
        };
        blocking(move || {
            let mut removed = 0;
            for file in staged(&folder, 2) {
                let metadata = fs::metadata(&file);
                let changed = metadata.and_then(|metadata| metadata.modified());
                let is_old = changed.is_ok_and(|at| at.elapsed().is_ok_and(|since| since >= age));
                if !is_old {
                    continue;
                }
                match fs::remove_file(&file) {
                    Ok(()) => removed += 1,
                    Err(error) => tracing::error!("half a file cannot be deleted: {error}"),
                }
                // A folder with other files stays.
                drop(file.parent().map(fs::remove_dir));
            }
            removed
        })
        .await
    }

    async fn in_time<T>(
        &self,
        call: impl Future<Output = object_store::Result<T>>,
    ) -> Result<T, StoreError> {
        match timeout(self.patience, call).await {
            Ok(result) => Ok(result?),
            Err(_) => Err(self.too_slow()),
        }
    }

    fn too_slow(&self) -> StoreError {
        StoreError::TooSlow {
            seconds: self.patience.as_secs(),
        }
    }
}

impl From<object_store::Error> for StoreError {
    fn from(error: object_store::Error) -> Self {
        if let object_store::Error::NotFound { .. } = error {
            return Self::Missing;
        }
        let mut cause = error.source();
        while let Some(error) = cause {
            let error_of_disk = error.downcast_ref::<io::Error>().map(io::Error::kind);
            if let Some(io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded) = error_of_disk {
                return Self::DiskFull;
            }
            cause = error.source();
        }
        match error {
            object_store::Error::Precondition { .. } => Self::Changed,
            // Its own errors, a lost connection and a lack of time, also after several attempts.
            object_store::Error::Generic { store: "S3", .. } => Self::Unavailable(error),
            _ => Self::Backend(error),
        }
    }
}

/// Runs what takes long on a thread that may block.
pub(crate) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        // It is never cancelled.
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}

/// The files in a folder, and in folders so much deeper, that a local store was writing: it gives
/// them another name, with `#` and a number, until they are complete.
fn staged(folder: &FilePath, depth: usize) -> Vec<PathBuf> {
    let mut found = Vec::new();
    // A folder that cannot be read, or is gone, has none.
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let (path, name) = (entry.path(), entry.file_name());
        let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        let number = name.to_str().and_then(|name| name.rsplit_once('#'));
        let is_number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        match is_folder {
            true if depth > 0 => found.extend(staged(&path, depth - 1)),
            false if number.is_some_and(|(_, number)| is_number(number)) => found.push(path),
            _ => {}
        }
    }
    found
}

/// What is free on the disk of a folder for its user, bytes; `None` if the system does not say.
fn free_bytes(folder: &FilePath) -> Option<u64> {
    #[cfg(unix)]
    {
        let disk = rustix::fs::statvfs(folder).ok()?;
        Some(disk.f_bavail.saturating_mul(disk.f_frsize))
    }
    #[cfg(not(unix))]
    {
        let _ = folder;
        None
    }
}

/// Creates a folder for this user alone, with folders in it, which are closed to others also if they
/// were there before.
fn create(folder: &FilePath) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    for name in [store::FOLDER, uploads::FOLDER] {
        let folder = folder.join(name);
        builder.create(&folder)?;
        #[cfg(unix)]
        {
            let closed = std::os::unix::fs::PermissionsExt::from_mode(0o700);
            fs::set_permissions(folder, closed)?;
        }
    }
    Ok(())
}
