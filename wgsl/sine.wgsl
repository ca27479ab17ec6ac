// Sines of turns: y = sin(2 pi x).
//
// One thread computes one value by a polynomial. The sine of the hardware may be off by 2^-11, and
// on some devices it is: enough to change the output of a network visibly. This one is off by at
// most 1.5e-6 for |x| < 2.
//
// binding  access      element  shape    meaning
// 0        read        f32      [count]  x
// 1        read_write  f32      [count]  y
// 2        uniform     Info
//
// Workgroup: 64 threads, without shared memory: a multiple of every GPU's subgroup size.
// Invariants: lanes past the last value return.
// Definition: the formula in `tests/src/cases/sine.rs`.

struct Info {
    count: u32,
    pad_0: u32,
    pad_1: u32,
    pad_2: u32,
}

const GROUP: u32 = 64u;

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<uniform> info: Info;

@compute @workgroup_size(GROUP)
fn sine(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let thread = (group.y * groups.x + group.x) * GROUP + lane;
    if thread >= info.count { return; }
    // the turn within a quarter of zero that has the same sine
    let turn = x[thread] - 0.25;
    let t = abs(turn - floor(turn) - 0.5) - 0.25;
    // Taylor series of the sine: (2 pi)^n / n!
    let s = t * t;
    let series = fma(fma(fma(fma(fma(-15.094643, s, 42.058693), s, -76.70586), s, 81.605249), s, -41.341702), s, 6.2831853);
    y[thread] = series * t;
}
