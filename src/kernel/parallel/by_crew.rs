//! The threads that have joined the one crew of a page.

use std::sync::Mutex;

use super::crew::{Crew, locked};

static CREW: Crew = Crew::new();

/// Makes the calling thread one of those that share the work, for ever.
pub(crate) fn join() -> ! {
    CREW.join()
}

/// How many items are worked on at a time.
pub(crate) fn threads() -> usize {
    CREW.threads()
}

/// Calls `work` for every item.
pub(crate) fn for_each<T: Send>(items: Vec<T>, work: impl Fn(T) + Sync) {
    map(items, work);
}

/// What `work` makes of every item, in their order.
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
