// The gradient of a sparse convolution to its weight: per offset, the sum of the outer products of what met there. Split over pieces of
// the rows, whose sums the caller adds up, so that small weights still keep a GPU busy and no atomics are needed.
//
// One thread computes a tile of four input times four output channels of one offset over one piece, in registers. Neighbouring threads
// share the offset and the rows and take the next channels.
//
// binding  access      element    shape                               meaning
// 0        read        vec4<f32>  [in_count, c_in / 4]                features of the input rows in_first..in_first + in_count
// 1        read        vec4<f32>  [count, c_out / 4]                  gradients of the output rows first..first + count
// 2        read        u32        [offsets, stride]                   input row of each place of the order, or 0xffffffff
// 3        read        u32        [stride]                            output row of each place, counted from the table's first
// 4        read_write  vec4<f32>  [pieces, offsets, c_in, c_out / 4]  sums over each piece
// 5        uniform     Info
//
// Workgroup: 64 threads, nothing shared: a multiple of every GPU's wave, and no barrier, which software adapters pay for dearly.
// Invariants: channels are multiples of four (the caller pads); the order permutes first..first + count within itself; rows outside
// in_first.. count as absent, so that rows beyond one binding are summed up block by block (`accumulate`); lanes past the last tile
// return; a piece past the last row writes zeros.
// Definition: `ops::definition::sparse_conv_grad_weight`.

struct Info {
    first: u32,      // first place of this launch
    count: u32,      // output rows of this launch
    stride: u32,     // places of the table, in vectors of four
    in_first: u32,   // first input row bound
    in_count: u32,   // input rows bound
    offsets: u32,
    mirrored: u32,   // 1: the table's offsets run backwards
    accumulate: u32, // 1: add to dw, 0: overwrite it
    c_in: u32,       // in vectors of four
    c_out: u32,      // in vectors of four
    pieces: u32,
    piece: u32,      // rows of a piece
}

const GROUP: u32 = 64u;

@group(0) @binding(0) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> grad: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> neighbours: array<u32>;
@group(0) @binding(3) var<storage, read> order: array<u32>;
@group(0) @binding(4) var<storage, read_write> dw: array<vec4<f32>>;
@group(0) @binding(5) var<uniform> info: Info;

fn store(at: u32, sum: vec4<f32>) {
    if info.accumulate == 1u {
        dw[at] += sum;
    } else {
        dw[at] = sum;
    }
}

@compute @workgroup_size(GROUP)
fn sparse_conv_grad_weight(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let thread = (group.y * groups.x + group.x) * GROUP + lane;
    let o = thread % info.c_out;
    let i = thread / info.c_out % info.c_in;
    let k = thread / info.c_out / info.c_in % info.offsets;
    let piece = thread / info.c_out / info.c_in / info.offsets;
    if piece >= info.pieces { return; }

    let slot = select(k, info.offsets - 1u - k, info.mirrored == 1u);
    let table = slot * info.stride * 4u + info.first;
    let end = min((piece + 1u) * info.piece, info.count);
    var dw0 = vec4<f32>();
    var dw1 = vec4<f32>();
    var dw2 = vec4<f32>();
    var dw3 = vec4<f32>();
    for (var place = piece * info.piece; place < end; place++) {
        let bound = neighbours[table + place] - info.in_first;
        if bound < info.in_count {
            let a = x[bound * info.c_in + i];
            let row = order[info.first + place] - info.first;
            let g = grad[row * info.c_out + o];
            dw0 += a.x * g;
            dw1 += a.y * g;
            dw2 += a.z * g;
            dw3 += a.w * g;
        }
    }
    let at = ((piece * info.offsets + k) * info.c_in + i) * 4u * info.c_out + o;
    store(at, dw0);
    store(at + info.c_out, dw1);
    store(at + 2u * info.c_out, dw2);
    store(at + 3u * info.c_out, dw3);
}
