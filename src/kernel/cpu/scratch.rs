//! Working memory that each thread keeps between calls, so that it is not allocated each time.

use std::cell::RefCell;

/// Buffers for the work on one row tile.
#[derive(Default)]
pub(super) struct Scratch {
    pub input: Vec<f32>,
    pub output: Vec<f32>,
    pub weights: Vec<f32>,
    pub lines: Vec<f32>,
}

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

/// Calls `work` with this thread's buffers.
pub(super) fn with_scratch<R>(work: impl FnOnce(&mut Scratch) -> R) -> R {
    SCRATCH.with_borrow_mut(work)
}

/// The first `length` values of `buffer`, which is enlarged if it is shorter.
pub(super) fn at_least(buffer: &mut Vec<f32>, length: usize) -> &mut [f32] {
    if buffer.len() < length {
        buffer.resize(length, 0.0);
    }
    &mut buffer[..length]
}
