//! Tests the GELU against a series in f64.

use segscape::ops::gelu;

use super::{noise, poison, tensor};
use crate::device::Subject;

/// Numbers of values, around the vectors of a CPU and a workgroup of 64.
const CASES: &[usize] = &[0, 1, 7, 63, 65, 40_000];
const TOLERANCE: f64 = 1.5e-6;

/// `x` times the share of the normal distribution below it, by the series of the error function.
fn exact(x: f64) -> f64 {
    let mut term = x;
    let mut sum = x;
    for n in 1..200 {
        term *= x * x / f64::from(2 * n + 1);
        sum += term;
    }
    x * (0.5 + sum * (-x * x / 2.0).exp() / std::f64::consts::TAU.sqrt())
}

/// Returns a description of every case in which the device's values are inaccurate.
pub async fn check(subject: &Subject) -> Vec<String> {
    let mut complaints = Vec::new();
    for &count in CASES {
        let x: Vec<f32> = noise(1, count).into_iter().map(|x| x * 5.0).collect();
        poison(&subject.device, [count.max(1), 1]);
        match gelu(tensor(&x, [count], &subject.device))
            .into_data_async()
            .await
            .map(|data| data.try_to_vec::<f32>())
        {
            Ok(Ok(found)) => {
                let off = |(y, x): (&f32, &f32)| (f64::from(*y) - exact(f64::from(*x))).abs();
                let offs = found.iter().zip(&x).map(off);
                let wrong = offs.filter(|off| off.is_nan() || *off > TOLERANCE).count();
                if found.len() != count || wrong > 0 {
                    let found = found.len();
                    complaints.push(format!("{wrong} of {found} of {count} GELUs are off"));
                }
            }
            error => complaints.push(format!("{count} GELUs: {error:?}")),
        }
    }
    complaints
}
