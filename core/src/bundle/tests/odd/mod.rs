//! Bundles that are odd or lie, each with its right answer.

use super::*;
use crate::families::{self, Memory};

mod overlays;
mod sections;

/// The right answer to a bundle.
#[derive(Clone, Copy, Debug)]
enum Answer {
    /// So many points and instances.
    Read(usize, usize),
    /// Words in the error.
    Refused(&'static str),
}

use Answer::{Read, Refused};

type Case = (String, Vec<u8>, Answer);

fn cases<const N: usize>(named: [(&str, Vec<u8>, Answer); N]) -> Vec<Case> {
    named
        .map(|(name, bytes, answer)| (name.to_owned(), bytes, answer))
        .into()
}

/// What is wrong with the answer to a bundle.
fn check(bytes: &[u8], wanted: &Answer) -> Result<(), String> {
    let found = match decode_overlay(bytes) {
        Err(BundleError::Kind { .. }) => decode(bytes).map(|bundle| {
            assert_sound(&bundle);
            (bundle.positions.len(), bundle.meta.names.len())
        }),
        labels => labels.map(|overlay| {
            super::overlay::assert_sound(&overlay);
            let points = overlay.superpoints.superpoint_of_point().len();
            (points, overlay.meta.names.len())
        }),
    };
    let inspected = inspect(bytes).map(|found| (found.points, found.instances));
    if inspected != found {
        return Err(format!(
            "who checks it says {inspected:?}, who reads it {found:?}"
        ));
    }
    let is_right = match (&found, *wanted) {
        (Ok(found), Read(points, instances)) => *found == (points, instances),
        (Err(error), Refused(words)) => error.to_string().contains(words),
        _ => false,
    };
    match is_right {
        true => Ok(()),
        false => Err(found.map_or_else(
            |error| error.to_string(),
            |(points, _)| format!("{points} points were read"),
        )),
    }
}

/// Five points in two superpoints, of which two things are made.
fn right() -> Bundle {
    let positions = (0..5).map(|i| [i as f32, 0.0, 1.0]).collect();
    bundle(positions, Some(vec![[9, 8, 7]; 5]), &[0, 0, 0, 1, 1], 2)
}

/// The sections of a bundle, which may be changed.
struct Parts {
    counts: [usize; 3],
    sections: Vec<(Section, Vec<u8>)>,
}

impl Parts {
    fn new() -> Self {
        let bytes = encode(&right()).unwrap();
        let reader = container::Reader::open(&bytes).unwrap();
        let section = |section| (section, reader.section(section, 1 << 20).unwrap());
        Self {
            counts: [5, 2, 2],
            sections: Section::ALL.map(section).into(),
        }
    }

    fn with(mut self, section: Section, bytes: impl AsRef<[u8]>) -> Self {
        let found = self.sections.iter_mut().find(|(name, _)| *name == section);
        found.unwrap().1 = bytes.as_ref().to_vec();
        self
    }

    fn of(&self, section: Section) -> &[u8] {
        let found = self.sections.iter().find(|(name, _)| *name == section);
        &found.unwrap().1
    }

    fn bytes(self) -> Vec<u8> {
        let [points, superpoints, instances] = self.counts;
        let mut container = Container::new(points, superpoints, instances);
        for (section, bytes) in &self.sections {
            container.push(*section, bytes);
        }
        container.finish()
    }
}

/// A bundle with another section.
fn with(section: Section, bytes: impl AsRef<[u8]>) -> Vec<u8> {
    Parts::new().with(section, bytes).bytes()
}

/// A bundle without a section.
fn without(section: Section) -> Vec<u8> {
    let mut parts = Parts::new();
    parts.sections.retain(|(name, _)| *name != section);
    parts.bytes()
}

/// A bundle whose header says other counts.
fn counted(counts: [usize; 3]) -> Vec<u8> {
    Parts {
        counts,
        ..Parts::new()
    }
    .bytes()
}

/// A bundle with other bytes in its header or table, and the right checksum.
fn patched(at: usize, bytes: &[u8]) -> Vec<u8> {
    let mut patched = encode(&right()).unwrap();
    patched[at..at + bytes.len()].copy_from_slice(bytes);
    reseal(&mut patched);
    patched
}

fn containers() -> Vec<Case> {
    let whole = encode(&right()).unwrap();
    let more = [&whole[..], b"x"].concat();
    let damaged = {
        let mut damaged = whole.clone();
        *damaged.last_mut().unwrap() ^= 1;
        damaged
    };
    let gray = Bundle {
        colors: None,
        ..right()
    };
    let empty = bundle(Vec::new(), None, &[], 0);
    let twice = {
        let mut parts = Parts::new();
        parts.sections[5] = parts.sections[4].clone();
        parts.bytes()
    };
    let turned = {
        let mut parts = Parts::new();
        parts.sections.reverse();
        parts.bytes()
    };
    let film = {
        // behind the last section, so that only one length grows
        let mut bytes = Parts::new();
        bytes.sections.rotate_left(1);
        let mut bytes = bytes.bytes();
        let stored = 64 + 5 * 12;
        let length = bytes[stored..stored + 4].first_chunk().unwrap();
        let length = u32::from_le_bytes(*length) + 1000;
        bytes[stored..stored + 4].copy_from_slice(&length.to_le_bytes());
        bytes.extend([0x5a; 1000]);
        reseal(&mut bytes);
        bytes
    };
    let most = [0xff; 4];
    // the first entry of the table: four letters, and the bytes before and after inflating
    let [name, stored, inflated] = [60, 64, 68];
    cases([
        ("right", whole.clone(), Read(5, 2)),
        ("without colors", encode(&gray).unwrap(), Read(5, 2)),
        ("without points", encode(&empty).unwrap(), Read(0, 0)),
        ("sections in another order", turned, Read(5, 2)),
        ("nothing", Vec::new(), Refused("not a .segscape bundle")),
        (
            "half its magic",
            whole[..4].to_vec(),
            Refused("not a .segscape bundle"),
        ),
        (
            "its magic",
            whole[..8].to_vec(),
            Refused("should have 60 bytes and has 8"),
        ),
        (
            "its magic in small letters",
            patched(0, b"segscape"),
            Refused("not a .segscape bundle"),
        ),
        (
            "a scan",
            b"ply\nformat ascii 1.0\n".to_vec(),
            Refused("not a .segscape bundle"),
        ),
        (
            "a web page",
            b"<!DOCTYPE html>".to_vec(),
            Refused("not a .segscape bundle"),
        ),
        (
            "version 0",
            patched(8, &[0; 4]),
            Refused("version 0, this program reads versions 1 and 2"),
        ),
        (
            "version 3",
            patched(8, &[3]),
            Refused("version 3, this program reads versions 1 and 2"),
        ),
        (
            "a scene of the version of overlays",
            patched(8, &[2]),
            Refused("6 sections, the limit is 5"),
        ),
        (
            "seven sections",
            patched(12, &[7]),
            Refused("7 sections, the limit is 6"),
        ),
        (
            "most sections",
            patched(12, &most),
            Refused("4294967295 sections"),
        ),
        (
            "five sections",
            patched(12, &[5]),
            Refused("it was cut short"),
        ),
        (
            "most points",
            patched(16, &most),
            Refused("4294967295 points, the limit is 12000000"),
        ),
        (
            "most superpoints",
            patched(20, &most),
            Refused("4294967295 superpoints, the limit is 5"),
        ),
        (
            "six superpoints of five points",
            patched(20, &[6]),
            Refused("6 superpoints, the limit is 5"),
        ),
        (
            "most instances",
            patched(24, &most),
            Refused("4294967295 instances, the limit is 4096"),
        ),
        (
            "an unknown section",
            patched(name, b"soup"),
            Refused("section `soup` is unknown"),
        ),
        (
            "one section twice",
            twice,
            Refused("section `inst` is malformed: it occurs twice"),
        ),
        (
            "a section of most bytes",
            patched(stored, &most),
            Refused("it was cut short"),
        ),
        (
            "inflated to most bytes",
            patched(inflated, &most),
            Refused("it has 4294967295 bytes, but at most 8388608"),
        ),
        (
            "inflated to fewer bytes",
            patched(inflated, &[9, 0]),
            Refused("does not inflate to 9 bytes"),
        ),
        (
            "inflated to more bytes",
            patched(inflated, &[0xff, 0xff]),
            Refused("instead of 65535"),
        ),
        (
            "a film behind the names",
            film,
            Refused("section `meta` is malformed: it has"),
        ),
        (
            "a damaged stream",
            patched(60 + 6 * 12, &[0xff; 20]),
            Refused("section `meta`"),
        ),
        (
            "its header",
            whole[..60].to_vec(),
            Refused("should have 132 bytes and has 60"),
        ),
        (
            "a byte short",
            whole[..whole.len() - 1].to_vec(),
            Refused("it was cut short"),
        ),
        ("a byte more", more, Refused("something was appended")),
        ("a changed bit", damaged, Refused("checksum does not match")),
    ])
}

fn meta() -> Vec<Case> {
    let parts = Parts::new();
    let json = std::str::from_utf8(parts.of(Section::Meta)).unwrap();
    let change = |from: &str, to: &str| {
        assert!(json.contains(from), "{from}");
        with(Section::Meta, json.replacen(from, to, 1))
    };
    let name = r#"{"text":"Büro-Stuhl 0","by_user":false},"#;
    let width = |width: &str| {
        let space = format!(r#","text_space":{{"encoder":"clip-tiny","width":{width}}}}}"#);
        with(Section::Meta, format!("{}{space}", &json[..json.len() - 1]))
    };
    let long = "x".repeat(1 << 20);
    cases([
        (
            "no JSON",
            with(Section::Meta, b"hello"),
            Refused("section `meta`"),
        ),
        (
            "JSON in UTF-16",
            with(Section::Meta, b"\xff\xfe{\0}\0"),
            Refused("section `meta`"),
        ),
        (
            "an empty object",
            with(Section::Meta, b"{}"),
            Refused("missing field"),
        ),
        (
            "nested JSON",
            with(Section::Meta, "[".repeat(1 << 16)),
            Refused("section `meta`"),
        ),
        (
            "blanks of 8 MiB",
            with(Section::Meta, vec![b' '; MAX_META + 1]),
            Refused("at most 8388608"),
        ),
        (
            "one name",
            change(name, ""),
            Refused("1 names for 2 instances"),
        ),
        (
            "no names",
            change("\"names\"", "\"titles\""),
            Refused("missing field `names`"),
        ),
        (
            "a long name",
            change("Büro", &long),
            Refused("the name of an instance has 1048584 characters, the limit is 200"),
        ),
        (
            "a name of 200 characters",
            change("Büro-Stuhl 0", &"ü".repeat(200)),
            Read(5, 2),
        ),
        (
            "a file of 201 characters",
            change("room.ply", &"x".repeat(201)),
            Refused("the name of the scan has 201 characters"),
        ),
        (
            "a network of 201 characters",
            change("nano-0123", &"x".repeat(201)),
            Refused("the name of the network has 201 characters"),
        ),
        (
            "a program of 201 characters",
            change("0.1.0", &"x".repeat(201)),
            Refused("the name of the program has 201 characters"),
        ),
        (
            "a long prompt",
            change("chair . ", &"x".repeat(32 << 10)),
            Refused("the prompt has 32781 bytes, the limit is 32768"),
        ),
        (
            "an unknown mode with a long name",
            change("\"label\"", &format!("\"{long}\"")),
            Refused("unknown variant `xxxx"),
        ),
        (
            "an instance that is hidden three times",
            change("\"hidden\":[]", "\"hidden\":[1,1,1]"),
            Refused("it hides 3 instances, but there are only 2"),
        ),
        (
            "a locked instance beyond",
            change("\"locked\":[]", "\"locked\":[2]"),
            Refused("locks instance 2, but there are only 2"),
        ),
        (
            "an instance that is locked three times",
            change("\"locked\":[]", "\"locked\":[0,0,0]"),
            Refused("it locks 3 instances, but there are only 2"),
        ),
        (
            "a name of markup",
            change("Büro-Stuhl 0", "<script>\\u0000</script>"),
            Read(5, 2),
        ),
        (
            "half a character",
            change("Büro", "\\ud800"),
            Refused("section `meta`"),
        ),
        (
            "a hidden instance beyond",
            change("\"hidden\":[]", "\"hidden\":[2]"),
            Refused("hides instance 2, but there are only 2"),
        ),
        (
            "a hidden instance below zero",
            change("\"hidden\":[]", "\"hidden\":[-1]"),
            Refused("section `meta`"),
        ),
        (
            "a threshold below zero",
            change("0.25", "-0.25"),
            Refused("threshold is -0.25"),
        ),
        (
            "a threshold beyond",
            change("0.25", "1e99"),
            Refused("threshold is inf"),
        ),
        (
            "no threshold",
            change("0.25", "null"),
            Refused("section `meta`"),
        ),
        (
            "a camera far beyond",
            change("[1.0,2.0,3.0]", "[1.0,1e99,3.0]"),
            Refused("the camera is at [1.0, inf, 3.0] m"),
        ),
        (
            "a camera beyond all places",
            change("[1.0,2.0,3.0]", "[1.0,2.0,3e38]"),
            Refused("3e38] m and looks at [0.0, 0.0, 1.0] m, the limit is 1e10 m"),
        ),
        (
            "a target far beyond",
            change("[0.0,0.0,1.0]", "[0.0,0.0,-1e39]"),
            Refused("looks at [0.0, 0.0, -inf] m"),
        ),
        (
            "a view of nothing",
            change("0.8", "0"),
            Refused("the field of view is 0, it must be between 0 and pi"),
        ),
        (
            "a view of everything",
            change("0.8", "1e99"),
            Refused("the field of view is inf"),
        ),
        (
            "a ceiling far beyond",
            change("2.25", "1e99"),
            Refused("beyond inf m, the limit is 1e10 m"),
        ),
        (
            "a ceiling beyond all places",
            change("2.25", "-2e10"),
            Refused("beyond -20000000000 m"),
        ),
        (
            "a box that begins far beyond",
            change("[-1.0,0.0,0.5]", "[-1e39,0.0,0.5]"),
            Refused("beyond -inf m"),
        ),
        (
            "a camera of two numbers",
            change("[1.0,2.0,3.0]", "[1.0,2.0]"),
            Refused("section `meta`"),
        ),
        (
            "a tiny unit",
            change("0.001,", "1e-300,"),
            Refused("between a micrometre"),
        ),
        (
            "a unit below zero",
            change("0.001,", "-1.0,"),
            Refused("between a micrometre"),
        ),
        (
            "an offset beyond all places",
            change("512345.0", "-1e300"),
            Refused("the origin of the scan's file is -1e300 units away, the limit is 1e10"),
        ),
        (
            "an offset beyond doubles",
            change("512345.0", "1e400"),
            Refused("section `meta`"),
        ),
        (
            "an unknown axis",
            change("minus_y", "sideways"),
            Refused("section `meta`"),
        ),
        (
            "an unknown mode",
            change("\"label\"", "\"smell\""),
            Refused("section `meta`"),
        ),
        (
            "an unknown field",
            change("{\"names\"", "{\"mood\":[1],\"names\""),
            Read(5, 2),
        ),
        (
            "a field twice",
            change("{\"names\"", "{\"names\":[],\"names\""),
            Refused("duplicate field `names`"),
        ),
        ("a space of no width", width("0"), Refused("section `meta`")),
        (
            "a space of another width",
            width("6"),
            Refused("at most 24 are possible"),
        ),
        (
            "a space of most width",
            width("1099511627776"),
            Refused("1099511627776 values"),
        ),
    ])
}

#[test]
fn bundles_have_their_right_answers() {
    let all = [
        containers(),
        meta(),
        sections::points(),
        sections::instances(),
        overlays::overlays(),
    ]
    .concat();
    // a byte of a deflate stream is up to 1032, of which a reader holds a few copies
    families::assert_right("bundles", Memory::per_byte(8 * 1032), &all, check);
}
