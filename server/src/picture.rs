//! Preview pictures of scenes: what programs show beside a link. The server never decodes one: it
//! checks that the bytes begin like a picture of the one size that is allowed, and sends them on.

/// Width and height of a picture, pixels: what programs that show links ask for.
pub const SIZE: [u32; 2] = [1200, 630];
/// Maximum size of a picture, bytes.
pub const MAX_BYTES: u64 = 1 << 20;

/// Media types of pictures.
pub const TYPES: [&str; 2] = ["image/jpeg", "image/png"];

/// The bytes are not a picture that a scene may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the picture must be a PNG or a JPEG of {} x {} pixels", SIZE[0], SIZE[1])]
pub struct NotAPicture;

/// The media type of a picture.
///
/// # Errors
/// [`NotAPicture`] if it is neither PNG nor JPEG, or of another size.
pub fn media_type(bytes: &[u8]) -> Result<&'static str, NotAPicture> {
    let (kind, size) = match bytes {
        [
            0x89,
            b'P',
            b'N',
            b'G',
            b'\r',
            b'\n',
            0x1a,
            b'\n',
            header @ ..,
        ] => ("image/png", size_of_png(header)),
        [0xff, 0xd8, segments @ ..] => ("image/jpeg", size_of_jpeg(segments)),
        _ => return Err(NotAPicture),
    };
    (size == Some(SIZE)).then_some(kind).ok_or(NotAPicture)
}

/// The size in the header of a PNG, which follows its signature.
fn size_of_png(header: &[u8]) -> Option<[u32; 2]> {
    let [0, 0, 0, 13, b'I', b'H', b'D', b'R', size @ ..] = header else {
        return None;
    };
    let number = |at: usize| Some(u32::from_be_bytes(size.get(at..at + 4)?.try_into().ok()?));
    Some([number(0)?, number(4)?])
}

/// The size in the frame header of a JPEG, whose segments are `rest`.
fn size_of_jpeg(mut rest: &[u8]) -> Option<[u32; 2]> {
    // A segment is a marker and a length that counts itself.
    while let [0xff, marker, high, low, ..] = *rest {
        let length = usize::from(u16::from_be_bytes([high, low]));
        let is_frame = matches!(marker, 0xc0..=0xcf) && !matches!(marker, 0xc4 | 0xc8 | 0xcc);
        if is_frame {
            let &[_, height_high, height_low, width_high, width_low] = rest.get(4..9)? else {
                return None;
            };
            let number = |high, low| u32::from(u16::from_be_bytes([high, low]));
            return Some([
                number(width_high, width_low),
                number(height_high, height_low),
            ]);
        }
        rest = rest.get(2 + length.max(2)..)?;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn png(width: u32, height: u32) -> Vec<u8> {
        let mut bytes = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR".to_vec();
        bytes.extend(width.to_be_bytes());
        bytes.extend(height.to_be_bytes());
        bytes
    }

    fn jpeg(width: u16, height: u16) -> Vec<u8> {
        let mut bytes = b"\xff\xd8\xff\xe0\0\x04ab\xff\xc4\0\x02\xff\xc2\0\x0b\x08".to_vec();
        bytes.extend(height.to_be_bytes());
        bytes.extend(width.to_be_bytes());
        bytes
    }

    #[test]
    fn pictures_of_the_one_size_are_known_by_their_content() {
        assert_eq!(media_type(&png(1200, 630)), Ok("image/png"));
        assert_eq!(media_type(&jpeg(1200, 630)), Ok("image/jpeg"));
    }

    #[test]
    fn whatever_else_is_refused() {
        let endless = [&b"\xff\xd8"[..], &b"\xff\xe0\0\0".repeat(9)].concat();
        for other in [
            png(630, 1200),
            png(1200, 631),
            jpeg(1201, 630),
            png(1200, 630)[..20].to_vec(),
            jpeg(1200, 630)[..18].to_vec(),
            b"<svg xmlns=\"http://www.w3.org/2000/svg\" onload=\"alert(1)\"/>".to_vec(),
            b"\xff\xd8\xff\xe0\xff\xff".to_vec(),
            endless,
            Vec::new(),
        ] {
            assert_eq!(media_type(&other), Err(NotAPicture), "{other:?}");
        }
    }
}
