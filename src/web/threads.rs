//! Threads in a browser: workers that share the engine's memory, handed to rayon.
//!
//! The page starts the workers, for only it can; here they and rayon find each other.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use rayon::{ThreadBuilder, ThreadPoolBuilder};
use wasm_bindgen::prelude::*;

/// Threads that rayon has asked for and no worker has become yet.
static ASKED: Mutex<Vec<ThreadBuilder>> = Mutex::new(Vec::new());
static CHANGED: Condvar = Condvar::new();

/// Has rayon work on `count` threads. Blocks until as many workers have called [`run_thread`].
///
/// # Errors
///
/// Where it was called before.
#[wasm_bindgen(js_name = startThreads)]
pub fn start_threads(count: usize) -> Result<(), JsError> {
    let pool = ThreadPoolBuilder::new().num_threads(count);
    let pool = pool.spawn_handler(|thread| {
        asked().push(thread);
        CHANGED.notify_one();
        Ok(())
    });
    Ok(pool.build_global()?)
}

/// Becomes one of the threads, and stays it until the worker ends.
#[wasm_bindgen(js_name = runThread)]
pub fn run_thread() {
    let asked = CHANGED.wait_while(asked(), |asked| asked.is_empty());
    let thread = asked.unwrap_or_else(PoisonError::into_inner).pop();
    thread.expect("a thread was asked for").run();
}

fn asked() -> MutexGuard<'static, Vec<ThreadBuilder>> {
    ASKED.lock().unwrap_or_else(PoisonError::into_inner)
}
