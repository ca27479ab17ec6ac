//! Stores that fail: what the server answers is what happened, and what it can still do, it does.

use std::{
    fmt, io,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use async_trait::async_trait;
use futures_util::{StreamExt as _, stream::BoxStream};
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    ObjectStoreExt as _, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
    local::LocalFileSystem, path::Path,
};
use reqwest::StatusCode;
use serde_json::{Value, json};
use server::Storage;

use crate::{PART, Server, refusal, scene, scene_of, text};

/// Which objects a store fails at, by the end of their names.
#[derive(Clone, Default)]
struct Faults {
    /// They cannot be written, because the disk is full.
    full: &'static str,
    /// They cannot be deleted.
    sticky: &'static str,
    /// They are never answered for.
    silent: &'static str,
}

/// A store in a folder that fails as it is told.
#[derive(Clone, Debug)]
struct Faulty {
    inner: Arc<LocalFileSystem>,
    faults: Arc<Mutex<Faults>>,
    /// Number of objects that were read.
    reads: Arc<AtomicUsize>,
}

impl fmt::Debug for Faults {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("Faults")
    }
}

impl fmt::Display for Faulty {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("Faulty")
    }
}

impl Faulty {
    fn is(&self, fault: impl Fn(&Faults) -> &'static str, path: &Path) -> bool {
        let end = fault(&self.faults.lock().unwrap());
        !end.is_empty() && path.as_ref().ends_with(end)
    }
}

fn error(kind: io::ErrorKind, path: &Path) -> object_store::Error {
    object_store::Error::Generic {
        store: "faulty",
        source: Box::new(io::Error::new(kind, path.to_string())),
    }
}

#[async_trait]
impl ObjectStore for Faulty {
    async fn put_opts(
        &self,
        path: &Path,
        payload: PutPayload,
        options: PutOptions,
    ) -> Result<PutResult> {
        if self.is(|faults| faults.full, path) {
            return Err(error(io::ErrorKind::StorageFull, path));
        }
        self.inner.put_opts(path, payload, options).await
    }

    async fn put_multipart_opts(
        &self,
        path: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.inner.put_multipart_opts(path, options).await
    }

    async fn get_opts(&self, path: &Path, options: GetOptions) -> Result<GetResult> {
        self.reads.fetch_add(1, Relaxed);
        if self.is(|faults| faults.silent, path) {
            std::future::pending::<()>().await;
        }
        self.inner.get_opts(path, options).await
    }

    fn delete_stream(
        &self,
        paths: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        let store = self.clone();
        let delete = move |path: Result<Path>| {
            let store = store.clone();
            async move {
                let path = path?;
                if store.is(|faults| faults.sticky, &path) {
                    return Err(error(io::ErrorKind::PermissionDenied, &path));
                }
                store.inner.delete(&path).await?;
                Ok(path)
            }
        };
        paths.then(delete).boxed()
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.inner.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.inner.copy_opts(from, to, options).await
    }
}

/// A server on a store that fails as [`Faults`] say.
async fn faulty() -> (Server, Arc<Mutex<Faults>>) {
    let faults = Arc::<Mutex<Faults>>::default();
    let told = Arc::clone(&faults);
    let server = Server::start_on(
        |folder| {
            let folder = folder.path().join("store");
            std::fs::create_dir_all(&folder).unwrap();
            let inner = LocalFileSystem::new_with_prefix(folder).unwrap();
            Storage::new(Arc::new(Faulty {
                inner: Arc::new(inner),
                faults,
                reads: Arc::default(),
            }))
        },
        |config| config.patience.store = Duration::from_millis(500),
    )
    .await;
    (server, told)
}

/// Begins an upload of a bundle and sends all of its parts.
async fn sent(server: &Server, mut said: Value, bundle: &[u8]) -> Value {
    said["bytes"] = bundle.len().into();
    let begun: Value = server.begin(said).await.json().await.unwrap();
    for (number, part) in bundle.chunks(PART).enumerate() {
        let answer = server.put_part(text(&begun, "upload"), number, part).await;
        assert_eq!(answer.status(), StatusCode::NO_CONTENT);
    }
    begun
}

fn tell(faults: &Mutex<Faults>, now: Faults) {
    *faults.lock().unwrap() = now;
}

#[tokio::test]
async fn a_full_disk_is_said_and_leaves_nothing_behind() {
    let (server, faults) = faulty().await;
    let begun = sent(&server, json!({}), &scene()).await;
    let upload = text(&begun, "upload");
    for full in ["segscape", ".json"] {
        tell(
            &faults,
            Faults {
                full,
                ..Faults::default()
            },
        );
        let answer = server.complete(upload).await;
        let words = refusal(answer, StatusCode::INSUFFICIENT_STORAGE).await;
        assert!(words.contains("disk is full"), "{words}");
        assert_eq!(server.stored(), Vec::<String>::new(), "{full}");
    }
    let begin = async || server.begin(json!({ "bytes": 9 })).await;
    refusal(begin().await, StatusCode::INSUFFICIENT_STORAGE).await;
    let metrics = server.get("/metrics").await.text().await.unwrap();
    assert!(metrics.contains("segscape_store_bytes 0\n"), "{metrics}");
    assert!(metrics.contains("{reason=\"disk_full\"} 3\n"), "{metrics}");

    // With room again, everything goes on.
    tell(&faults, Faults::default());
    assert_eq!(server.complete(upload).await.status(), StatusCode::OK);
    let id = text(&begun, "id");
    let (right, path) = (text(&begun, "secret"), format!("/api/scenes/{id}"));
    // An update that fails leaves the old scene.
    let said = json!({ "replaces": id, "secret": right });
    let begun = sent(&server, said, &scene_of(900)).await;
    tell(
        &faults,
        Faults {
            full: "json",
            ..Faults::default()
        },
    );
    let answer = server.complete(text(&begun, "upload")).await;
    refusal(answer, StatusCode::INSUFFICIENT_STORAGE).await;
    assert_eq!(server.get(&path).await.bytes().await.unwrap(), scene());
    assert_eq!(server.stored().len(), 2, "{:?}", server.stored());
}

#[tokio::test]
async fn a_published_scene_is_not_called_a_failure() {
    let (server, faults) = faulty().await;
    let begun = sent(&server, json!({}), &scene()).await;
    tell(
        &faults,
        Faults {
            full: "upload.json",
            ..Faults::default()
        },
    );
    let answer = server.complete(text(&begun, "upload")).await;
    assert_eq!(answer.status(), StatusCode::OK);
    let first: Value = answer.json().await.unwrap();
    let path = format!("/api/scenes/{}", text(&begun, "id"));
    assert_eq!(server.get(&path).await.bytes().await.unwrap(), scene());
    // Who asks again hears the same, and the scene counts once.
    let again = server.complete(text(&begun, "upload")).await;
    assert_eq!(again.status(), StatusCode::OK);
    assert_eq!(
        text(&again.json::<Value>().await.unwrap(), "id"),
        text(&first, "id")
    );
    let metrics = server.get("/metrics").await.text().await.unwrap();
    assert!(metrics.contains(&format!("segscape_store_bytes {}\n", scene().len())));
}

#[tokio::test]
async fn what_is_gone_for_its_readers_is_deleted() {
    let (server, faults) = faulty().await;
    let link = server.share(json!({}), &scene()).await;
    let (id, right) = (
        text(&link, "id"),
        format!("Bearer {}", text(&link, "secret")),
    );
    tell(
        &faults,
        Faults {
            sticky: "json",
            ..Faults::default()
        },
    );
    let failed = server.delete(id, Some(&right)).await;
    assert_eq!(failed, StatusCode::INTERNAL_SERVER_ERROR);
    let path = format!("/api/scenes/{id}");
    assert_eq!(
        server.get(&path).await.status(),
        StatusCode::OK,
        "nothing happened"
    );
    tell(
        &faults,
        Faults {
            sticky: "segscape",
            ..Faults::default()
        },
    );
    assert_eq!(
        server.delete(id, Some(&right)).await,
        StatusCode::NO_CONTENT
    );
    assert_eq!(server.get(&path).await.status(), StatusCode::NOT_FOUND);
    let metrics = server.get("/metrics").await.text().await.unwrap();
    let still = format!("segscape_store_bytes {}\n", scene().len());
    assert!(
        metrics.contains(&still),
        "it takes room until it is swept: {metrics}"
    );

    // An upload that is cancelled is gone, too, whatever becomes of its parts.
    let begun = sent(&server, json!({}), &scene()).await;
    let upload = format!("/api/uploads/{}", text(&begun, "upload"));
    tell(
        &faults,
        Faults {
            sticky: "0",
            ..Faults::default()
        },
    );
    let cancelled = server
        .client
        .delete(server.url(&upload))
        .send()
        .await
        .unwrap();
    assert_eq!(cancelled.status(), StatusCode::NO_CONTENT);
    assert_eq!(server.get(&upload).await.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn one_bad_file_does_not_stop_the_sweep() {
    let (server, faults) = faulty().await;
    let mut ids = Vec::new();
    for _ in 0..4 {
        let link = server.share(json!({}), &scene()).await;
        let id = text(&link, "id").to_owned();
        let record = std::fs::read(server.record(&id)).unwrap();
        let mut record: Value = serde_json::from_slice(&record).unwrap();
        record["expires"] = 1.into();
        std::fs::write(server.record(&id), record.to_string()).unwrap();
        ids.push(id);
    }
    let stuck = server
        .stored()
        .into_iter()
        .find(|name| name.ends_with("segscape"))
        .unwrap();
    tell(
        &faults,
        Faults {
            sticky: stuck.clone().leak(),
            ..Faults::default()
        },
    );
    let inner = LocalFileSystem::new_with_prefix(server.folder.path().join("store")).unwrap();
    let store = Faulty {
        inner: Arc::new(inner),
        faults,
        reads: Arc::default(),
    };
    let scenes = server::store::Scenes::new(Storage::new(Arc::new(store)));
    scenes.sweep().await.unwrap();
    assert_eq!(server.stored(), [stuck]);
}

#[tokio::test]
async fn a_sweep_reads_what_has_changed() {
    let server = Server::start().await;
    let link = server.share(json!({}), &scene()).await;
    server.share(json!({}), &scene()).await;
    let inner = LocalFileSystem::new_with_prefix(server.folder.path().join("store")).unwrap();
    let store = Faulty {
        inner: Arc::new(inner),
        faults: Arc::default(),
        reads: Arc::default(),
    };
    let reads = Arc::clone(&store.reads);
    let scenes = server::store::Scenes::new(Storage::new(Arc::new(store)));
    let sweep = async || {
        let before = reads.load(Relaxed);
        let removed = scenes.sweep().await.unwrap();
        (removed, reads.load(Relaxed) - before)
    };
    assert_eq!(sweep().await, (0, 2));
    assert_eq!(sweep().await, (0, 0));
    let path = server.record(text(&link, "id"));
    let mut record: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    record["expires"] = 77.into();
    std::fs::write(&path, record.to_string()).unwrap();
    assert_eq!(sweep().await, (2, 1));
    assert_eq!(server.stored().len(), 2);
}

#[tokio::test]
async fn a_store_that_does_not_answer_is_waited_for_in_vain_only_for_a_while() {
    let (server, faults) = faulty().await;
    let link = server.share(json!({}), &scene()).await;
    let (id, right) = (
        text(&link, "id"),
        format!("Bearer {}", text(&link, "secret")),
    );
    let begun = sent(&server, json!({}), &scene()).await;
    tell(
        &faults,
        Faults {
            silent: "json",
            ..Faults::default()
        },
    );
    let began = std::time::Instant::now();
    let answer = server.get(&format!("/api/scenes/{id}")).await;
    assert_eq!(answer.headers()["retry-after"], "5");
    let words = refusal(answer, StatusCode::SERVICE_UNAVAILABLE).await;
    assert!(words.contains("did not answer"), "{words}");
    let busy = StatusCode::SERVICE_UNAVAILABLE;
    assert_eq!(server.delete(id, Some(&right)).await, busy);
    assert_eq!(server.complete(text(&begun, "upload")).await.status(), busy);
    assert!(
        began.elapsed() < Duration::from_secs(5),
        "{:?}",
        began.elapsed()
    );
}
