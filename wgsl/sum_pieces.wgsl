// Adds up the pieces of a product whose sum was split over several threads, and applies what follows
// it: the second pass of a split sum, without atomics.
//
// One thread adds four neighbouring values over all pieces.
//
// binding  access      element    shape                  meaning
// 0        read        vec4<f32>  [pieces, rows, c / 4]  sums over each piece
// 1        read        vec4<f32>  [2, c / 4]             scale and shift of each channel
// 2        read        vec4<f32>  [rows, c / 4]          addend, added after that
// 3        read_write  vec4<f32>  [rows, c / 4]          result
// 4        uniform     Info
//
// Workgroup: 64 threads, a multiple of every GPU's subgroup size, without shared memory.
// Invariants: a part that `epilogue` does not name is not read; the order of the sum is fixed, so the
// result is the same in every run; lanes past the last value return.
// Definition: `core/src/ops/split.rs`.

struct Info {
    pieces: u32,
    values: u32,   // of the result, in vectors of four
    c: u32,        // in vectors of four
    epilogue: u32, // AFFINE | ADDED | RECTIFIED
}

const GROUP: u32 = 64u;
const AFFINE: u32 = 1u;
const ADDED: u32 = 2u;
const RECTIFIED: u32 = 4u;

@group(0) @binding(0) var<storage, read> sums: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> affine: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> addend: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> y: array<vec4<f32>>;
@group(0) @binding(4) var<uniform> info: Info;

@compute @workgroup_size(GROUP)
fn sum_pieces(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let at = (group.y * groups.x + group.x) * GROUP + lane;
    if at >= info.values { return; }
    var value = vec4<f32>();
    for (var piece = 0u; piece < info.pieces; piece++) { value += sums[piece * info.values + at]; }
    let column = at % info.c;
    if (info.epilogue & AFFINE) != 0u { value = value * affine[column] + affine[info.c + column]; }
    if (info.epilogue & ADDED) != 0u { value += addend[at]; }
    if (info.epilogue & RECTIFIED) != 0u { value = max(value, vec4<f32>()); }
    y[at] = value;
}
