//! Measures attention with a mask at the widths of the published networks.

use burn::tensor::{Device, Distribution, Tensor};
use segscape::ops::attention;
use serde_json::json;

use super::{Bench, memory, print, shown, timing::fastest};

/// Number of queries, which is also the number of keys.
const SIZES: [usize; 3] = [500, 1000, 3000];
const HEADS: usize = 8;
/// Width of a query and of a key: content and position.
const WIDTH: usize = 64;
const VALUE_WIDTH: usize = 32;

/// Prints one row per size: the fastest of all runs, and the memory that this program needed in
/// addition to the inputs.
pub fn run(bench: &Bench, device: &Device) -> anyhow::Result<()> {
    for size in SIZES {
        let random =
            |shape: [usize; 3]| Tensor::<3>::random(shape, Distribution::Normal(0.0, 1.0), device);
        let [query, key, value] =
            [WIDTH, WIDTH, VALUE_WIDTH].map(|width| random([HEADS, size, width]));
        let mask = random([1, size, size]).squeeze_dim::<2>(0);
        device.sync()?;
        memory::forget_peak();
        let before = memory::peak_mib();
        let ms = fastest(device, bench.runs, || {
            attention(
                query.clone(),
                key.clone(),
                value.clone(),
                Some(mask.clone()),
            )
        })?;
        let mib = memory::peak_mib()
            .zip(before)
            .map(|(peak, before)| peak - before);
        let gflops = 2e-6 * (HEADS * size * size * (WIDTH + VALUE_WIDTH)) as f64 / ms;
        let numbers = HEADS * size * 2 * (WIDTH + VALUE_WIDTH) + size * size;
        let megabytes = (numbers * size_of::<f32>()) as f64 / 1e6;
        let row = json!({ "operation": "attention", "size": format!("{HEADS} x {size} x {size}"),
            "gigaflop": gflops * ms / 1e3, "megabytes": megabytes, "gigabytes_per_second": megabytes / ms, "queries": size, "keys": size, "heads": HEADS, "ms": ms, "gflops": gflops, "more_mib": mib });
        print(
            bench,
            &row,
            &format!(
                "attention {size:5} x {size:5} {ms:9.1} ms, {gflops:6.1} GFLOPS, {} more",
                shown(mib)
            ),
        )?;
    }
    Ok(())
}
