//! Weights in the order of axes that gradients of convolutions read, kept for one training step: a
//! discriminator is differentiated three times with the same weights.

use std::cell::RefCell;

use burn_cubecl::tensor::CubeTensor;

use crate::kernel::gpu::convolution::arranged;

thread_local! {
    /// Weights as they were and as they were arranged, while a step of this thread keeps them.
    static KEPT: RefCell<Option<Vec<[CubeTensor; 2]>>> = const { RefCell::new(None) };
}

/// Runs `step`, in which no weights change, and keeps what it arranges until its end.
pub(in crate::kernel) fn keeping<T>(step: impl FnOnce() -> T) -> T {
    /// Lets go of them even if the step panics.
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

/// The weights `[I, O, k, k]` of a transposed convolution in memory as its kernel reads them.
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
