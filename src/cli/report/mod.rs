//! `daad report`.

mod examples;
mod page;
mod plots;
mod run;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;

use daad::train::{DeviceChoice, metric_rows};

use super::output::note;
use examples::Examples;
use plots::Figure;
use run::Run;

/// Loss curves, ROC, score histograms, the best and the worst images, and what several runs say
/// side by side, as one HTML file and its figures.
#[derive(Debug, Args)]
pub(crate) struct ReportArgs {
    /// Model files with their records beside them, or folders that `daad sweep` wrote
    #[arg(value_name = "RUN", required = true)]
    runs: Vec<PathBuf>,
    /// Where to write report.html and the figures
    #[arg(long, value_name = "DIR", default_value = "report")]
    out: PathBuf,
    /// How many images of each kind to show
    #[arg(long, value_name = "COUNT", default_value_t = 4)]
    examples: usize,
    /// Where to rebuild them: auto (a real GPU, else the CPU), cpu, gpu, gpu:N, cuda, cuda:N,
    /// remote:HOST:PORT (see `daad device-server`)
    #[arg(long, default_value = "auto")]
    device: DeviceChoice,
}

/// What is shown of one run.
struct Section {
    run: Run,
    figures: Vec<Figure>,
    examples: Examples,
}

pub(crate) fn run(args: &ReportArgs) -> anyhow::Result<ExitCode> {
    let runs = run::open(&args.runs)?;
    let device = args.device.resolve()?;
    let figures_across = plots::across(&runs)?;
    let mut sections = Vec::new();
    // The same images for all runs, so that they can be compared.
    let chosen = examples::choose(&runs[0].scores, args.examples.div_ceil(2));
    for run in runs {
        let detector = run.detector(&device.device)?;
        let own = examples::choose(&run.scores, args.examples);
        sections.push(Section {
            figures: plots::of_run(&run)?,
            examples: Examples::rebuild(&detector, &own, &chosen)?,
            run,
        });
    }
    let out = &args.out;
    std::fs::create_dir_all(out).with_context(|| format!("cannot write {}", out.display()))?;
    for figure in &figures_across {
        write(
            &out.join(format!("{}.svg", figure.name)),
            figure.svg.as_bytes(),
        )?;
    }
    for (index, section) in sections.iter().enumerate() {
        for figure in &section.figures {
            let name = format!("{}-{}.svg", index + 1, figure.name);
            write(&out.join(name), figure.svg.as_bytes())?;
        }
        for shown in &section.examples.shown {
            for (what, png) in shown.pictures() {
                let name = format!("{}-{}-{what}.png", index + 1, shown.file_name);
                write(&out.join(name), png)?;
            }
        }
    }
    write(&out.join("metrics.csv"), &metrics(&sections)?)?;
    let page = out.join("report.html");
    write(&page, page::render(&sections, &figures_across).as_bytes())?;
    note(&format!("Wrote {}.", page.display()));
    Ok(ExitCode::SUCCESS)
}

fn write(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    std::fs::write(path, bytes).with_context(|| format!("cannot write {}", path.display()))
}

/// All runs' figures, a row each.
fn metrics(sections: &[Section]) -> anyhow::Result<Vec<u8>> {
    let mut csv = csv::Writer::from_writer(Vec::new());
    csv.write_record(["run", "category", "protocol", "metric", "value"])?;
    for Section { run, .. } in sections {
        for row in metric_rows(&run.evaluation) {
            csv.serialize((&run.name, row.category, row.protocol, row.metric, row.value))?;
        }
    }
    Ok(csv.into_inner()?)
}
