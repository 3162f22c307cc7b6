//! One training step: the gradients of the generator, with a fixed discriminator, then the
//! gradients of the discriminator (Section 3.3, Eq. 3 to 6).

use std::ops::Add;

use burn::module::Module;
use burn::tensor::Tensor;

use super::adam::Adam;
use super::config::Objective;
use super::gradients::NetworkGradients;
use crate::kernel::{self, Recording};
use crate::loss;
use crate::model::{Discriminator, Model, parameters};

/// The networks and optimizers, which each training step changes.
///
/// ```
/// use burn::tensor::Device;
/// use daad::image::to_tensor;
/// use daad::learn::{TrainState, initialize};
/// # use daad::settings::Settings;
/// # let config = Settings::from_toml("size = 16\nscales = 2\nwidth = 2\nitems = 6\ndivision = 2\nparts = \"none\"")?.resolve()?;
/// # let image = image::RgbImage::new(16, 16);
///
/// let device = Device::flex().autodiff();
/// let mut state = TrainState::new(initialize(config.model.init(&device)?, config.seed));
/// for _ in 0..2 {
///     let batch = to_tensor(&[&image], &device); // [1, 3, 16, 16]
///     let gradients = state.gradients(batch, &config.objective);
///     state = state.apply(gradients, 1e-3);
/// }
/// # Ok::<(), daad::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct TrainState {
    /// The networks, on an autodiff device.
    pub model: Model,
    /// The optimizer of the generator.
    pub generator_optimizer: Adam,
    /// The optimizer of the discriminator; not used if there is no discriminator.
    pub discriminator_optimizer: Adam,
}

/// The losses of one step, still on the device, without their weights λ.
///
/// ```
/// use burn::tensor::Device;
/// use daad::image::to_tensor;
/// use daad::learn::{TrainState, initialize};
/// # use daad::settings::Settings;
/// # let config = Settings::from_toml("size = 16\nscales = 2\nwidth = 2\nitems = 6\ndivision = 2\nparts = \"none\"")?.resolve()?;
/// # let image = image::RgbImage::new(16, 16);
///
/// // A configuration without a discriminator.
/// let device = Device::flex().autodiff();
/// let state = TrainState::new(initialize(config.model.init(&device)?, 0));
/// let losses = state.gradients(to_tensor(&[&image], &device), &config.objective).losses;
/// assert_eq!(losses.reconstruction.dims(), [1]);
/// assert!(losses.structural.is_none() && losses.adversarial.is_none());
/// # Ok::<(), daad::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct StepLosses {
    /// Lrec.
    pub reconstruction: Tensor<1>,
    /// One minus the structural similarity, if this loss is used in training.
    pub structural: Option<Tensor<1>>,
    /// The losses that need a discriminator, if there is one.
    pub adversarial: Option<AdversarialLosses>,
}

/// The losses that need a discriminator, still on the device, without their weights λ.
///
/// ```
/// use burn::tensor::Device;
/// use daad::image::to_tensor;
/// use daad::learn::{TrainState, initialize};
/// # use daad::settings::Settings;
/// # let config = Settings::from_toml("size = 16\nscales = 2\nwidth = 2\nitems = 6\ndivision = 2\ndiscriminator-features = 4")?.resolve()?;
/// # let [one, other] = [0, 255].map(|value| image::RgbImage::from_pixel(16, 16, image::Rgb([value; 3])));
///
/// // A configuration with a discriminator, as `TrainConfig::default()`.
/// let device = Device::flex().autodiff();
/// let state = TrainState::new(initialize(config.model.init(&device)?, 0));
/// let batch = to_tensor(&[&one, &other], &device);
/// let losses = state.gradients(batch, &config.objective).losses.adversarial;
/// let entropy = losses.expect("there is a discriminator").discriminator;
/// assert!(entropy.into_scalar::<f32>() > 0.0);
/// # Ok::<(), daad::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct AdversarialLosses {
    /// Ladv.
    pub adversarial: Tensor<1>,
    /// Lali.
    pub alignment: Tensor<1>,
    /// The discriminator's cross-entropy.
    pub discriminator: Tensor<1>,
}

/// The gradients of one batch, or the sum of the gradients of several batches, for both networks.
///
/// ```
/// use burn::tensor::Device;
/// use daad::image::to_tensor;
/// use daad::learn::{TrainState, initialize};
/// # use daad::settings::Settings;
/// # let config = Settings::from_toml("size = 16\nscales = 2\nwidth = 2\nitems = 6\ndivision = 2\nparts = \"none\"")?.resolve()?;
/// # let [one, other] = [0, 255].map(|value| image::RgbImage::from_pixel(16, 16, image::Rgb([value; 3])));
///
/// let device = Device::flex().autodiff();
/// let state = TrainState::new(initialize(config.model.init(&device)?, 0));
/// let gradients = |image| state.gradients(to_tensor(&[image], &device), &config.objective);
/// // One update by the mean of two batches.
/// let sum = gradients(&one) + gradients(&other);
/// let state = state.apply(sum, 1e-3);
/// assert_eq!(state.generator_optimizer.state().0, 1);
/// # Ok::<(), daad::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct StepGradients {
    /// The losses of the batch; in a sum over several batches, those of the last batch.
    pub losses: StepLosses,
    generator: NetworkGradients,
    /// The gradients of the discriminator; empty if there is none.
    discriminator: NetworkGradients,
    batches: usize,
}

impl Add for StepGradients {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            losses: other.losses,
            generator: self.generator + other.generator,
            discriminator: self.discriminator + other.discriminator,
            batches: self.batches + other.batches,
        }
    }
}

impl StepLosses {
    /// All losses that are present, each with its index in [`Losses::to_array`].
    ///
    /// [`Losses::to_array`]: super::Losses::to_array
    pub(crate) fn columns(self) -> Vec<(usize, Tensor<1>)> {
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
    /// A state with new optimizers.
    pub fn new(model: Model) -> Self {
        // Burn draws a parameter's initial value when it is first read. Without this call, the
        // frozen copy of the discriminator in `GeneratorLosses::of` would read it first, and the
        // parameter would stay frozen in the original discriminator too.
        parameters::initialize(&model);
        Self {
            model,
            generator_optimizer: Adam::default(),
            discriminator_optimizer: Adam::default(),
        }
    }

    /// The gradients of one batch of images `[B, 3, H, W]` on an autodiff device, for both current
    /// networks.
    ///
    /// ```
    /// use burn::tensor::Device;
    /// use daad::image::to_tensor;
    /// use daad::learn::{TrainState, initialize};
    /// # use daad::settings::Settings;
    /// # let config = Settings::from_toml("size = 16\nscales = 2\nwidth = 2\nitems = 6\ndivision = 2\nparts = \"none\"")?.resolve()?;
    /// # let image = image::RgbImage::new(16, 16);
    ///
    /// let device = Device::flex().autodiff();
    /// let state = TrainState::new(initialize(config.model.init(&device)?, 0));
    /// let gradients = state.gradients(to_tensor(&[&image], &device), &config.objective);
    /// assert!(gradients.losses.reconstruction.into_scalar::<f32>() > 0.0);
    /// # Ok::<(), daad::Error>(())
    /// ```
    pub fn gradients(&self, images: Tensor<4>, objective: &Objective) -> StepGradients {
        kernel::keeping_arranged(|| self.both_gradients(images, objective))
    }

    /// See [`Self::gradients`].
    fn both_gradients(&self, images: Tensor<4>, objective: &Objective) -> StepGradients {
        let Model {
            generator,
            discriminator,
        } = &self.model;
        let images = kernel::arranged_maps(images);
        let rebuilt = generator.forward(images.clone());
        let reconstruction = loss::reconstruction(images.clone(), rebuilt.clone());
        let mut total = reconstruction.clone().mul_scalar(objective.reconstruction);
        let structural = (objective.structural_similarity > 0.0)
            .then(|| loss::structural_similarity(images.clone(), rebuilt.clone()).neg() + 1.0);
        if let Some(structural) = &structural {
            let weight = objective.structural_similarity;
            total = total + structural.clone().mul_scalar(weight);
        }
        let (losses, recordings) = discriminator
            .as_ref()
            .map(|discriminator| {
                GeneratorLosses::of(discriminator, images.clone(), rebuilt.clone(), objective)
            })
            .unzip();
        if let Some(losses) = &losses {
            total = total
                + losses.adversarial.clone().mul_scalar(objective.adversarial)
                + losses.alignment.clone().mul_scalar(objective.alignment);
        }
        let of_generator = NetworkGradients::of([generator], total.backward());

        let mut adversarial = None;
        let of_discriminator = discriminator.as_ref().zip(recordings);
        let of_discriminator = of_discriminator.map(|(discriminator, [of_fake, of_real])| {
            // Detached from the generator's graph, because this loss trains the discriminator only.
            let rebuilt = rebuilt.detach();
            // If both passes used the same parameters, autodiff would add up the gradients of the
            // two passes with one kernel for each parameter. With a copy for each pass, the
            // optimizer adds them.
            let copy = parameters::separate(discriminator.clone());
            let real = kernel::replayed(of_real, || discriminator.forward(images));
            let fake = kernel::replayed(of_fake, || copy.forward(rebuilt));
            let entropy = loss::discrimination(real.logits, fake.logits);
            let mut total = entropy.clone();
            if objective.alignment_trains_discriminator {
                let alignment = loss::alignment(real.features, fake.features);
                total = total + alignment.mul_scalar(objective.alignment);
            }
            adversarial = losses.map(|losses| AdversarialLosses {
                adversarial: losses.adversarial.detach(),
                alignment: losses.alignment.detach(),
                discriminator: entropy.detach(),
            });
            NetworkGradients::of([discriminator, &copy], total.backward())
        });
        StepGradients {
            losses: StepLosses {
                reconstruction: reconstruction.detach(),
                structural: structural.map(Tensor::detach),
                adversarial,
            },
            generator: of_generator,
            discriminator: of_discriminator.unwrap_or_default(),
            batches: 1,
        }
    }

    /// Updates both networks by the mean of the gradients of the batches that were added.
    ///
    /// ```
    /// use burn::tensor::Device;
    /// use daad::image::to_tensor;
    /// use daad::learn::{TrainState, initialize};
    /// # use daad::settings::Settings;
    /// # let config = Settings::from_toml("size = 16\nscales = 2\nwidth = 2\nitems = 6\ndivision = 2\nparts = \"none\"")?.resolve()?;
    /// # let image = image::RgbImage::new(16, 16);
    ///
    /// let device = Device::flex().autodiff();
    /// let batch = to_tensor(&[&image], &device);
    /// let mut state = TrainState::new(initialize(config.model.init(&device)?, 0));
    /// let mut errors = Vec::new();
    /// for _ in 0..10 {
    ///     let gradients = state.gradients(batch.clone(), &config.objective);
    ///     errors.push(gradients.losses.reconstruction.clone().into_scalar::<f32>());
    ///     state = state.apply(gradients, 1e-2);
    /// }
    /// assert!(errors[9] < errors[0]);
    /// # Ok::<(), daad::Error>(())
    /// ```
    #[must_use]
    pub fn apply(self, gradients: StepGradients, learning_rate: f64) -> Self {
        let Self {
            model,
            mut generator_optimizer,
            mut discriminator_optimizer,
        } = self;
        let batches = gradients.batches;
        let of_generator = gradients.generator.mean(batches);
        let of_discriminator = gradients.discriminator.mean(batches);
        let model = Model {
            generator: generator_optimizer.step(model.generator, of_generator, learning_rate),
            discriminator: model.discriminator.map(|discriminator| {
                discriminator_optimizer.step(discriminator, of_discriminator, learning_rate)
            }),
        };
        Self {
            model,
            generator_optimizer,
            discriminator_optimizer,
        }
    }
}

/// The generator's two losses that need the discriminator, which is fixed here.
struct GeneratorLosses {
    adversarial: Tensor<1>,
    alignment: Tensor<1>,
}

impl GeneratorLosses {
    /// Returns the losses, and recordings of the discriminator's passes over the reconstructions
    /// and over the images. The weights of the discriminator do not change before its own training,
    /// so that training can reuse the recorded results.
    fn of(
        discriminator: &Discriminator,
        images: Tensor<4>,
        rebuilt: Tensor<4>,
        objective: &Objective,
    ) -> (Self, [Recording; 2]) {
        // Gradients go through the discriminator to the generator, but not to the discriminator's
        // own weights. The discriminator's batch normalization uses the batch's statistics, as in
        // training.
        let frozen = discriminator.clone().no_grad();
        let (fake, of_fake) = kernel::recorded(|| frozen.forward(rebuilt));
        let (real, of_real) = kernel::recorded(|| frozen.forward(images));
        let losses = Self {
            adversarial: loss::adversarial(fake.logits, objective.adversarial_form),
            alignment: loss::alignment(real.features, fake.features),
        };
        (losses, [of_fake, of_real])
    }
}
