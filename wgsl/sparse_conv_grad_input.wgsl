// The gradient of a sparse convolution to its input: every input voxel sums the gradients of the outputs it contributed to, each through
// the transposed matrix of its offset. A gather, like the convolution itself, so no atomics.
//
// One thread computes eight input rows times eight input channels, in registers, as `sparse_conv` does; neighbouring threads share the
// rows and take the next channels.
//
// binding  access      element    shape                         meaning
// 0        read        vec4<f32>  [out_count, c_out / 4]        gradients of the output rows out_first..out_first + out_count
// 1        read        vec4<f32>  [offsets, c_in, c_out / 4]    weights
// 2        read        vec4<u32>  [offsets, stride]             output row of each place of the order, or 0xffffffff
// 3        read        vec4<u32>  [stride]                      input row of each place, counted from the table's first
// 4        read_write  vec4<f32>  [count, c_in / 4]             sums of the input rows first..first + count
// 5        uniform     Info
//
// Workgroup: 64 threads, nothing shared: a multiple of every GPU's wave, and no barrier, which software adapters pay for dearly.
// Invariants: channels are multiples of four (the caller pads); places past the last row have no neighbours and are not written; the
// order permutes first..first + count within itself; rows outside out_first.. count as absent, so that gradients beyond one binding are
// summed up block by block (`accumulate`).
// Definition: `ops::definition::sparse_conv_grad_input`.

struct Info {
    first: u32,      // first place of this launch, a multiple of eight
    count: u32,      // input rows of this launch
    stride: u32,     // places of the table, in vectors of four
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
@group(0) @binding(2) var<storage, read> neighbours: array<vec4<u32>>;
@group(0) @binding(3) var<storage, read> order: array<vec4<u32>>;
@group(0) @binding(4) var<storage, read_write> dx: array<vec4<f32>>;
@group(0) @binding(5) var<uniform> info: Info;

// The bound output rows that meet the four rows at `place` under the table's offset `slot`.
fn neighbours_of(slot: u32, place: u32) -> vec4<u32> {
    let bound = neighbours[slot * info.stride + place] - info.out_first;
    return select(vec4<u32>(ABSENT), bound, bound < vec4<u32>(info.out_count));
}

// Row 0 is read in place of an absent one: a branch costs more than that.
fn load_row(row: u32, channel: u32) -> vec4<f32> {
    let present = row != ABSENT;
    return select(vec4<f32>(), grad[select(0u, row, present) * info.c_out + channel], present);
}

fn load(rows: vec4<u32>, channel: u32) -> mat4x4<f32> {
    return mat4x4<f32>(load_row(rows.x, channel), load_row(rows.y, channel), load_row(rows.z, channel), load_row(rows.w, channel));
}

fn transposed_weight(at: u32) -> mat4x4<f32> {
    return transpose(mat4x4<f32>(w[at], w[at + info.c_out], w[at + 2u * info.c_out], w[at + 3u * info.c_out]));
}

fn store_row(row: u32, column: u32, sum: vec4<f32>) {
    let at = row * info.c_in + column;
    if info.accumulate == 1u {
        dx[at] += sum;
    } else {
        dx[at] = sum;
    }
}

fn store(place: u32, column: u32, sums: mat4x4<f32>) {
    let rows = order[place] - info.first;
    let rest = info.count - (place * 4u - info.first);
    store_row(rows.x, column, sums[0]);
    if rest > 1u { store_row(rows.y, column, sums[1]); }
    if rest > 2u { store_row(rows.z, column, sums[2]); }
    if rest > 3u { store_row(rows.w, column, sums[3]); }
}

@compute @workgroup_size(GROUP)
fn sparse_conv_grad_input(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let thread = (group.y * groups.x + group.x) * GROUP + lane;
    let columns = (info.c_in + 1u) / 2u;
    let left = thread % columns * 2u;
    let right = min(left + 1u, info.c_in - 1u);
    let row = thread / columns * 8u;
    if row >= info.count { return; }
    let upper = (info.first + row) / 4u;
    let lower = upper + 1u;

    var upper_left = mat4x4<f32>();
    var upper_right = mat4x4<f32>();
    var lower_left = mat4x4<f32>();
    var lower_right = mat4x4<f32>();
    for (var k = 0u; k < info.offsets; k++) {
        let slot = select(k, info.offsets - 1u - k, info.mirrored == 1u);
        let n_upper = neighbours_of(slot, upper);
        let n_lower = neighbours_of(slot, lower);
        if all((n_upper & n_lower) == vec4<u32>(ABSENT)) { continue; }
        for (var o = 0u; o < info.c_out; o++) {
            let w_left = transposed_weight((k * info.c_in + left) * 4u * info.c_out + o);
            let w_right = transposed_weight((k * info.c_in + right) * 4u * info.c_out + o);
            let g_upper = load(n_upper, o);
            let g_lower = load(n_lower, o);
            upper_left += w_left * g_upper;
            upper_right += w_right * g_upper;
            lower_left += w_left * g_lower;
            lower_right += w_right * g_lower;
        }
    }
    store(upper, left, upper_left);
    if right > left { store(upper, right, upper_right); }
    if row + 4u < info.count {
        store(lower, left, lower_left);
        if right > left { store(lower, right, lower_right); }
    }
}
