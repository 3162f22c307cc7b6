//! Weights in the memory layout that the gradients of convolutions read, kept for one training
//! step, because a step differentiates the discriminator three times with the same weights.

use std::cell::RefCell;

use burn_cubecl::tensor::CubeTensor;

use crate::kernel::gpu::convolution::arranged;

thread_local! {
    /// Pairs of weights before and after the copy, during a call of [`keeping`] on this thread.
    static KEPT: RefCell<Option<Vec<[CubeTensor; 2]>>> = const { RefCell::new(None) };
}

/// Runs `step`, which does not change weights, and keeps the copied weights until its end.
pub(in crate::kernel) fn keeping<T>(step: impl FnOnce() -> T) -> T {
    /// Frees the copies even if the step panics.
    struct End;
    impl Drop for End {
        fn drop(&mut self) {
            KEPT.take();
        }
    }
    KEPT.set(Some(Vec::new()));
    let _end = End;
    step()
}

/// The weights `[I, O, k, k]` of a transposed convolution in the memory layout that its kernel
/// reads.
pub(super) fn arranged_once(weight: CubeTensor) -> CubeTensor {
    KEPT.with_borrow_mut(|kept| {
        let Some(kept) = kept else {
            return arranged(weight, true);
        };
        let known = kept.iter().find(|[before, _]| is_same(before, &weight));
        if let Some([_, after]) = known {
            return after.clone();
        }
        let after = arranged(weight.clone(), true);
        kept.push([weight, after.clone()]);
        after
    })
}

/// Whether two tensors are the same view of the same memory.
fn is_same(one: &CubeTensor, other: &CubeTensor) -> bool {
    let place = |tensor: &CubeTensor| tensor.handle.offset_start.unwrap_or(0);
    one.handle.memory.descriptor() == other.handle.memory.descriptor()
        && place(one) == place(other)
        && one.meta == other.meta
}
