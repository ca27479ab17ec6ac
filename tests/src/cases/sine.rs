//! Tests sines against f64.

use segscape::ops::sine;

use super::{noise, poison, tensor};
use crate::device::Subject;

/// Numbers of values, around a workgroup of 64.
const CASES: &[usize] = &[0, 1, 63, 64, 65, 10_000];
/// Rounding error of turns in the polynomial, times 2 pi.
const TOLERANCE: f64 = 1.5e-6;

/// Returns a description of every case in which the device's sines are inaccurate.
pub async fn check(subject: &Subject) -> Vec<String> {
    let mut complaints = Vec::new();
    for &count in CASES {
        let turns: Vec<f32> = noise(1, count).into_iter().map(|v| v * 2.0).collect();
        poison(&subject.device, [count.max(1), 1]);
        match sine(tensor(&turns, [count], &subject.device))
            .into_data_async()
            .await
            .map(|data| data.try_to_vec::<f32>())
        {
            Ok(Ok(sines)) => {
                let off = |(sine, turn): (&f32, &f32)| {
                    (f64::from(*sine) - (f64::from(*turn) * std::f64::consts::TAU).sin()).abs()
                };
                let worst = sines
                    .iter()
                    .zip(&turns)
                    .map(off)
                    .fold(0.0, |worst: f64, off| {
                        if off > worst || off.is_nan() {
                            off
                        } else {
                            worst
                        }
                    });
                if sines.len() != count || worst.is_nan() || worst > TOLERANCE {
                    complaints.push(format!(
                        "{} of {count} sines are off by up to {worst}",
                        sines.len()
                    ));
                }
            }
            error => complaints.push(format!("{count} sines: {error:?}")),
        }
    }
    complaints
}
