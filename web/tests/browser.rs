//! Tests that run in a browser, in a dedicated worker as the product does.
#![cfg(target_family = "wasm")]

use proofs::{
    cases::{
        affine, attention, clip, gelu, images, masked_softmax, matmul, network, published,
        segment_mean, sine, sparse_conv, variants::VARIANTS,
    },
    device,
};
use segscape::ops::Tuning;
use wasm_bindgen_test::{console_log, wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_dedicated_worker);

fn assert_none(complaints: &[String]) {
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

#[wasm_bindgen_test]
async fn operations_on_webgpu() {
    segscape::platform::start();
    console_error_panic_hook::set_once();
    let gpu = device::gpu().await;
    assert_none(&sparse_conv::check(&gpu).await);
    assert_none(&sparse_conv::check_pyramids(&gpu).await);
    assert_none(&affine::check(&gpu).await);
    assert_none(&segment_mean::check(&gpu).await);
    assert_none(&matmul::check(&gpu).await);
    assert_none(&masked_softmax::check(&gpu).await);
    assert_none(&attention::check(&gpu).await);
    assert_none(&sine::check(&gpu).await);
    assert_none(&gelu::check(&gpu).await);
    assert_none(&network::check(&gpu).await);
    assert_none(&published::check(&gpu).await);
    // The default variants were proved above.
    for variant in VARIANTS
        .into_iter()
        .filter(|it| it.tuning != Tuning::default())
    {
        match variant.lacks(&gpu) {
            Some(feature) => console_log!("{}: this browser has no {feature}", variant.name),
            None => assert_none(&variant.check(&gpu).await),
        }
    }
}

#[wasm_bindgen_test]
async fn operations_on_the_cpu() {
    segscape::platform::start();
    console_error_panic_hook::set_once();
    assert_none(&sparse_conv::check(&device::cpu()).await);
    assert_none(&sparse_conv::check_pyramids(&device::cpu()).await);
    assert_none(&affine::check(&device::cpu()).await);
    assert_none(&segment_mean::check(&device::cpu()).await);
    assert_none(&matmul::check(&device::cpu()).await);
    assert_none(&masked_softmax::check(&device::cpu()).await);
    assert_none(&attention::check(&device::cpu()).await);
    assert_none(&sine::check(&device::cpu()).await);
    assert_none(&gelu::check(&device::cpu()).await);
    assert_none(&published::check(&device::cpu()).await);
}

#[wasm_bindgen_test]
async fn clip_on_both() {
    segscape::platform::start();
    console_error_panic_hook::set_once();
    assert_none(&clip::check(&device::cpu()).await);
    assert_none(&clip::check(&device::gpu().await).await);
}

#[wasm_bindgen_test]
async fn models_of_images_as_pytorch_runs_them() {
    segscape::platform::start();
    console_error_panic_hook::set_once();
    assert_none(&images::check().await);
}
