//! Values that the released code computed (`golden/`), and the allowed differences from them in
//! f32.

use std::collections::BTreeMap;

use burn::tensor::{Device, Tensor};
use safetensors::{Dtype, SafeTensors};
use segscape::model::published::{Checkpoint, StoredTensor};
use serde_json::Value;

/// One case: tensors, and a description with tolerances.
pub struct Golden {
    tensors: Checkpoint,
    /// The description of the tensors: configuration, facts, tolerances.
    pub about: Value,
}

impl Golden {
    /// Opens the case with this name in `golden/segdino3d`.
    ///
    /// # Panics
    /// Panics if its files are missing or damaged.
    pub async fn open(name: &str) -> Self {
        let (tensors, about) = (
            fetch(&format!("segdino3d/{name}.safetensors")).await,
            fetch(&format!("segdino3d/{name}.json")).await,
        );
        Self {
            tensors: read(&tensors),
            about: serde_json::from_slice(&about).expect("a golden case's description is JSON"),
        }
    }

    /// All tensors by name.
    pub fn checkpoint(&self) -> &Checkpoint {
        &self.tensors
    }

    /// The shape and values of a tensor; integers and booleans are converted to f32.
    ///
    /// # Panics
    /// Panics if there is no tensor with this name.
    pub fn stored(&self, name: &str) -> &StoredTensor {
        self.tensors
            .get(name)
            .unwrap_or_else(|| panic!("the golden case has no {name}"))
    }

    /// Returns `true` if there is a tensor with this name.
    pub fn has(&self, name: &str) -> bool {
        self.tensors.contains_key(name)
    }

    /// A tensor on a device.
    pub fn tensor<const D: usize>(&self, name: &str, device: &Device) -> Tensor<D> {
        let StoredTensor { shape, values } = self.stored(name);
        super::cases::tensor(
            values,
            shape.clone().try_into().expect("the tensor's rank"),
            device,
        )
    }

    /// The rows of a tensor with three columns.
    pub fn rows(&self, name: &str) -> Vec<[f32; 3]> {
        self.stored(name).values.as_chunks().0.to_vec()
    }

    /// The values of a tensor as integers.
    pub fn indices(&self, name: &str) -> Vec<u32> {
        self.stored(name).values.iter().map(|v| *v as u32).collect()
    }

    /// A number of the configuration.
    ///
    /// # Panics
    /// Panics if there is no number with this name.
    pub fn size(&self, name: &str) -> usize {
        self.about["config"][name]
            .as_u64()
            .unwrap_or_else(|| panic!("the golden case's configuration has no {name}"))
            as usize
    }

    /// A list of numbers of the configuration.
    pub fn sizes(&self, name: &str) -> Vec<usize> {
        self.about["config"][name]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_u64)
            .map(|size| size as usize)
            .collect()
    }

    /// The largest allowed difference in f32 for values of this kind.
    ///
    /// # Panics
    /// Panics if the case does not specify it.
    pub fn tolerance(&self, kind: &str) -> f32 {
        self.about["tolerance"][kind]["atol_f32"]
            .as_f64()
            .unwrap_or_else(|| panic!("the golden case has no tolerance of {kind}")) as f32
    }

    /// Returns a description of the difference if `got` differs from the tensor `name` by more than
    /// the tolerance of its `kind`.
    pub async fn differs(&self, name: &str, kind: &str, got: Tensor<2>) -> Option<String> {
        let StoredTensor { shape, values } = self.stored(name);
        if got.dims()[..] != shape[..] {
            return Some(format!(
                "{name} has shape {:?} instead of {shape:?}",
                got.dims()
            ));
        }
        let got = match got
            .into_data_async()
            .await
            .map(|data| data.try_to_vec::<f32>())
        {
            Ok(Ok(got)) => got,
            error => return Some(format!("{name}: {error:?}")),
        };
        let worst = got
            .iter()
            .zip(values)
            .map(|(got, want)| (got - want).abs())
            .fold(
                0.0,
                |worst: f32, d| if d > worst || d.is_nan() { d } else { worst },
            );
        let allowed = self.tolerance(kind);
        (worst.is_nan() || worst > allowed)
            .then(|| format!("{name} differs by {worst}, at most {allowed} is allowed"))
    }
}

fn read(file: &[u8]) -> Checkpoint {
    let file =
        SafeTensors::deserialize(file).expect("a golden case's tensors are a safetensors file");
    let values = |dtype: Dtype, data: &[u8]| -> Vec<f32> {
        match dtype {
            Dtype::F64 => data
                .as_chunks()
                .0
                .iter()
                .map(|b| f64::from_le_bytes(*b) as f32)
                .collect(),
            Dtype::F32 => data
                .as_chunks()
                .0
                .iter()
                .map(|b| f32::from_le_bytes(*b))
                .collect(),
            Dtype::BF16 => data
                .as_chunks()
                .0
                .iter()
                .map(|b| f32::from_bits(u32::from(u16::from_le_bytes(*b)) << 16))
                .collect(),
            Dtype::I32 => data
                .as_chunks()
                .0
                .iter()
                .map(|b| i32::from_le_bytes(*b) as f32)
                .collect(),
            Dtype::I64 => data
                .as_chunks()
                .0
                .iter()
                .map(|b| i64::from_le_bytes(*b) as f32)
                .collect(),
            Dtype::BOOL | Dtype::U8 => data.iter().map(|b| f32::from(*b)).collect(),
            other => panic!("golden cases hold no {other:?}"),
        }
    };
    let tensors = file.iter().map(|(name, view)| {
        (
            name.to_owned(),
            StoredTensor {
                shape: view.shape().to_vec(),
                values: values(view.dtype(), view.data()),
            },
        )
    });
    tensors.collect::<BTreeMap<_, _>>()
}

/// The bytes of a file in `golden/`.
///
/// # Panics
/// Panics if the file is missing.
#[cfg(not(target_family = "wasm"))]
pub fn bytes(file: &str) -> Vec<u8> {
    // A test that was built elsewhere is told where this package lies, as Cargo tells it.
    let built = env!("CARGO_MANIFEST_DIR");
    let told = std::env::var("CARGO_MANIFEST_DIR");
    let folder = match told.as_deref() {
        Ok(told) if !std::path::Path::new(built).exists() => told,
        _ => built,
    };
    let path = format!("{folder}/golden/{file}");
    std::fs::read(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The contents of a JSON file in `golden/`.
///
/// # Panics
/// Panics if the file is missing or damaged.
#[cfg(not(target_family = "wasm"))]
pub fn json(file: &str) -> Value {
    serde_json::from_slice(&bytes(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// The bytes of a file in `golden/`, wherever the test runs. Only some of its folders are served to
/// tests in a browser.
///
/// # Panics
/// Panics if the file is missing.
#[cfg(not(target_family = "wasm"))]
pub async fn fetch(file: &str) -> Vec<u8> {
    bytes(file)
}

/// The bytes of a file in `golden/`, wherever the test runs. Only some of its folders are served to
/// tests in a browser.
///
/// # Panics
/// Panics if the file is missing.
#[cfg(target_family = "wasm")]
pub async fn fetch(file: &str) -> Vec<u8> {
    served(file)
        .await
        .unwrap_or_else(|| panic!("{file} is not served; `cargo xtask test` lays it out"))
}

/// Fetches a file from the folder that the test runner serves. `cargo xtask test` copies the
/// reference values there.
#[cfg(target_family = "wasm")]
async fn served(file: &str) -> Option<Vec<u8>> {
    use js_sys::{Function, Promise, Reflect, Uint8Array};
    use wasm_bindgen::{JsCast as _, JsValue};
    use wasm_bindgen_futures::JsFuture;
    // This avoids web-sys, because its features would cause everything for the browser to be
    // compiled again.
    let get = |of: &JsValue, name: &str| Reflect::get(of, &name.into()).ok();
    let method = |of: &JsValue, name: &str| get(of, name)?.dyn_into::<Function>().ok();
    let awaited = async |promise: JsValue| {
        JsFuture::from(promise.dyn_into::<Promise>().ok()?)
            .await
            .ok()
    };
    let scope = js_sys::global();
    let url = format!(
        "{}/golden/{file}",
        get(&get(&scope, "location")?, "origin")?.as_string()?
    );
    let response = awaited(method(&scope, "fetch")?.call1(&scope, &url.into()).ok()?).await?;
    if !get(&response, "ok")?.is_truthy() {
        return None;
    }
    let buffer = awaited(method(&response, "arrayBuffer")?.call0(&response).ok()?).await?;
    Some(Uint8Array::new(&buffer).to_vec())
}
