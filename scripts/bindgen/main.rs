//! `bindgen MODULE FOLDER`: writes `daad.js` and `daad_bg.wasm`, an engine of the page.

use anyhow::{Context, Result};
use wasm_bindgen_cli_support::Bindgen;

fn main() -> Result<()> {
    let mut arguments = std::env::args_os().skip(1);
    let module = arguments.next().context("no module")?;
    let folder = arguments.next().context("no folder")?;
    Bindgen::new()
        .input_path(module)
        .out_name("daad")
        .web(true)?
        .omit_default_module_path(false)
        .typescript(false)
        .remove_name_section(true)
        .remove_producers_section(true)
        .generate(folder)
}
