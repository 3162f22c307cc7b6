//! Tests of the whole library from outside: against PyTorch, in training, on other devices, and
//! through the command line.

mod cli;
mod device;
mod golden;
mod training;
