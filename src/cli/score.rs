//! `daad score`.

use std::borrow::Cow;
use std::collections::HashSet;
use std::io::Cursor;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use image::{ImageFormat, RgbImage};
use serde::Serialize;

use daad::train::dataset::find_images;
use daad::train::{atomic_file, wait};
use daad::{Detection, Detector};

use super::args::ScoreArgs;
use super::eval::open;
use super::output::{line, note};

/// One line of `--json`.
#[derive(Serialize)]
struct Line<'a> {
    path: Cow<'a, str>,
    score: f64,
    reconstruction_score: f64,
    alignment_score: Option<f64>,
    threshold: f64,
    anomalous: bool,
}

pub(crate) fn run(args: &ScoreArgs) -> anyhow::Result<ExitCode> {
    let detector = open(&args.model, args.common.device)?;
    let images = images(&args.paths)?;
    let mut names = HashSet::new();
    let mut failed = 0;
    for path in &images {
        // One unreadable image must not lose the rest.
        let detection = match detect(&detector, path) {
            Ok(detection) => detection,
            Err(error) => {
                note(&format!("{}: {error:#}", path.display()));
                failed += 1;
                continue;
            }
        };
        print(&detector, path, &detection, args.common.json)?;
        let name = unique_name(path, &mut names);
        if let Some(folder) = &args.heat_maps {
            let map = detector.heat_map(&detection);
            save(&map, &folder.join(format!("{name}.heat.png")))?;
        }
        if let Some(folder) = &args.reconstructions {
            let path = folder.join(format!("{name}.reconstruction.png"));
            save(&detection.examination.reconstruction, &path)?;
        }
    }
    if failed > 0 {
        anyhow::bail!("{failed} of {} images could not be scored", images.len());
    }
    Ok(ExitCode::SUCCESS)
}

fn images(paths: &[PathBuf]) -> anyhow::Result<Vec<PathBuf>> {
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

fn detect(detector: &Detector, path: &Path) -> anyhow::Result<Detection> {
    let bytes = std::fs::read(path).context("cannot read")?;
    Ok(wait(detector.detect(&bytes))?)
}

fn print(
    detector: &Detector,
    path: &Path,
    detection: &Detection,
    json: bool,
) -> anyhow::Result<()> {
    let threshold = detector.card().calibration.threshold;
    if json {
        return line(&serde_json::to_string(&Line {
            path: path.to_string_lossy(),
            score: detection.anomaly_score,
            reconstruction_score: detection.examination.raw.reconstruction,
            alignment_score: detection.examination.raw.alignment,
            threshold,
            anomalous: detection.is_anomalous,
        })?);
    }
    let verdict = match detection.is_anomalous {
        true => "anomalous",
        false => "normal",
    };
    let score = detection.anomaly_score;
    line(&format!(
        "{verdict:<9}  {score:>8.3} (threshold {threshold:.3})  {}",
        path.display()
    ))
}

/// Files of the same name from several folders must not overwrite each other.
fn unique_name(path: &Path, taken: &mut HashSet<String>) -> String {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let candidates = (2..).map(|count| format!("{stem}-{count}"));
    let mut candidates = [stem.to_string()].into_iter().chain(candidates);
    let free = candidates.find(|name| !taken.contains(name));
    let name = free.expect("there are endless numbers");
    taken.insert(name.clone());
    name
}

fn save(image: &RgbImage, path: &Path) -> anyhow::Result<()> {
    let mut bytes = Cursor::new(Vec::new());
    image.write_to(&mut bytes, ImageFormat::Png)?;
    Ok(atomic_file::write(path, &bytes.into_inner())?)
}
