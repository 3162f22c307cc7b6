//! Reads which frames are abnormal, from `frame_labels.csv` or from MATLAB files.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::dataset::notes::{count, in_short};
use crate::dataset::sample::read_file;
use crate::error::{Error, Result, printable};
use crate::file;

/// The file of labels. It has a row for each test frame: the video, the frame counted from 0, and 1
/// for an abnormal or 0 for a normal frame.
const FILE: &str = "frame_labels.csv";

/// The folders inside the data set where some data sets have MATLAB files instead.
const MATLAB_FOLDERS: [&str; 4] = [
    "",
    "Test",
    "testing_label_mask",
    "ground_truth_demo/testing_label_mask",
];

/// The labels of all test videos.
#[derive(Debug)]
pub(super) struct Labels {
    path: PathBuf,
    /// For each video, by its name, whether each labelled frame is abnormal.
    videos: HashMap<String, BTreeMap<usize, bool>>,
}

/// A row of the file. It is read by position, because the name of the second column differs between
/// published copies.
#[derive(Deserialize)]
struct Row(String, usize, u8);

impl Labels {
    /// Reads the labels of the videos in `root`.
    pub(super) fn find(root: &Path) -> Result<Self> {
        let path = root.join(FILE);
        if path.is_file() {
            return Self::from_csv(path);
        }
        let (root, reason) = (
            root.display(),
            match matlab_file(root) {
                Some(file) => format!("{} is a MATLAB file, which is not read", file.display()),
                None => "which test frames are abnormal is said nowhere".into(),
            },
        );
        Err(Error::Data(format!(
            "{reason}: {root} needs {FILE}; docs/experiments.md shows how to make it from the labels \
             that UCSD and CUHK Avenue publish"
        )))
    }

    /// Whether `root` has a file of labels, of whatever kind.
    pub(super) fn are_in(root: &Path) -> bool {
        root.join(FILE).is_file() || matlab_file(root).is_some()
    }

    /// The number of labelled videos.
    pub(super) fn count(&self) -> usize {
        self.videos.len()
    }

    /// Whether each frame of the video is abnormal.
    pub(super) fn of_video(&self, name: &str, frames: usize) -> Result<Vec<bool>> {
        let wrong = |reason: String| {
            let path = self.path.display();
            Error::Data(format!("{path}: video {name} {reason}"))
        };
        let labels = self.videos.get(name).ok_or_else(|| {
            let mut known: Vec<String> = self.videos.keys().cloned().collect();
            known.sort();
            wrong(format!(
                "has no labels; there are some of {}",
                in_short(&known)
            ))
        })?;
        if labels.len() != frames {
            let labels = count(labels.len(), "label");
            return Err(wrong(format!("has {labels} for {frames} frames")));
        }
        if let (Some((&first, _)), Some((&last, _))) =
            (labels.first_key_value(), labels.last_key_value())
            && (first, last) != (0, frames - 1)
        {
            return Err(wrong(format!(
                "has labels for frames {first} to {last}; frames are counted from 0"
            )));
        }
        Ok(labels.values().copied().collect())
    }

    fn from_csv(path: PathBuf) -> Result<Self> {
        let wrong = |reason: String| Error::Data(format!("{}: {reason}", path.display()));
        let text = file::text(&read_file(&path)?);
        let text = text.ok_or_else(|| wrong("it is neither UTF-8 nor UTF-16 text".into()))?;
        let separator = separator(&text).map_err(&wrong)?;
        let mut reader = csv::ReaderBuilder::new()
            .delimiter(separator)
            .trim(csv::Trim::All)
            .from_reader(text.as_bytes());
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
        Ok(Self { path, videos })
    }
}

/// The separator of the columns: a comma or, as some spreadsheets write it, a semicolon or a tab.
///
/// # Errors
///
/// The expected format, if the first line does not have three names.
fn separator(text: &str) -> Result<u8, String> {
    let mut lines = text.lines().filter(|line| !line.trim().is_empty());
    let first = lines.next().unwrap_or_default();
    let columns = |separator: char| first.split(separator).map(str::trim);
    let found = [',', ';', '\t']
        .into_iter()
        .find(|&one| columns(one).count() >= 3);
    let is_header = found.is_some_and(|one| {
        columns(one)
            .skip(1)
            .any(|name| name.parse::<f64>().is_err())
    });
    match found {
        Some(separator) if is_header => Ok(separator as u8),
        _ => Err(format!(
            "the first line is \"{}\", and should be \"video,frame,abnormal\"; a row for each test \
             frame follows: the video, the frame from 0, and 0 or 1",
            printable(first)
        )),
    }
}

fn matlab_file(root: &Path) -> Option<PathBuf> {
    let folders = MATLAB_FOLDERS.iter().map(|folder| root.join(folder));
    let mut files = folders
        .filter_map(|folder| fs::read_dir(folder).ok())
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path()));
    files.find(|path| {
        path.extension()
            .is_some_and(|ending| ending == "mat" || ending == "m")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use tempfile::TempDir;

    fn message(file: &str, text: &str) -> String {
        let root = TempDir::new().unwrap();
        let path = root.path().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
        let labels = Labels::find(root.path()).and_then(|labels| labels.of_video("01", 2));
        labels.unwrap_err().to_string()
    }

    #[test]
    fn a_csv_may_be_in_any_order() {
        let root = TempDir::new().unwrap();
        let text = "video,frame,abnormal\n01,1,1\n02,0,0\n01,0,0\n";
        fs::write(root.path().join(FILE), text).unwrap();
        let labels = Labels::find(root.path()).unwrap();
        assert_eq!(labels.of_video("01", 2).unwrap(), [false, true]);
    }

    #[test]
    fn spreadsheets_may_write_the_labels_and_the_names_of_the_columns_are_asked_for() {
        let read = |bytes: &[u8]| {
            let root = TempDir::new().unwrap();
            fs::write(root.path().join(FILE), bytes).unwrap();
            Labels::find(root.path()).and_then(|labels| labels.of_video("01", 2))
        };
        let text = "video,frame,abnormal\r\n01,1,1\r\n01,0,0\r\n";
        let marked = ["\u{feff}", text].concat();
        let utf16 = marked.encode_utf16().flat_map(u16::to_le_bytes);
        let utf16: Vec<u8> = utf16.collect();
        for bytes in [
            text.replace(',', " , ").into_bytes(),
            utf16,
            marked.clone().into_bytes(),
            text.replace(',', ";").into_bytes(),
            text.replace(',', "\t").into_bytes(),
        ] {
            assert_eq!(read(&bytes).unwrap(), [false, true]);
        }
        for text in ["01,0,0\n01,1,1\n", "01 0 0\n", ""] {
            let error = read(text.as_bytes()).unwrap_err().to_string();
            assert!(
                error.contains("should be \"video,frame,abnormal\""),
                "{error}"
            );
        }
        let error = read(b"f\xFCr,frame,abnormal\n").unwrap_err().to_string();
        assert!(error.contains("neither UTF-8 nor UTF-16"), "{error}");
    }

    #[test]
    fn labels_that_do_not_fit_are_named_with_their_row() {
        let csv = |rows: &str| message(FILE, &format!("v,f,a\n{rows}"));
        assert!(csv("01,0,0").contains("video 01 has 1 label for 2 frames"));
        let said = csv("02,0,0\n1,0,0");
        assert!(
            said.contains("video 01 has no labels; there are some of 02, 1"),
            "{said}"
        );
        let said = csv("01,1,0\n01,2,1");
        assert!(
            said.contains("for frames 1 to 2; frames are counted from 0"),
            "{said}"
        );
        assert!(csv("01,0,0\n01,x,0").contains("row 3"));
        assert!(csv("01,0,0\n01,1,7").contains("row 3: abnormal is 7"));
        assert!(csv("01,0,0\n01,0,1").contains("there twice"));
    }

    #[test]
    fn where_there_are_no_labels_the_error_says_how_to_make_them() {
        for (file, words) in [
            ("readme.txt", "is said nowhere"),
            ("Test/UCSDped2.m", "UCSDped2.m is a MATLAB file"),
            (
                "testing_label_mask/1_label.mat",
                "1_label.mat is a MATLAB file",
            ),
        ] {
            let said = message(file, "");
            assert!(said.contains(words), "{said}");
            assert!(
                said.contains("needs frame_labels.csv; docs/experiments.md"),
                "{said}"
            );
        }
    }
}
