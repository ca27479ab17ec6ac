#![allow(clippy::unwrap_used)]
//! The passes against their formulas in f64.

use proofs::{
    cases::{noise, tensor},
    device,
};

use super::*;

const BY: Descent = Descent {
    scale: 0.5,
    beta: [0.9, 0.999],
    unbias: [0.1, 0.001],
    epsilon: 1e-8,
    keep: 0.99,
    rate: 0.01,
};

fn read<const D: usize>(tensor: &Tensor<D>) -> Vec<f32> {
    tensor.clone().into_data().iter::<f32>().collect()
}

fn assert_close(what: &str, got: &[f32], want: impl IntoIterator<Item = f64>) {
    for (i, (got, want)) in got.iter().zip(want).enumerate() {
        assert!(
            (f64::from(*got) - want).abs() <= 1e-5 * want.abs().max(1.0),
            "{what}, value {i}: {got} instead of {want}"
        );
    }
}

#[test]
fn passes_do_what_their_formulas_say_and_touch_nothing_that_others_hold() {
    // more than one block
    let (rows, columns) = (150, 131);
    let count = rows * columns;
    for (on, device) in [
        ("cpu", device::cpu().device),
        ("gpu", pollster::block_on(device::gpu()).device),
    ] {
        let (x, g, m) = (noise(1, count), noise(2, count), noise(3, count));
        let s: Vec<f32> = noise(4, count).into_iter().map(f32::abs).collect();
        let of = |x: &[f32]| tensor(x, [count], &device);
        let whole = |x: &[f32]| tensor(x, [rows, columns], &device);
        let [value, mean, square] = [whole(&x).reshape([count]), of(&m), of(&s)];
        let held = (value.clone(), mean.clone(), square.clone());
        let (moved, [new_mean, new_square]) = descend(
            value.reshape([rows, columns]),
            whole(&g),
            [mean, square],
            BY,
        );
        let f = f64::from;
        let slope = |i: usize| f(g[i]) * f(BY.scale);
        let means = |i: usize| f(m[i]) * f(BY.beta[0]) + slope(i) * (1.0 - f(BY.beta[0]));
        let squares =
            |i: usize| f(s[i]) * f(BY.beta[1]) + slope(i) * slope(i) * (1.0 - f(BY.beta[1]));
        let direction = |i: usize| {
            means(i) / f(BY.unbias[0]) / ((squares(i) / f(BY.unbias[1])).sqrt() + f(BY.epsilon))
        };
        assert_close(
            &format!("mean on the {on}"),
            &read(&new_mean),
            (0..count).map(means),
        );
        assert_close(
            &format!("square on the {on}"),
            &read(&new_square),
            (0..count).map(squares),
        );
        let want = (0..count).map(|i| f(x[i]) * f(BY.keep) - direction(i) * f(BY.rate));
        assert_close(&format!("value on the {on}"), &read(&moved), want);
        assert_eq!(
            (read(&held.0), read(&held.1), read(&held.2)),
            (x.clone(), m.clone(), s.clone()),
            "held by others on the {on}"
        );

        let sum = read(&sum_of_squares(whole(&x).transpose()));
        let want = x.iter().map(|x| f(*x) * f(*x)).sum::<f64>();
        assert!(
            (f(sum[0]) - want).abs() < 1e-5 * want,
            "{} instead of {want} on the {on}",
            sum[0]
        );
        let near = read(&approach(of(&m), of(&x), 0.75));
        assert_close(
            &format!("approach on the {on}"),
            &near,
            (0..count).map(|i| 0.75 * f(m[i]) + 0.25 * f(x[i])),
        );
    }
}
