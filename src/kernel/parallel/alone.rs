//! All work on the calling thread, for builds without threads.

/// Number of items that are worked on at the same time.
pub(crate) fn threads() -> usize {
    1
}

/// Calls `work` for every item.
pub(crate) fn for_each<T>(items: Vec<T>, work: impl Fn(T)) {
    items.into_iter().for_each(work);
}

/// The results of `work` for all items, in the order of the items.
pub(crate) fn map<T, R>(items: Vec<T>, work: impl Fn(T) -> R) -> Vec<R> {
    items.into_iter().map(work).collect()
}
