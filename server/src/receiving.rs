//! The requests with which a bundle arrives in parts; `routes.rs` lists them.

use axum::{
    Extension, Json,
    extract::{Path, Request, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    body::receive,
    client::Client,
    error::ApiError,
    limits::{Place, Spent},
    links::{Id, Lifetime, Secret},
    picture,
    routes::{Shared, secret},
    store::{Change, StoreError, Target},
    uploads::{Upload, UploadError},
};

/// Maximum size of a request in JSON, bytes.
const MAX_JSON_BYTES: u64 = 16 << 10;
/// Longest title of a scene, characters; the rest of a longer one is left out.
const LONGEST_TITLE: usize = 200;

/// What the sender says of a bundle before it comes.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Announcement {
    /// Its size.
    bytes: u64,
    /// For how many days the link works.
    days: Option<u32>,
    /// The title of the link.
    #[serde(default)]
    title: String,
    /// The scene whose link shall lead to it.
    replaces: Option<Id>,
}

/// Begins an upload.
pub async fn begin(
    State(shared): State<Shared>,
    Extension(client): Extension<Client>,
    headers: HeaderMap,
    request: Request,
) -> Result<Response, ApiError> {
    let budgets = &shared.budgets;
    let too_often = |Spent { wait }| ApiError::TooOften { wait };
    budgets.begin(client.address).map_err(too_often)?;
    let place = shared.admit(client)?;
    let grace = shared.patience.body;
    let said = receive(request, &["application/json"], MAX_JSON_BYTES, grace).await?;
    drop(place);
    let Json(announcement) = Json::<Announcement>::from_bytes(&said)?;
    let days = announcement.days.map(|days| days.to_string().parse());
    let lifetime: Option<Lifetime> = days.transpose()?;
    let new = match announcement.replaces {
        Some(_) => None,
        None => Some(Secret::random().map_err(StoreError::from)?),
    };
    let target = match (announcement.replaces, &new) {
        (None, Some(secret)) => Target {
            scene: Id::random().map_err(StoreError::from)?,
            secret_hash: secret.hash(),
            change: Change::Made(lifetime.unwrap_or(shared.default_lifetime)),
        },
        (scene, _) => {
            let scene = scene.ok_or(StoreError::Missing)?;
            let secret_hash = secret(&headers)?.hash();
            shared.scenes.owned(scene, &secret_hash).await?;
            let change = Change::Replaced(lifetime);
            Target {
                scene,
                secret_hash,
                change,
            }
        }
    };
    let scene = target.scene;
    let title = announcement.title.chars().filter(|c| !c.is_control());
    let title = title.take(LONGEST_TITLE).collect();
    let (address, bytes) = (client.address, announcement.bytes);
    shared.uploads.check(bytes)?;
    let limit = budgets.bytes();
    let too_much = |Spent { wait }| ApiError::TooMuch { limit, wait };
    budgets.announce(address, bytes).map_err(too_much)?;
    let (id, upload) = shared.uploads.begin(address, bytes, title, target).await?;
    let mut answer = json!({ "upload": id, "part_bytes": upload.part_bytes, "parts": upload.parts(), "id": scene, "url": format!("/s/{scene}") });
    if let Some(secret) = new {
        let secret = secret.reveal();
        answer["manage_url"] = format!("/s/{scene}#manage={secret}").into();
        answer["secret"] = secret.into();
    }
    Ok(not_kept((StatusCode::CREATED, Json(answer))))
}

/// Says what of an upload has arrived.
pub async fn arrived(
    State(shared): State<Shared>,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    let (upload, arrived) = shared.uploads.arrived(known(&id)?).await?;
    let Upload {
        bytes, part_bytes, ..
    } = upload;
    let answer = json!({ "bytes": bytes, "part_bytes": part_bytes, "parts": upload.parts(), "arrived": arrived, "expires": upload.published });
    Ok(not_kept(Json(answer)))
}

/// Receives a part.
pub async fn part(
    State(shared): State<Shared>,
    Extension(client): Extension<Client>,
    Path((id, number)): Path<(String, String)>,
    request: Request,
) -> Result<StatusCode, ApiError> {
    let id = known(&id)?;
    let number = number.parse().map_err(|_| ApiError::NoSuchAddress)?;
    let upload = shared.uploads.unfinished_one(id).await?;
    let limit = upload.length_of(number)?;
    let digest = digest(request.headers()).ok_or(ApiError::NoDigest)?;
    let _place = shared.admit(client)?;
    let grace = shared.patience.body;
    let part = receive(request, &["application/octet-stream"], limit, grace).await?;
    let uploads = &shared.uploads;
    uploads
        .put_part((id, &upload), number, digest, part)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Receives the preview picture.
pub async fn picture(
    State(shared): State<Shared>,
    Extension(client): Extension<Client>,
    Path(id): Path<String>,
    request: Request,
) -> Result<StatusCode, ApiError> {
    let id = known(&id)?;
    shared.uploads.unfinished_one(id).await?;
    let _place = shared.admit(client)?;
    let grace = shared.patience.body;
    let picture = receive(request, &picture::TYPES, picture::MAX_BYTES, grace).await?;
    picture::media_type(&picture)?;
    shared.uploads.put_picture(id, picture).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Lets the link lead to what has arrived.
pub async fn complete(
    State(shared): State<Shared>,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    let id = known(&id)?;
    // Only what is whole takes memory.
    shared.uploads.whole(id).await?;
    let permit = shared.completions.clone().try_acquire_owned();
    let permit = permit.map_err(|_| ApiError::Busy)?;
    // A sender who does not wait for the answer asks again and gets it then.
    let completion = tokio::spawn(async move {
        let _permit = permit;
        shared.uploads.complete(id).await
    });
    let (upload, expires) = match completion.await {
        Ok(completed) => completed?,
        // It is never cancelled.
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    };
    tracing::info!(bytes = upload.bytes, "scene published");
    let scene = upload.target.scene;
    let answer: Value = json!({ "id": scene, "url": format!("/s/{scene}"), "expires": expires });
    Ok(not_kept(Json(answer)))
}

/// Gives an upload up.
pub async fn cancel(
    State(shared): State<Shared>,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    shared.uploads.cancel(known(&id)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

impl Shared {
    /// Lets the body of a request come, if not too many are coming.
    fn admit(&self, client: Client) -> Result<Place, ApiError> {
        self.bodies.take(client.address).map_err(|_| ApiError::Busy)
    }
}

/// The SHA-256 in a `content-digest` (RFC 9530), in base64.
fn digest(headers: &HeaderMap) -> Option<String> {
    let text = headers.get("content-digest")?.to_str().ok()?;
    let of = |digest: &str| {
        let digest = digest.trim().strip_prefix("sha-256=:")?;
        digest.strip_suffix(':').map(str::to_owned)
    };
    text.split(',').find_map(of)
}

/// Parses an id. Text that is not exactly an id never reaches the store.
fn known(id: &str) -> Result<Id, UploadError> {
    id.parse().map_err(|_| UploadError::Missing)
}

/// An answer that no cache keeps, because it is about what changes, or secret.
fn not_kept(answer: impl IntoResponse) -> Response {
    ([(header::CACHE_CONTROL, "no-store")], answer).into_response()
}
