//! The vertices and faces of a prim: a mesh, points, or a cube.

use std::borrow::Cow;

use super::{
    layer::Numbers,
    malformed,
    package::shown,
    stage::{Prim, Stage},
};
use crate::scan::{ReadError, Scalar, faces};

/// Prims that are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Mesh,
    Points,
    Cube,
}

/// The vertices of a prim, and its faces as the file has them.
pub(super) struct Mesh<'a> {
    pub(super) points: Numbers<'a>,
    /// The number of corners of each face.
    counts: Option<Numbers<'a>>,
    /// The vertex of each corner.
    indices: Option<Numbers<'a>>,
    /// `true` if the corners of faces go clockwise.
    is_left_handed: bool,
}

/// A face: its number, and the numbers of its corners.
#[derive(Clone)]
pub(super) struct Face {
    pub(super) number: usize,
    pub(super) corners: std::ops::Range<usize>,
}

impl<'a> Mesh<'a> {
    /// The mesh of a prim; `None` if it has no points.
    pub(super) fn read(
        stage: &mut Stage<'_, 'a>,
        prim: &Prim,
        kind: Kind,
    ) -> Result<Option<Self>, ReadError> {
        if kind == Kind::Cube {
            let size = stage.vector(prim, "size")?;
            return Ok(Some(Self::cube(size.map_or(2.0, |[size]| size))));
        }
        let points = stage.numbers(prim, "points")?;
        let Some(points) = points.filter(|p| p.width == 3 && p.count() > 0) else {
            return Ok(None);
        };
        let mut mesh = Self {
            points,
            counts: None,
            indices: None,
            is_left_handed: false,
        };
        if kind == Kind::Mesh {
            let is_single = |numbers: &Numbers| numbers.width == 1;
            mesh.counts = stage.numbers(prim, "faceVertexCounts")?.filter(is_single);
            mesh.indices = stage.numbers(prim, "faceVertexIndices")?.filter(is_single);
            let hand = stage.word(prim, "orientation")?;
            mesh.is_left_handed = hand.is_some_and(|(hand, _)| *hand == *"leftHanded");
        }
        mesh.check(prim)?;
        Ok(Some(mesh))
    }

    /// A cube around the origin.
    fn cube(size: f64) -> Self {
        /// Corners by bits: x, y and z; the faces seen from outside, counterclockwise.
        const FACES: [[i32; 4]; 6] = [
            [0, 4, 6, 2],
            [1, 3, 7, 5],
            [0, 1, 5, 4],
            [2, 6, 7, 3],
            [0, 2, 3, 1],
            [4, 5, 7, 6],
        ];
        let half = size / 2.0;
        let side = |corner: usize, bit: usize| if corner >> bit & 1 == 1 { half } else { -half };
        let numbers = |data: Vec<u8>, scalar, width| Numbers {
            data: Cow::Owned(data),
            scalar,
            width,
        };
        let places = (0..8).flat_map(|corner| [0, 1, 2].map(|bit| side(corner, bit)));
        let points = places.flat_map(f64::to_le_bytes).collect();
        let integers = |values: &[i32]| values.iter().flat_map(|v| v.to_le_bytes()).collect();
        Self {
            points: numbers(points, Scalar::F64, 3),
            counts: Some(numbers(integers(&[4; 6]), Scalar::I32, 1)),
            indices: Some(numbers(integers(FACES.as_flattened()), Scalar::I32, 1)),
            is_left_handed: false,
        }
    }

    /// Checks that there are as many corners as the faces have.
    fn check(&self, prim: &Prim) -> Result<(), ReadError> {
        let found = self.corners();
        let wrong =
            |problem: String| malformed(format!("the mesh `{}` {problem}", shown(&prim.name)));
        let mut needed = 0usize;
        for number in 0..self.faces() {
            let count = self
                .counts
                .as_ref()
                .map_or(f64::NAN, |counts| counts.at(number, 0));
            let count = faces::row(count, found.saturating_add(1)).ok_or_else(|| {
                wrong(format!(
                    "has a face of {count} corners, it has {found} in all"
                ))
            })?;
            needed += count;
            if needed > found {
                return Err(wrong(format!(
                    "has {found} corners, its faces need more than that"
                )));
            }
        }
        Ok(())
    }

    pub(super) fn faces(&self) -> usize {
        self.counts.as_ref().map_or(0, Numbers::count)
    }

    pub(super) fn corners(&self) -> usize {
        self.indices.as_ref().map_or(0, Numbers::count)
    }

    /// The faces in order.
    pub(super) fn each_face(&self) -> impl Iterator<Item = Face> {
        let mut start = 0;
        (0..self.faces()).map(move |number| {
            let count = self
                .counts
                .as_ref()
                .map_or(0.0, |counts| counts.at(number, 0));
            // checked when the mesh was read
            let corners = start..start + count as usize;
            start = corners.end;
            Face { number, corners }
        })
    }

    /// The vertex of a corner, if there is such a vertex.
    pub(super) fn vertex(&self, corner: usize) -> Option<usize> {
        let index = self.indices.as_ref()?.at(corner, 0);
        faces::row(index, self.points.count())
    }

    /// The corners of a face, counterclockwise.
    pub(super) fn turned(&self, face: &Face) -> impl Iterator<Item = usize> {
        let (first, last) = (face.corners.start, face.corners.end);
        let is_left_handed = self.is_left_handed;
        (first..last).map(move |corner| match is_left_handed {
            true => first + (last - 1 - corner),
            false => corner,
        })
    }
}

/// How the values of an attribute are spread over a mesh.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Spread {
    Constant,
    Face,
    Vertex,
    Corner,
}

/// Values that a mesh has for its vertices, faces or corners.
pub(super) struct Primvar<'a> {
    values: Numbers<'a>,
    indices: Option<Numbers<'a>>,
    spread: Spread,
}

impl<'a> Primvar<'a> {
    /// The values of a name, of so many numbers; `None` if the prim has none.
    pub(super) fn read(
        stage: &mut Stage<'_, 'a>,
        prim: &Prim,
        mesh: &Mesh,
        name: &str,
        width: usize,
    ) -> Result<Option<Self>, ReadError> {
        let property = format!("primvars:{name}");
        let values = stage.numbers(prim, &property)?;
        let Some(values) = values.filter(|values| values.width >= width && values.count() > 0)
        else {
            return Ok(None);
        };
        let indices = stage.numbers(prim, &format!("{property}:indices"))?;
        let word = stage.interpolation(prim, &property)?;
        let count = indices.as_ref().map_or(values.count(), Numbers::count);
        let spread = match word.as_deref() {
            Some("uniform") => Spread::Face,
            Some("vertex" | "varying") => Spread::Vertex,
            Some("faceVarying") => Spread::Corner,
            // files that do not say it mean what their numbers fit
            _ if count == 1 => Spread::Constant,
            _ if count == mesh.points.count() => Spread::Vertex,
            _ if count == mesh.corners() => Spread::Corner,
            _ if count == mesh.faces() => Spread::Face,
            _ => Spread::Constant,
        };
        Ok(Some(Self {
            values,
            indices,
            spread,
        }))
    }

    /// `true` if the values are the same for all corners at a vertex.
    pub(super) fn is_of_vertices(&self) -> bool {
        matches!(self.spread, Spread::Constant | Spread::Vertex)
    }

    /// The value at a corner of a face.
    pub(super) fn at<const N: usize>(
        &self,
        vertex: usize,
        face: usize,
        corner: usize,
    ) -> Option<[f64; N]> {
        let place = match self.spread {
            Spread::Constant => 0,
            Spread::Face => face,
            Spread::Vertex => vertex,
            Spread::Corner => corner,
        };
        let place = match &self.indices {
            Some(indices) => faces::row(indices.at(place, 0), self.values.count())?,
            None => place,
        };
        let value = std::array::from_fn(|k| self.values.at(place, k));
        value.iter().all(|v: &f64| v.is_finite()).then_some(value)
    }
}
