//! A device that trains on its share of every batch, and the thread that sends it there.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};

use burn::module::Module;
use burn::tensor::{Device, TensorData};
use image::RgbImage;

use super::sums::HostSums;
use crate::error::{Error, Result};
use crate::image::to_tensor;
use crate::model::parameters;
use crate::train::adam::{Adam, Then};
use crate::train::caught::caught;
use crate::train::config::TrainConfig;
use crate::train::device::NamedDevice;
use crate::train::losses::Losses;
use crate::train::memory::device_error;
use crate::train::read_losses::read_losses;
use crate::train::step::TrainState;

/// What a device is to do.
pub(super) enum Order {
    /// To gather the gradients of some images, the `share` of a batch.
    Gather {
        images: Vec<RgbImage>,
        share: f64,
        /// Whether a step comes next, and so all that was gathered is asked for.
        is_last: bool,
    },
    /// To move both networks.
    Step {
        sums: Arc<HostSums>,
        learning_rate: f64,
    },
}

/// To [`Order::Gather`].
#[derive(Debug)]
pub(super) struct Answer {
    /// Weighted by the share.
    pub(super) losses: [f64; Losses::COUNT],
    /// What was gathered since the last step.
    pub(super) sums: Option<HostSums>,
}

/// Networks and optimizers as plain data, for any device.
pub(super) struct Start {
    config: TrainConfig,
    parameters: Vec<(String, TensorData)>,
    optimizers: [Moments; 2],
}

/// Steps, and two tensors a parameter.
type Moments = (u64, Vec<(String, [TensorData; 2])>);

impl Start {
    pub(super) fn new(state: &TrainState, config: &TrainConfig) -> Self {
        let optimizers = [&state.generator_optimizer, &state.discriminator_optimizer];
        Self {
            config: config.clone(),
            // Running statistics lag a step behind until they are asked for.
            parameters: parameters::values(&state.model.valid()),
            optimizers: optimizers.map(|optimizer| {
                let (steps, moments) = optimizer.state();
                (steps, moments.into_iter().collect())
            }),
        }
    }

    fn state(&self, device: &Device) -> Result<TrainState> {
        let model = self.config.model.init(device)?;
        let model = parameters::load(model, self.parameters.iter().cloned().collect());
        let [generator, discriminator] = self
            .optimizers
            .each_ref()
            .map(|(steps, moments)| Adam::restore(*steps, moments.iter().cloned(), device));
        Ok(TrainState {
            model,
            generator_optimizer: generator,
            discriminator_optimizer: discriminator,
        })
    }
}

#[derive(Debug)]
pub(super) struct Peer {
    name: String,
    orders: Option<Sender<Order>>,
    answers: Receiver<Result<Answer>>,
    thread: Option<JoinHandle<()>>,
}

impl Peer {
    /// Has a thread set `device` up.
    pub(super) fn start(device: &NamedDevice, start: Arc<Start>) -> Self {
        let (orders, to_do) = channel();
        let (answer, answers) = channel();
        let device_here = device.device.clone().autodiff();
        let thread = thread::spawn(move || {
            // A device that fails panics, deep inside a step.
            let worked = caught(|| work(&device_here, start, &to_do, &answer));
            let failed = match worked {
                Ok(Ok(())) => return,
                Ok(Err(error)) => error,
                Err(said) => device_error(&said),
            };
            // Nobody listens any more where the run is over.
            let _ = answer.send(Err(failed));
        });
        Self {
            name: device.name.clone(),
            orders: Some(orders),
            answers,
            thread: Some(thread),
        }
    }

    /// Does not wait until it is done.
    ///
    /// # Errors
    ///
    /// What [`Self::answer`] would give, where the device has failed already.
    pub(super) fn order(&self, order: Order) -> Result<()> {
        let orders = self
            .orders
            .as_ref()
            .expect("there are orders until its end");
        match orders.send(order) {
            Ok(()) => Ok(()),
            Err(_) => Err(self.answer().map_or_else(|error| error, |_| self.gone())),
        }
    }

    /// Waits for the answer to the oldest order that asks for one.
    ///
    /// # Errors
    ///
    /// [`Error::Device`] and [`Error::Memory`] naming the device.
    pub(super) fn answer(&self) -> Result<Answer> {
        let answer = self.answers.recv().map_err(|_| self.gone())?;
        answer.map_err(|error| match error {
            Error::Memory(said) => Error::Memory(format!("{}: {said}", self.name)),
            Error::Device(said) => Error::Device(format!("{} failed: {said}", self.name)),
            other => other,
        })
    }

    fn gone(&self) -> Error {
        Error::Device(format!("{} failed", self.name))
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.orders = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Until there are no more orders.
fn work(
    device: &Device,
    start: Arc<Start>,
    orders: &Receiver<Order>,
    answer: &Sender<Result<Answer>>,
) -> Result<()> {
    let mut state = start.state(device)?;
    let objective = start.config.objective;
    // The last device to be ready frees what all began with.
    drop(start);
    for order in orders {
        match order {
            Order::Gather {
                images,
                share,
                is_last,
            } => {
                let mut losses = [0.0; Losses::COUNT];
                if !images.is_empty() {
                    let batch = to_tensor(&images.iter().collect::<Vec<_>>(), device);
                    let then = Then::Gather(share);
                    let (next, on_device) = state.advance(batch, &objective, then);
                    state = next;
                    losses = read_losses([(share, on_device)])?;
                }
                let sums = is_last.then(|| HostSums::take(&mut state)).transpose()?;
                let done = Answer { losses, sums };
                if answer.send(Ok(done)).is_err() {
                    return Ok(());
                }
            }
            Order::Step {
                sums,
                learning_rate,
            } => state = sums.step(state, learning_rate, device),
        }
    }
    Ok(())
}
