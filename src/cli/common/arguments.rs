//! Arguments that several commands take.

use std::path::Path;

use clap::Args;

use daad::device::DeviceChoice;
use daad::weights::Provenance;

use super::provenance::{command, commit};

#[derive(Debug, Args)]
#[command(next_help_heading = "Everywhere")]
pub(crate) struct CommonArgs {
    /// Where to compute: auto (a real GPU, else the CPU), cpu, gpu, gpu:N; in a build with the
    /// feature cuda also cuda, cuda:N
    #[arg(long, default_value = "auto")]
    pub(crate) device: DeviceChoice,
    /// Results as JSON lines on standard output, for machines
    #[arg(long)]
    pub(crate) json: bool,
}

/// The provenance that is written into the model file.
#[derive(Debug, Args)]
#[command(next_help_heading = "Provenance, written into the model file")]
pub(crate) struct ProvenanceArgs {
    /// The data's name [default: the folder's]
    #[arg(long, value_name = "TEXT")]
    pub(crate) data_name: Option<String>,
    /// The data's licence
    #[arg(long, value_name = "TEXT")]
    pub(crate) licence: Option<String>,
    /// Whom to credit for the data
    #[arg(long, value_name = "TEXT")]
    pub(crate) attribution: Option<String>,
}

impl ProvenanceArgs {
    /// The provenance of a model of the data in `folder`, made by this very command.
    pub(crate) fn of(self, folder: &Path) -> Provenance {
        let name = folder.file_name().unwrap_or_default().to_string_lossy();
        Provenance {
            data: self.data_name.unwrap_or(name.into_owned()),
            licence: self.licence.unwrap_or_default(),
            attribution: self.attribution.unwrap_or_default(),
            commit: commit(),
            command: command(),
            ..Provenance::default()
        }
    }
}

/// A share, at least 0 and below 1.
pub(crate) fn share(text: &str) -> Result<f64, String> {
    let share = text.parse().ok().filter(|share| (0.0..1.0).contains(share));
    share.ok_or_else(|| "expected a share, at least 0 and below 1".into())
}
