//! `daad export`.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, ensure};
use clap::Args;

use daad::error::shown;
use daad::exchange::to_onnx;
use daad::file;

use super::common::files::{check_new, is_same_file, read};
use super::common::output::note;

#[derive(Debug, Args)]
pub(crate) struct ExportArgs {
    /// The model file
    #[arg(long, value_name = "FILE")]
    model: PathBuf,
    /// The ONNX file to write
    #[arg(long, value_name = "FILE")]
    onnx: PathBuf,
    /// Replace an ONNX file that is there
    #[arg(long)]
    overwrite: bool,
}

pub(crate) fn run(args: &ExportArgs) -> anyhow::Result<ExitCode> {
    ensure!(
        !is_same_file(&args.model, &args.onnx),
        "--onnx names the model file itself: choose another name"
    );
    check_new(&args.onnx, args.overwrite)?;
    file::check_writable(&args.onnx)?;
    let onnx = to_onnx(&read(&args.model)?).with_context(|| shown(&args.model))?;
    file::write(&args.onnx, &onnx)?;
    let size = onnx.len() as f64 / 1e6;
    note(&format!("Wrote {} ({size:.1} MB).", shown(&args.onnx)));
    Ok(ExitCode::SUCCESS)
}
