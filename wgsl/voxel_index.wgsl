// Inserts every voxel of a level into a hash table, so that `kernel_map` finds it by its
// coordinates.
//
// One thread inserts one voxel, at the first free slot from its hash on. The order of voxels with
// the same hash depends on the device's timing; the result of a look-up does not, because all
// voxels are distinct.
//
// binding  access      element      shape       meaning
// 0        read        i32          [count, 3]  voxels
// 1        read_write  atomic<u32>  [slots]     0, or 1 + the row of the voxel in this slot
// 2        uniform     Info
//
// Workgroup: 64 threads, without shared memory: a multiple of every GPU's subgroup size.
// Invariants: all slots are 0 at the start; their number is a power of two and at least twice that
// of the voxels, so that a free slot is near; lanes past the last voxel return. `kernel_map.wgsl`
// uses the same hash.
// Definition: `ops::Level`.

struct Info {
    count: u32,
    last_slot: u32, // number of slots - 1
    pad_0: u32,
    pad_1: u32,
}

const GROUP: u32 = 64u;

@group(0) @binding(0) var<storage, read> voxels: array<i32>;
@group(0) @binding(1) var<storage, read_write> slots: array<atomic<u32>>;
@group(0) @binding(2) var<uniform> info: Info;

fn hash(at: vec3<i32>) -> u32 {
    let mixed = vec3<u32>(at) * vec3<u32>(73856093u, 19349663u, 83492791u);
    var h = mixed.x ^ mixed.y ^ mixed.z;
    h = (h ^ (h >> 16u)) * 0x7feb352du;
    return h ^ (h >> 15u);
}

@compute @workgroup_size(GROUP)
fn voxel_index(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let row = (group.y * groups.x + group.x) * GROUP + lane;
    if row >= info.count { return; }
    let at = vec3<i32>(voxels[3u * row], voxels[3u * row + 1u], voxels[3u * row + 2u]);
    var slot = hash(at) & info.last_slot;
    for (var tried = 0u; tried <= info.last_slot; tried++) {
        // The weak exchange may fail on a free slot, which is then tried again.
        let result = atomicCompareExchangeWeak(&slots[slot], 0u, row + 1u);
        if result.exchanged { return; }
        if result.old_value != 0u { slot = (slot + 1u) & info.last_slot; }
    }
}
