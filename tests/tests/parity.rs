//! Every operation computes the result of its definition, on the CPU and on a GPU with the kernels.
//! The same list runs in `browser.rs`.
#![cfg(not(target_family = "wasm"))]

use std::fs;

use burn::tensor::DType;
use proofs::{
    cases::{
        affine, attention, clip, gelu, images, masked_softmax, matmul, network, published,
        segment_mean, sine, sparse_conv,
        variants::{Operation, VARIANTS},
    },
    device,
};
use segscape::ops::{SoftmaxRow, Tiles, Tuning};

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
fn kernel_maps_of_all_levels_on_the_cpu() {
    assert_none(&pollster::block_on(sparse_conv::check_pyramids(
        &device::cpu(),
    )));
}

#[test]
fn kernel_maps_of_all_levels_on_the_smallest_gpu() {
    assert_none(&pollster::block_on(sparse_conv::check_pyramids(
        &device::smallest_gpu(),
    )));
}

/// 2D models run on the CPU wherever they run.
#[test]
fn models_of_images_as_pytorch_runs_them() {
    assert_none(&pollster::block_on(images::check()));
}

/// Proves each variant on a device of its own.
#[test]
fn every_variant_on_a_gpu_of_its_own() {
    for variant in VARIANTS {
        let gpu = device::another_smallest_gpu();
        assert_eq!(variant.lacks(&gpu), None, "{}", variant.name);
        assert_none(&pollster::block_on(variant.check(&gpu)));
        eprintln!("proved: {}", variant.name);
    }
}

#[test]
fn no_variant_is_without_a_case() {
    let has = |operation, chosen: &dyn Fn(Tuning) -> bool| {
        let mut cases = VARIANTS.iter().filter(|case| case.operation == operation);
        cases.any(|case| chosen(case.tuning))
    };
    for tiles in Tiles::ALL {
        assert!(
            has(Operation::Product, &|tuning| tuning.product == tiles),
            "{tiles:?}"
        );
        for storage in [DType::F32, DType::F16] {
            let chosen = |tuning: Tuning| tuning.convolution == tiles && tuning.storage == storage;
            assert!(
                has(Operation::Convolution, &chosen),
                "{tiles:?} {storage:?}"
            );
        }
    }
    for operation in [Operation::Product, Operation::Convolution] {
        assert!(has(operation, &|tuning| tuning.split), "{operation:?}");
    }
    for row in SoftmaxRow::ALL {
        assert!(
            has(Operation::Softmax, &|tuning| tuning.softmax == row),
            "{row:?}"
        );
    }
    // Files of variants are named after their operation.
    for file in fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../wgsl")).expect("shaders") {
        let name = file.expect("shaders").path().with_extension("");
        let name = name
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        if ["_shared", "_subgroups"]
            .iter()
            .any(|suffix| name.ends_with(suffix))
        {
            assert!(VARIANTS.iter().any(|case| case.name == name), "{name}");
        }
    }
}

/// Measuring chooses a tuning for one device only, and the network is the same with it.
#[test]
fn the_network_on_a_gpu_that_was_measured() {
    let (measured, other) = (
        device::another_smallest_gpu(),
        device::another_smallest_gpu(),
    );
    let untouched = Tuning {
        softmax: SoftmaxRow::Workgroup,
        ..Tuning::default()
    };
    untouched.apply(&other.device);
    let chosen = pollster::block_on(Tuning::measure(&measured.device, measured.subgroups));
    let chosen = chosen.expect("the device computes");
    assert_eq!(chosen, Tuning::of(&measured.device));
    assert_eq!(Tuning::of(&other.device), untouched);
    assert_none(&pollster::block_on(network::check(&measured)));
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
fn gelu_on_the_cpu() {
    assert_none(&pollster::block_on(gelu::check(&device::cpu())));
}

#[test]
fn gelu_on_the_smallest_gpu() {
    assert_none(&pollster::block_on(gelu::check(&device::smallest_gpu())));
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
fn clip_on_the_cpu() {
    assert_none(&pollster::block_on(clip::check(&device::cpu())));
}

#[test]
fn clip_on_the_smallest_gpu() {
    assert_none(&pollster::block_on(clip::check(&device::smallest_gpu())));
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
