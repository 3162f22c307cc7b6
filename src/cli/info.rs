//! `daad info`.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, ensure};
use clap::Args;
use serde::Deserialize;

use daad::error::{printable, shown};
use daad::learn::TrainConfig;
use daad::weights::ModelCard;

use super::common::files::read_model;
use super::common::output::{line, network, settings_of};

#[derive(Debug, Args)]
pub(crate) struct InfoArgs {
    /// The model file
    #[arg(value_name = "FILE")]
    model: PathBuf,
    /// Its whole card as one JSON line
    #[arg(long, conflicts_with = "settings")]
    json: bool,
    /// The settings alone, a file for `daad train --config`
    #[arg(long)]
    settings: bool,
}

pub(crate) fn run(args: &InfoArgs) -> anyhow::Result<ExitCode> {
    let (_, card) = read_model(&args.model)?;
    if args.json {
        line(&serde_json::to_string(&card)?)?;
    } else if args.settings {
        let text = settings(&card)?;
        ensure!(
            !text.is_empty(),
            "{}: no settings of daad train describe it",
            shown(&args.model)
        );
        line(text.trim_end())?;
    } else {
        summary(&card)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn settings(card: &ModelCard) -> anyhow::Result<String> {
    let config = TrainConfig::deserialize(&card.provenance.config).context("its settings")?;
    Ok(settings_of(&config))
}

fn summary(card: &ModelCard) -> anyhow::Result<()> {
    let (config, calibration, origin) = (&card.config, &card.calibration, &card.provenance);
    line(&network(config))?;
    line(&format!(
        "threshold {:.4}, {}",
        calibration.threshold,
        calibration.rate_in_words()
    ))?;
    line(&match origin.trained_on {
        0 => "weights imported from another program".to_owned(),
        images => format!(
            "trained {} epochs on {images} images, on {}",
            origin.epochs, origin.device
        ),
    })?;
    let facts = [
        ("data", &origin.data),
        ("licence", &origin.licence),
        ("attribution", &origin.attribution),
        ("commit", &origin.commit),
        ("command", &origin.command),
    ];
    for (name, fact) in facts.into_iter().filter(|(_, fact)| !fact.is_empty()) {
        line(&format!("{name}: {}", printable(fact)))?;
    }
    line(&format!("\n{}", settings(card)?.trim_end()))
}
