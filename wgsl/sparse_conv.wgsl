// Sparse convolution: every output voxel sums the features of its neighbours, each multiplied by
// the weight matrix of its offset.
//
// One thread computes eight output rows times eight output channels in registers: what it loads
// serves sixty-four products, and loads are slow on software adapters. The rows of a tile have
// similar neighbourhoods (`kernel_map` sorts them), so that few products are with absent
// neighbours. Neighbouring threads share the rows and take the next channels. `sparse_conv_shared`
// does the same with tiles in shared memory; the faster one on the device runs. Where there are few
// rows, the offsets are dealt out to the threads of several pieces, and `sum_pieces` adds them up.
//
// binding  access      element    shape                       meaning
// 0        read        Stored     [inputs, c_in / 4]          features of the input rows
// 1        read        Stored     [offsets, c_in, c_out / 4]  weights
// 2        read        vec4<u32>  [offsets + 1, stride]       input row of each place, or
//                                                             0xffffffff; last, the output row of
//                                                             each place
// 3        read        vec4<f32>  [2, c_out / 4]              scale and shift of each channel
// 4        read        Stored     [outputs, c_out / 4]        addend, added after that
// 5        read_write  Stored     [pieces, outputs, c_out / 4]  result, or the sums of each piece
// 6        uniform     Info
//
// Workgroup: 64 threads, a multiple of every GPU's subgroup size, without shared memory and
// barriers, which are expensive on software adapters.
// Invariants: channels are multiples of four (the caller pads); places past the last row have no
// neighbours and are not written; a part that `epilogue` does not name is not read. The sums are
// f32, whatever the storage type of the features.
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
    pieces: u32,
    outputs: u32,  // output rows of all tables
    pad_0: u32,
    pad_1: u32,
}

const GROUP: u32 = 64u;
const ABSENT: u32 = 0xffffffffu;
const AFFINE: u32 = 1u;
const ADDED: u32 = 2u;
const RECTIFIED: u32 = 4u;

@group(0) @binding(0) var<storage, read> x: array<Stored>;
@group(0) @binding(1) var<storage, read> w: array<Stored>;
@group(0) @binding(2) var<storage, read> table: array<vec4<u32>>;
@group(0) @binding(3) var<storage, read> affine: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read> addend: array<Stored>;
@group(0) @binding(5) var<storage, read_write> y: array<Stored>;
@group(0) @binding(6) var<uniform> info: Info;

// Row 0 is read in place of an absent row, because a branch would cost more.
fn load_row(row: u32, channel: u32) -> vec4<f32> {
    let present = row != ABSENT;
    return select(vec4<f32>(), vec4<f32>(x[select(0u, row, present) * info.c_in + channel]), present);
}

fn load(rows: vec4<u32>, channel: u32) -> mat4x4<f32> {
    return mat4x4<f32>(load_row(rows.x, channel), load_row(rows.y, channel), load_row(rows.z, channel), load_row(rows.w, channel));
}

fn weight(at: u32) -> mat4x4<f32> {
    return mat4x4<f32>(vec4<f32>(w[at]), vec4<f32>(w[at + info.c_out]), vec4<f32>(w[at + 2u * info.c_out]), vec4<f32>(w[at + 3u * info.c_out]));
}

fn store_row(piece: u32, row: u32, column: u32, sum: vec4<f32>) {
    let at = (piece * info.outputs + info.first + row) * info.c_out + column;
    var value = sum;
    if (info.epilogue & AFFINE) != 0u { value = value * affine[column] + affine[info.c_out + column]; }
    if (info.epilogue & ADDED) != 0u { value += vec4<f32>(addend[at]); }
    if (info.epilogue & RECTIFIED) != 0u { value = max(value, vec4<f32>()); }
    y[at] = Stored(value);
}

fn store(piece: u32, place: u32, column: u32, sums: mat4x4<f32>) {
    let rows = table[info.offsets * info.stride + place];
    let rest = info.count - place * 4u;
    store_row(piece, rows.x, column, sums[0]);
    if rest > 1u { store_row(piece, rows.y, column, sums[1]); }
    if rest > 2u { store_row(piece, rows.z, column, sums[2]); }
    if rest > 3u { store_row(piece, rows.w, column, sums[3]); }
}

@compute @workgroup_size(GROUP)
fn sparse_conv(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let thread = (group.y * groups.x + group.x) * GROUP + lane;
    let columns = (info.c_out + 1u) / 2u;
    let left = thread % columns * 2u;
    let right = min(left + 1u, info.c_out - 1u);
    let tiles = (info.count + 7u) / 8u;
    let upper = thread / columns % tiles * 2u;
    let lower = upper + 1u;
    let piece = thread / columns / tiles;
    if piece >= info.pieces { return; }

    var upper_left = mat4x4<f32>();
    var upper_right = mat4x4<f32>();
    var lower_left = mat4x4<f32>();
    var lower_right = mat4x4<f32>();
    for (var k = piece; k < info.offsets; k += info.pieces) {
        let slot = select(k, info.offsets - 1u - k, info.mirrored == 1u) * info.stride;
        let n_upper = table[slot + upper];
        let n_lower = table[slot + lower];
        if all((n_upper & n_lower) == vec4<u32>(ABSENT)) { continue; }
        for (var i = 0u; i < info.c_in; i++) {
            let at = (k * info.c_in + i) * 4u * info.c_out;
            let w_left = weight(at + left);
            let w_right = weight(at + right);
            let x_upper = load(n_upper, i);
            let x_lower = load(n_lower, i);
            upper_left += w_left * x_upper;
            upper_right += w_right * x_upper;
            lower_left += w_left * x_lower;
            lower_right += w_right * x_lower;
        }
    }
    store(piece, upper, left, upper_left);
    if right > left { store(piece, upper, right, upper_right); }
    if lower * 4u < info.count {
        store(piece, lower, left, lower_left);
        if right > left { store(piece, lower, right, lower_right); }
    }
}
