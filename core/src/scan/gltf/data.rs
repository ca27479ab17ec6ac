//! The numbers of a glTF file: buffers, views of them, and accessors.

use std::borrow::Cow;

use gltf_json::{
    Root,
    accessor::{ComponentType, Type},
    validation::Checked,
};

use super::malformed;
use crate::scan::{ReadError, Scalar};

/// The data of all buffers.
pub(super) struct Buffers<'a> {
    data: Vec<Cow<'a, [u8]>>,
}

/// The values of an accessor.
#[derive(Clone, Copy)]
pub(super) struct Numbers<'a> {
    data: &'a [u8],
    stride: usize,
    pub(super) count: usize,
    /// Numbers per value.
    pub(super) width: usize,
    pub(super) scalar: Scalar,
    is_normalized: bool,
}

impl Numbers<'_> {
    /// A number of a value, which must exist. Normalized integers are in 0 to 1, or -1 to 1.
    pub(super) fn at(&self, value: usize, number: usize) -> f64 {
        let at = value * self.stride + number * self.scalar.size();
        let number = self.scalar.read(&self.data[at..]);
        if !self.is_normalized {
            return number;
        }
        let largest = match self.scalar {
            Scalar::I8 => 127.0,
            Scalar::U8 => 255.0,
            Scalar::I16 => 32_767.0,
            Scalar::U16 => 65_535.0,
            _ => 1.0,
        };
        (number / largest).max(-1.0)
    }
}

impl<'a> Buffers<'a> {
    /// `binary` is the data of a GLB file.
    pub(super) fn new(root: &Root, binary: Option<&'a [u8]>) -> Result<Self, ReadError> {
        let mut data = Vec::new();
        for (number, buffer) in root.buffers.iter().enumerate() {
            data.push(match &buffer.uri {
                None => Cow::Borrowed(binary.filter(|_| number == 0).unwrap_or_default()),
                Some(uri) => embedded(uri).map(Cow::Owned).ok_or_else(|| {
                    let uri: String = uri.chars().take(80).collect();
                    malformed(format!(
                        "its data are in `{uri}`, another file; export it as GLB, which holds all"
                    ))
                })?,
            });
        }
        Ok(Self { data })
    }

    /// The bytes of a view, and the distance of its values if it states one.
    pub(super) fn view(
        &self,
        root: &Root,
        view: usize,
    ) -> Result<(&[u8], Option<usize>), ReadError> {
        let found = root
            .buffer_views
            .get(view)
            .ok_or_else(|| malformed(format!("buffer view {view} does not exist")))?;
        let number = found.buffer.value();
        let data = self
            .data
            .get(number)
            .ok_or_else(|| malformed(format!("buffer {number} does not exist")))?;
        let start = found.byte_offset.map_or(0, |offset| offset.0);
        let end = start.saturating_add(found.byte_length.0);
        let range = usize::try_from(start).ok().zip(usize::try_from(end).ok());
        let bytes = range
            .and_then(|(start, end)| data.get(start..end))
            .ok_or_else(|| {
                malformed(format!(
                    "buffer view {view} has the bytes {start} to {end}, its buffer has {}",
                    data.len()
                ))
            })?;
        Ok((
            bytes,
            found.byte_stride.map(|stride| stride.0).filter(|s| *s > 0),
        ))
    }

    /// The values of an accessor, all of which are there.
    pub(super) fn numbers(&self, root: &Root, accessor: usize) -> Result<Numbers<'_>, ReadError> {
        let found = root
            .accessors
            .get(accessor)
            .ok_or_else(|| malformed(format!("accessor {accessor} does not exist")))?;
        if found.sparse.is_some() {
            return Err(malformed(format!(
                "accessor {accessor} is sparse, which Segscape does not read"
            )));
        }
        let (Checked::Valid(component), Checked::Valid(kind)) =
            (&found.component_type, &found.type_)
        else {
            return Err(malformed(format!(
                "accessor {accessor} has an unknown type"
            )));
        };
        let scalar = match component.0 {
            ComponentType::I8 => Scalar::I8,
            ComponentType::U8 => Scalar::U8,
            ComponentType::I16 => Scalar::I16,
            ComponentType::U16 => Scalar::U16,
            ComponentType::U32 => Scalar::U32,
            ComponentType::F32 => Scalar::F32,
        };
        let width = match kind {
            Type::Scalar => 1,
            Type::Vec2 => 2,
            Type::Vec3 => 3,
            Type::Vec4 => 4,
            _ => {
                return Err(malformed(format!("accessor {accessor} holds matrices")));
            }
        };
        let view = found
            .buffer_view
            .ok_or_else(|| malformed(format!("accessor {accessor} has no data")))?;
        let (data, stride) = self.view(root, view.value())?;
        let size = width * scalar.size();
        let stride = stride.unwrap_or(size);
        let (offset, count) = (found.byte_offset.map_or(0, |o| o.0), found.count.0);
        let needed = match count {
            0 => 0,
            _ => offset
                .saturating_add((count - 1).saturating_mul(stride as u64))
                .saturating_add(size as u64),
        };
        if needed > data.len() as u64 {
            return Err(malformed(format!(
                "accessor {accessor} needs {needed} bytes for {count} values, its buffer view has {}",
                data.len()
            )));
        }
        Ok(Numbers {
            data: data.get(offset as usize..).unwrap_or_default(),
            stride,
            count: count as usize,
            width,
            scalar,
            is_normalized: found.normalized,
        })
    }
}

/// The data of a URI that holds them in base 64, RFC 4648; `None` for other URIs.
pub(super) fn embedded(uri: &str) -> Option<Vec<u8>> {
    let (_, text) = uri.strip_prefix("data:")?.split_once(";base64,")?;
    let mut data = Vec::with_capacity(text.len() / 4 * 3);
    let (mut bits, mut count) = (0u32, 0);
    for letter in text.bytes().take_while(|letter| *letter != b'=') {
        let value = match letter {
            b'A'..=b'Z' => letter - b'A',
            b'a'..=b'z' => letter - b'a' + 26,
            b'0'..=b'9' => letter - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            _ => return None,
        };
        bits = bits << 6 | u32::from(value);
        count += 6;
        if count >= 8 {
            count -= 8;
            data.push((bits >> count) as u8);
        }
    }
    Some(data)
}
