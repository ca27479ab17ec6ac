//! `?scene=` opens a scan or a bundle from another server that allows it, and reports the problem
//! if it cannot be opened.

use std::fs;

use proofs::app::{Page, Picture, Row, STEP, Visit, elsewhere::Elsewhere, story};

#[test]
fn a_scan_and_a_bundle_open_from_elsewhere() {
    story(async |stand| {
        let scan = fs::read(stand.thin_room()).unwrap();
        let server = Elsewhere::serve([
            ("/room.ply".to_owned(), scan.clone()),
            ("/closed/room.ply".to_owned(), scan),
        ])
        .await;
        let page = stand
            .visit(
                &format!(
                    "/?backend=cpu&scene={}/room.ply&filename=My%20room.ply",
                    server.origin
                ),
                Visit::DESKTOP,
            )
            .await;
        page.until_done().await;
        let rows = page.rows().await;
        assert!(!rows.is_empty());
        assert_eq!(page.text("scan-name").await, "My room.ply");

        page.share().await;
        let bundle = fs::read(&stand.stored()[0]).unwrap();
        let bundles = Elsewhere::serve([("/room.segscape".to_owned(), bundle)]).await;
        page.go(&format!(
            "{}/?backend=cpu&scene={}/room.segscape",
            stand.origin, bundles.origin
        ))
        .await;
        page.until_done().await;
        assert_eq!(page.rows().await, rows, "the bundle has the same things");
        assert!(
            page.stages()
                .await
                .iter()
                .all(|stage| stage.name != "Backbone"),
            "without another run of the network"
        );
        assert_eq!(
            page.errors().await,
            [] as [&str; 0],
            "the page may read from there"
        );

        for (path, words) in [
            ("/closed/room.ply", "does not allow other pages to read it"),
            ("/nothing.ply", "status 404"),
        ] {
            page.go(&format!("{}/?scene={}{path}", stand.origin, server.origin))
                .await;
            page.until(words, STEP, async || {
                page.text("error").await.contains(words)
            })
            .await;
        }
        // The port of a server that has ended.
        let gone = {
            let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
            port.local_addr().unwrap()
        };
        page.go(&format!("{}/?scene=http://{gone}/room.ply", stand.origin))
            .await;
        page.until("no answer", STEP, async || {
            page.text("error").await.contains("nothing answers at")
        })
        .await;
        page.go(&format!(
            "{}/?scene=http://example.org/room.ply",
            stand.origin
        ))
        .await;
        page.until("plain http to be refused", STEP, async || {
            page.text("error").await.contains("only https")
        })
        .await;
    });
}

/// Largest mean difference of two pictures of one view, of 255.
const SAME_VIEW: f64 = 1.0;

/// Waits until the page shows this view.
async fn until_seen(page: &Page, view: &Picture, what: &str) {
    page.until(what, STEP, async || {
        page.picture().await.difference(view) < SAME_VIEW
    })
    .await;
}

/// The rows, whatever the mouse is over.
async fn listed(page: &Page) -> Vec<Row> {
    let mut rows = page.rows().await;
    rows.iter_mut().for_each(|row| row.hovered = false);
    rows
}

#[test]
fn an_address_says_how_a_scene_is_looked_at() {
    story(async |stand| {
        let server = Elsewhere::serve([(
            "/office.segscape".to_owned(),
            fs::read(stand.office()).unwrap(),
        )])
        .await;
        let place = format!(
            "/?backend=cpu&renderer=2d&scene={}/office.segscape",
            server.origin
        );
        let page = stand.visit(&place, Visit::DESKTOP).await;
        page.until_done().await;
        page.prefer(true).await;
        page.ask("chair, box").await;
        page.set_threshold(0.3).await;
        let id = page.rows().await[1].id;
        page.press_row(id).await;
        page.keys("viewer-canvas", "3\u{e012}\u{e012}\u{e015}++")
            .await; // by label; arrows
        let rows = listed(&page).await;

        // The address follows when the view rests, and no step of it is a step back.
        page.until("the address", STEP, async || {
            let address = page.address().await;
            [
                "#view=",
                "&color=label",
                "&threshold=0.3",
                "&prompt=chair,+box",
            ]
            .iter()
            .chain([&format!("&selected={id}").as_str()])
            .all(|part| address.contains(part))
        })
        .await;
        let seen = page.picture().await;
        page.catch_copies().await;
        page.press("view-menu-button").await;
        page.press("copy-view").await;
        page.until("the copy", STEP, async || page.copied().await.is_some())
            .await;
        let copied = page.copied().await.unwrap();
        let fragment = copied.split_once('#').unwrap().1;
        page.until("the same in the address", STEP, async || {
            page.address().await.ends_with(&format!("#{fragment}"))
        })
        .await;
        assert!(fragment.len() < 120, "{fragment}");
        let address = page.address().await;
        assert!(copied.contains("/office.segscape#"), "{copied}");

        let guest = stand.visit(&address, Visit::DESKTOP).await;
        guest.prefer(true).await;
        guest.until_done().await;
        guest
            .until("the same rows", STEP, async || guest.rows().await == rows)
            .await;
        assert_eq!(guest.value("prompt-input").await, "chair, box");
        assert_eq!(guest.value("color-by").await, "Label");
        until_seen(&guest, &seen, "the view of the link").await;

        // Another view of the same scene needs no other page.
        guest
            .set_fragment("threshold=0.5&selected=999&view=0,0,0,1e30,0,0")
            .await;
        guest
            .until("the threshold", STEP, async || {
                guest.value("threshold").await == "0.5"
            })
            .await;
        assert_eq!(guest.value("color-by").await, "Label");
        assert_eq!(guest.selected().await, Some(id));
        until_seen(&guest, &seen, "the view as before").await;
        assert_eq!(guest.errors().await, [] as [&str; 0]);
    });
}

#[test]
fn the_address_wins_over_the_sender_and_over_what_is_remembered() {
    story(async |stand| {
        let page = stand
            .visit("/?backend=cpu&renderer=2d", Visit::DESKTOP)
            .await;
        page.prefer(true).await;
        page.choose(&stand.office()).await;
        page.until_done().await;
        page.press("view-menu-button").await;
        assert!(page.exists("link-button").await, "nobody else has the file");
        page.press("view-menu-button").await;
        page.ask("couch").await;
        page.keys("viewer-canvas", "2").await;
        let sent = page.share().await;

        let view = "#view=3,2.5,0.5,9,120,40&color=height&threshold=0.2&prompt=chair";
        let guest = stand
            .visit(&format!("{}{view}", sent.link), Visit::DESKTOP)
            .await;
        guest.prefer(true).await;
        guest.until_done().await;
        guest
            .until("the prompt", STEP, async || {
                let rows = guest.rows().await;
                rows.len() == 3 && rows.iter().all(|row| row.name == "chair")
            })
            .await;
        assert_eq!(guest.value("color-by").await, "Height");
        assert_eq!(guest.value("threshold").await, "0.2");
        let asked = guest.picture().await;
        // Who sent it sees another view.
        guest.go(&sent.link).await;
        guest.until_done().await;
        assert_eq!(guest.value("prompt-input").await, "couch");
        assert!(guest.picture().await.difference(&asked) > SAME_VIEW);

        // Hostile values change nothing, alone or beside good ones.
        // The address follows what is on screen to the end.
        guest
            .until("the address", STEP, async || {
                guest.address().await.contains("&color=instance")
            })
            .await;
        let plain = guest.picture().await;
        for hostile in [
            "#view=NaN,0,0,1,1,1&threshold=-1&color=%3Cimg%20src=x%3E&selected=-1",
            "#view=1,2,3&threshold=Infinity&selected=4294967296&color=",
            "#%00%ff&&&=&view",
        ] {
            guest.go(&format!("{}{hostile}", sent.link)).await;
            guest.until_done().await;
            assert_eq!(guest.value("prompt-input").await, "couch", "{hostile}");
            until_seen(&guest, &plain, hostile).await;
        }
        assert_eq!(guest.errors().await, [] as [&str; 0]);
    });
}

#[test]
fn the_secret_leaves_the_address_and_stays_in_the_page_and_its_tab() {
    story(async |stand| {
        let page = stand
            .visit("/?backend=cpu&renderer=2d", Visit::DESKTOP)
            .await;
        page.choose(&stand.office()).await;
        page.until_done().await;
        let sent = page.share().await;
        let (_, secret) = sent.secret_link.split_once("#manage=").unwrap();

        let owner = stand.visit(&sent.secret_link, Visit::DESKTOP).await;
        owner.until_done().await;
        assert!(owner.exists("delete-button").await);
        assert!(!owner.address().await.contains(secret), "others may see it");
        assert_eq!(owner.text("delete-link").await, sent.secret_link);
        owner.catch_copies().await;
        owner
            .press_css("[data-testid='delete-link'] ~ .actions [data-testid='copy-link']")
            .await;
        owner
            .until("the copy", STEP, async || owner.copied().await.is_some())
            .await;
        assert_eq!(owner.copied().await, Some(sent.secret_link.clone()));
        owner.keep_picture("links-secret").await;
        owner.close_sharing().await;

        // From now on the address follows the view, like any other.
        owner.keys("viewer-canvas", "3").await;
        owner
            .until("the address", STEP, async || {
                owner.address().await.contains("color=label")
            })
            .await;
        let address = owner.address().await;
        assert!(!address.contains(secret), "{address}");
        owner.go(&address).await;
        owner.until_done().await;
        assert!(
            !owner.exists("delete-button").await,
            "nothing unfolds itself"
        );
        owner.press("share-button").await;
        assert!(owner.exists("delete-button").await);
        owner.close_sharing().await;
        // The link with the secret, once more, in the address of the open page.
        owner.set_fragment(&format!("manage={secret}")).await;
        owner
            .until("the dialog", STEP, async || {
                owner.exists("delete-button").await
            })
            .await;
        assert!(!owner.address().await.contains(secret));
        owner.press("delete-button").await;
        owner
            .until("the scene to go", STEP, async || stand.stored().is_empty())
            .await;
        owner
            .until("the secret to go", STEP, async || {
                !owner.kept().await.contains(secret)
            })
            .await;
        assert_eq!(owner.errors().await, [] as [&str; 0]);
    });
}

#[test]
fn what_a_link_asks_is_downloaded_only_if_its_viewer_wants_that() {
    const SITS: &str = "the thing one sits on";
    const SLEEPS: &str = "the thing one sleeps in";
    story(async |stand| {
        let page = stand
            .visit("/?backend=cpu&renderer=2d", Visit::DESKTOP)
            .await;
        page.choose(&stand.office()).await;
        page.until_done().await;
        page.ask_in_own_words(SITS).await;
        let sent = page.share().await;

        let guest = stand.visit(&sent.link, Visit::PHONE).await;
        guest.until_done().await;
        assert_eq!(guest.value("prompt-input").await, SITS);
        let offer = guest.text("look-for").await;
        assert!(offer.contains(SITS), "{offer}");
        assert!(
            offer.contains("downloads") && offer.ends_with("MB"),
            "{offer}"
        );
        assert_eq!(guest.rows().await.len(), 9, "all things are there");
        assert_eq!(guest.cached_files().await, 0, "nothing was downloaded");
        guest.keep_picture("links-own-words").await;
        assert_eq!(guest.flaws().await, [] as [&str; 0]);

        // Nor does the fragment of an address download anything.
        let chips = async || {
            let chips = guest.chips().await.into_iter();
            chips.map(|chip| chip.name).collect::<Vec<_>>()
        };
        guest.set_fragment(&format!("prompt=chair, {SLEEPS}")).await;
        guest
            .until("the words that need no download", STEP, async || {
                chips().await == ["chair"] && guest.text("look-for").await.contains(SLEEPS)
            })
            .await;
        assert_eq!(guest.cached_files().await, 0, "nothing was downloaded");

        // Who presses gets it, and is not asked again.
        guest.press("look-for").await;
        guest
            .until("the answer", STEP * 3, async || {
                chips().await == ["chair", SLEEPS]
            })
            .await;
        assert!(guest.cached_files().await > 0);
        guest.go(&sent.link).await;
        guest.until_done().await;
        guest
            .until("the sender's answer", STEP * 3, async || {
                chips().await == [SITS]
            })
            .await;
        assert!(!guest.exists("look-for").await);
        assert_eq!(guest.errors().await, [] as [&str; 0]);
    });
}

#[test]
fn a_scan_from_elsewhere_has_a_link_that_sends_nothing() {
    story(async |stand| {
        let scan = fs::read(stand.thin_room()).unwrap();
        let server = Elsewhere::serve([("/room.ply".to_owned(), scan)]).await;
        let path = format!("/?backend=cpu&renderer=2d&scene={}/room.ply", server.origin);
        let page = stand.visit(&path, Visit::DESKTOP).await;
        page.until_done().await;
        page.keys("viewer-canvas", "5").await;
        page.press("share-button").await;
        let link = page.text("url-link").await;
        let expected = format!("{}/?scene={}/room.ply#view=", stand.origin, server.origin);
        assert!(link.starts_with(&expected), "{link}");
        page.keep_picture("links-by-url").await;
        assert!(stand.stored().is_empty());
        let rows = page.rows().await;
        page.go(&link).await;
        page.until_done().await;
        assert_eq!(page.rows().await, rows);
        assert_eq!(page.value("color-by").await, "Height");
        assert_eq!(page.errors().await, [] as [&str; 0]);
    });
}
