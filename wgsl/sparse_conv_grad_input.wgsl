// The gradient of a sparse convolution to its input: every input voxel sums the gradients of the outputs it contributed to, each through
// the transposed matrix of its offset. A gather, like the convolution itself, so no atomics.
//
// One thread computes four consecutive input rows times four consecutive input channels, in registers; neighbouring threads share the
// rows and take the next channels.
//
// binding  access      element    shape                         meaning
// 0        read        vec4<f32>  [out_count, c_out / 4]        gradients of the output rows out_first..out_first + out_count
// 1        read        vec4<f32>  [offsets, c_in, c_out / 4]    weights
// 2        read        u32        [offsets, stride]             output row of each input row, or 0xffffffff
// 3        read_write  vec4<f32>  [count, c_in / 4]             sums of the input rows first..first + count
// 4        uniform     Info
//
// Workgroup: 64 threads, nothing shared: a multiple of every GPU's wave, and no barrier, which software adapters pay for dearly.
// Invariants: channels are multiples of four (the caller pads); rows outside out_first.. count as absent, so that gradients beyond one
// binding are summed up block by block (`accumulate`); lanes past the last row compute nothing and write nothing.
// Definition: `ops::definition::sparse_conv_grad_input`.

struct Info {
    first: u32,      // first input row of this launch, counted from the table's first
    count: u32,      // input rows of this launch
    stride: u32,     // rows of the table
    out_first: u32,  // first output row bound
    out_count: u32,  // output rows bound
    offsets: u32,
    mirrored: u32,   // 1: the table's offsets run backwards
    accumulate: u32, // 1: add to dx, 0: overwrite it
    c_out: u32,      // in vectors of four
    c_in: u32,       // in vectors of four
    pad_0: u32,
    pad_1: u32,
}

const GROUP: u32 = 64u;
const ABSENT: u32 = 0xffffffffu;

@group(0) @binding(0) var<storage, read> grad: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> w: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> neighbours: array<u32>;
@group(0) @binding(3) var<storage, read_write> dx: array<vec4<f32>>;
@group(0) @binding(4) var<uniform> info: Info;

// The bound output row that meets input row `row` under the table's offset `slot`.
fn neighbour(slot: u32, row: u32) -> u32 {
    if row >= info.count { return ABSENT; }
    let bound = neighbours[slot * info.stride + info.first + row] - info.out_first;
    return select(ABSENT, bound, bound < info.out_count);
}

fn load(row: u32, channel: u32) -> vec4<f32> {
    if row == ABSENT { return vec4<f32>(); }
    return grad[row * info.c_out + channel];
}

fn store(row: u32, column: u32, sum: vec4<f32>) {
    if row >= info.count { return; }
    let at = row * info.c_in + column;
    if info.accumulate == 1u {
        dx[at] += sum;
    } else {
        dx[at] = sum;
    }
}

@compute @workgroup_size(GROUP)
fn sparse_conv_grad_input(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let thread = (group.y * groups.x + group.x) * GROUP + lane;
    let column = thread % info.c_in;
    let row = thread / info.c_in * 4u;
    if row >= info.count { return; }

    var dx0 = vec4<f32>();
    var dx1 = vec4<f32>();
    var dx2 = vec4<f32>();
    var dx3 = vec4<f32>();
    for (var k = 0u; k < info.offsets; k++) {
        let slot = select(k, info.offsets - 1u - k, info.mirrored == 1u);
        let n = vec4<u32>(neighbour(slot, row), neighbour(slot, row + 1u), neighbour(slot, row + 2u), neighbour(slot, row + 3u));
        if all(n == vec4<u32>(ABSENT)) { continue; }
        let first = (k * info.c_in + column) * 4u * info.c_out;
        for (var o = 0u; o < info.c_out; o++) {
            let at = first + o;
            let m = mat4x4<f32>(w[at], w[at + info.c_out], w[at + 2u * info.c_out], w[at + 3u * info.c_out]);
            dx0 += load(n.x, o) * m;
            dx1 += load(n.y, o) * m;
            dx2 += load(n.z, o) * m;
            dx3 += load(n.w, o) * m;
        }
    }
    store(row, column, dx0);
    store(row + 1u, column, dx1);
    store(row + 2u, column, dx2);
    store(row + 3u, column, dx3);
}
