//! One batch on several devices: data-parallel training.
//!
//! Every device holds both networks and their optimizers, and gets its share of each batch. The
//! gradients' sum, weighted by the shares, goes through this process to all of them, and so all
//! take the same step. Batch normalization sees the images of its own device, as it does in
//! PyTorch's `DistributedDataParallel`; the running statistics that are kept are the first device's.
//!
//! Burn's own collective operations (`burn::tensor::distributed`) are there for CUDA alone, as of
//! 0.22; this way takes any devices, each of its own kind if need be.

mod peer;
mod sums;

use std::sync::Arc;

use burn::tensor::Device;
use image::RgbImage;

use self::peer::{Order, Peer};
use self::sums::HostSums;
use super::adam::Then;
use super::config::TrainConfig;
use super::device::NamedDevice;
use super::read_losses::Unread;
use super::step::TrainState;
use crate::error::{Error, Result};
use crate::image::to_tensor;

/// The devices beside the first, that a run has from its start to its end.
#[derive(Debug)]
pub(super) struct Peers {
    peers: Vec<Peer>,
    config: TrainConfig,
}

impl Peers {
    /// Gives every device the networks and optimizers as they are in `state`.
    ///
    /// # Errors
    ///
    /// As [`check_shares`]; [`Error::Device`] and [`Error::Memory`] naming a device that fails.
    pub(super) fn start(
        devices: &[NamedDevice],
        state: &TrainState,
        config: &TrainConfig,
    ) -> Result<Self> {
        check_shares(devices.len() + 1, config)?;
        let start = Arc::new(peer::Start::new(state, config));
        // One after the other: what all begin with is large, and larger on its way.
        let peer = |device: &NamedDevice| Peer::start(device, Arc::clone(&start));
        let peers = devices.iter().map(peer).collect::<Result<_>>()?;
        Ok(Self {
            peers,
            config: config.clone(),
        })
    }

    /// Trains on one batch; without a learning rate its gradients are only accumulated. `first` is the
    /// state on the first device. Gives the losses that are known by now: the others' come with the
    /// step.
    ///
    /// # Errors
    ///
    /// [`Error::Device`] and [`Error::Memory`] naming the device that failed. The devices have
    /// nothing in common then, and none is of further use.
    pub(super) fn step(
        &self,
        first: &mut Option<TrainState>,
        images: Vec<RgbImage>,
        learning_rate: Option<f64>,
        device: &Device,
    ) -> Result<Vec<Unread>> {
        let count = images.len() as f64;
        let mut shares = shares(images, self.peers.len() + 1).into_iter();
        let own = shares.next().unwrap_or_default();
        for (peer, images) in self.peers.iter().zip(shares) {
            peer.order(Order::Accumulate {
                share: images.len() as f64 / count,
                images,
            })?;
        }
        let mut losses = Vec::new();
        if !own.is_empty() {
            let share = own.len() as f64 / count;
            let batch = to_tensor(&own.iter().collect::<Vec<_>>(), device);
            let objective = &self.config.objective;
            let state = first.take().expect("a step gives the state back");
            let (state, own) = state.advance(batch, objective, Then::Accumulate(share));
            *first = Some(state);
            losses.push(Unread::on_device(share, own));
        }
        let Some(learning_rate) = learning_rate else {
            return Ok(losses);
        };
        for peer in &self.peers {
            peer.order(Order::Give)?;
        }
        let state = first.as_mut().expect("a step gives the state back");
        let mut sums = HostSums::take(state)?;
        for peer in &self.peers {
            let answer = peer.answer()?;
            losses.extend(answer.losses.into_iter().map(Unread::Read));
            sums.add(answer.sums);
        }
        let sums = Arc::new(sums);
        for peer in &self.peers {
            let sums = Arc::clone(&sums);
            peer.order(Order::Step {
                sums,
                learning_rate,
            })?;
        }
        let state = first.take().expect("a step gives the state back");
        *first = Some(sums.step(state, learning_rate, device));
        Ok(losses)
    }
}

/// Whether every device gets a share of a batch.
///
/// # Errors
///
/// [`Error::Config`] where a batch has fewer images than there are devices.
pub fn check_shares(devices: usize, config: &TrainConfig) -> Result<()> {
    let batch_size = config.batch_size;
    if devices <= batch_size {
        return Ok(());
    }
    Err(Error::Config(format!(
        "{devices} devices cannot share a batch of {batch_size}; raise batch-size"
    )))
}

/// As many parts as there are devices, in order, none larger than another by more than one image.
fn shares(images: Vec<RgbImage>, devices: usize) -> Vec<Vec<RgbImage>> {
    let (each, more) = (images.len() / devices, images.len() % devices);
    let mut images = images.into_iter();
    let share = |device| {
        let count = each + usize::from(device < more);
        images.by_ref().take(count).collect()
    };
    (0..devices).map(share).collect()
}
