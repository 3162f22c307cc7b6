//! `daad eval`.

use std::path::Path;
use std::process::ExitCode;

use anyhow::Context;
use daad::Detector;
use daad::train::dataset::DataSet;
use daad::train::{DeviceChoice, Records, wait};

use super::args::EvalArgs;
use super::output::{self, note};
use super::train::evaluate_files;

pub(crate) fn run(args: &EvalArgs) -> anyhow::Result<ExitCode> {
    let detector = open(&args.model, &args.common.device)?;
    let split = DataSet::open(&args.data)?.select(&args.category)?;
    if split.test.is_empty() {
        anyhow::bail!(
            "{} holds no labelled test images (as test/good and test/… in MVTec AD)",
            args.data.display()
        );
    }
    let config = &detector.card().config;
    let size = (config.width_px, config.height_px);
    let evaluated = evaluate_files(&detector, split.test, size, args.unreadable)?;
    output::evaluation(&evaluated.evaluation, args.common.json)?;
    if args.record {
        let records = Records::beside(&args.model);
        records.write_evaluation(&evaluated)?;
        let [scores, figures] =
            [records.scores, records.evaluation].map(|path| path.display().to_string());
        note(&format!("Wrote {scores} and {figures}."));
    }
    Ok(ExitCode::SUCCESS)
}

/// Reads a model file onto the device asked for, and says which that is.
pub(crate) fn open(model: &Path, device: &DeviceChoice) -> anyhow::Result<Detector> {
    let path = model.display();
    let bytes = std::fs::read(model).with_context(|| format!("cannot read {path}"))?;
    let device = device.resolve()?;
    let detector =
        Detector::from_bytes(&bytes, &device.device).with_context(|| path.to_string())?;
    if device.is_to_be_checked {
        wait(detector.check_device())?;
    }
    note(&format!("Device: {device}."));
    Ok(detector)
}
