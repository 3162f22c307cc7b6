//! The block-wise memory as one operation, for scoring only: it has no gradient.

use burn::tensor::Tensor;

use super::Recall;

/// The error that the back end of a tensor has no kernel for [`recall`].
#[derive(Debug)]
#[cfg(not(all(feature = "cpu", not(any(feature = "gpu", feature = "learn")))))]
pub(crate) struct NoKernel;

/// If the CPU back end is the only one, the kernel always exists. This type then has no values, so
/// the compiler can leave out the code that handles the error. This makes the browser's download a
/// tenth smaller.
#[derive(Debug)]
#[cfg(all(feature = "cpu", not(any(feature = "gpu", feature = "learn"))))]
pub(crate) enum NoKernel {}

/// Replaces every block of the maps `[B, C, H, W]` by the weighted sum of the memory items `[N, D]`
/// that it addresses.
///
/// # Errors
///
/// If the tensors are not on the CPU back end, the only one that has this kernel.
#[cfg(feature = "cpu")]
pub(crate) fn recall(
    maps: &Tensor<4>,
    items: &Tensor<2>,
    recall: Recall,
) -> Result<Tensor<4>, NoKernel> {
    let read = super::flex::recall(on_cpu(maps)?, on_cpu(items)?, recall);
    Ok(Tensor::from_primitive::<burn::backend::Flex>(read))
}

/// This build has no CPU back end, so there is no kernel.
///
/// # Errors
///
/// Always.
#[cfg(not(feature = "cpu"))]
pub(crate) fn recall(_: &Tensor<4>, _: &Tensor<2>, _: Recall) -> Result<Tensor<4>, NoKernel> {
    Err(NoKernel)
}

#[cfg(all(feature = "cpu", any(feature = "gpu", feature = "learn")))]
fn on_cpu<const D: usize>(tensor: &Tensor<D>) -> Result<burn::backend::flex::FlexTensor, NoKernel> {
    let tensor = tensor.clone().try_into_primitive::<burn::backend::Flex>();
    tensor.map_err(|_| NoKernel)
}

#[cfg(all(feature = "cpu", not(any(feature = "gpu", feature = "learn"))))]
fn on_cpu<const D: usize>(tensor: &Tensor<D>) -> Result<burn::backend::flex::FlexTensor, NoKernel> {
    let tensor = tensor.clone().try_into_primitive::<burn::backend::Flex>();
    Ok(tensor.expect("no other back end"))
}
