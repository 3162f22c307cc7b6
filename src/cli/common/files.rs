//! Files that commands read and write: models, images, data sets.

use std::io::{self, Cursor, Read};
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use daad::Detector;
use daad::dataset::{
    DataSet, LabelledImage, Sample, Split, load_ahead, photographs, unread, where_images_are,
    without_copies,
};
use daad::device::{DeviceChoice, NamedDevice};
use daad::error::shown;
use daad::file;
use daad::image::only_part_read;
use daad::learn::Finished;
use daad::metric::Label;
use daad::score::{NOTHING_TO_SCALE_BY, few_images_warning};
use daad::settings::Settings;
use daad::weights::{ModelCard, read_card};
use image::{ImageFormat, RgbImage};
use pollster::block_on;

use super::output::note;
use super::progress::progress_bar;

/// The bytes of a file.
pub(crate) fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    std::fs::read(path).with_context(|| format!("cannot read {}", shown(path)))
}

/// The bytes of a model file, and its card.
pub(crate) fn read_model(path: &Path) -> anyhow::Result<(Vec<u8>, ModelCard)> {
    let bytes = read(path)?;
    let card = read_card(&bytes).with_context(|| shown(path))?;
    Ok((bytes, card))
}

/// Reads a model file onto the chosen device, and prints the name of the device.
pub(crate) fn open(model: &Path, device: &DeviceChoice) -> anyhow::Result<Detector> {
    let bytes = read(model)?;
    let device = device.resolve()?;
    let detector = Detector::from_bytes(&bytes, &device.device).with_context(|| shown(model))?;
    check(&detector, &device)?;
    note(&format!("Device: {device}."));
    Ok(detector)
}

/// Compares a device's scores with the CPU's, if the device may compute something else.
pub(crate) fn check(detector: &Detector, device: &NamedDevice) -> anyhow::Result<()> {
    if device.is_to_be_checked {
        block_on(detector.check_device())?;
    }
    Ok(())
}

/// Writes a model that was calibrated on `device`, if its scores can be trusted.
pub(crate) fn write_calibrated(
    finished: &Finished,
    path: &Path,
    device: &NamedDevice,
) -> anyhow::Result<()> {
    check(&finished.detector, device)?;
    let calibration = &finished.detector.card().calibration;
    ensure!(!calibration.has_no_scale(), NOTHING_TO_SCALE_BY);
    Ok(file::write(path, &finished.bytes)?)
}

/// The path that stands for standard input.
pub(crate) const STANDARD_INPUT: &str = "-";

/// The bytes of an image file, or of standard input. Prints a note if only a part of it is used.
pub(crate) fn read_image(path: &Path) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if path == Path::new(STANDARD_INPUT) {
        let read = io::stdin().lock().read_to_end(&mut bytes);
        read.context("cannot read standard input")?;
    } else {
        bytes = std::fs::read(path).context("cannot read")?;
    }
    note_part(path, &bytes);
    Ok(bytes)
}

/// Whether both paths lead to the same file, which exists.
pub(crate) fn is_same_file(one: &Path, other: &Path) -> bool {
    matches!((one.canonicalize(), other.canonicalize()), (Ok(one), Ok(other)) if one == other)
}

/// Writes an image as a PNG file. Returns the file's bytes.
pub(crate) fn write_png(image: &RgbImage, path: &Path) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Cursor::new(Vec::new());
    image.write_to(&mut bytes, ImageFormat::Png)?;
    let bytes = bytes.into_inner();
    file::write(path, &bytes)?;
    Ok(bytes)
}

/// Prints a note if only a part of an image file is used.
pub(crate) fn note_part(path: &Path, bytes: &[u8]) {
    if let Some(part) = only_part_read(bytes) {
        note(&format!("{}: {part}", shown(path)));
    }
}

/// The image files in `paths`, and the image files in the folders in `paths`. Prints a note about
/// the files in these folders that are not read.
pub(crate) fn images(paths: &[PathBuf]) -> anyhow::Result<Vec<PathBuf>> {
    let mut images = Vec::new();
    for path in paths {
        if path.is_dir() {
            let found = photographs(path)?;
            // If there is no image, the error names the folders that have some.
            let is_empty = found.images.is_empty();
            let folders = if is_empty { Vec::new() } else { found.folders };
            if let Some(sentence) = unread(&[folders, found.unread].concat()) {
                note(&sentence);
            }
            if is_empty {
                let inside = match where_images_are(path) {
                    places if places.is_empty() => String::new(),
                    places => format!("; there are images in {places}"),
                };
                anyhow::bail!("{} holds no images{inside}", shown(path));
            }
            images.extend(found.images);
        } else {
            images.push(path.clone());
        }
    }
    Ok(images)
}

/// The images in `paths` as [`images`] finds them, without copies, because the rule for thresholds
/// assumes independent images. Prints how many are left out.
pub(crate) fn different_images(paths: &[PathBuf]) -> anyhow::Result<Vec<PathBuf>> {
    let mut all = images(paths)?;
    all.sort();
    all.dedup();
    let count = all.len();
    let different = without_copies(all);
    let copies = count - different.len();
    ensure!(copies == 0 || different.len() > 1, NOTHING_TO_SCALE_BY);
    if copies > 0 {
        note(&format!(
            "{copies} of {count} images are copies of others and do not count."
        ));
    }
    Ok(different)
}

/// The text of a file that a person wrote: see [`file::text`].
pub(crate) fn read_text(path: &Path) -> anyhow::Result<String> {
    file::text(&read(path)?).with_context(|| {
        let path = shown(path);
        format!("{path} is neither UTF-8 nor UTF-16 text: save it as UTF-8")
    })
}

/// The settings in a TOML file.
fn read_settings(path: &Path) -> anyhow::Result<Settings> {
    Settings::from_toml(&read_text(path)?).with_context(|| shown(path))
}

/// The settings of the command line, completed by those of `--config`.
pub(crate) fn settings_over(config: Option<&Path>, flags: &Settings) -> anyhow::Result<Settings> {
    let file = config.map_or(Ok(Settings::default()), read_settings)?;
    flags.check_numbers()?;
    Ok(flags.over(&file))
}

/// Refuses to replace an existing file, unless `overwrite` is set.
pub(crate) fn check_new(path: &Path, overwrite: bool) -> anyhow::Result<()> {
    let path_is_free = overwrite || !path.exists();
    ensure!(
        path_is_free,
        "{} is there already; --overwrite replaces it",
        shown(path)
    );
    Ok(())
}

/// Opens a data set, and prints notes about its unused parts.
pub(crate) fn data_set(folder: &Path, categories: &[String]) -> anyhow::Result<Split> {
    let split = DataSet::open(folder)?.select(categories)?;
    split.notes().iter().for_each(|sentence| note(sentence));
    Ok(split)
}

/// The good images for calibration, without copies, resized to `size` (width, height). Prints a
/// warning if there are only few.
pub(crate) fn good_images(
    paths: &[PathBuf],
    size: (usize, usize),
) -> anyhow::Result<Vec<LabelledImage>> {
    let paths = different_images(paths)?;
    if let Some(warning) = few_images_warning(paths.len()) {
        note(&warning);
    }
    let sample = |path| Sample::of_file(path, "", Label::Normal);
    load(paths.into_iter().map(sample).collect(), size)
}

/// Decodes the samples' files, resized to `size` (width, height), with a progress bar.
pub(crate) fn load(
    samples: Vec<Sample>,
    size: (usize, usize),
) -> anyhow::Result<Vec<LabelledImage>> {
    let bar = progress_bar(samples.len(), "images read");
    let images = load_ahead(samples, size).inspect(|_| bar.inc(1));
    let images = images.collect::<Result<_, _>>()?;
    bar.finish_and_clear();
    Ok(images)
}
