//! `daad device-server`.

use std::process::ExitCode;

use clap::Args;

use daad::train::{DeviceChoice, DeviceServer};

use super::output::{line, note};

/// Hosts this machine's device for `daad … --device remote:HOST:PORT` elsewhere.
///
/// There is no password and no encryption: whoever reaches the port may compute here and read what
/// is computed. Use it in networks that you trust.
#[derive(Debug, Args)]
pub(crate) struct DeviceServerArgs {
    /// The address to listen at; 0.0.0.0 is all of this machine's
    #[arg(long, default_value = "127.0.0.1")]
    host: String,
    /// The port to listen at; 0 is any that is free
    #[arg(long, default_value_t = 3000)]
    port: u16,
    /// What to host: auto (a real GPU, else the CPU), cpu, gpu, gpu:N, cuda, cuda:N
    #[arg(long, default_value = "auto")]
    device: DeviceChoice,
}

pub(crate) fn run(args: &DeviceServerArgs) -> anyhow::Result<ExitCode> {
    anyhow::ensure!(
        !matches!(args.device, DeviceChoice::Remote(_)),
        "a device server hosts a device of its own machine"
    );
    let device = args.device.resolve()?;
    let server = DeviceServer::bind(&format!("{}:{}", args.host, args.port))?;
    note(&format!("Hosting {device}. Ctrl-C ends it. Use it with:"));
    line(&format!("--device remote:{}", server.address()?))?;
    server.serve(device.device)?;
    Ok(ExitCode::SUCCESS)
}
