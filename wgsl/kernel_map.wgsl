// Kernel map of a sparse convolution: the table of neighbours, with its rows sorted so that rows
// with similar neighbourhoods are next to each other. A place is a position in that order.
//
// One workgroup builds the table of 512 consecutive rows. It looks every neighbour up twice: once
// to find out which exist, by which the rows are sorted in shared memory (bitonic sort), and once
// to write them in that order. Rows with equal neighbourhoods keep their order, so the result is
// the same on every device.
//
// binding  access      element  shape                  meaning
// 0        read        i32      [rows, 3]              voxels whose neighbours are looked up
// 1        read        i32      [others, 3]            voxels that are neighbours
// 2        read        u32      [last_slot + 1]        hash table of the others, see `voxel_index`
// 3        read_write  u32      [offsets + 1, places]  row of the other at each place, or
//                                                      0xffffffff; last, the row of each place
// 4        uniform     Info
//
// Workgroup: 64 threads, which share 4 KiB: a multiple of every GPU's subgroup size.
// Invariants: `places` is `count` rounded up to a multiple of 64; the padding has no neighbours and
// comes last.
// Definition: `ops::NeighborTable`.

struct Info {
    first: u32,     // first row of this table
    count: u32,     // rows of this table
    places: u32,
    last_slot: u32, // number of slots of the hash table - 1
    offsets: u32,
    relation: u32,  // WITHIN, CHILD or PARENT
    kernel: u32,    // kernel size
    pad_0: u32,
}

const GROUP: u32 = 64u;
const STRETCH: u32 = 512u;
const ABSENT: u32 = 0xffffffffu;
const WITHIN: u32 = 0u;
const CHILD: u32 = 1u;
const PARENT: u32 = 2u;

@group(0) @binding(0) var<storage, read> voxels: array<i32>;
@group(0) @binding(1) var<storage, read> others: array<i32>;
@group(0) @binding(2) var<storage, read> slots: array<u32>;
@group(0) @binding(3) var<storage, read_write> table: array<u32>;
@group(0) @binding(4) var<uniform> info: Info;

// The neighbours that a row has, one bit each; and the row, counted from the first of the stretch.
var<workgroup> present: array<u32, STRETCH>;
var<workgroup> order: array<u32, STRETCH>;

fn hash(at: vec3<i32>) -> u32 {
    let mixed = vec3<u32>(at) * vec3<u32>(73856093u, 19349663u, 83492791u);
    var h = mixed.x ^ mixed.y ^ mixed.z;
    h = (h ^ (h >> 16u)) * 0x7feb352du;
    return h ^ (h >> 15u);
}

fn find(at: vec3<i32>) -> u32 {
    var slot = hash(at) & info.last_slot;
    for (var tried = 0u; tried <= info.last_slot; tried++) {
        let entry = slots[slot];
        if entry == 0u { return ABSENT; }
        let row = entry - 1u;
        if all(vec3<i32>(others[3u * row], others[3u * row + 1u], others[3u * row + 2u]) == at) { return row; }
        slot = (slot + 1u) & info.last_slot;
    }
    return ABSENT;
}

fn neighbor(row: u32, offset: u32) -> u32 {
    let at = vec3<i32>(voxels[3u * row], voxels[3u * row + 1u], voxels[3u * row + 2u]);
    let n = info.kernel;
    let step = vec3<i32>(vec3<u32>(offset % n, offset / n % n, offset / n / n));
    if info.relation == WITHIN { return find(at + step - vec3<i32>(i32(n / 2u))); }
    if info.relation == CHILD { return find(2 * at + step); }
    if any((at & vec3<i32>(1)) != step) { return ABSENT; }
    return find(at >> vec3<u32>(1u));
}

@compute @workgroup_size(GROUP)
fn kernel_map(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let start = (group.y * groups.x + group.x) * STRETCH;
    let rows = min(max(info.count, start) - start, STRETCH);
    // With more offsets than bits, evenly spaced offsets represent all.
    let bits = min(info.offsets, 32u);
    for (var i = lane; i < STRETCH; i += GROUP) {
        var mask = 0u;
        for (var bit = 0u; bit < bits && i < rows; bit++) {
            mask |= u32(neighbor(info.first + start + i, bit * info.offsets / bits) != ABSENT) << bit;
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
        if place >= info.places { continue; }
        let row = order[i];
        let there = row < rows;
        table[info.offsets * info.places + place] = select(0u, start + row, there);
        for (var offset = 0u; offset < info.offsets; offset++) {
            var found = ABSENT;
            if there { found = neighbor(info.first + start + row, offset); }
            table[offset * info.places + place] = found;
        }
    }
}
