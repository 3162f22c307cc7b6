//! Work shared out to the threads, where there are any.

#[cfg(feature = "rayon")]
use rayon::prelude::{IntoParallelIterator, ParallelIterator};

/// How many items are worked on at a time.
#[cfg(feature = "rayon")]
pub(crate) fn threads() -> usize {
    rayon::current_num_threads()
}

/// Calls `work` for every item.
#[cfg(feature = "rayon")]
pub(crate) fn for_each<T: Send>(items: Vec<T>, work: impl Fn(T) + Sync + Send) {
    items.into_par_iter().for_each(work);
}

/// What `work` makes of every item, in their order.
#[cfg(feature = "rayon")]
pub(crate) fn map<T: Send, R: Send>(items: Vec<T>, work: impl Fn(T) -> R + Sync + Send) -> Vec<R> {
    items.into_par_iter().map(work).collect()
}

/// How many items are worked on at a time.
#[cfg(not(feature = "rayon"))]
pub(crate) fn threads() -> usize {
    1
}

/// Calls `work` for every item.
#[cfg(not(feature = "rayon"))]
pub(crate) fn for_each<T>(items: Vec<T>, work: impl Fn(T)) {
    items.into_iter().for_each(work);
}

/// What `work` makes of every item, in their order.
#[cfg(not(feature = "rayon"))]
pub(crate) fn map<T, R>(items: Vec<T>, work: impl Fn(T) -> R) -> Vec<R> {
    items.into_iter().map(work).collect()
}
