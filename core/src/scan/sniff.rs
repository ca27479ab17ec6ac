//! Recognizes the format of a file by its content, and describes unsupported formats in words.

/// A format that has a reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Ply,
    Pcd,
}

/// Signatures of unsupported formats: offset, bytes, description.
const SIGNATURES: &[(usize, &[u8], &str)] = &[
    (0, b"LASF", "a LAS or LAZ point cloud"),
    (0, b"ASTM-E57", "an E57 point cloud"),
    (0, b"glTF", "a GLB (binary glTF) model"),
    (0, b"Kaydara FBX", "an FBX model"),
    (0, b"PXR-USDC", "a USD model"),
    (
        0,
        b"PK\x03\x04",
        "a ZIP archive (or a USDZ model); unpack it first",
    ),
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

/// Returns the format of `bytes`, or a description of what they look like otherwise.
pub(super) fn format(bytes: &[u8]) -> Result<Format, String> {
    let is_ply = bytes
        .get(..3)
        .is_some_and(|word| word.eq_ignore_ascii_case(b"ply"));
    if is_ply && matches!(bytes.get(3), None | Some(b'\n' | b'\r' | b' ' | b'\t')) {
        return Ok(Format::Ply);
    }
    if is_pcd(bytes) {
        return Ok(Format::Pcd);
    }
    Err(describe(bytes).to_owned())
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

fn describe(bytes: &[u8]) -> &'static str {
    if let Some((_, _, name)) = SIGNATURES
        .iter()
        .find(|(at, magic, _)| bytes.get(*at..).is_some_and(|rest| rest.starts_with(magic)))
    {
        return name;
    }
    if is_binary_stl(bytes) {
        return "a binary STL model";
    }
    let head = &bytes[..bytes.len().min(4096)];
    if head.iter().all(|b| *b == 0) {
        return "a file of zero bytes, perhaps a download that failed";
    }
    if head.iter().any(|b| *b < 9 || (14..27).contains(b)) {
        return "binary data of an unknown kind";
    }
    describe_text(&String::from_utf8_lossy(head))
}

/// `true` if the length fits binary STL: 80 arbitrary bytes, the number of triangles, 50 bytes for
/// each.
fn is_binary_stl(bytes: &[u8]) -> bool {
    let Some(&[a, b, c, d]) = bytes.get(80..84) else {
        return false;
    };
    84 + 50 * u64::from(u32::from_le_bytes([a, b, c, d])) == bytes.len() as u64
}

fn describe_text(head: &str) -> &'static str {
    let head = head.trim_start_matches('\u{feff}').trim_start();
    let lower = head.to_ascii_lowercase();
    let lines = || {
        head.lines()
            .map(str::trim)
            .filter(|line| !line.is_empty() && !line.starts_with('#'))
    };
    let is_row = |line: &str| {
        let mut numbers = line
            .split([' ', '\t', ',', ';'])
            .filter(|word| !word.is_empty())
            .map(|word| word.parse::<f64>().is_ok());
        numbers.clone().count() >= 3 && numbers.all(|ok| ok)
    };
    if lower.starts_with("<!doctype html") || lower.starts_with("<html") {
        "a web page, perhaps the answer to a download that failed"
    } else if lower.starts_with("<?xml") || lower.starts_with('<') {
        "an XML file"
    } else if lower.starts_with('{') && lower.contains("\"asset\"") {
        "a glTF model"
    } else if lower.starts_with(['{', '[']) {
        "a JSON file"
    } else if lower.starts_with("solid") && lower.contains("facet") {
        "an STL model"
    } else if lower.starts_with("off") || lower.starts_with("coff") {
        "an OFF model"
    } else if lower.starts_with("#usda") {
        "a USD model"
    } else if lines().any(|line| line.starts_with("v "))
        && lines().all(|line| line.starts_with(|c: char| c.is_ascii_alphabetic()))
    {
        "an OBJ model"
    } else if lines().take(8).filter(|line| is_row(line)).count()
        >= lines().take(8).count().clamp(1, 2)
    {
        "a table of numbers as text (XYZ, PTS or CSV)"
    } else {
        "plain text"
    }
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
            (b"LASF\0\0", Err("LAS")),
            (b"glTF\x02\0\0\0", Err("GLB")),
            (b"PK\x03\x04....", Err("ZIP")),
            (b"\x89PNG\r\n\x1a\n", Err("PNG")),
            (b"\xff\xd8\xff\xe0", Err("JPEG")),
            (b"\0\0\0\x18ftypheic", Err("HEIC")),
            (b"<!DOCTYPE html><html>", Err("web page")),
            (b"{\"asset\": {\"version\": \"2.0\"}}", Err("glTF")),
            (b"{\"a\": 1}", Err("JSON")),
            (
                b"# Blender\nmtllib a.mtl\nv 1 2 3\nvn 0 0 1\nf 1 2 3\n",
                Err("OBJ"),
            ),
            (b"solid cube\nfacet normal 0 0 1\n", Err("STL")),
            (&stl, Err("STL")),
            (
                b"1.0 2.0 3.0 255 0 0\n4 5 6 0 0 0\n",
                Err("numbers as text"),
            ),
            (b"X;Y;Z\n1.5;2.5;3.5\n1;2;3\n", Err("numbers as text")),
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
