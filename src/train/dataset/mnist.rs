//! MNIST: four idx files, gzip or not.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use flate2::read::GzDecoder;

use super::files::first_file;
use super::sample::read_file;
use super::split::Split;
use super::{Records, Sample, Source};
use crate::error::{Error, Result};
use crate::metric::Label;

/// More than any of its files unpacks to: a lying archive must not fill the memory.
const MAX_BYTES: u64 = 1 << 30;

const IMAGES_MAGIC: u32 = 0x0803;
const LABELS_MAGIC: u32 = 0x0801;

/// `train-images-idx3-ubyte`, `train-labels-idx1-ubyte` and the same with `t10k`, each perhaps with
/// `.gz`; the digit is the category. Nothing where they are not there.
pub(super) fn open(root: &Path) -> Result<Split> {
    if find(root, "train-images", "idx3").is_none() {
        return Ok(Split::default());
    }
    Ok(Split {
        train: samples(root, "train")?,
        test: samples(root, "t10k")?,
    })
}

/// Some copies write `.idx3` where others write `-idx3`.
fn find(root: &Path, name: &str, kind: &str) -> Option<PathBuf> {
    let names = [
        format!("{name}-{kind}-ubyte"),
        format!("{name}-{kind}-ubyte.gz"),
        format!("{name}.{kind}-ubyte"),
    ];
    first_file(root, &names.each_ref().map(String::as_str))
}

fn samples(root: &Path, split: &str) -> Result<Vec<Sample>> {
    let file = |what: &str, kind: &str| {
        let name = format!("{split}-{what}");
        find(root, &name, kind).ok_or_else(|| {
            let root = root.display();
            Error::Data(format!(
                "{root} lacks {name}-{kind}-ubyte (or the same with .gz)"
            ))
        })
    };
    let images = images(file("images", "idx3")?)?;
    let labels_path = file("labels", "idx1")?;
    let labels = labels(&labels_path)?;
    if labels.len() != images.count() {
        return Err(Error::Data(format!(
            "{} has {} labels for {} images",
            labels_path.display(),
            labels.len(),
            images.count()
        )));
    }
    let images = Arc::new(images);
    let sample = |(index, digit): (usize, u8)| {
        let source = Source::Record {
            records: Arc::clone(&images),
            index,
        };
        Sample::of_class(source, &digit.to_string())
    };
    Ok(labels.into_iter().enumerate().map(sample).collect())
}

fn images(path: PathBuf) -> Result<Records> {
    let bytes = unpacked(&path)?;
    let wrong = |reason: String| Error::Data(format!("{}: {reason}", path.display()));
    let [count, height, width] = header(&bytes, IMAGES_MAGIC).map_err(&wrong)?;
    if height != width || height == 0 || height > 4096 {
        return Err(wrong(format!(
            "images of {width}×{height} pixels are not expected"
        )));
    }
    let pixels = &bytes[16..];
    let expected = u64::from(count) * u64::from(height) * u64::from(width);
    if pixels.len() as u64 != expected {
        return Err(wrong(format!(
            "{count} images of {width}×{height} pixels take {expected} bytes, it has {}",
            pixels.len()
        )));
    }
    Ok(Records {
        side_px: height as usize,
        channels: 1,
        label_bytes: 0,
        bytes: pixels.to_vec(),
        path,
    })
}

fn labels(path: &Path) -> Result<Vec<u8>> {
    let bytes = unpacked(path)?;
    let wrong = |reason: String| Error::Data(format!("{}: {reason}", path.display()));
    let [count] = header(&bytes, LABELS_MAGIC).map_err(&wrong)?;
    let labels = &bytes[8..];
    if labels.len() as u64 != u64::from(count) {
        return Err(wrong(format!(
            "it claims {count} labels and has {}",
            labels.len()
        )));
    }
    match labels.iter().find(|&&digit| digit > 9) {
        Some(digit) => Err(wrong(format!("label {digit} is no digit"))),
        None => Ok(labels.to_vec()),
    }
}

/// The sizes after the magic number, all of them big-endian.
fn header<const COUNT: usize>(bytes: &[u8], magic: u32) -> Result<[u32; COUNT], String> {
    let (words, _) = bytes.as_chunks::<4>();
    let words: Vec<u32> = words
        .iter()
        .take(COUNT + 1)
        .map(|&word| u32::from_be_bytes(word))
        .collect();
    match words.split_first() {
        Some((&found, sizes)) if found == magic => {
            sizes.try_into().map_err(|_| "it is cut off".to_owned())
        }
        Some((found, _)) => Err(format!(
            "it begins with {found:#06x}, not {magic:#06x}: no idx file of its kind"
        )),
        None => Err("it is cut off".into()),
    }
}

fn unpacked(path: &Path) -> Result<Vec<u8>> {
    let bytes = read_file(path)?;
    if path.extension().is_none_or(|extension| extension != "gz") {
        return Ok(bytes);
    }
    let mut unpacked = Vec::new();
    let mut reader = GzDecoder::new(bytes.as_slice()).take(MAX_BYTES);
    reader
        .read_to_end(&mut unpacked)
        .map_err(|error| Error::Data(format!("{}: {error}", path.display())))?;
    Ok(unpacked)
}

impl Sample {
    /// An image of a class; which of them is normal is decided later.
    pub(super) fn of_class(source: Source, class: &str) -> Self {
        Self {
            source,
            category: class.to_owned(),
            kind: class.to_owned(),
            label: Label::Normal,
            video: String::new(),
            mask: None,
        }
    }
}
