//! Scores the best and the worst test images of a run again, to show them in the report.

use std::cell::OnceCell;
use std::path::{Path, PathBuf};
use std::slice;

use anyhow::{Context, anyhow};
use image::RgbImage;

use daad::Detector;
use daad::dataset::{DataSet, Sample};
use daad::device::NamedDevice;
use daad::error::shown;
use daad::evaluate::ScoredImage;
use daad::metric::Label;
use pollster::block_on;

use super::picture::Picture;
use super::runs::Run;
use crate::cli::common::files::{check, read};

/// The largest allowed relative difference between a score and the recorded one, because another
/// device may compute it.
const TOLERANCE: f64 = 1e-2;

/// Example images of a run.
#[derive(Default)]
pub(super) struct Examples {
    pub(super) kinds: Vec<Kind>,
    /// The images that are compared with other runs, in the order of the group.
    pub(super) compared: Vec<Example>,
}

/// The examples of one kind of image.
pub(super) struct Kind {
    pub(super) title: &'static str,
    pub(super) label: Label,
    pub(super) examples: Vec<Example>,
}

/// One image.
pub(super) struct Example {
    pub(super) image: ScoredImage,
    /// The pictures, or the reason why the image cannot be shown.
    pub(super) shown: Result<Shown, String>,
}

pub(super) struct Shown {
    /// The anomaly score, deployed protocol.
    pub(super) score: f64,
    pub(super) is_anomalous: bool,
    pub(super) input: Picture,
    pub(super) reconstruction: Picture,
    pub(super) heat_map: Picture,
}

impl Example {
    /// Whether the score equals the recorded one within [`TOLERANCE`].
    pub(super) fn agrees(&self) -> bool {
        let recorded = self.image.deployed;
        self.shown.as_ref().is_ok_and(|shown| {
            (shown.score - recorded).abs() <= TOLERANCE * recorded.abs().max(1.0)
        })
    }
}

/// The `count` images of a kind with the highest scores and those with the lowest; no image is in
/// both.
struct Extremes<'a> {
    highest: Vec<&'a ScoredImage>,
    lowest: Vec<&'a ScoredImage>,
}

impl<'a> Extremes<'a> {
    fn of(images: &'a [ScoredImage], label: Label, count: usize) -> Self {
        let members = images.iter().filter(|image| image.label == label);
        let mut highest: Vec<&ScoredImage> = members.collect();
        highest.sort_by(|a, b| b.deployed.total_cmp(&a.deployed));
        let mut lowest = highest.split_off(count.min(highest.len().div_ceil(2)));
        lowest.reverse();
        lowest.truncate(count);
        Self { highest, lowest }
    }
}

/// A run's model, which scores images and writes pictures of them into a folder.
pub(super) struct Studio {
    detector: Detector,
    folder: PathBuf,
    /// The test images that are stored inside larger files; loaded when the first one is needed.
    records: OnceCell<Result<Vec<Sample>, String>>,
}

impl Studio {
    pub(super) fn open(run: &Run, device: &NamedDevice, folder: &Path) -> anyhow::Result<Self> {
        let bytes = read(&run.model)?;
        let detector =
            Detector::from_bytes(&bytes, &device.device).with_context(|| shown(&run.model))?;
        check(&detector, device)?;
        std::fs::create_dir_all(folder)
            .with_context(|| format!("cannot write {}", folder.display()))?;
        Ok(Self {
            detector,
            folder: folder.to_owned(),
            records: OnceCell::new(),
        })
    }

    pub(super) fn examples(
        &self,
        run: &Run,
        count: usize,
        compared: &[ScoredImage],
    ) -> anyhow::Result<Examples> {
        let anomalous = Extremes::of(&run.scores, Label::Anomalous, count);
        let normal = Extremes::of(&run.scores, Label::Normal, count);
        let kinds = [
            ("Anomalous, highest scores", anomalous.highest),
            ("Anomalous, lowest scores", anomalous.lowest),
            ("Normal, lowest scores", normal.lowest),
            ("Normal, highest scores", normal.highest),
        ];
        let kinds = kinds.into_iter().enumerate();
        let kinds = kinds.filter(|(_, (_, images))| !images.is_empty());
        let kinds = kinds.map(|(index, (title, images))| {
            let label = images[0].label;
            let examples = self.all(images, &format!("example-{}", index + 1))?;
            Ok(Kind {
                title,
                label,
                examples,
            })
        });
        Ok(Examples {
            kinds: kinds.collect::<anyhow::Result<_>>()?,
            compared: self.all(compared, "compared")?,
        })
    }

    fn all<'a>(
        &self,
        images: impl IntoIterator<Item = &'a ScoredImage>,
        stem: &str,
    ) -> anyhow::Result<Vec<Example>> {
        let images = images.into_iter().enumerate();
        let examples = images.map(|(index, image)| {
            let shown = match self.read(image) {
                Ok(image) => Ok(self.show(image, &format!("{stem}-{}", index + 1))?),
                Err(reason) => Err(format!("{reason:#}")),
            };
            Ok(Example {
                image: image.clone(),
                shown,
            })
        });
        examples.collect()
    }

    /// Reads the image at the model's size, if its file still exists.
    fn read(&self, image: &ScoredImage) -> anyhow::Result<RgbImage> {
        let path = Path::new(&image.name);
        match image.name.rsplit_once('#') {
            Some((file, _)) if !path.exists() && Path::new(file).is_file() => {
                self.read_record(image, Path::new(file))
            }
            _ => {
                let bytes = std::fs::read(path).context("cannot read it")?;
                Ok(self.detector.prepare(&bytes)?)
            }
        }
    }

    /// One of the many images that `file` holds.
    fn read_record(&self, image: &ScoredImage, file: &Path) -> anyhow::Result<RgbImage> {
        let samples = self.records.get_or_init(|| {
            let folder = file
                .parent()
                .filter(|folder| !folder.as_os_str().is_empty());
            let data = DataSet::open(folder.unwrap_or(Path::new(".")));
            let split = data.and_then(|data| data.select(slice::from_ref(&image.category)));
            split
                .map(|split| split.test)
                .map_err(|error| error.to_string())
        });
        let samples = samples.as_ref().map_err(|reason| anyhow!("{reason}"))?;
        let mut samples = samples.iter();
        let sample = samples.find(|sample| sample.source.absolute_name() == image.name);
        let sample = sample.context("it lies inside a file that holds no such image now")?;
        let config = &self.detector.card().config;
        Ok(sample.source.read(config.width_px, config.height_px)?)
    }

    fn show(&self, image: RgbImage, stem: &str) -> anyhow::Result<Shown> {
        let detection = block_on(self.detector.detect_image(image))?;
        let save = |image, what| {
            let path = self.folder.join(format!("{stem}.{what}.png"));
            Picture::save(image, &path)
        };
        Ok(Shown {
            score: detection.anomaly_score,
            is_anomalous: detection.is_anomalous,
            input: save(&detection.input, "input")?,
            reconstruction: save(&detection.prediction.reconstruction, "reconstruction")?,
            heat_map: save(&self.detector.heat_map(&detection), "heat")?,
        })
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in super::super) fn image(name: &str, kind: &str, label: Label, score: f64) -> ScoredImage {
        ScoredImage {
            name: name.into(),
            category: String::new(),
            kind: kind.into(),
            label,
            video: String::new(),
            anomalous_share: None,
            reconstruction: score,
            alignment: None,
            deployed: score,
            paper: score,
        }
    }

    #[test]
    fn no_image_is_among_both_the_best_and_the_worst() {
        let images = [0.3, 0.1, 0.2].map(|score| image("x", "", Label::Normal, score));
        let scores = |images: &[&ScoredImage]| -> Vec<f64> {
            images.iter().map(|image| image.deployed).collect()
        };
        let all = Extremes::of(&images, Label::Normal, 4);
        assert_eq!(scores(&all.highest), [0.3, 0.2]);
        assert_eq!(scores(&all.lowest), [0.1]);
        let one = Extremes::of(&images, Label::Normal, 1);
        assert_eq!(
            (scores(&one.highest), scores(&one.lowest)),
            (vec![0.3], vec![0.1])
        );
        assert!(
            Extremes::of(&images, Label::Anomalous, 4)
                .highest
                .is_empty()
        );
    }
}
