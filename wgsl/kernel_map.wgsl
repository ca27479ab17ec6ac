// Kernel maps of sparse convolutions: tables of neighbours, each with its rows sorted so that rows
// with similar neighbourhoods are next to each other. A place is a position in that order.
//
// One workgroup builds 512 consecutive rows of one table. It looks every neighbour up to find out
// which exist, by which the rows are sorted in shared memory (bitonic sort), and those that exist
// once more to write them in that order. Rows with equal neighbourhoods keep their order, so the
// result is the same on every device.
//
// binding  access      element    shape     meaning
// 0        read        vec2<u32>  [voxels]  keys of the voxels of all levels: x, y and z in 21 bits
//                                           each, beginning with the lowest, each 2^20 too large
// 1        read        u32        [slots]   hash tables of all levels, see `voxel_index`
// 2        read_write  u32        [words]   the tables, each [offsets + 1, places]: row of the other
//                                           at each place, or 0xffffffff; last, the row of each place
// 3        uniform     Info
//
// Workgroup: 64 threads, which share 4 KiB: a multiple of every GPU's subgroup size.
// Invariants: `places` is `count` rounded up to a multiple of 64; the padding has no neighbours and
// comes last. Steps from a voxel stay within 21 bits, as coordinates keep away from their limit.
// Definition: `ops::NeighborTable`.

// One table, or a part of its rows.
struct Part {
    group: u32,     // its first workgroup
    table: u32,     // its first word
    voxel: u32,     // voxel of its first row
    count: u32,     // its rows
    places: u32,
    offsets: u32,
    other: u32,     // first voxel of the level of its neighbours
    slot: u32,      // first slot of their hash table
    last_slot: u32, // number of slots of that - 1
    relation: u32,  // WITHIN, CHILD or PARENT
    kernel: u32,    // kernel size
    pad: u32,
}

struct Info {
    count: u32, // number of parts
    pad_0: u32,
    pad_1: u32,
    pad_2: u32,
    parts: array<Part, 32>,
}

const GROUP: u32 = 64u;
const STRETCH: u32 = 512u;
const ABSENT: u32 = 0xffffffffu;
const WITHIN: u32 = 0u;
const CHILD: u32 = 1u;
const PARENT: u32 = 2u;
// Key of a coordinate of 0.
const ORIGIN: u32 = 1u << 20u;

@group(0) @binding(0) var<storage, read> keys: array<vec2<u32>>;
@group(0) @binding(1) var<storage, read> slots: array<u32>;
@group(0) @binding(2) var<storage, read_write> tables: array<u32>;
@group(0) @binding(3) var<uniform> info: Info;

// The neighbours that a row has, one bit each; and the row, counted from the first of the stretch.
var<workgroup> present: array<u32, STRETCH>;
var<workgroup> order: array<u32, STRETCH>;
// What this workgroup builds.
var<private> part: Part;

fn hash(key: vec2<u32>) -> u32 {
    var h = (key.x ^ (key.x >> 16u)) * 0x7feb352du;
    h = (h ^ (h >> 15u) ^ key.y) * 0x846ca68bu;
    return h ^ (h >> 16u);
}

fn find(at: vec3<u32>) -> u32 {
    let key = vec2<u32>(at.x | (at.y << 21u), (at.y >> 11u) | (at.z << 10u));
    var slot = hash(key) & part.last_slot;
    for (var tried = 0u; tried <= part.last_slot; tried++) {
        let entry = slots[part.slot + slot];
        if entry == 0u { return ABSENT; }
        if all(keys[part.other + entry - 1u] == key) { return entry - 1u; }
        slot = (slot + 1u) & part.last_slot;
    }
    return ABSENT;
}

fn neighbor(row: u32, offset: u32) -> u32 {
    let key = keys[part.voxel + row];
    let at = vec3<u32>(key.x & 0x1fffffu, (key.x >> 21u) | ((key.y & 0x3ffu) << 11u), key.y >> 10u);
    let n = part.kernel;
    let step = vec3<u32>(offset % n, offset / n % n, offset / n / n);
    if part.relation == WITHIN { return find(at + step - vec3<u32>(n / 2u)); }
    if part.relation == CHILD { return find(2u * at + step - vec3<u32>(ORIGIN)); }
    if any((at & vec3<u32>(1u)) != step) { return ABSENT; }
    return find((at + vec3<u32>(ORIGIN)) / 2u);
}

@compute @workgroup_size(GROUP)
fn kernel_map(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let number = group.y * groups.x + group.x;
    var at = 0u;
    while at + 1u < info.count && number >= info.parts[at + 1u].group { at++; }
    part = info.parts[at];
    let start = (number - part.group) * STRETCH;
    let rows = min(max(part.count, start) - start, STRETCH);
    // With more offsets than bits, evenly spaced offsets represent all.
    let bits = min(part.offsets, 32u);
    for (var i = lane; i < STRETCH; i += GROUP) {
        var mask = 0u;
        for (var bit = 0u; bit < bits && i < rows; bit++) {
            mask |= u32(neighbor(start + i, bit * part.offsets / bits) != ABSENT) << bit;
        }
        present[i] = select(ABSENT, mask, i < rows);
        order[i] = i;
    }
    for (var size = 2u; size <= STRETCH; size *= 2u) {
        for (var gap = size / 2u; gap > 0u; gap /= 2u) {
            workgroupBarrier();
            for (var pair = lane; pair < STRETCH / 2u; pair += GROUP) {
                let a = pair / gap * 2u * gap + pair % gap;
                let b = a + gap;
                let descending = (a & size) != 0u;
                let larger = present[a] > present[b] || (present[a] == present[b] && order[a] > order[b]);
                if larger != descending {
                    let mask = present[a];
                    let row = order[a];
                    present[a] = present[b];
                    order[a] = order[b];
                    present[b] = mask;
                    order[b] = row;
                }
            }
        }
    }
    workgroupBarrier();
    for (var i = lane; i < STRETCH; i += GROUP) {
        let place = start + i;
        if place >= part.places { continue; }
        let row = order[i];
        let there = row < rows;
        let mask = present[i];
        tables[part.table + part.offsets * part.places + place] = select(0u, start + row, there);
        for (var offset = 0u; offset < part.offsets; offset++) {
            var found = ABSENT;
            // A bit stands for several offsets if there are more offsets than bits.
            if there && (part.offsets > bits || ((mask >> offset) & 1u) == 1u) {
                found = neighbor(start + row, offset);
            }
            tables[part.table + offset * part.places + place] = found;
        }
    }
}
