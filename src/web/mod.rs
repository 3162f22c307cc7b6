//! The wasm-bindgen facade.
