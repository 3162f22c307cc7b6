//! Threads in a browser, which are workers that share the engine's memory. Only JavaScript can
//! start them.

use wasm_bindgen::prelude::*;

use crate::kernel;

/// Runs one of the threads that share the work. It returns only when the worker ends.
#[wasm_bindgen(js_name = runThread)]
pub fn run_thread() {
    kernel::join();
}
