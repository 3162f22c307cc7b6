//! `daad sweep`.

mod preset;
pub(crate) mod result;
mod run;
mod spec;
mod table;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::Ordering;

use anyhow::{Context, ensure};
use clap::Args;
use serde::Serialize;
use toml::Value;

use daad::dataset::DataSet;
use daad::device::DeviceChoice;
use daad::file;
use daad::settings::Settings;

use super::common::arguments::ProvenanceArgs;
use super::common::files::read_text;
use super::common::interrupt::{INTERRUPTED, stop_on_ctrl_c};
use super::common::output::{line, note};
use super::common::progress::progress_bar;
use super::common::table::figure;
use result::{JobResult, Protocol, collect};
use run::{Outcome, Runner};
use spec::{Job, Spec};
use table::{CSV_HEADER, Table};

/// A sweep trains and measures a model for every combination of settings, and shows all of them in
/// a table beside the paper's numbers.
///
/// A sweep can be stopped and started again at any moment: it keeps finished jobs and resumes
/// unfinished ones. The settings below apply to every job; a sweep's file has further settings.
#[derive(Debug, Args)]
#[command(allow_negative_numbers = true)]
pub(crate) struct SweepArgs {
    /// A table of the paper (see --presets), or a TOML file; not needed with --vary
    #[arg(value_name = "SWEEP", required_unless_present_any = ["presets", "vary"])]
    sweep: Option<String>,
    /// Folder of images as `daad train` takes it; a folder of several data sets for table2 and
    /// table6-video
    #[arg(long, value_name = "DIR", required_unless_present_any = ["presets", "print"])]
    data: Option<PathBuf>,
    /// Where to put models and results
    #[arg(long, value_name = "DIR", default_value = "sweep")]
    out: PathBuf,
    /// One more axis, or other values on one: any setting, `seed`, or `category` (repeatable)
    #[arg(long, value_name = "KEY=VALUE,…", value_parser = axis)]
    vary: Vec<Axis>,
    /// Only these of the sweep's variants (repeatable)
    #[arg(long, value_name = "NAME")]
    variant: Vec<String>,
    /// Where the jobs compute, as in `daad train`; jobs that run side by side are spread over
    /// several devices, each on one
    #[arg(
        long,
        value_name = "DEVICE,…",
        default_value = "auto",
        value_delimiter = ','
    )]
    device: Vec<DeviceChoice>,
    /// How many jobs run side by side [default: one a device]; the cores are shared out
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u16).range(1..))]
    jobs: Option<u16>,
    /// A JSON line for each finished job on standard output
    #[arg(long)]
    json: bool,
    /// Show the tables of the paper that there are
    #[arg(long)]
    presets: bool,
    /// Print the sweep's file, to change a copy of it
    #[arg(
        long,
        requires = "sweep",
        conflicts_with_all = ["presets", "vary", "variant", "list", "only", "table"]
    )]
    print: bool,
    /// List all jobs, a JSON line each, and run none
    #[arg(long)]
    list: bool,
    /// Run this job of the list only: for a cluster's job arrays
    #[arg(long, value_name = "INDEX", conflicts_with = "list")]
    only: Option<usize>,
    /// Show the table of what is done, and run none
    #[arg(long, conflicts_with_all = ["list", "only"])]
    table: bool,
    #[command(flatten)]
    settings: Settings,
    #[command(flatten)]
    provenance: ProvenanceArgs,
}

type Axis = (String, Vec<Value>);

pub(crate) fn run(args: &SweepArgs) -> anyhow::Result<ExitCode> {
    if args.presets {
        line(&preset::list())?;
        return Ok(ExitCode::SUCCESS);
    }
    let text = args.sweep.as_deref().map(read).transpose()?;
    if args.print {
        anyhow::ensure!(
            args.settings.keys().is_empty(),
            "--print prints the file as it is; write {} into your copy of it",
            args.settings.keys().join(", ")
        );
        line(text.as_deref().unwrap_or_default().trim_end())?;
        return Ok(ExitCode::SUCCESS);
    }
    let data = args.data.as_deref().context("--data is missing")?;
    let (spec, jobs) = plan(args, text.as_deref(), data)?;
    if args.list {
        for job in &jobs {
            list(args, job)?;
        }
        return Ok(ExitCode::SUCCESS);
    }
    std::fs::create_dir_all(&args.out)
        .with_context(|| format!("cannot write {}", args.out.display()))?;
    let (code, printed) = match args.table {
        true => (ExitCode::SUCCESS, Ok(())),
        false => {
            check_data(args, data, &jobs)?;
            run_jobs(args, data, &jobs)?
        }
    };
    let results = collect(&args.out, &jobs)?;
    if args.only.is_none() {
        show(args, &spec, &jobs, &results)?;
    }
    printed.map(|()| code)
}

/// Checks that the finished jobs in `--out` were trained on this data.
fn check_data(args: &SweepArgs, data: &Path, jobs: &[Job]) -> anyhow::Result<()> {
    let here = result::name_of(data);
    for job in jobs {
        let done = result::read(&args.out, job)?;
        let Some(other) = done
            .map(|result| result.data)
            .filter(|name| !name.is_empty())
        else {
            continue;
        };
        anyhow::ensure!(
            other == here,
            "{} holds results of data called {other}, not {here}; choose another --out, or give the \
             data its earlier name",
            args.out.display()
        );
    }
    Ok(())
}

/// The text of a preset or of a sweep's file.
fn read(sweep: &str) -> anyhow::Result<String> {
    if let Some(text) = preset::find(sweep) {
        return Ok(text.to_owned());
    }
    read_text(Path::new(sweep))
        .with_context(|| format!("{sweep} is no preset (see --presets), and cannot be read"))
}

fn plan(args: &SweepArgs, text: Option<&str>, data: &Path) -> anyhow::Result<(Spec, Vec<Job>)> {
    let mut spec = match text {
        Some(text) => {
            Spec::from_toml(text).with_context(|| args.sweep.clone().unwrap_or_default())?
        }
        None => Spec::default(),
    };
    for (index, (axis, values)) in args.vary.iter().enumerate() {
        ensure!(
            !args.vary[..index]
                .iter()
                .any(|(earlier, _)| earlier == axis),
            "--vary names {axis} twice: write all its values after one --vary {axis}="
        );
        spec.vary(axis, values.clone());
    }
    spec.keep_variants(&args.variant)?;
    let categories = |inside: Option<&str>| {
        let root = inside.map_or(data.to_owned(), |inside| data.join(inside));
        Ok(DataSet::open(&root)?.categories())
    };
    args.settings.check_numbers()?;
    let jobs = spec.jobs(&args.settings, categories)?;
    Ok((spec, jobs))
}

/// Prints a job for `--list`.
fn list(args: &SweepArgs, job: &Job) -> anyhow::Result<()> {
    #[derive(Serialize)]
    struct Line<'a> {
        job: usize,
        name: &'a str,
        data: Option<&'a str>,
        category: Option<&'a str>,
        settings: &'a Settings,
        done: bool,
    }
    line(&serde_json::to_string(&Line {
        job: job.index,
        name: &job.name,
        data: job.data.as_deref(),
        category: job.category.as_deref(),
        settings: &job.settings,
        done: result::read(&args.out, job)?.is_some(),
    })?)
}

/// Runs the jobs that are not done yet. Also returns the last error of printing, which does not stop
/// the sweep.
fn run_jobs(
    args: &SweepArgs,
    data: &Path,
    jobs: &[Job],
) -> anyhow::Result<(ExitCode, anyhow::Result<()>)> {
    let chosen: Vec<&Job> = match args.only {
        None => jobs.iter().collect(),
        Some(index) => {
            let job = index.checked_sub(1).and_then(|index| jobs.get(index));
            let count = jobs.len();
            vec![job.with_context(|| format!("there is no job {index}; there are 1 to {count}"))?]
        }
    };
    let mut left = Vec::new();
    for job in &chosen {
        if result::read(&args.out, job)?.is_none() {
            left.push((*job).clone());
        }
    }
    let count = left.len();
    note(&format!(
        "{} of {} jobs are done.",
        chosen.len() - count,
        chosen.len()
    ));
    let arguments = arguments(args);
    let runner = Runner {
        data,
        out: &args.out,
        arguments: &arguments,
        devices: &args.device,
        side_by_side: side_by_side(args)?,
    };
    let stop = stop_on_ctrl_c("\nStopping the jobs under way; Ctrl-C again stops at once.")?;
    let bar = progress_bar(count, "jobs");
    let failed = Mutex::new(0usize);
    // A job has not failed because nobody reads the output any more.
    let printed = Mutex::new(Ok(()));
    runner.run(left, &stop, |job, outcome| {
        bar.inc(1);
        let collected = match outcome {
            Outcome::Done(result) => collect(&args.out, jobs).map(|_| {
                if let (Err(error), Ok(mut printed)) = (finished(args, &result), printed.lock()) {
                    *printed = Err(error);
                }
            }),
            Outcome::Failed(error) => Err(error),
            Outcome::Stopped => return,
        };
        if let Err(error) = collected {
            bar.suspend(|| note(&format!("{}: {error:#}", job.name)));
            if let Ok(mut failed) = failed.lock() {
                *failed += 1;
            }
        }
    });
    bar.finish_and_clear();
    let printed = printed.into_inner().unwrap_or(Ok(()));
    if stop.load(Ordering::Relaxed) {
        note("Stopped. The same command goes on from here.");
        return Ok((ExitCode::from(INTERRUPTED), printed));
    }
    let code = match failed.into_inner().unwrap_or_default() {
        0 => ExitCode::SUCCESS,
        failed => {
            note(&format!(
                "{failed} of {count} jobs failed; the same command tries them again."
            ));
            ExitCode::FAILURE
        }
    };
    Ok((code, printed))
}

/// The number of jobs that run at the same time. This fails if a device is missing or would get no
/// job.
fn side_by_side(args: &SweepArgs) -> anyhow::Result<usize> {
    let devices = args.device.len();
    let side_by_side = args.jobs.map_or(devices, usize::from);
    anyhow::ensure!(
        devices <= side_by_side,
        "--jobs {side_by_side} leaves some of the {devices} devices idle; raise it or list fewer"
    );
    // On a missing device all of its jobs would fail, one after the other, so this is checked
    // first.
    for device in &args.device {
        device.resolve()?;
    }
    Ok(side_by_side)
}

/// Prints a finished job's result.
fn finished(args: &SweepArgs, result: &JobResult) -> anyhow::Result<()> {
    if args.json {
        return line(&serde_json::to_string(result)?);
    }
    note(&format!(
        "{}: AUROC {} (paper protocol), {} (deployed), {:.0} s",
        result.name,
        figure(result.auroc(Protocol::Paper)),
        figure(result.auroc(Protocol::Deployed)),
        result.seconds
    ));
    Ok(())
}

/// The arguments of all jobs in addition to their settings.
fn arguments(args: &SweepArgs) -> Vec<String> {
    let origin = &args.provenance;
    let mut arguments = Vec::new();
    let facts = [
        ("--data-name", &origin.data_name),
        ("--licence", &origin.licence),
        ("--attribution", &origin.attribution),
    ];
    for (flag, fact) in facts {
        if let Some(fact) = fact {
            arguments.extend([flag.to_owned(), fact.clone()]);
        }
    }
    arguments
}

/// Prints the tables, one per protocol, and writes them beside the results.
fn show(args: &SweepArgs, spec: &Spec, jobs: &[Job], results: &[JobResult]) -> anyhow::Result<()> {
    let mut csv = csv::Writer::from_writer(Vec::new());
    csv.write_record(CSV_HEADER)?;
    let mut text = String::new();
    for protocol in Protocol::ALL {
        let table = Table::new(spec, jobs, results, protocol);
        text += &table.to_markdown();
        text.push('\n');
        table.write_csv(&mut csv)?;
    }
    file::write(&args.out.join("table.md"), text.as_bytes())?;
    file::write(&args.out.join("table.csv"), &csv.into_inner()?)?;
    if args.json {
        return Ok(());
    }
    line(text.trim_end())
}

/// Parses `KEY=V1,V2`. Each value is written as in a TOML file; if it is not valid TOML, it is a
/// text.
fn axis(text: &str) -> Result<Axis, String> {
    let wrong = || "expected KEY=VALUE,VALUE,…".to_owned();
    let (key, values) = text.split_once('=').ok_or_else(wrong)?;
    if key.is_empty() || values.split(',').any(str::is_empty) {
        return Err(wrong());
    }
    let value = |text: &str| {
        let table = format!("value = {text}").parse::<toml::Table>();
        let value = table.ok().and_then(|mut table| table.remove("value"));
        value.unwrap_or_else(|| Value::String(text.to_owned()))
    };
    Ok((key.to_owned(), values.split(',').map(value).collect()))
}
