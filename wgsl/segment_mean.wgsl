// Weighted sums of rows: a sparse matrix times a dense one. The mean of each segment, and with the transposed matrix its gradient.
//
// One thread computes four consecutive channels of one output. Neighbouring threads share the output and take the next channels.
//
// binding  access      element    shape                  meaning
// 0        read        vec4<f32>  [in_count, c / 4]      the input rows in_first..in_first + in_count
// 1        read        u32        [outputs + 1]          where the entries of each output begin, and the end of the last
// 2        read        u32        [entries]              input row of each entry
// 3        read        f32        [entries]              weight of each entry
// 4        read_write  vec4<f32>  [count, c / 4]         sums of the outputs first..first + count
// 5        uniform     Info
//
// Workgroup: 64 threads, nothing shared: a multiple of every GPU's wave, and no barrier, which software adapters pay for dearly.
// Invariants: channels are a multiple of four (the caller pads); the caller splits long lists of entries into several passes, or one
// thread would walk through a whole floor; rows outside in_first.. are skipped, so that inputs beyond one binding are summed up block by
// block (`accumulate`); lanes past the last output return.
// Definition: `ops::weighted_sums`.

struct Info {
    first: u32,      // first output of this launch
    count: u32,      // outputs of this launch
    in_first: u32,   // first input row bound
    in_count: u32,   // input rows bound
    channels: u32,   // in vectors of four
    accumulate: u32, // 1: add to y, 0: overwrite it
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
    if output >= info.count { return; }

    var sum = vec4<f32>();
    let end = starts[info.first + output + 1u];
    for (var entry = starts[info.first + output]; entry < end; entry++) {
        let bound = rows[entry] - info.in_first;
        if bound < info.in_count {
            sum += weights[entry] * x[bound * info.channels + column];
        }
    }
    let at = output * info.channels + column;
    if info.accumulate == 1u {
        y[at] += sum;
    } else {
        y[at] = sum;
    }
}
