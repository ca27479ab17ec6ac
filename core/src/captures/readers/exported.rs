//! The frames that ScanNet's SensReader exports (docs/spec/data.md section 1.2): `color/7.jpg`,
//! `depth/7.png`, `pose/7.txt`, `intrinsic/intrinsic_depth.txt`.

use super::{
    super::{
        Intrinsics,
        poses::{numbers, pose},
    },
    CaptureError, CaptureOptions, MILLIMETRES, Names, Reader, Sequence, Tree, UpAxis, gray16,
    recorded, sort_by_number,
};

const CAMERA: &str = "intrinsic/intrinsic_depth.txt";

/// Frames exported by `SensReader`.
pub struct SensReader;

impl Reader for SensReader {
    fn signs(&self) -> &'static str {
        "depth and pose (ScanNet's SensReader)"
    }

    fn up(&self) -> Option<UpAxis> {
        None
    }

    fn is_here(&self, names: &dyn Names) -> bool {
        names.has_folder("depth") && names.has_folder("pose")
    }

    fn sequence<'a>(
        &self,
        tree: Tree<'a>,
        options: &CaptureOptions,
    ) -> Result<Sequence<'a>, CaptureError> {
        let intrinsics = intrinsics(&tree, options)?;
        let of_depth = |name: String| name.strip_suffix(".png").map(str::to_owned);
        let mut names: Vec<String> = tree
            .files_in("depth")
            .into_iter()
            .filter_map(of_depth)
            .collect();
        sort_by_number(&mut names);
        let (of_frame, options) = (names.clone(), options.clone());
        let frame = move |place: usize| {
            let name = &of_frame[place];
            let rows = numbers::<16>(&tree, &format!("pose/{name}.txt"))?;
            let picture = ["png", "jpg"]
                .map(|extension| format!("color/{name}.{extension}"))
                .into_iter()
                .find(|path| tree.has_file(path));
            let depth = gray16(format!("depth/{name}.png"), &options, MILLIMETRES);
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

/// The camera that the user gave, or that of the recording.
fn intrinsics(tree: &Tree, options: &CaptureOptions) -> Result<Intrinsics, CaptureError> {
    if let Some(given) = options.intrinsics {
        return Ok(given);
    }
    Intrinsics::find(tree, &[CAMERA])?.ok_or_else(|| {
        CaptureError::NoCamera(format!(
            "the camera is not known, there is no {}",
            tree.shown(CAMERA)
        ))
    })
}
