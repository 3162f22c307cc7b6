//! `daad doctor`.

mod child;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Args;
use comfy_table::{Table, presets};
use pollster::block_on;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use daad::device::{AdapterLimits, DeviceChoice, adapters};
use daad::error::caught;
use daad::learn::{Deviations, compare_with_cpu};

use super::common::output::{line, note};
use super::common::program::this_program;

/// Lists the devices that this program can compute on, and compares each with the CPU: forward
/// pass, gradients and training steps of a tiny network.
#[derive(Debug, Args)]
pub(crate) struct DoctorArgs {
    /// Check these devices only (repeatable): cpu, gpu:N; in a build with the feature
    /// cuda also cuda:N
    #[arg(long)]
    device: Vec<DeviceChoice>,
    /// The maximum time for a device; the first time, its driver compiles all kernels
    #[arg(long, value_name = "SECONDS", default_value_t = 300, value_parser = clap::value_parser!(u16).range(1..))]
    time_limit: u16,
    /// A JSON line for each device
    #[arg(long)]
    json: bool,
    /// Check in this process; if no device is named, print the number of GPUs
    #[arg(long, hide = true)]
    here: bool,
}

#[derive(Serialize, Deserialize)]
struct Finding {
    device: String,
    name: String,
    limits: Option<AdapterLimits>,
    #[serde(flatten)]
    deviations: Option<Deviations>,
    seconds: f64,
    /// The reason why the device is not suitable for training; None if it is suitable.
    complaint: Option<String>,
}

impl Finding {
    fn complaint(device: &str, complaint: String, seconds: f64) -> Self {
        Self {
            device: device.to_owned(),
            name: String::new(),
            limits: None,
            deviations: None,
            seconds,
            complaint: Some(complaint),
        }
    }
}

pub(crate) fn run(args: &DoctorArgs) -> anyhow::Result<ExitCode> {
    if args.here {
        if args.device.is_empty() {
            line(&adapters().len().to_string())?;
        }
        for choice in &args.device {
            line(&serde_json::to_string(&look_here(choice)?)?)?;
        }
        return Ok(ExitCode::SUCCESS);
    }
    let limit = Duration::from_secs(args.time_limit.into());
    let mut choices = args.device.clone();
    let mut unknown = None;
    if choices.is_empty() {
        choices.push(DeviceChoice::Cpu);
        match count_gpus(limit)? {
            Ok(count) => choices.extend((0..count).map(DeviceChoice::Gpu)),
            Err(reason) => unknown = Some(Finding::complaint("gpu", reason, 0.0)),
        }
    }
    let mut findings = Vec::new();
    let looked = choices.iter().map(|choice| {
        note(&format!("Looking at {choice} …"));
        look_at(choice, limit)
    });
    for finding in looked.chain(unknown.map(Ok)) {
        let finding = finding?;
        if args.json {
            line(&serde_json::to_string(&finding)?)?;
        }
        findings.push(finding);
    }
    if !args.json {
        line(&table(&findings))?;
    }
    Ok(
        match findings.iter().all(|finding| finding.complaint.is_none()) || args.device.is_empty() {
            true => ExitCode::SUCCESS,
            false => ExitCode::FAILURE,
        },
    )
}

/// Checks one device in its own process.
fn look_at(choice: &DeviceChoice, limit: Duration) -> anyhow::Result<Finding> {
    let started = Instant::now();
    let device = choice.to_string();
    let found = elsewhere(&["--device", &device], limit)?;
    Ok(found.unwrap_or_else(|complaint| {
        Finding::complaint(&device, complaint, started.elapsed().as_secs_f64())
    }))
}

/// The number of GPUs, or the reason why it is unknown. This runs in its own process, because the
/// search for GPUs loads all drivers.
fn count_gpus(limit: Duration) -> anyhow::Result<Result<usize, String>> {
    let count = elsewhere(&[], limit)?;
    Ok(count.map_err(|reason| format!("where GPUs are looked for, {reason}")))
}

/// Runs this program in its own process and returns what it prints, or how it failed.
fn elsewhere<T: DeserializeOwned>(
    arguments: &[&str],
    limit: Duration,
) -> anyhow::Result<Result<T, String>> {
    let mut command = this_program();
    command.args(["doctor", "--here"]).args(arguments);
    let printed = child::output(&mut command, limit);
    Ok(printed.and_then(|printed| {
        let found = serde_json::from_str(&printed);
        found.map_err(|_| format!("it says what cannot be understood: {}", printed.trim()))
    }))
}

fn look_here(choice: &DeviceChoice) -> anyhow::Result<Finding> {
    let started = Instant::now();
    let device = choice.resolve()?;
    let limits = match choice {
        DeviceChoice::Gpu(index) => adapters().get(*index),
        _ => None,
    };
    // If a driver refuses a kernel, its library panics; this is also a result of the check.
    let compared = caught(|| block_on(compare_with_cpu(&device.device, true)));
    let (deviations, complaint) = match compared {
        Ok(Ok(deviations)) => {
            let complaint = deviations.complaint();
            (Some(deviations), complaint)
        }
        Ok(Err(error)) => (None, Some(error.to_string())),
        Err(said) => {
            let said = said.lines().next().unwrap_or_default();
            (None, Some(format!("it fails while computing: {said}")))
        }
    };
    Ok(Finding {
        device: choice.to_string(),
        name: device.name,
        limits: limits.map(|adapter| adapter.limits.clone()),
        deviations,
        seconds: started.elapsed().as_secs_f64(),
        complaint,
    })
}

fn table(findings: &[Finding]) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header([
        "--device",
        "what it is",
        "forward",
        "gradients",
        "2 steps",
        "verdict",
    ]);
    for finding in findings {
        let deviation = |of: fn(&Deviations) -> f32| {
            let deviations = finding.deviations.as_ref();
            deviations.map_or("–".to_owned(), |deviations| {
                format!("{:.1e}", of(deviations))
            })
        };
        table.add_row([
            finding.device.clone(),
            describe(finding),
            deviation(|it| it.forward),
            deviation(|it| it.gradients),
            deviation(|it| it.step),
            match &finding.complaint {
                None => format!("fit to train on ({:.1} s)", finding.seconds),
                Some(complaint) => format!("not fit: {complaint}"),
            },
        ]);
    }
    table.trim_fmt()
}

fn describe(finding: &Finding) -> String {
    let Some(limits) = &finding.limits else {
        return finding.name.clone();
    };
    let mib = |bytes: u64| format!("{} MiB", bytes >> 20);
    let has = |has: bool, what: &str| {
        if has {
            format!(", {what}")
        } else {
            String::new()
        }
    };
    format!(
        "{}\n{}, {}\nbuffers to {}, tensors to {}\n{} threads a workgroup{}{}",
        finding.name,
        limits.interface,
        limits.driver,
        mib(limits.max_buffer_bytes),
        mib(limits.max_binding_bytes),
        limits.max_workgroup_threads,
        has(limits.half_precision, "f16"),
        has(limits.subgroups, "subgroups")
    )
}
