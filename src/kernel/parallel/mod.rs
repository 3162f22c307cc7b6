//! Parallel loops. The features choose the implementation.

#[cfg_attr(feature = "rayon", path = "by_rayon.rs")]
#[cfg_attr(not(feature = "rayon"), path = "alone.rs")]
mod means;

pub(crate) use means::{for_each, map, threads};
