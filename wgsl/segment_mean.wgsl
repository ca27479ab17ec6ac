// Weighted sums of rows: the product of a sparse matrix and a dense one. Computes the mean of each
// segment and, with the transposed matrix, its gradient.
//
// One thread computes four consecutive channels of one output. Neighbouring threads share the
// output and take the next channels.
//
// binding  access      element    shape             meaning
// 0        read        vec4<f32>  [rows, c / 4]     input rows
// 1        read        u32        [outputs + 1]     start of the entries of each output,
//                                                   and the end of the last
// 2        read        u32        [entries]         input row of each entry
// 3        read        f32        [entries]         weight of each entry
// 4        read_write  vec4<f32>  [outputs, c / 4]  sums
// 5        uniform     Info
//
// Workgroup: 64 threads, a multiple of every GPU's subgroup size, without shared memory and
// barriers, which are expensive on software adapters.
// Invariants: channels are a multiple of four (the caller pads); the caller splits long lists of
// entries into several passes, otherwise one thread would traverse a whole floor; lanes past the
// last output return.
// Definition: the sums in `tests/src/cases/segment_mean.rs`.

struct Info {
    outputs: u32,
    channels: u32, // in vectors of four
    pad_0: u32,
    pad_1: u32,
}

const GROUP: u32 = 64u;

@group(0) @binding(0) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> starts: array<u32>;
@group(0) @binding(2) var<storage, read> rows: array<u32>;
@group(0) @binding(3) var<storage, read> weights: array<f32>;
@group(0) @binding(4) var<storage, read_write> y: array<vec4<f32>>;
@group(0) @binding(5) var<uniform> info: Info;

@compute @workgroup_size(GROUP)
fn segment_mean(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let thread = (group.y * groups.x + group.x) * GROUP + lane;
    let column = thread % info.channels;
    let output = thread / info.channels;
    if output >= info.outputs { return; }

    var sum = vec4<f32>();
    let end = starts[output + 1u];
    for (var entry = starts[output]; entry < end; entry++) {
        sum += weights[entry] * x[rows[entry] * info.channels + column];
    }
    y[output * info.channels + column] = sum;
}
