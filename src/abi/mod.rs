//! The C interface of `daad.wasm`, for programs that run WebAssembly outside a browser. `daad.h`
//! beside this file describes it for its callers.
//!
//! The module imports nothing, so any host can run it. It never dereferences an address that the
//! host passes, but looks it up among the addresses that `Session` returned. Therefore a wrong
//! address, length or handle is an error, and this module has no unsafe operation.
#![expect(
    unsafe_code,
    reason = "a function is exported under a name of its own; two with one name would not link"
)]

mod session;

use std::cell::RefCell;

pub use session::DaadResult;
use session::Session;

thread_local! {
    static SESSION: RefCell<Session> = RefCell::default();
}

/// Allocates `len` bytes for a model or an image; null if there is not enough memory.
#[unsafe(no_mangle)]
pub extern "C" fn daad_alloc(len: usize) -> *mut u8 {
    answer(|session| session.allocate(len))
}

/// Frees what [`daad_alloc`] returned; any other address is ignored.
#[unsafe(no_mangle)]
pub extern "C" fn daad_free(buffer: *mut u8) {
    SESSION.with_borrow_mut(|session| session.free(buffer.addr()));
}

/// Reads a model file from the first `len` bytes of a buffer; returns a handle, or 0 for an error.
/// The buffer may be freed afterwards.
#[unsafe(no_mangle)]
pub extern "C" fn daad_load(buffer: *const u8, len: usize) -> u32 {
    answer(|session| session.load(buffer.addr(), len))
}

/// Frees a model; an unknown handle is ignored. Its results remain valid.
#[unsafe(no_mangle)]
pub extern "C" fn daad_close(handle: u32) {
    SESSION.with_borrow_mut(|session| session.close(handle));
}

/// Scores the image file in the first `len` bytes of a buffer; null for an error.
#[unsafe(no_mangle)]
pub extern "C" fn daad_detect(handle: u32, buffer: *const u8, len: usize) -> *const DaadResult {
    answer(|session| session.detect(handle, buffer.addr(), len))
}

/// Scores `width`·`height` RGBA pixels, row by row, in a buffer; null for an error. Transparent
/// pixels are drawn on white.
#[unsafe(no_mangle)]
pub extern "C" fn daad_detect_pixels(
    handle: u32,
    buffer: *const u8,
    width: u32,
    height: u32,
) -> *const DaadResult {
    answer(|session| session.detect_pixels(handle, buffer.addr(), width, height))
}

/// Frees a result; any other address is ignored.
#[unsafe(no_mangle)]
pub extern "C" fn daad_result_free(result: *const DaadResult) {
    SESSION.with_borrow_mut(|session| session.free_result(result.addr()));
}

/// The message of the last error, in UTF-8. It is valid until another call fails.
#[unsafe(no_mangle)]
pub extern "C" fn daad_error() -> *const u8 {
    SESSION.with_borrow(|session| session.error.as_ptr())
}

/// The length of the message of the last error, in bytes.
#[unsafe(no_mangle)]
pub extern "C" fn daad_error_len() -> usize {
    SESSION.with_borrow(|session| session.error.len())
}

/// The result of `work`. If `work` fails, stores the error's message and returns 0 or null.
fn answer<T: Default>(work: impl FnOnce(&mut Session) -> Result<T, String>) -> T {
    SESSION.with_borrow_mut(|session| {
        work(session).unwrap_or_else(|error| {
            session.error = error;
            T::default()
        })
    })
}
