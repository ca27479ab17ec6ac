//! USD crate files and packages that are odd or lie, each with its right answer.

use super::{
    super::Answer::{Refused, Silent, Warned},
    files::{
        ARRAY, COMPRESSED, CORNERS, COUNTS, INLINED, MORE, Model, POINTS, TEXT, integers, rep,
        repeated, sized, zip,
    },
    *,
};

/// What is odd about a crate file.
pub(super) fn crate_files() -> Vec<Case> {
    let value = |field: usize, rep: u64| Model::with(|m| m.fields[field].1 = rep);
    let right = Model::default().bytes();
    let contents = u64::from_le_bytes(right[16..24].try_into().unwrap()) as usize;
    // name, start and size of a section
    let entry = |section: usize| contents + 8 + 32 * section;
    let start = |section: usize| {
        let at = entry(section) + 16;
        u64::from_le_bytes(right[at..at + 8].try_into().unwrap()) as usize
    };
    let huge = (1u64 << 40).to_le_bytes();
    let packed_counts = |count: u64, data: Vec<u8>| {
        Model::with(|m| {
            m.values
                .extend([count.to_le_bytes().to_vec(), sized(&data)].concat());
            m.fields[5].1 = ARRAY | COMPRESSED | rep(3, MORE);
        })
    };
    let floats = |code: u8, data: Vec<u8>| {
        Model::with(|m| {
            m.values
                .extend([17u64.to_le_bytes().to_vec(), vec![code], data].concat());
            m.fields[4].1 = ARRAY | COMPRESSED | rep(8, MORE);
        })
    };
    let right = || right.clone();
    cases([
        ("right crate", right(), Silent(4, 2)),
        (
            "version 0.3",
            Model::with(|m| m.version[1] = 3),
            Refused("version 0.3; versions 0.4 to 0.13"),
        ),
        (
            "version 1.0",
            Model::with(|m| m.version = [1, 0, 0]),
            Refused("version 1.0"),
        ),
        (
            "version 0.4, whose arrays have dimensions",
            Model::with(|m| m.version[1] = 4),
            Refused("no points"),
        ),
        ("only a name", b"PXR-USDC".to_vec(), Refused("cut short")),
        (
            "contents beyond",
            with(&right(), 16, &huge),
            Refused("table of contents is beyond its end"),
        ),
        (
            "contents at the highest place",
            with(&right(), 16, &[0xff; 8]),
            Refused("beyond its end"),
        ),
        (
            "many sections",
            with(&right(), contents, &huge),
            Refused("beyond its end"),
        ),
        (
            "no tokens",
            with(&right(), entry(0), b"OTHER"),
            Refused("its tokens are missing"),
        ),
        (
            "specs beyond",
            with(&right(), entry(5) + 16, &huge),
            Refused("its specs are missing, or beyond"),
        ),
        (
            "a section without end",
            with(&right(), entry(4) + 24, &[0xff; 8]),
            Refused("its paths are missing, or beyond"),
        ),
        (
            "many tokens",
            with(&right(), start(0), &huge),
            Refused("1099511627776 tokens, the limit"),
        ),
        (
            "long tokens",
            with(&right(), start(0) + 8, &huge),
            Refused("would unpack to 1099511627776 bytes"),
        ),
        (
            "more tokens",
            with(&right(), start(0), &[17]),
            Refused("promises 17 tokens and has 16"),
        ),
        (
            "many strings",
            with(&right(), start(1), &[200]),
            Refused("the strings need 800 bytes"),
        ),
        (
            "many fields",
            with(&right(), start(2), &huge),
            Refused("1099511627776 fields, the limit"),
        ),
        (
            "more fields",
            with(&right(), start(2), &[100]),
            Refused("the fields are damaged"),
        ),
        (
            "many sets",
            with(&right(), start(3), &huge),
            Refused("fieldsets, the limit"),
        ),
        (
            "many paths",
            with(&right(), start(4), &huge),
            Refused("paths, the limit"),
        ),
        (
            "more paths than there are",
            with(&right(), start(4) + 8, &[7]),
            Refused("more than it says"),
        ),
        (
            "many specs",
            with(&right(), start(5), &huge),
            Refused("specs, the limit"),
        ),
        (
            "damaged blocks",
            with(&right(), start(5) + 16, &[0, 0x0f]),
            Refused("the specs are damaged"),
        ),
        (
            "a jump beyond",
            Model::with(|m| m.paths[5][2] = 1000),
            Refused("the path"),
        ),
        (
            "a jump into itself",
            Model::with(|m| m.paths[2][2] = 1),
            Refused("there twice"),
        ),
        (
            "path 99",
            Model::with(|m| m.paths[3][0] = 99),
            Refused("there is no path 99"),
        ),
        (
            "a path twice",
            Model::with(|m| m.paths[2][0] = 1),
            Refused("no points"),
        ),
        (
            "no root",
            Model::with(|m| m.specs[0][2] = 1),
            Refused("it has no root"),
        ),
        (
            "a spec without a path",
            Model::with(|m| m.specs[1][0] = 77),
            Refused("there is no path 77"),
        ),
        (
            "a set beyond",
            Model::with(|m| m.specs[1][1] = 9999),
            Refused("no points"),
        ),
        (
            "a field beyond",
            Model::with(|m| m.sets[3] = 9999),
            Refused("no points"),
        ),
        (
            "a name beyond",
            Model::with(|m| m.paths[1][1] = 500),
            Refused("there is no token 500"),
        ),
        (
            "a kind of spec beyond",
            Model::with(|m| m.specs[5][2] = 99),
            Silent(4, 2),
        ),
        (
            "a blocked value",
            value(4, INLINED | rep(51, 0)),
            Refused("no points"),
        ),
        (
            "an unknown value",
            value(4, ARRAY | rep(99, POINTS)),
            Refused("no points"),
        ),
        (
            "a value beyond",
            value(4, ARRAY | rep(24, 1 << 40)),
            Refused("a value needs 8 bytes from byte 1099511627776"),
        ),
        (
            "points as one",
            value(4, rep(24, POINTS)),
            Warned(1, 0, "not a point"),
        ),
        (
            "an empty array",
            value(4, ARRAY | rep(24, 0)),
            Refused("no points"),
        ),
        (
            "long points",
            Model::with(|m| m.values[..8].copy_from_slice(&huge)),
            Refused("a value needs 13194139533312 bytes"),
        ),
        (
            "endless points",
            Model::with(|m| m.values[..8].copy_from_slice(&[0xff; 8])),
            Refused("a value needs"),
        ),
        (
            "points as halves",
            value(4, ARRAY | rep(25, POINTS)),
            Silent(4, 2),
        ),
        (
            "counts as points",
            value(5, ARRAY | rep(24, POINTS)),
            Silent(4, 0),
        ),
        (
            "counts as floats",
            value(5, ARRAY | rep(8, COUNTS)),
            Refused("has a face of"),
        ),
        (
            "corners inlined",
            value(6, INLINED | rep(3, 5)),
            Refused("corners"),
        ),
        (
            "unsigned corners",
            value(6, ARRAY | rep(4, CORNERS)),
            Silent(4, 2),
        ),
        (
            "inlined up axis beyond",
            value(0, INLINED | rep(11, 99)),
            Silent(4, 2),
        ),
        (
            "a double that is no number",
            value(1, INLINED | rep(9, 0x7fc0_0000)),
            Warned(4, 2, "its unit is NaN m"),
        ),
        (
            "packed counts that are short",
            packed_counts(64, integers(&[3; 16])),
            Refused("fewer than 64 integers"),
        ),
        (
            "packed counts beyond",
            packed_counts(1 << 40, integers(&[3; 16])),
            Refused("more than the file can justify"),
        ),
        (
            "packed counts of nothing",
            packed_counts(20, Vec::new()),
            Refused("no bytes"),
        ),
        (
            "packed counts of a bomb",
            packed_counts(1 << 16, repeated(0, 1 << 16)),
            Refused("more than the file can justify"),
        ),
        (
            "packed counts of zeros",
            packed_counts(8000, repeated(0, 8000)),
            Refused("no points"),
        ),
        (
            "floats packed otherwise",
            floats(b'x', vec![0; 30]),
            Refused("its floats are packed as 120"),
        ),
        (
            "floats of a table beyond",
            floats(
                b't',
                [vec![1, 0, 0, 0, 0, 0, 0, 0], sized(&integers(&[3; 17]))].concat(),
            ),
            Refused("there is no entry 3, there are 1"),
        ),
        (
            "floats of a long table",
            floats(b't', vec![0xff; 8]),
            Refused("a value needs 17179869180 bytes"),
        ),
        (
            "whole floats",
            floats(b'i', sized(&integers(&[3; 17]))),
            Refused("no points"),
        ),
    ])
}

/// What is odd about a package.
pub(super) fn packages() -> Vec<Case> {
    let layer = Model::default().bytes();
    let right = zip(&[("a.usdc", &layer)]);
    let end = right.len() - 22;
    let table = end - 46 - 6;
    let root = b"#usda 1.0\n( upAxis = \"Z\" )\ndef \"A\" ( references = @b/c.usdc@</M> ) {}\n";
    let broken = with(&layer, 16, &[0xff; 8]);
    cases([
        ("right package", right.clone(), Silent(4, 2)),
        (
            "a reference",
            zip(&[("a.usda", root), ("b/c.usdc", &layer)]),
            Silent(4, 2),
        ),
        (
            "a reference to a broken file",
            zip(&[("a.usda", root), ("b/c.usdc", &broken)]),
            Refused("`b/c.usdc`: its table of contents"),
        ),
        (
            "a reference to a picture",
            zip(&[("a.usda", root), ("b/c.usdc", b"\x89PNG")]),
            Refused("`b/c.usdc`: it begins as no layer does"),
        ),
        (
            "a reference to a file elsewhere",
            zip(&[("a.usda", root), ("c.usdc", &layer)]),
            Refused("what is in `b/c.usdc` was left out"),
        ),
        (
            "no contents",
            right[..end].to_vec(),
            Refused("no table of contents"),
        ),
        (
            "contents cut short",
            with(&right, end + 10, &[2]),
            Refused("table of contents that is cut short"),
        ),
        (
            "contents elsewhere",
            with(&right, end + 16, &[1]),
            Refused("with other bytes in it"),
        ),
        (
            "contents beyond its end",
            with(&right, end + 16, &[0xff; 4]),
            Refused("table of contents beyond its end"),
        ),
        (
            "a file beyond",
            with(&right, table + 42, &[0xff; 4]),
            Refused("does not have the"),
        ),
        (
            "a long file",
            with(&right, table + 20, &[0xff; 4]),
            Refused("does not have the 4294967295 bytes of `a.usdc`"),
        ),
        (
            "a compressed file",
            with(&right, table + 10, &[8]),
            Refused("`a.usdc` is compressed or encrypted"),
        ),
        (
            "an encrypted file",
            with(&right, table + 8, &[1]),
            Refused("is compressed or encrypted"),
        ),
        (
            "an empty layer",
            zip(&[("a.usda", b"")]),
            Refused("begins as no layer does"),
        ),
        (
            "a text in it",
            zip(&[("a.usd", TEXT.as_bytes())]),
            Silent(4, 2),
        ),
        (
            "bytes behind it",
            [&right[..], b"more"].concat(),
            Silent(4, 2),
        ),
        (
            "an archive of pictures",
            zip(&[("a.png", b"\x89PNG"), ("a.usdc", &layer)]),
            Refused("a ZIP archive"),
        ),
    ])
}
