//! Code that several commands share.

pub(crate) mod arguments;
pub(crate) mod files;
pub(crate) mod interrupt;
pub(crate) mod output;
pub(crate) mod program;
pub(crate) mod progress;
pub(crate) mod provenance;
pub(crate) mod table;
pub(crate) mod terminal;
pub(crate) mod tiles;
