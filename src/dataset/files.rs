//! Finds the images and other files of a folder.

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

const EXTENSIONS: [&str; 7] = ["png", "jpg", "jpeg", "webp", "bmp", "tif", "tiff"];

/// The image files directly in `folder`, by extension, sorted by name.
///
/// # Errors
///
/// [`Error::File`] where the folder cannot be read.
pub fn find_images(folder: &Path) -> Result<Vec<PathBuf>> {
    let is_image = |path: &PathBuf| {
        let extension = path.extension().and_then(|extension| extension.to_str());
        extension.is_some_and(|extension| {
            path.is_file() && EXTENSIONS.contains(&extension.to_ascii_lowercase().as_str())
        })
    };
    Ok(entries(folder)?.into_iter().filter(is_image).collect())
}

pub(super) fn subfolders(folder: &Path) -> Result<Vec<PathBuf>> {
    let folders = entries(folder)?.into_iter().filter(|path| path.is_dir());
    Ok(folders.collect())
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    let failed = |error| Error::file("cannot read folder", folder, error);
    let entries = fs::read_dir(folder).map_err(failed)?;
    let mut paths = entries
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<Vec<_>, _>>()
        .map_err(failed)?;
    paths.sort();
    Ok(paths)
}

pub(super) fn name(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

/// The first of `names` that is a folder in `root`.
pub(super) fn first_folder(root: &Path, names: &[&str]) -> Option<PathBuf> {
    let folders = names.iter().map(|name| root.join(name));
    folders.into_iter().find(|folder| folder.is_dir())
}

/// The first of `names` that is a file in `root`.
pub(super) fn first_file(root: &Path, names: &[&str]) -> Option<PathBuf> {
    let files = names.iter().map(|name| root.join(name));
    files.into_iter().find(|file| file.is_file())
}

/// Sorts paths by the last number in their names, then by name: `2.jpg` before `10.jpg`.
pub(super) fn by_number(mut paths: Vec<PathBuf>) -> Vec<PathBuf> {
    paths.sort_by_cached_key(|path| (number(path), name(path)));
    paths
}

fn number(path: &Path) -> Option<u64> {
    let stem = path.file_stem()?.to_string_lossy().into_owned();
    let end = stem.rfind(|letter: char| letter.is_ascii_digit())? + 1;
    let start = stem[..end].rfind(|letter: char| !letter.is_ascii_digit());
    let start = start.map_or(0, |at| {
        at + stem[at..].chars().next().map_or(1, char::len_utf8)
    });
    stem[start..end].parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_ordered_by_number() {
        let paths = ["10.jpg", "frame_9.jpg", "é2.jpg", "x.jpg"].map(PathBuf::from);
        let ordered: Vec<String> = by_number(paths.to_vec()).iter().map(|p| name(p)).collect();
        assert_eq!(ordered, ["x.jpg", "é2.jpg", "frame_9.jpg", "10.jpg"]);
    }
}
