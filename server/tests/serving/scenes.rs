//! Scenes behind links: shared, replaced, seen, expired and deleted.

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::{PART, Server, UNKNOWN, labels, picture, refusal, scene, scene_of, store_in, text};

#[tokio::test]
async fn a_scene_is_shared_seen_and_deleted_by_its_owner_only() {
    let server = Server::start().await;
    let link = server.share(json!({ "days": 1 }), &scene()).await;
    let (id, secret) = (text(&link, "id"), text(&link, "secret"));
    assert_eq!(text(&link, "url"), format!("/s/{id}"));
    assert_eq!(
        text(&link, "manage_url"),
        format!("/s/{id}#manage={secret}")
    );
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap()
        .as_secs();
    assert!(link["expires"].as_u64().unwrap().abs_diff(now + 86_400) < 60);

    let fetched = server.get(&format!("/api/scenes/{id}")).await;
    assert_eq!(fetched.status(), StatusCode::OK);
    assert_eq!(fetched.headers()["cache-control"], "private, no-cache");
    assert_eq!(fetched.headers()["x-robots-tag"], "noindex");
    assert_eq!(fetched.content_length(), Some(scene().len() as u64));
    assert_eq!(fetched.bytes().await.unwrap(), scene());
    let page = server.get(text(&link, "url")).await;
    assert_eq!(
        (
            page.status(),
            page.headers()["x-robots-tag"].to_str().unwrap()
        ),
        (StatusCode::OK, "noindex")
    );
    assert!(
        page.text()
            .await
            .unwrap()
            .contains("<title>Segscape</title>")
    );

    // The secret is nowhere in the store.
    for name in server.stored() {
        let path = server.folder.path().join("store/scenes").join(&name);
        let content = std::fs::read(path).unwrap();
        assert!(
            !content
                .windows(secret.len())
                .any(|window| window == secret.as_bytes()),
            "{name}"
        );
    }
    let wrong = format!("Bearer {}", secret.chars().rev().collect::<String>());
    for refused in [
        None,
        Some("Bearer "),
        Some("Bearer ../.."),
        Some(secret),
        Some(wrong.as_str()),
    ] {
        assert_eq!(
            server.delete(id, refused).await,
            StatusCode::FORBIDDEN,
            "{refused:?}"
        );
    }
    let right = format!("Bearer {secret}");
    assert_eq!(
        server.delete(UNKNOWN, Some(&right)).await,
        StatusCode::NOT_FOUND
    );
    assert_eq!(
        server.delete(id, Some(&right)).await,
        StatusCode::NO_CONTENT
    );
    assert_eq!(
        server.get(&format!("/api/scenes/{id}")).await.status(),
        StatusCode::NOT_FOUND
    );
    assert_eq!(server.delete(id, Some(&right)).await, StatusCode::NOT_FOUND);
    assert_eq!(server.stored(), Vec::<String>::new());
}

#[tokio::test]
async fn a_link_leads_to_the_old_scene_until_the_new_one_is_complete() {
    let server = Server::start().await;
    let link = server
        .share(json!({ "days": 1, "title": "old" }), &scene())
        .await;
    let (id, secret) = (text(&link, "id"), text(&link, "secret"));
    let path = format!("/api/scenes/{id}");
    let old = server.get(&path).await;
    let etag = old.headers()["etag"].clone();
    let again = async || {
        let request = server.client.get(server.url(&path));
        request.header("if-none-match", &etag).send().await.unwrap()
    };
    assert_eq!(again().await.status(), StatusCode::NOT_MODIFIED);

    let new = scene_of(900);
    for (who, status) in [
        (json!({ "replaces": id }), StatusCode::FORBIDDEN),
        (
            json!({ "replaces": id, "secret": UNKNOWN.repeat(2) }),
            StatusCode::FORBIDDEN,
        ),
        (
            json!({ "replaces": UNKNOWN, "secret": secret }),
            StatusCode::NOT_FOUND,
        ),
    ] {
        let mut said = who.clone();
        said["bytes"] = new.len().into();
        assert_eq!(server.begin(said).await.status(), status, "{who}");
    }
    let said = json!({ "bytes": new.len(), "replaces": id, "secret": secret, "title": "new" });
    let begun: Value = server.begin(said).await.json().await.unwrap();
    assert_eq!(text(&begun, "id"), id);
    assert!(begun.get("secret").is_none(), "the owner has it");
    let upload = text(&begun, "upload");
    for (number, part) in new.chunks(PART).enumerate() {
        server.put_part(upload, number, part).await;
        assert_eq!(again().await.status(), StatusCode::NOT_MODIFIED);
    }
    // Who reads the old scene reads it to the end.
    let reading = server.get(&path).await;
    let answer = server.complete(upload).await;
    let answer: Value = answer.json().await.unwrap();
    assert_eq!(
        answer["expires"], link["expires"],
        "it was not asked to change"
    );
    assert_eq!(reading.bytes().await.unwrap(), scene());

    let changed = again().await;
    assert_eq!(changed.status(), StatusCode::OK);
    assert_ne!(changed.headers()["etag"], etag);
    assert_eq!(changed.bytes().await.unwrap(), new);
    let page = server.get(text(&link, "url")).await.text().await.unwrap();
    assert!(page.contains("content=\"new\""), "{page}");
    assert_eq!(
        server.stored().len(),
        2,
        "the old scene is gone: {:?}",
        server.stored()
    );
    let asked_twice: Value = server.complete(upload).await.json().await.unwrap();
    assert_eq!(asked_twice, answer);

    let said = json!({ "replaces": id, "secret": secret, "days": 90 });
    let longer = server.share(said, &scene()).await;
    let days = |link: &Value| link["expires"].as_u64().unwrap() / 86_400;
    assert_eq!(days(&longer) - days(&link), 89);
    let right = format!("Bearer {secret}");
    assert_eq!(
        server.delete(id, Some(&right)).await,
        StatusCode::NO_CONTENT
    );
    assert_eq!(server.stored(), Vec::<String>::new());
}

#[tokio::test]
async fn labels_without_their_points_are_shared_as_scenes_are() {
    let server = Server::start().await;
    let link = server.share(json!({}), &labels()).await;
    let (id, secret) = (text(&link, "id"), text(&link, "secret"));
    let path = format!("/api/scenes/{id}");
    let fetched = server.get(&path).await;
    let etag = fetched.headers()["etag"].clone();
    assert_eq!(fetched.bytes().await.unwrap(), labels());
    let again = async || {
        let request = server.client.get(server.url(&path));
        request.header("if-none-match", &etag).send().await.unwrap()
    };
    assert_eq!(again().await.status(), StatusCode::NOT_MODIFIED);

    // A link leads to all of a scene or to its labels, and to the other one later.
    let replacement = json!({ "replaces": id, "secret": secret });
    server.share(replacement.clone(), &scene()).await;
    assert_eq!(again().await.bytes().await.unwrap(), scene());
    server.share(replacement.clone(), &labels()).await;
    assert_eq!(again().await.bytes().await.unwrap(), labels());

    let mut damaged = labels();
    *damaged.last_mut().unwrap() ^= 1;
    let mut of_the_future = labels();
    of_the_future[8] = 3;
    let cut = &labels()[..100];
    for (bytes, words) in [
        (&damaged[..], "checksum does not match"),
        (&of_the_future, "this program reads versions 1 and 2"),
        (cut, "it was cut short"),
    ] {
        let (_, answer) = server.send(replacement.clone(), bytes).await;
        let refused = refusal(answer, StatusCode::UNPROCESSABLE_ENTITY).await;
        assert!(refused.contains(words), "{refused}");
    }
    assert_eq!(again().await.bytes().await.unwrap(), labels());
}

#[tokio::test]
async fn a_scene_that_is_deleted_meanwhile_does_not_come_back() {
    let server = Server::start().await;
    let link = server.share(json!({}), &scene()).await;
    let (id, secret) = (text(&link, "id"), text(&link, "secret"));
    let said = json!({ "bytes": scene().len(), "replaces": id, "secret": secret });
    let begun: Value = server.begin(said).await.json().await.unwrap();
    let upload = text(&begun, "upload");
    for (number, part) in scene().chunks(PART).enumerate() {
        server.put_part(upload, number, part).await;
    }
    let right = format!("Bearer {secret}");
    assert_eq!(
        server.delete(id, Some(&right)).await,
        StatusCode::NO_CONTENT
    );
    assert_eq!(
        server.complete(upload).await.status(),
        StatusCode::NOT_FOUND
    );
    assert_eq!(server.stored(), Vec::<String>::new());
}

#[tokio::test]
async fn a_download_goes_on_where_it_stopped() {
    let server = Server::start().await;
    let link = server.share(json!({}), &scene()).await;
    let path = format!("/api/scenes/{}", text(&link, "id"));
    let whole = scene();
    let get = async |range: &str, version: Option<&str>| {
        let request = server.client.get(server.url(&path)).header("range", range);
        let request = version.iter().fold(request, |request, version| {
            request.header("if-range", *version)
        });
        request.send().await.unwrap()
    };
    let etag = server.get(&path).await.headers()["etag"].clone();
    let (size, half) = (whole.len(), whole.len() / 2);
    for (range, part) in [
        (format!("bytes={half}-"), half..size),
        ("bytes=0-9".to_owned(), 0..10),
        (format!("bytes=10-{}", size + 5), 10..size),
        ("bytes=-7".to_owned(), size - 7..size),
        ("bytes=0-".to_owned(), 0..size),
        (format!("bytes=-{}", size + 7), 0..size),
        (format!("bytes={}-{}", size - 1, u64::MAX), size - 1..size),
    ] {
        let answer = get(&range, etag.to_str().ok()).await;
        assert_eq!(answer.status(), StatusCode::PARTIAL_CONTENT, "{range}");
        let said = format!("bytes {}-{}/{size}", part.start, part.end - 1);
        assert_eq!(answer.headers()["content-range"], said, "{range}");
        assert_eq!(answer.headers()["etag"], etag, "{range}");
        assert_eq!(answer.bytes().await.unwrap(), whole[part], "{range}");
    }
    for odd in [
        "bytes=9-3",
        "bytes=-0",
        "bytes=0-1,4-5",
        "lines=1-2",
        "bytes=x-",
        "bytes=",
        "bytes=-",
        "bytes=99999999999999999999-",
        "Bytes 0-1",
    ] {
        let answer = get(odd, None).await;
        assert_eq!(answer.status(), StatusCode::OK, "{odd}");
        assert_eq!(answer.bytes().await.unwrap(), whole, "{odd}");
    }
    let other = get("bytes=5-", Some("\"another version\"")).await;
    assert_eq!(other.status(), StatusCode::OK);
    // There may be less of the new version than the visitor has of the old one.
    let other = get(&format!("bytes={size}-"), Some("\"another version\"")).await;
    assert_eq!(other.status(), StatusCode::OK);
    assert_eq!(other.bytes().await.unwrap(), whole);
    let both = server
        .client
        .get(server.url(&path))
        .header("range", "bytes=5-");
    let both = both.header("if-none-match", &etag).send().await.unwrap();
    assert_eq!(both.status(), StatusCode::NOT_MODIFIED);
    let beyond = get(&format!("bytes={size}-"), None).await;
    assert_eq!(beyond.headers()["content-range"], format!("bytes */{size}"));
    let words = refusal(beyond, StatusCode::RANGE_NOT_SATISFIABLE).await;
    assert!(words.contains(&size.to_string()), "{words}");
}

#[tokio::test]
async fn an_expired_link_says_so() {
    let server = Server::start().await;
    let link = server.share(json!({}), &scene()).await;
    let id = text(&link, "id");
    let mut record: Value =
        serde_json::from_slice(&std::fs::read(server.record(id)).unwrap()).unwrap();
    assert_eq!(
        record["expires"].as_u64().unwrap() - record["created"].as_u64().unwrap(),
        7 * 86_400
    );
    record["expires"] = record["created"].as_u64().unwrap().saturating_sub(1).into();
    std::fs::write(server.record(id), record.to_string()).unwrap();
    let answer = server.get(&format!("/api/scenes/{id}")).await;
    assert_eq!(answer.status(), StatusCode::GONE);
    assert!(answer.text().await.unwrap().contains("expired"));
    let said = json!({ "bytes": 9, "replaces": id, "secret": link["secret"] });
    assert_eq!(server.begin(said).await.status(), StatusCode::GONE);

    // Sweeping deletes the bytes of the expired scene, while its link still reports the expiry, and
    // what is left over for long. A bundle that may be on its way to a record and a valid scene stay.
    let living = server.share(json!({}), &scene()).await;
    let living = text(&living, "id");
    let file = |name: &str| server.folder.path().join("store/scenes").join(name);
    let young = format!("{UNKNOWN}.segscape");
    let damaged = format!("{}.json", UNKNOWN.replace('0', "f"));
    let replaced = format!("{living}.{UNKNOWN}.segscape");
    for (name, age) in [(&young, 0), (&damaged, 2), (&replaced, 2)] {
        std::fs::write(file(name), "half").unwrap();
        let age = std::time::Duration::from_secs(age * 3_600);
        let changed = std::time::SystemTime::now() - age;
        let file = std::fs::File::options().write(true).open(file(name));
        file.unwrap().set_modified(changed).unwrap();
    }
    let scenes = server::store::Scenes::new(store_in(&server.folder));
    // The server sweeps by itself when it starts, and may be the one that deletes them.
    scenes.sweep().await.unwrap();
    assert_eq!(
        server.get(&format!("/api/scenes/{id}")).await.status(),
        StatusCode::GONE
    );
    assert_eq!(
        server.get(&format!("/api/scenes/{living}")).await.status(),
        StatusCode::OK
    );
    let left = server.stored();
    assert_eq!(left.len(), 4, "{left:?}");
    for name in [&young, &format!("{id}.json"), &format!("{living}.json")] {
        assert!(left.contains(name), "{name}: {left:?}");
    }
}

#[tokio::test]
async fn scenes_of_earlier_servers_are_seen_and_replaced() {
    let server = Server::start().await;
    let link = server.share(json!({}), &scene()).await;
    let (id, secret) = (text(&link, "id"), text(&link, "secret"));
    let mut record: Value =
        serde_json::from_slice(&std::fs::read(server.record(id)).unwrap()).unwrap();
    let fields = record.as_object_mut().unwrap();
    let version = fields.remove("version").unwrap();
    let version = version.as_str().unwrap();
    std::fs::write(server.record(id), record.to_string()).unwrap();
    let named = |name: String| server.folder.path().join("store/scenes").join(name);
    let (now, before) = (format!("{id}.{version}.segscape"), format!("{id}.segscape"));
    std::fs::rename(named(now), named(before)).unwrap();

    let path = format!("/api/scenes/{id}");
    assert_eq!(server.get(&path).await.bytes().await.unwrap(), scene());
    let said = json!({ "replaces": id, "secret": secret });
    server.share(said, &scene_of(700)).await;
    assert_eq!(
        server.get(&path).await.bytes().await.unwrap(),
        scene_of(700)
    );
    assert_eq!(server.stored().len(), 2, "{:?}", server.stored());
}

#[tokio::test]
async fn a_link_has_a_preview_with_the_title_and_the_picture_of_its_owner() {
    let server = Server::start().await;
    let page = async |path: &str| server.get(path).await.text().await.unwrap();
    let put = async |upload: &str, body: Vec<u8>| {
        let path = format!("/api/uploads/{upload}/picture");
        let request = server.client.put(server.url(&path)).body(body);
        let request = request.header("content-type", "image/png");
        request.send().await.unwrap().status()
    };
    // Shares the scene with a picture.
    let share = async |mut said: Value, sent: &[u8]| {
        said["bytes"] = scene().len().into();
        let begun: Value = server.begin(said).await.json().await.unwrap();
        let upload = text(&begun, "upload");
        for (number, part) in scene().chunks(PART).enumerate() {
            server.put_part(upload, number, part).await;
        }
        for refused in [picture(1, 1), b"<svg/>".to_vec()] {
            assert_eq!(put(upload, refused).await, StatusCode::UNPROCESSABLE_ENTITY);
        }
        let large = vec![0; (1 << 20) + 1];
        assert_eq!(put(upload, large).await, StatusCode::PAYLOAD_TOO_LARGE);
        assert_eq!(put(upload, sent.to_vec()).await, StatusCode::NO_CONTENT);
        assert_eq!(server.complete(upload).await.status(), StatusCode::OK);
        begun
    };
    let sent = picture(1200, 630);
    let link = share(json!({ "title": "Flat <b>\"no. 1\"" }), &sent).await;
    let (id, secret) = (text(&link, "id"), text(&link, "secret"));
    let path = format!("/api/scenes/{id}/picture");

    let fetched = server.get(&path).await;
    assert_eq!(fetched.headers()["content-type"], "image/png");
    assert_eq!(
        fetched.headers()["cross-origin-resource-policy"],
        "cross-origin"
    );
    assert_eq!(fetched.bytes().await.unwrap(), sent);
    let shown = page(&format!("/s/{id}")).await;
    assert!(shown.contains("property=\"og:title\" content=\"Flat &lt;b&gt;&quot;no. 1&quot;\""));
    // Programs keep what they have seen at an address.
    let image = |shown: &str| {
        let (_, rest) = shown
            .split_once("property=\"og:image\" content=\"")
            .unwrap();
        rest.split('"').next().unwrap().to_owned()
    };
    let first = image(&shown);
    assert!(first.starts_with(&server.url(&path)), "{first}");
    assert!(shown.contains("summary_large_image"), "{shown}");
    let other = [&sent[..], b"another"].concat();
    share(json!({ "replaces": id, "secret": secret }), &other).await;
    assert_eq!(server.get(&path).await.bytes().await.unwrap(), other);
    assert_ne!(image(&page(&format!("/s/{id}")).await), first);
    // A picture of what the link no longer leads to goes, too.
    server
        .share(json!({ "replaces": id, "secret": secret }), &scene())
        .await;
    assert_eq!(server.get(&path).await.status(), StatusCode::NOT_FOUND);
    assert!(!page(&format!("/s/{id}")).await.contains("og:image"));

    let nameless = server.share(json!({}), &scene()).await;
    let nameless = page(text(&nameless, "url")).await;
    assert!(nameless.contains("content=\"A scan of a room\""));
    for without in [
        "/".to_owned(),
        format!("/s/{UNKNOWN}"),
        format!("/embed/{id}"),
    ] {
        assert!(!page(&without).await.contains("og:"), "{without}");
    }
    let right = format!("Bearer {secret}");
    assert_eq!(
        server.delete(id, Some(&right)).await,
        StatusCode::NO_CONTENT
    );
    assert_eq!(server.get(&path).await.status(), StatusCode::NOT_FOUND);
    assert!(!server.stored().iter().any(|name| name.starts_with(id)));
}
