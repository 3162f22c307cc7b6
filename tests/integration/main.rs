//! Tests of the whole library from outside: against PyTorch, in training, on other devices, and
//! through the command line.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod cli;
mod common;
mod convergence;
mod data;
mod device;
mod doctor;
mod edge;
mod exchange;
mod extensions;
mod familiarity;
mod folders;
mod golden;
mod gpu_kernels;
mod images;
mod inspect;
mod kernels;
mod long_runs;
mod matrices;
mod metrics;
mod outputs;
mod report;
mod settings;
mod sweep;
mod tiles;
mod training;
