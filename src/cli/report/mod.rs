//! `daad report`: shows the records of runs as one page.

mod along;
mod chart;
mod compare;
mod examples;
mod page;
mod picture;
mod plots;
mod runs;
mod sections;
mod tables;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;

use daad::device::DeviceChoice;
use daad::file;

use super::common::output::note;
use super::common::progress::progress_bar;
use chart::Plot;
use examples::{Examples, Studio};
use page::Page;
use sections::RunPart;

#[derive(Debug, Args)]
pub(crate) struct ReportArgs {
    /// Model files with their records beside them, or folders that `daad sweep` wrote: these stand
    /// for their finished jobs
    #[arg(value_name = "RUN", required = true)]
    runs: Vec<PathBuf>,
    /// Where to write index.html, metrics.csv, and every plot and picture as a file
    #[arg(long, value_name = "DIR", default_value = "report")]
    out: PathBuf,
    /// How many examples of each kind to show
    #[arg(long, value_name = "COUNT", default_value_t = 4, value_parser = clap::value_parser!(u8).range(..=100))]
    examples: u8,
    /// Where to score them: auto (a real GPU, else the CPU), cpu, gpu, gpu:N; in a build with the
    /// feature cuda also cuda, cuda:N
    #[arg(long, default_value = "auto")]
    device: DeviceChoice,
}

pub(crate) fn run(args: &ReportArgs) -> anyhow::Result<ExitCode> {
    let found = runs::find(&args.runs)?;
    file::check_folder(&args.out)?;
    let count = usize::from(args.examples);
    let groups = compare::groups(&found.runs, count);
    let device = match count {
        0 => None,
        _ => Some(args.device.resolve()?),
    };
    let bar = progress_bar(found.runs.len(), "runs");
    let mut parts = Vec::new();
    for (index, run) in found.runs.iter().enumerate() {
        for gap in &run.gaps {
            bar.suspend(|| note(&format!("{}: {gap}", run.name)));
        }
        let folder = args.out.join(format!("run-{}", index + 1));
        let plots = plots::of(run);
        write_plots(&plots, &folder)?;
        let examples = match &device {
            Some(device) if !run.scores.is_empty() => {
                let group = groups.iter().find(|group| group.runs.contains(&index));
                let compared = group.map_or(&[][..], |group| &group.images);
                Studio::open(run, device, &folder)?.examples(run, count, compared)?
            }
            _ => Examples::default(),
        };
        parts.push(RunPart {
            run,
            plots,
            examples,
        });
        bar.inc(1);
    }
    bar.finish_and_clear();
    let compared = along::plots(&found.runs);
    write_plots(&compared, &args.out.join("compared"))?;
    tables::write_csv(&found.runs, &args.out.join("metrics.csv"))?;
    let page = Page {
        found: &found,
        parts: &parts,
        groups: &groups,
        compared: &compared,
    };
    let index = args.out.join("index.html");
    file::write(&index, page.to_html().as_bytes())?;
    note(&format!("Wrote {}.", index.display()));
    Ok(ExitCode::SUCCESS)
}

fn write_plots(plots: &[Plot], folder: &Path) -> anyhow::Result<()> {
    if plots.is_empty() {
        return Ok(());
    }
    std::fs::create_dir_all(folder)
        .with_context(|| format!("cannot write {}", folder.display()))?;
    for plot in plots {
        let path = folder.join(format!("{}.svg", plot.file));
        file::write(&path, plot.svg.as_bytes())?;
    }
    Ok(())
}
