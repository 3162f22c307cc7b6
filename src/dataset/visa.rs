//! VisA as published: all objects in one folder, and a file `split_csv/1cls.csv` that says for each
//! image whether it is for training or testing.

use std::path::Path;

use serde::Deserialize;

use super::Sample;
use super::files::Listing;
use super::split::Split;
use crate::error::{Error, Result};
use crate::metric::Label;

/// The split for training on normal images only.
const FILE: &str = "1cls.csv";

/// A row of the file. Paths are relative to the data set's folder.
#[derive(Deserialize)]
struct Row {
    object: String,
    split: String,
    label: String,
    image: String,
    #[serde(default)]
    mask: Option<String>,
}

/// Opens the images that `split_csv/1cls.csv` in `root` lists; an object is a category. The result
/// is empty if the file is missing.
pub(super) fn open(root: &Path) -> Result<Split> {
    let folder = Listing::of(root)?.folder(&["split_csv"]);
    let path = folder.map(|folder| folder.join(FILE));
    let Some(path) = path.filter(|path| path.is_file()) else {
        return Ok(Split::default());
    };
    let wrong = |reason: String| Error::Data(format!("{}: {reason}", path.display()));
    let mut reader = csv::Reader::from_path(&path).map_err(|error| wrong(error.to_string()))?;
    let mut split = Split {
        expects_masks: true,
        ..Split::default()
    };
    for row in reader.deserialize() {
        let row: Row = row.map_err(|error| wrong(error.to_string()))?;
        let label = match row.label.as_str() {
            "normal" => Label::Normal,
            "anomaly" => Label::Anomalous,
            other => return Err(wrong(format!("label {other} is not known"))),
        };
        let mask = row.mask.filter(|mask| !mask.is_empty());
        let sample = Sample {
            kind: row.label,
            masks: mask.iter().map(|mask| root.join(mask)).collect(),
            ..Sample::of_file(root.join(&row.image), &row.object, label)
        };
        match (row.split.as_str(), label) {
            ("train", Label::Normal) => split.train.push(sample),
            ("test", _) => split.test.push(sample),
            (part, _) => return Err(wrong(format!("{}: split {part}", row.image))),
        }
    }
    Ok(split)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use tempfile::TempDir;

    #[test]
    fn the_official_split_is_read_with_its_masks() {
        let root = TempDir::new().unwrap();
        assert!(open(root.path()).unwrap().is_empty());
        fs::create_dir(root.path().join("split_csv")).unwrap();
        let write = |rows: &str| {
            let text = format!("object,split,label,image,mask\n{rows}");
            fs::write(root.path().join("split_csv/1cls.csv"), text).unwrap();
            open(root.path())
        };
        let images = "candle/Data/Images";
        let split = write(&format!(
            "candle,train,normal,{images}/Normal/0000.JPG,\n\
             candle,test,normal,{images}/Normal/0001.JPG,\n\
             candle,test,anomaly,{images}/Anomaly/000.JPG,candle/Data/Masks/Anomaly/000.png\n"
        ));
        let split = split.unwrap();
        assert_eq!((split.train.len(), split.test.len()), (1, 2));
        assert_eq!(split.categories(), ["candle"]);
        assert!(split.test[1].masks[0].ends_with("Masks/Anomaly/000.png"));
        assert_eq!(split.notes(), [""; 0]);
        let error = write("candle,train,anomaly,x.JPG,\n").unwrap_err();
        assert!(error.to_string().contains("1cls.csv"), "{error}");
    }
}
