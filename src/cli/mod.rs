//! The command line: parse, call the library, print. Every command owns its arguments; what
//! they share is in `common`.

mod calibrate;
mod common;
mod demo;
mod doctor;
mod eval;
mod export;
mod import;
mod info;
mod report;
mod score;
mod sweep;
mod synthesize;
mod threshold;
mod train;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Divide-and-Assemble anomaly detection: learns from normal images, and finds images and regions
/// that differ from them.
///
/// Without a command it trains a small DAAD+ on textures that it makes itself, in minutes.
#[derive(Debug, Parser)]
#[command(version)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Train a model on a folder of images and write its file
    Train(Box<train::TrainArgs>),
    /// Show what a model file says of itself, and the settings that train one like it
    Info(info::InfoArgs),
    /// Measure a model on a labelled test folder, under both protocols
    Eval(eval::EvalArgs),
    /// Score images or folders of images
    Score(score::ScoreArgs),
    /// Set a model's threshold anew, from the scores of normal images that its file holds
    Threshold(threshold::ThresholdArgs),
    /// Set a model's scaling and threshold anew, from other good images: another camera, another
    /// light
    Calibrate(calibrate::CalibrateArgs),
    /// Write a model as an ONNX file, for other runtimes
    Export(export::ExportArgs),
    /// Make a model file from weights that PyTorch trained
    Import(Box<import::ImportArgs>),
    /// Show finished runs: curves, histograms, the best and the worst images, side by side
    Report(report::ReportArgs),
    /// Train and measure many models: any table of the paper, or any settings of your own
    Sweep(Box<sweep::SweepArgs>),
    /// List the devices there are, compare each with the CPU, and say which are fit to train on
    Doctor(doctor::DoctorArgs),
    /// Make images, normal and defective, to try all this on
    Synthesize(synthesize::SynthesizeArgs),
}

/// Runs the command of the command line and returns the program's exit code.
pub(crate) fn main() -> ExitCode {
    common::output::finish(run(Cli::parse().command))
}

fn run(command: Option<Command>) -> anyhow::Result<ExitCode> {
    match command {
        None => demo::run(),
        Some(Command::Train(args)) => train::run(*args),
        Some(Command::Info(args)) => info::run(&args),
        Some(Command::Eval(args)) => eval::run(&args),
        Some(Command::Score(args)) => score::run(&args),
        Some(Command::Threshold(args)) => threshold::run(&args),
        Some(Command::Calibrate(args)) => calibrate::run(&args),
        Some(Command::Export(args)) => export::run(&args),
        Some(Command::Import(args)) => import::run(*args),
        Some(Command::Report(args)) => report::run(&args),
        Some(Command::Sweep(args)) => sweep::run(&args),
        Some(Command::Doctor(args)) => doctor::run(&args),
        Some(Command::Synthesize(args)) => synthesize::run(&args),
    }
}
