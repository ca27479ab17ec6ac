//! Labels without their points that are odd or lie.

use super::{super::overlay::labels_of, *};

const HTTPS: &str = "https://example.org/room.ply";

/// The sections of labels of five points, which may be changed.
fn parts() -> Vec<(Section, Vec<u8>)> {
    let bytes = encode_overlay(&labels_of(right(), Some(HTTPS))).unwrap();
    let reader = container::Reader::open(&bytes).unwrap();
    let section = |section| (section, reader.section(section, 1 << 20).unwrap());
    Section::OVERLAY.map(section).into()
}

fn sealed([points, superpoints, instances]: [usize; 3], parts: &[(Section, Vec<u8>)]) -> Vec<u8> {
    let mut container = Container::overlay(points, superpoints, instances);
    for (section, bytes) in parts {
        container.push(*section, bytes);
    }
    container.finish()
}

fn with(section: Section, bytes: impl AsRef<[u8]>) -> Vec<u8> {
    let mut parts = parts();
    for (name, old) in &mut parts {
        if *name == section {
            *old = bytes.as_ref().to_vec();
        }
    }
    sealed([5, 2, 2], &parts)
}

fn without(section: Section) -> Vec<u8> {
    let mut parts = parts();
    parts.retain(|(name, _)| *name != section);
    sealed([5, 2, 2], &parts)
}

pub(super) fn overlays() -> Vec<Case> {
    [files(), labels()].concat()
}

/// What is said of the file.
fn files() -> Vec<Case> {
    let parts = parts();
    let json = std::str::from_utf8(&parts[1].1).unwrap();
    let change = |from: &str, to: &str| {
        assert!(json.contains(from), "{from}");
        with(Section::Scan, json.replacen(from, to, 1))
    };
    let hash = ContentHash::of(b"ply").to_string();
    let long = format!("https://{}", "a".repeat(2041));
    let longest = format!("https://{}", "a".repeat(2040));
    cases([
        ("labels", sealed([5, 2, 2], &parts), Read(5, 2)),
        (
            "labels without a file",
            without(Section::Scan),
            Refused("section `scan` is malformed: it is missing"),
        ),
        (
            "a file of no JSON",
            with(Section::Scan, b"room.ply"),
            Refused("section `scan`"),
        ),
        (
            "a file of nothing",
            with(Section::Scan, b"{}"),
            Refused("missing field `blake3`"),
        ),
        (
            "a file of blanks",
            with(Section::Scan, vec![b' '; (16 << 10) + 1]),
            Refused("at most 16384 are possible"),
        ),
        (
            "a short hash",
            change(&hash, &hash[2..]),
            Refused("64 hexadecimal digits, not 62"),
        ),
        (
            "a long hash",
            change(&hash, &format!("{hash}00")),
            Refused("64 hexadecimal digits, not 66"),
        ),
        (
            "a hash of other letters",
            change(&hash, &"z".repeat(64)),
            Refused("64 hexadecimal digits"),
        ),
        (
            "a hash of wide letters",
            change(&hash, &"é".repeat(32)),
            Refused("64 hexadecimal digits, not 32"),
        ),
        (
            "a file of fewer bytes than none",
            change("\"bytes\":3", "\"bytes\":-3"),
            Refused("section `scan`"),
        ),
        (
            "a file of most bytes",
            change("\"bytes\":3", "\"bytes\":18446744073709551615"),
            Refused("has 18446744073709551615 bytes, the limit is 1125899906842624"),
        ),
        (
            "a large file",
            change("\"bytes\":3", "\"bytes\":1125899906842624"),
            Read(5, 2),
        ),
        (
            "a file without a URL",
            change(&format!(",\"url\":\"{HTTPS}\""), ""),
            Read(5, 2),
        ),
        (
            "a file of JavaScript",
            change(HTTPS, "javascript:alert(1)"),
            Refused("no https address"),
        ),
        (
            "a file on the machine",
            change(HTTPS, "file:///etc/passwd"),
            Refused("no https address"),
        ),
        (
            "a file of a page",
            change(HTTPS, "blob:https://example.org/1"),
            Refused("no https address"),
        ),
        (
            "a file at no host",
            change(HTTPS, "https://"),
            Refused("no https address"),
        ),
        (
            "a URL of two lines",
            change(HTTPS, "https://example.org/\\nroom.ply"),
            Refused("no https address"),
        ),
        (
            "a URL that is too long",
            change(HTTPS, &long),
            Refused("has 2049 bytes, the limit is 2048"),
        ),
        ("the longest URL", change(HTTPS, &longest), Read(5, 2)),
        (
            "a URL that is a number",
            change(&format!("\"{HTTPS}\""), "7"),
            Refused("section `scan`"),
        ),
        (
            "points of their own",
            {
                let mut parts = parts.clone();
                parts[2].0 = Section::Positions;
                sealed([5, 2, 2], &parts)
            },
            Refused("section `posn` is unknown"),
        ),
    ])
}

/// The superpoints of the points, and the rest.
fn labels() -> Vec<Case> {
    use Section::Points;
    let parts = parts();
    // the second thing says something else
    let thing = |change: fn(&mut Instance)| {
        let mut segmentation = right().segmentation;
        change(&mut segmentation.instances[1]);
        with(Section::Instances, instances::encode_sets(&segmentation))
    };
    cases([
        (
            "labels without points",
            without(Points),
            Refused("section `pnts` is malformed: it is missing"),
        ),
        (
            "labels of no bytes",
            with(Points, b""),
            Refused("0 bytes do not hold 5 points"),
        ),
        (
            "labels of four points",
            with(Points, [0, 0, 0, 2]),
            Refused("4 bytes do not hold 5 points"),
        ),
        (
            "labels of six points",
            with(Points, [0, 0, 0, 2, 0, 0]),
            Refused("bytes after the last point"),
        ),
        (
            "labels of too many bytes",
            with(Points, [0; 26]),
            Refused("at most 25 are possible"),
        ),
        (
            "labels that end early",
            with(Points, [0, 0, 0x80, 0x80, 0x80]),
            Refused("it ends early, at point 2 of 5"),
        ),
        (
            "a superpoint left out",
            with(Points, [0, 0, 0, 4, 0]),
            Refused("point 3 is in superpoint 2, after 1 of 2"),
        ),
        (
            "one superpoint of two",
            with(Points, [0; 5]),
            Refused("it has 1 superpoints instead of 2"),
        ),
        (
            "a superpoint of labels too many",
            with(Points, [0, 2, 2, 0, 0]),
            Refused("point 2 is in superpoint 2, after 2 of 2"),
        ),
        (
            "a superpoint below zero",
            with(Points, [1, 0, 0, 2, 0]),
            Refused("point 0 is in superpoint 4294967295"),
        ),
        (
            "a difference of most",
            with(Points, [0, 0xff, 0xff, 0xff, 0xff, 0x0f, 0, 0, 2]),
            Refused("point 1 is in superpoint 2147483648"),
        ),
        (
            "twelve million labels of five",
            sealed([12_000_000, 2, 2], &parts),
            Refused("5 bytes do not hold 12000000 points"),
        ),
        (
            "twelve million superpoints of five labels",
            sealed([12_000_000, 12_000_000, 2], &parts),
            Refused("5 bytes do not hold 12000000 points"),
        ),
        (
            "a name too few for labels",
            sealed([5, 2, 3], &parts),
            Refused("2 names for 3 instances"),
        ),
        (
            "labels without things",
            without(Section::Instances),
            Refused("section `inst` is malformed: it is missing"),
        ),
        (
            "a thing of labels with a point too few",
            thing(|thing| thing.points -= 1),
            Refused("instance 1 has 1 points, its superpoints have 2"),
        ),
        (
            "a thing of labels with most points",
            thing(|thing| thing.points = u32::MAX),
            Refused("instance 1 has 4294967295 points"),
        ),
        (
            "a thing of labels beyond all places",
            thing(|thing| thing.bounds.max[1] = 3e38),
            Refused("3e38, 1.0] m, the limit is 1e10 m"),
        ),
        (
            "a thing of labels at no place",
            thing(|thing| thing.bounds.min[1] = f32::NAN),
            Refused("instance 1 has a bounding box that is cut short or not finite"),
        ),
        (
            "labels with a long name",
            {
                let meta = std::str::from_utf8(&parts[0].1).unwrap();
                with(Section::Meta, meta.replacen("Büro", &"x".repeat(201), 1))
            },
            Refused("the name of an instance has 209 characters, the limit is 200"),
        ),
        (
            "labels of an impossible unit",
            {
                let meta = std::str::from_utf8(&parts[0].1).unwrap();
                with(Section::Meta, meta.replacen("0.001,", "1e-300,", 1))
            },
            Refused("between a micrometre"),
        ),
    ])
}
