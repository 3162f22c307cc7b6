//! Images that show what a model does: the clearest and the worst of each kind.

use std::io::Cursor;
use std::path::Path;

use image::{ImageFormat, RgbImage};

use daad::Detector;
use daad::metric::Label;
use daad::train::{ScoredImage, wait};

/// One image, as it is and as the model sees it.
pub(super) struct Shown {
    pub(super) scored: ScoredImage,
    /// Of its pictures' files.
    pub(super) file_name: String,
    pub(super) original: Vec<u8>,
    pub(super) reconstruction: Vec<u8>,
    pub(super) heat_map: Vec<u8>,
}

/// What a run has to show.
#[derive(Default)]
pub(super) struct Examples {
    /// Its own clearest and worst.
    pub(super) shown: Vec<Shown>,
    /// The first run's, for comparison: none where one cannot be read.
    pub(super) compared: Vec<Option<Shown>>,
    /// Images that cannot be shown, each with the reason.
    pub(super) missing: Vec<String>,
}

/// `count` each of: anomalous images of the highest and of the lowest scores, normal ones of the
/// highest and of the lowest (deployed protocol).
pub(super) fn choose(scores: &[ScoredImage], count: usize) -> Vec<ScoredImage> {
    let mut chosen: Vec<ScoredImage> = Vec::new();
    for label in [Label::Anomalous, Label::Normal] {
        let mut members: Vec<&ScoredImage> =
            scores.iter().filter(|image| image.label == label).collect();
        members.sort_by(|a, b| b.deployed.total_cmp(&a.deployed));
        let ends = members.iter().take(count);
        let lowest = members
            .iter()
            .rev()
            .take(count.min(members.len().saturating_sub(count)));
        chosen.extend(ends.chain(lowest.rev()).map(|&image| image.clone()));
    }
    chosen
}

impl Examples {
    /// Reads images again and lets the model rebuild them.
    pub(super) fn rebuild(
        detector: &Detector,
        own: &[ScoredImage],
        compared: &[ScoredImage],
    ) -> anyhow::Result<Self> {
        let mut examples = Self::default();
        for (index, scored) in own.iter().enumerate() {
            match rebuild(detector, scored, index)? {
                Ok(shown) => examples.shown.push(shown),
                Err(reason) => examples.missing.push(reason),
            }
        }
        for (index, scored) in compared.iter().enumerate() {
            examples
                .compared
                .push(rebuild(detector, scored, index)?.ok());
        }
        Ok(examples)
    }
}

impl Shown {
    /// What its files are called, and what they hold.
    pub(super) fn pictures(&self) -> [(&'static str, &[u8]); 3] {
        [
            ("original", &self.original),
            ("reconstruction", &self.reconstruction),
            ("heat", &self.heat_map),
        ]
    }
}

/// The inner error is that of a file; it is no reason to have no report.
fn rebuild(
    detector: &Detector,
    scored: &ScoredImage,
    index: usize,
) -> anyhow::Result<Result<Shown, String>> {
    let bytes = match std::fs::read(Path::new(&scored.name)) {
        Ok(bytes) => bytes,
        Err(error) => return Ok(Err(format!("{}: {error}", scored.name))),
    };
    let original = match detector.prepare(&bytes) {
        Ok(image) => image,
        Err(error) => return Ok(Err(format!("{}: {error}", scored.name))),
    };
    let detection = wait(detector.judge(original.clone()))?;
    Ok(Ok(Shown {
        scored: scored.clone(),
        file_name: format!("example-{:02}", index + 1),
        original: png(&original)?,
        heat_map: png(&detector.heat_map(&detection))?,
        reconstruction: png(&detection.examination.reconstruction)?,
    }))
}

fn png(image: &RgbImage) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Cursor::new(Vec::new());
    image.write_to(&mut bytes, ImageFormat::Png)?;
    Ok(bytes.into_inner())
}
