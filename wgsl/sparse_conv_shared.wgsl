// Sparse convolution: every output voxel sums the features of its neighbours, each multiplied by
// the weight matrix of its offset.
//
// A workgroup computes 64 output rows times 32 output channels. For every offset at which one of
// the rows has a neighbour, it loads sixteen channels of all neighbours at a time, and the weights
// for them, into shared memory; then each thread multiplies eight rows by four channels in
// registers. A value that is loaded once from memory serves 32 channels or 64 rows. `sparse_conv`
// does the same without shared memory; the faster one on the device runs.
//
// binding  access      element    shape                       meaning
// 0        read        Stored     [inputs, c_in / 4]          features of the input rows
// 1        read        Stored     [offsets, c_in, c_out / 4]  weights
// 2        read        u32        [offsets + 1, 4 * stride]   input row of each place, or
//                                                             0xffffffff; last, the output row of
//                                                             each place
// 3        read        vec4<f32>  [2, c_out / 4]              scale and shift of each channel
// 4        read        Stored     [outputs, c_out / 4]        addend, added after that
// 5        read_write  Stored     [outputs, c_out / 4]        result
// 6        uniform     Info
//
// Workgroup: 64 threads, a multiple of every GPU's subgroup size, which share 6 KiB: a small part
// of what every device has, so that many workgroups run at once.
// Invariants: channels are multiples of four and places are multiples of 64 (the caller pads);
// places past the last row have no neighbours and are not written; a part that `epilogue` does not
// name is not read. The sums are f32, whatever the storage type of the features.
// Definition: `ops::plain_sparse_conv`.

// The caller replaces this by vec4<f16> where features are stored as f16.
alias Stored = vec4<f32>;

struct Info {
    first: u32,    // first output row of this table
    count: u32,    // output rows of this table
    stride: u32,   // places of the table, in vectors of four
    offsets: u32,
    mirrored: u32, // 1: the table's offsets run backwards
    c_in: u32,     // in vectors of four
    c_out: u32,    // in vectors of four
    epilogue: u32, // AFFINE | ADDED | RECTIFIED
    pad_0: u32,    // of the other shader, which splits its sums
    pad_1: u32,
    pad_2: u32,
    pad_3: u32,
}

const GROUP: u32 = 64u;
const ABSENT: u32 = 0xffffffffu;
const AFFINE: u32 = 1u;
const ADDED: u32 = 2u;
const RECTIFIED: u32 = 4u;
// Rows, vectors of output channels, and vectors of input channels at a time, per tile.
const ROWS: u32 = 64u;
const COLUMNS: u32 = 8u;
const DEPTH: u32 = 4u;
// Rows per thread.
const STRIP: u32 = 8u;

@group(0) @binding(0) var<storage, read> x: array<Stored>;
@group(0) @binding(1) var<storage, read> w: array<Stored>;
@group(0) @binding(2) var<storage, read> table: array<u32>;
@group(0) @binding(3) var<storage, read> affine: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read> addend: array<Stored>;
@group(0) @binding(5) var<storage, read_write> y: array<Stored>;
@group(0) @binding(6) var<uniform> info: Info;

// The neighbour of each row of the tile, and the lowest of them: ABSENT only if there are none.
var<workgroup> near: array<u32, ROWS>;
var<workgroup> lowest: u32;
// [depth, row] and [4 * depth, column]
var<workgroup> inputs: array<vec4<f32>, 256>;
var<workgroup> weights: array<vec4<f32>, 128>;

@compute @workgroup_size(GROUP)
fn sparse_conv_shared(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let tile = group.y * groups.x + group.x;
    let tiles = (info.c_out + COLUMNS - 1u) / COLUMNS;
    let place = tile / tiles * ROWS;
    let first_column = tile % tiles * COLUMNS;
    if place >= info.count { return; }
    let column = lane % COLUMNS;
    let strip = lane / COLUMNS * STRIP;

    var sums = array<vec4<f32>, STRIP>();
    for (var k = 0u; k < info.offsets; k++) {
        let slot = select(k, info.offsets - 1u - k, info.mirrored == 1u);
        near[lane] = table[slot * info.stride * 4u + place + lane];
        workgroupBarrier();
        if lane == 0u {
            var least = ABSENT;
            for (var row = 0u; row < ROWS; row++) { least = min(least, near[row]); }
            lowest = least;
        }
        if workgroupUniformLoad(&lowest) == ABSENT { continue; }
        for (var depth = 0u; depth < info.c_in; depth += DEPTH) {
            for (var i = lane; i < ROWS * DEPTH; i += GROUP) {
                // neighbouring threads read one row
                let row = near[i / DEPTH];
                let channel = depth + i % DEPTH;
                var value = vec4<f32>();
                if row != ABSENT && channel < info.c_in { value = vec4<f32>(x[row * info.c_in + channel]); }
                inputs[i % DEPTH * ROWS + i / DEPTH] = value;
            }
            for (var i = lane; i < 4u * DEPTH * COLUMNS; i += GROUP) {
                let channel = depth * 4u + i / COLUMNS;
                let at = first_column + i % COLUMNS;
                var value = vec4<f32>();
                if channel < info.c_in * 4u && at < info.c_out { value = vec4<f32>(w[(k * info.c_in * 4u + channel) * info.c_out + at]); }
                weights[i] = value;
            }
            workgroupBarrier();
            for (var d = 0u; d < DEPTH; d++) {
                let w_0 = weights[(4u * d) * COLUMNS + column];
                let w_1 = weights[(4u * d + 1u) * COLUMNS + column];
                let w_2 = weights[(4u * d + 2u) * COLUMNS + column];
                let w_3 = weights[(4u * d + 3u) * COLUMNS + column];
                for (var row = 0u; row < STRIP; row++) {
                    let value = inputs[d * ROWS + strip + row];
                    sums[row] += value.x * w_0 + value.y * w_1 + value.z * w_2 + value.w * w_3;
                }
            }
            workgroupBarrier();
        }
    }
    if first_column + column >= info.c_out { return; }
    for (var i = 0u; i < STRIP; i++) {
        let mine = place + strip + i;
        if mine >= info.count { return; }
        let row = info.first + table[info.offsets * info.stride * 4u + mine];
        let at = row * info.c_out + first_column + column;
        var value = sums[i];
        if (info.epilogue & AFFINE) != 0u { value = value * affine[first_column + column] + affine[info.c_out + first_column + column]; }
        if (info.epilogue & ADDED) != 0u { value += vec4<f32>(addend[at]); }
        if (info.epilogue & RECTIFIED) != 0u { value = max(value, vec4<f32>()); }
        y[at] = Stored(value);
    }
}
