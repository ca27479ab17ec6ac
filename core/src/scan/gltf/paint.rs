//! The colors of vertices: their own, the base color of their material, and its texture.
//!
//! Base colors and colors of vertices are linear light by the specification, textures are sRGB.
//! Colors of vertices in bytes are taken for sRGB nevertheless: bytes are too coarse for linear
//! light, and the programs that write them do not convert what they have.

use gltf_json::{
    Root,
    extensions::texture::TextureTransform,
    mesh::{Primitive, Semantic},
    texture::WrappingMode,
    validation::Checked,
};

use super::{Scene, data::Buffers, data::Numbers};
use crate::scan::{
    ReadError, Scalar,
    texture::{Pictures, Wrap, linear, srgb_bytes, within},
};

/// The file of a picture.
fn encoded<'a>(
    root: &'a Root,
    buffers: &'a Buffers,
    image: usize,
) -> Result<std::borrow::Cow<'a, [u8]>, String> {
    let found = root.images.get(image).ok_or_else(|| {
        format!("picture {image} does not exist, or is in a format that is not read")
    })?;
    if let Some(view) = found.buffer_view {
        let view = buffers.view(root, view.value());
        return Ok(view.map_err(|error| error.to_string())?.0.into());
    }
    let uri = found.uri.as_deref().unwrap_or_default();
    super::data::embedded(uri).map(Into::into).ok_or_else(|| {
        let uri: String = uri.chars().take(80).collect();
        format!("the picture `{uri}` is another file")
    })
}

/// The picture with the colors of a part of a mesh.
pub(super) fn image(root: &Root, primitive: &Primitive) -> Option<usize> {
    let texture = texture(root, primitive)?;
    let texture = root.textures.get(texture.index.value())?;
    Some(texture.source.value())
}

fn texture<'a>(root: &'a Root, primitive: &Primitive) -> Option<&'a gltf_json::texture::Info> {
    let material = root.materials.get(primitive.material?.value())?;
    let base = &material.pbr_metallic_roughness;
    base.base_color_texture.as_ref()
}

/// The texture of a part of a mesh.
struct Texture<'a> {
    image: usize,
    places: Numbers<'a>,
    wrap: [WrappingMode; 2],
    transform: Option<&'a TextureTransform>,
}

/// The colors of a part of a mesh.
pub(super) struct Paint<'a> {
    /// Linear light.
    base: [f64; 3],
    colors: Option<Numbers<'a>>,
    texture: Option<Texture<'a>>,
}

impl<'a> Paint<'a> {
    pub(super) fn new(scene: &mut Scene<'a>, primitive: &Primitive) -> Result<Self, ReadError> {
        let root = scene.root;
        let material = primitive
            .material
            .and_then(|m| root.materials.get(m.value()));
        let base = material.map_or([1.0; 3], |material| {
            let [r, g, b, _] = material.pbr_metallic_roughness.base_color_factor.0;
            [r, g, b].map(|v| f64::from(v).clamp(0.0, 1.0))
        });
        let positions = scene.attribute(primitive, Semantic::Positions)?;
        let vertices = positions.map_or(0, |positions| positions.count);
        let colors = scene
            .attribute(primitive, Semantic::Colors(0))?
            .filter(|colors| colors.width >= 3 && colors.count >= vertices);
        let mut texture = None;
        if let Some(info) = self::texture(root, primitive)
            && let Some(image) = image(root, primitive)
        {
            (scene.pictures).load(image, || encoded(root, scene.buffers, image));
            let transform = info
                .extensions
                .as_ref()
                .and_then(|extensions| extensions.texture_transform.as_ref());
            let set = transform
                .and_then(|t| t.tex_coord)
                .unwrap_or(info.tex_coord);
            let places = scene
                .attribute(primitive, Semantic::TexCoords(set))?
                .filter(|places| places.width == 2 && places.count >= vertices);
            let sampler = root
                .textures
                .get(info.index.value())
                .and_then(|texture| root.samplers.get(texture.sampler?.value()));
            let mode = |mode: Option<&Checked<WrappingMode>>| match mode {
                Some(Checked::Valid(mode)) => *mode,
                _ => WrappingMode::Repeat,
            };
            let is_loaded = scene.pictures.picture(image).is_some();
            texture = places.filter(|_| is_loaded).map(|places| Texture {
                image,
                places,
                wrap: [
                    mode(sampler.map(|s| &s.wrap_s)),
                    mode(sampler.map(|s| &s.wrap_t)),
                ],
                transform,
            });
        }
        Ok(Self {
            base,
            colors,
            texture,
        })
    }

    /// `true` if the file says what the color is.
    pub(super) fn says_something(&self) -> bool {
        self.colors.is_some() || self.texture.is_some() || self.base != [1.0; 3]
    }

    /// The color of a vertex in sRGB.
    pub(super) fn color(&self, vertex: usize, pictures: &Pictures) -> [u8; 3] {
        if !self.says_something() {
            return [255; 3];
        }
        let mut light = self.base;
        if let Some(colors) = &self.colors {
            let own = [0, 1, 2].map(|k| {
                let value = colors.at(vertex, k);
                match colors.scalar {
                    // bytes may lack the mark that they are fractions
                    Scalar::U8 if value > 1.0 => linear(value / 255.0),
                    Scalar::U8 => linear(value),
                    Scalar::U16 if value > 1.0 => value / 65_535.0,
                    _ => value,
                }
            });
            light = [0, 1, 2].map(|k| light[k] * own[k]);
        }
        if let Some(texture) = &self.texture
            && let Some(picture) = pictures.picture(texture.image)
        {
            let [u, v] = texture.place(vertex);
            let pixel = picture.at(u, v);
            light = [0, 1, 2].map(|k| light[k] * linear(f64::from(pixel[k]) / 255.0));
        }
        srgb_bytes(light)
    }
}

impl Texture<'_> {
    /// The place of a vertex in the picture, as shares of its width and height.
    fn place(&self, vertex: usize) -> [f32; 2] {
        let mut place = [0, 1].map(|k| self.places.at(vertex, k));
        if let Some(transform) = self.transform {
            let scale = transform.scale.0.map(f64::from);
            let offset = transform.offset.0.map(f64::from);
            let (sin, cos) = f64::from(transform.rotation.0).sin_cos();
            let [u, v] = [place[0] * scale[0], place[1] * scale[1]];
            place = [cos * u + sin * v + offset[0], cos * v - sin * u + offset[1]];
        }
        [0, 1].map(|k| {
            let wrap = match self.wrap[k] {
                WrappingMode::ClampToEdge => Wrap::Clamp,
                WrappingMode::Repeat => Wrap::Repeat,
                WrappingMode::MirroredRepeat => Wrap::Mirror,
            };
            within(wrap, place[k])
        })
    }
}
