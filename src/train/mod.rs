//! Training, calibration and evaluation.

// Wherever there are gradients.
mod accumulate;
mod adam;
mod calibrate;
mod config;
mod initialize;
mod losses;
pub mod order;
mod schedule;
mod step;
mod teacher;
mod validation;

// With files, clocks and a choice of devices: natively.
#[cfg(feature = "train")]
pub mod atomic_file;
#[cfg(feature = "train")]
pub mod caught;
#[cfg(feature = "train")]
mod checkpoint;
#[cfg(feature = "train")]
pub mod dataset;
#[cfg(feature = "train")]
mod device;
#[cfg(feature = "train")]
mod device_check;
#[cfg(feature = "train")]
mod evaluate;
#[cfg(feature = "train")]
mod event;
#[cfg(feature = "train")]
mod images;
#[cfg(feature = "train")]
pub mod memory;
#[cfg(feature = "train")]
mod progress;
#[cfg(feature = "train")]
mod read_losses;
#[cfg(feature = "train")]
mod record;
#[cfg(feature = "train")]
mod run_lock;
#[cfg(feature = "train")]
pub mod settings;
#[cfg(feature = "train")]
mod trainer;
#[cfg(feature = "train")]
mod wait;

pub use adam::Adam;
pub use calibrate::{Finished, finish, recalibrate};
pub use config::{Objective, TrainConfig};
pub use initialize::initialize;
pub use losses::Losses;
pub use schedule::{Schedule, Steps};
pub use step::{AdversarialLosses, StepLosses, TrainState};
pub use teacher::{Lesson, Teacher};
pub use validation::{HeldOut, Validation, held_out_error};

pub use crate::image::Flips;

#[cfg(feature = "train")]
pub use checkpoint::read_progress;
#[cfg(feature = "train")]
pub use device::{Adapter, AdapterLimits, DeviceChoice, NamedDevice, adapters};
#[cfg(feature = "train")]
pub use device_check::{Deviations, check_training, compare_with_cpu};
#[cfg(feature = "train")]
pub use evaluate::{
    CategoryFigures, Evaluated, Evaluation, Figures, ProtocolMetrics, ScoredImage, evaluate,
};
#[cfg(feature = "train")]
pub use event::{EpochRecord, Event};
#[cfg(feature = "train")]
pub use images::TrainingImages;
#[cfg(feature = "train")]
pub use progress::Progress;
#[cfg(feature = "train")]
pub use record::{MetricRow, Records, metric_rows};
#[cfg(feature = "train")]
pub use run_lock::RunLock;
#[cfg(feature = "train")]
pub use settings::Settings;
#[cfg(feature = "train")]
pub use trainer::{Checkpointing, Chosen, Outcome, Trainer};
#[cfg(feature = "train")]
pub use wait::wait;
