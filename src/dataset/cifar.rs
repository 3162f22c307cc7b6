//! CIFAR-10: the official binary batches.

use std::path::Path;
use std::sync::Arc;

use super::files::first_file;
use super::sample::read_file;
use super::split::Split;
use super::{Records, Sample, Source};
use crate::error::{Error, Result};

const CLASSES: [&str; 10] = [
    "airplane",
    "automobile",
    "bird",
    "cat",
    "deer",
    "dog",
    "frog",
    "horse",
    "ship",
    "truck",
];
const SIDE_PX: usize = 32;
const CHANNELS: usize = 3;

/// The size of a record: one byte for the label, then the image.
const RECORD_BYTES: usize = 1 + CHANNELS * SIDE_PX * SIDE_PX;

/// Opens `data_batch_1.bin` to `data_batch_5.bin` and `test_batch.bin`, which may also be in
/// `cifar-10-batches-bin`. The class is the category. The result is empty if these files are
/// missing.
pub(super) fn open(root: &Path) -> Result<Split> {
    let inner = root.join("cifar-10-batches-bin");
    let places = [root, inner.as_path()];
    let is_there = |folder: &&&Path| first_file(folder, &["data_batch_1.bin"]).is_some();
    let Some(folder) = places.iter().find(is_there) else {
        return Ok(Split::default());
    };
    let mut train = Vec::new();
    for batch in 1..=5 {
        train.extend(samples(&folder.join(format!("data_batch_{batch}.bin")))?);
    }
    Ok(Split {
        train,
        test: samples(&folder.join("test_batch.bin"))?,
        ..Split::default()
    })
}

fn samples(path: &Path) -> Result<Vec<Sample>> {
    let bytes = read_file(path)?;
    let wrong = |reason: String| Error::Data(format!("{}: {reason}", path.display()));
    if bytes.is_empty() || !bytes.len().is_multiple_of(RECORD_BYTES) {
        return Err(wrong(format!(
            "{} bytes are not whole images of {RECORD_BYTES} bytes; is it cut off?",
            bytes.len()
        )));
    }
    let records = Arc::new(Records {
        path: path.to_owned(),
        side_px: SIDE_PX,
        channels: CHANNELS,
        label_bytes: 1,
        bytes,
    });
    let sample = |index: usize| {
        let label = records.label(index);
        let class = CLASSES.get(usize::from(label));
        let class = class.ok_or_else(|| wrong(format!("image {index} has label {label}")))?;
        let records = Arc::clone(&records);
        Ok(Sample::of_class(Source::Record { records, index }, class))
    };
    (0..records.count()).map(sample).collect()
}
