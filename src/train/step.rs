//! One training step: the generator against the discriminator as it is, then the discriminator
//! (Section 3.3, Eq. 3 to 6).

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use image::RgbImage;

use super::adam::Adam;
use super::config::{Objective, TrainConfig};
use crate::image::to_tensor;
use crate::loss;
use crate::model::{Discriminator, Model, parameters};

/// Networks and optimizers, what a step changes.
#[derive(Debug, Clone)]
pub struct TrainState {
    /// The networks, on an autodiff device.
    pub model: Model,
    /// Of the generator.
    pub generator_optimizer: Adam,
    /// Of the discriminator; idle where there is none.
    pub discriminator_optimizer: Adam,
}

/// The losses of one step, still on the device, without their weights λ.
#[derive(Debug, Clone)]
pub struct StepLosses {
    /// Lrec.
    pub reconstruction: Tensor<1>,
    /// One minus the structural similarity, where that is trained too.
    pub structural: Option<Tensor<1>>,
    /// What the discriminator adds, if there is one.
    pub adversarial: Option<AdversarialLosses>,
}

/// The losses that need a discriminator, still on the device, without their weights λ.
#[derive(Debug, Clone)]
pub struct AdversarialLosses {
    /// Ladv.
    pub adversarial: Tensor<1>,
    /// Lali.
    pub alignment: Tensor<1>,
    /// The discriminator's cross-entropy.
    pub discriminator: Tensor<1>,
}

impl StepLosses {
    /// Those that there are, each with its place in [`Losses::to_array`].
    ///
    /// [`Losses::to_array`]: super::Losses::to_array
    pub(super) fn columns(self) -> Vec<(usize, Tensor<1>)> {
        let mut columns = vec![(0, self.reconstruction)];
        if let Some(losses) = self.adversarial {
            columns.push((1, losses.adversarial));
            columns.push((2, losses.alignment));
            columns.push((3, losses.discriminator));
        }
        columns.extend(self.structural.map(|structural| (4, structural)));
        columns
    }
}

impl TrainState {
    /// Starts with fresh optimizers.
    pub fn new(model: Model) -> Self {
        // A parameter that is drawn when first read would be drawn by the frozen copy of the
        // discriminator that judges the generator, and stay frozen in the original too.
        parameters::initialize(&model);
        Self {
            model,
            generator_optimizer: Adam::default(),
            discriminator_optimizer: Adam::default(),
        }
    }

    /// Trains on images in memory; without a learning rate it only accumulates their gradients.
    pub(super) fn step_on(
        self,
        config: &TrainConfig,
        images: &[RgbImage],
        learning_rate: Option<f64>,
        device: &Device,
    ) -> (Self, StepLosses) {
        let batch = to_tensor(&images.iter().collect::<Vec<_>>(), device);
        self.advance(batch, &config.objective, learning_rate)
    }

    /// Trains both networks on one batch of images `[B, 3, H, W]` on an autodiff device.
    pub fn step(
        self,
        images: Tensor<4>,
        objective: &Objective,
        learning_rate: f64,
    ) -> (Self, StepLosses) {
        self.advance(images, objective, Some(learning_rate))
    }

    /// As [`Self::step`], but both networks stay as they are: the next step moves them by the mean
    /// of the gradients of all batches since the last.
    pub fn accumulate(self, images: Tensor<4>, objective: &Objective) -> (Self, StepLosses) {
        self.advance(images, objective, None)
    }

    /// Moves both networks by the mean of the gradients that were accumulated, if there are any.
    #[cfg(feature = "train")]
    pub(super) fn step_accumulated(self, learning_rate: f64) -> Self {
        let Self {
            model,
            mut generator_optimizer,
            mut discriminator_optimizer,
        } = self;
        let Model {
            generator,
            discriminator,
        } = model;
        let generator = generator_optimizer.step_accumulated(generator, learning_rate);
        let discriminator = discriminator
            .map(|network| discriminator_optimizer.step_accumulated(network, learning_rate));
        Self {
            model: Model {
                generator,
                discriminator,
            },
            generator_optimizer,
            discriminator_optimizer,
        }
    }

    /// One batch of images `[B, 3, H, W]` on an autodiff device, for both networks; without a
    /// learning rate it only accumulates their gradients.
    fn advance(
        self,
        images: Tensor<4>,
        objective: &Objective,
        learning_rate: Option<f64>,
    ) -> (Self, StepLosses) {
        let Self {
            model,
            mut generator_optimizer,
            mut discriminator_optimizer,
        } = self;
        let Model {
            generator,
            discriminator,
        } = model;
        let rebuilt = generator.forward(images.clone());
        let reconstruction = loss::reconstruction(images.clone(), rebuilt.clone());
        let mut total = reconstruction.clone().mul_scalar(objective.reconstruction);
        let structural = (objective.structural_similarity > 0.0)
            .then(|| loss::structural_similarity(images.clone(), rebuilt.clone()).neg() + 1.0);
        if let Some(structural) = &structural {
            let weight = objective.structural_similarity;
            total = total + structural.clone().mul_scalar(weight);
        }
        let game = discriminator.as_ref().map(|discriminator| {
            Game::play(discriminator, images.clone(), rebuilt.clone(), objective)
        });
        if let Some(game) = &game {
            total = total
                + game.adversarial.clone().mul_scalar(objective.adversarial)
                + game.alignment.clone().mul_scalar(objective.alignment);
        }
        let generator = generator_optimizer.take(generator, total.backward(), learning_rate);

        let mut adversarial = None;
        let discriminator = discriminator.map(|discriminator| {
            // What was rebuilt before the generator moved, cut off from its graph.
            let real = discriminator.forward(images);
            let fake = discriminator.forward(rebuilt.detach());
            let entropy = loss::discrimination(real.logits, fake.logits);
            let mut total = entropy.clone();
            if objective.alignment_trains_discriminator {
                let alignment = loss::alignment(real.features, fake.features);
                total = total + alignment.mul_scalar(objective.alignment);
            }
            adversarial = game.map(|game| AdversarialLosses {
                adversarial: game.adversarial.detach(),
                alignment: game.alignment.detach(),
                discriminator: entropy.detach(),
            });
            discriminator_optimizer.take(discriminator, total.backward(), learning_rate)
        });

        let losses = StepLosses {
            reconstruction: reconstruction.detach(),
            structural: structural.map(Tensor::detach),
            adversarial,
        };
        let state = Self {
            model: Model {
                generator,
                discriminator,
            },
            generator_optimizer,
            discriminator_optimizer,
        };
        (state, losses)
    }
}

/// The generator's two losses against the discriminator as it is.
struct Game {
    adversarial: Tensor<1>,
    alignment: Tensor<1>,
}

impl Game {
    fn play(
        discriminator: &Discriminator,
        images: Tensor<4>,
        rebuilt: Tensor<4>,
        objective: &Objective,
    ) -> Self {
        // Gradients go through the discriminator to the generator, none to its own weights;
        // its batch normalization still sees the batch, as in training.
        let judge = discriminator.clone().no_grad();
        let fake = judge.forward(rebuilt);
        let real = judge.forward(images);
        Self {
            adversarial: loss::adversarial(fake.logits, objective.adversarial_form),
            alignment: loss::alignment(real.features, fake.features),
        }
    }
}
