//! Reads the losses of several batches from the device.

use burn::tensor::{Tensor, Transaction};

use crate::device::device_error;
use crate::error::Result;
use crate::learn::Losses;

/// The losses of one batch, still on the device, each with its index in [`Losses::to_array`].
pub(super) type Unread = Vec<(usize, Tensor<1>)>;

/// Reads the losses of several batches from their device in one transfer; the result has, for each
/// batch, the losses as [`Losses::to_array`] orders them.
///
/// # Errors
///
/// [`Error::Device`](crate::Error::Device) and [`Error::Memory`](crate::Error::Memory) where the
/// device fails.
pub(super) fn read_losses(unread: Vec<Unread>) -> Result<Vec<[f64; Losses::COUNT]>> {
    if unread.is_empty() {
        return Ok(Vec::new());
    }
    let mut values = vec![[0.0; Losses::COUNT]; unread.len()];
    let mut places = Vec::new();
    let mut transaction = Transaction::default();
    for (batch, losses) in unread.into_iter().enumerate() {
        for (column, loss) in losses {
            places.push((batch, column));
            transaction = transaction.register(Tensor::without_autodiff(loss));
        }
    }
    let read = transaction.try_execute();
    let read = read.map_err(|error| device_error(&format!("{error:?}")))?;
    for ((batch, column), data) in places.into_iter().zip(read) {
        values[batch][column] = data.iter::<f64>().sum();
    }
    Ok(values)
}
