//! Losses on their way from the device.

use burn::tensor::{Tensor, Transaction};

use super::losses::Losses;
use super::memory::device_error;
use super::step::StepLosses;
use crate::error::Result;

/// Sums of the losses of some steps, each weighted, read from their device in one go; in the order
/// of [`Losses::to_array`].
///
/// # Errors
///
/// [`Error::Device`](crate::Error::Device) where the device does not give them.
pub(super) fn read_losses(
    steps: impl IntoIterator<Item = (f64, StepLosses)>,
) -> Result<[f64; Losses::COUNT]> {
    let mut sums = [0.0; Losses::COUNT];
    let mut places = Vec::new();
    let mut transaction = Transaction::default();
    for (weight, losses) in steps {
        for (column, loss) in losses.columns() {
            places.push((weight, column));
            transaction = transaction.register(Tensor::without_autodiff(loss));
        }
    }
    if places.is_empty() {
        return Ok(sums);
    }
    let read = transaction.try_execute();
    let read = read.map_err(|error| device_error(&format!("{error:?}")))?;
    for ((weight, column), data) in places.into_iter().zip(read) {
        sums[column] += weight * data.iter::<f64>().sum::<f64>();
    }
    Ok(sums)
}
