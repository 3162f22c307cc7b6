//! What a training tells whoever watches it. It never prints.

use std::path::PathBuf;

use super::progress::Progress;
use crate::learn::{EpochRecord, Losses};

/// Something that happened.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Event {
    /// Something to tell the user, a sentence: an image that was passed over, little memory.
    Note(String),
    /// So many of the images that are held out are read.
    Read {
        /// By now.
        done: usize,
        /// Of so many.
        total: usize,
    },
    /// The first step is next.
    Begun(Box<Begun>),
    /// A step is done.
    Step {
        /// Steps done in this epoch.
        step: usize,
        /// Images trained on in this step.
        images: usize,
        /// Means over this epoch so far; read from the device now and then only.
        losses: Option<Losses>,
    },
    /// An epoch is done.
    Epoch(EpochRecord),
    /// A checkpoint is on disk.
    Checkpoint(PathBuf),
    /// The last step is done.
    Trained {
        /// Epochs done.
        epochs: usize,
        /// Whether it ended because the held-out error fell no more.
        is_out_of_patience: bool,
        /// The epoch that the model is of: the last, or the best.
        chosen: usize,
    },
    /// The model file is on disk.
    Written {
        /// The file.
        path: PathBuf,
        /// Its size.
        bytes: usize,
    },
    /// So many of the test images are scored.
    Scored {
        /// By now.
        done: usize,
        /// Of so many.
        total: usize,
    },
}

/// What a training begins with.
#[derive(Debug, Clone)]
pub struct Begun {
    /// Images to train on.
    pub training: usize,
    /// Held-out images for the calibration.
    pub calibrating: usize,
    /// Held-out images that are looked at on the way, where the settings ask for it.
    pub choosing: Option<usize>,
    /// How much memory it may take.
    pub memory_bytes: u64,
    /// Where it stands: at its beginning, or where the checkpoint left off.
    pub progress: Progress,
}
