//! Work divided among the threads of rayon's global pool.

use rayon::prelude::{IntoParallelIterator, ParallelIterator};

/// Number of items that are worked on at the same time.
pub(crate) fn threads() -> usize {
    rayon::current_num_threads()
}

/// Calls `work` for every item.
pub(crate) fn for_each<T: Send>(items: Vec<T>, work: impl Fn(T) + Sync + Send) {
    items.into_par_iter().for_each(work);
}

/// The results of `work` for all items, in the order of the items.
pub(crate) fn map<T: Send, R: Send>(items: Vec<T>, work: impl Fn(T) -> R + Sync + Send) -> Vec<R> {
    items.into_par_iter().map(work).collect()
}
