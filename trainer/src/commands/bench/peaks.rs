//! Measures the most that a device reaches: operations per second of dense products, and bytes per
//! second of passes over tensors that no cache holds.

use burn::tensor::{DType, Device, Tensor};
use segscape::ops::matmul;
use serde_json::json;

use super::{
    Bench, print,
    timing::{fastest, milliseconds},
};

/// Edges of the square products, in ascending order.
const EDGES: [usize; 5] = [512, 1024, 2048, 4096, 8192];
/// Milliseconds of a product after which no larger one is measured.
const LONG: f64 = 300.0;
/// Values of the tensors that are read and written: 128 MiB, which every device binds.
const VALUES: usize = 32 << 20;
/// The same where little is measured.
const FEW_VALUES: usize = 4 << 20;

/// Prints one row per size and kind.
///
/// # Errors
/// If the device fails.
pub fn run(bench: &Bench, device: &Device) -> anyhow::Result<()> {
    let types = [DType::F32, DType::F16]
        .into_iter()
        .filter(|dtype| device.supports_dtype(*dtype));
    for dtype in types {
        for edge in EDGES {
            let [a, b] =
                [0.5, 0.25].map(|value| Tensor::<2>::full([edge, edge], value, device).cast(dtype));
            let ways: [(&str, &dyn Fn() -> Tensor<2>); 2] = [
                ("burn's", &|| a.clone().matmul(b.clone())),
                ("as chosen", &|| matmul(a.clone(), b.clone())),
            ];
            // Ours converts to f32.
            let ways = &ways[..if dtype == DType::F32 { 2 } else { 1 }];
            let mut least = f64::INFINITY;
            for (way, product) in ways {
                // The first run may compile and try kernels.
                milliseconds(device, 1, product)?;
                let ms = fastest(device, bench.runs, product)?;
                let gflops = 2e-6 * (edge as f64).powi(3) / ms;
                let name = format!("{dtype:?}").to_lowercase();
                let row = json!({ "peak": "product", "type": name, "shader": way, "edge": edge, "ms": ms, "gflops": gflops });
                let text =
                    format!("product {name} {edge:5} {way:9} {ms:9.3} ms, {gflops:9.1} GFLOPS");
                print(bench, &row, &text)?;
                least = least.min(ms);
            }
            if least > LONG || (bench.quick && least > LONG / 8.0) {
                break;
            }
        }
    }
    let values = if bench.quick { FEW_VALUES } else { VALUES };
    let [x, y] = [0.5, 0.25].map(|value| Tensor::<1>::full([values], value, device));
    let passes: [(&str, usize, &dyn Fn() -> Tensor<1>); 2] = [
        ("scale", 2, &|| x.clone() * 3.0),
        ("add", 3, &|| x.clone() + y.clone()),
    ];
    for (kind, tensors, pass) in passes {
        let ms = fastest(device, bench.runs, pass)?;
        let bytes = tensors * values * size_of::<f32>();
        let speed = bytes as f64 / ms / 1e6;
        let row = json!({ "peak": "bandwidth", "kind": kind, "megabytes": bytes as f64 / 1e6, "ms": ms, "gigabytes_per_second": speed });
        let text = format!("{kind:7} {values} values {ms:9.3} ms, {speed:9.1} GB/s");
        print(bench, &row, &text)?;
    }
    Ok(())
}
