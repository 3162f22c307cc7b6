//! Parallel loops. The features choose the implementation.

#[cfg(any(feature = "threads", test))]
mod crew;

#[cfg_attr(feature = "threads", path = "by_crew.rs")]
#[cfg_attr(all(feature = "rayon", not(feature = "threads")), path = "by_rayon.rs")]
#[cfg_attr(not(any(feature = "rayon", feature = "threads")), path = "alone.rs")]
mod means;

#[cfg(feature = "threads")]
pub(crate) use means::join;
pub(crate) use means::{for_each, map, threads};
