//! Instances as superpoint sets, and their embeddings as f16 in two planes of bytes.

use half::f16;

use super::{
    BundleError,
    bytes::{Cursor, push_varint},
    container::Section,
};
use crate::{
    geometry::Aabb,
    instances::{Instance, Segmentation},
    text::TextSpace,
};

/// The maximum size in bytes of an instance besides its superpoints: count, points, score, bounds,
/// [`RESERVED`].
const MAX_HEAD: usize = 5 + 5 + 4 + 24 + 1;

/// The last byte of an instance. Another value would announce a field that this version lacks.
const RESERVED: u8 = 0;

/// The maximum number of superpoints that all instances together may list: a thousand instances
/// that each have half of 100 000.
const MAX_MEMBERSHIPS: usize = 50_000_000;

/// An upper bound of the number of bytes that [`encode_sets`] writes.
pub(super) fn max_sets_len(instances: usize, superpoints: usize) -> usize {
    size_of::<f32>()
        + instances * MAX_HEAD
        + instances
            .saturating_mul(superpoints)
            .saturating_mul(5)
            .min(MAX_MEMBERSHIPS)
}

/// The number of bytes that [`encode_embeddings`] writes. The width of a space is limited.
pub(super) const fn embeddings_len(instances: usize, space: &TextSpace) -> usize {
    2 * space.width * instances
}

/// Encodes the logit scale and, per instance, the number of superpoints, the first id, the gaps
/// between ids, points, score, bounds and [`RESERVED`].
pub(super) fn encode_sets(segmentation: &Segmentation) -> Vec<u8> {
    let mut bytes = segmentation.logit_scale.to_le_bytes().to_vec();
    for instance in &segmentation.instances {
        push_varint(&mut bytes, instance.superpoints.len() as u32);
        let mut next = 0;
        for &superpoint in &instance.superpoints {
            assert!(superpoint >= next, "superpoint ids ascend");
            push_varint(&mut bytes, superpoint - next);
            next = superpoint + 1;
        }
        push_varint(&mut bytes, instance.points);
        bytes.extend(instance.score.to_le_bytes());
        push_box(&mut bytes, &instance.bounds);
        bytes.push(RESERVED);
    }
    bytes
}

fn push_box(bytes: &mut Vec<u8>, aabb: &Aabb) {
    bytes.extend(
        aabb.min
            .iter()
            .chain(&aabb.max)
            .flat_map(|value| value.to_le_bytes()),
    );
}

/// Encodes the embeddings: all low bytes, then all high bytes, both `(instances, width)` in
/// row-major order.
pub(super) fn encode_embeddings(segmentation: &Segmentation) -> Vec<u8> {
    let width = segmentation.space.width;
    let values = || {
        segmentation.instances.iter().flat_map(|instance| {
            assert_eq!(
                instance.embedding.len(),
                width,
                "an embedding has {width} values"
            );
            instance
                .embedding
                .iter()
                .map(|value| f16::from_f32(*value).to_le_bytes())
        })
    };
    values()
        .map(|[low, _]| low)
        .chain(values().map(|[_, high]| high))
        .collect()
}

pub(super) fn decode(
    sets: &[u8],
    embeddings: &[u8],
    count: usize,
    superpoints: usize,
    space: TextSpace,
) -> Result<Segmentation, BundleError> {
    if embeddings.len() != embeddings_len(count, &space) {
        return Err(BundleError::malformed(
            Section::Embeddings,
            format!(
                "{} bytes do not hold {count} embeddings of {space}",
                embeddings.len()
            ),
        ));
    }
    let mut cursor = Cursor(sets);
    let logit_scale = cursor.finite().ok_or_else(|| {
        BundleError::malformed(
            Section::Instances,
            "the logit scale is missing or not finite",
        )
    })?;
    let mut instances: Vec<Instance> = Vec::with_capacity(count);
    for index in 0..count {
        let mut instance = decode_set(&mut cursor, superpoints).ok_or_else(|| {
            BundleError::malformed(
                Section::Instances,
                format!("instance {index} ends early or has an impossible value"),
            )
        })?;
        if instances
            .last()
            .is_some_and(|previous| previous.score < instance.score)
        {
            return Err(BundleError::malformed(
                Section::Instances,
                format!("instance {index} has a higher score than the one before"),
            ));
        }
        instance.embedding = decode_embedding(embeddings, index, space.width).ok_or_else(|| {
            BundleError::malformed(
                Section::Embeddings,
                format!("the embedding of instance {index} is not finite"),
            )
        })?;
        instances.push(instance);
    }
    if !cursor.is_empty() {
        return Err(BundleError::malformed(
            Section::Instances,
            "there are bytes after the last instance",
        ));
    }
    Ok(Segmentation {
        space,
        instances,
        logit_scale,
    })
}

fn decode_set(cursor: &mut Cursor, count: usize) -> Option<Instance> {
    let members = cursor.varint()? as usize;
    if members == 0 || members > count || members > cursor.0.len() {
        return None;
    }
    let mut superpoints = Vec::with_capacity(members);
    let mut next = 0_u32;
    for _ in 0..members {
        let superpoint = next
            .checked_add(cursor.varint()?)
            .filter(|s| (*s as usize) < count)?;
        superpoints.push(superpoint);
        next = superpoint + 1;
    }
    let points = cursor.varint()?;
    let score = cursor
        .finite()
        .filter(|score| (0.0..=1.0).contains(score))?;
    let bounds = decode_box(cursor)?;
    if cursor.u8()? != RESERVED {
        return None;
    }
    Some(Instance {
        superpoints,
        score,
        embedding: Vec::new(),
        bounds,
        points,
    })
}

fn decode_box(cursor: &mut Cursor) -> Option<Aabb> {
    Some(Aabb {
        min: cursor.finite3()?,
        max: cursor.finite3()?,
    })
}

/// Rounding to f16 changes the length of a unit vector a little, so it is normalized again.
fn decode_embedding(planes: &[u8], index: usize, width: usize) -> Option<Vec<f32>> {
    let (low, high) = planes.split_at(planes.len() / 2);
    let row = index * width..(index + 1) * width;
    let mut values: Vec<f32> = low[row.clone()]
        .iter()
        .zip(&high[row])
        .map(|(low, high)| f16::from_le_bytes([*low, *high]).to_f32())
        .collect();
    let length = values.iter().map(|value| value * value).sum::<f32>().sqrt();
    if !length.is_finite() {
        return None;
    }
    if length > 0.0 {
        values.iter_mut().for_each(|value| *value /= length);
    }
    Some(values)
}
