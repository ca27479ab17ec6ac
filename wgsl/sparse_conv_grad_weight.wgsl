// The gradient of a sparse convolution with respect to its weight: for each offset, the sum of the
// outer products of the paired rows. The sum is split over pieces of the rows, whose sums
// `sum_pieces` adds up, so that small weights also keep a GPU busy and no atomics are needed.
//
// One thread computes a tile of eight input times eight output channels of one offset over one
// piece, in registers, so that four loaded vectors serve sixteen products of vectors. Neighbouring
// threads share the offset and the rows and take the next channels. The pairs are listed by offset
// (`pair_lists`), so that no thread looks at places without a neighbour.
//
// binding  access      element    shape                               meaning
// 0        read        vec4<f32>  [inputs, c_in / 4]                  features of the input rows
// 1        read        vec4<f32>  [outputs, c_out / 4]                gradients of the output rows
// 2        read        vec2<u32>  [offsets, places]                   input and output row of each
//                                                                     pair, from the start of its
//                                                                     stretch of 64 places on
// 3        read        u32        [offsets, stretches]                pairs of each stretch
// 4        read_write  vec4<f32>  [pieces, offsets, c_in, c_out / 4]  sums over each piece
// 5        uniform     Info
//
// Workgroup: 64 threads, a multiple of every GPU's subgroup size, without shared memory and
// barriers, which are expensive on software adapters.
// Invariants: channels are multiples of four (the caller pads); tables of further rows add to what
// the first one wrote (`accumulate`); lanes past the last tile return; a piece past the last
// stretch adds nothing.
// Definition: `ops::plain_sparse_conv_grad_weight`.

struct Info {
    places: u32,
    stretches: u32,
    offsets: u32,
    mirrored: u32,   // 1: the table's offsets run backwards
    c_in: u32,       // in vectors of four
    c_out: u32,      // in vectors of four
    accumulate: u32, // 1: add to dw, 0: overwrite it
    pieces: u32,
    piece: u32,      // stretches per piece
    pad_0: u32,
    pad_1: u32,
    pad_2: u32,
}

const GROUP: u32 = 64u;
const STRETCH: u32 = 64u;

@group(0) @binding(0) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> grad: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> pairs: array<vec2<u32>>;
@group(0) @binding(3) var<storage, read> counts: array<u32>;
@group(0) @binding(4) var<storage, read_write> dw: array<vec4<f32>>;
@group(0) @binding(5) var<uniform> info: Info;

fn store(piece: u32, offset: u32, channel: u32, column: u32, sums: mat4x4<f32>) {
    let first = ((piece * info.offsets + offset) * info.c_in + channel) * 4u * info.c_out + column;
    for (var i = 0u; i < 4u; i++) {
        let at = first + i * info.c_out;
        if info.accumulate == 1u {
            dw[at] += sums[i];
        } else {
            dw[at] = sums[i];
        }
    }
}

fn outer(a: vec4<f32>, g: vec4<f32>) -> mat4x4<f32> {
    return mat4x4<f32>(a.x * g, a.y * g, a.z * g, a.w * g);
}

@compute @workgroup_size(GROUP)
fn sparse_conv_grad_weight(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let thread = (group.y * groups.x + group.x) * GROUP + lane;
    let columns = (info.c_out + 1u) / 2u;
    let channels = (info.c_in + 1u) / 2u;
    let left = thread % columns * 2u;
    let right = min(left + 1u, info.c_out - 1u);
    let upper = thread / columns % channels * 2u;
    let lower = min(upper + 1u, info.c_in - 1u);
    let k = thread / columns / channels % info.offsets;
    let piece = thread / columns / channels / info.offsets;
    if piece >= info.pieces { return; }

    let slot = select(k, info.offsets - 1u - k, info.mirrored == 1u);
    let end = min((piece + 1u) * info.piece, info.stretches);
    var upper_left = mat4x4<f32>();
    var upper_right = mat4x4<f32>();
    var lower_left = mat4x4<f32>();
    var lower_right = mat4x4<f32>();
    for (var stretch = piece * info.piece; stretch < end; stretch++) {
        let start = slot * info.places + stretch * STRETCH;
        let count = counts[slot * info.stretches + stretch];
        for (var i = 0u; i < count; i++) {
            let pair = pairs[start + i];
            let a_upper = x[pair.x * info.c_in + upper];
            let a_lower = x[pair.x * info.c_in + lower];
            let g_left = grad[pair.y * info.c_out + left];
            let g_right = grad[pair.y * info.c_out + right];
            upper_left += outer(a_upper, g_left);
            upper_right += outer(a_upper, g_right);
            lower_left += outer(a_lower, g_left);
            lower_right += outer(a_lower, g_right);
        }
    }
    store(piece, k, upper, left, upper_left);
    if right > left { store(piece, k, upper, right, upper_right); }
    if lower > upper {
        store(piece, k, lower, left, lower_left);
        if right > left { store(piece, k, lower, right, lower_right); }
    }
}
