//! Results of a network's forward pass that a second forward pass reuses instead of computing them
//! again.
//!
//! An adversarial step differentiates the discriminator's output twice: with respect to its input
//! and with respect to its weights. A backward pass of Burn's automatic differentiation consumes
//! the graph, so two graphs are needed. The values in both graphs are the same.

use std::any::Any;
use std::cell::RefCell;
use std::collections::VecDeque;
use std::fmt;

thread_local! {
    /// The tape of the pass that runs on this thread, if the pass is recorded or replayed.
    static TAPE: RefCell<Option<Tape>> = const { RefCell::new(None) };
}

struct Tape {
    results: VecDeque<Box<dyn Any>>,
    is_replayed: bool,
}

/// The results of all kernels of one forward pass, in the order in which the kernels ran.
pub(crate) struct Recording(VecDeque<Box<dyn Any>>);

impl fmt::Debug for Recording {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Recording of {} results", self.0.len())
    }
}

/// Runs a forward pass on an autodiff device and records the results of its kernels.
pub(crate) fn recorded<T>(pass: impl FnOnce() -> T) -> (T, Recording) {
    let tape = Tape {
        results: VecDeque::new(),
        is_replayed: false,
    };
    let (output, results) = run(tape, pass);
    (output, Recording(results))
}

/// Runs a forward pass again. Autodiff tracks its operations, but its kernels return the results in
/// `recording` instead of computing them. The pass must run the same kernels as the recorded pass,
/// on the same values.
///
/// # Panics
///
/// If the pass runs more or fewer kernels than the recorded one.
pub(crate) fn replayed<T>(recording: Recording, pass: impl FnOnce() -> T) -> T {
    let tape = Tape {
        results: recording.0,
        is_replayed: true,
    };
    let (output, left) = run(tape, pass);
    assert!(
        left.is_empty(),
        "{} results of the recording are left",
        left.len()
    );
    output
}

/// Runs `pass` with `tape`. Returns the output of the pass and the results that are on the tape
/// afterwards.
fn run<T>(tape: Tape, pass: impl FnOnce() -> T) -> (T, VecDeque<Box<dyn Any>>) {
    /// Removes the tape even if the pass panics.
    struct Removal;
    impl Drop for Removal {
        fn drop(&mut self) {
            TAPE.take();
        }
    }
    let before = TAPE.replace(Some(tape));
    assert!(before.is_none(), "one pass at a time");
    let removal = Removal;
    let output = pass();
    let tape = TAPE.take();
    drop(removal);
    (output, tape.map_or_else(VecDeque::new, |tape| tape.results))
}

/// Whether the pass that runs on this thread is a replay.
pub(super) fn is_replayed() -> bool {
    TAPE.with_borrow(|tape| tape.as_ref().is_some_and(|tape| tape.is_replayed))
}

/// The result of `compute`; in a replay, the recorded result instead.
pub(super) fn once<T: Clone + 'static>(compute: impl FnOnce() -> T) -> T {
    let known = TAPE.with_borrow_mut(|tape| {
        let tape = tape.as_mut().filter(|tape| tape.is_replayed)?;
        Some(
            tape.results
                .pop_front()
                .expect("as many kernels as recorded"),
        )
    });
    if let Some(known) = known {
        return *known.downcast().expect("the kernels that were recorded");
    }
    let result = compute();
    TAPE.with_borrow_mut(|tape| {
        if let Some(tape) = tape {
            tape.results.push_back(Box::new(result.clone()));
        }
    });
    result
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    #[test]
    fn a_replayed_pass_computes_nothing() {
        let computed = Cell::new(0);
        let pass = || {
            once(|| {
                computed.set(computed.get() + 1);
                computed.get()
            })
        };
        let (first, recording) = recorded(pass);
        assert_eq!(replayed(recording, pass), first);
        assert_eq!(computed.get(), 1);
        assert_eq!(pass(), 2, "without a recording it computes");
    }

    #[test]
    #[should_panic(expected = "1 results of the recording are left")]
    fn a_pass_that_runs_fewer_kernels_is_refused() {
        let ((), recording) = recorded(|| _ = once(|| 1));
        replayed(recording, || ());
    }
}
