// Sparse convolution: every output voxel sums its neighbours' features, each through the matrix of its offset.
//
// One thread computes four consecutive output rows times four consecutive output channels, in registers. Neighbouring threads share the
// rows and take the next channels, so that reads of `x` coincide and reads of `w` are consecutive.
//
// binding  access      element    shape                         meaning
// 0        read        vec4<f32>  [in_count, c_in / 4]          features of the input rows in_first..in_first + in_count
// 1        read        vec4<f32>  [offsets, c_in, c_out / 4]    weights
// 2        read        u32        [offsets, stride]             input row of each output row, or 0xffffffff
// 3        read_write  vec4<f32>  [count, c_out / 4]            sums of the output rows first..first + count
// 4        uniform     Info
//
// Workgroup: 64 threads, nothing shared: a multiple of every GPU's wave, and no barrier, which software adapters pay for dearly.
// Invariants: channels are multiples of four (the caller pads); rows outside in_first.. count as absent, so that inputs beyond one
// binding are summed up block by block (`accumulate`); lanes past the last row compute nothing and write nothing.
// Definition: `ops::definition::sparse_conv`.

struct Info {
    first: u32,      // first output row of this launch, counted from the table's first
    count: u32,      // output rows of this launch
    stride: u32,     // rows of the table
    in_first: u32,   // first input row bound
    in_count: u32,   // input rows bound
    offsets: u32,
    mirrored: u32,   // 1: the table's offsets run backwards
    accumulate: u32, // 1: add to y, 0: overwrite it
    c_in: u32,       // in vectors of four
    c_out: u32,      // in vectors of four
    pad_0: u32,
    pad_1: u32,
}

const GROUP: u32 = 64u;
const ABSENT: u32 = 0xffffffffu;

@group(0) @binding(0) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> w: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> neighbours: array<u32>;
@group(0) @binding(3) var<storage, read_write> y: array<vec4<f32>>;
@group(0) @binding(4) var<uniform> info: Info;

// The bound input row that meets output row `row` under the table's offset `slot`.
fn neighbour(slot: u32, row: u32) -> u32 {
    if row >= info.count { return ABSENT; }
    let bound = neighbours[slot * info.stride + info.first + row] - info.in_first;
    return select(ABSENT, bound, bound < info.in_count);
}

fn load(row: u32, channel: u32) -> vec4<f32> {
    if row == ABSENT { return vec4<f32>(); }
    return x[row * info.c_in + channel];
}

fn store(row: u32, column: u32, sum: vec4<f32>) {
    if row >= info.count { return; }
    let at = row * info.c_out + column;
    if info.accumulate == 1u {
        y[at] += sum;
    } else {
        y[at] = sum;
    }
}

@compute @workgroup_size(GROUP)
fn sparse_conv(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let thread = (group.y * groups.x + group.x) * GROUP + lane;
    let column = thread % info.c_out;
    let row = thread / info.c_out * 4u;
    if row >= info.count { return; }

    var y0 = vec4<f32>();
    var y1 = vec4<f32>();
    var y2 = vec4<f32>();
    var y3 = vec4<f32>();
    for (var k = 0u; k < info.offsets; k++) {
        let slot = select(k, info.offsets - 1u - k, info.mirrored == 1u);
        let n = vec4<u32>(neighbour(slot, row), neighbour(slot, row + 1u), neighbour(slot, row + 2u), neighbour(slot, row + 3u));
        if all(n == vec4<u32>(ABSENT)) { continue; }
        for (var i = 0u; i < info.c_in; i++) {
            let at = (k * info.c_in + i) * 4u * info.c_out + column;
            let m = mat4x4<f32>(w[at], w[at + info.c_out], w[at + 2u * info.c_out], w[at + 3u * info.c_out]);
            y0 += m * load(n.x, i);
            y1 += m * load(n.y, i);
            y2 += m * load(n.z, i);
            y3 += m * load(n.w, i);
        }
    }
    store(row, column, y0);
    store(row + 1u, column, y1);
    store(row + 2u, column, y2);
    store(row + 3u, column, y3);
}
