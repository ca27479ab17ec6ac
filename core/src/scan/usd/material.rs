//! The color that a material gives a surface: the diffuse color of its UsdPreviewSurface, which is a
//! constant, a color of the mesh, or a picture.

use std::{collections::HashMap, rc::Rc};

use super::{
    layer::Path,
    stage::{Prim, Stage},
};
use crate::scan::{ReadError, texture::Wrap};

/// How many connections one after the other are followed.
const MAX_CONNECTIONS: usize = 8;

/// The diffuse color of a material.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Material {
    /// Linear light.
    Color([f64; 3]),
    /// The name of the values of the mesh that are its colors.
    Primvar(Rc<str>),
    Texture(Texture),
}

/// A picture on a surface.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Texture {
    /// The file of the package.
    pub(super) image: usize,
    /// The name of the values of the mesh that are places in the picture.
    pub(super) primvar: Rc<str>,
    pub(super) wrap: [Wrap; 2],
    /// `true` if the picture holds linear light.
    pub(super) is_linear: bool,
    pub(super) scale: [f64; 3],
    pub(super) bias: [f64; 3],
    /// Scale, rotation in degrees counterclockwise, and translation of places, in this order.
    pub(super) transform: Option<([f64; 2], f64, [f64; 2])>,
    /// Linear light, for a picture that cannot be read.
    pub(super) fallback: Option<[f64; 3]>,
}

/// The materials that were looked up, by the layer and the path that name them.
#[derive(Default)]
pub(super) struct Materials {
    known: HashMap<(usize, Path), Option<Rc<Material>>>,
}

impl Materials {
    /// The material that a prim binds itself.
    pub(super) fn bound(
        &mut self,
        stage: &mut Stage,
        prim: &Prim,
    ) -> Result<Option<Rc<Material>>, ReadError> {
        let mut target = stage.target(prim, "material:binding", "targetPaths")?;
        if target.is_none() {
            target = stage.target(prim, "material:binding:preview", "targetPaths")?;
        }
        let Some((layer, path)) = target else {
            return Ok(None);
        };
        let key = (layer, path);
        if let Some(known) = self.known.get(&key) {
            return Ok(known.clone());
        }
        let material = match stage.prim_at(layer, &key.1)? {
            Some(prim) => surface(stage, prim)?.map(Rc::new),
            None => None,
        };
        self.known.insert(key, material.clone());
        Ok(material)
    }
}

/// The prim and the property that a property gets its value from.
fn source(stage: &mut Stage, prim: &Prim, property: &str) -> Result<(Prim, Rc<str>), ReadError> {
    let mut found: (Prim, Rc<str>) = (prim.clone(), property.into());
    for _ in 0..MAX_CONNECTIONS {
        let Some((layer, path)) = stage.target(&found.0, &found.1, "connectionPaths")? else {
            break;
        };
        let Some(next) = stage.prim_at(layer, &path)? else {
            break;
        };
        found = (next, path.property.unwrap_or_else(|| "".into()));
    }
    Ok(found)
}

/// What a shader does.
fn id(stage: &mut Stage, shader: &Prim) -> Result<Rc<str>, ReadError> {
    let id = stage.word(shader, "info:id")?;
    Ok(id.map_or_else(|| "".into(), |(id, _)| id))
}

/// The diffuse color of a material, if it has one.
fn surface(stage: &mut Stage, material: Prim) -> Result<Option<Material>, ReadError> {
    let (shader, _) = source(stage, &material, "outputs:surface")?;
    if *id(stage, &shader)? != *"UsdPreviewSurface" {
        return Ok(None);
    }
    let (from, property) = source(stage, &shader, "inputs:diffuseColor")?;
    if !property.starts_with("outputs:") {
        let color = stage.vector(&from, &property)?;
        return Ok(color.map(Material::Color));
    }
    let kind = id(stage, &from)?;
    if *kind == *"UsdUVTexture" {
        return texture(stage, &from);
    }
    if kind.starts_with("UsdPrimvarReader_float") {
        return Ok(primvar(stage, &from)?.map(Material::Primvar));
    }
    Ok(None)
}

/// The name of the values that a reader of them reads.
fn primvar(stage: &mut Stage, reader: &Prim) -> Result<Option<Rc<str>>, ReadError> {
    let (from, property) = source(stage, reader, "inputs:varname")?;
    Ok(stage.word(&from, &property)?.map(|(name, _)| name))
}

/// The color of a picture; that of its absence if the package does not have it.
fn texture(stage: &mut Stage, shader: &Prim) -> Result<Option<Material>, ReadError> {
    let fallback = stage.vector(shader, "inputs:fallback")?;
    let (from, property) = source(stage, shader, "inputs:file")?;
    let file = stage.word(&from, &property)?;
    let image = file.and_then(|(asset, layer)| stage.file(layer, &asset));
    let Some(image) = image else {
        return Ok(fallback.map(Material::Color));
    };
    let mut wrap = [Wrap::Repeat; 2];
    for (wrap, input) in wrap.iter_mut().zip(["inputs:wrapS", "inputs:wrapT"]) {
        let word = stage.word(shader, input)?;
        *wrap = match word.as_ref().map(|(word, _)| &**word) {
            Some("clamp" | "black") => Wrap::Clamp,
            Some("mirror") => Wrap::Mirror,
            _ => Wrap::Repeat,
        };
    }
    let space = stage.word(shader, "inputs:sourceColorSpace")?;
    let (mut reader, _) = source(stage, shader, "inputs:st")?;
    let mut transform = None;
    if *id(stage, &reader)? == *"UsdTransform2d" {
        let scale = stage.vector(&reader, "inputs:scale")?.unwrap_or([1.0; 2]);
        let [turn] = stage.vector(&reader, "inputs:rotation")?.unwrap_or([0.0]);
        let shift = stage
            .vector(&reader, "inputs:translation")?
            .unwrap_or([0.0; 2]);
        transform = Some((scale, turn, shift));
        reader = source(stage, &reader, "inputs:in")?.0;
    }
    let primvar = primvar(stage, &reader)?;
    Ok(Some(Material::Texture(Texture {
        image,
        primvar: primvar.unwrap_or_else(|| "st".into()),
        wrap,
        is_linear: space.is_some_and(|(space, _)| *space == *"raw"),
        scale: stage.vector(shader, "inputs:scale")?.unwrap_or([1.0; 3]),
        bias: stage.vector(shader, "inputs:bias")?.unwrap_or([0.0; 3]),
        transform,
        fallback,
    })))
}
