//! The reader of USD, Pixar's Universal Scene Description: USDZ packages, which apps of phones
//! export, and single layers, binary (USDC) and text (USDA).
//!
//! All meshes, points and cubes of the scene are read (`mesh`), each once for every prim that shows
//! it. A package is an archive of files (`package`); its layers (`layer`, `crate_file`, `text`)
//! describe prims together (`stage`), which are placed by transforms (`transform`) and colored by
//! materials (`material`). What is inactive, invisible or a guide is left out, as are subdivision,
//! skins and the instances of point instancers.

use std::{collections::BTreeMap, rc::Rc};

use glam::DMat4;

use super::{ReadError, Steps, Table, UnitError, UpAxis, Warning};

mod crate_file;
mod layer;
mod material;
mod mesh;
mod package;
mod packed;
mod scene;
mod stage;
mod text;
mod transform;

pub use package::is_usdz;

use layer::MAX_DEPTH;
use material::{Material, Materials};
use mesh::Kind;
use package::Package;
use scene::{Job, Scene};
use stage::{Prim, Stage};

/// Types that have a shape and are not read.
const OTHER_SHAPES: [&str; 14] = [
    "BasisCurves",
    "Capsule",
    "Cone",
    "Cylinder",
    "Cylinder_1",
    "Capsule_1",
    "HermiteCurves",
    "NurbsCurves",
    "NurbsPatch",
    "ParticleField3DGaussianSplat",
    "Plane",
    "PointInstancer",
    "Sphere",
    "TetMesh",
];

fn malformed(problem: impl Into<String>) -> ReadError {
    ReadError::Malformed {
        format: "USD",
        problem: problem.into(),
    }
}

/// What a file holds.
pub(super) struct Contents {
    pub(super) table: Table,
    pub(super) up: UpAxis,
    /// Metres in one unit, if the file says so.
    pub(super) unit: Option<f64>,
}

/// `true` for the first bytes of a layer.
pub(super) fn is_layer(bytes: &[u8]) -> bool {
    bytes.starts_with(crate_file::MAGIC) || bytes.starts_with(text::MAGIC)
}

/// Reads a USDZ package, or a layer.
pub(super) fn read(
    bytes: &[u8],
    steps: &mut Steps,
    warnings: &mut Vec<Warning>,
) -> Result<Contents, ReadError> {
    let package = Package::open(bytes)?;
    let mut stage = Stage::open(&package)?;
    steps.at(bytes.len() / 8)?;
    let root = stage.root()?;
    let up = match stage.remark(&root, "upAxis").as_deref() {
        Some("Z") => UpAxis::PlusZ,
        _ => UpAxis::PlusY,
    };
    let unit = stage.remark_number(&root, "metersPerUnit");
    let mut walk = Walk::default();
    let walked = walk.jobs(&mut stage, root);
    walk.warn(warnings);
    let mut jobs = walked.inspect_err(|_| stage.warn(warnings))?;
    // so that one picture at a time is in memory
    jobs.sort_by_key(Job::image);
    let mut scene = Scene::new(bytes.len());
    let count = jobs.len().max(1);
    for (number, job) in jobs.iter().enumerate() {
        let done = bytes.len() as f64 * 0.8 * number as f64 / count as f64;
        steps.at(bytes.len() / 8 + done as usize)?;
        scene.add(&mut stage, job)?;
    }
    stage.warn(warnings);
    scene.warn(warnings);
    let known = unit.filter(|unit| UnitError::check(*unit).is_ok());
    if let Some(unit) = unit.filter(|_| known.is_none()) {
        warnings.push(Warning(format!(
            "the file says that its unit is {unit} m, which no scan has; it was not believed"
        )));
    }
    Ok(Contents {
        table: scene.table(),
        up,
        unit: known,
    })
}

/// What was met on the way through the scene.
#[derive(Default)]
struct Walk {
    materials: Materials,
    /// The number of prims that are switched off, and of those that are not to be seen.
    inactive: usize,
    unseen: usize,
    /// How many prims of which type were left out.
    others: BTreeMap<&'static str, usize>,
}

/// A prim that was not visited so far.
struct Waiting {
    prim: Prim,
    /// From its parent to the scene.
    place: DMat4,
    path: Rc<str>,
    /// The material of its parent.
    material: Option<Rc<Material>>,
    depth: usize,
}

impl Walk {
    /// Everything that is shown.
    fn jobs(&mut self, stage: &mut Stage, root: Prim) -> Result<Vec<Job>, ReadError> {
        let mut jobs = Vec::new();
        let mut waiting = vec![Waiting {
            prim: root,
            place: DMat4::IDENTITY,
            path: "".into(),
            material: None,
            depth: 0,
        }];
        while let Some(Waiting {
            prim,
            mut place,
            path,
            mut material,
            depth,
        }) = waiting.pop()
        {
            if depth > MAX_DEPTH {
                return Err(malformed(format!(
                    "a prim is more than {MAX_DEPTH} prims deep; it may refer to what it is in"
                )));
            }
            let kind = stage.kind(&prim);
            if depth > 0 {
                if !self.is_shown(stage, &prim, &kind)? {
                    continue;
                }
                let own = transform::place(stage, &prim)?;
                place = if own.is_reset {
                    own.matrix
                } else {
                    place * own.matrix
                };
                material = self.materials.bound(stage, &prim)?.or(material);
            }
            let children = stage.children(&prim)?;
            if let Some(kind) = shape(&kind) {
                jobs.push(Job {
                    subsets: self.subsets(stage, &children)?,
                    kind,
                    number: jobs.len() as u32,
                    path: path.clone(),
                    place,
                    material: material.clone(),
                    prim,
                });
            }
            // the first child is next
            for child in children.into_iter().rev() {
                waiting.push(Waiting {
                    path: below(&path, &child.name),
                    prim: child,
                    place,
                    material: material.clone(),
                    depth: depth + 1,
                });
            }
        }
        Ok(jobs)
    }

    /// `false` if a prim and all below it are left out.
    fn is_shown(&mut self, stage: &mut Stage, prim: &Prim, kind: &str) -> Result<bool, ReadError> {
        if !stage.is_defined(prim) {
            return Ok(false);
        }
        if !stage.is_active(prim) {
            self.inactive += 1;
            return Ok(false);
        }
        let visibility = stage.word(prim, "visibility")?;
        let purpose = stage.word(prim, "purpose")?;
        let is_unseen = visibility.is_some_and(|(word, _)| *word == *"invisible")
            || purpose.is_some_and(|(word, _)| matches!(&*word, "guide" | "proxy"));
        if is_unseen {
            self.unseen += 1;
            return Ok(false);
        }
        if let Some(other) = OTHER_SHAPES.into_iter().find(|other| *other == kind) {
            *self.others.entry(other).or_default() += 1;
            return Ok(false);
        }
        Ok(true)
    }

    /// The parts of a mesh that have a material of their own.
    fn subsets(
        &mut self,
        stage: &mut Stage,
        children: &[Prim],
    ) -> Result<Vec<(Prim, Rc<Material>)>, ReadError> {
        let mut subsets = Vec::new();
        for child in children {
            if *stage.kind(child) != *"GeomSubset" {
                continue;
            }
            if let Some(material) = self.materials.bound(stage, child)? {
                subsets.push((child.clone(), material));
            }
        }
        Ok(subsets)
    }

    fn warn(&self, warnings: &mut Vec<Warning>) {
        if self.inactive > 0 {
            warnings.push(Warning(format!(
                "{} inactive prims were left out",
                self.inactive
            )));
        }
        if self.unseen > 0 {
            warnings.push(Warning(format!(
                "{} prims that are invisible, or stand in for others, were left out",
                self.unseen
            )));
        }
        if !self.others.is_empty() {
            let list = self
                .others
                .iter()
                .map(|(kind, count)| format!("{count} {kind}"));
            warnings.push(Warning(format!(
                "{} were left out; shapes that are read are Mesh, Points and Cube",
                list.collect::<Vec<_>>().join(", ")
            )));
        }
    }
}

fn shape(kind: &str) -> Option<Kind> {
    Some(match kind {
        "Mesh" => Kind::Mesh,
        "Points" => Kind::Points,
        "Cube" => Kind::Cube,
        _ => return None,
    })
}

/// The path of a child for the user, of at most 500 bytes.
fn below(path: &Rc<str>, name: &str) -> Rc<str> {
    const LONGEST: usize = 500;
    match path.len() + name.len() < LONGEST {
        true => format!("{path}/{name}").into(),
        false => path.clone(),
    }
}
