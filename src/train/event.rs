//! The events that a training run reports to its caller. The training run itself never prints.

use std::path::PathBuf;

use super::progress::Progress;
use crate::learn::{EpochRecord, Losses};

/// Something that happened during a training run.
///
/// ```
/// use daad::train::Event;
///
/// fn line(event: &Event) -> Option<String> {
///     match event {
///         Event::Note(sentence) => Some(sentence.clone()),
///         Event::Epoch(record) => Some(format!("epoch {} is done", record.epoch)),
///         Event::Written { path, bytes } => Some(format!("{}: {bytes} bytes", path.display())),
///         _ => None, // for a progress bar
///     }
/// }
///
/// let event = Event::Written {
///     path: "cable.safetensors".into(),
///     bytes: 53902,
/// };
/// assert_eq!(line(&event).as_deref(), Some("cable.safetensors: 53902 bytes"));
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Event {
    /// A sentence for the user, for instance about an image that was skipped or about little
    /// memory.
    Note(String),
    /// Some of the held-out images are read.
    Read {
        /// The number of images read so far.
        done: usize,
        /// The number of held-out images.
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
        /// The mean losses of this epoch so far. They are read from the device only from time to
        /// time; None at other steps.
        losses: Option<Losses>,
    },
    /// An epoch is done.
    Epoch(EpochRecord),
    /// A checkpoint is on disk.
    Checkpoint(PathBuf),
    /// The last step is done.
    Trained {
        /// The number of finished epochs.
        epochs: usize,
        /// Whether the run ended because the held-out error did not fall any more.
        is_out_of_patience: bool,
        /// The epoch whose weights the model has: the last or the best epoch.
        chosen: usize,
    },
    /// The model file is on disk.
    Written {
        /// The file.
        path: PathBuf,
        /// The size of the file.
        bytes: usize,
    },
    /// Some of the test images are scored.
    Scored {
        /// The number of images scored so far.
        done: usize,
        /// The number of test images.
        total: usize,
    },
}

/// The state of a training run when it begins.
///
/// ```
/// # use std::sync::atomic::AtomicBool;
/// # use daad::dataset::{NormalImages, TestImages, Unreadable};
/// # use daad::device::DeviceChoice;
/// # use daad::settings::Settings;
/// # use daad::train::{Data, Training};
/// # use daad::weights::{Precision, Provenance};
/// use daad::device::in_words;
/// use daad::train::{Event, run};
/// # let folder = tempfile::tempdir()?;
/// # let config = Settings::from_toml("size = 16\nscales = 2\nwidth = 2\nitems = 6\ndivision = 2\nparts = \"none\"\nepochs = 1")?.resolve()?;
/// # let training = Training {
/// #     config,
/// #     device: DeviceChoice::Cpu.resolve()?,
/// #     out: folder.path().join("model.safetensors"),
/// #     resume: false,
/// #     provenance: Provenance::default(),
/// #     precision: Precision::F16,
/// #     lock: None,
/// # };
/// # let data = Data {
/// #     normal: NormalImages::InMemory(vec![image::RgbImage::new(16, 16); 10]),
/// #     test: TestImages::in_memory(Vec::new()),
/// #     unreadable: Unreadable::Fail,
/// # };
/// # let stop = AtomicBool::new(true);
///
/// // Ten normal images.
/// run(training, data, &stop, |event| {
///     if let Event::Begun(begun) = event {
///         assert_eq!((begun.training, begun.calibration), (8, 2));
///         println!("{} images take {}", begun.training, in_words(begun.memory_bytes));
///     }
/// })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Begun {
    /// The number of images to train on.
    pub training: usize,
    /// The number of held-out images in the calibration split.
    pub calibration: usize,
    /// The number of held-out images in the validation split, if the settings ask for validation.
    pub validation: Option<usize>,
    /// The estimated peak memory of the run.
    pub memory_bytes: u64,
    /// The position of the run: its beginning, or that of the checkpoint.
    pub progress: Progress,
}
