//! Reads one channel of an OpenEXR image, a format in which phones write depth.

use std::io::Cursor;

use ::exr::{
    meta::MetaData,
    prelude::{FlatSamples, ReadChannels, ReadLayers, read},
};

use super::image_file::check_size;
use crate::views::Map;

/// Names of the depth channel, in order of preference; otherwise the first channel is used.
const NAMES: [&str; 5] = ["Z", "R", "Y", "depth", "A"];

/// Reads a depth image of shape `(height, width, 1)`: metres, 0 where the file has no finite
/// positive number.
///
/// # Errors
/// What in the file is unsupported or damaged.
pub fn depth(file: &[u8]) -> Result<Map, String> {
    let words = |error: ::exr::error::Error| error.to_string();
    // the header is checked first, because memory is allocated for the sizes in it
    let header = MetaData::read_from_buffered(Cursor::new(file), false).map_err(words)?;
    for header in &header.headers {
        // all channels are decoded
        let (size, channels) = (header.layer_size, header.channels.list.len());
        check_size([size.0, size.1], channels, file.len())?;
    }
    let image = read()
        .no_deep_data()
        .largest_resolution_level()
        .all_channels()
        .first_valid_layer()
        .all_attributes()
        .non_parallel();
    let image = image.from_buffered(Cursor::new(file)).map_err(words)?;
    let layer = image.layer_data;
    let channels = &layer.channel_data.list;
    let named = NAMES
        .iter()
        .find_map(|name| channels.iter().find(|channel| channel.name.eq(name)));
    let channel = named
        .or_else(|| channels.first())
        .ok_or("the file has no channels")?;
    let values: Vec<f32> = match &channel.sample_data {
        FlatSamples::F16(values) => values.iter().map(|value| value.to_f32()).collect(),
        FlatSamples::F32(values) => values.clone(),
        FlatSamples::U32(_) => {
            return Err(format!(
                "the channel {} has whole numbers instead of lengths",
                channel.name
            ));
        }
    };
    let known = values
        .into_iter()
        .map(|value| {
            if value.is_finite() && value > 0.0 {
                value
            } else {
                0.0
            }
        })
        .collect();
    Map::new(known, [layer.size.1, layer.size.0, 1]).map_err(|error| error.to_string())
}

#[cfg(test)]
pub mod tests {
    #![allow(clippy::unwrap_used)]
    use ::exr::prelude::{
        AnyChannel, AnyChannels, Blocks, Compression, Encoding, Image, Layer, LayerAttributes,
        LineOrder, SmallVec, WritableImage, f16,
    };

    use super::*;

    /// An image of `width` columns with the channels A (f16, all 9) and R (f32, `depth`).
    pub fn encode(depth: &[f32], width: usize, compression: Compression) -> Vec<u8> {
        let others = FlatSamples::F16(vec![f16::from_f32(9.0); depth.len()]);
        let channels = [
            AnyChannel::new("A", others),
            AnyChannel::new("R", FlatSamples::F32(depth.to_vec())),
        ];
        let encoding = Encoding {
            compression,
            blocks: Blocks::ScanLines,
            line_order: LineOrder::Increasing,
        };
        let channels = AnyChannels::sort(SmallVec::from_iter(channels));
        let layer = Layer::new(
            (width, depth.len() / width),
            LayerAttributes::named("depth"),
            encoding,
            channels,
        );
        let mut file = Cursor::new(Vec::new());
        Image::from_layer(layer)
            .write()
            .non_parallel()
            .to_buffered(&mut file)
            .unwrap();
        file.into_inner()
    }

    #[test]
    fn depth_comes_back_whatever_packed_it() {
        let mut metres: Vec<f32> = (0..20 * 37)
            .map(|i| 0.5 + (i / 20) as f32 * 0.125)
            .collect();
        (metres[3], metres[4], metres[5]) = (f32::NAN, -1.0, f32::INFINITY);
        for compression in [
            Compression::Uncompressed,
            Compression::RLE,
            Compression::ZIP1,
            Compression::ZIP16,
            Compression::PIZ,
        ] {
            let map = depth(&encode(&metres, 20, compression)).unwrap();
            assert_eq!(map.size(), [37, 20]);
            for (i, expected) in metres.iter().enumerate() {
                let expected = if (3..6).contains(&i) { 0.0 } else { *expected };
                assert_eq!(
                    map.at(i / 20, i % 20),
                    [expected],
                    "pixel {i}, {compression:?}"
                );
            }
        }
    }

    #[test]
    fn damage_is_refused_and_takes_no_memory() {
        let good = encode(&[1.0; 32], 8, Compression::ZIP16);
        for end in 0..good.len() {
            assert!(depth(&good[..end]).is_err(), "cut after {end} bytes");
        }
        for at in 0..good.len() {
            let mut flipped = good.clone();
            flipped[at] ^= 0x7f;
            // the damaged file must neither cause a panic nor allocate more than the limit
            drop(depth(&flipped));
        }
        // the far corner of the data window
        let window = good.windows(10).position(|w| w == b"dataWindow").unwrap() + 10 + 1 + 6 + 4;
        let mut vast = good;
        vast[window + 8..window + 16].copy_from_slice(&[15_999i32.to_le_bytes(); 2].concat());
        let error = depth(&vast).unwrap_err();
        assert!(error.contains("pixels"), "{error}");
    }
}
