//! The block-wise memory in one piece, where nothing is trained.

use burn::tensor::Tensor;

use super::Recall;

/// The back end of a tensor has no such kernel.
#[derive(Debug)]
#[cfg(not(all(feature = "cpu", not(any(feature = "gpu", feature = "learn")))))]
pub struct NoKernel;

/// Where the CPU's is the only back end there is nothing that has no kernel. The compiler knows, and
/// leaves out what would be done instead: a tenth of what a browser downloads.
#[derive(Debug)]
#[cfg(all(feature = "cpu", not(any(feature = "gpu", feature = "learn"))))]
pub enum NoKernel {}

/// A memory `[N, D]` at work on maps `[B, C, H, W]`.
///
/// # Errors
///
/// Where the back end has no such kernel.
#[cfg(feature = "cpu")]
pub fn recall(maps: &Tensor<4>, items: &Tensor<2>, recall: Recall) -> Result<Tensor<4>, NoKernel> {
    let read = super::flex::recall(on_cpu(maps)?, on_cpu(items)?, recall);
    Ok(Tensor::from_primitive::<burn::backend::Flex>(read))
}

/// None: this build has no CPU back end.
///
/// # Errors
///
/// Always.
#[cfg(not(feature = "cpu"))]
pub fn recall(_: &Tensor<4>, _: &Tensor<2>, _: Recall) -> Result<Tensor<4>, NoKernel> {
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
