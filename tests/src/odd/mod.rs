//! Odd files: what people bring that is legal or nearly so, each made of the same room, and what is
//! expected of it. The table is read natively and by the page's worker; its numbers are those of the
//! bug reports of other programs that the cases come from.

use std::f64::consts::PI;

mod expected;
pub mod found;
mod room;

pub use expected::{Expected, Opened, open, parse};
use room::{Corner, Room, building, coarse, room};

/// A file and what is expected of it.
pub struct Odd {
    /// Name of the file.
    pub name: &'static str,
    /// Its content.
    pub bytes: Vec<u8>,
    /// What must hold once it is read.
    pub expected: Expected,
}

/// The file whose colors are in a texture.
pub const TEXTURED: &str = "23b-texture.ply";

const XYZ: &str = "property float x\nproperty float y\nproperty float z\n";
const RGB: &str = "property uchar red\nproperty uchar green\nproperty uchar blue\n";
/// The bits of a packed color with full alpha.
const OPAQUE: u32 = 0xff00_0000;
/// Where the survey's origin is.
const SURVEY: [f64; 3] = [289_814.0, 4_320_978.0, 170.0];
const FAR_SURVEY: [f64; 3] = [412_300.0, 5_512_700.0, 120.0];
/// Degrees of longitude and latitude of the room's corner, and metres in one of each.
const PLACE: [f64; 2] = [7.05, 50.73];
const DEGREE: [f64; 2] = [70_500.0, 111_320.0];
/// Rows without a measurement.
const UNMEASURED: usize = 6000;
/// Points far away, as reflections make them.
const STRAYS: [[f32; 3]; 5] = [
    [310.0, 40.0, 12.0],
    [290.0, -15.0, 3.0],
    [280.0, 60.0, 8.0],
    [-120.0, 220.0, 5.0],
    [305.0, 41.0, 11.0],
];

/// All files.
pub fn files() -> Vec<Odd> {
    let room = room();
    [
        plain(&room),
        numbers(&room),
        colors(&room),
        labels(&room),
        places(&room),
        meshes(&room),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// What is expected of every file whose points are those of the room.
fn all_of(room: &Room) -> Expected {
    Expected {
        points: Some(room.corners.len()),
        ..Expected::default()
    }
}

fn with_color(room: &Room) -> Expected {
    Expected {
        color0: Some(room.corners[0].color),
        ..all_of(room)
    }
}

fn plain(room: &Room) -> Vec<Odd> {
    let positions = room.corners.iter().map(|corner| corner.at.map(f64::from));
    vec![
        Odd {
            name: "00-base.ply",
            bytes: colored(&room.corners),
            expected: Expected {
                bounds: Some(bounds(positions)),
                ..with_color(room)
            },
        },
        Odd {
            name: "00-base-mesh.ply",
            bytes: mesh(room),
            expected: Expected {
                same_instances_as: Some("00-base.ply".to_owned()),
                ..all_of(room)
            },
        },
    ]
}

fn numbers(room: &Room) -> Vec<Odd> {
    let corners = &room.corners;
    let half = &corners[..corners.len() / 2];
    let vertices = |count: usize| format!("element vertex {count}\n{XYZ}{RGB}");
    let row = |corner: &Corner, between: char| {
        let ([x, y, z], [r, g, b]) = (corner.at, corner.color);
        format!("{x:.5} {y:.5} {z:.5}{between}{r} {g} {b}\n")
    };
    let rows = |between| corners.iter().map(|c| row(c, between)).collect::<String>();
    let survey = corners.iter().map(|corner| at(corner, SURVEY));
    let survey: Vec<[f64; 3]> = survey
        .map(|p| p.map(|x| (x * 1000.0).round() / 1000.0))
        .collect();
    let survey_rows = survey
        .iter()
        .zip(corners)
        .map(|([x, y, z], corner)| format!("{x:.3} {y:.3} {z:.3} {}\n", packed(corner.color)));
    let header = pcd(
        "X Y Z rgb",
        "F F F U",
        [corners.len(), 1],
        "0 0 0 1 0 0 0",
        "ascii",
    );
    let bools = corners.iter().flat_map(|corner| {
        [
            &xyz(corner.at)[..],
            &corner.color,
            &[u8::from(corner.label[0] == 2)],
        ]
        .concat()
    });
    let base = colored(corners);
    let converted = base.iter().flat_map(|byte| match byte {
        b'\n' => vec![b'\r', b'\n'],
        byte => vec![*byte],
    });
    vec![
        Odd {
            name: "01-vertex-over-two-lines.ply",
            bytes: ply("ascii", &vertices(corners.len()), rows('\n').as_bytes()),
            expected: with_color(room),
        },
        Odd {
            name: "04a-uppercase-survey.pcd",
            bytes: [header, survey_rows.collect()].concat().into_bytes(),
            expected: Expected {
                bounds: Some(bounds(survey.iter().copied())),
                ..all_of(room)
            },
        },
        Odd {
            name: "06b-bool.ply",
            bytes: little(
                &format!("{}property bool is_ground\n", vertices(corners.len())),
                &bools.collect::<Vec<u8>>(),
            ),
            expected: Expected {
                points_or_error: Some("names `bool`".to_owned()),
                ..Expected::default()
            },
        },
        Odd {
            name: "31-more-rows-than-counted.ply",
            bytes: ply("ascii", &vertices(half.len()), rows(' ').as_bytes()),
            expected: Expected {
                points: Some(half.len()),
                warning: Some(format!("{} rows more", corners.len() - half.len())),
                ..Expected::default()
            },
        },
        Odd {
            name: "32-line-ends-converted.ply",
            bytes: converted.collect(),
            expected: Expected {
                error: Some("damaged, or warned; coordinates are garbage".to_owned()),
                ..Expected::default()
            },
        },
    ]
}

fn colors(room: &Room) -> Vec<Odd> {
    let corners = &room.corners;
    let floats = |scale: &dyn Fn(usize, u8) -> f32| -> Vec<u8> {
        let channels = |(point, corner): (usize, &Corner)| {
            let color = corner.color.map(|c| scale(point, c));
            [xyz(corner.at), xyz(color)].concat()
        };
        corners.iter().enumerate().flat_map(channels).collect()
    };
    let elements = |names: [&str; 3]| {
        let channels = names.map(|name| format!("property float {name}\n"));
        format!(
            "element vertex {}\n{XYZ}{}",
            corners.len(),
            channels.concat()
        )
    };
    // a few of the last points are just too bright
    let above = floats(&|point, c| {
        if point + 6 < corners.len() {
            f32::from(c) / 255.0
        } else {
            1.02
        }
    });
    let harmonic = 0.5 / PI.sqrt();
    let splats = floats(&|_, c| ((f64::from(c) / 255.0 - 0.5) / harmonic) as f32);
    // red from 128 on fills the exponent of the float
    let is_lost = |corner: &Corner| corner.color[0] >= 128;
    let first = corners
        .iter()
        .position(|corner| !is_lost(corner))
        .unwrap_or_default();
    let rows = corners.iter().map(|corner| {
        let [x, y, z] = corner.at;
        let color = f32::from_bits(OPAQUE | packed(corner.color));
        let color = if is_lost(corner) {
            "nan".to_owned()
        } else {
            format!("{color:e}")
        };
        format!("{x:.5} {y:.5} {z:.5} {color}\n")
    });
    let header = pcd(
        "x y z rgb",
        "F F F F",
        [corners.len(), 1],
        "0 0 0 1 0 0 0",
        "ascii",
    );
    vec![
        Odd {
            name: "02-float-colour-above-one.ply",
            bytes: little(&elements(["red", "green", "blue"]), &above),
            expected: with_color(room),
        },
        Odd {
            name: "22-gaussian-splats.ply",
            bytes: little(&elements(["f_dc_0", "f_dc_1", "f_dc_2"]), &splats),
            expected: with_color(room),
        },
        Odd {
            name: "05-ascii-rgb-nan.pcd",
            bytes: [header, rows.collect()].concat().into_bytes(),
            expected: Expected {
                nan_colors: Some(corners.iter().filter(|corner| is_lost(corner)).count()),
                first_exact_point: Some(first),
                its_color: Some(corners[first].color),
                nan_color_must_not_be: Some([192, 0, 0]),
                ..all_of(room)
            },
        },
    ]
}

fn labels(room: &Room) -> Vec<Odd> {
    let three = || Expected {
        things: Some(3),
        classes: Some(vec!["chair".to_owned(), "table".to_owned()]),
        ..all_of(room)
    };
    let labelled = |types: [&str; 2], label: &dyn Fn(&Corner) -> Vec<u8>| {
        let [class, instance] = types;
        let elements = format!(
            "element vertex {}\n{XYZ}{RGB}property {class}\nproperty {instance}\n",
            room.corners.len()
        );
        let row = |corner: &Corner| [&xyz(corner.at)[..], &corner.color, &label(corner)].concat();
        little(
            &elements,
            &room.corners.iter().flat_map(row).collect::<Vec<u8>>(),
        )
    };
    let ints = ["int label", "int instance"];
    let of_int = |corner: &Corner| corner.label.map(i32::to_le_bytes).concat();
    let turned = |corner: &Corner| Corner {
        at: [corner.at[0], corner.at[2], -corner.at[1]],
        ..*corner
    };
    let upright = Room {
        corners: room.corners.iter().map(turned).collect(),
        triangles: Vec::new(),
    };
    let elements = format!(
        "element vertex {}\n{XYZ}{RGB}property int label\nproperty int instance\n",
        room.corners.len()
    );
    let y_up = upright
        .corners
        .iter()
        .flat_map(|corner| [&xyz(corner.at)[..], &corner.color, &of_int(corner)].concat());
    let same_figures = || Expected {
        same_figures_as: Some("46c-labelled-z-up.ply".to_owned()),
        ..Expected::default()
    };
    vec![
        Odd {
            name: "11a-float-labels.ply",
            bytes: labelled(["float label", "float instance"], &|corner| {
                corner.label.map(|x| (x as f32).to_le_bytes()).concat()
            }),
            expected: Expected {
                classes: None,
                ..three()
            },
        },
        Odd {
            name: "11c-int-labels.ply",
            bytes: labelled(ints, &of_int),
            expected: three(),
        },
        Odd {
            name: "12-instances-by-class.ply",
            bytes: labelled(ints, &|corner| {
                let [class, instance] = corner.label;
                let of_class = if class == 5 { instance - 1 } else { instance };
                [class, of_class].map(i32::to_le_bytes).concat()
            }),
            expected: three(),
        },
        Odd {
            name: "13-unsigned-unlabelled.ply",
            bytes: labelled(["ushort semantic", "uint instance"], &|corner| {
                let [class, instance] = match corner.label {
                    [_, 0] => [u32::MAX; 2],
                    label => label.map(i32::cast_unsigned),
                };
                [&(class as u16).to_le_bytes()[..], &instance.to_le_bytes()].concat()
            }),
            expected: three(),
        },
        Odd {
            name: "46a-labelled-y-up.ply",
            bytes: little(&elements, &y_up.collect::<Vec<u8>>()),
            expected: same_figures(),
        },
        Odd {
            name: "46c-labelled-z-up.ply",
            bytes: labelled(ints, &of_int),
            expected: same_figures(),
        },
    ]
}

fn places(room: &Room) -> Vec<Odd> {
    let corners = &room.corners;
    // rotated by a quarter turn about x, and moved
    let seen = |corner: &Corner| [corner.at[0] - 0.5, 1.4 - corner.at[2], corner.at[1] + 1.0];
    let binary = |place: [f32; 3], color: [u8; 3]| {
        [xyz(place), packed(color).to_le_bytes().to_vec()].concat()
    };
    let from_camera = corners
        .iter()
        .flat_map(|corner| binary(seen(corner), corner.color));
    // a missing measurement after every few points, and the rest at the end
    let mut organised = Vec::new();
    let every = corners.len() / UNMEASURED + 1;
    let mut missing = UNMEASURED;
    for (point, corner) in corners.iter().enumerate() {
        organised.extend(binary(corner.at, corner.color));
        if point % every == 0 && missing > 0 {
            missing -= 1;
            organised.extend(binary([0.0; 3], [0; 3]));
        }
    }
    (0..missing).for_each(|_| organised.extend(binary([0.0; 3], [0; 3])));
    let size = [corners.len() + UNMEASURED, 1];
    let doubles = |corner: &Corner| {
        let [x, y, z] = corner.at.map(f64::from);
        let degrees = [PLACE[0] + x / DEGREE[0], PLACE[1] + y / DEGREE[1], z];
        [&degrees.map(f64::to_le_bytes).concat()[..], &corner.color].concat()
    };
    let ruined = |corner: &Corner| Corner {
        at: at(corner, FAR_SURVEY).map(|x| x as f32),
        ..*corner
    };
    let ruined: Vec<Corner> = corners.iter().map(ruined).collect();
    let mut ys: Vec<f32> = ruined.iter().map(|corner| corner.at[1]).collect();
    ys.sort_unstable_by(f32::total_cmp);
    ys.dedup();
    let stray = |at| Corner {
        at,
        color: [128; 3],
        label: [0; 2],
    };
    let with_strays = [&corners[..], &STRAYS.map(stray)].concat();
    let building = building();
    vec![
        Odd {
            name: "07-viewpoint.pcd",
            bytes: [
                pcd(
                    "x y z rgb",
                    "F F F U",
                    [corners.len(), 1],
                    "0.5 -1 1.4 0.707107 -0.707107 0 0",
                    "binary",
                )
                .into_bytes(),
                from_camera.collect(),
            ]
            .concat(),
            expected: Expected {
                box_as_stored: Some(bounds(corners.iter().map(|c| seen(c).map(f64::from)))),
                box_with_viewpoint: Some(bounds(corners.iter().map(|c| c.at.map(f64::from)))),
                ..all_of(room)
            },
        },
        Odd {
            name: "08-organised-zeros.pcd",
            bytes: [
                pcd("x y z rgb", "F F F U", size, "0 0 0 1 0 0 0", "binary").into_bytes(),
                organised,
            ]
            .concat(),
            expected: Expected {
                invalid: Some(UNMEASURED),
                instances_must_not_own_the_origin: Some(true),
                ..all_of(room)
            },
        },
        Odd {
            name: "09-degrees.ply",
            bytes: little(
                &format!(
                    "element vertex {}\n{}{RGB}",
                    corners.len(),
                    XYZ.replace("float", "double")
                ),
                &corners.iter().flat_map(doubles).collect::<Vec<u8>>(),
            ),
            expected: Expected {
                expected: Some("refused or warned: x and y are no lengths".to_owned()),
                ..Expected::default()
            },
        },
        Odd {
            name: "10-float32-survey.ply",
            bytes: colored(&ruined),
            expected: Expected {
                distinct_y: Some(ys.len()),
                expected: Some("warning: coordinates are 0.5 m apart".to_owned()),
                ..all_of(room)
            },
        },
        Odd {
            name: "20a-three-storeys-metres.ply",
            bytes: colored(&building.corners),
            expected: Expected {
                metres_per_unit: Some(1.0),
                ..all_of(&building)
            },
        },
        Odd {
            name: "43a-five-strays-at-300-m.ply",
            bytes: colored(&with_strays),
            expected: Expected {
                points: Some(with_strays.len()),
                same_instances_as: Some("00-base.ply".to_owned()),
                ..Expected::default()
            },
        },
    ]
}

fn meshes(room: &Room) -> Vec<Odd> {
    let coarse = coarse();
    let corner = |&v: &u32| room.corners[v as usize];
    let apart = Room {
        corners: room.triangles.as_flattened().iter().map(corner).collect(),
        triangles: (0..room.triangles.len() as u32)
            .map(|t| [3 * t, 3 * t + 1, 3 * t + 2])
            .collect(),
    };
    let face = |triangle: &[u32; 3]| {
        // the mean of its corners
        let colors = triangle.map(|v| room.corners[v as usize].color);
        let mean = |i: usize| (colors.iter().map(|c| u32::from(c[i])).sum::<u32>() / 3) as u8;
        [&corners_of(triangle)[..], &[mean(0), mean(1), mean(2)]].concat()
    };
    let painted = [
        room.corners
            .iter()
            .flat_map(|corner| xyz(corner.at))
            .collect::<Vec<u8>>(),
        room.triangles.iter().flat_map(face).collect(),
    ];
    let elements = format!(
        "element vertex {}\n{XYZ}element face {}\nproperty list uchar int vertex_indices\n{RGB}",
        room.corners.len(),
        room.triangles.len()
    );
    let textured = [
        room.corners
            .iter()
            .flat_map(|corner| xyz(corner.at))
            .collect::<Vec<u8>>(),
        room.triangles.iter().flat_map(corners_of).collect(),
    ];
    vec![
        Odd {
            name: TEXTURED,
            bytes: little(
                &format!(
                    "comment TextureFile room.png\n{}",
                    elements.replace(RGB, "")
                ),
                &textured.concat(),
            ),
            expected: Expected {
                warning: Some("the texture `room.png`".to_owned()),
                ..all_of(room)
            },
        },
        Odd {
            name: "23-face-colours.ply",
            bytes: little(&elements, &painted.concat()),
            expected: Expected {
                color0_about: Some(room.corners[0].color),
                ..all_of(room)
            },
        },
        Odd {
            name: "30-few-large-triangles.ply",
            expected: Expected {
                vertices: Some(coarse.corners.len()),
                expected: Some("surface sampled, or told that the mesh is too coarse".to_owned()),
                ..Expected::default()
            },
            bytes: mesh(&coarse),
        },
        Odd {
            name: "44-triangle-soup.ply",
            expected: Expected {
                same_instances_as: Some("00-base.ply".to_owned()),
                ..all_of(&apart)
            },
            bytes: mesh(&apart),
        },
    ]
}

/// The position of a corner in a survey with this origin.
fn at(corner: &Corner, origin: [f64; 3]) -> [f64; 3] {
    std::array::from_fn(|axis| origin[axis] + f64::from(corner.at[axis]))
}

fn xyz(values: [f32; 3]) -> Vec<u8> {
    values.map(f32::to_le_bytes).concat()
}

fn packed([r, g, b]: [u8; 3]) -> u32 {
    u32::from_be_bytes([0, r, g, b])
}

fn corners_of(triangle: &[u32; 3]) -> Vec<u8> {
    [&[3][..], &triangle.map(u32::to_le_bytes).concat()].concat()
}

/// The corners as points with colors.
fn colored(corners: &[Corner]) -> Vec<u8> {
    let row = |corner: &Corner| [&xyz(corner.at)[..], &corner.color].concat();
    little(
        &format!("element vertex {}\n{XYZ}{RGB}", corners.len()),
        &corners.iter().flat_map(row).collect::<Vec<u8>>(),
    )
}

/// The corners with colors, and the triangles.
fn mesh(room: &Room) -> Vec<u8> {
    let row = |corner: &Corner| [&xyz(corner.at)[..], &corner.color].concat();
    let corners: Vec<u8> = room.corners.iter().flat_map(row).collect();
    let faces: Vec<u8> = room.triangles.iter().flat_map(corners_of).collect();
    let elements = format!(
        "element vertex {}\n{XYZ}{RGB}element face {}\nproperty list uchar int vertex_indices\n",
        room.corners.len(),
        room.triangles.len()
    );
    little(&elements, &[corners, faces].concat())
}

fn little(elements: &str, body: &[u8]) -> Vec<u8> {
    ply("binary_little_endian", elements, body)
}

fn ply(format: &str, elements: &str, body: &[u8]) -> Vec<u8> {
    let header = format!("ply\nformat {format} 1.0\n{elements}end_header\n");
    [header.as_bytes(), body].concat()
}

fn pcd(
    fields: &str,
    types: &str,
    [width, height]: [usize; 2],
    viewpoint: &str,
    data: &str,
) -> String {
    format!(
        "VERSION 0.7\nFIELDS {fields}\nSIZE 4 4 4 4\nTYPE {types}\nCOUNT 1 1 1 1\nWIDTH {width}\nHEIGHT {height}\n\
         VIEWPOINT {viewpoint}\nPOINTS {}\nDATA {data}\n",
        width * height
    )
}

fn bounds(positions: impl Iterator<Item = [f64; 3]>) -> [[f64; 3]; 2] {
    positions.fold(
        [[f64::INFINITY; 3], [f64::NEG_INFINITY; 3]],
        |[low, high], p| {
            [
                std::array::from_fn(|axis| low[axis].min(p[axis])),
                std::array::from_fn(|axis| high[axis].max(p[axis])),
            ]
        },
    )
}
