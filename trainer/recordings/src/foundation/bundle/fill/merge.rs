//! Moves results to the files of the bundle. Tensors are copied from file to file: those of a long
//! recording do not fit into memory.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, File},
    io::{self, BufWriter, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

use anyhow::{Context, ensure};
use safetensors::{Dtype, SafeTensors, tensor::Metadata, tensor::TensorInfo};
use segscape::foundation::{INDEX, Index, Mask, Named, TENSORS, masks_file, tensors::values};

use super::work::{IMAGE_FEATURES, MASK, OBJECT_FEATURES, SCORES, Work, replace};
use crate::foundation::gray16::save_gray16;

/// Longest header of a safetensors file, bytes.
const MAX_HEADER: u64 = 100 << 20;

/// Where a tensor lies.
#[derive(Clone, Debug)]
struct Place {
    file: PathBuf,
    dtype: Dtype,
    shape: Vec<usize>,
    /// First byte in the file, and number of bytes.
    from: u64,
    bytes: u64,
}

/// The tensors of a safetensors file, without their values.
#[derive(Debug, Default)]
pub(super) struct Header(BTreeMap<String, Place>);

impl Header {
    pub(super) fn read(path: &Path) -> anyhow::Result<Self> {
        let read = || -> anyhow::Result<Self> {
            let mut file = File::open(path)?;
            let length = file.metadata()?.len();
            let mut eight = [0; 8];
            file.read_exact(&mut eight)?;
            let header = u64::from_le_bytes(eight);
            ensure!(
                header <= MAX_HEADER && header + 8 <= length,
                "its header has {header} bytes, the file {length}"
            );
            let mut text = vec![0; header as usize];
            file.read_exact(&mut text)?;
            let metadata: Metadata = serde_json::from_slice(&text)?;
            ensure!(
                8 + header + metadata.data_len() as u64 == length,
                "its tensors have {} bytes, the file has {} for them",
                metadata.data_len(),
                length - 8 - header
            );
            let place = |(name, info): (String, &TensorInfo)| {
                let (from, to) = info.data_offsets;
                let place = Place {
                    file: path.to_owned(),
                    dtype: info.dtype,
                    shape: info.shape.clone(),
                    from: 8 + header + from as u64,
                    bytes: (to - from) as u64,
                };
                (name, place)
            };
            Ok(Self(metadata.tensors().into_iter().map(place).collect()))
        };
        read().with_context(|| format!("{} is not a safetensors file", path.display()))
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }
}

/// Moves the results to the bundle's files and returns the number of masks. What a run that was
/// stopped here had moved is moved again.
pub(super) fn merge(
    bundle: &Path,
    index: &mut Index,
    old: &Header,
    work: &Work,
) -> anyhow::Result<usize> {
    let mut places = old.0.clone();
    let mut count = 0;
    let mut masks = vec![];
    for entry in &mut index.images {
        if !work.has(&entry.name) {
            continue;
        }
        let file = work.file(&entry.name);
        let mut found = Header::read(&file)?;
        let objects = format!("object_features.{}", entry.name);
        if found.has(MASK) {
            let scores = scores(&file)?;
            count += scores.len();
            entry.instances = scores
                .into_iter()
                .map(|score| Named {
                    name: String::new(),
                    score,
                })
                .collect();
            // they described the masks that are replaced
            places.remove(&objects);
            masks.push((entry.name.clone(), file));
        }
        if let Some(place) = found.0.remove(IMAGE_FEATURES) {
            places.insert(format!("image_features.{}", entry.name), place);
        }
        if let Some(place) = found.0.remove(OBJECT_FEATURES) {
            places.insert(objects, place);
        }
    }
    for kind in ["image_features", "object_features"] {
        check_channels(&places, kind)?;
    }
    // masks last, which count on the lists: what was not written is moved again
    let tensors = bundle.join(TENSORS);
    replace(&tensors, |part| write(part, &places))?;
    let text = serde_json::to_vec_pretty(index)?;
    replace(&bundle.join(INDEX), |part| Ok(fs::write(part, &text)?))?;
    for (image, file) in masks {
        let (size, values) = mask(&file)?;
        replace(&bundle.join(masks_file(&image)), |part| {
            save_gray16(part, size, values)
        })?;
    }
    Ok(count)
}

/// All features of a kind must have one number of channels.
fn check_channels(places: &BTreeMap<String, Place>, kind: &str) -> anyhow::Result<()> {
    let channels: BTreeSet<usize> = places
        .iter()
        .filter(|(name, _)| {
            name.strip_prefix(kind)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        })
        .filter_map(|(_, place)| place.shape.last().copied())
        .collect();
    ensure!(
        channels.len() <= 1,
        "the bundle's {kind} would have {channels:?} channels, they must have the same number; compute all with the same model (--again)"
    );
    Ok(())
}

fn scores(file: &Path) -> anyhow::Result<Vec<f32>> {
    let bytes = fs::read(file)?;
    let tensors = SafeTensors::deserialize(&bytes)?;
    Ok(values::<f32>(&tensors.tensor(SCORES)?, SCORES)?)
}

fn mask(file: &Path) -> anyhow::Result<([usize; 2], Vec<u16>)> {
    let bytes = fs::read(file)?;
    let tensors = SafeTensors::deserialize(&bytes)?;
    let tensor = tensors.tensor(MASK)?;
    let words = tensor.data().as_chunks().0.iter();
    let values = words.map(|word| u16::from_le_bytes(*word)).collect();
    let [rows, columns] = tensor.shape()[..] else {
        anyhow::bail!("{} has no mask of two dimensions", file.display());
    };
    let mask = Mask::new(values, [rows, columns])
        .with_context(|| format!("{} has a mask without pixels", file.display()))?;
    Ok((mask.size(), mask.values().to_vec()))
}

/// Writes tensors to a file, from the files where they lie.
fn write(path: &Path, places: &BTreeMap<String, Place>) -> anyhow::Result<()> {
    // larger elements first, so that all are aligned
    let mut order: Vec<(&String, &Place)> = places.iter().collect();
    order.sort_by_key(|(_, place)| std::cmp::Reverse(place.dtype.bitsize()));
    let mut end = 0;
    let infos = order.iter().map(|(name, place)| {
        let from = end;
        end += place.bytes as usize;
        let info = TensorInfo {
            dtype: place.dtype,
            shape: place.shape.clone(),
            data_offsets: (from, end),
        };
        ((*name).clone(), info)
    });
    let infos = infos.collect();
    let mut header = serde_json::to_vec(&Metadata::new(None, infos)?)?;
    header.resize(header.len().next_multiple_of(8), b' ');
    let mut out = BufWriter::new(File::create(path)?);
    out.write_all(&(header.len() as u64).to_le_bytes())?;
    out.write_all(&header)?;
    let mut open: Option<(&Path, File)> = None;
    for (name, place) in order {
        let mut file = match open.take() {
            Some((path, file)) if path == place.file => file,
            _ => File::open(&place.file)?,
        };
        file.seek(SeekFrom::Start(place.from))?;
        let copied = io::copy(&mut (&mut file).take(place.bytes), &mut out)?;
        ensure!(
            copied == place.bytes,
            "{} ends in the middle of `{name}`",
            place.file.display()
        );
        open = Some((&place.file, file));
    }
    out.flush()?;
    Ok(())
}
