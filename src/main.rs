//! `daad`: train, evaluate and use Divide-and-Assemble anomaly detection from the command line.

mod cli;

use std::process::ExitCode;

use clap::Parser;

use cli::args::{Cli, Command};

fn main() -> ExitCode {
    let cli = Cli::parse();
    let result = match cli.command {
        None => cli::demo::run(),
        Some(Command::Train(args)) => cli::train::run(args),
        Some(Command::Info(args)) => cli::info::run(&args),
        Some(Command::Eval(args)) => cli::eval::run(&args),
        Some(Command::Score(args)) => cli::score::run(&args),
        Some(Command::Threshold(args)) => cli::threshold::run(&args),
        Some(Command::Calibrate(args)) => cli::calibrate::run(&args),
        Some(Command::Report(args)) => cli::report::run(&args),
        Some(Command::Sweep(args)) => cli::sweep::run(&args),
        Some(Command::Doctor(args)) => cli::doctor::run(&args),
        #[cfg(feature = "remote")]
        Some(Command::DeviceServer(args)) => cli::device_server::run(&args),
        Some(Command::Synthesize(args)) => cli::synthesize::run(&args),
    };
    cli::output::finish(result)
}
