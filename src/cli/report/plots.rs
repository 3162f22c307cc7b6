//! The plots of one run.

use std::collections::BTreeMap;

use daad::evaluate::ScoredImage;
use daad::learn::EpochRecord;
use daad::metric::{Label, RocCurve};

use super::chart::{ANOMALOUS, Axes, INK, Mark, NORMAL, Plot, SERIES, Shape, draw, range};
use super::histogram::Histogram;
use super::runs::Run;

const BINS: usize = 32;

/// All plots for which the run has records.
pub(super) fn of(run: &Run) -> Vec<Plot> {
    let threshold = run.card.calibration.threshold;
    let single = [
        losses(&run.losses),
        game(&run.losses),
        histogram(&run.scores, threshold),
        roc(&run.scores, "deployed", |image| image.deployed),
        roc(&run.scores, "paper", |image| image.paper),
        share(&run.scores),
    ];
    single
        .into_iter()
        .flatten()
        .chain(videos(&run.scores))
        .collect()
}

fn plot(file: &str, title: &str, caption: &str, svg: String) -> Option<Plot> {
    Some(Plot {
        file: file.to_owned(),
        title: title.to_owned(),
        caption: caption.to_owned(),
        svg,
    })
}

/// The name of a loss curve, and its value in an epoch.
type Curve = (&'static str, fn(&EpochRecord) -> Option<f64>);

fn losses(history: &[EpochRecord]) -> Option<Plot> {
    let curves: [Curve; 2] = [
        ("training images", |record| {
            Some(record.losses.reconstruction)
        }),
        ("held-out images", |record| record.validation),
    ];
    let svg = loss_curves(history, &curves, "reconstruction loss")?;
    let caption = "The mean of each epoch.";
    plot("losses", "Reconstruction loss", caption, svg)
}

fn game(history: &[EpochRecord]) -> Option<Plot> {
    let curves: [Curve; 4] = [
        ("adversarial", |record| some(record.losses.adversarial)),
        ("alignment", |record| some(record.losses.alignment)),
        ("discriminator", |record| some(record.losses.discriminator)),
        ("structural", |record| some(record.losses.structural)),
    ];
    let svg = loss_curves(history, &curves, "loss")?;
    let caption = "The mean of each epoch; not yet weighted by their λ.";
    plot("losses-other", "The other losses", caption, svg)
}

/// None for a loss that is exactly 0, because such a loss is not used in training.
fn some(loss: f64) -> Option<f64> {
    (loss != 0.0).then_some(loss)
}

fn loss_curves(history: &[EpochRecord], curves: &[Curve], name: &str) -> Option<String> {
    let points = |of: fn(&EpochRecord) -> Option<f64>| -> Vec<(f64, f64)> {
        let point = |record: &EpochRecord| Some((record.epoch as f64, of(record)?));
        let points = history.iter().filter_map(point);
        points.filter(|(_, loss)| loss.is_finite()).collect()
    };
    let curves: Vec<_> = curves
        .iter()
        .map(|(name, of)| (*name, points(*of)))
        .filter(|(_, points)| !points.is_empty())
        .collect();
    let all = || curves.iter().flat_map(|(_, points)| points).copied();
    let last = history.last()?.epoch as f64;
    let x = 0.0..last.max(1.0);
    let lowest = all().map(|(_, loss)| loss).fold(f64::INFINITY, f64::min);
    let highest = all().map(|(_, loss)| loss).fold(0.0, f64::max);
    // On a linear axis, a curve that falls by more than a factor of ten looks flat at its end.
    let is_log = lowest > 0.0 && highest > 10.0 * lowest;
    let y = match is_log {
        true => 0.8 * lowest..1.25 * highest,
        false => lowest.min(0.0)..1.05 * highest.max(f64::MIN_POSITIVE),
    };
    let axes = Axes {
        is_log,
        ..Axes::new(x, y, "epoch", name)
    };
    let shape = |points: Vec<_>| match points.len() {
        1 => Shape::Dots(points),
        _ => Shape::Line(points),
    };
    let marks: Vec<Mark> = (curves.into_iter().zip(SERIES))
        .map(|((name, points), colour)| Mark::new(shape(points), colour).named(name))
        .collect();
    (!marks.is_empty()).then(|| draw(&axes, &marks))
}

fn of_label(images: &[ScoredImage], label: Label) -> impl Iterator<Item = &ScoredImage> {
    images.iter().filter(move |image| image.label == label)
}

fn histogram(images: &[ScoredImage], threshold: f64) -> Option<Plot> {
    let scores = images.iter().map(|image| image.deployed);
    let finite: Vec<f64> = scores.filter(|score| score.is_finite()).collect();
    if finite.is_empty() {
        return None;
    }
    let x = range(finite.into_iter().chain([threshold]));
    let kinds = [
        ("normal", Label::Normal, NORMAL),
        ("anomalous", Label::Anomalous, ANOMALOUS),
    ];
    let mut top: f64 = 0.0;
    let mut marks = Vec::new();
    for (name, label, colour) in kinds {
        let members: Vec<f64> = of_label(images, label)
            .map(|image| image.deployed)
            .collect();
        if members.is_empty() {
            continue;
        }
        let name = format!("{name} ({})", members.len());
        let bins = Histogram::of(members, (x.start, x.end), BINS);
        let bars: Vec<_> = bins
            .shares()
            .map(|bin| (bin.from, bin.to, bin.share))
            .collect();
        top = bars.iter().map(|bar| bar.2).fold(top, f64::max);
        marks.push(Mark::new(Shape::Bars(bars), colour).named(name));
    }
    marks.push(Mark::new(Shape::Rule(threshold), INK).named("threshold"));
    let y = 0.0..top.max(1e-3) * 1.05;
    let svg = draw(
        &Axes::new(x, y, "anomaly score", "share of its kind"),
        &marks,
    );
    let caption = "Deployed protocol. What lies right of the threshold is called anomalous.";
    plot("histogram", "Scores of the test images", caption, svg)
}

fn roc(images: &[ScoredImage], protocol: &str, score: fn(&ScoredImage) -> f64) -> Option<Plot> {
    let mut categories: BTreeMap<&str, (Vec<f64>, Vec<Label>)> = BTreeMap::new();
    for image in images {
        let (scores, labels) = categories.entry(&image.category).or_default();
        scores.push(score(image));
        labels.push(image.label);
    }
    let curves: Vec<_> = categories
        .into_iter()
        .filter_map(|(category, (scores, labels))| {
            Some((category, RocCurve::of(&scores, &labels)?))
        })
        .collect();
    if curves.is_empty() {
        return None;
    }
    let diagonal = Shape::Line(vec![(0.0, 0.0), (1.0, 1.0)]);
    let mut marks = vec![Mark::new(diagonal, SERIES[4])];
    let are_named = (2..SERIES.len()).contains(&curves.len());
    for (index, (category, curve)) in curves.into_iter().enumerate() {
        let points = curve.false_positive_rates.into_iter();
        let points = points.zip(curve.true_positive_rates).collect();
        let colour = SERIES[if are_named { index } else { 0 }];
        let mark = Mark::new(Shape::Line(points), colour);
        marks.push(if are_named {
            mark.named(category)
        } else {
            mark
        });
    }
    let x_name = "false alarms, share of normal images";
    let axes = Axes::new(0.0..1.0, 0.0..1.0, x_name, "share detected");
    let svg = draw(&axes, &marks);
    let title = format!("ROC curve, {protocol} protocol");
    let caption = "One curve for each category; the diagonal is chance.";
    plot(&format!("roc-{protocol}"), &title, caption, svg)
}

/// The plot of the paper's Fig. 6.
fn share(images: &[ScoredImage]) -> Option<Plot> {
    let points = |label| -> Vec<(f64, f64)> {
        let point = |image: &ScoredImage| Some((100.0 * image.anomalous_share?, image.paper));
        let points = of_label(images, label).filter_map(point);
        points.filter(|(_, score)| score.is_finite()).collect()
    };
    let (normal, anomalous) = (points(Label::Normal), points(Label::Anomalous));
    if anomalous.is_empty() {
        return None;
    }
    let all = || normal.iter().chain(&anomalous);
    let x = range(all().map(|point| point.0));
    let y = range(all().map(|point| point.1));
    let axes = Axes::new(x, y, "anomalous pixels, %", "anomaly score");
    let marks = [
        Mark::new(Shape::Dots(normal), NORMAL).named("normal"),
        Mark::new(Shape::Dots(anomalous), ANOMALOUS).named("anomalous"),
    ];
    let svg = draw(&axes, &marks);
    let caption = "Paper protocol, as its Fig. 6; images with a mask, and normal ones.";
    plot(
        "share",
        "Score against the size of the defect",
        caption,
        svg,
    )
}

fn videos(images: &[ScoredImage]) -> Vec<Plot> {
    let mut videos: BTreeMap<(&str, &str), Vec<&ScoredImage>> = BTreeMap::new();
    for image in images.iter().filter(|image| !image.video.is_empty()) {
        let video = videos.entry((&image.category, &image.video));
        video.or_default().push(image);
    }
    let videos = videos.into_iter().enumerate();
    videos
        .filter_map(|(index, ((_, name), frames))| video(index + 1, name, &frames))
        .collect()
}

fn video(number: usize, name: &str, frames: &[&ScoredImage]) -> Option<Plot> {
    let mut marks: Vec<Mark> = anomalous_spans(frames)
        .into_iter()
        .map(|(from, to)| Mark::new(Shape::Band(from as f64..to as f64), ANOMALOUS))
        .collect();
    if let Some(first) = marks.first_mut() {
        first.name = Some("anomalous frames".to_owned());
    }
    let points = frames.iter().enumerate();
    let points = points.map(|(index, frame)| (index as f64 + 0.5, frame.paper));
    let points = points.filter(|(_, score)| score.is_finite()).collect();
    marks.push(Mark::new(Shape::Line(points), INK));
    let y = range(frames.iter().map(|frame| frame.paper));
    let axes = Axes::new(0.0..frames.len() as f64, y, "frame", "anomaly score");
    let svg = draw(&axes, &marks);
    let title = format!("Video {name}");
    let caption = "Paper protocol: scaled by minimum and maximum over this video.";
    plot(&format!("video-{number}"), &title, caption, svg)
}

/// The intervals of consecutive anomalous frames, each as its first frame and the frame after its
/// last.
fn anomalous_spans(frames: &[&ScoredImage]) -> Vec<(usize, usize)> {
    let mut spans: Vec<(usize, usize)> = Vec::new();
    for (index, frame) in frames.iter().enumerate() {
        match spans.last_mut() {
            _ if frame.label == Label::Normal => {}
            Some((_, end)) if *end == index => *end += 1,
            _ => spans.push((index, index + 1)),
        }
    }
    spans
}

#[cfg(test)]
mod tests {
    use super::super::examples::tests::image;
    use super::*;

    #[test]
    fn every_run_of_anomalous_frames_is_one_span() {
        let spans = |labels: &str| {
            let frames: Vec<ScoredImage> = labels
                .chars()
                .map(|label| match label {
                    'a' => image("", "", Label::Anomalous, 1.0),
                    _ => image("", "", Label::Normal, 0.0),
                })
                .collect();
            anomalous_spans(&frames.iter().collect::<Vec<_>>())
        };
        assert_eq!(spans("naanna"), [(1, 3), (5, 6)]);
        assert_eq!(spans("aa"), [(0, 2)]);
        assert_eq!(spans("nn"), []);
    }

    #[test]
    fn each_video_is_a_plot_and_single_images_are_none() {
        let frame = |video: &str, score| ScoredImage {
            video: video.into(),
            ..image("", "", Label::Normal, score)
        };
        let plots = videos(&[frame("02", 0.1), frame("01", 0.3), frame("02", 0.2)]);
        let titles: Vec<&str> = plots.iter().map(|plot| plot.title.as_str()).collect();
        assert_eq!(titles, ["Video 01", "Video 02"]);
        assert!(videos(&[frame("", 0.1)]).is_empty());
    }

    #[test]
    fn scores_of_one_kind_have_a_histogram_and_no_roc_curve() {
        let images = [0.1, 0.2, f64::NAN].map(|score| image("", "", Label::Normal, score));
        assert!(histogram(&images, 0.5).is_some());
        assert!(roc(&images, "paper", |image| image.paper).is_none());
        assert!(share(&images).is_none());
    }
}
