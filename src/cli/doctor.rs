//! `daad doctor`.

use std::panic::{self, AssertUnwindSafe};
use std::process::ExitCode;
use std::time::Instant;

use clap::Args;
use comfy_table::{Table, presets};
use serde::Serialize;

use daad::train::{
    AdapterLimits, Deviations, DeviceChoice, NamedDevice, adapters, compare_with_cpu,
};

use super::output::{line, note};

/// Lists the devices that this program can compute on, and compares each with the CPU: forward
/// pass, gradients and training steps of a tiny network.
#[derive(Debug, Args)]
pub(crate) struct DoctorArgs {
    /// Look at these only (repeatable): cpu, gpu:N, cuda:N, remote:HOST:PORT
    #[arg(long)]
    pub(crate) device: Vec<DeviceChoice>,
    /// A JSON line for each device
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Finding {
    device: String,
    name: String,
    limits: Option<AdapterLimits>,
    #[serde(flatten)]
    deviations: Option<Deviations>,
    seconds: f64,
    /// Why it is not fit to train on.
    complaint: Option<String>,
}

pub(crate) fn run(args: &DoctorArgs) -> anyhow::Result<ExitCode> {
    let found = adapters();
    let choices = match args.device.is_empty() {
        true => {
            let gpus = (0..found.len()).map(DeviceChoice::Gpu);
            [DeviceChoice::Cpu].into_iter().chain(gpus).collect()
        }
        false => args.device.clone(),
    };
    let mut findings = Vec::new();
    for choice in choices {
        let limits = match choice {
            DeviceChoice::Gpu(index) => found.get(index).map(|adapter| adapter.limits.clone()),
            _ => None,
        };
        let device = choice.resolve()?;
        note(&format!("Looking at {device} …"));
        findings.push(look_at(&choice, &device, limits));
    }
    if args.json {
        for finding in &findings {
            line(&serde_json::to_string(finding)?)?;
        }
    } else {
        line(&table(&findings))?;
    }
    Ok(
        match findings.iter().all(|finding| finding.complaint.is_none()) || args.device.is_empty() {
            true => ExitCode::SUCCESS,
            false => ExitCode::FAILURE,
        },
    )
}

fn look_at(choice: &DeviceChoice, device: &NamedDevice, limits: Option<AdapterLimits>) -> Finding {
    let started = Instant::now();
    // A driver that refuses a kernel panics in its library; that is a finding too.
    let hook = panic::take_hook();
    panic::set_hook(Box::new(|_| ()));
    let compared = panic::catch_unwind(AssertUnwindSafe(|| compare_with_cpu(&device.device)));
    panic::set_hook(hook);
    let (deviations, complaint) = match compared {
        Ok(Ok(deviations)) => {
            let complaint = deviations.complaint();
            (Some(deviations), complaint)
        }
        Ok(Err(error)) => (None, Some(error.to_string())),
        Err(_) => (None, Some("it fails while computing".into())),
    };
    Finding {
        device: choice.to_string(),
        name: device.name.clone(),
        limits,
        deviations,
        seconds: started.elapsed().as_secs_f64(),
        complaint,
    }
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
