//! Decodes the next test images while the previous ones are scored.

use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;

use rayon::prelude::*;

use super::{LabelledImage, Sample};
use crate::error::Result;

/// The number of images in a portion, whose images are decoded in parallel. Two more portions are
/// in memory beside the one in use.
const PORTION: usize = 32;

/// The images of `samples` in order, resized to the given size. An image that cannot be read is
/// replaced by its error.
///
/// ```
/// use daad::dataset::{DataSet, load_ahead};
///
/// let split = DataSet::open("www/gallery/piped".as_ref())?.select(&[])?;
/// for labelled in load_ahead(split.train, (64, 48)) {
///     assert_eq!(labelled?.image.dimensions(), (64, 48));
/// }
/// # Ok::<(), daad::Error>(())
/// ```
pub fn load_ahead(
    samples: Vec<Sample>,
    (width_px, height_px): (usize, usize),
) -> impl Iterator<Item = Result<LabelledImage>> {
    let (send, received): (_, Receiver<Vec<Result<LabelledImage>>>) = sync_channel(1);
    // The thread ends when the receiver is dropped.
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
