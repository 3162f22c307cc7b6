//! Our part of the benchmarks outside a browser; `benches/run.js` starts it.

mod images;
mod model;
mod protocol;
mod score;
mod train;

use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};
use daad::device::DeviceChoice;

#[derive(Parser)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    /// As for the program's own --device
    #[arg(long, global = true, default_value_t = DeviceChoice::Cpu)]
    device: DeviceChoice,
    /// An argument that `cargo bench` adds
    #[arg(long, global = true, hide = true)]
    bench: bool,
}

#[derive(Subcommand)]
enum Command {
    /// Write a calibrated DAAD+ of random weights
    Model {
        /// Width w of generator and discriminator
        width: usize,
        /// Image height and width in pixels
        size: usize,
        /// The file to write
        out: PathBuf,
    },
    /// Train one step for every line on standard input
    Train {
        model: PathBuf,
        /// The batch, as bytes
        images: PathBuf,
        system: System,
    },
    /// Score all images in one batch for every line on standard input
    Score { model: PathBuf, images: PathBuf },
}

/// Without or with the discriminator.
#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum System {
    Daad,
    #[value(name = "daad+")]
    DaadPlus,
}

fn main() -> anyhow::Result<()> {
    let Cli {
        command, device, ..
    } = Cli::parse();
    match command {
        None => protocol::say("./build.sh bench runs this beside its peers"),
        Some(Command::Model { width, size, out }) => model::write(width, size, &out),
        Some(Command::Train {
            model,
            images,
            system,
        }) => train::run(&model, &images, system, &device),
        Some(Command::Score { model, images }) => score::run(&model, &images, &device),
    }
}
