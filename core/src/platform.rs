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
    {
        use wasm_bindgen::JsCast as _;
        let promise = js_sys::Promise::new(&mut |resolve, _| {
            let timeout = js_sys::Reflect::get(&js_sys::global(), &"setTimeout".into())
                .ok()
                .and_then(|f| f.dyn_into::<js_sys::Function>().ok());
            match timeout {
                Some(timeout) => drop(timeout.call2(&js_sys::global(), &resolve, &0.into())),
                None => drop(resolve.call0(&wasm_bindgen::JsValue::UNDEFINED)),
            }
        });
        drop(wasm_bindgen_futures::JsFuture::from(promise).await);
    }
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
