//! Files that commands read: models, images, data sets.

use std::path::{Path, PathBuf};

use anyhow::Context;
use daad::Detector;
use daad::dataset::{LabelledImage, Sample, find_images, load_ahead};
use daad::device::DeviceChoice;
use daad::image::only_part_read;
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

/// The image files in `paths`, and the image files in the folders in `paths`.
pub(crate) fn images(paths: &[PathBuf]) -> anyhow::Result<Vec<PathBuf>> {
    let mut images = Vec::new();
    for path in paths {
        if path.is_dir() {
            let found = find_images(path)?;
            if found.is_empty() {
                anyhow::bail!("{} holds no images", path.display());
            }
            images.extend(found);
        } else {
            images.push(path.clone());
        }
    }
    Ok(images)
}

/// Reads an image file, and says so where only a part of it is used.
pub(crate) fn read_image(path: &Path) -> anyhow::Result<Vec<u8>> {
    let bytes = std::fs::read(path).context("cannot read")?;
    if let Some(part) = only_part_read(&bytes) {
        note(&format!("{}: {part}", path.display()));
    }
    Ok(bytes)
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
