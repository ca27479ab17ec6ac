//! 3D Scanner App, "All data": `frame_00007.json` with the camera and, for some frames,
//! `frame_00007.jpg`, `depth_00007.png` and `conf_00007.png`.

use super::{
    super::poses::pose,
    CaptureError, CaptureOptions, GapReason, Names, Reader, Sequence, Tree, UpAxis,
    phone::{self, Phone, from_arkit, of_picture},
};

/// 3D Scanner App's export of all data.
pub struct Scanner3d;

impl Reader for Scanner3d {
    fn signs(&self) -> &'static str {
        "frame_00000.json (3D Scanner App, \"All data\")"
    }

    fn up(&self) -> Option<UpAxis> {
        Some(UpAxis::PlusY)
    }

    fn is_here(&self, names: &dyn Names) -> bool {
        let is_camera = |name: &String| name.starts_with("frame_") && name.ends_with(".json");
        names.files_in("").iter().any(is_camera)
    }

    /// The frames that have a picture; some have none.
    fn sequence<'a>(
        &self,
        tree: Tree<'a>,
        options: &CaptureOptions,
    ) -> Result<Sequence<'a>, CaptureError> {
        let picture = move |name: &str| phone::picture(&tree, &format!("frame_{name}"));
        let mut names = phone::stems(&tree, "", "frame_", ".json");
        names.retain(|name| picture(name).is_some());
        if names.is_empty() {
            return Err(CaptureError::Unusable(format!(
                "no frame of {} has a picture frame_00000.jpg beside its frame_00000.json",
                tree.shown_root()
            )));
        }
        let of_frame = names.clone();
        let unit = options.units_per_metre;
        let frame = move |place: usize| {
            let name = &of_frame[place];
            let path = format!("frame_{name}.json");
            let json = phone::json(&tree, &path).map_err(GapReason::from)?;
            let value = |key: &str| {
                json.get(key)
                    .ok_or_else(|| tree.wrong(&path, |file| format!("{file} has no \"{key}\"")))
            };
            let wrong = |problem: String| {
                GapReason::from(tree.wrong(&path, |file| format!("in {file}: {problem}")))
            };
            let rows = value("cameraPoseARFrame").map_err(GapReason::from)?;
            let rows = phone::list::<16>(rows, "cameraPoseARFrame").map_err(wrong)?;
            let m = value("intrinsics").map_err(GapReason::from)?;
            let m = phone::list::<9>(m, "intrinsics").map_err(wrong)?;
            Phone {
                name: name.clone(),
                world_from_camera: pose(&rows).map(from_arkit),
                intrinsics: of_picture([m[0], m[4]], [m[2], m[5]]),
                picture: picture(name),
                depth: format!("depth_{name}.png"),
                confidence: Some(format!("conf_{name}.png")),
            }
            .frame(&tree, unit)
        };
        Ok(Sequence {
            names,
            frame: Box::new(frame),
        })
    }
}
