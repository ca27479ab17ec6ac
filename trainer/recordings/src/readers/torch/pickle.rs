//! The subset of Python's pickle format that arrays need. Values are stored in a list and refer to
//! each other by index, so shared values stay shared; each instruction creates at most one value,
//! and what an instruction copies is short or was not copied before, so the file bounds the memory.

use std::{collections::HashMap, sync::Arc};

use anyhow::{Context, bail, ensure};

use super::{Array, Bytes, Element};

/// Maximum number of instructions; an array takes about forty.
const INSTRUCTIONS: usize = 1 << 18;
/// Maximum length in bytes of the names of classes, types and storages.
const NAME: usize = 256;
/// Maximum number of dimensions of an array, as in NumPy.
const DIMENSIONS: usize = 64;

/// An index into [`Machine::values`].
type Id = usize;

#[derive(Debug)]
enum Value {
    /// A value that is not needed: None, a float, a dictionary, an object.
    Other(&'static str),
    Int(i64),
    Text(String),
    Bytes(Vec<u8>),
    Items(Vec<Id>),
    /// A class or function, with its module.
    Global(String),
    Storage(Element, String),
    /// NumPy's element type under its own name; byte-swapped types are rejected when their state is
    /// set.
    Dtype(String),
    Array(Array),
    /// A NumPy array whose state has not been set yet.
    Blank,
}

struct Machine<'a> {
    rest: &'a [u8],
    values: Vec<Value>,
    stack: Vec<Id>,
    /// Heights of the stack at the marks.
    marks: Vec<usize>,
    memo: HashMap<u32, Id>,
    /// Number of characters that may still be copied from texts to bytes.
    encodable: usize,
}

/// The arrays at the root: the root itself, or the items of the tuple or list.
///
/// # Errors
/// The pickle is damaged, uses features that arrays do not need, or contains something else.
pub fn arrays(bytes: &[u8]) -> anyhow::Result<Vec<Array>> {
    let mut machine = Machine {
        rest: bytes,
        values: vec![],
        stack: vec![],
        marks: vec![],
        memo: HashMap::new(),
        encodable: bytes.len(),
    };
    let mut left = INSTRUCTIONS;
    while machine
        .step()
        .with_context(|| format!("at byte {}", bytes.len() - machine.rest.len()))?
    {
        left -= 1;
        ensure!(left > 0, "it has more than {INSTRUCTIONS} instructions");
    }
    let root = machine.pop()?;
    let array = |id: Id| match &machine.values[id] {
        Value::Array(array) => Ok(array.clone()),
        other => bail!("{} is in the place of an array", other.kind()),
    };
    match &machine.values[root] {
        Value::Items(items) => items.iter().map(|item| array(*item)).collect(),
        _ => Ok(vec![array(root)?]),
    }
}

impl Value {
    fn kind(&self) -> &str {
        match self {
            Self::Other(what) => what,
            Self::Int(_) => "a whole number",
            Self::Text(_) | Self::Bytes(_) => "text",
            Self::Items(_) => "a list",
            Self::Global(name) => name,
            Self::Storage(..) | Self::Dtype(_) | Self::Blank => "half an array",
            Self::Array(_) => "an array",
        }
    }
}

impl<'a> Machine<'a> {
    /// Executes one instruction; returns `false` at the end of the pickle.
    fn step(&mut self) -> anyhow::Result<bool> {
        let code = self.take(1)?[0];
        if let Some(value) = self.literal(code)? {
            self.push(value);
            return Ok(true);
        }
        match code {
            b'.' => return Ok(false),
            // protocol and frame
            0x80 => drop(self.take(1)?),
            0x95 => drop(self.take(8)?),
            b'(' => self.marks.push(self.stack.len()),
            0x93 => {
                let [name, module] = [self.pop()?, self.pop()?];
                let name = format!("{} {}", self.name(module)?, self.name(name)?);
                self.push(Value::Global(name));
            }
            b't' | 0x85..=0x87 => {
                let count = (code != b't').then(|| usize::from(code - 0x84));
                let from = self.first(
                    count,
                    [
                        "a tuple has no mark",
                        "a tuple has more items than the stack",
                    ],
                )?;
                let items = self.stack.split_off(from.min(self.stack.len()));
                self.push(Value::Items(items));
            }
            b'a' | b'e' => {
                let count = (code != b'e').then_some(1);
                let from = self.first(
                    count,
                    ["the items of a list have no mark", "an item has no list"],
                )?;
                self.append(from)?;
            }
            // entries of dictionaries, which are not needed
            b's' | b'u' => {
                let count = (code != b'u').then_some(2);
                let from = self.first(
                    count,
                    [
                        "the entries of a dictionary have no mark",
                        "an entry has no dictionary",
                    ],
                )?;
                self.stack.truncate(from);
                self.top()?;
            }
            b'q' | b'r' | 0x94 => {
                let place = match code {
                    b'q' => self.take(1)?[0].into(),
                    b'r' => u32::from_le_bytes(self.fixed()?),
                    _ => self.memo.len() as u32,
                };
                let top = self.top()?;
                self.memo.insert(place, top);
            }
            b'h' | b'j' => {
                let place = if code == b'h' {
                    self.take(1)?[0].into()
                } else {
                    u32::from_le_bytes(self.fixed()?)
                };
                let id = self.memo.get(&place).copied();
                self.stack
                    .push(id.with_context(|| format!("nothing is remembered at {place}"))?);
            }
            b'Q' => {
                let id = self.pop()?;
                let storage = self.storage(id)?;
                self.push(storage);
            }
            b'R' => {
                let [arguments, callable] = [self.pop()?, self.pop()?];
                let made = self.call(callable, arguments)?;
                self.push(made);
            }
            b'b' => {
                let [state, object] = [self.pop()?, self.top()?];
                self.build(object, state)?;
            }
            other => bail!("the instruction {other:#04x} is not supported, arrays do not need it"),
        }
        Ok(true)
    }

    /// Reads the value that an instruction spells out; `None` if it is another instruction.
    fn literal(&mut self, code: u8) -> anyhow::Result<Option<Value>> {
        Ok(Some(match code {
            b'N' => Value::Other("None"),
            0x88 => Value::Int(1),
            0x89 => Value::Int(0),
            b'}' => Value::Other("a dictionary"),
            b']' | b')' => Value::Items(vec![]),
            b'J' => {
                let n = i32::from_le_bytes(self.fixed()?);
                Value::Int(n.into())
            }
            b'K' => {
                let n = self.take(1)?[0];
                Value::Int(n.into())
            }
            b'M' => {
                let n = u16::from_le_bytes(self.fixed()?);
                Value::Int(n.into())
            }
            0x8a => {
                let size = self.take(1)?[0].into();
                let bytes = self.take(size)?;
                ensure!(size <= 8, "a whole number has {size} bytes, the limit is 8");
                let sign = if bytes.last().is_some_and(|b| b & 0x80 != 0) {
                    0xff
                } else {
                    0
                };
                let n = i64::from_le_bytes(std::array::from_fn(|i| {
                    bytes.get(i).copied().unwrap_or(sign)
                }));
                Value::Int(n)
            }
            b'G' => {
                self.take(8)?;
                Value::Other("a fraction")
            }
            b'X' | 0x8c | 0x8d => {
                let text = self.counted(code == 0x8c, code == 0x8d)?;
                let text = std::str::from_utf8(text)
                    .context("a text is not UTF-8")?
                    .to_owned();
                Value::Text(text)
            }
            b'B' | b'C' | 0x8e => {
                let bytes = self.counted(code == b'C', code == 0x8e)?.to_vec();
                Value::Bytes(bytes)
            }
            b'c' => {
                let name = [self.line()?, self.line()?].join(" ");
                Value::Global(name)
            }
            _ => return Ok(None),
        }))
    }

    /// Height of the stack below its top `count` values, or at the last mark. `missing` says what is
    /// wrong if there is no mark, or if there are fewer values.
    fn first(&mut self, count: Option<usize>, missing: [&'static str; 2]) -> anyhow::Result<usize> {
        match count {
            None => self.marks.pop().context(missing[0]),
            Some(count) => self.stack.len().checked_sub(count).context(missing[1]),
        }
    }

    /// Appends the values on the stack above `from` to the list below them.
    fn append(&mut self, from: usize) -> anyhow::Result<()> {
        let new = self.stack.split_off(from.min(self.stack.len()));
        let list = self.top()?;
        let Value::Items(items) = &mut self.values[list] else {
            bail!("items are appended to a value that is not a list")
        };
        items.extend(new);
        Ok(())
    }

    fn take(&mut self, count: usize) -> anyhow::Result<&'a [u8]> {
        let (taken, rest) = self
            .rest
            .split_at_checked(count)
            .context("it ends too early")?;
        self.rest = rest;
        Ok(taken)
    }

    fn fixed<const N: usize>(&mut self) -> anyhow::Result<[u8; N]> {
        Ok(self.take(N)?.try_into()?)
    }

    /// Reads bytes that are preceded by their count of one, eight or four bytes.
    fn counted(&mut self, short: bool, long: bool) -> anyhow::Result<&'a [u8]> {
        let count = match (short, long) {
            (true, _) => self.take(1)?[0].into(),
            (_, true) => u64::from_le_bytes(self.fixed()?).try_into()?,
            _ => u32::from_le_bytes(self.fixed()?) as usize,
        };
        self.take(count)
    }

    fn line(&mut self) -> anyhow::Result<&'a str> {
        let near = &self.rest[..self.rest.len().min(NAME + 1)];
        let end = near
            .iter()
            .position(|b| *b == b'\n')
            .with_context(|| format!("a name does not end within {NAME} bytes"))?;
        let line = self.take(end + 1)?;
        Ok(std::str::from_utf8(&line[..end])?)
    }

    fn push(&mut self, value: Value) {
        self.stack.push(self.values.len());
        self.values.push(value);
    }

    fn pop(&mut self) -> anyhow::Result<Id> {
        self.stack.pop().context("the stack is empty")
    }

    fn top(&self) -> anyhow::Result<Id> {
        self.stack.last().copied().context("the stack is empty")
    }

    fn text(&self, id: Id) -> anyhow::Result<&str> {
        match &self.values[id] {
            Value::Text(text) => Ok(text),
            other => bail!("{} is in the place of a text", other.kind()),
        }
    }

    /// A text that is short enough to be copied.
    fn name(&self, id: Id) -> anyhow::Result<&str> {
        let name = self.text(id)?;
        ensure!(
            name.len() <= NAME,
            "a name has {} bytes, the limit is {NAME}",
            name.len()
        );
        Ok(name)
    }

    fn count(&self, id: Id) -> anyhow::Result<usize> {
        match self.values[id] {
            Value::Int(n) => {
                usize::try_from(n).with_context(|| format!("the size {n} is not valid"))
            }
            ref other => bail!("{} is in the place of a size", other.kind()),
        }
    }

    fn items(&self, id: Id) -> anyhow::Result<&[Id]> {
        match &self.values[id] {
            Value::Items(items) => Ok(items),
            other => bail!("{} is in the place of a tuple", other.kind()),
        }
    }

    fn counts(&self, id: Id) -> anyhow::Result<Vec<usize>> {
        let items = self.items(id)?;
        ensure!(
            items.len() <= DIMENSIONS,
            "an array has {} dimensions, the limit is {DIMENSIONS}",
            items.len()
        );
        items.iter().map(|item| self.count(*item)).collect()
    }

    /// Creates a storage from the tuple ("storage", type, key, device, count).
    fn storage(&self, id: Id) -> anyhow::Result<Value> {
        let [_, class, key, ..] = self.items(id)? else {
            bail!("a storage has no type and no key")
        };
        let Value::Global(class) = &self.values[*class] else {
            bail!("a storage has no type")
        };
        let element = match class.strip_prefix("torch ") {
            Some("DoubleStorage") => Element::F64,
            Some("FloatStorage") => Element::F32,
            Some("HalfStorage") => Element::F16,
            Some("BFloat16Storage") => Element::Bf16,
            Some("LongStorage") => Element::I64,
            Some("IntStorage") => Element::I32,
            Some("ShortStorage") => Element::I16,
            Some("CharStorage") => Element::I8,
            Some("ByteStorage") => Element::U8,
            Some("BoolStorage") => Element::Bool,
            _ => bail!("the storage type {class} is not supported"),
        };
        Ok(Value::Storage(element, self.name(*key)?.to_owned()))
    }

    fn call(&mut self, callable: Id, arguments: Id) -> anyhow::Result<Value> {
        let Value::Global(name) = &self.values[callable] else {
            bail!("{} is called like a function", self.values[callable].kind())
        };
        let arguments = self.items(arguments)?;
        Ok(match (name.as_str(), arguments) {
            (
                "torch._utils _rebuild_tensor_v2" | "torch._utils _rebuild_tensor",
                [storage, first, shape, strides, ..],
            ) => {
                let Value::Storage(element, key) = &self.values[*storage] else {
                    bail!("a tensor has no storage")
                };
                let (shape, strides) = (self.counts(*shape)?, self.counts(*strides)?);
                let mut step = 1usize;
                for (extent, stride) in shape.iter().zip(&strides).rev() {
                    ensure!(
                        *extent <= 1 || *stride == step,
                        "a tensor of shape {shape:?} has the strides {strides:?}: save it contiguous"
                    );
                    step = step.saturating_mul(*extent);
                }
                ensure!(
                    shape.len() == strides.len(),
                    "a tensor of shape {shape:?} has the strides {strides:?}"
                );
                Value::Array(Array {
                    element: *element,
                    shape,
                    bytes: Bytes::Storage {
                        key: key.clone(),
                        first: self.count(*first)?,
                    },
                })
            }
            // bytes are stored as text in protocols without a bytes type
            ("_codecs encode", [text, ..]) => {
                let text = self.text(*text)?;
                let left = self.encodable.checked_sub(text.len());
                let bytes = text
                    .chars()
                    .map(|c| u8::try_from(u32::from(c)))
                    .collect::<Result<_, _>>();
                let bytes = bytes.context("a character of a byte string is not a byte")?;
                self.encodable =
                    left.context("a byte string is made of one text again and again")?;
                Value::Bytes(bytes)
            }
            ("numpy.core.multiarray _reconstruct" | "numpy._core.multiarray _reconstruct", _) => {
                Value::Blank
            }
            ("numpy dtype", [name, ..]) => Value::Dtype(self.name(*name)?.to_owned()),
            _ => Value::Other("an object"),
        })
    }

    /// Sets the state of an object.
    fn build(&mut self, object: Id, state: Id) -> anyhow::Result<()> {
        match self.values[object] {
            Value::Dtype(ref name) => {
                let order = self
                    .items(state)?
                    .get(1)
                    .map(|order| self.text(*order))
                    .transpose()?;
                ensure!(
                    order != Some(">"),
                    "the numbers have the big-endian type >{name}, which is not supported"
                );
            }
            Value::Blank => {
                let &[_, shape, dtype, by_column, bytes] = self.items(state)? else {
                    bail!("an array does not have a shape, a type and bytes")
                };
                let Value::Dtype(name) = &self.values[dtype] else {
                    bail!("an array has no type")
                };
                let element = match name.as_str() {
                    "f8" => Element::F64,
                    "f4" => Element::F32,
                    "f2" => Element::F16,
                    "i8" => Element::I64,
                    "i4" => Element::I32,
                    "i2" => Element::I16,
                    "i1" => Element::I8,
                    "u1" => Element::U8,
                    "b1" => Element::Bool,
                    other => bail!("an array has the type {other}, which is not supported"),
                };
                let shape = self.counts(shape)?;
                ensure!(
                    self.count(by_column)? == 0 || shape.len() < 2,
                    "an array of shape {shape:?} is stored column by column: save it row by row"
                );
                let Value::Bytes(bytes) = &mut self.values[bytes] else {
                    bail!("an array has no bytes")
                };
                let bytes = Bytes::Here(Arc::new(std::mem::take(bytes)));
                self.values[object] = Value::Array(Array {
                    element,
                    shape,
                    bytes,
                });
            }
            _ => {}
        }
        Ok(())
    }
}
