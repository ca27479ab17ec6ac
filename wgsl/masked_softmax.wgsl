// Softmax over the keys of every query, where keys outside the query's mask get weight 0.
//
// One thread computes one row in three passes: for the highest score, for the exponentials and
// their sum, and to divide by the sum. Exponentials are the most expensive part on software
// adapters, so each is computed once and kept in the result.
//
// binding  access      element  shape            meaning
// 0        read        f32      [count, width]   scores; one row per head and query
// 1        read        f32      [queries, keys]  mask logits, shared by all heads;
//                                                any buffer if `masked` is 0
// 2        read_write  f32      [count, width]   weights; 0 from column `keys` on
// 3        uniform     Info
//
// Workgroup: 64 threads, a multiple of every GPU's subgroup size, without shared memory and
// barriers, which are expensive on software adapters.
// Invariants: there is at least one key; a mask without any key (all logits below 0) opens all of
// them; lanes past the last row return.
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

fn score(row: u32, mask: u32, masked: bool, key: u32) -> f32 {
    if masked && logits[mask + key] < 0.0 { return BLOCKED; }
    return scores[row + key];
}

@compute @workgroup_size(GROUP)
fn masked_softmax(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let thread = (group.y * groups.x + group.x) * GROUP + lane;
    if thread >= info.count { return; }
    let row = thread * info.width;
    let mask = thread % info.queries * info.keys;

    var masked = false;
    if info.masked == 1u {
        for (var key = 0u; key < info.keys && !masked; key++) {
            masked = logits[mask + key] >= 0.0;
        }
    }
    var highest = BLOCKED;
    for (var key = 0u; key < info.keys; key++) {
        highest = max(highest, score(row, mask, masked, key));
    }
    var sum = 0.0;
    for (var key = 0u; key < info.keys; key++) {
        let weight = exp(score(row, mask, masked, key) - highest);
        weights[row + key] = weight;
        sum += weight;
    }
    for (var key = 0u; key < info.keys; key++) {
        weights[row + key] /= sum;
    }
    for (var key = info.keys; key < info.width; key++) {
        weights[row + key] = 0.0;
    }
}
