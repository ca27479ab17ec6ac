//! Frames named as in 7-Scenes and 3DMatch: `frame-000007.color.jpg`, `.depth.png`, `.pose.txt`;
//! `camera-intrinsics.txt` beside them, one folder up (as in 3DMatch) or nowhere (as 7-Scenes was
//! released).

use super::{
    super::{
        Intrinsics,
        poses::{numbers, pose},
    },
    CaptureError, CaptureOptions, MILLIMETRES, Names, Reader, Sequence, Tree, UpAxis, gray16,
    recorded, sort_by_number,
};

/// What the names of the depth images begin and end with.
const DEPTH: [&str; 2] = ["frame-", ".depth.png"];
/// The file with the camera.
pub const CAMERA: &str = "camera-intrinsics.txt";

/// Frames named as in 7-Scenes.
pub struct SevenScenes;

impl Reader for SevenScenes {
    fn signs(&self) -> &'static str {
        "frame-000000.depth.png (7-Scenes, 3DMatch)"
    }

    fn up(&self) -> Option<UpAxis> {
        None
    }

    fn is_here(&self, names: &dyn Names) -> bool {
        let [first, last] = DEPTH;
        let is_depth = |name: &String| name.starts_with(first) && name.ends_with(last);
        names.files_in("").iter().any(is_depth)
    }

    fn sequence<'a>(
        &self,
        tree: Tree<'a>,
        options: &CaptureOptions,
    ) -> Result<Sequence<'a>, CaptureError> {
        let intrinsics = intrinsics(&tree, options)?;
        let of_depth = |name: String| name.strip_suffix(DEPTH[1]).map(str::to_owned);
        let mut names: Vec<String> = tree.files_in("").into_iter().filter_map(of_depth).collect();
        sort_by_number(&mut names);
        let (of_frame, options) = (names.clone(), options.clone());
        let frame = move |place: usize| {
            let name = &of_frame[place];
            let rows = numbers::<16>(&tree, &format!("{name}.pose.txt"))?;
            let picture = ["png", "jpg"]
                .map(|extension| format!("{name}.color.{extension}"))
                .into_iter()
                .find(|path| tree.has_file(path));
            let depth = gray16(format!("{name}{}", DEPTH[1]), &options, MILLIMETRES);
            recorded::frame(
                &tree,
                name,
                pose(&rows),
                intrinsics,
                picture.as_deref(),
                depth,
            )
        };
        Ok(Sequence {
            names,
            frame: Box::new(frame),
        })
    }
}

/// The camera that the user gave, or that of the recording or of the folder above.
fn intrinsics(tree: &Tree, options: &CaptureOptions) -> Result<Intrinsics, CaptureError> {
    if let Some(given) = options.intrinsics {
        return Ok(given);
    }
    for folder in [Some(*tree), tree.parent()].into_iter().flatten() {
        if let Some(found) = Intrinsics::find(&folder, &[CAMERA])? {
            return Ok(found);
        }
    }
    Err(CaptureError::NoCamera(format!(
        "the camera is not known, there is no {} and none in the folder above",
        tree.shown(CAMERA)
    )))
}
