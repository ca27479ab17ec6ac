//! Labels.

use super::{
    Expected, Odd, all_of,
    room::{Corner, Room},
    writing::{RGB, XYZ, little, xyz},
};

/// The corners with a class and an instance of these types.
fn labelled(corners: &[Corner], types: [&str; 2], label: impl Fn(&Corner) -> Vec<u8>) -> Vec<u8> {
    let [class, instance] = types;
    let elements = format!(
        "element vertex {}\n{XYZ}{RGB}property {class}\nproperty {instance}\n",
        corners.len()
    );
    let row = |corner: &Corner| [&xyz(corner.at)[..], &corner.color, &label(corner)].concat();
    little(
        &elements,
        &corners.iter().flat_map(row).collect::<Vec<u8>>(),
    )
}

pub fn files(room: &Room) -> Vec<Odd> {
    let corners = &room.corners[..];
    let three = || Expected {
        things: Some(3),
        classes: Some(vec!["chair".to_owned(), "table".to_owned()]),
        ..all_of(room)
    };
    let ints = ["int label", "int instance"];
    let of_int = |corner: &Corner| corner.label.map(i32::to_le_bytes).concat();
    let turned = |corner: &Corner| Corner {
        at: [corner.at[0], corner.at[2], -corner.at[1]],
        ..*corner
    };
    let y_up: Vec<Corner> = corners.iter().map(turned).collect();
    let same_figures = || Expected {
        same_figures_as: Some("46c-labelled-z-up.ply".to_owned()),
        ..Expected::default()
    };
    vec![
        Odd {
            name: "11a-float-labels.ply",
            bytes: labelled(corners, ["float label", "float instance"], |corner| {
                corner.label.map(|x| (x as f32).to_le_bytes()).concat()
            }),
            expected: Expected {
                classes: None,
                ..three()
            },
        },
        Odd {
            name: "11c-int-labels.ply",
            bytes: labelled(corners, ints, of_int),
            expected: three(),
        },
        Odd {
            name: "12-instances-by-class.ply",
            bytes: labelled(corners, ints, |corner| {
                let [class, instance] = corner.label;
                let of_class = if class == 5 { instance - 1 } else { instance };
                [class, of_class].map(i32::to_le_bytes).concat()
            }),
            expected: three(),
        },
        Odd {
            name: "13-unsigned-unlabelled.ply",
            bytes: labelled(corners, ["ushort semantic", "uint instance"], |corner| {
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
            bytes: labelled(&y_up, ints, of_int),
            expected: same_figures(),
        },
        Odd {
            name: "46c-labelled-z-up.ply",
            bytes: labelled(corners, ints, of_int),
            expected: same_figures(),
        },
    ]
}
