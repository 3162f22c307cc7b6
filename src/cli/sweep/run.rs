//! Runs jobs as processes of this program, several at the same time.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use daad::device::DeviceChoice;
use daad::evaluate::Records;
use daad::train::RunLock;

use super::result::{self, JobResult};
use super::spec::Job;
use crate::cli::common::output::last_error;
use crate::cli::common::program::this_program;

/// The time between two checks whether a running job has ended.
const POLL: Duration = Duration::from_millis(50);

/// How long a job of an earlier sweep may take to stop.
const ORPHAN_PATIENCE: Duration = Duration::from_secs(60);

/// The properties that all jobs of a sweep share.
pub(crate) struct Runner<'a> {
    /// The folder of the sweep's data.
    pub(crate) data: &'a Path,
    /// The folder for all results.
    pub(crate) out: &'a Path,
    /// Additional arguments of `daad train`.
    pub(crate) arguments: &'a [String],
    /// The devices among which the jobs that run at the same time are distributed.
    pub(crate) devices: &'a [DeviceChoice],
    /// The number of jobs that run at the same time.
    pub(crate) side_by_side: usize,
}

/// The outcome of a job.
pub(crate) enum Outcome {
    Done(Box<JobResult>),
    Failed(anyhow::Error),
    Stopped,
}

impl Runner<'_> {
    /// Runs all `jobs` unless `stop` is set, and calls `on_end` whenever a job ends.
    pub(crate) fn run(
        &self,
        jobs: Vec<Job>,
        stop: &AtomicBool,
        on_end: impl Fn(&Job, Outcome) + Sync,
    ) {
        let queue = Mutex::new(VecDeque::from(jobs));
        let work = &|device: &DeviceChoice| {
            while !stop.load(Ordering::Relaxed) {
                let next = queue.lock().ok().and_then(|mut queue| queue.pop_front());
                let Some(job) = next else {
                    return;
                };
                let outcome = self.job(&job, device, stop).unwrap_or_else(Outcome::Failed);
                on_end(&job, outcome);
            }
        };
        thread::scope(|scope| {
            for device in self.workers() {
                scope.spawn(move || work(device));
            }
        });
    }

    /// The device of each worker. A worker runs one job after the other on its device.
    fn workers(&self) -> impl Iterator<Item = &DeviceChoice> {
        self.devices.iter().cycle().take(self.side_by_side)
    }

    fn job(&self, job: &Job, device: &DeviceChoice, stop: &AtomicBool) -> anyhow::Result<Outcome> {
        let started = Instant::now();
        let folder = result::folder(self.out, job);
        let written = |path: &Path| format!("cannot write {}", path.display());
        fs::create_dir_all(&folder).with_context(|| written(&folder))?;
        let settings = folder.join("settings.toml");
        fs::write(&settings, job.settings.to_toml()).with_context(|| written(&settings))?;
        let log = folder.join("log.txt");
        let model = folder.join("model.safetensors");
        // If an earlier sweep was killed, its process for this job may still be running and write a
        // checkpoint. Acquiring the lock waits for the end of that process.
        drop(RunLock::acquire(&model, ORPHAN_PATIENCE)?);
        let mut child = self
            .command(job, &folder, device)
            .stdout(Stdio::null())
            .stderr(File::create(&log).with_context(|| written(&log))?)
            .spawn()
            .context("cannot start a job")?;
        let status = wait(&mut child, stop)?;
        if !status.success() {
            if stop.load(Ordering::Relaxed) {
                return Ok(Outcome::Stopped);
            }
            let text = fs::read_to_string(&log).unwrap_or_default();
            let error = last_error(&text).map(str::to_owned);
            let reason = error.unwrap_or_else(|| format!("the job ended with {status}"));
            bail!("{reason} (all of it in {})", log.display());
        }
        let records = Records::beside(&model);
        if !records.evaluation.exists() {
            bail!("there are no test images to measure with");
        }
        let done = JobResult {
            job: job.index,
            name: job.name.clone(),
            labels: job.labels.clone(),
            settings: job.settings.clone(),
            seconds: started.elapsed().as_secs_f64(),
            data: result::name_of(self.data),
            model: model.display().to_string(),
            evaluation: records.read_evaluation()?,
        };
        result::write(self.out, job, &done)?;
        Ok(Outcome::Done(Box::new(done)))
    }

    fn command(&self, job: &Job, folder: &Path, device: &DeviceChoice) -> Command {
        let data = match &job.data {
            Some(inside) => self.data.join(inside),
            None => self.data.to_owned(),
        };
        let model = folder.join("model.safetensors");
        let mut command = this_program();
        command
            .arg("train")
            .arg("--data")
            .arg(data)
            .arg("--config")
            .arg(folder.join("settings.toml"))
            .arg("--out")
            .arg(&model)
            .arg("--device")
            .arg(device.to_string())
            .arg("--job")
            .args(self.arguments)
            .stdin(Stdio::piped());
        if let Some(category) = &job.category {
            command.arg("--category").arg(category);
        }
        let cores = thread::available_parallelism().map_or(1, usize::from);
        if self.side_by_side > 1 && std::env::var_os("RAYON_NUM_THREADS").is_none() {
            let share = (cores / self.side_by_side).max(1);
            command.env("RAYON_NUM_THREADS", share.to_string());
        }
        command
    }
}

/// Waits for the end of the job, and asks the job to stop when the sweep has to stop.
fn wait(child: &mut Child, stop: &AtomicBool) -> anyhow::Result<ExitStatus> {
    // The job stops when this end of the pipe is closed, also if this program is killed.
    let mut lifeline = child.stdin.take();
    loop {
        if let Some(status) = child.try_wait().context("cannot wait for a job")? {
            return Ok(status);
        }
        if stop.load(Ordering::Relaxed) {
            lifeline.take();
        }
        thread::sleep(POLL);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::sweep::spec::Spec;
    use daad::settings::Settings;

    #[test]
    fn jobs_that_run_side_by_side_are_spread_over_the_devices() {
        let spec = Spec::from_toml("[grid]\nseed = [0]").unwrap();
        let jobs = spec.jobs(&Settings::default(), |_| Ok(Vec::new())).unwrap();
        let devices = [DeviceChoice::Gpu(0), DeviceChoice::Gpu(1)];
        let runner = Runner {
            data: Path::new("data"),
            out: Path::new("out"),
            arguments: &[],
            devices: &devices,
            side_by_side: 3,
        };
        let started: Vec<String> = runner
            .workers()
            .map(|device| {
                let command = runner.command(&jobs[0], Path::new("job"), device);
                let words: Vec<_> = command.get_args().collect();
                let flag = words.iter().position(|&word| word == "--device").unwrap();
                words[flag + 1].to_string_lossy().into_owned()
            })
            .collect();
        assert_eq!(started, ["gpu:0", "gpu:1", "gpu:0"]);
    }
}
