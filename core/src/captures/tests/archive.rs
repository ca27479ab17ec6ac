//! Captures in ZIP archives, and archives that are refused.

use ::zip::{CompressionMethod, ZipWriter, write::SimpleFileOptions};

use super::*;

pub(super) fn zipped(files: &[(String, Vec<u8>)], method: CompressionMethod) -> Vec<u8> {
    use std::io::Write as _;
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(method);
    for (path, bytes) in files {
        writer.start_file(path.as_str(), options).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

fn opened(bytes: Vec<u8>) -> Result<Zip<Vec<u8>>, CaptureError> {
    Zip::open("room.zip", bytes)
}

/// Replaces every occurrence of `from`, which is as long as `to`.
pub(super) fn patched(mut bytes: Vec<u8>, from: &[u8], to: &[u8]) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let mut at = 0;
    while let Some(next) = bytes[at..]
        .windows(from.len())
        .position(|part| part == from)
    {
        bytes[at + next..][..to.len()].copy_from_slice(to);
        at += next + 1;
    }
    bytes
}

fn one(path: &str, bytes: &[u8]) -> Vec<(String, Vec<u8>)> {
    vec![(path.to_owned(), bytes.to_vec())]
}

#[test]
fn an_archive_is_read_as_its_folder_is() {
    let folder = recording(2);
    let whole = points(&memory(folder.clone()), &CaptureOptions::default())
        .unwrap()
        .1;
    let mut files = vec![("__MACOSX/kitchen/frame-000000.depth.png".to_owned(), vec![])];
    let inner = folder
        .into_iter()
        .map(|(path, bytes)| (format!("kitchen/{path}"), bytes));
    files.extend(inner);
    for method in [CompressionMethod::Stored, CompressionMethod::Deflated] {
        let zip = opened(zipped(&files, method)).unwrap();
        let (capture, made) = points(&zip, &CaptureOptions::default()).unwrap();
        assert_eq!(capture.name, "kitchen");
        assert_eq!(made.scan.positions, whole.scan.positions);
        let (path, bytes) = &files[1];
        assert_eq!(zip.read(path, 1 << 20).unwrap(), *bytes);
        assert_eq!(zip.read_range(path, 3..7).unwrap(), bytes[3..7]);
        assert!(
            zip.read("nothing", 9)
                .unwrap_err()
                .to_string()
                .contains("room.zip/nothing")
        );
    }
}

#[test]
fn others_can_unpack_a_file_themselves() {
    let text = b"frame frame frame frame frame frame".repeat(9);
    let files = [one("first", b"1"), one("inner/text", &text)].concat();
    for method in [CompressionMethod::Stored, CompressionMethod::Deflated] {
        let bytes = zipped(&files, method);
        let zip = opened(bytes.clone()).unwrap();
        let packed = zip.packed("inner/text").unwrap();
        assert_eq!(packed.deflated, method == CompressionMethod::Deflated);
        assert_eq!(packed.size, text.len() as u64);
        let part = &bytes[packed.range.start as usize..packed.range.end as usize];
        let unpacked = match packed.deflated {
            true => miniz_oxide::inflate::decompress_to_vec(part).unwrap(),
            false => part.to_vec(),
        };
        assert_eq!(unpacked, text);
        let error = zip.packed("text").unwrap_err().to_string();
        assert!(error.contains("there is no room.zip/text"), "{error}");
    }
}

#[test]
fn archives_that_break_a_rule_are_refused() {
    let stored = |path: &str| zipped(&one(path, b"abc"), CompressionMethod::Stored);
    let two = zipped(
        &[one("file-a", b"1"), one("file-b", b"2")].concat(),
        CompressionMethod::Stored,
    );
    let flags = {
        let mut bytes = stored("secret");
        let entry = bytes
            .windows(4)
            .position(|four| four == b"PK\x01\x02")
            .unwrap();
        bytes[entry + 8] |= 1;
        bytes
    };
    let bomb = zipped(
        &one("bomb", &vec![0; 20 << 20]),
        CompressionMethod::Deflated,
    );
    let cut = {
        let bytes = stored("whole");
        bytes[..bytes.len() - 8].to_vec()
    };
    let cases = [
        (
            patched(stored("xx/xx/evil"), b"xx/xx/evil", b"../../evil"),
            "../../evil",
        ),
        (
            patched(stored("xetc/passwd"), b"xetc/passwd", b"/etc/passwd"),
            "absolute",
        ),
        (
            patched(stored("c_/evil"), b"c_/evil", b"c:/evil"),
            "absolute",
        ),
        (patched(two, b"file-b", b"file-a"), "two files"),
        (flags, "\"secret\" needs a password"),
        (bomb, "200-fold"),
        (cut, "not a ZIP archive"),
        (b"PK\x03\x04 and nothing more".to_vec(), "not a ZIP archive"),
        (Vec::new(), "not a ZIP archive"),
    ];
    for (bytes, words) in cases {
        let error = opened(bytes)
            .err()
            .map(|error| error.to_string())
            .unwrap_or_default();
        assert!(
            error.contains(words) && error.starts_with("room.zip"),
            "\"{error}\" does not say {words}"
        );
    }
}

#[test]
fn files_are_as_long_as_they_say() {
    let path = "frame-000000.pose.txt";
    let bytes = zipped(&one(path, &[b'7'; 1000]), CompressionMethod::Deflated);
    let entry = bytes
        .windows(4)
        .position(|four| four == b"PK\x01\x02")
        .unwrap();
    for (declared, words) in [
        (10u32, "larger than its declared"),
        (2000, "room.zip/frame-000000.pose.txt"),
    ] {
        let mut lying = bytes.clone();
        lying[entry + 24..entry + 28].copy_from_slice(&declared.to_le_bytes());
        let zip = opened(lying).unwrap();
        let error = zip.read(path, 1 << 20).unwrap_err().to_string();
        assert!(error.contains(words), "\"{error}\" does not say {words}");
    }
    let zip = opened(bytes).unwrap();
    let error = zip.read(path, 999).unwrap_err().to_string();
    assert!(
        error.contains("has 1000 bytes, the limit is 999"),
        "{error}"
    );
}

#[test]
fn damaged_archives_are_errors_at_worst() {
    let good = zipped(&recording(1), CompressionMethod::Deflated);
    for at in (0..good.len()).step_by(7) {
        let mut damaged = good.clone();
        damaged[at] ^= 0x5a;
        if let Ok(zip) = opened(damaged) {
            drop(points(&zip, &CaptureOptions::default()));
        }
    }
    for end in (0..good.len()).step_by(31) {
        assert!(
            opened(good[..end].to_vec()).is_err(),
            "cut after {end} bytes"
        );
    }
}
