//! `daad eval`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use daad::dataset::{Unreadable, load_ahead, readable};
use daad::error::shown;
use daad::evaluate::{Records, evaluate};
use daad::file;
use daad::settings::named;

use super::common::arguments::CommonArgs;
use super::common::files::{data_set, open};
use super::common::output::{self, note};
use super::common::progress::progress_bar;

#[derive(Debug, Args)]
pub(crate) struct EvalArgs {
    /// The model file
    #[arg(long, value_name = "FILE")]
    model: PathBuf,
    /// Folder with labelled test images, in any layout that `daad train` takes
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Measure these categories only (may be repeated)
    #[arg(long, value_name = "NAME")]
    category: Vec<String>,
    /// What to do about an image that cannot be read: fail, or skip it; either way it is named
    #[arg(long, value_name = "NAME", default_value = "fail", value_parser = named::<Unreadable>)]
    unreadable: Unreadable,
    /// Write every image's scores and the figures beside the model file: NAME.scores.csv,
    /// NAME.metrics.csv, NAME.evaluation.json
    #[arg(long)]
    record: bool,
    #[command(flatten)]
    common: CommonArgs,
}

pub(crate) fn run(args: &EvalArgs) -> anyhow::Result<ExitCode> {
    let detector = open(&args.model, &args.common.device)?;
    if args.record {
        file::check_writable(&Records::beside(&args.model).evaluation)?;
    }
    let split = data_set(&args.data, &args.category)?;
    if split.test.is_empty() {
        anyhow::bail!(
            "{} holds no labelled test images (as test/good and test/… in MVTec AD)",
            shown(&args.data)
        );
    }
    let config = &detector.card().config;
    let size = (config.width_px, config.height_px);
    let bar = progress_bar(split.test.len(), "images scored");
    let images = readable(load_ahead(split.test, size), args.unreadable, |error| {
        bar.suspend(|| note(&format!("{error}; passed over.")));
    });
    let evaluated = evaluate(&detector, images, |count| bar.inc(count as u64))?;
    bar.finish_and_clear();
    evaluated.notes.iter().for_each(|sentence| note(sentence));
    if args.record {
        let records = Records::beside(&args.model);
        records.write_evaluation(&evaluated)?;
        let [scores, figures] = [records.scores, records.evaluation].map(|path| shown(&path));
        note(&format!("Wrote {scores} and {figures}."));
    }
    output::evaluation(&evaluated.evaluation, args.common.json)?;
    Ok(ExitCode::SUCCESS)
}
