//! The few things that differ between a browser and a native process: the only `cfg(target_family)`
//! of the crate.

use std::mem::MaybeUninit;

/// A monotonic clock that works on both.
pub use web_time::Instant;

/// Runs what the linked crates registered to run before everything else. A wasm program calls this
/// once, first thing.
///
/// Without a call to it anywhere in the program the linker runs all of these constructors before
/// *every* call from JavaScript, and the compiler of GPU kernels registers some thousand operations
/// in them: each look at an object of the browser would cost milliseconds.
pub fn start() {
    #[cfg(target_family = "wasm")]
    {
        unsafe extern "C" {
            fn __wasm_call_ctors();
        }
        static ONCE: std::sync::Once = std::sync::Once::new();
        // SAFETY: the linker makes this function; it takes nothing, and it runs once.
        ONCE.call_once(|| unsafe { __wasm_call_ctors() });
    }
}

/// Lets the event loop of a browser run once, so that messages arrive between two pieces of work.
/// Returns at once natively.
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

/// Calls `work(index, chunk)` for each `chunk` elements of `data`, the last possibly fewer:
/// natively on all cores, in a browser, or without the network, in order.
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

/// So many values, made by `work(index, chunk)` for each `chunk` of them as [`for_each_chunk`] does
/// it; `work` finds zeros. Whoever makes a chunk also fills it with them, so that it is in that
/// core's cache.
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
    // SAFETY: the chunks are all of the values.
    unsafe { made.set_len(len) };
    made
}

/// Does both: natively side by side where a core is free, in a browser, or without the network, one
/// after the other.
pub fn join(a: impl FnOnce() + Send, b: impl FnOnce() + Send) {
    #[cfg(all(not(target_family = "wasm"), feature = "model"))]
    rayon::join(a, b);
    #[cfg(any(target_family = "wasm", not(feature = "model")))]
    {
        a();
        b();
    }
}
