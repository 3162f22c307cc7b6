//! Training on every target. A training run is a sequence of steps: each step computes the
//! gradients of a batch, and the optimizers update the networks. The result is a calibrated model
//! file.

mod adam;
mod calibrate;
mod config;
mod device_check;
mod gradients;
mod history;
mod in_memory;
mod initialize;
mod losses;
mod mean_image;
pub mod order;
mod read_values;
mod run;
mod schedule;
mod step;
mod validation;

pub use adam::Adam;
pub use calibrate::{Finished, finish, recalibrate};
pub use config::{Objective, TrainConfig};
pub use device_check::{Deviations, check_training, compare_with_cpu};
pub use history::EpochRecord;
pub use in_memory::{InMemoryTraining, StepReport};
pub use initialize::initialize;
pub use losses::Losses;
pub(crate) use losses::finite;
pub use mean_image::{mean_image_error, rebuilding_warning};
pub use run::Run;
pub use schedule::{Schedule, Steps};
pub use step::{AdversarialLosses, StepGradients, StepLosses, TrainState};
pub use validation::{HeldOut, Validation, held_out_error};
