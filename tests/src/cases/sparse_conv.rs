//! Tests sparse convolution, the operations fused after it, and its two gradients against their
//! definitions.

use burn::tensor::{DType, Tensor};
use half::f16;
use segscape::{
    model::{Config, Pyramid},
    ops::{
        FusedEpilogue, KernelMap, Level, affine, plain_affine, plain_sparse_conv,
        plain_sparse_conv_grad_input, plain_sparse_conv_grad_weight, sparse_conv,
        sparse_conv_grad_input, sparse_conv_grad_weight, sparse_conv_with_epilogue,
    },
};

use super::{differs, fits, noise, poison, tensor};
use crate::device::Subject;

/// The relation between outputs and inputs.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Submanifold(usize),
    Down,
    Up,
}

impl Kind {
    fn map(self, coords: Vec<[i32; 3]>) -> KernelMap {
        let level = Level::new(coords).expect("voxels of the cases are valid");
        match self {
            Self::Submanifold(kernel) => {
                KernelMap::submanifold(&level, kernel).expect("kernels of the cases are odd")
            }
            Self::Down => KernelMap::strided(&level, None).1,
            Self::Up => KernelMap::strided(&level, None).1.inverse(),
        }
    }
}

/// The voxels of a case.
#[derive(Clone, Copy, Debug)]
enum Voxels {
    /// A floor and two walls with steps: some thousands of voxels in neighbourhoods like those of a
    /// scan, including negative coordinates.
    Room,
    /// A row along x: any number of voxels with few pairs.
    Line(usize),
}

impl Voxels {
    fn coords(self) -> Vec<[i32; 3]> {
        match self {
            Self::Line(count) => (0..count as i32).map(|x| [x, 0, 0]).collect(),
            Self::Room => {
                let height = |x: i32, y: i32| (x / 7 + y / 5) % 3;
                let floor = (-25..25).flat_map(|x| (-21..22).map(move |y| [x, y, height(x, y)]));
                let walls = (4..20).flat_map(|z| {
                    (-25..25)
                        .map(move |x| [x, 22, z])
                        .chain((-21..22).map(move |y| [-26, y, z]))
                });
                // The order is random, as it may be for a caller's voxels.
                let mut coords: Vec<_> = floor.chain(walls).collect();
                let keys = noise(7, coords.len());
                let mut order: Vec<usize> = (0..coords.len()).collect();
                order.sort_by(|&a, &b| keys[a].total_cmp(&keys[b]));
                coords = order.into_iter().map(|i| coords[i]).collect();
                coords
            }
        }
    }
}

/// Kind, voxels, input and output channels.
const CASES: &[(Kind, Voxels, [usize; 2])] = &[
    (Kind::Submanifold(3), Voxels::Line(0), [4, 4]),
    (Kind::Down, Voxels::Line(0), [3, 2]),
    (Kind::Up, Voxels::Line(0), [4, 4]),
    (Kind::Submanifold(3), Voxels::Line(1), [1, 1]),
    (Kind::Down, Voxels::Line(1), [4, 8]),
    (Kind::Up, Voxels::Line(1), [5, 4]),
    // Numbers of channels that are whole vectors, and that are not.
    (Kind::Submanifold(3), Voxels::Room, [16, 32]),
    (Kind::Submanifold(3), Voxels::Room, [6, 16]),
    (Kind::Submanifold(3), Voxels::Room, [7, 5]),
    (Kind::Submanifold(5), Voxels::Room, [3, 8]),
    (Kind::Submanifold(1), Voxels::Room, [8, 12]),
    (Kind::Down, Voxels::Room, [16, 24]),
    (Kind::Down, Voxels::Room, [5, 7]),
    (Kind::Up, Voxels::Room, [24, 16]),
    (Kind::Up, Voxels::Room, [7, 5]),
    // One thread less than a workgroup of 64, exactly one workgroup, and one thread more (at four
    // rows per thread), and a number of rows that does not fill the last thread.
    (Kind::Submanifold(3), Voxels::Line(252), [4, 4]),
    (Kind::Submanifold(3), Voxels::Line(256), [4, 4]),
    (Kind::Submanifold(3), Voxels::Line(257), [4, 4]),
    (Kind::Submanifold(3), Voxels::Line(511), [8, 8]),
    // A single row in the last block of the CPU path.
    (Kind::Submanifold(3), Voxels::Line(513), [8, 4]),
    // Inputs and tables beyond 128 MiB, the most that every device can bind.
    (Kind::Submanifold(3), Voxels::Line(540_000), [64, 4]),
    (Kind::Submanifold(5), Voxels::Line(270_000), [4, 4]),
];

/// Cases for the alternative kernels that compute the same result.
const FEW_CASES: &[(Kind, Voxels, [usize; 2])] = &[
    (Kind::Submanifold(3), Voxels::Line(1), [1, 1]),
    (Kind::Submanifold(3), Voxels::Line(511), [8, 8]),
    (Kind::Submanifold(3), Voxels::Room, [7, 5]),
    (Kind::Down, Voxels::Room, [5, 36]),
];

/// Returns a description of every case in which the device's result differs from the definitions.
pub async fn check(subject: &Subject) -> Vec<String> {
    let mut complaints = Vec::new();
    for &(kind, voxels, channels) in CASES {
        complaints.extend(check_case(kind, voxels, channels, subject).await);
    }
    complaints
}

/// Returns a description of every convolution through the kernel maps of a scene that differs from
/// the definition. A GPU builds the tables of all levels together, whichever is read first.
pub async fn check_pyramids(subject: &Subject) -> Vec<String> {
    const CHANNELS: [usize; 2] = [4, 4];
    let alone = |at: [i32; 3]| vec![at];
    let scenes = [
        ("a room", Voxels::Room.coords()),
        ("a voxel", alone([0; 3])),
        // Coarser levels of the second network's grid are empty here.
        ("a far voxel", alone([-1_000_000, 1_000_000, -3])),
        ("a column", (-65..0).map(|z| [-7, 5, z]).collect()),
        ("nothing", Vec::new()),
    ];
    let networks = [
        ("nano", Config::nano()),
        ("scannet20", Config::scannet20()),
        ("scannet200", Config::scannet200()),
    ];
    let mut complaints = Vec::new();
    for (network, config) in networks {
        for (scene, coords) in &scenes {
            let pyramid = Pyramid::new(coords.clone(), &config.backbone);
            let pyramid = pyramid.expect("voxels of the cases are valid");
            let within = pyramid.neighbors.into_iter().rev();
            let within = within.flat_map(|level| [level.around, level.itself]);
            let children = pyramid.children.into_iter();
            let children = children.flat_map(|map| [map.inverse(), map]);
            let maps = within.chain(children).chain([pyramid.first]);
            for (place, map) in maps.enumerate() {
                let what = format!("map {place} of {scene} for {network}");
                let x = noise(1, map.in_rows() * CHANNELS[0]);
                let w = noise(2, map.offsets() * CHANNELS[0] * CHANNELS[1]);
                let want = plain_sparse_conv(&x, &w, CHANNELS, &map);
                let x = tensor(&x, [map.in_rows(), CHANNELS[0]], &subject.device);
                let w_shape = [map.offsets(), CHANNELS[0], CHANNELS[1]];
                let w = tensor(&w, w_shape, &subject.device);
                poison(&subject.device, [map.out_rows(), CHANNELS[1]]);
                complaints.extend(differs(&what, sparse_conv(x, w, &map), &want).await);
            }
        }
    }
    complaints
}

/// The same check for convolutions and the operations fused after them only, for alternative
/// kernels. The gradients have no alternative kernels.
pub async fn check_forward(subject: &Subject) -> Vec<String> {
    let mut complaints = Vec::new();
    for &(kind, voxels, channels) in FEW_CASES {
        let (coords, what) = (voxels.coords(), format!("{kind:?} {voxels:?} {channels:?}"));
        let map = kind.map(coords);
        let [c_in, c_out] = channels;
        let (x, w) = (
            noise(1, map.in_rows() * c_in),
            noise(2, map.offsets() * c_in * c_out),
        );
        let sums = plain_sparse_conv(&x, &w, channels, &map);
        let (x, w) = (
            tensor(&x, [map.in_rows(), c_in], &subject.device),
            tensor(&w, [map.offsets(), c_in, c_out], &subject.device),
        );
        poison(&subject.device, [map.out_rows(), c_out]);
        complaints.extend(check_then(&what, [c_in, c_out], &map, (x, w), &sums, subject).await);
    }
    complaints
}

/// Checks features stored in f16: results may differ only by the rounding of inputs and outputs,
/// not of intermediate values. Returns descriptions of the failures.
pub async fn check_f16(subject: &Subject) -> Vec<String> {
    const CHANNELS: [usize; 2] = [12, 40];
    const TOLERANCE: f32 = 1e-3;
    let device = &subject.device;
    let mut complaints = Vec::new();
    let level = Level::new(Voxels::Room.coords()).expect("the room's voxels are valid");
    let map = KernelMap::submanifold(&level, 3).expect("an odd kernel");
    let rounded = |values: Vec<f32>| {
        values
            .into_iter()
            .map(|value| f16::from_f32(value).to_f32())
            .collect::<Vec<f32>>()
    };
    let [c_in, c_out] = CHANNELS;
    let (x, w) = (
        rounded(noise(1, level.len() * c_in)),
        rounded(noise(2, map.offsets() * c_in * c_out)),
    );
    let (factors, addend) = (noise(3, 2 * c_out), rounded(noise(4, level.len() * c_out)));
    let sums = plain_affine(&plain_sparse_conv(&x, &w, CHANNELS, &map), &factors, false);
    let want: Vec<f32> = sums
        .iter()
        .zip(&addend)
        .map(|(sum, addend)| (sum + addend).max(0.0))
        .collect();
    let in_f16 = |values: &[f32], width: usize| -> Tensor<2> {
        tensor(values, [values.len() / width, width], device).cast(DType::F16)
    };
    let w = in_f16(&w, c_out).reshape([map.offsets(), c_in, c_out]);
    let then = FusedEpilogue {
        affine: Some(tensor(&factors, [2, c_out], device)),
        addend: Some(in_f16(&addend, c_out)),
        with_relu: true,
    };
    let got = sparse_conv_with_epilogue(in_f16(&x, c_in), w, &map, then);
    // also two separate affine operations, the second of which reverses the first
    let once: Vec<f32> = [2.0, 1.0]
        .into_iter()
        .flat_map(|value| vec![value; c_out])
        .collect();
    let back: Vec<f32> = [0.5, -0.5]
        .into_iter()
        .flat_map(|value| vec![value; c_out])
        .collect();
    let got = affine(
        affine(got, tensor(&once, [2, c_out], device), false),
        tensor(&back, [2, c_out], device),
        true,
    );
    if got.dtype() != DType::F16 {
        complaints.push(format!("the result is stored as {:?}", got.dtype()));
    }
    let got = got
        .cast(DType::F32)
        .into_data_async()
        .await
        .map(|data| data.try_to_vec::<f32>());
    let Ok(Ok(got)) = got else {
        complaints.push(format!("{got:?}"));
        return complaints;
    };
    let most = want.iter().fold(1.0f32, |most, value| most.max(*value));
    let worst = got
        .iter()
        .zip(&want)
        .map(|(got, want)| (got - want).abs())
        .fold(0.0, f32::max);
    if got.len() != want.len() || worst.is_nan() || worst > TOLERANCE * most {
        complaints.push(format!("the largest difference is {worst} of {most}"));
    }
    complaints
}

async fn check_case(
    kind: Kind,
    voxels: Voxels,
    [c_in, c_out]: [usize; 2],
    subject: &Subject,
) -> Vec<String> {
    let what = |op: &str| format!("{op} {kind:?} {voxels:?} {c_in} -> {c_out}");
    let coords = voxels.coords();
    let map = kind.map(coords);
    let [x_shape, grad_shape] = [[map.in_rows(), c_in], [map.out_rows(), c_out]];
    if !fits(
        subject,
        &what("a case of"),
        (map.in_rows() * c_in).max(map.out_rows() * c_out),
    ) {
        return Vec::new();
    }
    let device = &subject.device;
    let w_shape = [map.offsets(), c_in, c_out];
    let (x, w, grad) = (
        noise(1, x_shape.iter().product()),
        noise(2, w_shape.iter().product()),
        noise(3, grad_shape.iter().product()),
    );
    let (x_on, w_on, grad_on) = (
        tensor(&x, x_shape, device),
        tensor(&w, w_shape, device),
        tensor(&grad, grad_shape, device),
    );
    let channels = [c_in, c_out];

    let sums = plain_sparse_conv(&x, &w, channels, &map);
    poison(device, grad_shape);
    let out = differs(
        &what("sparse_conv"),
        sparse_conv(x_on.clone(), w_on.clone(), &map),
        &sums,
    )
    .await;
    let after = match voxels {
        Voxels::Line(100_000..) => Vec::new(),
        _ => {
            check_then(
                &what("sparse_conv_with_epilogue"),
                channels,
                &map,
                (x_on.clone(), w_on.clone()),
                &sums,
                subject,
            )
            .await
        }
    };
    poison(device, x_shape);
    let got = sparse_conv_grad_input(grad_on.clone(), w_on, &map);
    let grad_input = differs(
        &what("sparse_conv_grad_input"),
        got,
        &plain_sparse_conv_grad_input(&grad, &w, channels, &map),
    )
    .await;
    poison(device, [w_shape[0], c_in * c_out]);
    let got = sparse_conv_grad_weight(x_on, grad_on, &map);
    let grad_weight = differs(
        &what("sparse_conv_grad_weight"),
        got,
        &plain_sparse_conv_grad_weight(&x, &grad, channels, &map),
    )
    .await;
    [out, grad_input, grad_weight]
        .into_iter()
        .flatten()
        .chain(after)
        .collect()
}

/// Checks the operations that may follow `sums`: all together and, for some widths, each one alone.
async fn check_then(
    what: &str,
    [_, c_out]: [usize; 2],
    map: &KernelMap,
    (x, w): (Tensor<2>, Tensor<3>),
    sums: &[f32],
    subject: &Subject,
) -> Vec<String> {
    let shape = [map.out_rows(), c_out];
    let (factors, addend) = (noise(4, 2 * c_out), noise(5, sums.len()));
    let mut complaints = Vec::new();
    // Each one alone only for seven channels, to limit the time on a software adapter.
    let alone: &[u32] = if x.dims()[1] == 7 { &[1, 2, 4] } else { &[] };
    for &parts in alone.iter().chain(&[7]) {
        let (affine, added, with_relu) = (parts & 1 != 0, parts & 2 != 0, parts & 4 != 0);
        let y = if affine {
            plain_affine(sums, &factors, false)
        } else {
            sums.to_vec()
        };
        let y = y
            .iter()
            .zip(&addend)
            .map(|(y, addend)| if added { y + addend } else { *y });
        let want: Vec<f32> = y.map(|y| if with_relu { y.max(0.0) } else { y }).collect();
        let given = |values: &[f32], shape: [usize; 2], there: bool| {
            there.then(|| -> Tensor<2> { tensor(values, shape, &subject.device) })
        };
        let then = FusedEpilogue {
            affine: given(&factors, [2, c_out], affine),
            addend: given(&addend, shape, added),
            with_relu,
        };
        poison(&subject.device, shape);
        complaints.extend(
            differs(
                &format!("{what} {parts:03b}"),
                sparse_conv_with_epilogue(x.clone(), w.clone(), map, then),
                &want,
            )
            .await,
        );
    }
    complaints
}
