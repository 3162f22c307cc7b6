//! One image of a data set: where it is stored and what is known about it.

use std::fmt;
use std::fs::File;
use std::io::{self, Cursor, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use image::{GrayImage, RgbImage};
use sha2::{Digest, Sha256};

use super::images::hex;
use super::mask::{self, MaskFlaw, Stored};
use super::notes;
use crate::error::caught;
use crate::error::{Error, Result};
use crate::image::format::recognize;
use crate::image::{decode, decode_upright, only_part_read, resize};
use crate::metric::Label;

/// Where the pixels of an image are stored.
///
/// ```
/// use daad::dataset::Source;
///
/// let source = Source::File("photographs/000.png".into());
/// assert_eq!(source.to_string(), "photographs/000.png");
/// ```
#[derive(Debug, Clone)]
pub enum Source {
    /// An image file.
    File(PathBuf),
    /// One of many images in a file that has been read already.
    Record {
        /// All images of the file.
        records: Arc<Records>,
        /// The index of the image in the file.
        index: usize,
    },
}

/// The content of a file that holds thousands of small images of the same size.
///
/// ```
/// use daad::dataset::{DataSet, Source};
///
/// // CIFAR-10: a record is a label and 32×32 pixels in three channels.
/// let folder = tempfile::tempdir()?;
/// let training = (1..=5).map(|batch| format!("data_batch_{batch}.bin"));
/// for name in training.chain(["test_batch.bin".into()]) {
///     std::fs::write(folder.path().join(name), [0; 1 + 3 * 32 * 32])?;
/// }
/// let split = DataSet::open(folder.path())?.select(&["airplane".into()])?;
/// assert!(matches!(split.train[0].source, Source::Record { index: 0, .. }));
/// assert_eq!(split.train[0].load(64, 64)?.image.dimensions(), (64, 64));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Records {
    /// The file.
    pub(super) path: PathBuf,
    /// Width and height of an image, in pixels.
    pub(super) side_px: usize,
    /// The number of channels: 1 for grey, or 3, with all red values first, then green, then blue.
    pub(super) channels: usize,
    /// The number of bytes for the label before each image.
    pub(super) label_bytes: usize,
    /// The labels and images, one after the other.
    pub(super) bytes: Vec<u8>,
}

impl Records {
    fn stride(&self) -> usize {
        self.label_bytes + self.channels * self.side_px * self.side_px
    }

    /// The number of images.
    pub(super) fn count(&self) -> usize {
        self.bytes.len() / self.stride()
    }

    /// The label of an image: the first byte of its record.
    pub(super) fn label(&self, index: usize) -> u8 {
        self.bytes[index * self.stride()]
    }

    /// The label and the pixels of an image.
    fn record(&self, index: usize) -> &[u8] {
        &self.bytes[index * self.stride()..][..self.stride()]
    }

    fn image(&self, index: usize) -> RgbImage {
        let plane_px = self.side_px * self.side_px;
        let pixels = &self.record(index)[self.label_bytes..];
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
    /// ```
    /// use daad::dataset::DataSet;
    ///
    /// let split = DataSet::open("www/gallery/piped".as_ref())?.select(&[])?;
    /// let image = split.train[0].source.read(64, 48)?;
    /// assert_eq!(image.dimensions(), (64, 48));
    /// # Ok::<(), daad::Error>(())
    /// ```
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

    /// The file and its folder, for messages.
    pub(super) fn brief(&self) -> String {
        notes::brief(Path::new(&self.to_string()))
    }

    /// The absolute path, so that the image is found again wherever the program runs;
    /// `FILE#INDEX` for one of many images in a file.
    ///
    /// ```
    /// use daad::dataset::Source;
    ///
    /// let source = Source::File("photographs/000.png".into());
    /// let name = std::env::current_dir()?.join("photographs/000.png");
    /// assert_eq!(source.absolute_name(), name.to_string_lossy());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn absolute_name(&self) -> String {
        let absolute = |path: &Path| {
            let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
            absolute.to_string_lossy().into_owned()
        };
        match self {
            Self::File(path) => absolute(path),
            Self::Record { records, index } => format!("{}#{index}", absolute(&records.path)),
        }
    }

    /// Identifies the image without decoding it: by its name, by the length of its file, and by the
    /// first and the last bytes in it.
    pub(crate) fn fingerprint(&self) -> String {
        // Only the file name is used, because the folder may have another path on another machine.
        let name = self.to_string();
        let name = Path::new(&name).file_name().unwrap_or_default();
        // A file that cannot be read is reported when it is needed.
        let content = self.ends().unwrap_or_default();
        format!("{} {content}", name.to_string_lossy())
    }

    /// The length of the file and a hash of its first and last bytes; None where it cannot be read.
    pub(super) fn ends(&self) -> Option<String> {
        let ends = match self {
            Self::File(path) => open_file(path).and_then(ends),
            Self::Record { records, index } => ends(Cursor::new(records.record(*index))),
        };
        ends.ok()
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

/// One image of a data set, not yet decoded, and what is known about it.
///
/// ```
/// use daad::dataset::Sample;
/// use daad::metric::Label;
///
/// let path = "www/gallery/piped/PA_GLA01_TL_S_D_02_2.png";
/// let mut sample = Sample::of_file(path.into(), "glass", Label::Anomalous);
/// sample.kind = "crack".into();
/// let labelled = sample.load(128, 128)?;
/// assert_eq!((&*labelled.category, &*labelled.kind), ("glass", "crack"));
/// # Ok::<(), daad::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Sample {
    /// Where the pixels are stored.
    pub source: Source,
    /// The product, texture or class; empty if the data set has only one category.
    pub category: String,
    /// The kind of defect or the class; `good` for MVTec AD's normal images; empty if it is not
    /// known.
    pub kind: String,
    /// Normal or anomalous.
    pub label: Label,
    /// The video that the image is a frame of; empty for single images.
    pub video: String,
    /// The mask files, whose union marks the defects; empty if there is none.
    pub masks: Vec<PathBuf>,
}

impl Sample {
    /// A sample from a file, without kind, video and mask.
    ///
    /// ```
    /// use daad::dataset::Sample;
    /// use daad::metric::Label;
    ///
    /// let sample = Sample::of_file("photographs/000.png".into(), "", Label::Normal);
    /// assert!(sample.kind.is_empty() && sample.masks.is_empty());
    /// ```
    pub fn of_file(path: PathBuf, category: &str, label: Label) -> Self {
        Self {
            source: Source::File(path),
            category: category.to_owned(),
            kind: String::new(),
            label,
            video: String::new(),
            masks: Vec::new(),
        }
    }

    /// Reads, decodes and resizes the image.
    ///
    /// ```
    /// use daad::dataset::Sample;
    /// use daad::metric::Label;
    ///
    /// let path = "www/gallery/piped/PA_GLA01_TL_S_D_02_2.png";
    /// let labelled = Sample::of_file(path.into(), "", Label::Anomalous).load(64, 48)?;
    /// assert_eq!(labelled.image.dimensions(), (64, 48));
    /// assert!(Sample::of_file("missing.png".into(), "", Label::Normal).load(64, 48).is_err());
    /// # Ok::<(), daad::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::File`] or [`Error::Data`] naming the file.
    pub fn load(&self, width_px: usize, height_px: usize) -> Result<LabelledImage> {
        let size = (width_px as u32, height_px as u32);
        let mut labelled = LabelledImage {
            name: self.source.absolute_name(),
            category: self.category.clone(),
            kind: self.kind.clone(),
            label: self.label,
            video: self.video.clone(),
            mask: None,
            mask_flaw: None,
            is_mask_turn_guessed: false,
            part: None,
            image: RgbImage::new(0, 0),
        };
        let Source::File(path) = &self.source else {
            labelled.image = self.source.read(width_px, height_px)?;
            return Ok(labelled);
        };
        let (image, stored) = decoded(path, |bytes| -> Result<_> {
            labelled.part = only_part_read(bytes);
            let upright = decode_upright(bytes)?;
            let stored = Stored {
                size: upright.stored_size,
                turn: upright.turn,
            };
            Ok((resize(upright.photograph()?, size.0, size.1), stored))
        })?;
        labelled.image = image;
        if !self.masks.is_empty() {
            match mask::load(&self.masks, stored, (width_px, height_px)) {
                Ok(united) => {
                    labelled.mask = Some(united.mask);
                    labelled.is_mask_turn_guessed = united.is_turn_guessed;
                }
                Err(flaw) => labelled.mask_flaw = Some(flaw),
            }
        }
        Ok(labelled)
    }

    /// Checks that the files are there and that the image's begins as an image does, which takes
    /// much less time than [`load`](Self::load).
    pub(super) fn check(&self) -> Result<()> {
        const HEAD_BYTES: u64 = 4 << 10;
        let head = |path: &Path| -> Result<Vec<u8>> {
            let mut head = Vec::new();
            let read =
                open_file(path).and_then(|file| file.take(HEAD_BYTES).read_to_end(&mut head));
            read.map_err(|error| Error::file("cannot read", path, error))?;
            Ok(head)
        };
        for mask in &self.masks {
            head(mask)?;
        }
        let Source::File(path) = &self.source else {
            return Ok(());
        };
        let format = recognize(&head(path)?);
        format.map_err(|reason| Error::Data(format!("{}: {reason}", path.display())))?;
        Ok(())
    }
}

/// A decoded image of the model's size, and what is known about it.
///
/// ```
/// use daad::dataset::Sample;
/// use daad::metric::Label;
/// use image::{GrayImage, Luma, RgbImage};
///
/// let folder = tempfile::tempdir()?;
/// let [photograph, drawn] = ["000.png", "000_mask.png"].map(|name| folder.path().join(name));
/// RgbImage::new(64, 64).save(&photograph)?;
/// let mut mask = GrayImage::new(64, 64);
/// mask.put_pixel(20, 12, Luma([255]));
/// mask.save(&drawn)?;
///
/// let mut sample = Sample::of_file(photograph, "", Label::Anomalous);
/// sample.masks.push(drawn);
/// let mask = sample.load(32, 32)?.mask.expect("a mask with a defect");
/// assert_eq!((mask.dimensions(), mask[(10, 6)][0]), ((32, 32), 255));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct LabelledImage {
    /// See [`Source::absolute_name`].
    pub name: String,
    /// As [`Sample::category`].
    pub category: String,
    /// As [`Sample::kind`].
    pub kind: String,
    /// As [`Sample::label`].
    pub label: Label,
    /// As [`Sample::video`].
    pub video: String,
    /// The mask of the defect, of the image's size: 255 for anomalous pixels, 0 for normal ones.
    /// None for normal images, and for anomalous images without a known mask.
    pub mask: Option<GrayImage>,
    /// The reason why there is no mask although there is a mask file.
    pub mask_flaw: Option<MaskFlaw>,
    /// Whether EXIF turns the photograph and the sides of the mask do not show whether the mask was
    /// drawn before or after this rotation; the program then assumes before.
    pub is_mask_turn_guessed: bool,
    /// The part of the file that the pixels come from, if the file holds several images.
    pub part: Option<&'static str>,
    /// The pixels.
    pub image: RgbImage,
}

/// The length of a file, and the hash of its first and last bytes: a photograph that was edited or
/// replaced differs in its compressed pixels or in its length.
fn ends(mut file: impl Read + Seek) -> io::Result<String> {
    const END_BYTES: u64 = 16 << 10;
    let length = file.seek(SeekFrom::End(0))?;
    let mut hash = Sha256::new();
    for start in [0, length.saturating_sub(END_BYTES)] {
        let mut bytes = Vec::new();
        file.seek(SeekFrom::Start(start))?;
        (&mut file).take(END_BYTES).read_to_end(&mut bytes)?;
        hash.update(&bytes);
    }
    Ok(format!("{length} {}", hex(hash)))
}

impl LabelledImage {
    /// The file and its folder, for messages.
    pub(crate) fn brief_name(&self) -> String {
        notes::brief(Path::new(&self.name))
    }
}

/// Opens a regular file. Pipes and devices are refused, because reading from them may never end.
pub(super) fn open_file(path: &Path) -> io::Result<File> {
    match path.metadata()?.is_file() {
        true => File::open(path),
        false => Err(io::Error::other("it is not a regular file")),
    }
}

pub(super) fn read_file(path: &Path) -> Result<Vec<u8>> {
    let failed = |error| Error::file("cannot read", path, error);
    let mut bytes = Vec::new();
    let mut file = open_file(path).map_err(failed)?;
    file.read_to_end(&mut bytes).map_err(failed)?;
    Ok(bytes)
}

/// Runs a decoder on a file and turns a panic into an error. Some decoders panic on unexpected
/// data, and a thread that waits for the image would then wait for ever.
pub(super) fn decoded<T, E: fmt::Display>(
    path: &Path,
    decode: impl FnOnce(&[u8]) -> Result<T, E>,
) -> Result<T> {
    let bytes = read_file(path)?;
    let failed = |reason: String| Error::Data(format!("{}: {reason}", path.display()));
    caught(|| decode(&bytes))
        .map_err(|said| failed(format!("its decoder failed: {said}")))?
        .map_err(|error| failed(error.to_string()))
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
