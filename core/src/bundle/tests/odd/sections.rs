//! Bundles whose points or instances are odd.

use super::*;

pub(super) fn points() -> Vec<Case> {
    use Section::{Colors, Positions, Superpoints};
    let parts = Parts::new();
    let grid = |at: usize, value: f32| {
        let mut bytes = parts.of(Positions).to_vec();
        bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
        with(Positions, bytes)
    };
    let many = {
        let mut parts = Parts::new().with(Superpoints, [0x80, 0xb6, 0xdc, 0x05]);
        parts.counts = [12_000_000, 1, 2];
        parts.bytes()
    };
    cases([
        (
            "no superpoints",
            without(Superpoints),
            Refused("section `supr` is malformed: it is missing"),
        ),
        (
            "superpoints of 0 bytes",
            with(Superpoints, b""),
            Refused("it ends early"),
        ),
        (
            "a superpoint without points",
            with(Superpoints, [0, 5]),
            Refused("not positive numbers"),
        ),
        (
            "superpoints of four points",
            with(Superpoints, [3, 1]),
            Refused("do not add up"),
        ),
        (
            "superpoints of six points",
            with(Superpoints, [3, 3]),
            Refused("not positive numbers"),
        ),
        (
            "a superpoint of most points",
            with(Superpoints, [0xff, 0xff, 0xff, 0xff, 0x0f, 1]),
            Refused("not positive numbers"),
        ),
        (
            "a superpoint beyond 32 bits",
            with(Superpoints, [0xff; 6]),
            Refused("it ends early"),
        ),
        (
            "bytes behind the superpoints",
            with(Superpoints, [3, 2, 1]),
            Refused("do not add up"),
        ),
        (
            "a superpoint more",
            counted([5, 3, 2]),
            Refused("it ends early"),
        ),
        (
            "no positions",
            without(Positions),
            Refused("section `posn` is malformed: it is missing"),
        ),
        (
            "positions of 0 bytes",
            with(Positions, b""),
            Refused("the origin is not finite"),
        ),
        (
            "positions of one point",
            with(Positions, [0x3f; 22]),
            Refused("six bytes per point"),
        ),
        (
            "positions of six points",
            with(Positions, [0x3f; 52]),
            Refused("at most 46 are possible"),
        ),
        (
            "an origin of NaN",
            grid(0, f32::NAN),
            Refused("the origin is not finite"),
        ),
        (
            "an infinite origin",
            grid(8, f32::INFINITY),
            Refused("the origin is not finite"),
        ),
        (
            "a step of 0",
            grid(12, 0.0),
            Refused("the step is not a positive number"),
        ),
        (
            "a step below zero",
            grid(12, -1.0),
            Refused("the step is not a positive number"),
        ),
        (
            "a step of most",
            grid(12, f32::MAX),
            Refused("the far corner of the grid is not finite"),
        ),
        (
            "colors of four points",
            with(Colors, [1; 12]),
            Refused("three bytes per point"),
        ),
        (
            "colors of six points",
            with(Colors, [1; 18]),
            Refused("at most 15 are possible"),
        ),
        (
            "twelve million of five points",
            many,
            Refused("six bytes per point"),
        ),
    ])
}

pub(super) fn instances() -> Vec<Case> {
    use Section::{Embeddings, Instances};
    let width = text::TextSpace::default().width;
    // one thing: its superpoints, the number of its points, its score and its box
    let thing = |members: &[u8], score: f32, corner: f32, reserved: u8| {
        let numbers = [score, 0.0, 0.0, 0.0, corner, 1.0, 1.0].map(f32::to_le_bytes);
        [members, &[9], numbers.as_flattened(), &[reserved]].concat()
    };
    let things = |first: Vec<u8>, second: Vec<u8>| {
        with(
            Instances,
            [&12.5f32.to_le_bytes()[..], &first, &second].concat(),
        )
    };
    let usual = |score: f32| thing(&[1, 0], score, 1.0, 0);
    let first = |members: &[u8]| things(thing(members, 0.9, 1.0, 0), usual(0.5));
    let high = |value: u8| {
        let mut planes = vec![0; 4 * width];
        planes[2 * width] = value;
        with(Embeddings, planes)
    };
    let impossible = "instance 0 ends early or has an impossible value";
    cases([
        ("two things", things(usual(0.9), usual(0.5)), Read(5, 2)),
        (
            "no things",
            without(Instances),
            Refused("section `inst` is malformed: it is missing"),
        ),
        (
            "things of 0 bytes",
            with(Instances, b""),
            Refused("the logit scale is missing"),
        ),
        (
            "a scale of NaN",
            with(Instances, f32::NAN.to_le_bytes()),
            Refused("the logit scale is missing or not finite"),
        ),
        (
            "one thing of two",
            things(usual(0.9), Vec::new()),
            Refused("instance 1 ends early"),
        ),
        (
            "a thing more",
            counted([5, 2, 3]),
            Refused("2 names for 3 instances"),
        ),
        (
            "bytes behind the things",
            things(usual(0.9), [usual(0.5), vec![0]].concat()),
            Refused("bytes after the last instance"),
        ),
        (
            "a thing without superpoints",
            first(&[0]),
            Refused(impossible),
        ),
        (
            "a thing of three superpoints",
            first(&[3, 0, 0, 0]),
            Refused(impossible),
        ),
        (
            "a thing of most superpoints",
            first(&[0xff, 0xff, 0xff, 0xff, 0x0f]),
            Refused(impossible),
        ),
        ("a superpoint beyond", first(&[1, 2]), Refused(impossible)),
        (
            "a superpoint far beyond",
            first(&[2, 0, 0xff, 0xff, 0xff, 0xff, 0x0f]),
            Refused(impossible),
        ),
        (
            "a score of two",
            things(thing(&[1, 0], 2.0, 1.0, 0), usual(0.5)),
            Refused(impossible),
        ),
        (
            "a score of NaN",
            things(thing(&[1, 0], f32::NAN, 1.0, 0), usual(0.5)),
            Refused(impossible),
        ),
        (
            "a rising score",
            things(usual(0.5), usual(0.9)),
            Refused("instance 1 has a higher score"),
        ),
        (
            "a box of NaN",
            things(thing(&[1, 0], 0.9, f32::NAN, 0), usual(0.5)),
            Refused(impossible),
        ),
        (
            "a field of the future",
            things(thing(&[1, 0], 0.9, 1.0, 1), usual(0.5)),
            Refused(impossible),
        ),
        (
            "no embeddings",
            without(Embeddings),
            Refused("section `embd` is malformed: it is missing"),
        ),
        (
            "embeddings of a byte",
            with(Embeddings, [0]),
            Refused("1 bytes do not hold 2 embeddings"),
        ),
        ("embeddings of zeros", high(0), Read(5, 2)),
        (
            "an embedding of NaN",
            high(0x7e),
            Refused("the embedding of instance 0 is not finite"),
        ),
        (
            "an infinite embedding",
            high(0x7c),
            Refused("the embedding of instance 0 is not finite"),
        ),
    ])
}
