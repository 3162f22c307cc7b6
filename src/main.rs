//! `daad`: train, evaluate and use Divide-and-Assemble anomaly detection from the command line.

mod cli;

use std::process::ExitCode;

use clap::Parser;

use cli::args::{Cli, Command};

fn main() -> ExitCode {
    let Some(command) = Cli::parse().command else {
        return cli::output::finish(cli::demo::run());
    };
    cli::output::finish(run(command))
}

fn run(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Train(args) => cli::train::run(args),
        Command::Info(args) => cli::info::run(&args),
        Command::Eval(args) => cli::eval::run(&args),
        Command::Score(args) => cli::score::run(&args),
        Command::Threshold(args) => cli::threshold::run(&args),
        Command::Calibrate(args) => cli::calibrate::run(&args),
        Command::Report(args) => cli::report::run(&args),
        Command::Sweep(args) => cli::sweep::run(&args),
        Command::Doctor(args) => cli::doctor::run(&args),
        Command::Synthesize(args) => cli::synthesize::run(&args),
    }
}
