//! Videos as folders of frames, and which of the test frames are abnormal.

mod labels;

use std::path::{Path, PathBuf};

use super::Sample;
use super::files::{by_number, find_images, first_folder, name, subfolders};
use super::split::Split;
use crate::error::{Error, Result};
use crate::metric::Label;
use labels::Labels;

/// The folders for training and testing in our own layout, in CUHK Avenue's layout with extracted
/// frames, and in UCSD Ped2's published layout.
const LAYOUTS: [[&str; 2]; 3] = [
    ["training/frames", "testing/frames"],
    ["training", "testing"],
    ["Train", "Test"],
];

/// The suffix of the folders with UCSD's masks, which are beside the folders of the test videos.
const MASKS_SUFFIX: &str = "_gt";

/// Opens the folders of frames in one of the layouts, and the labels of the test frames: see
/// [`Labels::find`]. The result is empty if there are no such folders.
pub(super) fn open(root: &Path) -> Result<Split> {
    let pair = |[train, test]: [&str; 2]| {
        Some((first_folder(root, &[train])?, first_folder(root, &[test])?))
    };
    let Some((train, test)) = LAYOUTS.into_iter().find_map(pair) else {
        return Ok(Split::default());
    };
    let mut split = Split::default();
    for video in videos(&train)? {
        split.train.extend(frames(&video)?);
    }
    let videos = videos(&test)?;
    if split.train.is_empty() && videos.is_empty() {
        return Ok(Split::default());
    }
    let labels = Labels::find(root)?;
    if labels.count() != videos.len() {
        return Err(Error::Data(format!(
            "{} holds {} videos, and there are labels for {}",
            test.display(),
            videos.len(),
            labels.count()
        )));
    }
    for video in &videos {
        let frames = frames(video)?;
        let abnormal = labels.of_video(&name(video), frames.len())?;
        let labelled = frames
            .into_iter()
            .zip(abnormal)
            .map(|(frame, abnormal)| Sample {
                label: match abnormal {
                    true => Label::Anomalous,
                    false => Label::Normal,
                },
                ..frame
            });
        split.test.extend(labelled);
    }
    if split.test.is_empty() {
        return Err(Error::Data(format!("{} holds no frames", test.display())));
    }
    Ok(split)
}

fn videos(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut videos = by_number(subfolders(folder)?);
    videos.retain(|video| !name(video).ends_with(MASKS_SUFFIX));
    Ok(videos)
}

fn frames(video: &Path) -> Result<Vec<Sample>> {
    let frames = by_number(find_images(video)?).into_iter();
    let frame = |path| Sample {
        video: name(video),
        ..Sample::of_file(path, "", Label::Normal)
    };
    Ok(frames.map(frame).collect())
}
