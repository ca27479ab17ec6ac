//! Tests segment means, selections and their transposes against sums over the individual points.

use segscape::ops::{SegmentMap, segment_mean};

use super::{differs, fits, noise, poison, tensor};
use crate::device::Subject;

/// The points of a case: the segment and the row of each.
#[derive(Clone, Copy, Debug)]
enum Points {
    /// Points spread over the rows, several per row, in segments from one point to most of the
    /// scene; the last segment is empty.
    Scan(usize),
    /// All points in one segment.
    One(usize),
    /// One segment per point.
    Each(usize),
}

/// Points, rows, segments, channels. Two of every three rows have no point, so their values must
/// not matter.
const CASES: &[(Points, usize, usize, usize)] = &[
    (Points::Scan(0), 0, 0, 4),
    (Points::Scan(0), 0, 3, 4),
    (Points::One(1), 1, 1, 1),
    (Points::Scan(5000), 1500, 40, 32),
    (Points::Scan(5000), 1500, 40, 7),
    (Points::Scan(3), 7, 9, 5),
    // One thread less than a workgroup of 64, exactly one workgroup, and one thread more.
    (Points::Each(63), 100, 63, 4),
    (Points::Each(64), 100, 64, 4),
    (Points::Each(65), 100, 65, 4),
    // The number of entries that one thread sums, one more, and so many that their partial sums
    // need a third pass.
    (Points::One(128), 200, 1, 8),
    (Points::One(129), 200, 1, 8),
    (Points::One(16_385), 30_000, 2, 3),
    // More than 65 535 workgroups.
    (Points::Each(262_145), 400_000, 262_145, 64),
    // More than one binding of 128 MiB.
    (Points::Scan(600_000), 540_000, 100, 64),
];

impl Points {
    /// Segment and row of every point.
    fn ids(self, rows: usize, segments: usize) -> (Vec<u32>, Vec<u32>) {
        let (Self::Scan(count) | Self::One(count) | Self::Each(count)) = self;
        let row = |point: usize| ((point * 7 % rows.max(1)) / 3 * 3) as u32;
        let unit = |v: f32| (v + 1.0) / 2.0;
        let segment = |(point, v): (usize, f32)| match self {
            Self::Scan(_) => (unit(v).powi(4) * (segments - 1) as f32) as u32,
            Self::One(_) => 0,
            Self::Each(_) => point as u32,
        };
        (
            noise(4, count)
                .into_iter()
                .enumerate()
                .map(segment)
                .collect(),
            (0..count).map(row).collect(),
        )
    }
}

/// Returns a description of every case in which the device's means are wrong.
pub async fn check(subject: &Subject) -> Vec<String> {
    let mut complaints = Vec::new();
    let device = &subject.device;
    for &(points, rows, segments, channels) in CASES {
        let what = |op: &str| {
            format!("{op} {points:?} {rows} rows, {segments} segments, {channels} channels")
        };
        let (segment_of_point, row_of_point) = points.ids(rows, segments);
        let map = SegmentMap::new(&segment_of_point, &row_of_point, segments, rows)
            .expect("ids of the cases are valid");
        if !fits(
            subject,
            &what("a case of"),
            channels * rows.max(segments).max(row_of_point.len()),
        ) {
            continue;
        }

        let mut count = vec![0.0f32; segments];
        segment_of_point
            .iter()
            .for_each(|&s| count[s as usize] += 1.0);
        let pairs = || {
            segment_of_point
                .iter()
                .zip(&row_of_point)
                .map(|(&s, &r)| (s as usize, r as usize))
        };

        let mut x = noise(5, rows * channels);
        (0..rows)
            .filter(|row| row % 3 != 0)
            .for_each(|row| x[row * channels..][..channels].fill(f32::NAN));
        let mut mean = vec![0.0; segments * channels];
        for (s, r) in pairs() {
            (0..channels).for_each(|c| mean[s * channels + c] += x[r * channels + c] / count[s]);
        }
        poison(device, [segments, channels]);
        complaints.extend(
            differs(
                &what("segment_mean"),
                segment_mean(tensor(&x, [rows, channels], device), &map),
                &mean,
            )
            .await,
        );

        let grad = noise(6, segments * channels);
        let mut spread = vec![0.0; rows * channels];
        for (s, r) in pairs() {
            (0..channels)
                .for_each(|c| spread[r * channels + c] += grad[s * channels + c] / count[s]);
        }
        poison(device, [rows, channels]);
        let got = segment_mean(
            tensor(&grad, [segments, channels], device),
            &map.transposed(),
        );
        complaints.extend(differs(&what("segment_mean transposed"), got, &spread).await);

        let selection =
            SegmentMap::selection(&row_of_point, rows).expect("ids of the cases are valid");
        let chosen: Vec<f32> = row_of_point
            .iter()
            .flat_map(|&r| &x[r as usize * channels..][..channels])
            .copied()
            .collect();
        let got = segment_mean(tensor(&x, [rows, channels], device), &selection);
        complaints.extend(differs(&what("selection"), got, &chosen).await);
    }
    complaints
}
