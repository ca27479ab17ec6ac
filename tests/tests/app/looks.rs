//! Nothing overlaps, extends beyond the window or is cut off in any state, on a desktop and on a
//! phone. Pictures of all states are kept for inspection.

use proofs::app::{Page, STEP, Visit, story};

#[test]
fn every_state_is_whole_on_a_desktop() {
    story(async |stand| every_state(stand, "desktop", Visit::LARGE_DESKTOP).await);
}

#[test]
fn every_state_is_whole_on_a_phone() {
    story(async |stand| every_state(stand, "phone", Visit::PHONE).await);
}

async fn every_state(stand: &proofs::app::Stand, screen: &str, visit: Visit) {
    let page = stand.visit("/?backend=cpu", visit).await;
    let look = async |state: &str| assert_whole(&page, &format!("{screen}-{state}")).await;
    look("1-empty").await;

    page.choose(&stand.file("no scan.ply", b"")).await;
    page.until("the error", STEP, async || page.exists("error").await)
        .await;
    look("2-error").await;

    page.choose(&stand.room()).await;
    if visit == Visit::PHONE {
        page.until("the points", STEP * 4, async || page.exists("find").await)
            .await;
        look("3-waiting").await;
        page.find_things().await;
    }
    page.until("the network at work", STEP * 4, async || {
        page.stages()
            .await
            .iter()
            .any(|stage| stage.name == "Backbone")
    })
    .await;
    look("3-progress").await;

    page.until_done().await;
    page.picture().await;
    look("4-things").await;

    let known = page
        .rows()
        .await
        .first()
        .map(|row| row.name.clone())
        .expect("something was found");
    page.ask(&format!("{known} . door, sofa, elephant, -lamp"))
        .await;
    let first = page.rows().await.first().map(|row| row.id);
    page.press_row(first.expect("something was found")).await;
    page.picture().await;
    look("5-selected").await;
    page.press("asked-before-button").await;
    look("5-asked-before").await;
    page.press("asked-before-button").await;

    page.offer_to_share().await;
    look("6-sharing").await;
    page.press("send-button").await;
    page.until("the link", STEP, async || page.exists("share-link").await)
        .await;
    look("6-shared").await;
    page.close_sharing().await;

    page.press_css("[aria-label='Help and shortcuts']").await;
    page.until("the help", STEP, async || page.help_is_open().await)
        .await;
    page.keep_picture(&format!("{screen}-7-help")).await;
}

async fn assert_whole(page: &Page, name: &str) {
    page.keep_picture(name).await;
    assert_eq!(page.flaws().await, [] as [&str; 0], "in the state {name}");
}
