//! Crate files, the binary form of layers (OpenUSD's `Usd_CrateFile`), of versions 0.4 to 0.13: their
//! sections, and the tree that these describe.
//!
//! A table of contents names the sections. Tokens are all words; fields are a token and where the
//! value is; sets of fields, paths and specs point at each other by number. Every number is checked
//! when it is followed.

use std::{collections::BTreeMap, rc::Rc};

use super::{
    layer::{Fields, MAX_DEPTH, Path, Prim, Source, Specifier, Variant},
    malformed, packed,
};
use crate::scan::{ReadError, Scalar};

mod values;

pub(super) use values::Rep;

/// The first bytes of a file.
pub(super) const MAGIC: &[u8] = b"PXR-USDC";

/// Where the place of the table of contents is, and the bytes of one of its entries.
const CONTENTS: usize = 16;
const SECTION: usize = 32;

/// No more entries of a kind than this are read, and no more than so many for a byte of the file.
const MAX_ENTRIES: u64 = 1 << 22;
const PER_BYTE: u64 = 4;

/// The most fields of a spec.
const MAX_FIELDS: usize = 256;

/// The end of a set of fields.
const END: u32 = u32::MAX;

/// Kinds of specs.
const ATTRIBUTE: u32 = 1;
const PRIM: u32 = 6;
const ROOT: u32 = 7;
const RELATIONSHIP: u32 = 8;
const VARIANT: u32 = 10;

/// The sections of a file that values refer to.
pub(super) struct CrateFile<'a> {
    bytes: &'a [u8],
    version: [u8; 2],
    tokens: Vec<Rc<str>>,
    /// `(strings)`: the token of each.
    strings: Vec<u32>,
    /// `(fields)`: the token of its name, and its value.
    fields: Vec<(u32, Rep)>,
    /// Fields of all sets one after the other, [`END`] after each.
    sets: Vec<u32>,
    paths: Vec<Node>,
}

/// A path as a node of the tree of paths.
#[derive(Clone, Copy)]
struct Node {
    /// `u32::MAX` for the root, and for paths that the file does not have.
    parent: u32,
    token: u32,
    is_property: bool,
}

impl Node {
    const NONE: Self = Self {
        parent: u32::MAX,
        token: u32::MAX,
        is_property: false,
    };
}

/// A part of a file that is read from its start.
struct Reader<'a> {
    rest: &'a [u8],
    /// What the part is called in messages.
    name: &'static str,
    /// The bytes of the file.
    size: usize,
}

impl<'a> Reader<'a> {
    fn take(&mut self, count: u64) -> Result<&'a [u8], ReadError> {
        let found = usize::try_from(count)
            .ok()
            .and_then(|count| self.rest.split_at_checked(count));
        let (taken, rest) = found.ok_or_else(|| {
            malformed(format!(
                "the {} need {count} bytes more, {} are left",
                self.name,
                self.rest.len()
            ))
        })?;
        self.rest = rest;
        Ok(taken)
    }

    fn u64(&mut self) -> Result<u64, ReadError> {
        let bytes = self.take(8)?;
        Ok(packed::unsigned(bytes))
    }

    /// A number of entries, which the file can have.
    fn count(&mut self) -> Result<usize, ReadError> {
        let count = self.u64()?;
        let limit = MAX_ENTRIES.min(PER_BYTE * self.size as u64);
        if count > limit {
            return Err(malformed(format!(
                "it has {count} {}, the limit for a file of its size is {limit}",
                self.name
            )));
        }
        Ok(count as usize)
    }

    /// Bytes whose number comes before them.
    fn sized(&mut self) -> Result<&'a [u8], ReadError> {
        let size = self.u64()?;
        self.take(size)
    }

    /// Compressed numbers.
    fn words(&mut self, count: usize) -> Result<Vec<u32>, ReadError> {
        let packed = self.sized()?;
        packed::words(packed, count).map_err(|problem| self.wrong(&problem))
    }

    fn wrong(&self, problem: &str) -> ReadError {
        malformed(format!("the {} are damaged: {problem}", self.name))
    }
}

/// Reads the tree of a file, the root first.
pub(super) fn read(bytes: &[u8]) -> Result<(Vec<Prim<'_>>, Source<'_>), ReadError> {
    let header = bytes
        .get(..CONTENTS + 8)
        .ok_or_else(|| ReadError::Truncated {
            format: "USD",
            expected: CONTENTS as u64 + 8,
            found: bytes.len() as u64,
        })?;
    let version = [header[8], header[9]];
    if version[0] != 0 || version[1] < 4 || version[1] > 13 {
        return Err(malformed(format!(
            "it is a crate file of version {}.{}; versions 0.4 to 0.13 are read",
            version[0], version[1]
        )));
    }
    let sections = sections(bytes)?;
    let section = |name: &'static str| -> Result<Reader, ReadError> {
        let range = sections.get(name.to_ascii_uppercase().as_str());
        let data = range.and_then(|[start, size]| {
            let start = usize::try_from(*start).ok()?;
            bytes.get(start..start.checked_add(usize::try_from(*size).ok()?)?)
        });
        let rest = data.ok_or_else(|| {
            malformed(format!(
                "its {name} are missing, or beyond its end; it may be cut short"
            ))
        })?;
        Ok(Reader {
            rest,
            name,
            size: bytes.len(),
        })
    };
    let tokens = tokens(&mut section("tokens")?)?;
    let strings = strings(&mut section("strings")?)?;
    let fields = fields(&mut section("fields")?)?;
    let mut reader = section("fieldsets")?;
    let count = reader.count()?;
    let sets = reader.words(count)?;
    let paths = paths(&mut section("paths")?)?;
    let mut reader = section("specs")?;
    let count = reader.count()?;
    let specs = [
        reader.words(count)?,
        reader.words(count)?,
        reader.words(count)?,
    ];
    let file = CrateFile {
        bytes,
        version,
        tokens,
        strings,
        fields,
        sets,
        paths,
    };
    Ok((file.prims(&specs)?, Source::Crate(file)))
}

/// Start and size of each section.
fn sections(bytes: &[u8]) -> Result<BTreeMap<String, [u64; 2]>, ReadError> {
    let number = |at: usize| {
        let bytes = bytes.get(at..at.checked_add(8)?)?;
        Some(packed::unsigned(bytes))
    };
    let cut_short = || malformed("its table of contents is beyond its end; it may be cut short");
    let start = number(CONTENTS)
        .and_then(|at| usize::try_from(at).ok())
        .ok_or_else(cut_short)?;
    let count = number(start).ok_or_else(cut_short)?;
    let entries = bytes.get(start + 8..).unwrap_or_default();
    if count > (entries.len() / SECTION) as u64 {
        return Err(cut_short());
    }
    let mut sections = BTreeMap::new();
    for entry in entries.chunks_exact(SECTION).take(count as usize) {
        let name = entry[..16].split(|b| *b == 0).next().unwrap_or_default();

        let name = String::from_utf8_lossy(name).into_owned();
        sections.entry(name).or_insert([
            packed::unsigned(&entry[16..24]),
            packed::unsigned(&entry[24..]),
        ]);
    }
    Ok(sections)
}

fn tokens(reader: &mut Reader) -> Result<Vec<Rc<str>>, ReadError> {
    /// The most bytes of all tokens for a byte of the file.
    const MOST: u64 = 64;
    let count = reader.count()?;
    let size = reader.u64()?;
    let limit = MOST * reader.size as u64;
    if size > limit {
        return Err(malformed(format!(
            "the tokens would unpack to {size} bytes, the limit for a file of its size is {limit}"
        )));
    }
    let packed = reader.sized()?;
    let text = packed::unpacked(packed, size as usize).map_err(|problem| reader.wrong(&problem))?;
    let tokens: Vec<Rc<str>> = text
        .split(|b| *b == 0)
        .take(count)
        .map(|token| String::from_utf8_lossy(token).into())
        .collect();
    if tokens.len() < count {
        return Err(malformed(format!(
            "it promises {count} tokens and has {}",
            tokens.len()
        )));
    }
    Ok(tokens)
}

fn strings(reader: &mut Reader) -> Result<Vec<u32>, ReadError> {
    let count = reader.count()?;
    let data = reader.take(4 * count as u64)?;
    let word = |bytes: &[u8]| Scalar::U32.read(bytes) as u32;
    Ok(data.chunks_exact(4).map(word).collect())
}

fn fields(reader: &mut Reader) -> Result<Vec<(u32, Rep)>, ReadError> {
    let count = reader.count()?;
    let names = reader.words(count)?;
    let packed = reader.sized()?;
    let reps = packed::unpacked(packed, 8 * count).map_err(|problem| reader.wrong(&problem))?;
    if reps.len() < 8 * count {
        return Err(reader.wrong("there are fewer values than names"));
    }
    let rep = |bytes: &[u8]| Rep(packed::unsigned(bytes));
    Ok(names
        .into_iter()
        .zip(reps.chunks_exact(8).map(rep))
        .collect())
}

/// The tree of paths, which is stored depth first: a jump leads from each path to the next of the
/// same parent.
fn paths(reader: &mut Reader) -> Result<Vec<Node>, ReadError> {
    let count = reader.count()?;
    let encoded = reader.count()?;
    if encoded > count {
        return Err(reader.wrong("there are more than it says"));
    }
    let (numbers, tokens) = (reader.words(encoded)?, reader.words(encoded)?);
    let jumps = reader.words(encoded)?;
    let mut nodes = vec![Node::NONE; count];
    let mut is_met = vec![false; encoded];
    let mut waiting = vec![(0, u32::MAX)];
    while let Some((mut at, mut parent)) = waiting.pop() {
        loop {
            if is_met.get(at).is_none_or(|is_met| *is_met) {
                if encoded == 0 {
                    break;
                }
                return Err(reader.wrong(&format!("the path {at} is there twice, or not at all")));
            }
            is_met[at] = true;
            let number = numbers[at];
            let token = tokens[at] as i32;
            let node = nodes.get_mut(number as usize);
            let node = node.ok_or_else(|| reader.wrong(&format!("there is no path {number}")))?;
            *node = Node {
                parent,
                token: token.unsigned_abs(),
                is_property: token < 0,
            };
            let jump = jumps[at] as i32;
            let (has_child, has_sibling) = (jump > 0 || jump == -1, jump >= 0);
            if has_child && has_sibling {
                waiting.push((at + jump as usize, parent));
            }
            if has_child {
                parent = number;
            }
            if !has_child && !has_sibling {
                break;
            }
            at += 1;
        }
    }
    Ok(nodes)
}

impl<'a> CrateFile<'a> {
    fn token(&self, number: u32) -> Result<&Rc<str>, ReadError> {
        self.tokens.get(number as usize).ok_or_else(|| {
            malformed(format!(
                "there is no token {number}, there are {}",
                self.tokens.len()
            ))
        })
    }

    fn string(&self, number: u32) -> Result<&Rc<str>, ReadError> {
        let token = self.strings.get(number as usize);
        let token = token.ok_or_else(|| {
            malformed(format!(
                "there is no string {number}, there are {}",
                self.strings.len()
            ))
        })?;
        self.token(*token)
    }

    /// The value of a field of a set.
    pub(super) fn field(&self, set: u32, key: &str) -> Option<Rep> {
        let set = self.sets.get(set as usize..)?;
        set.iter()
            .take(MAX_FIELDS)
            .take_while(|field| **field != END)
            .filter_map(|field| self.fields.get(*field as usize))
            .find(|(name, _)| {
                self.tokens
                    .get(*name as usize)
                    .is_some_and(|name| **name == *key)
            })
            .map(|(_, rep)| *rep)
    }

    /// A path of prims, without variants; `None` if it is deeper than prims can be.
    fn path(&self, number: u32) -> Result<Option<Path>, ReadError> {
        let mut path = Path::default();
        let mut number = number;
        for _ in 0..2 * MAX_DEPTH {
            let node = self.paths.get(number as usize).ok_or_else(|| {
                malformed(format!(
                    "there is no path {number}, there are {}",
                    self.paths.len()
                ))
            })?;
            if node.parent == u32::MAX {
                path.prims.reverse();
                return Ok(Some(path));
            }
            let token = self.token(node.token)?;
            if node.is_property {
                path.property = Some(token.clone());
            } else if !token.starts_with('{') {
                path.prims.push(token.clone());
            }
            number = node.parent;
        }
        Ok(None)
    }

    /// The prims that the specs describe: their paths, sets of fields and kinds.
    fn prims(&self, [paths, sets, kinds]: &[Vec<u32>; 3]) -> Result<Vec<Prim<'a>>, ReadError> {
        let specs = || {
            (paths.iter().copied())
                .zip(sets.iter().copied())
                .zip(kinds.iter().copied())
        };
        let mut prim_of_path = vec![u32::MAX; self.paths.len()];
        let mut prims = Vec::new();
        let mut places = Vec::new();
        let of_root = specs().filter(|(_, kind)| *kind == ROOT).take(1);
        for ((path, set), kind) in
            of_root.chain(specs().filter(|(_, kind)| matches!(*kind, PRIM | VARIANT)))
        {
            let Some(prim) = prim_of_path.get_mut(path as usize) else {
                return Err(malformed(format!(
                    "there is no path {path}, there are {}",
                    self.paths.len()
                )));
            };
            if *prim != u32::MAX {
                continue;
            }
            *prim = prims.len() as u32;
            places.push((path, kind));
            prims.push(self.prim(path, set)?);
        }
        if places.first().is_none_or(|(_, kind)| *kind != ROOT) {
            return Err(malformed("it has no root"));
        }
        for (number, (path, kind)) in places.into_iter().enumerate().skip(1) {
            let parent = self.paths[path as usize].parent;
            let parent = prim_of_path.get(parent as usize).copied();
            let Some(parent) = parent.filter(|parent| *parent != u32::MAX) else {
                continue;
            };
            prims[number].parent = parent;
            let number = number as u32;
            if kind == PRIM {
                prims[parent as usize].children.push(number);
            } else if let Some((set, name)) = prims[number as usize]
                .name
                .trim_matches(['{', '}'])
                .split_once('=')
            {
                let (set, name) = (set.into(), name.into());
                prims[parent as usize].variants.push(Variant {
                    set,
                    name,
                    prim: number,
                });
            }
        }
        for ((path, set), _) in
            specs().filter(|(_, kind)| matches!(*kind, ATTRIBUTE | RELATIONSHIP))
        {
            let Some(node) = self
                .paths
                .get(path as usize)
                .filter(|node| node.is_property)
            else {
                continue;
            };
            let owner = prim_of_path.get(node.parent as usize);
            if let Some(owner) = owner.and_then(|owner| prims.get_mut(*owner as usize)) {
                let name = self.token(node.token)?.clone();
                owner.properties.entry(name).or_insert(Fields::Crate(set));
            }
        }
        Ok(prims)
    }

    fn prim(&self, path: u32, set: u32) -> Result<Prim<'a>, ReadError> {
        let node = self.paths[path as usize];
        let empty: Rc<str> = "".into();
        let name = match node.parent {
            u32::MAX => empty.clone(),
            _ => self.token(node.token)?.clone(),
        };
        let kind = self.field(set, "typeName").and_then(|rep| self.word(rep));
        let specifier = match self.field(set, "specifier").and_then(Rep::specifier) {
            Some(0) => Specifier::Def,
            Some(2) => Specifier::Class,
            _ => Specifier::Over,
        };
        Ok(Prim {
            name,
            specifier,
            kind: kind.unwrap_or(empty),
            parent: 0,
            children: Vec::new(),
            variants: Vec::new(),
            properties: BTreeMap::new(),
            fields: Fields::Crate(set),
        })
    }
}
