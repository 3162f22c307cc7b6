//! Threads in a browser: workers that share the engine's memory. The page starts them, for only it
//! can.

use wasm_bindgen::prelude::*;

use crate::kernel;

/// Becomes one of the threads that share the work, and stays it until the worker ends.
#[wasm_bindgen(js_name = runThread)]
pub fn run_thread() {
    kernel::join();
}
