//! Record3D's export "EXR + JPG sequence": `metadata.json` with intrinsics and poses, `rgb/7.jpg`,
//! `depth/7.exr` in metres (or `depth/7.png` in millimetres).

use serde_json::Value;

use super::{
    super::{Intrinsics, poses::quaternion_pose},
    CaptureError, CaptureOptions, GapReason, Names, Reader, Sequence, Tree, UpAxis,
    phone::{self, Phone, from_arkit, of_picture},
};

const METADATA: &str = "metadata.json";
/// The folder in which the app puts the sequence, with a slash.
const INNER: &str = "EXR_RGBD/";

/// Record3D's export, and its own format, which must be exported again.
pub struct Record3d;

/// The folder of the sequence with a slash, relative to the capture.
fn inner(names: &dyn Names) -> Option<&'static str> {
    ["", INNER]
        .into_iter()
        .find(|folder| names.has_file(&format!("{folder}{METADATA}")))
}

impl Reader for Record3d {
    fn signs(&self) -> &'static str {
        "metadata.json and rgb (Record3D's export \"EXR + JPG sequence\")"
    }

    fn up(&self) -> Option<UpAxis> {
        Some(UpAxis::PlusY)
    }

    fn is_here(&self, names: &dyn Names) -> bool {
        let is_export = inner(names).is_some_and(|at| names.has_folder(&format!("{at}rgb")));
        // a .r3d file is an archive of this
        is_export || (names.has_file("metadata") && names.has_folder("rgbd"))
    }

    fn sequence<'a>(
        &self,
        tree: Tree<'a>,
        options: &CaptureOptions,
    ) -> Result<Sequence<'a>, CaptureError> {
        let Some(inner) = inner(&tree) else {
            return Err(CaptureError::Unusable(format!(
                "{} is a .r3d recording, whose depth is compressed with LZFSE, which is not read here: in Record3D's library choose Export, \"EXR + JPG sequence\"",
                tree.shown_root()
            )));
        };
        let path = format!("{inner}{METADATA}");
        let cameras = Cameras::read(&tree, &path)?;
        let pictures = format!("{inner}rgb");
        let mut names = phone::stems(&tree, &pictures, "", ".jpg");
        if names.is_empty() {
            names = phone::stems(&tree, &pictures, "", ".png");
        }
        names.retain(|name| name.parse::<usize>().is_ok());
        let of_frame = names.clone();
        let unit = options.units_per_metre;
        let frame = move |place: usize| {
            let name = &of_frame[place];
            // only names that are numbers were kept
            let row: usize = name.parse().unwrap_or(usize::MAX);
            let wrong = |problem: String| {
                let message = |file: &str| format!("frame {name} in {file}: {problem}");
                GapReason::from(tree.wrong(&path, message))
            };
            let pose = cameras.poses.get(row).ok_or(GapReason::Pose)?;
            let [x, y, z, w, tx, ty, tz] = phone::list::<7>(pose, "the pose").map_err(wrong)?;
            let intrinsics = cameras.intrinsics(row).map_err(wrong)?;
            let [exr, png] =
                ["exr", "png"].map(|extension| format!("{inner}depth/{name}.{extension}"));
            Phone {
                name: name.clone(),
                world_from_camera: quaternion_pose([x, y, z, w], [tx, ty, tz]).map(from_arkit),
                intrinsics,
                picture: phone::picture(&tree, &format!("{pictures}/{name}")),
                depth: if tree.has_file(&exr) { exr } else { png },
                confidence: None,
            }
            .frame(&tree, unit)
        };
        Ok(Sequence {
            names,
            frame: Box::new(frame),
        })
    }
}

/// What the metadata say of the cameras.
struct Cameras {
    poses: Vec<Value>,
    of_frames: Vec<Value>,
    of_all: Option<Intrinsics>,
}

impl Cameras {
    fn read(tree: &Tree, path: &str) -> Result<Self, CaptureError> {
        let metadata = phone::json(tree, path)?;
        let list = |key: &str| metadata.get(key).and_then(Value::as_array).cloned();
        let poses = list("poses")
            .ok_or_else(|| tree.wrong(path, |file| format!("{file} has no list \"poses\"")))?;
        let of_frames = list("perFrameIntrinsicCoeffs").unwrap_or_default();
        // column by column
        let matrix = metadata
            .get("K")
            .map(|k| phone::list::<9>(k, "K"))
            .transpose();
        let matrix =
            matrix.map_err(|problem| tree.wrong(path, |file| format!("in {file}: {problem}")))?;
        let of_all = matrix.map(|k| of_picture([k[0], k[4]], [k[6], k[7]]));
        if of_all.is_none() && of_frames.is_empty() {
            return Err(tree.wrong(path, |file| {
                format!("{file} has neither \"K\" nor \"perFrameIntrinsicCoeffs\"")
            }));
        }
        Ok(Self {
            poses,
            of_frames,
            of_all,
        })
    }

    /// The intrinsics of a frame: its own, or those of all.
    fn intrinsics(&self, row: usize) -> Result<Intrinsics, String> {
        match self.of_frames.get(row) {
            Some(coefficients) => {
                let [fx, fy, cx, cy] = phone::list(coefficients, "perFrameIntrinsicCoeffs")?;
                Ok(of_picture([fx, fy], [cx, cy]))
            }
            None => self.of_all.ok_or_else(|| "it has no intrinsics".to_owned()),
        }
    }
}
