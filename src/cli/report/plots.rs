//! The plots of one run.

use std::collections::BTreeMap;
use std::ops::Range;

use daad::evaluate::ScoredImage;
use daad::learn::EpochRecord;
use daad::metric::{Label, RocCurve};

use super::chart::{ANOMALOUS, Axes, INK, Mark, NORMAL, Plot, SERIES, Shape, range};
use super::runs::Run;

const BINS: usize = 32;

/// The name of a loss curve, and its value in an epoch; None where the loss is not used.
type Curve = (&'static str, fn(&EpochRecord) -> Option<f64>);

const RECONSTRUCTION: [Curve; 2] = [
    ("training images", |at| Some(at.losses.reconstruction)),
    ("held-out images", |at| at.validation),
];

const OTHERS: [Curve; 4] = [
    ("adversarial", |at| used(at.losses.adversarial)),
    ("alignment", |at| used(at.losses.alignment)),
    ("discriminator", |at| used(at.losses.discriminator)),
    ("structural", |at| used(at.losses.structural)),
];

/// None for a loss that is exactly 0, because such a loss is not used in training.
fn used(loss: f64) -> Option<f64> {
    (loss != 0.0).then_some(loss)
}

/// All plots for which the run has records.
pub(super) fn of(run: &Run) -> Vec<Plot> {
    let threshold = run.card.calibration.threshold;
    let single = [
        losses(&run.losses, &RECONSTRUCTION, "reconstruction loss").map(|(axes, marks)| {
            let caption = "The mean of each epoch.";
            Plot::new("losses", "Reconstruction loss", caption, &axes, &marks)
        }),
        losses(&run.losses, &OTHERS, "loss").map(|(axes, marks)| {
            let caption = "The mean of each epoch; not yet weighted by their λ.";
            Plot::new("losses-other", "The other losses", caption, &axes, &marks)
        }),
        histogram(&run.scores, threshold),
        roc(&run.scores, "deployed", |image| image.deployed),
        roc(&run.scores, "paper", |image| image.paper),
        share(&run.scores),
    ];
    let single = single.into_iter().flatten();
    single.chain(videos(&run.scores)).collect()
}

/// Loss curves over the epochs; None if there are none.
fn losses(
    history: &[EpochRecord],
    curves: &[Curve],
    name: &'static str,
) -> Option<(Axes, Vec<Mark>)> {
    let mut marks = Vec::new();
    let mut all = Vec::new();
    for (name, loss) in curves {
        let points = history.iter().map(|at| (at.epoch as f64, loss(at)));
        let points = points.filter_map(|(epoch, loss)| Some((epoch, loss?)));
        let points: Vec<_> = points.filter(|(_, loss)| loss.is_finite()).collect();
        all.extend(points.iter().map(|(_, loss)| *loss));
        let shape = match points.len() {
            0 => continue,
            1 => Shape::Dots(points),
            _ => Shape::Line(points),
        };
        marks.push(Mark::new(shape, SERIES[marks.len()]).named(*name));
    }
    let last = history.last()?.epoch as f64;
    let lowest = all.iter().copied().reduce(f64::min)?;
    let highest = all.into_iter().fold(0.0, f64::max);
    // On a linear axis, a curve that falls by more than a factor of ten looks flat at its end.
    let is_log = lowest > 0.0 && highest > 10.0 * lowest;
    let y = match is_log {
        true => 0.8 * lowest..1.25 * highest,
        false => lowest.min(0.0)..1.05 * highest.max(f64::MIN_POSITIVE),
    };
    let axes = Axes {
        is_log,
        ..Axes::new(0.0..last.max(1.0), y, "epoch", name)
    };
    Some((axes, marks))
}

fn of_label(images: &[ScoredImage], label: Label) -> impl Iterator<Item = &ScoredImage> {
    images.iter().filter(move |image| image.label == label)
}

fn histogram(images: &[ScoredImage], threshold: f64) -> Option<Plot> {
    let scores = || images.iter().map(|image| image.deployed);
    scores().find(|score| score.is_finite())?;
    let x = range(scores().chain([threshold]));
    let kinds = [
        ("normal", Label::Normal, NORMAL),
        ("anomalous", Label::Anomalous, ANOMALOUS),
    ];
    let mut top: f64 = 1e-3;
    let mut marks = Vec::new();
    for (name, label, colour) in kinds {
        let members = of_label(images, label).map(|image| image.deployed);
        let members: Vec<f64> = members.collect();
        if members.is_empty() {
            continue;
        }
        let bars = shares(&members, &x, BINS);
        top = bars.iter().map(|bar| bar.2).fold(top, f64::max);
        let name = format!("{name} ({})", members.len());
        marks.push(Mark::new(Shape::Bars(bars), colour).named(name));
    }
    marks.push(Mark::new(Shape::Rule(threshold), INK).named("threshold"));
    let axes = Axes::new(x, 0.0..top * 1.05, "anomaly score", "share of its kind");
    let caption = "Deployed protocol. What lies right of the threshold is called anomalous.";
    let title = "Scores of the test images";
    Some(Plot::new("histogram", title, caption, &axes, &marks))
}

/// Bins of equal width, each with its lower edge, its upper edge and its share of all values. Each
/// bin includes its lower edge, the last bin also its upper edge. A value outside the range is
/// counted in the nearest bin.
fn shares(values: &[f64], range: &Range<f64>, bins: usize) -> Vec<(f64, f64, f64)> {
    let width = (range.end - range.start) / bins as f64;
    let mut counts = vec![0u32; bins];
    for value in values {
        // The cast turns negative values and NaN into 0.
        let bin = ((value - range.start) / width) as usize;
        counts[bin.min(bins - 1)] += 1;
    }
    let bars = counts.into_iter().enumerate().map(|(index, count)| {
        let from = range.start + index as f64 * width;
        (
            from,
            from + width,
            f64::from(count) / values.len().max(1) as f64,
        )
    });
    bars.collect()
}

fn roc(images: &[ScoredImage], protocol: &str, score: fn(&ScoredImage) -> f64) -> Option<Plot> {
    let mut categories: BTreeMap<&str, (Vec<f64>, Vec<Label>)> = BTreeMap::new();
    for image in images {
        let (scores, labels) = categories.entry(&image.category).or_default();
        scores.push(score(image));
        labels.push(image.label);
    }
    let curves = categories
        .into_iter()
        .filter_map(|(category, (scores, labels))| {
            Some((category, RocCurve::of(&scores, &labels)?))
        });
    let curves: Vec<_> = curves.collect();
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
        marks.push(Mark {
            name: are_named.then(|| category.to_owned()),
            ..Mark::new(Shape::Line(points), colour)
        });
    }
    let x_name = "false alarms, share of normal images";
    let axes = Axes::new(0.0..1.0, 0.0..1.0, x_name, "share detected");
    let (file, title) = (
        format!("roc-{protocol}"),
        format!("ROC curve, {protocol} protocol"),
    );
    let caption = "One curve for each category; the diagonal is chance.";
    Some(Plot::new(file, title, caption, &axes, &marks))
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
    let title = "Score against the size of the defect";
    let caption = "Paper protocol, as its Fig. 6; images with a mask, and normal ones.";
    Some(Plot::new("share", title, caption, &axes, &marks))
}

fn videos(images: &[ScoredImage]) -> Vec<Plot> {
    let mut videos: BTreeMap<(&str, &str), Vec<&ScoredImage>> = BTreeMap::new();
    for image in images.iter().filter(|image| !image.video.is_empty()) {
        let video = videos.entry((&image.category, &image.video));
        video.or_default().push(image);
    }
    let videos = videos.into_iter().enumerate();
    videos
        .map(|(index, ((_, name), frames))| video(index + 1, name, &frames))
        .collect()
}

fn video(number: usize, name: &str, frames: &[&ScoredImage]) -> Plot {
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
    let (file, title) = (format!("video-{number}"), format!("Video {name}"));
    let caption = "Paper protocol: scaled by minimum and maximum over this video.";
    Plot::new(file, title, caption, &axes, &marks)
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

    #[test]
    fn a_value_on_an_edge_counts_above_it_and_the_last_edge_below() {
        let shares = |values: &[f64], end, bins| -> Vec<f64> {
            let bars = shares(values, &(0.0..end), bins).into_iter();
            bars.map(|(.., share)| share).collect()
        };
        assert_eq!(
            shares(&[0.0, 0.9, 1.0, 3.9, 4.0], 4.0, 4),
            [0.4, 0.2, 0.0, 0.4]
        );
        assert_eq!(
            shares(&[-7.0, 99.0, f64::INFINITY, f64::NAN], 1.0, 2),
            [0.5, 0.5]
        );
        assert_eq!(shares(&[], 1.0, 3), [0.0; 3]);
    }

    #[test]
    fn shares_are_of_all_values_between_the_edges_of_their_bins() {
        let bars = shares(&[1.0, 1.0, 3.0, 3.5], &(0.0..4.0), 2);
        assert_eq!(bars, [(0.0, 2.0, 0.5), (2.0, 4.0, 0.5)]);
    }
}
