//! The command line: parse, call the library, print.

pub(crate) mod args;
pub(crate) mod calibrate;
pub(crate) mod demo;
pub(crate) mod doctor;
pub(crate) mod eval;
pub(crate) mod images;
pub(crate) mod info;
pub(crate) mod output;
pub(crate) mod report;
pub(crate) mod score;
pub(crate) mod session;
pub(crate) mod sweep;
pub(crate) mod synthesize;
mod table;
pub(crate) mod threshold;
pub(crate) mod tiles;
pub(crate) mod train;
