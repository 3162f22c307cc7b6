//! Videos as folders of frames, and which of the test frames are abnormal.

mod labels;

use std::path::{Path, PathBuf};

use super::Sample;
use super::files::{Listing, by_number, name};
use super::split::Split;
use crate::error::{Error, Result};
use crate::metric::Label;
use labels::Labels;

/// The folders for training and testing in our own layout, in CUHK Avenue's layout with extracted
/// frames, and in UCSD Ped2's published layout.
const LAYOUTS: [[&str; 2]; 3] = [
    ["training/frames", "testing/frames"],
    ["training", "testing"],
    UCSD,
];
const UCSD: [&str; 2] = ["Train", "Test"];

/// The suffix of the folders with UCSD's masks, which are beside the folders of the test videos.
const MASKS_SUFFIX: &str = "_gt";

/// Opens the folders of frames in one of the layouts, and the labels of the test frames: see
/// [`Labels::find`]. The result is empty if there are no such folders.
pub(super) fn open(root: &Path) -> Result<Split> {
    let Some([train, test]) = find(root)? else {
        return Ok(Split::default());
    };
    let mut split = Split::default();
    for video in videos(&train)? {
        let frames = frames(&video, &mut split)?;
        split.train.extend(frames);
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
        let frames = frames(video, &mut split)?;
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

/// The folders for training and testing. The case of their names does not matter, as on file
/// systems that ignore case. Therefore `Train` and `Test`, which data sets of classes have too,
/// must also look like UCSD's published folders.
fn find(root: &Path) -> Result<Option<[PathBuf; 2]>> {
    let folder = |place: &str| {
        let mut parts = place.split('/');
        parts.try_fold(Some(root.to_owned()), |folder, part| match folder {
            Some(folder) => Ok(Listing::of(&folder)?.folder(&[part])),
            None => Ok(None),
        })
    };
    for places in LAYOUTS {
        let [train, test] = places.map(folder);
        let (Some(train), Some(test)) = (train?, test?) else {
            continue;
        };
        if places == UCSD && !Labels::are_in(root) && !is_of_ucsd(&train)? {
            continue;
        }
        return Ok(Some([train, test]));
    }
    Ok(None)
}

/// Whether a folder in `train` has a name like UCSD's videos: `Train001`.
fn is_of_ucsd(train: &Path) -> Result<bool> {
    let mut folders = Listing::of(train)?.folders.into_iter();
    Ok(folders.any(|folder| {
        let name = name(&folder).to_ascii_lowercase();
        let number = name.strip_prefix("train");
        number.is_some_and(|number| number.starts_with(|letter: char| letter.is_ascii_digit()))
    }))
}

fn videos(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut videos = by_number(Listing::of(folder)?.folders);
    videos.retain(|video| !name(video).ends_with(MASKS_SUFFIX));
    Ok(videos)
}

fn frames(video: &Path, split: &mut Split) -> Result<Vec<Sample>> {
    let listing = Listing::of(video)?;
    split.pass_over("", listing.unread);
    split.pass_over_folders("", listing.folders);
    let frames = by_number(listing.images).into_iter();
    let frame = |path| Sample {
        video: name(video),
        ..Sample::of_file(path, "", Label::Normal)
    };
    Ok(frames.map(frame).collect())
}
