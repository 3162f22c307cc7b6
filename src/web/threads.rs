//! The threads of an engine in a browser. They are workers that share the engine's memory, and only
//! JavaScript can start them.

use std::sync::{Condvar, Mutex, PoisonError};

use rayon::{ThreadBuilder, ThreadPoolBuilder};
use wasm_bindgen::prelude::*;

use super::js_error;
use crate::error::Error;

/// The threads of the pool that no worker runs yet.
static WAITING: Mutex<Vec<ThreadBuilder>> = Mutex::new(Vec::new());
static ADDED: Condvar = Condvar::new();

/// Makes a pool of `count` threads, which share the work: the calling thread, and workers that call
/// [`run_thread`]. It returns when all of them are in the pool.
///
/// # Errors
///
/// If there is a pool already.
#[wasm_bindgen(js_name = startThreads)]
pub fn start_threads(count: usize) -> Result<(), JsValue> {
    let pool = ThreadPoolBuilder::new()
        .num_threads(count)
        .use_current_thread()
        .spawn_handler(|thread| {
            let mut waiting = WAITING.lock().unwrap_or_else(PoisonError::into_inner);
            waiting.push(thread);
            ADDED.notify_one();
            Ok(())
        });
    let result = pool.build_global();
    result.map_err(|error| js_error(Error::Device(error.to_string())))
}

/// Runs one of the threads of the pool. It returns only when the worker ends.
#[wasm_bindgen(js_name = runThread)]
pub fn run_thread() {
    let waiting = WAITING.lock().unwrap_or_else(PoisonError::into_inner);
    let added = ADDED.wait_while(waiting, |waiting| waiting.is_empty());
    let thread = added.unwrap_or_else(PoisonError::into_inner).pop();
    thread.expect("not empty").run();
}
