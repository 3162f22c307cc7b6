//! Gradients on their way between devices.

use std::collections::BTreeMap;

use burn::tensor::{Device, Tensor, TensorData, Transaction};

use crate::error::{Error, Result};
use crate::train::accumulate::GradientSums;
use crate::train::memory::device_error;
use crate::train::step::TrainState;

/// The gradients that were accumulated for both networks, in this process's memory.
#[derive(Debug, Default)]
pub(super) struct HostSums {
    /// Sums by parameter name, flattened; the generator's, then the discriminator's.
    networks: [BTreeMap<String, Vec<f32>>; 2],
    /// How many batches they are of.
    batches: usize,
}

impl HostSums {
    /// Reads what `state` has accumulated; it has nothing then.
    ///
    /// # Errors
    ///
    /// [`Error::Device`] where the device does not give it.
    pub(super) fn take(state: &mut TrainState) -> Result<Self> {
        let optimizers = [
            &mut state.generator_optimizer,
            &mut state.discriminator_optimizer,
        ];
        let accumulated = optimizers.map(|optimizer| std::mem::take(&mut optimizer.sums));
        let mut host = Self {
            batches: accumulated[0].batches,
            ..Self::default()
        };
        for (network, accumulated) in host.networks.iter_mut().zip(accumulated) {
            *network = read(accumulated)?;
        }
        Ok(host)
    }

    /// Adds what another device accumulated from its shares of the same batches.
    pub(super) fn add(&mut self, other: Self) {
        // One that had no image of any batch has accumulated nothing.
        for (network, other) in self.networks.iter_mut().zip(other.networks) {
            for (name, values) in other {
                let Some(sums) = network.get_mut(&name) else {
                    network.insert(name, values);
                    continue;
                };
                for (sum, value) in sums.iter_mut().zip(values) {
                    *sum += value;
                }
            }
        }
    }

    /// Moves both networks by the mean over the batches.
    pub(super) fn step(
        &self,
        state: TrainState,
        learning_rate: f64,
        device: &Device,
    ) -> TrainState {
        let device = device.clone().without_autodiff();
        let [generator, discriminator] = self.networks.each_ref().map(|network| {
            let tensor = |values: &Vec<f32>| {
                let data = TensorData::new(values.clone(), [values.len()]);
                Tensor::from_data(data, &device)
            };
            let sums = network.iter();
            GradientSums {
                sums: sums
                    .map(|(name, values)| (name.clone(), tensor(values)))
                    .collect(),
                batches: self.batches,
            }
        });
        let mut state = state;
        state.generator_optimizer.sums = generator;
        state.discriminator_optimizer.sums = discriminator;
        state.step_accumulated(learning_rate)
    }
}

fn read(accumulated: GradientSums) -> Result<BTreeMap<String, Vec<f32>>> {
    if accumulated.sums.is_empty() {
        return Ok(BTreeMap::new());
    }
    let mut names = Vec::new();
    let mut transaction = Transaction::default();
    for (name, sum) in accumulated.sums {
        names.push(name);
        transaction = transaction.register(sum);
    }
    let read = transaction.try_execute();
    let read = read.map_err(|error| device_error(&format!("{error:?}")))?;
    let values = |(name, data): (String, TensorData)| {
        let values = data.try_to_vec();
        let failed = |error| Error::Device(format!("{error:?}"));
        Ok((name, values.map_err(failed)?))
    };
    names.into_iter().zip(read).map(values).collect()
}
