//! MNIST: four idx files, with or without gzip compression.

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

/// A limit larger than any file of MNIST, so that a corrupt or malicious archive cannot fill the
/// memory.
const MAX_BYTES: u64 = 1 << 30;

const IMAGES_MAGIC: u32 = 0x0803;
const LABELS_MAGIC: u32 = 0x0801;

/// Opens `train-images-idx3-ubyte`, `train-labels-idx1-ubyte` and the same with `t10k`, each with
/// or without `.gz`. The digit is the category. The result is empty if these files are missing.
pub(super) fn open(root: &Path) -> Result<Split> {
    if find(root, "train-images", "idx3").is_none() {
        return Ok(Split::default());
    }
    Ok(Split {
        train: samples(root, "train")?,
        test: samples(root, "t10k")?,
        ..Split::default()
    })
}

/// Finds a file. In some copies of the data set its name has `.idx3`, in others `-idx3`.
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
    let ([_, height, width], pixels) = read(&path, IMAGES_MAGIC)?;
    if height != width || height == 0 || height > 4096 {
        return Err(Error::Data(format!(
            "{}: images of {width}×{height} pixels are not expected",
            path.display()
        )));
    }
    Ok(Records {
        side_px: height as usize,
        channels: 1,
        label_bytes: 0,
        bytes: pixels,
        path,
    })
}

fn labels(path: &Path) -> Result<Vec<u8>> {
    let ([_], labels) = read(path, LABELS_MAGIC)?;
    match labels.iter().find(|&&digit| digit > 9) {
        Some(digit) => Err(Error::Data(format!(
            "{}: label {digit} is no digit",
            path.display()
        ))),
        None => Ok(labels),
    }
}

/// The sizes in the file's header, the number of items first, and the values: as many bytes as the
/// product of the sizes.
fn read<const COUNT: usize>(path: &Path, magic: u32) -> Result<([u32; COUNT], Vec<u8>)> {
    let wrong = |reason: String| Error::Data(format!("{}: {reason}", path.display()));
    let bytes = read_file(path)?;
    let is_packed = path.extension().is_some_and(|extension| extension == "gz");
    let mut reader: Box<dyn Read> = match is_packed {
        true => Box::new(GzDecoder::new(bytes.as_slice())),
        false => Box::new(bytes.as_slice()),
    };
    let mut unpack = |count: u64| {
        let mut unpacked = Vec::new();
        let read = reader.by_ref().take(count).read_to_end(&mut unpacked);
        read.map_err(|error| wrong(error.to_string()))?;
        Ok(unpacked)
    };
    let sizes = header(&unpack(4 * (COUNT as u64 + 1))?, magic).map_err(wrong)?;
    let expected = sizes.iter().try_fold(1, |product: u64, &size| {
        let product = product.checked_mul(size.into());
        product.filter(|&bytes| bytes <= MAX_BYTES)
    });
    let shape = sizes.map(|size| size.to_string()).join("×");
    let expected = expected.ok_or_else(|| wrong(format!("{shape} bytes are not expected")))?;
    // One byte more than expected is enough to detect a file that is too long, and limits the
    // memory that a small archive can fill.
    let values = unpack(expected + 1)?;
    match values.len() as u64 {
        found if found < expected => Err(wrong(format!("it claims {shape} bytes and has {found}"))),
        found if found > expected => Err(wrong(format!("it claims {shape} bytes and has more"))),
        _ => Ok((sizes, values)),
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

impl Sample {
    /// A sample of a class; which class is normal is decided later.
    pub(super) fn of_class(source: Source, class: &str) -> Self {
        Self {
            source,
            category: class.to_owned(),
            kind: class.to_owned(),
            label: Label::Normal,
            video: String::new(),
            masks: Vec::new(),
        }
    }
}
