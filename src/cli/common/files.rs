//! Files that commands read: models, images, data sets.

use std::path::{Path, PathBuf};

use anyhow::Context;
use daad::Detector;
use daad::dataset::{
    DataSet, LabelledImage, Listing, Sample, Split, load_ahead, unread, where_images_are,
};
use daad::device::DeviceChoice;
use pollster::block_on;

use super::output::note;
use super::progress::progress_bar;

/// Reads a model file onto the chosen device, and prints the name of the device.
pub(crate) fn open(model: &Path, device: &DeviceChoice) -> anyhow::Result<Detector> {
    let path = model.display();
    let bytes = std::fs::read(model).with_context(|| format!("cannot read {path}"))?;
    let device = device.resolve()?;
    let detector =
        Detector::from_bytes(&bytes, &device.device).with_context(|| path.to_string())?;
    if device.is_to_be_checked {
        block_on(detector.check_device())?;
    }
    note(&format!("Device: {device}."));
    Ok(detector)
}

/// The image files in `paths`, and the image files in the folders in `paths`. Says what in these
/// folders is not read.
pub(crate) fn images(paths: &[PathBuf]) -> anyhow::Result<Vec<PathBuf>> {
    let mut images = Vec::new();
    for path in paths {
        if path.is_dir() {
            let found = Listing::of(path)?;
            // Where there is no image, the error says where there are some.
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
                anyhow::bail!("{} holds no images{inside}", path.display());
            }
            images.extend(found.images);
        } else {
            images.push(path.clone());
        }
    }
    Ok(images)
}

/// Opens a data set, and says what of it is not used.
pub(crate) fn data_set(folder: &Path, categories: &[String]) -> anyhow::Result<Split> {
    let split = DataSet::open(folder)?.select(categories)?;
    split.notes().iter().for_each(|sentence| note(sentence));
    Ok(split)
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
