//! PyTorch files with one or more arrays, the form in which data sets are stored: a tensor, or a
//! tuple or list of tensors and NumPy arrays. Checkpoints, which are dictionaries, are read by
//! `trainer import`.

mod pickle;

use std::{
    fs::File,
    io::Read,
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context, bail, ensure};
use half::{bf16, f16};
use zip::ZipArchive;

/// Maximum size in bytes of the pickle, which contains whole NumPy arrays.
const PICKLE_LIMIT: u64 = 1 << 30;
/// Maximum size in bytes of one array.
const ARRAY_LIMIT: usize = 4 << 30;

/// Element type of an array.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Element {
    F64,
    F32,
    F16,
    Bf16,
    I64,
    I32,
    I16,
    I8,
    U8,
    Bool,
}

impl Element {
    fn size(self) -> usize {
        match self {
            Self::F64 | Self::I64 => 8,
            Self::F32 | Self::I32 => 4,
            Self::F16 | Self::Bf16 | Self::I16 => 2,
            Self::I8 | Self::U8 | Self::Bool => 1,
        }
    }
}

/// Location of the bytes of an array.
#[derive(Clone, Debug)]
enum Bytes {
    /// In the pickle, row-major. One array may be in several places of a list.
    Here(Arc<Vec<u8>>),
    /// In a storage of the archive, starting at the element `first`.
    Storage { key: String, first: usize },
}

/// An array whose description, but not its data, has been read.
#[derive(Clone, Debug)]
struct Array {
    element: Element,
    shape: Vec<usize>,
    bytes: Bytes,
}

/// An open file.
pub struct TorchFile {
    path: PathBuf,
    archive: ZipArchive<File>,
    /// Folder inside the archive.
    folder: String,
    arrays: Vec<Array>,
}

impl TorchFile {
    /// Opens a file and reads the descriptions of its arrays.
    ///
    /// # Errors
    /// The file is not an archive of PyTorch (1.6 or later), or contains something other than
    /// arrays.
    pub fn open(path: &Path) -> anyhow::Result<Self> {
        let open = || -> anyhow::Result<Self> {
            let mut archive = ZipArchive::new(File::open(path)?)
                .context("the file is not an archive of PyTorch 1.6 or later; an older file can be read after torch.save(torch.load(file), file)")?;
            let name = archive
                .file_names()
                .filter_map(Result::ok)
                .find(|name| name.ends_with("/data.pkl"));
            let name = name.context("the archive has no data.pkl")?.into_owned();
            let mut entry = archive.by_name(&name)?;
            ensure!(
                entry.size() <= PICKLE_LIMIT,
                "{name} has {} bytes, the limit is {PICKLE_LIMIT}",
                entry.size()
            );
            let mut bytes = Vec::new();
            entry.by_ref().take(PICKLE_LIMIT).read_to_end(&mut bytes)?;
            drop(entry);
            let arrays = pickle::arrays(&bytes).with_context(|| format!("in {name}"))?;
            let folder = name.trim_end_matches("data.pkl").to_owned();
            Ok(Self {
                path: path.to_owned(),
                archive,
                folder,
                arrays,
            })
        };
        open().with_context(|| format!("cannot read {}", path.display()))
    }

    /// Number of arrays.
    pub fn len(&self) -> usize {
        self.arrays.len()
    }

    /// The shape of an array.
    pub fn shape(&self, array: usize) -> &[usize] {
        &self.arrays[array].shape
    }

    /// The numbers of an array, row-major.
    ///
    /// # Errors
    /// The bytes of the array are missing.
    pub fn floats(&mut self, array: usize) -> anyhow::Result<Vec<f32>> {
        let element = self.arrays[array].element;
        if !matches!(
            element,
            Element::F64 | Element::F32 | Element::F16 | Element::Bf16
        ) {
            return Ok(self
                .integers(array)?
                .into_iter()
                .map(|n| n as f32)
                .collect());
        }
        let bytes = self.bytes(array)?;
        Ok(match element {
            Element::F64 => bytes
                .as_chunks()
                .0
                .iter()
                .map(|b| f64::from_le_bytes(*b) as f32)
                .collect(),
            Element::F32 => bytes
                .as_chunks()
                .0
                .iter()
                .map(|b| f32::from_le_bytes(*b))
                .collect(),
            Element::F16 => bytes
                .as_chunks()
                .0
                .iter()
                .map(|b| f16::from_le_bytes(*b).to_f32())
                .collect(),
            _ => bytes
                .as_chunks()
                .0
                .iter()
                .map(|b| bf16::from_le_bytes(*b).to_f32())
                .collect(),
        })
    }

    /// The integers of an array, row-major.
    ///
    /// # Errors
    /// The bytes of the array are missing, or a value is not a 32-bit integer.
    pub fn integers(&mut self, array: usize) -> anyhow::Result<Vec<i32>> {
        let path = self.path.clone();
        let whole = |x: f64| -> anyhow::Result<i32> {
            ensure!(
                x.fract() == 0.0 && x.abs() <= f64::from(i32::MAX),
                "array {array} of {} has the value {x}, which is not a 32-bit whole number",
                path.display()
            );
            Ok(x as i32)
        };
        let bytes = self.bytes(array)?;
        match self.arrays[array].element {
            Element::F64 => bytes
                .as_chunks()
                .0
                .iter()
                .map(|b| whole(f64::from_le_bytes(*b)))
                .collect(),
            Element::I64 => bytes
                .as_chunks()
                .0
                .iter()
                .map(|b| whole(i64::from_le_bytes(*b) as f64))
                .collect(),
            Element::I32 => Ok(bytes
                .as_chunks()
                .0
                .iter()
                .map(|b| i32::from_le_bytes(*b))
                .collect()),
            Element::I16 => Ok(bytes
                .as_chunks()
                .0
                .iter()
                .map(|b| i16::from_le_bytes(*b).into())
                .collect()),
            Element::I8 => Ok(bytes.into_iter().map(|b| (b as i8).into()).collect()),
            Element::U8 | Element::Bool => Ok(bytes.into_iter().map(i32::from).collect()),
            Element::F32 | Element::F16 | Element::Bf16 => self
                .floats(array)?
                .into_iter()
                .map(|x| whole(x.into()))
                .collect(),
        }
    }

    fn bytes(&mut self, array: usize) -> anyhow::Result<Vec<u8>> {
        let Array {
            element,
            shape,
            bytes,
        } = &self.arrays[array];
        let size = shape
            .iter()
            .try_fold(element.size(), |size, n| size.checked_mul(*n))
            .filter(|size| *size <= ARRAY_LIMIT);
        let size = size.with_context(|| {
            format!(
                "array {array} of {} has the shape {shape:?}, more than {ARRAY_LIMIT} bytes",
                self.path.display()
            )
        })?;
        match bytes {
            Bytes::Here(bytes) => {
                ensure!(
                    bytes.len() == size,
                    "array {array} of {} has {} bytes instead of {size}",
                    self.path.display(),
                    bytes.len()
                );
                Ok(bytes.to_vec())
            }
            Bytes::Storage { key, first } => {
                let name = format!("{}data/{key}", self.folder);
                let entry = self
                    .archive
                    .by_name(&name)
                    .with_context(|| format!("cannot read {name} of {}", self.path.display()))?;
                let skip = first
                    .checked_mul(element.size())
                    .context("an offset is larger than memory")? as u64;
                let mut entry = entry.take(skip.saturating_add(size as u64));
                std::io::copy(&mut entry.by_ref().take(skip), &mut std::io::sink())?;
                let mut values = Vec::new();
                entry
                    .read_to_end(&mut values)
                    .with_context(|| format!("cannot read {name} of {}", self.path.display()))?;
                if values.len() != size {
                    bail!(
                        "{name} of {} has {} bytes from byte {skip} on, array {array} needs {size}",
                        self.path.display(),
                        values.len()
                    );
                }
                Ok(values)
            }
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
