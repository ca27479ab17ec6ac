// The pairs of a kernel map, listed by offset without gaps: what a sum over the pairs of an offset
// walks through, where two thirds of a table of neighbours are absent.
//
// One thread lists one stretch of 64 places for one offset. The list of a stretch begins where the
// stretch does in the table, so that no thread waits for the counts of others.
//
// binding  access      element    shape                  meaning
// 0        read        u32        [offsets + 1, places]  input row of each place, or 0xffffffff;
//                                                        last, the output row of each place
// 1        read_write  vec2<u32>  [offsets, places]      input and output row of each pair; only the
//                                                        first ones of each stretch are written
// 2        read_write  u32        [offsets, stretches]   number of pairs of each stretch
// 3        uniform     Info
//
// Workgroup: 64 threads, without shared memory: a multiple of every GPU's subgroup size.
// Invariants: places are a multiple of 64; the pairs of a stretch keep their order, so the lists are
// the same on every device; lanes past the last stretch return.
// Definition: `ops::NeighborTable`.

struct Info {
    first: u32,     // first output row of this table
    places: u32,
    offsets: u32,
    stretches: u32,
}

const GROUP: u32 = 64u;
const STRETCH: u32 = 64u;
const ABSENT: u32 = 0xffffffffu;

@group(0) @binding(0) var<storage, read> table: array<u32>;
@group(0) @binding(1) var<storage, read_write> pairs: array<vec2<u32>>;
@group(0) @binding(2) var<storage, read_write> counts: array<u32>;
@group(0) @binding(3) var<uniform> info: Info;

@compute @workgroup_size(GROUP)
fn pair_lists(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let thread = (group.y * groups.x + group.x) * GROUP + lane;
    let stretch = thread % info.stretches;
    let offset = thread / info.stretches;
    if offset >= info.offsets { return; }
    let start = offset * info.places + stretch * STRETCH;
    var count = 0u;
    for (var i = 0u; i < STRETCH; i++) {
        let met = table[start + i];
        if met == ABSENT { continue; }
        let row = info.first + table[info.offsets * info.places + stretch * STRETCH + i];
        pairs[start + count] = vec2<u32>(met, row);
        count++;
    }
    counts[thread] = count;
}
