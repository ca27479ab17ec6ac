//! Instances as superpoint sets, and their embeddings as f16 in two planes of bytes.

use half::f16;

use super::{
    BundleError,
    bytes::{Cursor, push_varint},
    container::Section,
    limits::{MAX_CLAIMS, check_claims},
};
use crate::{
    geometry::Aabb,
    instances::{Instance, Segmentation},
    text::TextSpace,
};

/// The maximum size in bytes of an instance besides its superpoints: count, points, score, bounds,
/// [`RESERVED`].
const MAX_HEAD: usize = 5 + 5 + 4 + 24 + 1;

/// What is wrong with an instance whose bytes run out.
const SHORT: &str = "ends early";

/// The last byte of an instance. Another value would announce a field that this version lacks.
const RESERVED: u8 = 0;

/// An upper bound of the number of bytes that [`encode_sets`] writes.
pub(super) fn max_sets_len(instances: usize, superpoints: usize) -> usize {
    size_of::<f32>()
        + instances * MAX_HEAD
        + instances.saturating_mul(superpoints).min(MAX_CLAIMS) * 5
}

/// The number of bytes that [`encode_embeddings`] writes. The width of a space is limited.
pub(super) const fn embeddings_len(instances: usize, space: &TextSpace) -> usize {
    2 * space.width * instances
}

/// Encodes the logit scale and, per instance, the number of superpoints, the first id, the gaps
/// between ids, points, score, bounds and [`RESERVED`]. Readers count and measure the points
/// themselves.
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
    let malformed = |problem: String| BundleError::malformed(Section::Instances, problem);
    let mut cursor = Cursor(sets);
    let logit_scale = cursor
        .finite()
        .ok_or_else(|| malformed("the logit scale is missing or not finite".into()))?;
    let mut instances: Vec<Instance> = Vec::with_capacity(count);
    let mut claims = 0;
    for index in 0..count {
        let members = cursor
            .varint()
            .ok_or_else(|| malformed(format!("instance {index} {SHORT}")))?
            as usize;
        claims = members.saturating_add(claims);
        check_claims(claims)?;
        let mut instance = decode_set(&mut cursor, members, superpoints)
            .map_err(|problem| malformed(format!("instance {index} {problem}")))?;
        if let Some(previous) = instances.last()
            && previous.score < instance.score
        {
            return Err(malformed(format!(
                "instance {index} has a score of {}, higher than the {} of the one before",
                instance.score, previous.score
            )));
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
        return Err(malformed(format!(
            "{} bytes come after the last instance",
            cursor.0.len()
        )));
    }
    Ok(Segmentation {
        space,
        instances,
        logit_scale,
    })
}

/// Decodes what follows the number of superpoints of an instance, without the embedding.
///
/// # Errors
/// What is wrong with the instance.
fn decode_set(cursor: &mut Cursor, members: usize, count: usize) -> Result<Instance, String> {
    if !(1..=count).contains(&members) {
        return Err(format!(
            "has {members} superpoints, it must have from 1 to {count}"
        ));
    }
    if members > cursor.0.len() {
        return Err(SHORT.to_owned());
    }
    let mut superpoints = Vec::with_capacity(members);
    let mut next = 0_u64;
    for _ in 0..members {
        let superpoint = next + u64::from(cursor.varint().ok_or(SHORT)?);
        if superpoint >= count as u64 {
            return Err(format!(
                "has superpoint {superpoint}, but there are only {count}"
            ));
        }
        superpoints.push(superpoint as u32);
        next = superpoint + 1;
    }
    let points = cursor.varint().ok_or(SHORT)?;
    let score = cursor.array().map(f32::from_le_bytes).ok_or(SHORT)?;
    if !(0.0..=1.0).contains(&score) {
        return Err(format!(
            "has a score of {score}, it must be between 0 and 1"
        ));
    }
    let bounds = decode_box(cursor).ok_or("has a bounding box that is cut short or not finite")?;
    let reserved = cursor.u8().ok_or(SHORT)?;
    if reserved != RESERVED {
        return Err(format!("ends with {reserved}, it must be {RESERVED}"));
    }
    Ok(Instance {
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
