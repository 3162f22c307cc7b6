//! One image of a data set, wherever it lies.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use image::imageops::FilterType;
use image::{GrayImage, RgbImage};

use crate::error::caught;
use crate::error::{Error, Result};
use crate::image::{decode, resize};
use crate::metric::Label;

/// Where an image's pixels are.
#[derive(Debug, Clone)]
pub enum Source {
    /// A file of its own.
    File(PathBuf),
    /// One of many in a file that was read already.
    Record {
        /// That file's images.
        records: Arc<Records>,
        /// Which one.
        index: usize,
    },
}

/// Small images of one size, as files hold them that hold thousands.
#[derive(Debug)]
pub struct Records {
    /// The file.
    pub(super) path: PathBuf,
    /// Pixels a side.
    pub(super) side_px: usize,
    /// 1, grey, or 3, all red values before the green ones and those before the blue ones.
    pub(super) channels: usize,
    /// Bytes before each image.
    pub(super) label_bytes: usize,
    /// All of them, one after the other.
    pub(super) bytes: Vec<u8>,
}

impl Records {
    fn stride(&self) -> usize {
        self.label_bytes + self.channels * self.side_px * self.side_px
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.bytes.len() / self.stride()
    }

    /// The byte before an image that says what it shows.
    pub(super) fn label(&self, index: usize) -> u8 {
        self.bytes[index * self.stride()]
    }

    fn image(&self, index: usize) -> RgbImage {
        let start = index * self.stride() + self.label_bytes;
        let plane_px = self.side_px * self.side_px;
        let pixels = &self.bytes[start..start + self.channels * plane_px];
        RgbImage::from_fn(self.side_px as u32, self.side_px as u32, |x, y| {
            let place = y as usize * self.side_px + x as usize;
            let channel = |channel: usize| pixels[channel % self.channels * plane_px + place];
            image::Rgb([channel(0), channel(1), channel(2)])
        })
    }
}

impl Source {
    /// The image, resized.
    ///
    /// # Errors
    ///
    /// [`Error::File`] or [`Error::Data`] naming the file.
    pub fn read(&self, width_px: usize, height_px: usize) -> Result<RgbImage> {
        let (width_px, height_px) = (width_px as u32, height_px as u32);
        match self {
            Self::File(path) => decoded(path, |bytes| decode(bytes, width_px, height_px)),
            Self::Record { records, index } => {
                Ok(resize(records.image(*index), width_px, height_px))
            }
        }
    }

    /// Tells it from other images without decoding it: its name, and the length of its file.
    pub(crate) fn fingerprint(&self) -> String {
        let length = match self {
            Self::File(path) => std::fs::metadata(path).map_or(0, |metadata| metadata.len()),
            Self::Record { records, .. } => records.bytes.len() as u64,
        };
        // The folder may be reached by another path, or lie on another machine.
        let name = self.to_string();
        let name = Path::new(&name).file_name().unwrap_or_default();
        format!("{} {length}", name.to_string_lossy())
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::Record { records, index } => write!(f, "{}#{index}", records.path.display()),
        }
    }
}

/// One image and what is known of it.
#[derive(Debug, Clone)]
pub struct Sample {
    /// Its pixels.
    pub source: Source,
    /// The product, texture or class; empty where the data has one kind only.
    pub category: String,
    /// The kind of defect or the class; `good` for MVTec AD's normal images; empty where it is not
    /// known.
    pub kind: String,
    /// Normal or anomalous.
    pub label: Label,
    /// Which video it is a frame of; empty for single images.
    pub video: String,
    /// The image file that shows where the defect is.
    pub mask: Option<PathBuf>,
}

impl Sample {
    /// A file of which no more is known than that.
    pub fn of_file(path: PathBuf, category: &str, label: Label) -> Self {
        Self {
            source: Source::File(path),
            category: category.to_owned(),
            kind: String::new(),
            label,
            video: String::new(),
            mask: None,
        }
    }

    /// Reads, decodes and resizes it.
    ///
    /// # Errors
    ///
    /// As [`Source::read`].
    pub fn load(&self, width_px: usize, height_px: usize) -> Result<LabelledImage> {
        let mask = self.mask.as_deref();
        Ok(LabelledImage {
            name: self.source.to_string(),
            category: self.category.clone(),
            kind: self.kind.clone(),
            label: self.label,
            video: self.video.clone(),
            mask: mask
                .map(|path| load_mask(path, width_px, height_px))
                .transpose()?,
            image: self.source.read(width_px, height_px)?,
        })
    }
}

/// A decoded image of the model's size, and what is known of it.
#[derive(Debug, Clone)]
pub struct LabelledImage {
    /// The file's path, as it was listed; `FILE#INDEX` where a file holds many.
    pub name: String,
    /// As [`Sample::category`].
    pub category: String,
    /// As [`Sample::kind`].
    pub kind: String,
    /// As [`Sample::label`].
    pub label: Label,
    /// As [`Sample::video`].
    pub video: String,
    /// Where the defect is: 255 anomalous, 0 normal, of the image's size. None for normal images,
    /// and where nobody knows.
    pub mask: Option<GrayImage>,
    /// The pixels.
    pub image: RgbImage,
}

pub(super) fn read_file(path: &Path) -> Result<Vec<u8>> {
    std::fs::read(path).map_err(|error| Error::file("cannot read", path, error))
}

/// What a decoder makes of a file. Some panic where they meet what their authors did not expect, and
/// whoever waits for the image would wait for ever.
fn decoded<T, E: fmt::Display>(
    path: &Path,
    decode: impl FnOnce(&[u8]) -> Result<T, E>,
) -> Result<T> {
    let bytes = read_file(path)?;
    let failed = |reason: String| Error::Data(format!("{}: {reason}", path.display()));
    caught(|| decode(&bytes))
        .map_err(|said| failed(format!("its decoder failed: {said}")))?
        .map_err(|error| failed(error.to_string()))
}

fn load_mask(path: &Path, width_px: usize, height_px: usize) -> Result<GrayImage> {
    let mask = decoded(path, image::load_from_memory)?.into_luma8();
    let (width_px, height_px) = (width_px as u32, height_px as u32);
    let mut mask = image::imageops::resize(&mask, width_px, height_px, FilterType::Nearest);
    for pixel in mask.pixels_mut() {
        pixel[0] = if pixel[0] > 127 { 255 } else { 0 };
    }
    Ok(mask)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decoder_that_panics_is_an_error_that_names_the_file() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let broken = |_: &[u8]| -> Result<(), String> { panic!("index out of bounds") };
        let error = decoded(file.path(), broken).unwrap_err().to_string();
        let name = file.path().display().to_string();
        assert!(error.contains(&name), "{error}");
        assert!(error.contains("index out of bounds"), "{error}");
    }
}
