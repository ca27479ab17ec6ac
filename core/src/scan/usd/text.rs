//! Layers as text (USDA): the tree of prims with the texts of the values that are read, and these
//! values.

use std::{borrow::Cow, collections::BTreeMap, rc::Rc};

use super::{
    layer::{
        Arc, Budget, Fields, MAX_DEPTH, MAX_ITEMS, Numbers, Path, Prim, Selections, Specifier,
        Variant,
    },
    malformed,
};
use crate::scan::{ReadError, Scalar};

mod lexer;

use lexer::Lexer;

/// The first bytes of a file.
pub(super) const MAGIC: &[u8] = b"#usda";

/// The fields that are read, as text calls them and as crate files do.
const FIELDS: [(&str, &str); 11] = [
    ("references", "references"),
    ("payload", "payload"),
    ("inherits", "inheritPaths"),
    ("specializes", "specializes"),
    ("variants", "variantSelection"),
    ("active", "active"),
    ("interpolation", "interpolation"),
    ("upAxis", "upAxis"),
    ("metersPerUnit", "metersPerUnit"),
    ("defaultPrim", "defaultPrim"),
    ("subLayers", "subLayers"),
];

/// Words that say how a list is edited.
const EDITS: [&str; 5] = ["prepend", "append", "add", "delete", "reorder"];

/// The most fields of a prim or property.
const MAX_FIELDS: usize = 64;

/// A field whose value is not read so far.
pub(super) struct Field<'a> {
    pub(super) key: &'static str,
    /// The name of the type; empty if the field implies it.
    pub(super) kind: &'a str,
    pub(super) value: &'a str,
}

/// What was opened and is not closed so far.
enum Open {
    Prim(u32),
    /// The prim that has the variants, and the name of their set.
    Variants(u32, Rc<str>),
}

/// Reads the tree of a file, the root first.
pub(super) fn read(bytes: &[u8]) -> Result<Vec<Prim<'_>>, ReadError> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        malformed(format!(
            "it is no UTF-8 from byte {} on",
            error.valid_up_to()
        ))
    })?;
    let mut lexer = Lexer::new(text);
    let mut root = prim("", Specifier::Over, "", 0);
    if lexer.eat(b'(') {
        metadata(&mut lexer, &mut root.fields)?;
    }
    let mut prims = vec![root];
    let mut open = vec![Open::Prim(0)];
    loop {
        if lexer.eat(b';') {
            continue;
        }
        if lexer.eat(b'}') {
            open.pop();
            if open.is_empty() {
                return Err(lexer.wrong("a `}` closes nothing"));
            }
            continue;
        }
        match (open.last(), lexer.peek()) {
            (_, None) if open.len() > 1 => {
                return Err(lexer.wrong("the file ends within a prim; it may be cut short"));
            }
            (None, _) | (_, None) => return Ok(prims),
            (Some(Open::Variants(owner, set)), _) => {
                let (owner, set) = (*owner, set.clone());
                let name: Rc<str> = lexer.string()?.into();
                let mut variant = prim(&name, Specifier::Over, "", owner);
                let number = prims.len() as u32;
                prims[owner as usize].variants.push(Variant {
                    set,
                    name,
                    prim: number,
                });
                opened(&mut lexer, &mut variant)?;
                prims.push(variant);
                open.push(Open::Prim(number));
            }
            (Some(Open::Prim(owner)), _) => {
                if let Some(opened) = statement(&mut lexer, &mut prims, *owner)? {
                    open.push(opened);
                }
            }
        }
        if open.len() > 2 * MAX_DEPTH {
            return Err(lexer.wrong(&format!("a prim is more than {MAX_DEPTH} prims deep")));
        }
    }
}

fn prim<'a>(name: &str, specifier: Specifier, kind: &str, parent: u32) -> Prim<'a> {
    Prim {
        name: name.into(),
        specifier,
        kind: kind.into(),
        parent,
        children: Vec::new(),
        variants: Vec::new(),
        properties: BTreeMap::new(),
        fields: Fields::Text(Vec::new()),
    }
}

/// The fields of a prim up to the start of what it holds.
fn opened<'a>(lexer: &mut Lexer<'a>, prim: &mut Prim<'a>) -> Result<(), ReadError> {
    if lexer.eat(b'(') {
        metadata(lexer, &mut prim.fields)?;
    }
    lexer.expect(b'{')
}

/// A prim, variants or a property of the prim `owner`; returns what it opens.
fn statement<'a>(
    lexer: &mut Lexer<'a>,
    prims: &mut Vec<Prim<'a>>,
    owner: u32,
) -> Result<Option<Open>, ReadError> {
    let word = lexer.word()?;
    let specifier = match word {
        "def" => Specifier::Def,
        "over" => Specifier::Over,
        "class" => Specifier::Class,
        "variantSet" => {
            let set = lexer.string()?.into();
            lexer.expect(b'=')?;
            lexer.expect(b'{')?;
            return Ok(Some(Open::Variants(owner, set)));
        }
        "reorder" => {
            let what = lexer.word()?;
            if !matches!(
                what,
                "nameChildren" | "properties" | "rootPrims" | "variantSets"
            ) {
                lexer.word()?;
            }
            lexer.expect(b'=')?;
            lexer.value()?;
            return Ok(None);
        }
        _ => {
            property(lexer, &mut prims[owner as usize], word)?;
            return Ok(None);
        }
    };
    let kind = match lexer.peek() {
        Some(b'"' | b'\'') => "",
        _ => lexer.word()?,
    };
    let mut child = prim(lexer.string()?, specifier, kind, owner);
    opened(lexer, &mut child)?;
    let number = prims.len() as u32;
    prims[owner as usize].children.push(number);
    prims.push(child);
    Ok(Some(Open::Prim(number)))
}

/// A property of a prim, which begins with `word`.
fn property<'a>(
    lexer: &mut Lexer<'a>,
    prim: &mut Prim<'a>,
    mut word: &'a str,
) -> Result<(), ReadError> {
    let mut removes = false;
    while ["custom", "uniform", "varying", "config"].contains(&word) || EDITS.contains(&word) {
        removes |= matches!(word, "delete" | "reorder");
        word = lexer.word()?;
    }
    let kind = word;
    let is_array = lexer.eat(b'[');
    if is_array {
        lexer.expect(b']')?;
    }
    let name = lexer.word()?;
    let (name, key) = match name.rsplit_once('.') {
        Some((name, "connect")) => (name, Some("connectionPaths")),
        Some((name, "timeSamples")) => (name, Some("timeSamples")),
        Some((name, "default")) => (name, Some("default")),
        Some((name, _)) => (name, None),
        None if kind == "rel" => (name, Some("targetPaths")),
        None => (name, Some("default")),
    };
    let value = match lexer.eat(b'=') {
        true => Some(lexer.value()?),
        false => None,
    };
    let fields = prim.properties.entry(name.into());
    let fields = fields.or_insert_with(|| Fields::Text(Vec::new()));
    if let (Some(key), Some(value)) = (key, value)
        && !removes
    {
        push(fields, Field { key, kind, value });
    }
    if lexer.eat(b'(') {
        metadata(lexer, fields)?;
    }
    Ok(())
}

fn push<'a>(fields: &mut Fields<'a>, field: Field<'a>) {
    if let Fields::Text(fields) = fields
        && fields.len() < MAX_FIELDS
    {
        fields.push(field);
    }
}

/// The fields of a prim or property after the `(`.
fn metadata<'a>(lexer: &mut Lexer<'a>, fields: &mut Fields<'a>) -> Result<(), ReadError> {
    loop {
        match lexer.peek() {
            Some(b')') => return lexer.expect(b')'),
            Some(b'"' | b'\'') => {
                lexer.string()?;
            }
            Some(b';' | b',') => lexer.skip(),
            None => return Err(lexer.wrong("the file ends within `(`; it may be cut short")),
            Some(_) => {
                let first = lexer.word()?;
                let is_edit = EDITS.contains(&first);
                let word = if is_edit { lexer.word()? } else { first };
                lexer.expect(b'=')?;
                let value = lexer.value()?;
                let known = FIELDS.iter().find(|(name, _)| *name == word);
                if let Some((_, key)) = known
                    && !matches!(first, "delete" | "reorder")
                {
                    let kind = if *key == "metersPerUnit" {
                        "double"
                    } else {
                        ""
                    };
                    push(fields, Field { key, kind, value });
                }
            }
        }
    }
}

/// The words of a value: what is between quotes or between `@`, or a single word.
pub(super) fn words(value: &str) -> Vec<Rc<str>> {
    let mut words = Vec::new();
    let mut lexer = Lexer::new(value);
    while let Some(next) = lexer.peek() {
        let word = match next {
            b'"' | b'\'' => lexer.string(),
            b'@' => lexer.asset(),
            // an offset of time
            b'(' if lexer.value().is_ok() => continue,
            b'[' | b']' | b',' | b')' | b'{' | b'}' | b'=' | b'<' | b'>' => {
                lexer.skip();
                continue;
            }
            _ => lexer.word(),
        };
        match word {
            Ok(word) if words.len() < MAX_ITEMS => words.push(word.into()),
            _ => break,
        }
    }
    words
}

/// The prims of references, payloads, inheritance and relationships.
///
/// # Errors
/// There are more than [`MAX_ITEMS`].
pub(super) fn arcs(value: &str) -> Result<Vec<Arc>, ReadError> {
    let mut arcs: Vec<Arc> = Vec::new();
    let mut lexer = Lexer::new(value);
    while let Some(next) = lexer.peek() {
        match next {
            b'@' => {
                let asset = Some(lexer.asset()?).filter(|asset| !asset.is_empty());
                let path = match lexer.peek() {
                    Some(b'<') => path(lexer.path()?),
                    _ => None,
                };
                let asset = asset.map(Into::into);
                arcs.push(Arc { asset, path });
            }
            b'<' => {
                let path = path(lexer.path()?);
                arcs.push(Arc { asset: None, path });
            }
            b'(' => {
                lexer.value()?;
            }
            b'[' | b']' | b',' => lexer.skip(),
            _ => {
                lexer.word()?;
            }
        }
        if arcs.len() > MAX_ITEMS {
            return Err(lexer.wrong(&format!("a list has more than {MAX_ITEMS} items")));
        }
    }
    Ok(arcs)
}

/// An absolute path, without the variants in it; `None` if it is empty, relative or too deep.
fn path(text: &str) -> Option<Path> {
    let mut rest = text.strip_prefix('/')?;
    let mut path = Path::default();
    while !rest.is_empty() {
        let end = rest.find(['/', '{', '.']).unwrap_or(rest.len());
        if end > 0 {
            path.prims.push(rest[..end].into());
        }
        let after = &rest[end..];
        rest = match after.as_bytes().first() {
            Some(b'/') => &after[1..],
            Some(b'{') => after.split_once('}')?.1,
            Some(_) => {
                path.property = Some(after[1..].into());
                ""
            }
            None => "",
        };
        if path.prims.len() > MAX_DEPTH {
            return None;
        }
    }
    (!path.prims.is_empty()).then_some(path)
}

/// The selected variants, by set: `{ string set = "name" }`.
pub(super) fn selections(value: &str) -> Result<Selections, ReadError> {
    let mut lexer = Lexer::new(value);
    let mut selections = Vec::new();
    lexer.expect(b'{')?;
    while !lexer.eat(b'}') && selections.len() < MAX_ITEMS {
        if lexer.eat(b';') || lexer.eat(b',') {
            continue;
        }
        lexer.word()?;
        let set = match lexer.peek() {
            Some(b'"' | b'\'') => lexer.string()?,
            _ => lexer.word()?,
        };
        lexer.expect(b'=')?;
        selections.push((set.into(), lexer.string()?.into()));
    }
    Ok(selections)
}

/// The first of the values that change over time: `{ 0: value, 1: ... }`.
pub(super) fn first_sample(value: &str) -> Result<Option<&str>, ReadError> {
    let mut lexer = Lexer::new(value);
    lexer.expect(b'{')?;
    if lexer.eat(b'}') {
        return Ok(None);
    }
    lexer.until(b':')?;
    Ok(Some(lexer.value()?))
}

/// The type and the number of the numbers of an item of a type; `None` if it has none.
fn shape(kind: &str) -> Option<(Scalar, usize)> {
    use Scalar::{F32, F64, I64};
    Some(match kind {
        "bool" | "uchar" | "int" | "uint" | "int64" | "uint64" => (I64, 1),
        "half" | "float" => (F32, 1),
        "double" | "timecode" => (F64, 1),
        "matrix2d" => (F64, 4),
        "matrix3d" => (F64, 9),
        "matrix4d" | "frame4d" => (F64, 16),
        "quath" | "quatf" => (F32, 4),
        "quatd" => (F64, 4),
        _ => {
            let base = kind.trim_end_matches(['f', 'h', 'd']);
            let width = base.bytes().last().filter(|b| (b'2'..=b'4').contains(b))?;
            let scalar = match kind.starts_with("double") || kind.ends_with('d') {
                true => F64,
                false => F32,
            };
            (scalar, usize::from(width - b'0'))
        }
    })
}

/// The numbers of a value; `None` if its type has none, or it says that there are none.
pub(super) fn numbers<'a>(
    kind: &str,
    value: &str,
    budget: &Budget,
) -> Result<Option<Numbers<'a>>, ReadError> {
    let Some((scalar, width)) = shape(kind).filter(|_| value != "None") else {
        return Ok(None);
    };
    let is_between = |c: char| c.is_ascii_whitespace() || matches!(c, '[' | ']' | '(' | ')' | ',');
    let mut data = Vec::new();
    for word in value.split(is_between).filter(|word| !word.is_empty()) {
        if data.len() == data.capacity() {
            budget.take(data.len().max(64) as u64)?;
        }
        if scalar == Scalar::I64 {
            let number = match word {
                "true" => 1,
                "false" => 0,
                _ => word.parse::<i64>().map_err(|_| not_a_number(word))?,
            };
            data.extend(number.to_le_bytes());
            continue;
        }
        let number: f64 = word.parse().map_err(|_| not_a_number(word))?;
        match scalar {
            Scalar::F32 => data.extend((number as f32).to_le_bytes()),
            _ => data.extend(number.to_le_bytes()),
        }
    }
    let item = scalar.size() * width;
    if data.len() % item != 0 {
        return Err(malformed(format!(
            "a value of the type {kind} has {} numbers, which is no multiple of {width}",
            data.len() / scalar.size()
        )));
    }
    if kind.starts_with("quat") {
        // the real part is last in crate files
        data.chunks_exact_mut(item)
            .for_each(|item| item.rotate_left(scalar.size()));
    }
    Ok(Some(Numbers {
        data: Cow::Owned(data),
        scalar,
        width,
    }))
}

fn not_a_number(word: &str) -> ReadError {
    malformed(format!("`{}` is not a number", super::package::shown(word)))
}
