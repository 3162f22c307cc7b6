//! The records that a run writes beside its model file `NAME.safetensors`:
//!
//! | file | holds |
//! |---|---|
//! | `NAME.losses.csv` | the training curve, one row per epoch |
//! | `NAME.scores.csv` | one row per test image: [`ScoredImage`] |
//! | `NAME.metrics.csv` | one row per figure: category, protocol, metric, value |
//! | `NAME.evaluation.json` | the figures as [`Evaluation`] |

use std::fs;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::{Evaluated, Evaluation, Figures, ProtocolMetrics, ScoredImage};
use crate::error::{Error, Result, shown};
use crate::file;
use crate::learn::EpochRecord;
use crate::learn::Losses;

/// The paths of the records of a model.
///
/// ```
/// use std::path::Path;
///
/// use daad::evaluate::Records;
///
/// let records = Records::beside(Path::new("runs/cable.safetensors"));
/// assert_eq!(records.scores, Path::new("runs/cable.scores.csv"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Records {
    /// The file of the training curve.
    pub losses: PathBuf,
    /// The file with the scores of every test image.
    pub scores: PathBuf,
    /// The file with the figures as CSV, for tables.
    pub metrics: PathBuf,
    /// The file with the figures as JSON, for programs.
    pub evaluation: PathBuf,
}

impl Records {
    /// The paths of the records beside the model file `model`.
    ///
    /// ```
    /// use std::path::Path;
    ///
    /// use daad::evaluate::Records;
    ///
    /// let records = Records::beside(Path::new("runs/cable.safetensors"));
    /// assert_eq!(records.losses, Path::new("runs/cable.losses.csv"));
    /// assert_eq!(records.evaluation, Path::new("runs/cable.evaluation.json"));
    /// ```
    pub fn beside(model: &Path) -> Self {
        let name = model.file_name().unwrap_or_default().to_string_lossy();
        let name = name
            .strip_suffix(".safetensors")
            .unwrap_or(&name)
            .to_owned();
        let stem = model.with_file_name(name);
        Self {
            losses: file::with_ending(&stem, ".losses.csv"),
            scores: file::with_ending(&stem, ".scores.csv"),
            metrics: file::with_ending(&stem, ".metrics.csv"),
            evaluation: file::with_ending(&stem, ".evaluation.json"),
        }
    }

    /// Writes the training curve of a new model, and deletes the evaluation of an older model with
    /// the same path.
    ///
    /// # Errors
    ///
    /// [`Error::File`] naming the file.
    pub(crate) fn write_losses(&self, history: &[EpochRecord]) -> Result<()> {
        for path in [&self.scores, &self.metrics, &self.evaluation] {
            if path.exists() {
                fs::remove_file(path).map_err(|error| Error::file("cannot remove", path, error))?;
            }
        }
        write_csv(&self.losses, history.iter().map(LossRow::from))
    }

    /// Writes the evaluation of the model and replaces an earlier one.
    ///
    /// ```
    /// # use burn::tensor::Device;
    /// # use daad::Detector;
    /// # use daad::dataset::{SyntheticImages, Texture};
    /// use daad::evaluate::{Records, evaluate};
    /// # let model = std::fs::read("models/series/floors-r4.safetensors")?;
    /// # let detector = Detector::from_bytes(&model, &Device::flex())?;
    /// # let images = SyntheticImages::new(Texture::Floor, 64, 2).normal(4).into_iter().map(Ok);
    ///
    /// let folder = tempfile::tempdir()?;
    /// let records = Records::beside(&folder.path().join("floor.safetensors"));
    /// let evaluated = evaluate(&detector, images, |_| {})?;
    /// records.write_evaluation(&evaluated)?;
    /// assert!(std::fs::read_to_string(&records.metrics)?.contains("false_alarms"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::File`] naming the file.
    pub fn write_evaluation(&self, evaluated: &Evaluated) -> Result<()> {
        write_csv(&self.scores, &evaluated.images)?;
        write_csv(&self.metrics, metric_rows(&evaluated.evaluation))?;
        let json = serde_json::to_string_pretty(&evaluated.evaluation);
        let json = json.expect("an evaluation is plain data") + "\n";
        file::write(&self.evaluation, json.as_bytes())
    }

    /// Reads the training curve.
    ///
    /// ```
    /// use daad::evaluate::Records;
    ///
    /// let folder = tempfile::tempdir()?;
    /// let records = Records::beside(&folder.path().join("floor.safetensors"));
    /// let header = "epoch,reconstruction,adversarial,alignment,discriminator,structural,validation";
    /// std::fs::write(&records.losses, format!("{header}\n1,0.02,0.7,1.5,1.4,0.0,\n"))?;
    /// let curve = records.read_losses()?;
    /// assert_eq!((curve[0].epoch, curve[0].losses.reconstruction), (1, 0.02));
    /// assert_eq!(curve[0].validation, None);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::File`] where the file cannot be read, [`Error::Record`] where its content is
    /// not a training curve.
    pub fn read_losses(&self) -> Result<Vec<EpochRecord>> {
        let rows: Vec<LossRow> = read_csv(&self.losses)?;
        Ok(rows.into_iter().map(EpochRecord::from).collect())
    }

    /// Reads the scores of every test image, in the order in which the images were scored.
    ///
    /// ```
    /// # use burn::tensor::Device;
    /// # use daad::Detector;
    /// # use daad::dataset::{SyntheticImages, Texture};
    /// use daad::evaluate::{Records, evaluate};
    /// # let model = std::fs::read("models/series/floors-r4.safetensors")?;
    /// # let detector = Detector::from_bytes(&model, &Device::flex())?;
    /// # let images = SyntheticImages::new(Texture::Floor, 64, 2).normal(4).into_iter().map(Ok);
    ///
    /// let folder = tempfile::tempdir()?;
    /// let records = Records::beside(&folder.path().join("floor.safetensors"));
    /// assert!(records.read_scores().is_err()); // nothing is written yet
    /// let evaluated = evaluate(&detector, images, |_| {})?;
    /// records.write_evaluation(&evaluated)?;
    /// assert_eq!(records.read_scores()?, evaluated.images);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::File`] where the file cannot be read, [`Error::Record`] where it holds anything
    /// else.
    pub fn read_scores(&self) -> Result<Vec<ScoredImage>> {
        read_csv(&self.scores)
    }

    /// Reads the figures.
    ///
    /// ```
    /// # use burn::tensor::Device;
    /// # use daad::Detector;
    /// # use daad::dataset::{SyntheticImages, Texture};
    /// use daad::evaluate::{Records, evaluate};
    /// # let model = std::fs::read("models/series/floors-r4.safetensors")?;
    /// # let detector = Detector::from_bytes(&model, &Device::flex())?;
    /// # let images = SyntheticImages::new(Texture::Floor, 64, 2).normal(4).into_iter().map(Ok);
    ///
    /// let folder = tempfile::tempdir()?;
    /// let records = Records::beside(&folder.path().join("floor.safetensors"));
    /// let evaluated = evaluate(&detector, images, |_| {})?;
    /// records.write_evaluation(&evaluated)?;
    /// assert_eq!(records.read_evaluation()?, evaluated.evaluation);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::File`] where the file cannot be read, [`Error::Record`] where it holds anything
    /// else.
    pub fn read_evaluation(&self) -> Result<Evaluation> {
        let path = &self.evaluation;
        let bytes = fs::read(path).map_err(|error| Error::file("cannot read", path, error))?;
        serde_json::from_slice(&bytes).map_err(|error| unsound(path, &error))
    }
}

/// [`EpochRecord`] as a row of CSV, where nested structs are not possible.
#[derive(Serialize, Deserialize)]
struct LossRow {
    epoch: usize,
    reconstruction: f64,
    adversarial: f64,
    alignment: f64,
    discriminator: f64,
    structural: f64,
    validation: Option<f64>,
}

impl From<&EpochRecord> for LossRow {
    fn from(record: &EpochRecord) -> Self {
        let losses = record.losses;
        Self {
            epoch: record.epoch,
            reconstruction: losses.reconstruction,
            adversarial: losses.adversarial,
            alignment: losses.alignment,
            discriminator: losses.discriminator,
            structural: losses.structural,
            validation: record.validation,
        }
    }
}

impl From<LossRow> for EpochRecord {
    fn from(row: LossRow) -> Self {
        Self {
            epoch: row.epoch,
            losses: Losses {
                reconstruction: row.reconstruction,
                adversarial: row.adversarial,
                alignment: row.alignment,
                discriminator: row.discriminator,
                structural: row.structural,
            },
            validation: row.validation,
        }
    }
}

/// One figure, as a row of the file for tables.
///
/// ```
/// use daad::evaluate::MetricRow;
///
/// let row = MetricRow {
///     category: "cable",
///     protocol: "deployed",
///     metric: "auroc",
///     value: 0.93,
/// };
/// let mut csv = csv::Writer::from_writer(Vec::new());
/// csv.serialize(row)?;
/// let text = String::from_utf8(csv.into_inner()?)?;
/// assert_eq!(text, "category,protocol,metric,value\ncable,deployed,auroc,0.93\n");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Serialize)]
pub struct MetricRow<'a> {
    /// The category's name; `mean` for the mean over several categories.
    pub category: &'a str,
    /// The scores from which the figure is computed: `deployed`, `paper`, `reconstruction` or
    /// `error_map`; empty for counts.
    pub protocol: &'static str,
    /// The name of the figure.
    pub metric: &'static str,
    /// The value of the figure.
    pub value: f64,
}

/// All defined figures, each as one row.
///
/// ```
/// # use burn::tensor::Device;
/// # use daad::Detector;
/// # use daad::dataset::{SyntheticImages, Texture};
/// use daad::evaluate::{evaluate, metric_rows};
/// # let model = std::fs::read("models/series/floors-r4.safetensors")?;
/// # let detector = Detector::from_bytes(&model, &Device::flex())?;
/// # let mut floors = SyntheticImages::new(Texture::Floor, 64, 2);
/// # let images = [floors.normal(4), floors.defective(4)].concat().into_iter().map(Ok);
///
/// let evaluation = evaluate(&detector, images, |_| {})?.evaluation;
/// let rows = metric_rows(&evaluation);
/// let auroc = rows.iter().find(|row| (row.protocol, row.metric) == ("deployed", "auroc"));
/// assert_eq!(auroc.map(|row| row.value), evaluation.mean.deployed.auroc);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn metric_rows(evaluation: &Evaluation) -> Vec<MetricRow<'_>> {
    let mut rows = Vec::new();
    for category in &evaluation.categories {
        let counts = [
            ("normal", category.normal),
            ("anomalous", category.anomalous),
            ("masks", category.masks),
        ];
        rows.extend(counts.map(|(metric, count)| MetricRow {
            category: &category.category,
            protocol: "",
            metric,
            value: count as f64,
        }));
        rows.extend(figure_rows(&category.category, &category.figures));
    }
    if evaluation.categories.len() > 1 {
        rows.extend(figure_rows("mean", &evaluation.mean));
    }
    rows
}

fn figure_rows<'a>(category: &'a str, figures: &Figures) -> impl Iterator<Item = MetricRow<'a>> {
    let protocol = |name, metrics: ProtocolMetrics| {
        [
            (name, "auroc", metrics.auroc),
            (name, "average_precision", metrics.average_precision),
            (name, "best_f1", metrics.best_f1),
            (name, "best_f1_threshold", metrics.best_f1_threshold),
        ]
    };
    let at_threshold = [
        ("deployed", "false_alarms", figures.false_alarms),
        ("deployed", "detected", figures.detected),
    ];
    let pixels = [
        ("error_map", "pixel_auroc", figures.pixel_auroc),
        ("error_map", "aupro", figures.aupro),
    ];
    protocol("deployed", figures.deployed)
        .into_iter()
        .chain(at_threshold)
        .chain(protocol("paper", figures.paper))
        .chain(protocol("reconstruction", figures.reconstruction))
        .chain(pixels)
        .filter_map(move |(protocol, metric, value)| {
            let row = |value| MetricRow {
                category,
                protocol,
                metric,
                value,
            };
            value.map(row)
        })
}

fn write_csv(path: &Path, rows: impl IntoIterator<Item = impl Serialize>) -> Result<()> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    for row in rows {
        writer.serialize(row).expect("a row is flat, plain data");
    }
    let bytes = writer.into_inner().expect("memory takes every byte");
    file::write(path, &bytes)
}

fn read_csv<T: DeserializeOwned>(path: &Path) -> Result<Vec<T>> {
    let bytes = fs::read(path).map_err(|error| Error::file("cannot read", path, error))?;
    let rows = csv::Reader::from_reader(bytes.as_slice()).into_deserialize();
    rows.collect::<Result<_, csv::Error>>()
        .map_err(|error| unsound(path, &error))
}

fn unsound(path: &Path, reason: &dyn std::error::Error) -> Error {
    Error::Record(format!(
        "{}: {reason}; daad train and daad eval --record write it anew",
        shown(path)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluate::CategoryFigures;
    use crate::metric::Label;

    fn evaluated() -> Evaluated {
        let image = ScoredImage {
            name: "test/good, \"new\"/1.png".into(),
            category: "bottle".into(),
            kind: "good".into(),
            label: Label::Normal,
            video: String::new(),
            anomalous_share: None,
            reconstruction: 0.1 + 0.2,
            alignment: None,
            deployed: -1e-300,
            paper: 1.0 / 3.0,
        };
        let other = ScoredImage {
            label: Label::Anomalous,
            alignment: Some(2.0),
            anomalous_share: Some(0.125),
            ..image.clone()
        };
        let figures = Figures {
            aupro: Some(0.1 + 0.7),
            ..Figures::default()
        };
        let category = CategoryFigures {
            category: "bottle".into(),
            normal: 1,
            anomalous: 1,
            masks: 1,
            figures,
        };
        Evaluated {
            evaluation: Evaluation {
                categories: vec![category],
                mean: figures,
            },
            images: vec![image, other],
            notes: Vec::new(),
        }
    }

    #[test]
    fn records_lie_beside_the_model_and_take_only_its_ending_off() {
        let records = Records::beside(Path::new("runs/v1.2.safetensors"));
        assert_eq!(records.losses, Path::new("runs/v1.2.losses.csv"));
        let records = Records::beside(Path::new("v1.2"));
        assert_eq!(records.evaluation, Path::new("v1.2.evaluation.json"));
    }

    #[test]
    fn what_was_written_is_read_bit_for_bit() {
        let folder = tempfile::tempdir().unwrap();
        let records = Records::beside(&folder.path().join("model.safetensors"));
        let losses = Losses::from_array([0.1 + 0.2, 1e-12, 0.0, 2.0 / 3.0, 0.5]);
        let history = [1, 2].map(|epoch| EpochRecord {
            epoch,
            losses,
            validation: Some(0.25),
        });
        records.write_losses(&history).unwrap();
        assert_eq!(records.read_losses().unwrap(), history);
        let evaluated = evaluated();
        records.write_evaluation(&evaluated).unwrap();
        assert_eq!(records.read_scores().unwrap(), evaluated.images);
        assert_eq!(records.read_evaluation().unwrap(), evaluated.evaluation);
        let metrics = fs::read_to_string(&records.metrics).unwrap();
        let expected = "category,protocol,metric,value\n\
                        bottle,,normal,1.0\n\
                        bottle,,anomalous,1.0\n\
                        bottle,,masks,1.0\n\
                        bottle,error_map,aupro,0.7999999999999999\n";
        assert_eq!(metrics, expected);
        // When a new model is trained, the evaluation of the old model is deleted.
        records.write_losses(&history).unwrap();
        assert!(!records.scores.exists() && !records.evaluation.exists());
    }

    #[test]
    fn a_record_that_is_none_is_named_with_what_is_wrong() {
        let folder = tempfile::tempdir().unwrap();
        let records = Records::beside(&folder.path().join("model.safetensors"));
        let error = records.read_scores().unwrap_err().to_string();
        assert!(error.contains("cannot read") && error.contains("model.scores.csv"));
        fs::write(&records.losses, "epoch,reconstruction\n1,x\n").unwrap();
        let error = records.read_losses().unwrap_err().to_string();
        assert!(error.contains("model.losses.csv: CSV"), "{error}");
        assert!(error.contains("line: 2"), "{error}");
        fs::write(&records.evaluation, "{}").unwrap();
        let error = records.read_evaluation().unwrap_err().to_string();
        assert!(error.contains("missing field `categories`"), "{error}");
    }
}
