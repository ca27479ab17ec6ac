// Softmax over the keys of every query, where keys outside the query's mask get weight 0.
//
// A workgroup computes one row: neighbouring threads read neighbouring keys, and their results (is
// any key open, the highest score, the sum) are combined in shared memory. `masked_softmax`
// computes a row with one thread, `masked_softmax_subgroups` with subgroup operations; the fastest
// of the three on the device runs.
//
// binding  access      element  shape            meaning
// 0        read        f32      [count, width]   scores; one row per head and query
// 1        read        f32      [queries, keys]  mask logits, shared by all heads;
//                                                any buffer if `masked` is 0
// 2        read_write  f32      [count, width]   weights; 0 from column `keys` on
// 3        uniform     Info
//
// Workgroup: 64 threads, a multiple of every GPU's subgroup size, which share 256 bytes.
// Invariants: there is at least one key; a mask without any key (all logits below 0) opens all of
// them; workgroups past the last row return.
// Definition: the formula in `tests/src/cases/masked_softmax.rs`.

struct Info {
    count: u32,   // rows
    queries: u32,
    keys: u32,
    masked: u32,  // 1: keys whose logit is below 0 are blocked
    width: u32,   // columns, at least `keys`
    pad_0: u32,
    pad_1: u32,
    pad_2: u32,
}

const GROUP: u32 = 64u;
// Far below any score, but finite: WGSL has no infinite constants.
const BLOCKED: f32 = -1e30;

@group(0) @binding(0) var<storage, read> scores: array<f32>;
@group(0) @binding(1) var<storage, read> logits: array<f32>;
@group(0) @binding(2) var<storage, read_write> weights: array<f32>;
@group(0) @binding(3) var<uniform> info: Info;

var<workgroup> found: array<f32, GROUP>;

fn score(row: u32, mask: u32, masked: bool, key: u32) -> f32 {
    if masked && logits[mask + key] < 0.0 { return BLOCKED; }
    return scores[row + key];
}

// Maximum over the values of all threads.
fn highest_of_all(lane: u32, own: f32) -> f32 {
    found[lane] = own;
    workgroupBarrier();
    for (var half = GROUP / 2u; half > 0u; half /= 2u) {
        if lane < half { found[lane] = max(found[lane], found[lane + half]); }
        workgroupBarrier();
    }
    let highest = found[0];
    workgroupBarrier();
    return highest;
}

// Sum over the values of all threads.
fn sum_of_all(lane: u32, own: f32) -> f32 {
    found[lane] = own;
    workgroupBarrier();
    for (var half = GROUP / 2u; half > 0u; half /= 2u) {
        if lane < half { found[lane] += found[lane + half]; }
        workgroupBarrier();
    }
    return found[0];
}

@compute @workgroup_size(GROUP)
fn masked_softmax_shared(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let index = group.y * groups.x + group.x;
    if index >= info.count { return; }
    let row = index * info.width;
    let mask = index % info.queries * info.keys;

    var open = BLOCKED;
    if info.masked == 1u {
        for (var key = lane; key < info.keys; key += GROUP) { open = max(open, logits[mask + key]); }
    }
    let masked = highest_of_all(lane, open) >= 0.0;
    var own = BLOCKED;
    for (var key = lane; key < info.keys; key += GROUP) { own = max(own, score(row, mask, masked, key)); }
    let highest = highest_of_all(lane, own);
    var sum = 0.0;
    for (var key = lane; key < info.keys; key += GROUP) {
        let weight = exp(score(row, mask, masked, key) - highest);
        weights[row + key] = weight;
        sum += weight;
    }
    let total = sum_of_all(lane, sum);
    for (var key = lane; key < info.keys; key += GROUP) { weights[row + key] /= total; }
    for (var key = info.keys + lane; key < info.width; key += GROUP) { weights[row + key] = 0.0; }
}
