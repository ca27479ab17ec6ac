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
            Refused("it ends early, at superpoint 0 of 2"),
        ),
        (
            "a superpoint without points",
            with(Superpoints, [0, 5]),
            Refused("superpoint 0 has 0 points, it must have from 1 to the 5"),
        ),
        (
            "superpoints of four points",
            with(Superpoints, [3, 1]),
            Refused("1 of 5 points are in no superpoint"),
        ),
        (
            "superpoints of six points",
            with(Superpoints, [3, 3]),
            Refused("superpoint 1 has 3 points, it must have from 1 to the 2 that are left of 5"),
        ),
        (
            "a superpoint of most points",
            with(Superpoints, [0xff, 0xff, 0xff, 0xff, 0x0f, 1]),
            Refused("superpoint 0 has 4294967295 points"),
        ),
        (
            "a superpoint beyond 32 bits",
            with(Superpoints, [0xff; 6]),
            Refused("it ends early"),
        ),
        (
            "bytes behind the superpoints",
            with(Superpoints, [3, 2, 1]),
            Refused("1 bytes come after the last superpoint"),
        ),
        (
            "a superpoint more",
            counted([5, 3, 2]),
            Refused("superpoint 2 of 3"),
        ),
        (
            "no positions",
            without(Positions),
            Refused("section `posn` is malformed: it is missing"),
        ),
        (
            "positions of 0 bytes",
            with(Positions, b""),
            Refused("it has 0 bytes, a grid and 5 points have 46"),
        ),
        (
            "positions of one point",
            with(Positions, [0x3f; 22]),
            Refused("it has 22 bytes, a grid and 5 points have 46"),
        ),
        (
            "positions of six points",
            with(Positions, [0x3f; 52]),
            Refused("at most 46 are possible"),
        ),
        (
            "an origin of NaN",
            grid(0, f32::NAN),
            Refused("the origin of the grid is not finite"),
        ),
        (
            "an infinite origin",
            grid(8, f32::INFINITY),
            Refused("the origin of the grid is not finite"),
        ),
        (
            "a step of 0",
            grid(12, 0.0),
            Refused("the step of the grid is not a positive number"),
        ),
        (
            "a step below zero",
            grid(12, -1.0),
            Refused("the step of the grid is not a positive number"),
        ),
        (
            "a step of most",
            grid(12, f32::MAX),
            Refused("point 1 lies at [inf, "),
        ),
        (
            "a step to beyond all places",
            grid(12, 5e6),
            Refused("0.0, 1.0] m, the limit is 1e10 m"),
        ),
        (
            "an origin beyond all places",
            grid(4, -1.1e10),
            Refused("point 0 lies at [0.0, -11000000000.0, 1.0] m, the limit is 1e10 m"),
        ),
        (
            "a step of not a number",
            grid(12, f32::NAN),
            Refused("the step of the grid is not a positive number"),
        ),
        (
            "colors of four points",
            with(Colors, [1; 12]),
            Refused("it has 12 bytes, 5 points have 15"),
        ),
        (
            "colors of six points",
            with(Colors, [1; 18]),
            Refused("at most 15 are possible"),
        ),
        (
            "twelve million of five points",
            many,
            Refused("it has 46 bytes, a grid and 12000000 points have 72000016"),
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
    cases([
        ("two things", things(usual(0.9), usual(0.5)), Read(5, 2)),
        (
            "a thing in a box of its own",
            things(thing(&[1, 0], 0.9, 3e38, 0), usual(0.5)),
            Read(5, 2),
        ),
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
            Refused("1 bytes come after the last instance"),
        ),
        (
            "a thing without superpoints",
            first(&[0]),
            Refused("instance 0 has 0 superpoints, it must have from 1 to 2"),
        ),
        (
            "a thing of three superpoints",
            first(&[3, 0, 0, 0]),
            Refused("instance 0 has 3 superpoints, it must have from 1 to 2"),
        ),
        (
            "a thing of most superpoints",
            first(&[0xff, 0xff, 0xff, 0xff, 0x0f]),
            Refused("4294967295 superpoints in its instances, the limit is 4000000"),
        ),
        (
            "a superpoint beyond",
            first(&[1, 2]),
            Refused("instance 0 has superpoint 2, but there are only 2"),
        ),
        (
            "a superpoint far beyond",
            first(&[2, 0, 0xff, 0xff, 0xff, 0xff, 0x0f]),
            Refused("instance 0 has superpoint 4294967296, but there are only 2"),
        ),
        (
            "a score of two",
            things(thing(&[1, 0], 2.0, 1.0, 0), usual(0.5)),
            Refused("instance 0 has a score of 2, it must be between 0 and 1"),
        ),
        (
            "a score of NaN",
            things(thing(&[1, 0], f32::NAN, 1.0, 0), usual(0.5)),
            Refused("instance 0 has a score of NaN"),
        ),
        (
            "a rising score",
            things(usual(0.5), usual(0.9)),
            Refused("instance 1 has a score of 0.9, higher than the 0.5"),
        ),
        (
            "a box of NaN",
            things(thing(&[1, 0], 0.9, f32::NAN, 0), usual(0.5)),
            Refused("instance 0 has a bounding box that is cut short or not finite"),
        ),
        (
            "a field of the future",
            things(thing(&[1, 0], 0.9, 1.0, 1), usual(0.5)),
            Refused("instance 0 ends with 1, it must be 0"),
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
