//! A device that trains on its share of every batch, and the thread that sends it there.

use std::mem;
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
use crate::train::memory::device_error;
use crate::train::read_losses::{Unread, Values, read_losses};
use crate::train::step::TrainState;

/// What a device is to do.
pub(super) enum Order {
    /// To accumulate the gradients of some images, the `share` of a batch.
    Accumulate { images: Vec<RgbImage>, share: f64 },
    /// To answer with all that was accumulated.
    Give,
    /// To move both networks.
    Step {
        sums: Arc<HostSums>,
        learning_rate: f64,
    },
}

/// What was accumulated since the last step; nothing where all is just set up.
#[derive(Debug, Default)]
pub(super) struct Answer {
    /// Of each batch, weighted by the share of it.
    pub(super) losses: Vec<Values>,
    pub(super) sums: HostSums,
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
    /// Has a thread set `device` up, and waits until it is.
    ///
    /// # Errors
    ///
    /// As [`Self::answer`].
    pub(super) fn start(device: &NamedDevice, start: Arc<Start>) -> Result<Self> {
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
        let peer = Self {
            name: device.name.clone(),
            orders: Some(orders),
            answers,
            thread: Some(thread),
        };
        peer.answer()?;
        Ok(peer)
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

    /// Waits for the answer to [`Order::Give`].
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
    drop(start);
    let ready = device.sync();
    ready.map_err(|error| device_error(&format!("{error:?}")))?;
    if answer.send(Ok(Answer::default())).is_err() {
        return Ok(());
    }
    let mut unread = Vec::new();
    for order in orders {
        match order {
            Order::Accumulate { images, share } => {
                if images.is_empty() {
                    continue;
                }
                let batch = to_tensor(&images.iter().collect::<Vec<_>>(), device);
                let then = Then::Accumulate(share);
                let (next, losses) = state.advance(batch, &objective, then);
                state = next;
                unread.push(Unread::on_device(share, losses));
            }
            Order::Give => {
                let done = Answer {
                    losses: read_losses(mem::take(&mut unread))?,
                    sums: HostSums::take(&mut state)?,
                };
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
