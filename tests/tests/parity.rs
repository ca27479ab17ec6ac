//! Every operation computes the result of its definition, on the CPU and on a GPU with the kernels.
//! The same list runs in `browser.rs`.
#![cfg(not(target_family = "wasm"))]

use proofs::{
    cases::{
        affine, attention, check_variants, masked_softmax, matmul, network, published,
        segment_mean, sine, sparse_conv,
    },
    device,
};
use segscape::ops::Tuning;

fn assert_none(complaints: &[String]) {
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

#[test]
fn sparse_conv_on_the_cpu() {
    assert_none(&pollster::block_on(sparse_conv::check(&device::cpu())));
}

#[test]
fn sparse_conv_on_the_smallest_gpu() {
    assert_none(&pollster::block_on(sparse_conv::check(
        &device::smallest_gpu(),
    )));
}

#[test]
fn shaders_chosen_by_measuring_on_the_smallest_gpu() {
    assert_none(&pollster::block_on(check_variants(&device::smallest_gpu())));
}

/// The network computes the same result, whatever kernels the measurement chooses.
#[test]
fn the_network_on_a_gpu_that_was_measured() {
    let gpu = pollster::block_on(device::gpu());
    pollster::block_on(Tuning::measure(&gpu.device, gpu.subgroups)).expect("the device computes");
    let complaints = pollster::block_on(network::check(&gpu));
    Tuning::default().apply(&gpu.device);
    assert_none(&complaints);
}

#[test]
fn affine_on_the_cpu() {
    assert_none(&pollster::block_on(affine::check(&device::cpu())));
}

#[test]
fn affine_on_the_smallest_gpu() {
    assert_none(&pollster::block_on(affine::check(&device::smallest_gpu())));
}

#[test]
fn segment_mean_on_the_cpu() {
    assert_none(&pollster::block_on(segment_mean::check(&device::cpu())));
}

#[test]
fn segment_mean_on_the_smallest_gpu() {
    assert_none(&pollster::block_on(segment_mean::check(
        &device::smallest_gpu(),
    )));
}

#[test]
fn matmul_on_the_cpu() {
    assert_none(&pollster::block_on(matmul::check(&device::cpu())));
}

#[test]
fn matmul_on_the_smallest_gpu() {
    assert_none(&pollster::block_on(matmul::check(&device::smallest_gpu())));
}

#[test]
fn masked_softmax_on_the_cpu() {
    assert_none(&pollster::block_on(masked_softmax::check(&device::cpu())));
}

#[test]
fn masked_softmax_on_the_smallest_gpu() {
    assert_none(&pollster::block_on(masked_softmax::check(
        &device::smallest_gpu(),
    )));
}

#[test]
fn attention_on_the_cpu() {
    assert_none(&pollster::block_on(attention::check(&device::cpu())));
}

#[test]
fn attention_on_the_smallest_gpu() {
    assert_none(&pollster::block_on(attention::check(
        &device::smallest_gpu(),
    )));
}

#[test]
fn sine_on_the_cpu() {
    assert_none(&pollster::block_on(sine::check(&device::cpu())));
}

#[test]
fn sine_on_the_smallest_gpu() {
    assert_none(&pollster::block_on(sine::check(&device::smallest_gpu())));
}

/// Tests the tensors that the smallest GPU skips: those that are bound block by block.
#[test]
fn tensors_beyond_one_binding_on_a_gpu() {
    let Some(gpu) = device::large_gpu() else {
        return;
    };
    let complaints = pollster::block_on(async {
        [
            sparse_conv::check(&gpu).await,
            segment_mean::check(&gpu).await,
            matmul::check(&gpu).await,
            masked_softmax::check(&gpu).await,
        ]
        .concat()
    });
    assert_none(&complaints);
}

#[test]
fn the_network_on_the_smallest_gpu() {
    assert_none(&pollster::block_on(network::check(&device::smallest_gpu())));
}

#[test]
fn the_published_networks_on_the_cpu() {
    assert_none(&pollster::block_on(published::check(&device::cpu())));
}

#[test]
fn the_published_networks_on_the_smallest_gpu() {
    assert_none(&pollster::block_on(published::check(
        &device::smallest_gpu(),
    )));
}
