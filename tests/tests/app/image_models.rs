//! 2D models in the tab: added from disk and by address, tried on a picture, kept, refused,
//! deleted. The models are tiny ones with random weights (`golden/onnx`).

use std::path::PathBuf;

use image::{Rgb, RgbImage};
use proofs::{
    app::{Page, STEP, Stand, Visit, elsewhere::Elsewhere, story},
    golden,
};

/// Files of `golden/onnx`, copied to the folder of the story.
fn laid_out(stand: &Stand, names: &[&str]) -> Vec<PathBuf> {
    let copy = |name: &&str| stand.file(name, &golden::bytes(&format!("onnx/{name}")));
    names.iter().map(copy).collect()
}

/// Chooses several files at once.
async fn choose(page: &Page, files: &[PathBuf]) {
    let paths: Vec<&str> = files.iter().map(|file| file.to_str().unwrap()).collect();
    page.keys("model-input", &paths.join("\n")).await;
}

async fn until_says(page: &Page, testid: &str, words: &str) {
    let said = async || page.text(testid).await.contains(words);
    page.until(&format!("`{words}` in {testid}"), STEP * 2, said)
        .await;
}

#[test]
fn models_are_added_tried_kept_and_deleted() {
    story(async |stand| {
        let page = stand.visit("/?backend=cpu", Visit::DESKTOP).await;
        page.press("image-models").await;
        let names = ["sam.json", "sam.encoder.onnx", "sam.decoder.onnx"];
        let files = laid_out(stand, &names);

        // a manifest without its files, and a file that was changed, are refused by name
        choose(&page, &files[..1]).await;
        until_says(
            &page,
            "model-error",
            "sam.encoder.onnx, which was not chosen",
        )
        .await;
        let mut changed = golden::bytes("onnx/sam.decoder.onnx");
        changed[1000] ^= 1;
        stand.file("sam.decoder.onnx", &changed);
        choose(&page, &files).await;
        until_says(&page, "offer", "Apache-2.0").await;
        until_says(&page, "offer", "0.4 MB").await;
        page.press("add-model").await;
        until_says(&page, "model-error", "sam.decoder.onnx is not the file").await;
        assert!(!page.exists("model").await);

        let files = laid_out(stand, &names);
        choose(&page, &files).await;
        until_says(&page, "offer", "SAM ViT-B").await;
        page.press("add-model").await;
        until_says(&page, "models", "its hashes are right").await;
        assert!(!page.exists("model-remark").await, "SAM has none");

        let png = stand.file("picture.png", &sample());
        page.keys("sample-input", png.to_str().unwrap()).await;
        page.until("the picture", STEP, async || page.exists("sample").await)
            .await;
        page.press("sample").await;
        until_says(&page, "seen", "A mask with the score").await;

        // the browser keeps it
        page.go(&format!("{}/?backend=cpu", stand.origin)).await;
        page.press("image-models").await;
        until_says(&page, "models", "SAM ViT-B").await;

        // another one, by the address of its manifest
        let served = ["dinov2.json", "dinov2.onnx"];
        let elsewhere = Elsewhere::serve(
            served.map(|name| (format!("/{name}"), golden::bytes(&format!("onnx/{name}")))),
        )
        .await;
        let address = format!("{}/dinov2.json", elsewhere.origin);
        page.keys("model-url", &format!("{}\u{e007}", address))
            .await;
        until_says(&page, "offer", "DINOv2").await;
        until_says(&page, "offer", "0.1 MB").await;
        page.press("add-model").await;
        until_says(&page, "models", "its hashes are right").await;
        until_says(&page, "model-remark", "dinov2.onnx interpolates cubically").await;
        page.keys("sample-input", png.to_str().unwrap()).await;
        page.until("the picture", STEP, async || page.exists("sample").await)
            .await;
        page.press("sample").await;
        until_says(&page, "seen", "cells of 16 channels").await;

        // the list is in the order of the names
        page.press("delete-model").await;
        page.until("the first model to be deleted", STEP, async || {
            let text = page.text("models").await;
            !text.contains("DINOv2") && text.contains("SAM ViT-B")
        })
        .await;
        page.press("delete-model").await;
        page.until("the second model to be deleted", STEP, async || {
            !page.exists("model").await
        })
        .await;
    });
}

#[test]
fn the_list_fits_a_desktop() {
    story(async |stand| list_fits(stand, Visit::DESKTOP, "desktop").await);
}

#[test]
fn the_list_fits_a_tablet() {
    story(async |stand| list_fits(stand, Visit::TABLET, "tablet").await);
}

#[test]
fn the_list_fits_a_phone() {
    story(async |stand| list_fits(stand, Visit::PHONE, "phone").await);
}

async fn list_fits(stand: &Stand, visit: Visit, name: &str) {
    let page = stand.visit("/?backend=cpu", visit).await;
    let look = async |state: &str| {
        page.keep_picture(&format!("models-{state}-{name}")).await;
        assert_eq!(page.flaws().await, [] as [&str; 0], "in the state {state}");
    };
    page.press("image-models").await;
    until_says(&page, "model-busy", "").await;
    look("1-empty").await;
    choose(&page, &laid_out(stand, &["dinov2.json", "dinov2.onnx"])).await;
    until_says(&page, "offer", "DINOv2").await;
    look("2-offer").await;
    page.press("add-model").await;
    until_says(&page, "model-remark", "interpolates cubically").await;
    choose(&page, &laid_out(stand, &["sam.json"])).await;
    until_says(&page, "model-error", "sam.encoder.onnx").await;
    look("3-loaded").await;
    let png = stand.file("picture.png", &sample());
    page.keys("sample-input", png.to_str().unwrap()).await;
    page.until("the picture", STEP, async || page.exists("sample").await)
        .await;
    page.press("sample").await;
    until_says(&page, "seen", "cells of 16 channels").await;
    look("4-tried").await;
}

/// A picture, as PNG.
fn sample() -> Vec<u8> {
    let picture = RgbImage::from_fn(64, 48, |x, y| Rgb([(x * 4) as u8, (y * 5) as u8, 90]));
    let mut png = std::io::Cursor::new(vec![]);
    picture.write_to(&mut png, image::ImageFormat::Png).unwrap();
    png.into_inner()
}
