//! The results of finished jobs, one file per job and one file for the whole sweep.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use serde::{Deserialize, Serialize};

use daad::evaluate::Evaluation;
use daad::file;
use daad::settings::Settings;
use daad::train::RunLock;

use super::spec::Job;

/// The result of a job, written as one JSON line.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct JobResult {
    /// See [`Job::index`]; the index in the sweep that ran the job.
    pub(crate) job: usize,
    /// See [`Job::name`].
    pub(crate) name: String,
    /// See [`Job::labels`].
    pub(crate) labels: BTreeMap<String, String>,
    /// See [`Job::settings`].
    pub(crate) settings: Settings,
    /// The running time of the job, without pauses. If the job was resumed, only the time since the
    /// last start.
    pub(crate) seconds: f64,
    /// The name of the folder of the sweep's data.
    #[serde(default)]
    pub(crate) data: String,
    /// The path of the model file.
    pub(crate) model: String,
    /// The figures of the model on the test set.
    pub(crate) evaluation: Evaluation,
}

/// The two protocols for scaling scores, which are never mixed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// Scaling by minimum and maximum over the test set.
    Paper,
    /// Scaling fixed in advance on held-out normal images.
    Deployed,
}

impl Protocol {
    pub(crate) const ALL: [Self; 2] = [Self::Paper, Self::Deployed];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Paper => "paper",
            Self::Deployed => "deployed",
        }
    }
}

impl JobResult {
    /// The image AUROC, as the mean over the categories on which this job's model was tested.
    pub(crate) fn auroc(&self, protocol: Protocol) -> Option<f64> {
        let mean = &self.evaluation.mean;
        match protocol {
            Protocol::Paper => mean.paper.auroc,
            Protocol::Deployed => mean.deployed.auroc,
        }
    }
}

const RESULT: &str = "result.json";
const RESULTS: &str = "results.jsonl";

/// How long to wait while another job, which ended at the same time, writes its result.
const PATIENCE: Duration = Duration::from_secs(60);

/// The folder of a job's files.
pub(crate) fn folder(out: &Path, job: &Job) -> PathBuf {
    out.join("jobs").join(job.identity())
}

/// The result of a job; None if the job is not done.
pub(crate) fn read(out: &Path, job: &Job) -> anyhow::Result<Option<JobResult>> {
    // The result may come from another sweep, in which the same run has another index, name and
    // labels.
    Ok(at(&folder(out, job))?.map(|result| JobResult {
        job: job.index,
        name: job.name.clone(),
        labels: job.labels.clone(),
        ..result
    }))
}

/// The result in the folder of a job, as the sweep that ran the job wrote it; None if the job is
/// not done.
pub(crate) fn at(folder: &Path) -> anyhow::Result<Option<JobResult>> {
    let path = folder.join(RESULT);
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display()))?,
    };
    let result = serde_json::from_str(&text)
        .with_context(|| format!("{} is not a job's result; delete it", path.display()))?;
    Ok(Some(result))
}

/// The name of a folder, also of `.` and of a link.
pub(crate) fn name_of(folder: &Path) -> String {
    let whole = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
    let name = whole.file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

/// Marks a job as done.
pub(crate) fn write(out: &Path, job: &Job, result: &JobResult) -> anyhow::Result<()> {
    let text = serde_json::to_string(result)?;
    file::write(&folder(out, job).join(RESULT), text.as_bytes())?;
    Ok(())
}

/// Reads the available results, in the order of the jobs, and writes all of them into one file.
///
/// That file is made from the jobs' own files, so that several machines can run one sweep together.
pub(crate) fn collect(out: &Path, jobs: &[Job]) -> anyhow::Result<Vec<JobResult>> {
    let path = out.join(RESULTS);
    let _lock = RunLock::acquire(&path, PATIENCE)?;
    let results = jobs.iter().map(|job| read(out, job));
    let results: Vec<JobResult> = results
        .filter_map(Result::transpose)
        .collect::<Result<_, _>>()?;
    let mut lines = String::new();
    for result in &results {
        lines += &serde_json::to_string(result)?;
        lines.push('\n');
    }
    file::write(&path, lines.as_bytes())?;
    Ok(results)
}
