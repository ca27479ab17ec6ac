//! A shared scene in a frame of a page on another server: what it shows, and the messages between
//! the two.

use std::time::Duration;

use proofs::app::{Page, STEP, Stand, Visit, elsewhere::Elsewhere, story};
use serde_json::{Value, json};

/// Mean difference of pictures, of 255, that are not the same.
const OTHER: f64 = 1.0;
/// The key that deletes what is selected.
const DELETE: &str = "\u{e017}";
/// Time in which a scene that turns by itself is another picture.
const TURNED: Duration = Duration::from_millis(1500);

/// A page with a scene in a frame, which keeps what the frame tells it.
fn around(frame: &str) -> Vec<u8> {
    format!(
        "<!doctype html><title>Around</title><link rel=icon href='data:,'><script>window.told = [];
         addEventListener('message', ({{ source, data }}) => source === document.querySelector('iframe').contentWindow && told.push(data));
         </script>{frame}"
    )
    .into_bytes()
}

/// Shares the office and returns the HTML that the dialog gives for it.
async fn code(stand: &Stand) -> String {
    let page = stand
        .visit("/?backend=cpu&renderer=2d", Visit::DESKTOP)
        .await;
    page.choose(&stand.office()).await;
    page.until_done().await;
    page.share().await;
    page.press("share-button").await;
    page.unfold("embed").await;
    page.keep_picture("embedding-code").await;
    page.text("embed-code").await
}

/// Waits until the frame has told something of this kind, and returns the last of it.
async fn told(page: &Page, kind: &str) -> Value {
    let last = async || {
        let told = page.told().await;
        told.into_iter()
            .rfind(|message| message["segscape"] == kind)
    };
    page.until(kind, STEP * 4, async || last().await.is_some())
        .await;
    last().await.unwrap()
}

#[test]
fn a_page_around_steers_the_scene_in_its_frame() {
    story(async |stand| {
        let frame = code(stand).await;
        let options = "?noui&theme=light&backend=cpu&renderer=2d\"";
        let bare = frame.replacen("\" title", &format!("{options} title"), 1);
        let pages = [("/plain", &frame), ("/bare", &bare)];
        let pages = pages.map(|(path, frame)| (path.to_owned(), around(frame)));
        let server = Elsewhere::serve(pages).await;
        let page = stand.visit("/?backend=cpu", Visit::DESKTOP).await;
        page.go_after(&format!("{}/bare", server.origin), "").await;
        assert_eq!(told(&page, "ready").await["instances"], 9);

        page.tell(json!({ "segscape": "setPrompt", "prompt": "chair" }))
            .await;
        assert_eq!(told(&page, "answered").await["instances"], 3);
        page.tell(json!({ "segscape": "getInstances" })).await;
        let found = told(&page, "instances").await["instances"].clone();
        let found = found.as_array().unwrap().clone();
        assert_eq!(found.len(), 3);
        for thing in &found {
            assert_eq!(thing["name"], "chair");
            assert!(thing["points"].as_u64().unwrap() > 100);
            assert!(thing["min"][2].as_f64() < thing["max"][2].as_f64());
        }
        page.tell(json!({ "segscape": "select", "id": found[1]["id"] }))
            .await;
        assert_eq!(told(&page, "selected").await["id"], found[1]["id"]);
        page.keep_picture("embedding-selected").await;

        // Keys that change things elsewhere leave the scene in a frame as it is.
        page.enter_frame().await;
        for key in [DELETE, "k", "m", "h", "x", "l", "d", "i", "p"] {
            page.keys("viewer-canvas", key).await;
        }
        page.leave_frame().await;
        let lists = async || {
            let told = page.told().await.into_iter();
            told.filter(|message| message["segscape"] == "instances")
                .count()
        };
        let before = lists().await;
        page.tell(json!({ "segscape": "getInstances" })).await;
        page.until("another list", STEP, async || lists().await > before)
            .await;
        let now = told(&page, "instances").await["instances"].clone();
        assert_eq!(now.as_array(), Some(&found));
        for hostile in [
            json!({ "segscape": "select", "id": 99 }),
            json!("x"),
            json!({ "segscape": {} }),
        ] {
            page.tell(hostile).await;
        }
        let failed = told(&page, "failed").await;
        assert!(failed["message"].as_str().unwrap().contains("no thing 99"));

        page.enter_frame().await;
        assert!(!page.exists("whole-page").await && !page.exists("prompt-input").await);
        assert_eq!(page.background().await, "rgb(241, 242, 244)");
        let words = page.words("main").await;
        page.leave_frame().await;
        assert!(!words.contains("Share"), "{words}");

        page.go_after(&format!("{}/plain", server.origin), "").await;
        told(&page, "ready").await;
        page.enter_frame().await;
        assert!(page.is_shown("whole-page").await);
        page.leave_frame().await;
        page.keep_picture("embedding-plain").await;
        assert_eq!(page.errors().await, [] as [&str; 0]);
    });
}

#[test]
fn a_scene_turns_by_itself_and_no_other_page_is_framed() {
    story(async |stand| {
        let frame = code(stand).await;
        let turning = "?autorotate=40&renderer=2d\" title";
        let pages = [
            ("/turning", frame.replacen("\" title", turning, 1)),
            ("/whole", frame.replace("/embed/", "/s/")),
            ("/none", frame.replace("/embed/", "/embed/0")),
        ];
        let pages = pages.map(|(path, frame)| (path.to_owned(), around(&frame)));
        let server = Elsewhere::serve(pages).await;
        let page = stand.visit("/?backend=cpu", Visit::DESKTOP).await;
        page.go_after(&format!("{}/turning", server.origin), "")
            .await;
        told(&page, "ready").await;
        page.enter_frame().await;
        let first = page.picture_now().await;
        page.until("another side", STEP, async || {
            page.picture_now().await.difference(&first) > OTHER
        })
        .await;
        page.leave_frame().await;

        // Who prefers no motion has none.
        page.prefer(true).await;
        page.go_after(&format!("{}/turning", server.origin), "")
            .await;
        told(&page, "ready").await;
        page.enter_frame().await;
        page.until("a picture that stays", STEP, async || {
            let before = page.picture_now().await;
            tokio::time::sleep(TURNED).await;
            page.picture_now().await == before
        })
        .await;
        page.leave_frame().await;

        for (path, words) in [("/whole", "frame"), ("/none", "404")] {
            page.errors().await;
            page.go_after(&format!("{}{path}", server.origin), "").await;
            page.until("the refusal", STEP, async || {
                page.errors()
                    .await
                    .iter()
                    .any(|error| error.contains(words))
            })
            .await;
            assert!(page.told().await.is_empty(), "{path} runs in a frame");
        }
    });
}
