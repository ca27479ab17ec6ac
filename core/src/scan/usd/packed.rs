//! The compression of crate files: LZ4 blocks in chunks (OpenUSD's `TfFastCompression`), and
//! integers as differences of few bits within them (`Sdf_IntegerCompression`).

/// The most bytes that a byte of an LZ4 block stands for.
const MOST_UNPACKED: usize = 255;

/// Unpacks chunks: their number, then the size of each and its LZ4 block; or zero and one block.
/// `most` is the largest number of bytes that they may have.
///
/// # Errors
/// The data are no such chunks, or unpack to more.
pub(super) fn unpacked(input: &[u8], most: usize) -> Result<Vec<u8>, String> {
    let Some((&chunks, mut rest)) = input.split_first() else {
        return Err("compressed data of no bytes".to_owned());
    };
    let mut out = Vec::new();
    if chunks == 0 {
        block(rest, most, &mut out)?;
        return Ok(out);
    }
    for _ in 0..chunks {
        let chunk = rest.split_first_chunk::<4>().and_then(|(size, data)| {
            let size = usize::try_from(i32::from_le_bytes(*size)).ok()?;
            data.split_at_checked(size)
        });
        let (chunk, after) = chunk.ok_or("compressed data that end within a chunk")?;
        block(chunk, most, &mut out)?;
        rest = after;
    }
    Ok(out)
}

/// Appends what an LZ4 block unpacks to, `most` bytes in all.
fn block(input: &[u8], most: usize, out: &mut Vec<u8>) -> Result<(), String> {
    let start = out.len();
    let room = most.saturating_sub(start);
    out.resize(
        start + room.min(input.len().saturating_mul(MOST_UNPACKED)),
        0,
    );
    let size = lz4_flex::block::decompress_into(input, &mut out[start..]);
    let size = size.map_err(|error| {
        format!("compressed data that do not unpack to at most {room} bytes: {error}")
    })?;
    out.truncate(start + size);
    Ok(())
}

/// Unpacks `count` integers of `size` bytes, 4 or 8, to little-endian bytes. Each is the one before
/// and a difference: the common one, or one of a quarter, a half or all of the bytes.
///
/// # Errors
/// The data are no such integers.
pub(super) fn integers(input: &[u8], count: usize, size: usize) -> Result<Vec<u8>, String> {
    let codes = count.div_ceil(4);
    let data = unpacked(input, size + codes + count.saturating_mul(size))?;
    let cut_short = || format!("compressed data for fewer than {count} integers");
    let (common, rest) = data.split_at_checked(size).ok_or_else(cut_short)?;
    let (codes, mut rest) = rest.split_at_checked(codes).ok_or_else(cut_short)?;
    let common = signed(common);
    let mut value = 0i64;
    let mut out = Vec::with_capacity(count * size);
    for number in 0..count {
        let difference = match (codes[number / 4] >> (2 * (number % 4))) & 3 {
            0 => common,
            code => {
                let bytes = (size / 4) << (code - 1);
                let (own, after) = rest.split_at_checked(bytes).ok_or_else(cut_short)?;
                rest = after;
                signed(own)
            }
        };
        value = value.wrapping_add(difference);
        out.extend_from_slice(&value.to_le_bytes()[..size]);
    }
    Ok(out)
}

/// The same as numbers of 32 bits.
///
/// # Errors
/// The data are no such integers.
pub(super) fn words(input: &[u8], count: usize) -> Result<Vec<u32>, String> {
    let bytes = integers(input, count, 4)?;
    let word = |bytes: &[u8]| unsigned(bytes) as u32;
    Ok(bytes.chunks_exact(4).map(word).collect())
}

/// A little-endian integer of up to 8 bytes.
pub(super) fn unsigned(bytes: &[u8]) -> u64 {
    let add = |value: u64, byte: &u8| value << 8 | u64::from(*byte);
    bytes.iter().rev().fold(0, add)
}

/// A little-endian integer of 1 to 8 bytes with a sign.
fn signed(bytes: &[u8]) -> i64 {
    let above = 64 - 8 * bytes.len().clamp(1, 8) as u32;
    ((unsigned(bytes) << above) as i64) >> above
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    /// A chunk of literals.
    fn literals(data: &[u8]) -> Vec<u8> {
        assert!(data.len() < 15);
        [&[0, (data.len() as u8) << 4], data].concat()
    }

    #[test]
    fn integers_are_differences_of_few_bytes() {
        // common 1; differences: 1, -2 in a byte, 300 in two, 70000 in four, 1
        let data = [1, 0, 0, 0, 0b1110_0100, 0, 0xfe, 44, 1, 0x70, 0x11, 1, 0];
        let found = words(&literals(&data), 5).unwrap();
        assert_eq!(found, [1, u32::MAX, 299, 70_299, 70_300]);
        assert!(words(&literals(&data), 4000).is_err());
        assert!(words(&literals(&data[..12]), 5).is_err());
    }

    #[test]
    fn blocks_unpack_to_no_more_than_is_said() {
        // one literal, then a run of it
        let run = [0, 0x1f, 7, 1, 0, 255, 0, 0x10, 7];
        assert_eq!(unpacked(&run, 1000).unwrap(), vec![7; 1 + 19 + 255 + 1]);
        assert!(
            unpacked(&run, 100)
                .unwrap_err()
                .contains("at most 100 bytes")
        );
        let twice = [&[2][..], &[2, 0, 0, 0, 0x10, 5], &[2, 0, 0, 0, 0x10, 6]].concat();
        assert_eq!(unpacked(&twice, 2).unwrap(), [5, 6]);
        assert!(
            unpacked(&twice[..10], 2)
                .unwrap_err()
                .contains("within a chunk")
        );
        assert!(unpacked(&[], 9).is_err());
    }
}
