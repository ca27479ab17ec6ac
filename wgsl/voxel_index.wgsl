// Enters every voxel of several levels into the hash table of its level, so that `kernel_map` finds
// it by its coordinates.
//
// One thread enters one voxel, at the first free slot from its hash on. The order of voxels with
// the same hash depends on the device's timing; the result of a look-up does not, because all
// voxels of a level are distinct.
//
// binding  access      element      shape     meaning
// 0        read        vec2<u32>    [voxels]  keys of the voxels, one level after the other
// 1        read_write  atomic<u32>  [slots]   0, or 1 + the row of the voxel in this slot, counted
//                                             from the first of its level
// 2        uniform     Info
//
// Workgroup: 64 threads, without shared memory: a multiple of every GPU's subgroup size.
// Invariants: all slots are 0 at the start; the slots of a level are a power of two and at least
// twice as many as its voxels, so that a free slot is near; lanes past the last voxel return.
// `kernel_map.wgsl` uses the same hash.
// Definition: `ops::Level`.

struct IndexedLevel {
    row: u32,       // its first voxel
    slot: u32,      // its first slot
    last_slot: u32, // number of its slots - 1
    pad: u32,
}

struct Info {
    first: u32, // first voxel of these levels
    end: u32,   // the voxel after their last
    count: u32, // number of levels
    pad: u32,
    levels: array<IndexedLevel, 16>,
}

const GROUP: u32 = 64u;

@group(0) @binding(0) var<storage, read> keys: array<vec2<u32>>;
@group(0) @binding(1) var<storage, read_write> slots: array<atomic<u32>>;
@group(0) @binding(2) var<uniform> info: Info;

fn hash(key: vec2<u32>) -> u32 {
    var h = (key.x ^ (key.x >> 16u)) * 0x7feb352du;
    h = (h ^ (h >> 15u) ^ key.y) * 0x846ca68bu;
    return h ^ (h >> 16u);
}

@compute @workgroup_size(GROUP)
fn voxel_index(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let voxel = info.first + (group.y * groups.x + group.x) * GROUP + lane;
    if voxel >= info.end { return; }
    var at = 0u;
    while at + 1u < info.count && voxel >= info.levels[at + 1u].row { at++; }
    let level = info.levels[at];
    var slot = hash(keys[voxel]) & level.last_slot;
    for (var tried = 0u; tried <= level.last_slot; tried++) {
        // The weak exchange may fail on a free slot, which is then tried again.
        let result = atomicCompareExchangeWeak(&slots[level.slot + slot], 0u, voxel - level.row + 1u);
        if result.exchanged { return; }
        if result.old_value != 0u { slot = (slot + 1u) & level.last_slot; }
    }
}
