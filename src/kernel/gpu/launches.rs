//! A list of the launches of our kernels and their work, from which tests/launches.rs estimates the
//! time on a GPU without having one.

use std::cell::RefCell;

use burn::backend::TensorMetadata;
use burn_cubecl::cubecl::prelude::*;
use burn_cubecl::tensor::CubeTensor;

thread_local! {
    /// The launches of this thread, while they are recorded.
    static LIST: RefCell<Option<List>> = const { RefCell::new(None) };
}

struct List {
    plane: usize,
    launches: Vec<Launch>,
}

/// The work of one launch of a kernel, recorded by [`launches_of`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Launch {
    /// The kernel's name.
    pub kernel: &'static str,
    /// Number of units (threads).
    pub units: usize,
    /// Floating-point operations of all units. A multiply-add counts as two.
    pub flops: usize,
    /// Bytes that are read or written in memory, each counted once.
    pub bytes: usize,
    /// Vectors that one unit reads, including those that its neighbours read too.
    pub loads: usize,
    /// Steps of one unit's loops that run one after the other. All reads of a step happen at the
    /// same time.
    pub steps: usize,
}

/// Runs `pass`, and returns the launches of our kernels on this thread in order. The kernels are
/// chosen as for a GPU with `plane` units in a plane (warp).
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use daad::kernel::{Launch, launches_of, max_pool};
///
/// # let device = Device::flex();
/// // On the CPU none; on a GPU each max pooling is one launch of a kernel.
/// let launches: Vec<Launch> = launches_of(32, || {
///     max_pool(Tensor::zeros([1, 8, 64, 64], &device));
/// });
/// assert!(launches.is_empty());
/// ```
pub fn launches_of(plane: usize, pass: impl FnOnce()) -> Vec<Launch> {
    let launches = Vec::new();
    LIST.set(Some(List { plane, launches }));
    pass();
    LIST.take().map_or_else(Vec::new, |list| list.launches)
}

/// Units of a plane of the GPU, or of the GPU that [`launches_of`] assumes.
pub(super) fn plane(client: &Client) -> usize {
    let listed = LIST.with_borrow(|list| list.as_ref().map(|list| list.plane));
    listed.unwrap_or(client.properties().hardware.plane_size_max as usize)
}

/// Adds a launch to the list if there is one.
pub(super) fn list(launch: impl FnOnce() -> Launch) {
    LIST.with_borrow_mut(|list| {
        if let Some(list) = list {
            list.launches.push(launch());
        }
    });
}

/// Adds the launch of a kernel in which each unit reads or writes one vector of every tensor, and
/// does `flops` operations for each value.
pub(super) fn list_elementwise<const N: usize>(
    kernel: &'static str,
    units: usize,
    tensors: [&CubeTensor; N],
    flops: usize,
) {
    list(|| {
        let largest = tensors.iter().map(|tensor| tensor.shape().num_elements());
        Launch {
            kernel,
            units,
            flops: flops * largest.max().unwrap_or(0),
            bytes: bytes(tensors),
            loads: N,
            steps: 1,
        }
    });
}

/// The size of all values of `tensors`, in bytes.
pub(super) fn bytes<const N: usize>(tensors: [&CubeTensor; N]) -> usize {
    let values = tensors.map(|tensor| tensor.shape().num_elements());
    size_of::<f32>() * values.into_iter().sum::<usize>()
}
