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
use super::losses::Losses;
use super::step::{StepLosses, TrainState};
use crate::error::{Error, Result};
use crate::image::to_tensor;

/// The devices beside the first, that a run has from its start to its end.
#[derive(Debug)]
pub(super) struct Peers {
    peers: Vec<Peer>,
    config: TrainConfig,
}

/// The losses of one batch, the mean over its images.
pub(super) struct SharedLosses {
    /// Of the first device's share, still on it, and how large that is.
    pub(super) first: Option<(f64, StepLosses)>,
    /// Of all others' shares, weighted by them.
    pub(super) others: [f64; Losses::COUNT],
}

impl Peers {
    /// Gives every device the networks and optimizers as they are in `state`.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] where a batch has fewer images than there are devices.
    pub(super) fn start(
        devices: &[NamedDevice],
        state: &TrainState,
        config: &TrainConfig,
    ) -> Result<Self> {
        let (count, batch_size) = (devices.len() + 1, config.batch_size);
        if count > batch_size {
            return Err(Error::Config(format!(
                "{count} devices cannot share a batch of {batch_size}; raise batch-size"
            )));
        }
        let start = Arc::new(peer::Start::new(state, config));
        let peer = |device: &NamedDevice| Peer::start(device, Arc::clone(&start));
        Ok(Self {
            peers: devices.iter().map(peer).collect(),
            config: config.clone(),
        })
    }

    /// Trains on one batch; without a learning rate its gradients are only gathered. `first` is the
    /// state on the first device; after an error it is that of no batch.
    ///
    /// # Errors
    ///
    /// [`Error::Device`] and [`Error::Memory`] naming the device that failed.
    pub(super) fn step(
        &self,
        first: &mut Option<TrainState>,
        images: Vec<RgbImage>,
        learning_rate: Option<f64>,
        device: &Device,
    ) -> Result<SharedLosses> {
        let count = images.len() as f64;
        let mut shares = shares(images, self.peers.len() + 1).into_iter();
        let own = shares.next().unwrap_or_default();
        for (peer, images) in self.peers.iter().zip(shares) {
            peer.order(Order::Gather {
                share: images.len() as f64 / count,
                images,
                is_last: learning_rate.is_some(),
            })?;
        }
        let mut losses = SharedLosses {
            first: None,
            others: [0.0; Losses::COUNT],
        };
        if !own.is_empty() {
            let share = own.len() as f64 / count;
            let batch = to_tensor(&own.iter().collect::<Vec<_>>(), device);
            let objective = &self.config.objective;
            let state = first.take().expect("a step gives the state back");
            let (state, own) = state.advance(batch, objective, Then::Gather(share));
            *first = Some(state);
            losses.first = Some((share, own));
        }
        let mut gathered = Vec::new();
        for peer in &self.peers {
            let answer = peer.answer()?;
            for (sum, loss) in losses.others.iter_mut().zip(answer.losses) {
                *sum += loss;
            }
            gathered.extend(answer.sums);
        }
        let Some(learning_rate) = learning_rate else {
            return Ok(losses);
        };
        let state = first.as_mut().expect("a step gives the state back");
        let mut sums = HostSums::take(state)?;
        for other in gathered {
            sums.add(other);
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
