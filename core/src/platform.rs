//! The few differences between a browser and a native process: the only uses of
//! `cfg(target_family)` in the crate.

use std::mem::MaybeUninit;

/// A monotonic clock for browsers and native processes.
pub use web_time::Instant;

/// Runs the constructors that linked crates registered to run before everything else. A wasm
/// program calls this once, before anything else.
///
/// If no call to it exists in the program, the linker runs all of these constructors before *every*
/// call from JavaScript. The compiler of GPU kernels registers about a thousand operations in them,
/// so each access to an object of the browser would cost milliseconds.
pub fn start() {
    #[cfg(target_family = "wasm")]
    {
        unsafe extern "C" {
            fn __wasm_call_ctors();
        }
        static ONCE: std::sync::Once = std::sync::Once::new();
        // SAFETY: the linker generates this function; it takes no arguments, and it runs once.
        ONCE.call_once(|| unsafe { __wasm_call_ctors() });
    }
}

/// Lets the event loop of a browser run once, so that messages arrive between two pieces of work.
/// Returns immediately in a native process.
pub async fn yield_now() {
    #[cfg(target_family = "wasm")]
    drop(wasm_bindgen_futures::JsFuture::from(next_task()).await);
}

/// A promise that a task of the event loop resolves. The task is a message to ourselves: a timer of
/// 0 ms takes 4 ms in browsers when another timer has set it.
#[cfg(target_family = "wasm")]
fn next_task() -> js_sys::Promise {
    use js_sys::{Function, Object, Promise, Reflect, global};
    use wasm_bindgen::{JsCast as _, JsValue};

    std::thread_local! {
        /// The ends of a channel: messages to the second arrive at the first.
        static CHANNEL: Result<[JsValue; 2], JsValue> = channel();
    }
    fn channel() -> Result<[JsValue; 2], JsValue> {
        let new: Function = Reflect::get(&global(), &"MessageChannel".into())?.dyn_into()?;
        let channel = Reflect::construct(&new, &js_sys::Array::new())?;
        let end = |name: &str| Reflect::get(&channel, &name.into());
        let ends = [end("port1")?, end("port2")?];
        call(&ends[0], "start", &[])?;
        Ok(ends)
    }
    fn call(of: &JsValue, name: &str, arguments: &[JsValue]) -> Result<JsValue, JsValue> {
        let function: Function = Reflect::get(of, &name.into())?.dyn_into()?;
        function.apply(of, &arguments.iter().collect())
    }
    let ask = |resolve: &Function| {
        CHANNEL.with(|channel| {
            let [here, there] = channel.as_ref().map_err(JsValue::clone)?;
            let once = Object::new();
            Reflect::set(&once, &"once".into(), &JsValue::TRUE)?;
            call(
                here,
                "addEventListener",
                &["message".into(), resolve.into(), once.into()],
            )?;
            call(there, "postMessage", &[JsValue::NULL])
        })
    };
    Promise::new(&mut |resolve, _| {
        // without a channel there is nothing to wait for
        if ask(&resolve).is_err() {
            drop(resolve.call0(&JsValue::UNDEFINED));
        }
    })
}

/// Calls `work(index, chunk)` for each chunk of `chunk` elements of `data`; the last chunk may be
/// shorter. Natively it runs on all cores; in a browser, or without the network, in order.
pub fn for_each_chunk<T: Send>(
    data: &mut [T],
    chunk: usize,
    work: impl Fn(usize, &mut [T]) + Send + Sync,
) {
    let chunk = chunk.max(1);
    #[cfg(all(not(target_family = "wasm"), feature = "model"))]
    {
        use rayon::prelude::*;
        data.par_chunks_mut(chunk)
            .enumerate()
            .for_each(|(index, chunk)| work(index, chunk));
    }
    #[cfg(any(target_family = "wasm", not(feature = "model")))]
    data.chunks_mut(chunk)
        .enumerate()
        .for_each(|(index, chunk)| work(index, chunk));
}

/// Creates a vector of `len` values by calling `work(index, chunk)` for each chunk of `chunk`
/// values, as [`for_each_chunk`] does; `work` finds zeros. The thread that computes a chunk also
/// fills it with zeros, so that the chunk is in the cache of that core.
pub fn make_by_chunks(
    len: usize,
    chunk: usize,
    work: impl Fn(usize, &mut [f32]) + Send + Sync,
) -> Vec<f32> {
    let mut made = Vec::with_capacity(len);
    for_each_chunk(
        &mut made.spare_capacity_mut()[..len],
        chunk,
        |index, room| {
            room.fill(MaybeUninit::new(0.0));
            // SAFETY: every value of the chunk was just written.
            work(index, unsafe {
                &mut *(std::ptr::from_mut(room) as *mut [f32])
            });
        },
    );
    // SAFETY: the chunks cover all values.
    unsafe { made.set_len(len) };
    made
}

/// Runs both functions: natively in parallel if a core is free; in a browser, or without the
/// network, one after the other.
pub fn join(a: impl FnOnce() + Send, b: impl FnOnce() + Send) {
    #[cfg(all(not(target_family = "wasm"), feature = "model"))]
    rayon::join(a, b);
    #[cfg(any(target_family = "wasm", not(feature = "model")))]
    {
        a();
        b();
    }
}
