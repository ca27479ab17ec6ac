//! Checks whether this browser offers a WebGPU adapter that the kernels can run on, and if not,
//! which of the four causes applies.
//!
//! Works on the page and in the worker. It runs before any wgpu call because cubecl 0.11 panics on
//! an adapter without `timestamp-query`, and wgpu's own error does not distinguish the causes.

use js_sys::{Function, Object, Promise, Reflect};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;

/// The reason why WebGPU cannot be used, with the remedy that applies.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoGpu {
    /// The page was loaded over plain http.
    #[error("this page was not loaded over https, and browsers offer WebGPU to secure pages only")]
    InsecurePage,
    /// The browser has no `navigator.gpu`.
    #[error("this browser has no WebGPU; a current Chrome, Edge, Firefox or Safari has it")]
    NoApi,
    /// `requestAdapter` returned null.
    #[error(
        "the browser found no graphics adapter it trusts; graphics acceleration may be off in its settings"
    )]
    NoAdapter,
    /// The adapter lacks limits or features that the kernels need.
    #[error("the graphics adapter {adapter} cannot run the network: {lacks}")]
    AdapterTooSmall {
        /// Name of the adapter.
        adapter: String,
        /// The missing limit with its value and the required value, or the missing feature.
        lacks: String,
    },
}

/// Limits that the model's kernels require: the minimum that every WebGPU implementation must
/// offer.
const NEEDS: [(&str, f64); 4] = [
    ("maxStorageBuffersPerShaderStage", 8.0),
    ("maxStorageBufferBindingSize", 134_217_728.0),
    ("maxComputeInvocationsPerWorkgroup", 256.0),
    ("maxComputeWorkgroupStorageSize", 16_384.0),
];

/// The name of an adapter that can run the model.
///
/// # Errors
/// [`NoGpu`], the cause.
pub async fn model_adapter() -> Result<String, NoGpu> {
    let adapter = request_adapter().await?;
    let name = adapter_name(&adapter);
    let lacks = |lacks: String| NoGpu::AdapterTooSmall {
        adapter: name.clone(),
        lacks,
    };
    let limits = get(&adapter, "limits");
    for (limit, need) in NEEDS {
        let has = get(&limits, limit).as_f64().unwrap_or(0.0);
        if has < need {
            return Err(lacks(format!(
                "{limit} is {has}, at least {need} is needed"
            )));
        }
    }
    let features = get(&adapter, "features");
    let timestamps =
        call(&features, "has", &"timestamp-query".into()).is_ok_and(|has| has.is_truthy());
    if timestamps {
        Ok(name)
    } else {
        Err(lacks("it cannot take time stamps (timestamp-query)".into()))
    }
}

/// Returns `true` if the page should draw with WebGPU. A software adapter is only a detour to the
/// CPU, which can draw directly; and some browsers lose every device of the page, including the
/// model's, when a software adapter presents to a canvas.
pub async fn draws_in_hardware() -> bool {
    request_adapter()
        .await
        .is_ok_and(|adapter| get(&get(&adapter, "info"), "isFallbackAdapter").is_falsy())
}

async fn request_adapter() -> Result<JsValue, NoGpu> {
    let global = js_sys::global();
    let gpu = get(&get(&global, "navigator"), "gpu");
    if !gpu.is_object() {
        return Err(if get(&global, "isSecureContext").is_falsy() {
            NoGpu::InsecurePage
        } else {
            NoGpu::NoApi
        });
    }
    let options = Object::new();
    // If this fails, the default preference applies, which is the best alternative.
    let _ = Reflect::set(
        &options,
        &"powerPreference".into(),
        &"high-performance".into(),
    );
    let promise = call(&gpu, "requestAdapter", &options)
        .ok()
        .and_then(|p| p.dyn_into::<Promise>().ok())
        .ok_or(NoGpu::NoAdapter)?;
    match JsFuture::from(promise).await {
        Ok(adapter) if adapter.is_object() => Ok(adapter),
        _ => Err(NoGpu::NoAdapter),
    }
}

/// The most informative of the adapter's names; browsers differ in which ones they fill in.
fn adapter_name(adapter: &JsValue) -> String {
    let info = get(adapter, "info");
    let text = |key| get(&info, key).as_string().filter(|s| !s.is_empty());
    text("description")
        .or_else(|| text("device"))
        .or_else(|| match (text("vendor"), text("architecture")) {
            (Some(vendor), Some(architecture)) => Some(format!("{vendor} {architecture}")),
            (vendor, architecture) => vendor.or(architecture),
        })
        .unwrap_or_else(|| "unnamed adapter".into())
}

fn get(object: &JsValue, key: &str) -> JsValue {
    Reflect::get(object, &key.into()).unwrap_or(JsValue::UNDEFINED)
}

fn call(object: &JsValue, method: &str, argument: &JsValue) -> Result<JsValue, JsValue> {
    get(object, method)
        .dyn_into::<Function>()?
        .call1(object, argument)
}
