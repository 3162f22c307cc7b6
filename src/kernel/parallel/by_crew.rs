//! Work divided among the threads of the page's one [`Crew`] (a thread pool).

use std::sync::Mutex;

use super::crew::{Crew, locked};

static CREW: Crew = Crew::new();

/// Adds the calling thread to the pool. It never returns.
pub(crate) fn join() -> ! {
    CREW.join()
}

/// Number of items that are worked on at the same time.
pub(crate) fn threads() -> usize {
    CREW.threads()
}

/// Calls `work` for every item.
pub(crate) fn for_each<T: Send>(items: Vec<T>, work: impl Fn(T) + Sync) {
    map(items, work);
}

/// The results of `work` for all items, in the order of the items.
pub(crate) fn map<T: Send, R: Send>(items: Vec<T>, work: impl Fn(T) -> R + Sync) -> Vec<R> {
    let items: Vec<_> = items
        .into_iter()
        .map(|item| Mutex::new(Some(item)))
        .collect();
    let results: Vec<_> = items.iter().map(|_| Mutex::new(None)).collect();
    CREW.run(items.len(), &|index| {
        let item = locked(&items[index]).take().expect("taken once");
        *locked(&results[index]) = Some(work(item));
    });
    let result = |cell: Mutex<Option<R>>| cell.into_inner().ok().flatten();
    results
        .into_iter()
        .map(|cell| result(cell).expect("done"))
        .collect()
}
