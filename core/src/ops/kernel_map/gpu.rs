//! Tables of neighbours built on the GPU that reads them, those of all levels of a scene together.
//! Only the keys of the voxels are uploaded, eight bytes each, and nothing is read back.
//!
//! There are three launches, since no workgroup of a launch can wait for all others: slots of hash
//! tables are cleared, `wgsl/voxel_index.wgsl` enters the voxels, and `wgsl/kernel_map.wgsl` looks
//! up their neighbours. What one of them has for each level or table is in its uniform.
//!
//! A table of 27 offsets is written once, 112 bytes per voxel; its construction takes 27 look-ups
//! per voxel and one more for each neighbour that there is, of about two random reads each.

use std::sync::{Arc, OnceLock};

use burn::{
    backend::{
        ops::IntTensorOps as _,
        wgpu::{CubeBackend, CubeTensor},
    },
    tensor::{IntDType, Shape},
};
use cubecl::{client::Client, server::Handle};

use super::{Level, NeighborTable, Pairing, Relation};
use crate::ops::wgsl::{BINDING_LIMIT, OnDevice, Shader};

const INDEX: Shader = Shader::new(
    "voxel_index",
    include_str!("../../../../wgsl/voxel_index.wgsl"),
);
const MAP: Shader = Shader::new(
    "kernel_map",
    include_str!("../../../../wgsl/kernel_map.wgsl"),
);
const LISTS: Shader = Shader::new(
    "pair_lists",
    include_str!("../../../../wgsl/pair_lists.wgsl"),
);

/// Levels that one launch of [`INDEX`] takes, and words about each.
const LEVELS: [usize; 2] = [16, 4];
/// Parts of tables that one launch of [`MAP`] takes, and words about each.
const PARTS: [usize; 2] = [32, 12];
/// Words of a uniform before those about levels or parts.
const HEAD: usize = 4;
/// Rows that one workgroup of [`MAP`] sorts.
const STRETCH: usize = 512;
/// Bytes of a pair of rows.
const PAIR: usize = 2 * size_of::<u32>();
/// Threads per workgroup.
const GROUP: usize = 64;
/// The rows of a table are padded to a multiple of this: whole tiles of every shader that reads it,
/// and one stretch of a list of pairs.
pub(in crate::ops) const PLACES: usize = 64;

/// Consecutive rows of a table of neighbours on a device, sorted so that rows with similar
/// neighbourhoods are next to each other: they share a thread, which computes every offset that one
/// of them needs for all of them.
pub(in crate::ops) struct TableBlock {
    /// First row.
    pub first: usize,
    /// Number of rows.
    pub count: usize,
    /// Number of places, the sorted rows padded to whole tiles.
    pub places: usize,
    /// `(offsets + 1, places)`: the neighbours of each place, then the row of each place, counted
    /// from `first`.
    pub table: Handle,
    pairs: OnceLock<PairList>,
}

/// The pairs of a block, listed by offset, which only gradients with respect to weights read.
pub(in crate::ops) struct PairList {
    /// `(offsets, places, 2)`: the input and the output row of each pair, from the start of its
    /// stretch of [`PLACES`] places on.
    pub pairs: Handle,
    /// `(offsets, stretches)`: the number of pairs of each stretch.
    pub counts: Handle,
}

impl TableBlock {
    /// Returns the pairs, listed on first use: eight bytes per place and offset.
    pub fn pair_list(&self, client: &Client, offsets: usize) -> &PairList {
        self.pairs.get_or_init(|| {
            let stretches = self.places / PLACES;
            let list = PairList {
                pairs: client.empty(offsets * self.places * PAIR),
                counts: client.empty(offsets * stretches * size_of::<u32>()),
            };
            LISTS.launch(
                client,
                offsets * stretches,
                [&self.table, &list.pairs, &list.counts].map(Clone::clone),
                [self.first, self.places, offsets, stretches].map(|word| word as u32),
            );
            list
        })
    }
}

impl NeighborTable {
    /// Returns the table on the device of `like`, in blocks that fit a binding, built on first use
    /// together with the others of its batch. Both sides must have at least one row.
    pub(in crate::ops) fn blocks_beside(&self, like: &CubeTensor) -> Arc<Vec<TableBlock>> {
        let (batch, place) = self.table.batch();
        let tables = batch
            .on_device
            .get(&like.device, || tables_beside(&batch.pairings, like));
        tables[*place].clone()
    }
}

/// The tables that a device builds together, at the first use of one of them.
#[derive(Debug)]
pub(super) struct Batch {
    pairings: Vec<Pairing>,
    on_device: OnDevice<Vec<Arc<Vec<TableBlock>>>>,
}

impl Batch {
    pub fn new(pairings: Vec<Pairing>) -> Self {
        Self {
            pairings,
            on_device: OnDevice::default(),
        }
    }

    /// How many of the first `pairings`, at least one, have levels whose hash tables have at most
    /// `limit` bytes together. The keys of voxels have no more than these.
    pub fn fitting(pairings: &[Pairing], limit: usize) -> usize {
        let (mut levels, mut slots) = (Vec::<&Level>::new(), 0);
        for (count, Pairing { rows, others, .. }) in pairings.iter().enumerate() {
            for level in [rows, others] {
                if !levels.iter().any(|known| known.is(level)) {
                    levels.push(level);
                    slots += slots_of(level);
                }
            }
            if slots * size_of::<u32>() > limit {
                return count.max(1);
            }
        }
        pairings.len()
    }
}

/// Number of slots of a level's hash table: a power of two, and at least two for each voxel.
fn slots_of(level: &Level) -> usize {
    (2 * level.len()).next_power_of_two()
}

/// The voxels of several levels on a device, one level after the other, with a hash table of each.
struct Index {
    levels: Vec<IndexedLevel>,
    /// `(voxels, 2)`: the keys of all levels.
    keys: Handle,
    /// The hash tables of all levels.
    slots: Handle,
}

/// Where a level is in an [`Index`].
struct IndexedLevel {
    level: Level,
    first_row: usize,
    first_slot: usize,
    /// Number of slots minus 1; the number of slots is a power of two.
    last_slot: usize,
}

impl Index {
    /// Uploads the levels of these `pairings` and enters their voxels into hash tables.
    fn new<'a>(pairings: impl Iterator<Item = &'a Pairing>, like: &CubeTensor) -> Self {
        let (mut levels, mut keys, mut slots) = (Vec::<IndexedLevel>::new(), Vec::new(), 0);
        for level in pairings.flat_map(|Pairing { rows, others, .. }| [rows, others]) {
            if levels.iter().any(|known| known.level.is(level)) {
                continue;
            }
            let count = slots_of(level);
            levels.push(IndexedLevel {
                level: level.clone(),
                first_row: keys.len(),
                first_slot: slots,
                last_slot: count - 1,
            });
            keys.extend(level.keys());
            slots += count;
        }
        let index = Self {
            levels,
            keys: like.client.create_from_slice(bytemuck::cast_slice(&keys)),
            slots: CubeBackend::int_zeros(Shape::new([slots]), &like.device, IntDType::I32).handle,
        };
        for levels in index.levels.chunks(LEVELS[0]) {
            let (first, last) = (&levels[0], &levels[levels.len() - 1]);
            let end = last.first_row + last.level.len();
            let mut info = [0; HEAD + LEVELS[0] * LEVELS[1]];
            info[..HEAD].copy_from_slice(&[first.first_row, end, levels.len(), 0]);
            for (words, level) in info[HEAD..].chunks_exact_mut(LEVELS[1]).zip(levels) {
                words.copy_from_slice(&[level.first_row, level.first_slot, level.last_slot, 0]);
            }
            INDEX.launch(
                &like.client,
                end - first.first_row,
                [index.keys.clone(), index.slots.clone()],
                info.map(|word| word as u32),
            );
        }
        index
    }

    /// Where `level` is, one of those that are uploaded.
    fn of(&self, level: &Level) -> &IndexedLevel {
        let found = self.levels.iter().find(|known| known.level.is(level));
        found.expect("the levels of all tables are uploaded")
    }
}

/// Consecutive rows of a table, with lists of pairs that fit a binding.
#[derive(Clone, Copy, Debug)]
struct Part {
    /// Index of the table.
    table: usize,
    offsets: usize,
    first: usize,
    count: usize,
    places: usize,
}

impl Part {
    /// The parts of a table of that many `rows` and `offsets`.
    fn of_table(table: usize, rows: usize, offsets: usize) -> impl Iterator<Item = Self> {
        let most = BINDING_LIMIT / PAIR / (offsets + 1) / PLACES * PLACES;
        (0..rows).step_by(most).map(move |first| {
            let count = (rows - first).min(most);
            Self {
                table,
                offsets,
                first,
                count,
                places: count.next_multiple_of(PLACES),
            }
        })
    }

    fn bytes(&self) -> usize {
        (self.offsets + 1) * self.places * size_of::<u32>()
    }

    /// How many of the first `parts` one launch takes: all that fit a binding and the uniform.
    fn together(parts: &[Self]) -> usize {
        let mut bytes = 0;
        let fits = |part: &&Self| {
            bytes += part.bytes();
            bytes <= BINDING_LIMIT
        };
        parts.iter().take(PARTS[0]).take_while(fits).count()
    }
}

/// Builds the tables of all `pairings` on the device of `like`. A table has no blocks if one of its
/// sides has no rows.
fn tables_beside(pairings: &[Pairing], like: &CubeTensor) -> Vec<Arc<Vec<TableBlock>>> {
    let is_real = |pairing: &&Pairing| !pairing.rows.is_empty() && !pairing.others.is_empty();
    let parts: Vec<Part> = pairings
        .iter()
        .enumerate()
        .filter(|(_, pairing)| is_real(pairing))
        .flat_map(|(table, Pairing { rows, relation, .. })| {
            Part::of_table(table, rows.len(), relation.offsets())
        })
        .collect();
    let mut blocks: Vec<Vec<TableBlock>> = pairings.iter().map(|_| Vec::new()).collect();
    if !parts.is_empty() {
        let index = Index::new(pairings.iter().filter(is_real), like);
        let mut rest = &parts[..];
        while !rest.is_empty() {
            let (now, later) = rest.split_at(Part::together(rest).max(1));
            for (part, block) in now
                .iter()
                .zip(blocks_of(now, pairings, &index, &like.client))
            {
                blocks[part.table].push(block);
            }
            rest = later;
        }
    }
    blocks.into_iter().map(Arc::new).collect()
}

/// Builds these `parts` with one launch.
fn blocks_of(
    parts: &[Part],
    pairings: &[Pairing],
    index: &Index,
    client: &Client,
) -> Vec<TableBlock> {
    let size: usize = parts.iter().map(Part::bytes).sum();
    let tables = client.empty(size);
    let mut info = [0; HEAD + PARTS[0] * PARTS[1]];
    info[0] = parts.len();
    let (mut groups, mut start) = (0, 0);
    let mut blocks = Vec::with_capacity(parts.len());
    for (words, part) in info[HEAD..].chunks_exact_mut(PARTS[1]).zip(parts) {
        let Pairing {
            rows,
            others,
            relation,
        } = &pairings[part.table];
        let (relation, kernel) = match relation {
            Relation::Within(kernel) => (0, *kernel),
            Relation::Child(_) => (1, 2),
            Relation::Parent(_) => (2, 2),
        };
        let others = index.of(others);
        words.copy_from_slice(&[
            groups,
            start / size_of::<u32>(),
            index.of(rows).first_row + part.first,
            part.count,
            part.places,
            part.offsets,
            others.first_row,
            others.first_slot,
            others.last_slot,
            relation,
            kernel,
            0,
        ]);
        groups += part.count.div_ceil(STRETCH);
        let end = start + part.bytes();
        blocks.push(TableBlock {
            first: part.first,
            count: part.count,
            places: part.places,
            table: tables
                .clone()
                .offset_start(start as u64)
                .offset_end((size - end) as u64),
            pairs: OnceLock::new(),
        });
        start = end;
    }
    MAP.launch(
        client,
        groups * GROUP,
        [index.keys.clone(), index.slots.clone(), tables],
        info.map(|word| word as u32),
    );
    blocks
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_batch_has_levels_whose_hash_tables_fit() {
        let level = |voxels: i32| Level::new((0..voxels).map(|x| [x, 0, 0]).collect()).unwrap();
        let pairing = |rows: &Level, others: &Level| Pairing {
            rows: rows.clone(),
            others: others.clone(),
            relation: Relation::Within(3),
        };
        // 256 and 128 slots, of four bytes each.
        let (fine, coarse) = (level(100), level(50));
        let list = [
            pairing(&fine, &fine),
            pairing(&fine, &fine),
            pairing(&fine, &coarse),
            pairing(&coarse, &coarse),
        ];
        for (limit, count) in [(0, 1), (1023, 1), (1024, 2), (1535, 2), (1536, 4)] {
            assert_eq!(Batch::fitting(&list, limit), count, "{limit}");
        }
    }

    #[test]
    fn parts_have_every_row_once_and_fit_the_bindings_of_their_launch() {
        let sizes = [
            (1, 27),
            (64, 125),
            (700_000, 27),
            (1 << 20, 125),
            (0, 8),
            (1 << 23, 1),
        ];
        let many = std::iter::repeat_n((65, 8), 70);
        let sizes: Vec<(usize, usize)> = sizes.into_iter().chain(many).collect();
        let parts: Vec<Part> = sizes
            .iter()
            .enumerate()
            .flat_map(|(table, (rows, offsets))| Part::of_table(table, *rows, *offsets))
            .collect();
        for (table, (rows, _)) in sizes.iter().enumerate() {
            let mut next = 0;
            for part in parts.iter().filter(|part| part.table == table) {
                assert_eq!(part.first, next);
                assert!(part.places.is_multiple_of(PLACES) && part.places >= part.count);
                next += part.count;
            }
            assert_eq!(next, *rows);
        }
        let (mut rest, mut launches) = (&parts[..], 0);
        while !rest.is_empty() {
            let count = Part::together(rest);
            assert!((1..=PARTS[0]).contains(&count), "{:?}", rest[0]);
            let bytes: usize = rest[..count].iter().map(Part::bytes).sum();
            assert!(bytes <= BINDING_LIMIT);
            let next = rest.get(count).map_or(BINDING_LIMIT, Part::bytes);
            assert!(count == PARTS[0] || rest.len() == count || bytes + next > BINDING_LIMIT);
            (rest, launches) = (&rest[count..], launches + 1);
        }
        assert!(launches > 3);
    }
}
