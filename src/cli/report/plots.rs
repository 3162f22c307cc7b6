//! Figures as SVG.

use std::collections::BTreeMap;

use anyhow::anyhow;
use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;

use daad::metric::{Label, RocCurve};
use daad::train::ScoredImage;

use super::run::Run;

const SIZE_PX: (u32, u32) = (520, 340);

// Told apart by the colour-blind too (Okabe and Ito).
const NORMAL: RGBColor = RGBColor(0, 114, 178);
const ANOMALOUS: RGBColor = RGBColor(213, 94, 0);
const OTHERS: [RGBColor; 4] = [
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(86, 180, 233),
    RGBColor(230, 159, 0),
];

/// A plot.
pub(super) struct Figure {
    /// Of its file.
    pub(super) name: String,
    /// What it shows, in a sentence.
    pub(super) caption: String,
    pub(super) svg: String,
}

type Area<'a> = DrawingArea<SVGBackend<'a>, plotters::coord::Shift>;
type Chart<'a, 'b> = ChartContext<'a, SVGBackend<'b>, Cartesian2d<RangedCoordf64, RangedCoordf64>>;

/// A line with its name in the legend.
struct Series {
    name: String,
    color: RGBColor,
    width: u32,
    points: Vec<(f64, f64)>,
}

/// The axes of a plot.
struct Axes<'a> {
    x: &'a str,
    y: &'a str,
    x_range: (f64, f64),
    y_range: (f64, f64),
}

/// The figures of one run.
pub(super) fn of_run(run: &Run) -> anyhow::Result<Vec<Figure>> {
    let mut figures = Vec::new();
    figures.extend(losses(run)?);
    figures.extend(roc(run)?);
    figures.push(histogram(run)?);
    figures.extend(areas(run)?);
    figures.extend(videos(run)?);
    Ok(figures)
}

/// The figures that need several runs: AUROC against N (Fig. 7) and against the division rate
/// (Table 4), where the runs differ in these.
pub(super) fn across(runs: &[Run]) -> anyhow::Result<Vec<Figure>> {
    let mut figures = Vec::new();
    let memory = |run: &Run| run.settings.as_ref().and_then(|settings| settings.items);
    let against = |value: &dyn Fn(&Run) -> Option<f64>| -> [Vec<(f64, f64)>; 2] {
        let curve = |auroc: fn(&Run) -> Option<f64>| {
            let points = runs
                .iter()
                .filter_map(|run| Some((value(run)?, auroc(run)?)));
            means(points)
        };
        [
            curve(|run| run.evaluation.mean.paper.auroc),
            curve(|run| run.evaluation.mean.deployed.auroc),
        ]
    };
    let items = against(&|run| Some(memory(run)? as f64));
    figures.extend(curve(
        "auroc-items",
        "AUROC against the number of memory items N (Fig. 7), paper and deployed protocol; \
         runs that share a value are a mean. In the \
         paper it rises with N and saturates after 500.",
        "memory items N",
        items,
    )?);
    let rate = |run: &Run| match run.card.config.memory.division {
        daad::model::Division::Blocks(rate) => Some(rate.height as f64),
        daad::model::Division::PixelWise => None,
    };
    figures.extend(curve(
        "auroc-division",
        "AUROC against the division rate r (Table 4), paper and deployed protocol. In the paper \
         r = 8 is best: .716, .784, .821, .845, .813 for r = 1, 2, 4, 8, 16.",
        "division rate r",
        against(&rate),
    )?);
    Ok(figures)
}

fn curve(
    name: &str,
    caption: &str,
    axis: &str,
    [paper, deployed]: [Vec<(f64, f64)>; 2],
) -> anyhow::Result<Option<Figure>> {
    if paper.len() < 2 {
        return Ok(None);
    }
    let x = range(paper.iter().map(|point| point.0));
    let y = range(paper.iter().chain(&deployed).map(|point| point.1));
    let axes = Axes {
        x: axis,
        y: "AUROC",
        x_range: x,
        y_range: ((y.0 - 0.05).max(0.0), (y.1 + 0.05).min(1.0)),
    };
    let series = [
        // Wider, so that it is seen under the other where both are the same.
        Series {
            width: 5,
            ..named("paper protocol", OTHERS[0], paper)
        },
        named("deployed protocol", OTHERS[1], deployed),
    ];
    lines(
        name,
        caption,
        &axes,
        &series,
        true,
        SeriesLabelPosition::LowerRight,
    )
    .map(Some)
}

/// Points with the same x become their mean.
fn means(points: impl Iterator<Item = (f64, f64)>) -> Vec<(f64, f64)> {
    let mut all: Vec<(f64, f64)> = points.collect();
    all.sort_by(|a, b| a.0.total_cmp(&b.0));
    let groups = all.chunk_by(|a, b| a.0 == b.0);
    groups
        .map(|group| {
            let sum: f64 = group.iter().map(|point| point.1).sum();
            (group[0].0, sum / group.len() as f64)
        })
        .collect()
}

fn named(name: &str, color: RGBColor, points: Vec<(f64, f64)>) -> Series {
    Series {
        name: name.to_owned(),
        color,
        width: 2,
        points,
    }
}

fn losses(run: &Run) -> anyhow::Result<Option<Figure>> {
    if run.losses.is_empty() {
        return Ok(None);
    }
    let curve = |of: fn(&daad::train::EpochRecord) -> Option<f64>| -> Vec<(f64, f64)> {
        let points = run.losses.iter();
        points
            .filter_map(|record| Some((record.epoch as f64, of(record)?)))
            .filter(|point| point.1 > 0.0)
            .map(|(epoch, loss)| (epoch, loss.log10()))
            .collect()
    };
    let series = [
        named(
            "reconstruction",
            NORMAL,
            curve(|it| Some(it.losses.reconstruction)),
        ),
        named("held out", RGBColor(60, 60, 60), curve(|it| it.validation)),
        named(
            "adversarial",
            OTHERS[0],
            curve(|it| Some(it.losses.adversarial)),
        ),
        named(
            "alignment",
            OTHERS[1],
            curve(|it| Some(it.losses.alignment)),
        ),
        named(
            "discriminator",
            OTHERS[3],
            curve(|it| Some(it.losses.discriminator)),
        ),
        named(
            "1 − SSIM",
            OTHERS[2],
            curve(|it| Some(it.losses.structural)),
        ),
    ];
    let series: Vec<Series> = series
        .into_iter()
        .filter(|it| !it.points.is_empty())
        .collect();
    let axes = Axes {
        x: "epoch",
        y: "loss, log₁₀",
        x_range: (1.0, run.losses.len().max(2) as f64),
        y_range: range(series.iter().flat_map(|it| &it.points).map(|point| point.1)),
    };
    let caption = "Losses, without their weights λ, means over each epoch.";
    lines(
        "losses",
        caption,
        &axes,
        &series,
        false,
        SeriesLabelPosition::UpperRight,
    )
    .map(Some)
}

fn roc(run: &Run) -> anyhow::Result<Option<Figure>> {
    let labels: Vec<Label> = run.scores.iter().map(|image| image.label).collect();
    let curve = |score: fn(&ScoredImage) -> f64| {
        let scores: Vec<f64> = run.scores.iter().map(score).collect();
        let curve = RocCurve::of(&scores, &labels)?;
        let rates = curve.false_positive_rates.into_iter();
        Some(rates.zip(curve.true_positive_rates).collect::<Vec<_>>())
    };
    let (Some(paper), Some(deployed)) = (curve(|it| it.paper), curve(|it| it.deployed)) else {
        return Ok(None);
    };
    let axes = Axes {
        x: "false positives",
        y: "true positives",
        x_range: (0.0, 1.0),
        y_range: (0.0, 1.0),
    };
    let series = [
        // Wider, so that it is seen under the other where both are the same.
        Series {
            width: 5,
            ..named("paper protocol", OTHERS[0], paper)
        },
        named("deployed protocol", OTHERS[1], deployed),
    ];
    let caption = "ROC over all test images, a curve a protocol; where there is no alignment score \
                   both scale one score and the curves coincide.";
    lines(
        "roc",
        caption,
        &axes,
        &series,
        false,
        SeriesLabelPosition::LowerRight,
    )
    .map(Some)
}

/// How many images score how, and where the threshold lies.
fn histogram(run: &Run) -> anyhow::Result<Figure> {
    const BINS: usize = 40;
    let threshold = run.card.calibration.threshold;
    let scores = |label| {
        let members = run.scores.iter().filter(move |image| image.label == label);
        members.map(|image| image.deployed)
    };
    let all = scores(Label::Normal).chain(scores(Label::Anomalous));
    let x_range = range(all.chain([threshold]));
    let kinds = [
        ("normal", NORMAL, bins(scores(Label::Normal), x_range, BINS)),
        (
            "anomalous",
            ANOMALOUS,
            bins(scores(Label::Anomalous), x_range, BINS),
        ),
    ];
    let most = kinds.iter().flat_map(|kind| &kind.2).copied().max();
    let axes = Axes {
        x: "anomaly score, deployed protocol",
        y: "images",
        x_range,
        y_range: (0.0, most.unwrap_or(1).max(1) as f64 * 1.05),
    };
    let caption = "Anomaly scores of the test images under the deployed protocol; the line is the \
                   model's threshold.";
    figure("histogram", caption, |area| {
        let mut chart = chart(area, &axes)?;
        let width = (x_range.1 - x_range.0) / BINS as f64;
        for (name, color, counts) in kinds {
            let bars = counts
                .into_iter()
                .enumerate()
                .filter(|(_, count)| *count > 0);
            let bars = bars.map(|(bin, count)| {
                let left = x_range.0 + bin as f64 * width;
                let corners = [(left, 0.0), (left + width, count as f64)];
                Rectangle::new(corners, color.mix(0.6).filled())
            });
            let drawn = chart
                .draw_series(bars)
                .map_err(|error| anyhow!("{error}"))?;
            drawn.label(name).legend(move |(x, y)| {
                Rectangle::new([(x, y - 4), (x + 12, y + 4)], color.mix(0.6).filled())
            });
        }
        let line = [(threshold, 0.0), (threshold, axes.y_range.1)];
        draw_line(&mut chart, &named("threshold", BLACK, line.to_vec()), false)?;
        legend(&mut chart, SeriesLabelPosition::UpperRight)
    })
}

/// Counts of values in equal bins of a range, its upper end included.
fn bins(values: impl Iterator<Item = f64>, (low, high): (f64, f64), count: usize) -> Vec<usize> {
    let mut bins = vec![0; count];
    for value in values {
        let place = (value - low) / (high - low) * count as f64;
        bins[(place as usize).min(count - 1)] += 1;
    }
    bins
}

/// Fig. 6: scores of anomalous images against how much of them is anomalous.
fn areas(run: &Run) -> anyhow::Result<Option<Figure>> {
    let points = run
        .scores
        .iter()
        .filter(|image| image.label == Label::Anomalous);
    let points = points.filter_map(|image| Some((100.0 * image.anomalous_share?, image.deployed)));
    let points: Vec<(f64, f64)> = points.collect();
    if points.is_empty() {
        return Ok(None);
    }
    let threshold = run.card.calibration.threshold;
    let x_range = (0.0, range(points.iter().map(|point| point.0)).1);
    let axes = Axes {
        x: "anomalous pixels, %",
        y: "anomaly score, deployed protocol",
        x_range,
        y_range: range(points.iter().map(|point| point.1).chain([threshold])),
    };
    let caption = "Score against the area of the anomaly (Fig. 6); the line is the threshold.";
    figure("areas", caption, |area| {
        let mut chart = chart(area, &axes)?;
        let dots = points
            .iter()
            .map(|&point| Circle::new(point, 3, ANOMALOUS.mix(0.7).filled()));
        chart
            .draw_series(dots)
            .map_err(|error| anyhow!("{error}"))?;
        let line = vec![(0.0, threshold), (x_range.1, threshold)];
        draw_line(&mut chart, &named("threshold", BLACK, line), false)
    })
    .map(Some)
}

/// Each test video's scores, its abnormal frames shaded.
fn videos(run: &Run) -> anyhow::Result<Vec<Figure>> {
    let mut videos: BTreeMap<&str, Vec<&ScoredImage>> = BTreeMap::new();
    for image in run.scores.iter().filter(|image| !image.video.is_empty()) {
        videos.entry(&image.video).or_default().push(image);
    }
    let draw = |(index, (video, frames)): (usize, (&str, Vec<&ScoredImage>))| {
        let axes = Axes {
            x: "frame",
            y: "anomaly score, paper protocol",
            x_range: (0.0, frames.len().max(2) as f64),
            y_range: (0.0, 1.0),
        };
        let caption = format!("Video {video}: score of each frame; abnormal frames are shaded.");
        figure(&format!("video-{index:02}"), &caption, |area| {
            let mut chart = chart(area, &axes)?;
            let abnormal = frames.iter().enumerate();
            let abnormal = abnormal.filter(|(_, frame)| frame.label == Label::Anomalous);
            let bars = abnormal.map(|(place, _)| {
                let corners = [(place as f64, 0.0), (place as f64 + 1.0, 1.0)];
                Rectangle::new(corners, ANOMALOUS.mix(0.25).filled())
            });
            chart
                .draw_series(bars)
                .map_err(|error| anyhow!("{error}"))?;
            let points = frames.iter().enumerate();
            let points = points.map(|(place, frame)| (place as f64 + 0.5, frame.paper));
            draw_line(&mut chart, &named("score", NORMAL, points.collect()), false)
        })
    };
    videos.into_iter().enumerate().map(draw).collect()
}

fn lines(
    name: &str,
    caption: &str,
    axes: &Axes,
    series: &[Series],
    has_dots: bool,
    legend_at: SeriesLabelPosition,
) -> anyhow::Result<Figure> {
    figure(name, caption, |area| {
        let mut chart = chart(area, axes)?;
        for series in series {
            draw_line(&mut chart, series, has_dots)?;
        }
        legend(&mut chart, legend_at)
    })
}

fn figure(
    name: &str,
    caption: &str,
    draw: impl FnOnce(&Area) -> anyhow::Result<()>,
) -> anyhow::Result<Figure> {
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, SIZE_PX).into_drawing_area();
        area.fill(&WHITE).map_err(|error| anyhow!("{error}"))?;
        draw(&area)?;
        area.present().map_err(|error| anyhow!("{error}"))?;
    }
    // It shrinks with the page.
    let (width, height) = SIZE_PX;
    let sized = format!("<svg width=\"{width}\" height=\"{height}\"");
    Ok(Figure {
        name: name.to_owned(),
        caption: caption.to_owned(),
        svg: svg.replacen(&sized, "<svg", 1),
    })
}

fn chart<'a, 'b>(area: &'a Area<'b>, axes: &Axes) -> anyhow::Result<Chart<'a, 'b>> {
    let mut chart = ChartBuilder::on(area)
        .margin(12)
        .x_label_area_size(38)
        .y_label_area_size(52)
        .build_cartesian_2d(
            axes.x_range.0..axes.x_range.1,
            axes.y_range.0..axes.y_range.1,
        )
        .map_err(|error| anyhow!("{error}"))?;
    chart
        .configure_mesh()
        .light_line_style(WHITE)
        .bold_line_style(BLACK.mix(0.1))
        .x_desc(axes.x)
        .y_desc(axes.y)
        .x_labels(6)
        .x_label_formatter(&plain)
        .y_label_formatter(&plain)
        .y_labels(6)
        .label_style(("sans-serif", 12))
        .axis_desc_style(("sans-serif", 13))
        .draw()
        .map_err(|error| anyhow!("{error}"))?;
    Ok(chart)
}

fn draw_line(chart: &mut Chart, series: &Series, has_dots: bool) -> anyhow::Result<()> {
    let (color, width) = (series.color, series.width);
    let line = LineSeries::new(series.points.iter().copied(), color.stroke_width(width));
    let drawn = chart
        .draw_series(line)
        .map_err(|error| anyhow!("{error}"))?;
    drawn
        .label(&series.name)
        .legend(move |(x, y)| PathElement::new([(x, y), (x + 12, y)], color.stroke_width(width)));
    if has_dots {
        let dots = series
            .points
            .iter()
            .map(|&point| Circle::new(point, 3, color.filled()));
        chart
            .draw_series(dots)
            .map_err(|error| anyhow!("{error}"))?;
    }
    Ok(())
}

fn legend<'a, 'b: 'a>(
    chart: &mut Chart<'a, 'b>,
    position: SeriesLabelPosition,
) -> anyhow::Result<()> {
    chart
        .configure_series_labels()
        .position(position)
        .background_style(WHITE.mix(0.8))
        .label_font(("sans-serif", 12))
        .draw()
        .map_err(|error| anyhow!("{error}"))
}

/// Without zeros at the end.
fn plain(value: &f64) -> String {
    let rounded = (value * 1e4).round() / 1e4;
    rounded.to_string()
}

/// From the smallest to the largest, never empty.
fn range(values: impl Iterator<Item = f64>) -> (f64, f64) {
    let finite = values.filter(|value| value.is_finite());
    let (low, high) = finite.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
        (low.min(value), high.max(value))
    });
    match (low <= high, low < high) {
        (true, true) => (low, high),
        (true, false) => (low - 0.5, high + 0.5),
        _ => (0.0, 1.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bins_take_in_both_ends() {
        assert_eq!(
            bins([0.0, 0.4, 0.5, 1.0].into_iter(), (0.0, 1.0), 2),
            [2, 2]
        );
    }

    #[test]
    fn runs_that_share_a_value_are_a_mean() {
        let points = [(8.0, 0.9), (4.0, 0.5), (8.0, 0.7)];
        assert_eq!(means(points.into_iter()), [(4.0, 0.5), (8.0, 0.8)]);
    }

    #[test]
    fn a_range_is_never_empty() {
        assert_eq!(range([2.0].into_iter()), (1.5, 2.5));
        assert_eq!(range([f64::NAN].into_iter()), (0.0, 1.0));
    }
}
