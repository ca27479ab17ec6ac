//! Recordings in the layouts of programs and apps.

use super::*;

const CAMERA: &str = "camera-intrinsics.txt";
const POSE: &str = "frame-000000.pose.txt";
const DEPTH: &str = "frame-000000.depth.png";
const PICTURE: &str = "frame-000000.color.png";

/// An archive of a recording of one frame with another content of a file.
fn one(path: &str, content: impl AsRef<[u8]>) -> Vec<u8> {
    zipped(&with(&recording(1), path, content.as_ref()), Stored)
}

/// The same with a second frame, which is right.
fn first_of_two(path: &str, content: impl AsRef<[u8]>) -> Vec<u8> {
    zipped(&with(&recording(2), path, content.as_ref()), Stored)
}

fn archive(files: &[(&str, &[u8])], method: CompressionMethod) -> Vec<u8> {
    let owned = |(path, bytes): &(&str, &[u8])| ((*path).to_owned(), bytes.to_vec());
    zipped(&files.iter().map(owned).collect::<Vec<_>>(), method)
}

pub(super) fn cameras_and_poses() -> Vec<Case> {
    let four = "16 0 7.5 0\n0 16 5.5 0\n0 0 1 0\n0 0 0 1\n";
    let moved = String::from_utf8(pose(0.5)).unwrap();
    let no_camera = zipped(&without(&recording(1), CAMERA), Stored);
    let no_pose = zipped(&without(&recording(2), POSE), Stored);
    cases([
        ("no camera", no_camera, Refused("the camera is not known")),
        (
            "a camera of words",
            one(CAMERA, "wide angle"),
            Refused("\"wide\" is not a number"),
        ),
        (
            "a camera of three numbers",
            one(CAMERA, "16 16 7.5"),
            Refused("has 3 numbers"),
        ),
        (
            "a camera of NaN",
            one(CAMERA, "nan nan 7.5 5.5"),
            Refused("must be positive"),
        ),
        (
            "a camera of zeros",
            one(CAMERA, "0 0 7.5 5.5"),
            Refused("must be positive"),
        ),
        (
            "a camera that is no text",
            one(CAMERA, [0xff; 9]),
            Refused("not text in UTF-8"),
        ),
        (
            "a camera with a byte order mark",
            one(CAMERA, "\u{feff}16 16 7.5 5.5"),
            Silent(1),
        ),
        ("a camera of 4 x 4", one(CAMERA, four), Silent(1)),
        (
            "a camera with commas",
            one(CAMERA, "16,16,7.5,5.5\r\n"),
            Silent(1),
        ),
        (
            "no pose",
            no_pose,
            Warned(1, "there is no room.zip/frame-000000.pose.txt"),
        ),
        (
            "a pose of 15 numbers",
            first_of_two(POSE, "0 ".repeat(15)),
            Warned(1, "15 numbers instead of 16"),
        ),
        (
            "a pose of words",
            first_of_two(POSE, "here"),
            Warned(1, "\"here\" is not a number"),
        ),
        (
            "a pose of NaN",
            first_of_two(POSE, "nan ".repeat(16)),
            Warned(1, "it has no pose"),
        ),
        (
            "a pose of zeros",
            first_of_two(POSE, "0 ".repeat(16)),
            Warned(1, "it has no pose"),
        ),
        (
            "a pose on the moon",
            first_of_two(POSE, moved.replace("0.5", "3e8")),
            Warned(1, "the limit is 900 m"),
        ),
        (
            "a pose with lines of Windows",
            one(POSE, moved.replace('\n', "\r\n")),
            Silent(1),
        ),
        (
            "a pose with a byte order mark",
            one(POSE, format!("\u{feff}{moved}")),
            Silent(1),
        ),
        (
            "a pose of a million numbers",
            first_of_two(POSE, "1 ".repeat(1 << 20)),
            Warned(1, "1048576 numbers instead of 16"),
        ),
    ])
}

/// The first bytes of a grey PNG of 16 bits, which claims a size.
fn claimed(side: u32) -> Vec<u8> {
    let crc = |bytes: &[u8]| {
        !bytes.iter().fold(!0u32, |sum, byte| {
            (0..8).fold(sum ^ u32::from(*byte), |sum, _| {
                sum >> 1 ^ if sum & 1 == 1 { 0xedb8_8320 } else { 0 }
            })
        })
    };
    let mut header = b"IHDR".to_vec();
    header.extend([side.to_be_bytes(), side.to_be_bytes()].concat());
    header.extend([16, 0, 0, 0, 0]);
    let sum = crc(&header).to_be_bytes();
    let start = depth(COLUMNS);
    [&start[..12], &header, &sum, &start[33..]].concat()
}

pub(super) fn images() -> Vec<Case> {
    let of = |value: u16| png(&ImageBuffer::from_pixel(COLUMNS, ROWS, Luma([value])));
    let bytes = png(&ImageBuffer::from_pixel(COLUMNS, ROWS, Luma([9u8])));
    let colors = png(&ImageBuffer::from_pixel(COLUMNS, ROWS, Rgb([9u16, 9, 9])));
    let square = png(&ImageBuffer::from_pixel(COLUMNS, COLUMNS, Luma([2000u16])));
    let whole = depth(COLUMNS);
    let half = &whole[..whole.len() / 2];
    let damaged = {
        let mut damaged = whole.clone();
        let at = damaged.len() - 30;
        damaged[at] ^= 0xff;
        damaged
    };
    cases([
        (
            "depth of bytes",
            one(DEPTH, bytes),
            Refused("must be a grey PNG of 16 bits, it is L8"),
        ),
        (
            "depth in colors",
            one(DEPTH, colors),
            Refused("it is Rgb16"),
        ),
        (
            "depth of nothing",
            one(DEPTH, []),
            Refused("neither a JPEG nor a PNG"),
        ),
        (
            "depth in another format",
            one(DEPTH, b"II*\0 tiff"),
            Refused("neither a JPEG nor a PNG"),
        ),
        (
            "half of the depth",
            one(DEPTH, half),
            Refused("cannot read"),
        ),
        ("damaged depth", one(DEPTH, damaged), Refused("cannot read")),
        (
            "depth of zeros",
            one(DEPTH, of(0)),
            Refused("no frame of room.zip has a depth"),
        ),
        (
            "depth of most",
            one(DEPTH, of(u16::MAX)),
            Refused("no frame of room.zip has a depth"),
        ),
        (
            "depth far away",
            one(DEPTH, of(60_000)),
            Refused("the median depth is 60 m"),
        ),
        (
            "depth of another shape",
            first_of_two(DEPTH, square),
            Warned(1, "the depth images before have 16 x 16"),
        ),
        (
            "depth that claims 7000 pixels a side",
            one(DEPTH, claimed(7000)),
            Refused("cannot hold 7000 x 7000 pixels"),
        ),
        (
            "depth that claims 9000 pixels a side",
            one(DEPTH, claimed(9000)),
            Refused("the limit is 67108864"),
        ),
        (
            "depth that claims most pixels",
            one(DEPTH, claimed(u32::MAX >> 1)),
            Refused("cannot read"),
        ),
        (
            "a picture of nothing",
            one(PICTURE, []),
            Refused("neither a JPEG nor a PNG"),
        ),
        (
            "a moving picture",
            one(PICTURE, b"GIF89a"),
            Refused("neither a JPEG nor a PNG"),
        ),
        ("a picture of depth", one(PICTURE, of(3)), Silent(1)),
        (
            "a picture of one pixel",
            one(
                PICTURE,
                png(&ImageBuffer::from_pixel(1, 1, Rgb([1u8, 2, 3]))),
            ),
            Silent(1),
        ),
        (
            "half of a picture",
            one(PICTURE, &picture()[..90]),
            Refused("the picture of frame frame-000000"),
        ),
        (
            "a picture that claims 7000 pixels a side",
            one(PICTURE, claimed(7000)),
            Refused("cannot hold 7000 x 7000 pixels"),
        ),
    ])
}

/// A recording in the layout of TUM with other lists.
fn tum(rgb: &str, of_depth: &str, poses: &str) -> Vec<u8> {
    let files: [(&str, &[u8]); 6] = [
        ("intrinsics.txt", b"16 16 7.5 5.5"),
        ("rgb.txt", rgb.as_bytes()),
        ("depth.txt", of_depth.as_bytes()),
        ("groundtruth.txt", poses.as_bytes()),
        ("rgb/0.png", &picture()),
        ("depth/0.png", &depth(COLUMNS)),
    ];
    archive(&files, Deflated)
}

/// A recording in the layout of Open3D with another trajectory.
fn open3d(trajectory: &str, name: &str) -> Vec<u8> {
    let files: [(&str, &[u8]); 4] = [
        ("trajectory.log", trajectory.as_bytes()),
        (
            "camera_intrinsic.json",
            br#"{"width":16,"height":12,"intrinsic_matrix":[16,0,0,0,16,0,7.5,5.5,1]}"#,
        ),
        (&format!("color/{name}"), &picture()),
        (&format!("depth/{name}"), &depth(COLUMNS)),
    ];
    archive(&files, Deflated)
}

pub(super) fn lists() -> Vec<Case> {
    const RGB: &str = "0 rgb/0.png\n";
    const OF_DEPTH: &str = "0 depth/0.png\n";
    const POSES: &str = "0 0 0 0 0 0 0 1\n";
    let block =
        |number: &str, last: &str| format!("{number} 0 1\n1 0 0 0\n0 1 0 0\n0 0 1 0\n{last}\n");
    let right = block("0", "0 0 0 1");
    cases([
        ("lists", tum(RGB, OF_DEPTH, POSES), Silent(1)),
        (
            "lists with byte order marks",
            tum(&format!("\u{feff}{RGB}"), OF_DEPTH, POSES),
            Silent(1),
        ),
        (
            "lists with remarks",
            tum(&format!("# time file\r\n{RGB}"), OF_DEPTH, POSES),
            Silent(1),
        ),
        (
            "an empty list",
            tum("", OF_DEPTH, POSES),
            Refused("rgb.txt has no entries"),
        ),
        (
            "a time of words",
            tum("noon rgb/0.png\n", OF_DEPTH, POSES),
            Refused("line 1 of room.zip/rgb.txt: \"noon\" is not a time"),
        ),
        (
            "a time of NaN",
            tum("nan rgb/0.png\n", OF_DEPTH, POSES),
            Refused("\"nan\" is not a time"),
        ),
        (
            "another time",
            tum(RGB, "9 depth/0.png\n", POSES),
            Refused("no picture in room.zip/rgb.txt has a depth image within 0.02 s"),
        ),
        (
            "a line without a file",
            tum("0\n", OF_DEPTH, POSES),
            Refused("the line names no file"),
        ),
        (
            "a file out of the folder",
            tum("0 ../rgb/0.png\n", OF_DEPTH, POSES),
            Refused("does not lie in"),
        ),
        (
            "a file that is not there",
            tum("0 rgb/7.png\n", OF_DEPTH, POSES),
            Refused("picture or its depth image is missing"),
        ),
        (
            "a pose of six numbers",
            tum(RGB, OF_DEPTH, "0 0 0 0 0 0 1\n"),
            Refused("6 numbers after the time instead of 7"),
        ),
        (
            "a rotation of zeros",
            tum(RGB, OF_DEPTH, "0 0 0 0 0 0 0 0\n"),
            Refused("it has no pose"),
        ),
        ("a trajectory", open3d(&right, "0.png"), Silent(1)),
        (
            "a trajectory that ends early",
            open3d(&right[..right.len() - 3], "0.png"),
            Refused("18 numbers instead of 3 and a matrix"),
        ),
        (
            "a frame below zero",
            open3d(&block("-1", "0 0 0 1"), "0.png"),
            Refused("\"-1\" is not a frame number"),
        ),
        (
            "two poses of a frame",
            open3d(&right.repeat(2), "0.png"),
            Refused("it is a second pose of frame 0"),
        ),
        (
            "a matrix of perspective",
            open3d(&block("0", "0 0 1 1"), "0.png"),
            Refused("instead of 0 0 0 1"),
        ),
        (
            "no trajectory",
            open3d("", "0.png"),
            Refused("trajectory.log has no pose"),
        ),
        (
            "a frame without a number",
            open3d(&right, "a.png"),
            Refused("has no number in its name"),
        ),
        (
            "a frame beyond 64 bits",
            open3d(&right, "99999999999999999999.png"),
            Refused("has no number in its name"),
        ),
    ])
}

/// A recording of Stray Scanner with another list of poses.
fn stray(odometry: &str) -> Vec<u8> {
    let files: [(&str, &[u8]); 4] = [
        ("odometry.csv", odometry.as_bytes()),
        ("camera_matrix.csv", b"64,0,31.5\n0,64,23.5\n0,0,1\n"),
        ("rgb/000000.png", &picture()),
        ("depth/000000.png", &depth(COLUMNS)),
    ];
    archive(&files, Deflated)
}

/// A recording of Record3D with other metadata and depth.
fn record3d(metadata: &str, of_depth: &[u8]) -> Vec<u8> {
    let files: [(&str, &[u8]); 3] = [
        ("metadata.json", metadata.as_bytes()),
        ("rgb/0.png", &picture()),
        ("depth/0.exr", of_depth),
    ];
    archive(&files, Deflated)
}

/// An image of depth in OpenEXR that claims to have so many columns.
fn claimed_exr(columns: u32) -> Vec<u8> {
    let pixels = vec![2.0; (COLUMNS * ROWS) as usize];
    let right = exr::tests::encode(&pixels, COLUMNS as usize, ::exr::prelude::Compression::ZIP1);
    let corner = |columns: u32| [columns - 1, ROWS - 1].map(u32::to_le_bytes).concat();
    super::super::archive::patched(right, &corner(COLUMNS), &corner(columns))
}

pub(super) fn phones() -> Vec<Case> {
    const HEADER: &str = "timestamp, frame, x, y, z, qx, qy, qz, qw\n";
    const ROW: &str = "0, 0, 0, 0, 0, 0, 0, 0, 1\n";
    const META: &str = r#"{"K":[64,0,0,0,64,0,31.5,23.5,1],"poses":[[0,0,0,1,0,0,0]]}"#;
    let right = claimed_exr(COLUMNS);
    let exr = &right[..];
    let meta = |from: &str, to: &str| record3d(&META.replace(from, to), exr);
    let nested = format!("{}1{}", "[".repeat(1 << 16), "]".repeat(1 << 16));
    let polycam: [(&str, &[u8]); 2] = [
        ("keyframes/cameras/1.json", b"{}"),
        ("keyframes/images/1.jpg", b""),
    ];
    let cameraless: [(&str, &[u8]); 3] = [
        ("keyframes/cameras/1.json", br#"{"fx":1}"#),
        ("keyframes/images/1.jpg", b""),
        ("keyframes/depth/1.png", b""),
    ];
    let app: [(&str, &[u8]); 2] = [("frame_00000.json", b"{}"), ("frame_00000.jpg", b"")];
    cases([
        (
            "a list of a phone",
            stray(&format!("{HEADER}{ROW}")),
            Silent(1),
        ),
        (
            "a list with a byte order mark",
            stray(
                &format!("\u{feff}{}{ROW}", &HEADER["timestamp, ".len()..])
                    .replace("0, 0, 0, 0, 0, 0, 0, 0, 1", "0, 0, 0, 0, 0, 0, 0, 1"),
            ),
            Silent(1),
        ),
        (
            "a list without its header",
            stray(ROW),
            Refused("has no column \"x\""),
        ),
        (
            "a list with a short line",
            stray(&format!("{HEADER}0, 0, 1\n")),
            Refused("line 2 of room.zip/odometry.csv: it has 3 cells, the header has 9"),
        ),
        (
            "a frame twice",
            stray(&format!("{HEADER}{ROW}{ROW}")),
            Refused("lists frame 000000 twice"),
        ),
        (
            "a frame of words",
            stray(&format!("{HEADER}0, first, 0, 0, 0, 0, 0, 0, 1\n")),
            Refused("\"first\" is not a frame number"),
        ),
        ("no list", stray(""), Refused("has no column \"x\"")),
        ("metadata", record3d(META, exr), Silent(1)),
        (
            "metadata with a byte order mark",
            meta("{\"K", "\u{feff}{\"K"),
            Silent(1),
        ),
        (
            "metadata that are no JSON",
            meta("{", "("),
            Refused("is not JSON"),
        ),
        (
            "metadata in metadata",
            record3d(&nested, exr),
            Refused("is not JSON"),
        ),
        (
            "metadata without poses",
            meta("poses", "places"),
            Refused("no list \"poses\""),
        ),
        (
            "a matrix of eight numbers",
            meta(",1],", "],"),
            Refused("8 numbers instead of 9"),
        ),
        (
            "a matrix of words",
            meta("64", "\"wide\""),
            Refused("the focal lengths"),
        ),
        (
            "a pose of three numbers",
            meta("[0,0,0,1,0,0,0]", "[0,0,0]"),
            Refused("3 numbers instead of 7"),
        ),
        (
            "a pose that is none",
            meta("[0,0,0,1,0,0,0]", "null"),
            Refused("the pose is not a list of 7 numbers"),
        ),
        (
            "depth of no kind",
            record3d(META, b"depth"),
            Refused("in room.zip/depth/0.exr"),
        ),
        (
            "half of an EXR",
            record3d(META, &exr[..exr.len() / 2]),
            Refused("in room.zip/depth/0.exr"),
        ),
        (
            "an EXR that claims two million columns",
            record3d(META, &claimed_exr(2_000_000)),
            Refused("cannot hold 2000000 x 12 pixels"),
        ),
        (
            "an EXR that claims nine million columns",
            record3d(META, &claimed_exr(9_000_000)),
            Refused("the limit is 67108864"),
        ),
        (
            "an EXR that claims most columns",
            record3d(META, &claimed_exr(i32::MAX as u32)),
            Refused("in room.zip/depth/0.exr"),
        ),
        (
            "no depth",
            archive(&polycam, Stored),
            Refused("has no folder `depth`"),
        ),
        (
            "half a camera",
            archive(&cameraless, Stored),
            Refused("has no \"t_00\""),
        ),
        (
            "an empty camera",
            archive(&app, Stored),
            Refused("has no \"cameraPoseARFrame\""),
        ),
    ])
}
