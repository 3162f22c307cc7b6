//! Test images, decoded while the ones before are scored.

use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;

use rayon::prelude::*;

use super::{LabelledImage, Sample};
use crate::error::Result;

/// Decoded side by side; two such portions are in memory beside the one in use.
const PORTION: usize = 32;

/// The images of `samples` in order, of the given size; what cannot be read is an error in its
/// place.
pub fn load_ahead(
    samples: Vec<Sample>,
    (width_px, height_px): (usize, usize),
) -> impl Iterator<Item = Result<LabelledImage>> {
    let (send, received): (_, Receiver<Vec<Result<LabelledImage>>>) = sync_channel(1);
    // Ends by itself when nobody receives any more.
    thread::spawn(move || {
        for portion in samples.chunks(PORTION) {
            let load = |sample: &Sample| sample.load(width_px, height_px);
            if send.send(portion.par_iter().map(load).collect()).is_err() {
                return;
            }
        }
    });
    received.into_iter().flatten()
}
