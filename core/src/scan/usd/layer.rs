//! A layer: the tree of prims that one file describes, binary or text. Fields of prims and
//! properties have the names that they have in crate files, and are decoded when they are asked for.

use std::{
    borrow::Cow,
    cell::Cell,
    collections::{BTreeMap, HashMap},
    rc::Rc,
};

use super::{
    crate_file::{self, CrateFile, Rep},
    malformed, text,
};
use crate::scan::{MAX_DATA_BYTES, ReadError, Scalar};

/// The greatest depth of a prim.
pub(super) const MAX_DEPTH: usize = 128;

/// The most items of a list that composes prims, and of the order of transforms.
pub(super) const MAX_ITEMS: usize = 64;

/// What a prim does: it is there, it says more about one that is there, or others inherit from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Specifier {
    Def,
    Over,
    Class,
}

/// A prim of a layer, or one of its variants. The first of a layer is its root.
pub(super) struct Prim<'a> {
    pub(super) name: Rc<str>,
    pub(super) specifier: Specifier,
    /// The name of its type; may be empty.
    pub(super) kind: Rc<str>,
    pub(super) parent: u32,
    pub(super) children: Vec<u32>,
    pub(super) variants: Vec<Variant>,
    pub(super) properties: BTreeMap<Rc<str>, Fields<'a>>,
    pub(super) fields: Fields<'a>,
}

/// What a prim is in addition if a variant is selected.
pub(super) struct Variant {
    pub(super) set: Rc<str>,
    pub(super) name: Rc<str>,
    pub(super) prim: u32,
}

/// The fields of a prim or a property.
pub(super) enum Fields<'a> {
    /// The first of a set of a crate file.
    Crate(u32),
    Text(Vec<text::Field<'a>>),
}

/// Where a layer keeps its values.
pub(super) enum Source<'a> {
    Crate(CrateFile<'a>),
    Text,
}

/// The variant that is selected in each set.
pub(super) type Selections = Vec<(Rc<str>, Rc<str>)>;

/// The path of a prim without variants, and of a property of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Path {
    pub(super) prims: Vec<Rc<str>>,
    pub(super) property: Option<Rc<str>>,
}

/// Another prim that a prim is composed of: that of a path, or the default prim, of an asset or of
/// the same layer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Arc {
    pub(super) asset: Option<Rc<str>>,
    pub(super) path: Option<Path>,
}

/// A layer.
pub(super) struct Layer<'a> {
    pub(super) prims: Vec<Prim<'a>>,
    source: Source<'a>,
    child_of: HashMap<(u32, Rc<str>), u32>,
}

/// A value that is not decoded so far.
#[derive(Clone, Copy)]
pub(super) enum Raw<'l, 'a> {
    Crate(&'l CrateFile<'a>, Rep),
    /// The name of the type, and the value.
    Text(&'a str, &'a str),
}

/// The bytes that all values of a file may still take, so that one value cannot be decoded often.
pub(super) struct Budget {
    left: Cell<u64>,
    /// The bytes that one value may take.
    most: u64,
}

impl Budget {
    /// `size` is the number of bytes of the file: what it repeats, such as the numbers of corners
    /// of faces, compresses well.
    pub(super) fn new(size: usize) -> Self {
        Self {
            left: Cell::new(512 * size as u64 + (4 << 20)),
            most: MAX_DATA_BYTES.min(32 * size as u64 + (64 << 10)),
        }
    }

    /// # Errors
    /// There are not so many bytes left.
    pub(super) fn take(&self, bytes: u64) -> Result<(), ReadError> {
        let left = self.left.get().checked_sub(bytes);
        match left.filter(|_| bytes <= self.most) {
            Some(left) => {
                self.left.set(left);
                Ok(())
            }
            None => Err(malformed(format!(
                "a value would take {bytes} bytes, more than the file can justify: the limit is {}",
                self.most.min(self.left.get())
            ))),
        }
    }
}

/// The numbers of a value.
pub(super) struct Numbers<'a> {
    pub(super) data: Cow<'a, [u8]>,
    pub(super) scalar: Scalar,
    /// Numbers per item.
    pub(super) width: usize,
}

impl Numbers<'_> {
    /// The number of items.
    pub(super) fn count(&self) -> usize {
        self.data.len() / (self.scalar.size() * self.width)
    }

    /// A number of an item; NaN if there is none.
    pub(super) fn at(&self, item: usize, number: usize) -> f64 {
        let size = self.scalar.size();
        let start = (item * self.width + number).saturating_mul(size);
        let bytes = self.data.get(start..start.saturating_add(size));
        bytes.map_or(f64::NAN, |bytes| self.scalar.read(bytes))
    }
}

impl<'a> Layer<'a> {
    /// Reads the tree of a layer.
    pub(super) fn read(bytes: &'a [u8]) -> Result<Self, ReadError> {
        let (mut prims, source) = if bytes.starts_with(crate_file::MAGIC) {
            crate_file::read(bytes)?
        } else if bytes.starts_with(text::MAGIC) {
            (text::read(bytes)?, Source::Text)
        } else {
            return Err(malformed("it begins as no layer does"));
        };
        let mut child_of = HashMap::new();
        for number in 0..prims.len() {
            let children = std::mem::take(&mut prims[number].children);
            for child in &children {
                let name = prims[*child as usize].name.clone();
                child_of.entry((number as u32, name)).or_insert(*child);
            }
            prims[number].children = children;
        }
        Ok(Self {
            prims,
            source,
            child_of,
        })
    }

    /// The child of a prim with a name.
    pub(super) fn child(&self, prim: u32, name: &Rc<str>) -> Option<u32> {
        self.child_of.get(&(prim, name.clone())).copied()
    }

    /// The prim at a path.
    pub(super) fn find(&self, path: &Path) -> Option<u32> {
        let mut names = path.prims.iter();
        names.try_fold(0, |prim, name| self.child(prim, name))
    }

    /// All values of a field: in text there may be one for every way to edit a list.
    pub(super) fn fields(&self, fields: &Fields<'a>, key: &str) -> Vec<Raw<'_, 'a>> {
        match (fields, &self.source) {
            (Fields::Crate(set), Source::Crate(file)) => file
                .field(*set, key)
                .map(|rep| Raw::Crate(file, rep))
                .into_iter()
                .collect(),
            (Fields::Text(fields), _) => fields
                .iter()
                .filter(|field| field.key == key)
                .map(|field| Raw::Text(field.kind, field.value))
                .collect(),
            _ => Vec::new(),
        }
    }

    /// The value of a field.
    pub(super) fn field(&self, fields: &Fields<'a>, key: &str) -> Option<Raw<'_, 'a>> {
        self.fields(fields, key).pop()
    }
}

impl<'a> Raw<'_, 'a> {
    /// `true` for the value that says that there is none.
    pub(super) fn is_blocked(self) -> bool {
        match self {
            Self::Crate(_, rep) => rep.is_block(),
            Self::Text(_, value) => value == "None",
        }
    }

    /// The numbers of a value; `None` if it is of another kind.
    pub(super) fn numbers(self, budget: &Budget) -> Result<Option<Numbers<'a>>, ReadError> {
        match self {
            Self::Crate(file, rep) => file.numbers(rep, budget),
            Self::Text(kind, value) => text::numbers(kind, value, budget),
        }
    }

    /// A token, a string or an asset path.
    pub(super) fn word(self) -> Option<Rc<str>> {
        match self {
            Self::Crate(file, rep) => file.word(rep),
            Self::Text(_, value) => text::words(value).into_iter().next(),
        }
    }

    /// The first items of a list of tokens or strings.
    pub(super) fn words(self) -> Result<Vec<Rc<str>>, ReadError> {
        match self {
            Self::Crate(file, rep) => file.words(rep),
            Self::Text(_, value) => Ok(text::words(value)),
        }
    }

    /// The truth of a value.
    pub(super) fn flag(self) -> Option<bool> {
        match self {
            Self::Crate(_, rep) => rep.flag(),
            Self::Text(_, value) => Some(matches!(value, "true" | "1")),
        }
    }

    /// The first of a list of paths.
    pub(super) fn path(self) -> Result<Option<Path>, ReadError> {
        match self {
            Self::Crate(file, rep) => file.path_of(rep),
            Self::Text(_, value) => Ok(text::arcs(value)?.into_iter().find_map(|arc| arc.path)),
        }
    }

    /// The prims of references, payloads and inheritance.
    pub(super) fn arcs(self) -> Result<Vec<Arc>, ReadError> {
        match self {
            Self::Crate(file, rep) => file.arcs(rep),
            Self::Text(_, value) => text::arcs(value),
        }
    }

    /// The selected variants, by set.
    pub(super) fn selections(self) -> Result<Selections, ReadError> {
        match self {
            Self::Crate(file, rep) => file.selections(rep),
            Self::Text(_, value) => text::selections(value),
        }
    }

    /// The first of the values that change over time.
    pub(super) fn first_sample(self) -> Result<Option<Self>, ReadError> {
        Ok(match self {
            Self::Crate(file, rep) => file.first_sample(rep)?.map(|rep| Self::Crate(file, rep)),
            Self::Text(kind, value) => {
                text::first_sample(value)?.map(|value| Self::Text(kind, value))
            }
        })
    }
}
