//! Every operation computes what its definition says: on the CPU, and on a GPU with the shaders. The same list runs in `browser.rs`.
#![cfg(not(target_family = "wasm"))]

use proofs::{
    cases::{attention, masked_softmax, matmul, network, published, segment_mean, sine, sparse_conv},
    device,
};

fn assert_none(complaints: &[String]) {
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

#[test]
fn sparse_conv_on_the_cpu() {
    assert_none(&pollster::block_on(sparse_conv::check(&device::cpu())));
}

#[test]
fn sparse_conv_on_a_gpu() {
    assert_none(&pollster::block_on(async { sparse_conv::check(&device::gpu().await).await }));
}

#[test]
fn segment_mean_on_the_cpu() {
    assert_none(&pollster::block_on(segment_mean::check(&device::cpu())));
}

#[test]
fn segment_mean_on_a_gpu() {
    assert_none(&pollster::block_on(async { segment_mean::check(&device::gpu().await).await }));
}

#[test]
fn matmul_on_the_cpu() {
    assert_none(&pollster::block_on(matmul::check(&device::cpu())));
}

#[test]
fn matmul_on_a_gpu() {
    assert_none(&pollster::block_on(async { matmul::check(&device::gpu().await).await }));
}

#[test]
fn masked_softmax_on_the_cpu() {
    assert_none(&pollster::block_on(masked_softmax::check(&device::cpu())));
}

#[test]
fn masked_softmax_on_a_gpu() {
    assert_none(&pollster::block_on(async { masked_softmax::check(&device::gpu().await).await }));
}

#[test]
fn attention_on_the_cpu() {
    assert_none(&pollster::block_on(attention::check(&device::cpu())));
}

#[test]
fn attention_on_a_gpu() {
    assert_none(&pollster::block_on(async { attention::check(&device::gpu().await).await }));
}

#[test]
fn sine_on_the_cpu() {
    assert_none(&pollster::block_on(sine::check(&device::cpu())));
}

#[test]
fn sine_on_a_gpu() {
    assert_none(&pollster::block_on(async { sine::check(&device::gpu().await).await }));
}

#[test]
fn the_network_on_a_gpu() {
    assert_none(&pollster::block_on(async { network::check(&device::gpu().await).await }));
}

#[test]
fn the_published_networks_on_the_cpu() {
    assert_none(&pollster::block_on(published::check(&device::cpu())));
}

#[test]
fn the_published_networks_on_a_gpu() {
    assert_none(&pollster::block_on(async { published::check(&device::gpu().await).await }));
}
