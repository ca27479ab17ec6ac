//! Runs ONNX graphs in rten, with everything checked that goes in and comes out.

use rten::{DataType, Dimension, Model, NodeId, Value, ValueOrView, ValueType};
use rten_tensor::{AsView as _, Layout as _, Tensor};

use super::{ImageModelError, wire};

/// Most values of an output: 256 MiB.
const MAX_OUTPUT: usize = 1 << 26;
/// Most inputs and outputs that a message lists.
const MAX_LISTED: usize = 16;
/// Longest message of the runtime that is passed on.
const MAX_REASON: usize = 400;

/// Values with a shape.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Array {
    pub(super) shape: Vec<usize>,
    pub(super) values: Vec<f32>,
}

impl Array {
    pub(super) fn zeros(shape: Vec<usize>) -> Self {
        let values = vec![0.0; shape.iter().product()];
        Self { shape, values }
    }
}

/// A graph with named inputs and outputs.
pub(super) struct Graph {
    model: Model,
    file: String,
}

impl Graph {
    /// Loads a graph whose inputs are exactly `inputs`, and whose outputs include `outputs`.
    pub(super) fn load(
        file: &str,
        bytes: Vec<u8>,
        inputs: &[&str],
        outputs: &[&str],
    ) -> Result<Self, ImageModelError> {
        let unreadable = |reason: String| ImageModelError::Unreadable {
            file: file.to_owned(),
            reason: shortened(reason),
        };
        wire::check(&bytes).map_err(&unreadable)?;
        let model = guarded(|| Model::load(bytes))
            .map_err(&unreadable)?
            .map_err(|error| unreadable(error.to_string()))?;
        let graph = Self {
            model,
            file: file.to_owned(),
        };
        let found = graph.names(graph.model.input_ids());
        if found.len() != inputs.len() || inputs.iter().any(|name| !found.contains(name)) {
            return Err(graph.other_names("inputs", inputs, &found));
        }
        let found = graph.names(graph.model.output_ids());
        if outputs.iter().any(|name| !found.contains(name)) {
            return Err(graph.other_names("outputs", outputs, &found));
        }
        Ok(graph)
    }

    fn names(&self, ids: &[NodeId]) -> Vec<&str> {
        let name = |id: &NodeId| self.model.node_info(*id).and_then(|node| node.name());
        ids.iter().map(|id| name(id).unwrap_or("")).collect()
    }

    fn other_names(&self, what: &'static str, names: &[&str], found: &[&str]) -> ImageModelError {
        let mut listed = found[..found.len().min(MAX_LISTED)].join(", ");
        if found.len() > MAX_LISTED {
            listed.push_str(", …");
        }
        ImageModelError::Names {
            file: self.file.clone(),
            what,
            expected: names.join(", "),
            found: if listed.is_empty() {
                "none".into()
            } else {
                shortened(listed)
            },
        }
    }

    /// Runs the graph and returns `outputs` in their order.
    pub(super) fn run(
        &self,
        inputs: Vec<(&str, Array)>,
        outputs: &[&str],
    ) -> Result<Vec<Array>, ImageModelError> {
        let inputs = inputs
            .into_iter()
            .map(|(name, array)| self.input(name, array))
            .collect::<Result<Vec<_>, _>>()?;
        let ids = outputs
            .iter()
            .map(|name| self.node(name))
            .collect::<Result<Vec<_>, _>>()?;
        let values = guarded(|| self.model.run(inputs, &ids, None))
            .map_err(|reason| self.failed(reason))?
            .map_err(|error| self.failed(error.to_string()))?;
        let arrays = outputs.iter().zip(values);
        arrays
            .map(|(name, value)| self.output(name, value))
            .collect()
    }

    fn node(&self, name: &str) -> Result<NodeId, ImageModelError> {
        self.model
            .find_node(name)
            .ok_or_else(|| self.failed(format!("there is no \"{name}\"")))
    }

    fn failed(&self, reason: String) -> ImageModelError {
        ImageModelError::Failed {
            file: self.file.clone(),
            reason: shortened(reason),
        }
    }

    pub(super) fn other_shape(
        &self,
        name: &str,
        found: impl std::fmt::Debug,
        expected: &str,
    ) -> ImageModelError {
        ImageModelError::Shape {
            file: self.file.clone(),
            name: name.to_owned(),
            found: format!("the shape {found:?}"),
            expected: expected.to_owned(),
        }
    }

    /// An input in the type that the graph declares; its shape must be the declared one, because
    /// not every operator checks what it is given.
    fn input(
        &self,
        name: &str,
        Array { shape, values }: Array,
    ) -> Result<(NodeId, ValueOrView<'static>), ImageModelError> {
        let id = self.node(name)?;
        let info = self.model.node_info(id);
        if let Some(declared) = info.as_ref().and_then(|node| node.shape()) {
            let fits = declared.len() == shape.len()
                && declared
                    .iter()
                    .zip(&shape)
                    .all(|(declared, side)| match declared {
                        Dimension::Fixed(fixed) => fixed == side,
                        Dimension::Symbolic(_) => true,
                    });
            if !fits {
                let declared: Vec<String> = declared
                    .iter()
                    .map(|side| match side {
                        Dimension::Fixed(fixed) => fixed.to_string(),
                        Dimension::Symbolic(name) => name.clone(),
                    })
                    .collect();
                let expected = format!("the shape {shape:?} of the manifest's sizes");
                return Err(self.other_shape(name, declared, &shortened(expected)));
            }
        }
        let dtype = info.and_then(|node| node.dtype());
        let whole = |value: &f32| value.round() as i32;
        let value: Value = match dtype.unwrap_or(ValueType::Tensor(DataType::Float)) {
            ValueType::Tensor(DataType::Float) => Tensor::from_data(&shape, values).into(),
            ValueType::Tensor(DataType::Int32) => {
                Tensor::from_data(&shape, values.iter().map(whole).collect::<Vec<_>>()).into()
            }
            other => return Err(self.other_type(name, other)),
        };
        Ok((id, value.into()))
    }

    fn other_type(&self, name: &str, found: ValueType) -> ImageModelError {
        ImageModelError::Shape {
            file: self.file.clone(),
            name: name.to_owned(),
            found: format!("the type {found:?}"),
            expected: "32-bit floating-point numbers".into(),
        }
    }

    fn output(&self, name: &str, value: Value) -> Result<Array, ImageModelError> {
        let dtype = value.dtype();
        let tensor = value
            .into_tensor::<f32>()
            .ok_or_else(|| self.other_type(name, dtype))?;
        let shape = tensor.shape().to_vec();
        if tensor.len() > MAX_OUTPUT || tensor.is_empty() {
            let expected = format!("1 to {MAX_OUTPUT} values");
            return Err(self.other_shape(name, shape, &expected));
        }
        let values = tensor.to_vec();
        match values.iter().filter(|value| !value.is_finite()).count() {
            0 => Ok(Array { shape, values }),
            count => Err(ImageModelError::NotFinite {
                file: self.file.clone(),
                name: name.to_owned(),
                count,
            }),
        }
    }
}

/// Returns `true` if a graph interpolates cubically, which rten does linearly without a word. That
/// changes nothing where the size stays, as for the positional embedding of a vision transformer
/// at its own input size.
pub(super) fn interpolates_cubically(file: &[u8]) -> bool {
    // the attribute `mode` of a `Resize` node in the order of its fields: its name, its text
    const CUBIC: &[u8] = b"\x0a\x04mode\x22\x05cubic";
    file.windows(CUBIC.len()).any(|part| part == CUBIC)
}

/// Calls the runtime. It reports what it expects to go wrong, but a hostile graph can still break
/// an assumption inside one of its hundred operators, which panics. Natively that becomes an error,
/// because one damaged model must not end a run over thousands of pictures; the runtime is not used
/// again after that. In wasm nothing can be caught: there, a worker of their own runs the models,
/// and the page outlives it.
fn guarded<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(work)).map_err(|panic| {
        let text = panic
            .downcast_ref::<String>()
            .map(String::as_str)
            .or_else(|| panic.downcast_ref::<&str>().copied());
        format!(
            "the runtime panicked: {}",
            text.unwrap_or("no reason given")
        )
    })
}

/// The text without what is beyond [`MAX_REASON`] characters.
fn shortened(text: String) -> String {
    match text.char_indices().nth(MAX_REASON) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
