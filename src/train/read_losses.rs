//! Losses on their way from the device.

use burn::tensor::{Tensor, Transaction};

use super::losses::Losses;
use super::memory::device_error;
use super::step::StepLosses;
use crate::error::Result;

/// Losses in the order of [`Losses::to_array`].
pub(super) type Values = [f64; Losses::COUNT];

/// What one batch, or a share of it, adds to the sums of its epoch.
#[derive(Debug)]
pub(super) enum Unread {
    /// The share of the batch that they are of, and those that there are, still on the device, each
    /// with its place in [`Losses::to_array`].
    OnDevice(f64, Vec<(usize, Tensor<1>)>),
    /// Weighted already.
    Read(Values),
}

impl Unread {
    /// Of a `share` of a batch.
    pub(super) fn on_device(share: f64, losses: StepLosses) -> Self {
        Self::OnDevice(share, losses.columns())
    }
}

/// Reads all of them from their device in one go; they keep their order.
///
/// # Errors
///
/// [`Error::Device`](crate::Error::Device) where the device does not give them.
pub(super) fn read_losses(unread: Vec<Unread>) -> Result<Vec<Values>> {
    let mut values = Vec::new();
    let mut places = Vec::new();
    let mut transaction = Transaction::default();
    for (index, unread) in unread.into_iter().enumerate() {
        match unread {
            Unread::Read(read) => values.push(read),
            Unread::OnDevice(share, losses) => {
                values.push(Values::default());
                for (column, loss) in losses {
                    places.push((index, column, share));
                    transaction = transaction.register(Tensor::without_autodiff(loss));
                }
            }
        }
    }
    if places.is_empty() {
        return Ok(values);
    }
    let read = transaction.try_execute();
    let read = read.map_err(|error| device_error(&format!("{error:?}")))?;
    for ((index, column, share), data) in places.into_iter().zip(read) {
        values[index][column] = share * data.iter::<f64>().sum::<f64>();
    }
    Ok(values)
}
