// A scale and a shift per channel, optionally followed by a ReLU: y = x a + b or max(x a + b, 0).
//
// One thread computes four consecutive channels of one row; neighbouring threads take the next
// channels.
//
// binding  access      element    shape          meaning
// 0        read        Stored     [rows, c / 4]  x
// 1        read        vec4<f32>  [2, c / 4]     a, then b
// 2        read_write  Stored     [rows, c / 4]  y
// 3        uniform     Info
//
// Workgroup: 64 threads, without shared memory: a multiple of every GPU's subgroup size.
// Invariants: channels are a multiple of four (the caller pads); lanes past the last value return.
// Definition: `ops::plain_affine`.

// The caller replaces this by vec4<f16> where features are stored as f16.
alias Stored = vec4<f32>;

struct Info {
    count: u32,     // number of vectors of four in x
    channels: u32,  // in vectors of four
    with_relu: u32, // 1: a ReLU follows
    pad_0: u32,
}

const GROUP: u32 = 64u;

@group(0) @binding(0) var<storage, read> x: array<Stored>;
@group(0) @binding(1) var<storage, read> factors: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> y: array<Stored>;
@group(0) @binding(3) var<uniform> info: Info;

@compute @workgroup_size(GROUP)
fn affine(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let thread = (group.y * groups.x + group.x) * GROUP + lane;
    if thread >= info.count { return; }
    let column = thread % info.channels;
    let value = vec4<f32>(x[thread]) * factors[column] + factors[info.channels + column];
    y[thread] = Stored(select(value, max(value, vec4<f32>()), info.with_relu == 1u));
}
