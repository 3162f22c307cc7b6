//! Training from files: a complete training ([`run`]), the training loop with its checkpoints
//! ([`Trainer`]), and the events that both report. Nothing here prints.

mod checkpoint;
mod event;
mod progress;
mod read_losses;
mod run;
mod run_lock;
mod trainer;

pub use checkpoint::read_progress;
pub use event::{Begun, Event};
pub use progress::Progress;
pub use run::{Data, Outcome, Trained, Training, checkpoint_path, run};
pub use run_lock::RunLock;
pub use trainer::{Checkpointing, Chosen, End, Trainer};
