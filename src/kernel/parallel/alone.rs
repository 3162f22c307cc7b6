//! One thread.

/// How many items are worked on at a time.
pub(crate) fn threads() -> usize {
    1
}

/// Calls `work` for every item.
pub(crate) fn for_each<T>(items: Vec<T>, work: impl Fn(T)) {
    items.into_iter().for_each(work);
}

/// What `work` makes of every item, in their order.
pub(crate) fn map<T, R>(items: Vec<T>, work: impl Fn(T) -> R) -> Vec<R> {
    items.into_iter().map(work).collect()
}
