//! Recognizes the format of a file by its content, and describes unsupported formats in words.

use super::{Scalar, obj, spz, stl, text, usd};

/// A format that has a reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Ply,
    Pcd,
    Las,
    E57,
    /// Binary glTF.
    Glb,
    /// glTF as JSON.
    Gltf,
    Obj,
    BinaryStl,
    AsciiStl,
    /// Compressed splats.
    Spz,
    /// A USDZ package, or a layer of USD as binary data or text.
    Usd,
    /// A table of numbers.
    Text,
}

/// The number of bytes at the start of a file that say what it is.
pub const HEAD: usize = 1 << 16;

/// Signatures of unsupported formats: offset, bytes, description.
const SIGNATURES: &[(usize, &[u8], &str)] = &[
    (0, b"Kaydara FBX", "an FBX model"),
    (0, b"PK\x03\x04", "a ZIP archive; unpack it first"),
    (0, b"\x1f\x8b", "a gzip archive; unpack it first"),
    (0, b"7z\xbc\xaf\x27\x1c", "a 7z archive; unpack it first"),
    (0, b"Rar!", "a RAR archive; unpack it first"),
    (
        0,
        b"\x28\xb5\x2f\xfd",
        "a Zstandard archive; unpack it first",
    ),
    (0, b"\x89PNG", "a PNG image"),
    (0, b"\xff\xd8\xff", "a JPEG image"),
    (0, b"GIF8", "a GIF image"),
    (8, b"WEBP", "a WebP image"),
    (0, b"II*\0", "a TIFF image"),
    (0, b"MM\0*", "a TIFF image"),
    (
        0,
        b"\xff\xfe",
        "text in UTF-16; save it as plain text (ASCII or UTF-8) first",
    ),
    (
        0,
        b"\xfe\xff",
        "text in UTF-16; save it as plain text (ASCII or UTF-8) first",
    ),
    (4, b"ftyp", "a video or HEIC image"),
    (0, b"\x1a\x45\xdf\xa3", "a Matroska or WebM video"),
    (0, b"%PDF", "a PDF document"),
    (0, b"\x93NUMPY", "a NumPy array"),
    (0, b"\x89HDF", "an HDF5 file"),
    (0, b"SQLite format 3", "an SQLite database"),
];

/// `true` if a file of `size` bytes seems to be a scan by its first [`HEAD`] bytes, whether or not it
/// can be read.
pub fn is_scan(head: &[u8], size: u64) -> bool {
    let head = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
    format_of(head, size).is_ok()
}

/// Returns the format of `bytes`, or a description of what they look like otherwise.
pub(super) fn format(bytes: &[u8]) -> Result<Format, String> {
    format_of(bytes, bytes.len() as u64)
}

/// The format of a file of `size` bytes that begins with these.
fn format_of(bytes: &[u8], size: u64) -> Result<Format, String> {
    let is_ply = bytes
        .get(..3)
        .is_some_and(|word| word.eq_ignore_ascii_case(b"ply"));
    if is_ply && matches!(bytes.get(3), None | Some(b'\n' | b'\r' | b' ' | b'\t')) {
        return Ok(Format::Ply);
    }
    if is_pcd(bytes) {
        return Ok(Format::Pcd);
    }
    let magic: [(&[u8], Format); 3] = [
        (b"LASF", Format::Las),
        (b"ASTM-E57", Format::E57),
        (b"glTF", Format::Glb),
    ];
    if let Some((_, format)) = magic.iter().find(|(magic, _)| bytes.starts_with(magic)) {
        return Ok(*format);
    }
    if spz::is_spz(bytes) {
        return Ok(Format::Spz);
    }
    if usd::is_layer(bytes) || usd::is_usdz(bytes) {
        return Ok(Format::Usd);
    }
    if let Some((_, _, name)) = SIGNATURES
        .iter()
        .find(|(at, magic, _)| bytes.get(*at..).is_some_and(|rest| rest.starts_with(magic)))
    {
        return Err((*name).to_owned());
    }
    if is_binary_stl(bytes, size) {
        return Ok(Format::BinaryStl);
    }
    let head = &bytes[..bytes.len().min(HEAD)];
    if head.iter().all(|b| *b == 0) {
        return Err("a file of zero bytes, perhaps a download that failed".to_owned());
    }
    let start = &head[..head.len().min(4096)];
    if start.iter().any(|b| *b < 9 || (14..27).contains(b)) {
        return Err("binary data of an unknown kind".to_owned());
    }
    of_text(bytes, &String::from_utf8_lossy(head)).map_err(str::to_owned)
}

/// `true` for the first remark that PCL writes, and for a header that begins with one of the
/// entries that come first, or with remarks and such an entry. In other cases than that of PCL,
/// words like `version` are not enough: another entry has to follow.
fn is_pcd(bytes: &[u8]) -> bool {
    const FIRST: [&str; 3] = ["VERSION", "FIELDS", "COLUMNS"];
    const LATER: [&str; 8] = [
        "SIZE",
        "TYPE",
        "COUNT",
        "WIDTH",
        "HEIGHT",
        "VIEWPOINT",
        "POINTS",
        "DATA",
    ];
    let first_word = |line: &[u8]| {
        let word = line.split(u8::is_ascii_whitespace).next();
        String::from_utf8_lossy(word.unwrap_or_default()).into_owned()
    };
    let mut lines = bytes
        .split(|b| *b == b'\n' || *b == b'\r')
        .filter(|line| !line.is_empty())
        .peekable();
    let has_remark = |line: &&[u8]| {
        line.get(..6)
            .is_some_and(|start| start.eq_ignore_ascii_case(b"# .PCD"))
    };
    if lines.peek().is_some_and(has_remark) {
        return true;
    }
    let mut words = lines.filter(|line| !line.starts_with(b"#")).map(first_word);
    let first = words.next().unwrap_or_default();
    let is_first = |word: &str| FIRST.iter().any(|key| key.eq_ignore_ascii_case(word));
    let is_later = |word: &str| LATER.iter().any(|key| key.eq_ignore_ascii_case(word));
    FIRST.contains(&first.as_str())
        || is_first(&first)
            && words
                .next()
                .is_some_and(|word| is_first(&word) || is_later(&word))
}

/// `true` if the length fits binary STL: 80 arbitrary bytes, the number of triangles, 50 bytes for
/// each; or if the first triangles of a file that is longer or was cut short have unit normals.
fn is_binary_stl(bytes: &[u8], size: u64) -> bool {
    const EXAMPLES: usize = 8;
    let Some(header) = bytes.get(..stl::HEADER) else {
        return false;
    };
    let promised = Scalar::U32.read(&header[80..]) * stl::TRIANGLE as f64;
    let data = &bytes[stl::HEADER..];
    if promised == size.saturating_sub(stl::HEADER as u64) as f64 {
        return true;
    }
    let mut examples = data.chunks_exact(stl::TRIANGLE).take(EXAMPLES);
    let is_triangle = |triangle: &[u8]| {
        let value = |k: usize| Scalar::F32.read(&triangle[4 * k..]);
        let length = (0..3).map(|k| value(k).powi(2)).sum::<f64>().sqrt();
        (length - 1.0).abs() < 1e-3 && (3..12).all(|k| value(k).abs() < 1e10)
    };
    examples.len() > 0 && promised > 0.0 && examples.all(is_triangle)
}

/// The format of a text, of which `head` is the start.
fn of_text(bytes: &[u8], head: &str) -> Result<Format, &'static str> {
    let head = head.trim_start_matches('\u{feff}').trim_start();
    let lower = head[..floor(head, 4096)].to_ascii_lowercase();
    if lower.starts_with("<!doctype html") || lower.starts_with("<html") {
        return Err("a web page, perhaps the answer to a download that failed");
    }
    if lower.starts_with('<') {
        return Err("an XML file");
    }
    if lower.starts_with('{') && bytes.windows(7).any(|window| window == b"\"asset\"") {
        return Ok(Format::Gltf);
    }
    if lower.starts_with(['{', '[']) {
        return Err("a JSON file");
    }
    if lower.starts_with("solid") && (lower.contains("facet") || is_ascii_stl(bytes)) {
        return Ok(Format::AsciiStl);
    }
    let first = lower.split_ascii_whitespace().next().unwrap_or_default();
    if ["off", "coff", "noff", "cnoff", "stoff"].contains(&first) {
        return Err("an OFF model");
    }
    let mut lines = lower.lines().map(str::trim_start);
    let first_line = lines.find(|line| !line.is_empty() && !line.starts_with('#'));
    if first_line.is_some_and(|line| line.starts_with("newmtl")) {
        return Err("the materials of an OBJ model");
    }
    if is_obj(head) {
        return Ok(Format::Obj);
    }
    match text::kind(bytes) {
        Some(text::Kind::Points) => Ok(Format::Text),
        Some(text::Kind::Matrix) => {
            Err("a matrix of numbers as text, such as the pose of a camera")
        }
        Some(text::Kind::Ptx) => Err("a PTX scan; export it as E57, LAS or PTS"),
        None => Err("plain text"),
    }
}

/// `true` if a word that follows the name of a solid comes after the first line, however long that
/// name is.
fn is_ascii_stl(bytes: &[u8]) -> bool {
    let mut lines = bytes.split(|b| matches!(b, b'\n' | b'\r')).skip(1);
    let second = lines.find(|line| !line.trim_ascii().is_empty());
    let second = second.unwrap_or_default().trim_ascii();
    ["facet", "endsolid"].iter().any(|word| {
        let start = second.get(..word.len());
        start.is_some_and(|start| start.eq_ignore_ascii_case(word.as_bytes()))
    })
}

/// The last boundary of characters up to a position.
fn floor(text: &str, position: usize) -> usize {
    let mut at = position.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// `true` if the first line that is no remark begins with a keyword, and one of the first lines is a
/// vertex, or all are remarks and names of materials.
fn is_obj(head: &str) -> bool {
    let first_word = |line: &str| line.split_ascii_whitespace().next().map(str::to_owned);
    let mut words = head
        .split(['\n', '\r'])
        .filter_map(first_word)
        .filter(|word| !word.starts_with('#'))
        .peekable();
    let is_keyword = |word: &String| obj::KEYWORDS.contains(&word.as_str());
    words.peek().is_some_and(is_keyword)
        && (words.any(|word| ["v", "vn", "vt", "f"].contains(&word.as_str()))
            || head.contains("mtllib "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_decides_and_foreign_files_are_named() {
        let mut stl = vec![b' '; 84 + 50];
        stl[80..84].copy_from_slice(&1u32.to_le_bytes());
        let cases: &[(&[u8], Result<Format, &str>)] = &[
            (b"ply\nformat", Ok(Format::Ply)),
            (b"ply\r\nformat", Ok(Format::Ply)),
            (b"ply", Ok(Format::Ply)),
            (b"# .PCD v0.7 - Point", Ok(Format::Pcd)),
            (b"VERSION .7\nFIELDS x y z", Ok(Format::Pcd)),
            (b"# made by hand\nVERSION 0.7\n", Ok(Format::Pcd)),
            (b"FIELDS x y z\n", Ok(Format::Pcd)),
            (b"PLY\nFORMAT", Ok(Format::Ply)),
            (b"# .pcd v.7", Ok(Format::Pcd)),
            (b"version .7\nfields x y z", Ok(Format::Pcd)),
            (b"version 2 of my diary\nDear diary", Err("plain text")),
            (b"\xff\xfep\0l\0y\0", Err("UTF-16")),
            (b"LASF\0\0", Ok(Format::Las)),
            (b"glTF\x02\0\0\0", Ok(Format::Glb)),
            (b"ASTM-E57\x01", Ok(Format::E57)),
            (b"PK\x03\x04....", Err("ZIP")),
            (b"\x89PNG\r\n\x1a\n", Err("PNG")),
            (b"\xff\xd8\xff\xe0", Err("JPEG")),
            (b"\0\0\0\x18ftypheic", Err("HEIC")),
            (b"<!DOCTYPE html><html>", Err("web page")),
            (b"{\"asset\": {\"version\": \"2.0\"}}", Ok(Format::Gltf)),
            (b"{\"a\": 1}", Err("JSON")),
            (
                b"# Blender\nmtllib a.mtl\nv 1 2 3\nvn 0 0 1\nf 1 2 3\n",
                Ok(Format::Obj),
            ),
            (b"solid cube\nfacet normal 0 0 1\n", Ok(Format::AsciiStl)),
            (&stl, Ok(Format::BinaryStl)),
            (b"1.0 2.0 3.0 255 0 0\n4 5 6 0 0 0\n", Ok(Format::Text)),
            (b"X;Y;Z\n1.5;2.5;3.5\n1;2;3\n", Ok(Format::Text)),
            (b"1 0 0 5\n0 1 0 6\n0 0 1 7\n0 0 0 1\n", Err("pose")),
            (b"500 0 320\n0 500 240\n0 0 1\n", Err("matrix")),
            (
                b"2\n1\n0 0 0\n1 0 0\n0 1 0\n0 0 1\n1 0 0 0\n0 1 0 0\n0 0 1 0\n0 0 0 1\n1 2 3 0.5\n",
                Err("PTX"),
            ),
            (b"OFF\n3 1 0\n0 0 0\n1 0 0\n0 1 0\n", Err("OFF")),
            (b"# Blender\n\nnewmtl wood\nKd 1 1 1\n", Err("materials")),
            (b"Kaydara FBX Binary", Err("FBX")),
            (b"PXR-USDC", Ok(Format::Usd)),
            (b"#usda 1.0\n", Ok(Format::Usd)),
            (
                b"PK\x03\x04\x0a\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x06\0\0\0a.USDC",
                Ok(Format::Usd),
            ),
            (b"\x1f\x8b\x08\0\0\0\0\0\0\0", Err("gzip")),
            (b"<?xml version=\"1.0\"?>", Err("XML")),
            (
                b"At 9 on 30 November 2026 we had\n4 5 6\nguests, and then some more.\nThey left.\n",
                Err("plain text"),
            ),
            (b"Dear diary", Err("plain text")),
            (b"plywood is a material", Err("plain text")),
            (b"\x01\x02\x03\x04", Err("unknown")),
            (&[0; 64], Err("zero bytes")),
        ];
        for (bytes, wanted) in cases {
            match (format(bytes), wanted) {
                (Ok(found), Ok(wanted)) => assert_eq!(found, *wanted),
                (Err(found), Err(wanted)) => assert!(
                    found.contains(wanted),
                    "{found:?} for {:?}",
                    String::from_utf8_lossy(bytes)
                ),
                (found, _) => panic!("{found:?} for {:?}", String::from_utf8_lossy(bytes)),
            }
        }
    }
}
