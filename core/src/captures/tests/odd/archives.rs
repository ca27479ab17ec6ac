//! Archives in which a recording lies.

use super::*;

/// The place of the first record with these four bytes.
fn place(bytes: &[u8], mark: &[u8; 4]) -> usize {
    bytes.windows(4).position(|four| four == mark).unwrap()
}

const ENTRY: &[u8; 4] = b"PK\x01\x02";
const END: &[u8; 4] = b"PK\x05\x06";

/// The archive with other bytes in the first entry of its table, or at its end.
fn patched(bytes: &[u8], mark: &[u8; 4], at: usize, other: &[u8]) -> Vec<u8> {
    let at = place(bytes, mark) + at;
    let mut bytes = bytes.to_vec();
    bytes[at..at + other.len()].copy_from_slice(other);
    bytes
}

/// The archive with another name of the same length for a file.
fn renamed(from: &str, to: &str) -> Vec<u8> {
    let files = [(from.to_owned(), Vec::new())];
    let all = [recording(1), files.to_vec()].concat();
    archive::patched(zipped(&all, Stored), from.as_bytes(), to.as_bytes())
}

fn inside(folder: &str) -> Vec<u8> {
    let inner = recording(1)
        .into_iter()
        .map(|(path, bytes)| (format!("{folder}/{path}"), bytes));
    zipped(&inner.collect::<Vec<_>>(), Stored)
}

fn beside(path: &str, bytes: &[u8]) -> Vec<u8> {
    let other = vec![(path.to_owned(), bytes.to_vec())];
    zipped(&[recording(1), other].concat(), Deflated)
}

/// What is odd about the archive itself.
pub(super) fn archives() -> Vec<Case> {
    let stored = zipped(&recording(1), Stored);
    let packed = zipped(&recording(1), Deflated);
    let entry = |at: usize, other: &[u8]| patched(&packed, ENTRY, at, other);
    let end = |at: usize, other: &[u8]| patched(&packed, END, at, other);
    let twice = {
        let two = [("a", Vec::new()), ("b", Vec::new())].map(|(n, b)| (n.to_owned(), b));
        archive::patched(zipped(&two, Stored), b"b", b"a")
    };
    let both = [recording(1), recording(1)];
    let both = both.into_iter().zip(["left", "right"]);
    let both = both.flat_map(|(files, folder)| {
        let named = move |(path, bytes)| (format!("{folder}/{path}"), bytes);
        files.into_iter().map(named)
    });
    let nested = [("inner.zip".to_owned(), stored.clone())];
    let remark = [&end(20, &[0xff; 2])[..], &[b'x'; 65_535]].concat();
    let none = b"PK\x05\x06".iter().copied().chain([0; 18]).collect();
    cases([
        ("stored", stored.clone(), Silent(1)),
        ("packed", packed.clone(), Silent(1)),
        ("in a folder", inside("kitchen"), Silent(1)),
        (
            "in a folder of a folder",
            inside("scans/kitchen"),
            Silent(1),
        ),
        (
            "in the third folder",
            inside("a/b/c"),
            Refused("is not a capture"),
        ),
        (
            "in a hidden folder",
            inside(".trash"),
            Refused("is not a capture"),
        ),
        (
            "a name in another script",
            inside("K\u{fc}che \u{53a8}\u{623f}"),
            Silent(1),
        ),
        (
            "two recordings",
            zipped(&both.collect::<Vec<_>>(), Stored),
            Refused("2 captures: left, right"),
        ),
        (
            "an archive in an archive",
            zipped(&nested, Stored),
            Refused("1 files: inner.zip"),
        ),
        ("nothing", Vec::new(), Refused("not a ZIP archive")),
        ("no files", none, Refused("it has no files")),
        (
            "text",
            b"PK, said the fox".to_vec(),
            Refused("not a ZIP archive"),
        ),
        (
            "its first half",
            packed[..packed.len() / 2].to_vec(),
            Refused("not a ZIP archive"),
        ),
        (
            "without its end",
            packed[..packed.len() - 22].to_vec(),
            Refused("not a ZIP archive"),
        ),
        (
            "its end alone",
            packed[packed.len() - 22..].to_vec(),
            Refused("not a ZIP archive"),
        ),
        (
            "a program before it",
            [&[0x7f; 5000][..], &packed].concat(),
            Silent(1),
        ),
        (
            "bytes behind it",
            [&packed[..], &[0; 500]].concat(),
            Silent(1),
        ),
        ("the longest remark", remark, Silent(1)),
        (
            "a path out of it",
            renamed("xx/xx/evil", "../../evil"),
            Refused("leads out of"),
        ),
        (
            "a path into it and out",
            renamed("a/bb/bb/evil", "a/../../evil"),
            Refused("leads out of"),
        ),
        (
            "a path from the root",
            renamed("xetc/passwd", "/etc/passwd"),
            Refused("absolute"),
        ),
        (
            "a path of a drive",
            renamed("c_/evil", "c:/evil"),
            Refused("absolute"),
        ),
        (
            "a path of Windows",
            renamed("a/evil", "a\\evil"),
            Refused("absolute or leads out"),
        ),
        (
            "a path with a zero",
            renamed("a/evil", "a\0evil"),
            Refused("absolute or leads out"),
        ),
        ("one name twice", twice, Refused("two files")),
        ("a password", entry(8, &[1]), Refused("needs a password")),
        ("another packing", entry(10, &[12]), Refused("")),
        (
            "another check sum",
            entry(16, &[0xff; 4]),
            Refused("cannot be unpacked"),
        ),
        (
            "a size of most",
            entry(24, &[0xff, 0xff, 0xff, 0x7f]),
            Refused("the limit is 200-fold"),
        ),
        (
            "packed bytes of most",
            entry(20, &[0xff, 0xff, 0xff, 0x7f]),
            Refused("they overlap"),
        ),
        (
            "a smaller size",
            entry(24, &[3]),
            Refused("cannot be unpacked"),
        ),
        (
            "its first file elsewhere",
            entry(42, &[0xff, 0xff, 0xff, 0x7f]),
            Refused(""),
        ),
        (
            "a name of most bytes",
            entry(28, &[0xff; 2]),
            Refused("not a ZIP archive"),
        ),
        (
            "more entries than there are",
            end(8, &[0x10, 0x27, 0x10, 0x27]),
            Refused("not a ZIP archive"),
        ),
        (
            "a table of most bytes",
            end(12, &[0xff, 0xff, 0xff, 0x7f]),
            Refused("the limits are 1000000 and 268435456"),
        ),
        (
            "a table elsewhere",
            end(16, &[0xff, 0xff, 0xff, 0x7f]),
            Refused("not a ZIP archive"),
        ),
        ("a second disk", end(4, &[1, 0]), Refused("")),
        (
            "twenty megabytes of zeros",
            beside("bomb", &vec![0; 20 << 20]),
            Refused("the limit is 200-fold"),
        ),
        (
            "a megabyte of zeros",
            beside("zeros", &vec![0; 1 << 20]),
            Silent(1),
        ),
        (
            "another program's folder",
            beside("__MACOSX/._frame-000000.depth.png", b"x"),
            Silent(1),
        ),
    ])
}
