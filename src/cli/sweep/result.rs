//! What a finished job leaves, and all of a sweep's together.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use serde::{Deserialize, Serialize};

use daad::evaluate::Evaluation;
use daad::file;
use daad::settings::Settings;
use daad::train::RunLock;

use super::spec::Job;

/// One JSON line.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct JobResult {
    /// As [`Job::index`], in the sweep that ran it.
    pub(crate) job: usize,
    /// As [`Job::name`].
    pub(crate) name: String,
    /// As [`Job::labels`].
    pub(crate) labels: BTreeMap<String, String>,
    /// As [`Job::settings`].
    pub(crate) settings: Settings,
    /// From start to end, pauses not counted; of the last start only where it was resumed.
    pub(crate) seconds: f64,
    /// The model's file.
    pub(crate) model: String,
    /// What the test set says of it.
    pub(crate) evaluation: Evaluation,
}

/// The two ways to scale scores, never mixed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// Minimum and maximum over the test set.
    Paper,
    /// Fixed beforehand.
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
    /// The mean over the categories that this job's model was tested on.
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

/// Jobs that end at the same moment write their results one after the other.
const PATIENCE: Duration = Duration::from_secs(60);

/// Where a job's files lie.
pub(crate) fn folder(out: &Path, job: &Job) -> PathBuf {
    out.join("jobs").join(job.identity())
}

/// What a job left when it was done; none before that.
pub(crate) fn read(out: &Path, job: &Job) -> anyhow::Result<Option<JobResult>> {
    let path = folder(out, job).join(RESULT);
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display()))?,
    };
    let result: JobResult = serde_json::from_str(&text)
        .with_context(|| format!("{} is not a job's result; delete it", path.display()))?;
    // The same run may have another place, and other words for it, in this sweep.
    Ok(Some(JobResult {
        job: job.index,
        name: job.name.clone(),
        labels: job.labels.clone(),
        ..result
    }))
}

/// Marks a job as done.
pub(crate) fn write(out: &Path, job: &Job, result: &JobResult) -> anyhow::Result<()> {
    let text = serde_json::to_string(result)?;
    file::write(&folder(out, job).join(RESULT), text.as_bytes())?;
    Ok(())
}

/// The results there are, in the jobs' order, and all of them as one file.
///
/// Each job has its own file and this one is made from them, so that several machines can run one
/// sweep.
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
