//! Training, calibration and evaluation: everything that needs files, clocks or gradients.

mod adam;
pub mod atomic_file;
mod calibrate;
mod checkpoint;
mod config;
pub mod dataset;
mod device;
mod device_check;
mod evaluate;
mod event;
mod initialize;
pub mod order;
mod step;
mod trainer;

pub use adam::Adam;
pub use calibrate::{Finished, Flips, finish, recalibrate, wait};
pub use checkpoint::{Progress, read_progress};
pub use config::{Objective, Schedule, TrainConfig};
pub use device::{Adapter, DeviceChoice, NamedDevice, adapters};
pub use device_check::check_training;
pub use evaluate::{Evaluation, Metrics, evaluate};
pub use event::{EpochRecord, Event, Losses};
pub use initialize::initialize;
pub use step::{AdversarialLosses, StepLosses, TrainState};
pub use trainer::{Checkpointing, Outcome, Trainer};
