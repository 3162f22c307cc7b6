//! The threads of the machine.

use rayon::prelude::{IntoParallelIterator, ParallelIterator};

/// How many items are worked on at a time.
pub(crate) fn threads() -> usize {
    rayon::current_num_threads()
}

/// Calls `work` for every item.
pub(crate) fn for_each<T: Send>(items: Vec<T>, work: impl Fn(T) + Sync + Send) {
    items.into_par_iter().for_each(work);
}

/// What `work` makes of every item, in their order.
pub(crate) fn map<T: Send, R: Send>(items: Vec<T>, work: impl Fn(T) -> R + Sync + Send) -> Vec<R> {
    items.into_par_iter().map(work).collect()
}
