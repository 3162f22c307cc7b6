//! Which frames are abnormal, as data sets publish it.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::mat;
use crate::error::{Error, Result};
use crate::train::dataset::files::{by_number, first_file, first_folder};

/// The labels of all test videos.
#[derive(Debug)]
pub(super) enum Labels {
    /// Of each video by its name, frame by frame.
    ByName {
        path: PathBuf,
        videos: HashMap<String, BTreeMap<usize, bool>>,
    },
    /// Of each video in order: ranges of abnormal frames, first and last, from 1.
    Ranges {
        path: PathBuf,
        videos: Vec<Vec<[usize; 2]>>,
    },
    /// A file for each video in order.
    Files(Vec<PathBuf>),
}

/// A row of our own file. Published copies call the second column by different names.
#[derive(Deserialize)]
struct Row(String, usize, u8);

impl Labels {
    /// Looks for, in this order: `frame_labels.csv` with a row for each frame (video, frame from 0,
    /// 1 where it is abnormal); UCSD's `UCSDped2.m` or `UCSDped1.m`; CUHK Avenue's
    /// `testing_label_mask/1_label.mat` and on.
    pub(super) fn find(root: &Path) -> Result<Self> {
        if let Some(path) = first_file(root, &["frame_labels.csv"]) {
            return Self::from_csv(path);
        }
        let matlab = [
            "UCSDped2.m",
            "UCSDped1.m",
            "Test/UCSDped2.m",
            "Test/UCSDped1.m",
        ];
        if let Some(path) = first_file(root, &matlab) {
            return Self::from_ucsd(path);
        }
        let masks = ["testing_label_mask", "ground_truth_demo/testing_label_mask"];
        if let Some(folder) = first_folder(root, &masks) {
            let files = std::fs::read_dir(&folder)
                .map_err(|error| Error::file("cannot read folder", &folder, error))?;
            let files = files.filter_map(|entry| Some(entry.ok()?.path()));
            let is_mat = |path: &PathBuf| path.extension().is_some_and(|ending| ending == "mat");
            return Ok(Self::Files(by_number(files.filter(is_mat).collect())));
        }
        Err(Error::Data(format!(
            "{} says nowhere which test frames are abnormal: expected frame_labels.csv, UCSD's \
             UCSDped2.m, or CUHK Avenue's testing_label_mask/1_label.mat and on",
            root.display()
        )))
    }

    /// How many videos are labelled.
    pub(super) fn count(&self) -> usize {
        match self {
            Self::ByName { videos, .. } => videos.len(),
            Self::Ranges { videos, .. } => videos.len(),
            Self::Files(files) => files.len(),
        }
    }

    /// Whether each frame of the video is abnormal: `index` counts the videos, from 0.
    pub(super) fn of_video(&self, index: usize, name: &str, frames: usize) -> Result<Vec<bool>> {
        let wrong = |path: &Path, reason: String| {
            Error::Data(format!("{}: video {name} {reason}", path.display()))
        };
        match self {
            Self::ByName { path, videos } => {
                let labels = videos.get(name);
                let labels = labels.ok_or_else(|| wrong(path, "has no labels".into()))?;
                let expected = (0..frames).all(|frame| labels.contains_key(&frame));
                if !expected || labels.len() != frames {
                    let count = labels.len();
                    return Err(wrong(
                        path,
                        format!("has {count} labels for {frames} frames"),
                    ));
                }
                Ok(labels.values().copied().collect())
            }
            Self::Ranges { path, videos } => {
                let ranges = videos.get(index);
                let ranges = ranges.ok_or_else(|| wrong(path, "has no labels".into()))?;
                if let Some([first, last]) = ranges.iter().find(|[_, last]| *last > frames) {
                    return Err(wrong(
                        path,
                        format!("is abnormal from frame {first} to {last}, and has {frames}"),
                    ));
                }
                let is_abnormal = |frame| {
                    ranges
                        .iter()
                        .any(|&[first, last]| (first..=last).contains(&frame))
                };
                Ok((1..=frames).map(is_abnormal).collect())
            }
            Self::Files(files) => {
                let path = files.get(index).ok_or_else(|| {
                    Error::Data(format!("video {name} has no testing_label_mask file"))
                })?;
                let labels = mat::abnormal_frames(path)?;
                if labels.len() != frames {
                    let count = labels.len();
                    return Err(wrong(
                        path,
                        format!("has {count} labels for {frames} frames"),
                    ));
                }
                Ok(labels)
            }
        }
    }

    fn from_csv(path: PathBuf) -> Result<Self> {
        let wrong = |reason: String| Error::Data(format!("{}: {reason}", path.display()));
        let mut reader = csv::Reader::from_path(&path).map_err(|error| wrong(error.to_string()))?;
        let mut videos: HashMap<String, BTreeMap<usize, bool>> = HashMap::new();
        for (index, row) in reader.deserialize().enumerate() {
            // The header is row 1.
            let line = index + 2;
            let Row(video, frame, abnormal) =
                row.map_err(|error| wrong(format!("row {line}: {error}")))?;
            if abnormal > 1 {
                return Err(wrong(format!(
                    "row {line}: abnormal is {abnormal}, not 0 or 1"
                )));
            }
            let frames = videos.entry(video).or_default();
            if frames.insert(frame, abnormal == 1).is_some() {
                return Err(wrong(format!("row {line}: frame {frame} is there twice")));
            }
        }
        Ok(Self::ByName { path, videos })
    }

    /// Lines such as `TestVideoFile{end+1}.gt_frame = [61:180, 200:210];`.
    fn from_ucsd(path: PathBuf) -> Result<Self> {
        let text = std::fs::read_to_string(&path)
            .map_err(|error| Error::file("cannot read", &path, error))?;
        let mut videos = Vec::new();
        for (index, line) in text.lines().enumerate() {
            let Some((_, value)) = line.split_once(".gt_frame") else {
                continue;
            };
            videos.push(ranges(value).ok_or_else(|| {
                let line = index + 1;
                let path = path.display();
                Error::Data(format!("{path}: line {line} has no ranges of frames"))
            })?);
        }
        Ok(Self::Ranges { path, videos })
    }
}

/// `= [61:180, 200:210];` and `= [61];`.
fn ranges(text: &str) -> Option<Vec<[usize; 2]>> {
    let list = text.split_once('[')?.1.split_once(']')?.0;
    let parts = list.split([',', ' ', ';']).filter(|part| !part.is_empty());
    parts
        .map(|part| {
            let (first, last) = part.split_once(':').unwrap_or((part, part));
            let range = [first.trim().parse().ok()?, last.trim().parse().ok()?];
            (1 <= range[0] && range[0] <= range[1]).then_some(range)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use tempfile::TempDir;

    fn message(file: &str, text: &str, frames: usize) -> String {
        let root = TempDir::new().unwrap();
        std::fs::write(root.path().join(file), text).unwrap();
        let labels = Labels::find(root.path()).and_then(|labels| labels.of_video(0, "01", frames));
        labels.unwrap_err().to_string()
    }

    #[test]
    fn ucsd_ranges_count_from_one_and_include_their_ends() {
        let root = TempDir::new().unwrap();
        let text = "TestVideoFile = {};\nTestVideoFile{end+1}.gt_frame = [2:3, 5];\n\
            TestVideoFile{end+1}.gt_frame = [1:4];";
        std::fs::write(root.path().join("UCSDped2.m"), text).unwrap();
        let labels = Labels::find(root.path()).unwrap();
        let first = labels.of_video(0, "Test001", 5).unwrap();
        assert_eq!(first, [false, true, true, false, true]);
        assert_eq!(labels.of_video(1, "Test002", 4).unwrap(), [true; 4]);
    }

    #[test]
    fn a_csv_may_be_in_any_order() {
        let root = TempDir::new().unwrap();
        let text = "video,frame,abnormal\n01,1,1\n02,0,0\n01,0,0\n";
        std::fs::write(root.path().join("frame_labels.csv"), text).unwrap();
        let labels = Labels::find(root.path()).unwrap();
        assert_eq!(labels.of_video(0, "01", 2).unwrap(), [false, true]);
    }

    #[test]
    fn labels_that_do_not_fit_are_named_with_their_row() {
        let csv = |rows: &str| message("frame_labels.csv", &format!("v,f,a\n{rows}"), 2);
        assert!(csv("01,0,0").contains("video 01 has 1 labels for 2 frames"));
        assert!(csv("02,0,0").contains("video 01 has no labels"));
        assert!(csv("01,0,0\n01,x,0").contains("row 3"));
        assert!(csv("01,0,0\n01,1,7").contains("row 3: abnormal is 7"));
        assert!(csv("01,0,0\n01,0,1").contains("there twice"));
        let ucsd = |text: &str| message("UCSDped2.m", text, 2);
        assert!(ucsd("x.gt_frame = [3:1];").contains("line 1"));
        assert!(ucsd("x.gt_frame = [1:9];").contains("from frame 1 to 9, and has 2"));
        let nothing = message("readme.txt", "", 2);
        assert!(nothing.contains("expected frame_labels.csv"), "{nothing}");
    }
}
