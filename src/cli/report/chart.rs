//! Draws charts as SVG. A chart consists of axes and marks.
//!
//! Two colours are reserved for normal and anomalous. All colours differ in lightness or between
//! blue and yellow, so that readers with red-green colour blindness can distinguish them, and have
//! enough contrast on a white and on a black page.

use std::ops::Range;

use maud::{Markup, html};

pub(super) const NORMAL: &str = "#2a7fbf";
pub(super) const ANOMALOUS: &str = "#dd6b10";
/// The colours of marks that are neither normal nor anomalous.
pub(super) const SERIES: [&str; 5] = ["#139a74", "#b95f9c", "#8c7a00", "#6f63c9", "#808080"];
/// The colour of text and axes; the page replaces it by its own text colour.
pub(super) const INK: &str = "#1c1f23";
/// The colour of the background; the page replaces it by none.
pub(super) const PAPER: &str = "#ffffff";

const WIDTH_PX: f64 = 420.0;
const HEIGHT_PX: f64 = 300.0;
const LEFT_PX: f64 = 66.0;
const RIGHT_PX: f64 = 406.0;
const BOTTOM_PX: f64 = 248.0;
/// The estimated width of a letter; no font is measured.
const LETTER_PX: f64 = 7.0;
const LEGEND_ROW_PX: f64 = 18.0;
const LONGEST_NAME: usize = 48;

/// The largest number of ticks on a linear axis.
const MOST_TICKS: f64 = 6.0;

/// One chart, with its title and caption.
pub(super) struct Plot {
    /// The name of the .svg file, without extension.
    pub(super) file: String,
    pub(super) title: String,
    /// What a reader has to know to understand the chart.
    pub(super) caption: String,
    pub(super) svg: String,
}

pub(super) struct Axes {
    pub(super) x: Range<f64>,
    pub(super) y: Range<f64>,
    pub(super) x_name: &'static str,
    pub(super) y_name: &'static str,
    /// The names of x = 0, 1, …, if x is not a number.
    pub(super) places: Vec<String>,
    /// Whether the axis of y is logarithmic for lines and dots; y must then be above 0.
    pub(super) is_log: bool,
}

pub(super) struct Mark {
    pub(super) shape: Shape,
    pub(super) colour: &'static str,
    /// The name in the legend; None for a mark that the legend does not list.
    pub(super) name: Option<String>,
}

pub(super) enum Shape {
    Line(Vec<(f64, f64)>),
    Dots(Vec<(f64, f64)>),
    /// Rectangles that stand on y = 0: left edge, right edge, height.
    Bars(Vec<(f64, f64, f64)>),
    /// A coloured range of x over the full height of the chart.
    Band(Range<f64>),
    /// A vertical line.
    Rule(f64),
}

impl Plot {
    pub(super) fn new(
        file: impl Into<String>,
        title: impl Into<String>,
        caption: impl Into<String>,
        axes: &Axes,
        marks: &[Mark],
    ) -> Self {
        Self {
            file: file.into(),
            title: title.into(),
            caption: caption.into(),
            svg: draw(axes, marks),
        }
    }
}

impl Axes {
    pub(super) fn new(
        x: Range<f64>,
        y: Range<f64>,
        x_name: &'static str,
        y_name: &'static str,
    ) -> Self {
        Self {
            x,
            y,
            x_name,
            y_name,
            places: Vec::new(),
            is_log: false,
        }
    }

    fn x_ticks(&self) -> Vec<(f64, String)> {
        match self.places.is_empty() {
            true => ticks(&self.x),
            false => {
                let places = self.places.iter().enumerate();
                places.map(|(x, name)| (x as f64, name.clone())).collect()
            }
        }
    }

    fn y_ticks(&self) -> Vec<(f64, String)> {
        match self.is_log {
            true => log_ticks(&self.y),
            false => ticks(&self.y),
        }
    }
}

impl Mark {
    pub(super) fn new(shape: Shape, colour: &'static str) -> Self {
        Self {
            shape,
            colour,
            name: None,
        }
    }

    pub(super) fn named(self, name: impl Into<String>) -> Self {
        Self {
            name: Some(name.into()),
            ..self
        }
    }
}

/// The smallest range that contains all values, with a margin; 0 to 1 if there are no values.
pub(super) fn range(values: impl IntoIterator<Item = f64>) -> Range<f64> {
    let values = values.into_iter().filter(|value| value.is_finite());
    let bounds = values.fold(None, |bounds: Option<(f64, f64)>, value| {
        let (low, high) = bounds.unwrap_or((value, value));
        Some((low.min(value), high.max(value)))
    });
    let (low, high) = bounds.unwrap_or((0.0, 1.0));
    let room = match high - low {
        0.0 => 0.5 * low.abs().max(1e-6),
        extent => 0.04 * extent,
    };
    low - room..high + room
}

/// Draws a chart as the text of an SVG file.
fn draw(axes: &Axes, marks: &[Mark]) -> String {
    let (legend, legend_px) = legend(marks);
    let top = legend_px + 14.0;
    let height = |y: f64| if axes.is_log { y.log10() } else { y };
    let (low, high) = (height(axes.y.start), height(axes.y.end));
    let x = |x: f64| {
        let share = (x - axes.x.start) / (axes.x.end - axes.x.start);
        rounded(LEFT_PX + share * (RIGHT_PX - LEFT_PX))
    };
    let y = |y: f64| rounded(BOTTOM_PX - (height(y) - low) / (high - low) * (BOTTOM_PX - top));
    let line = |points: &[(f64, f64)]| -> String {
        let points = points.iter().map(|&(at, value)| (x(at), y(value)));
        points.map(|(x, y)| format!("{x},{y} ")).collect()
    };
    let block = |from: f64, to: f64, top: f64, opacity: f64| {
        html! { rect x=(x(from)) y=(top) width=(rounded(x(to) - x(from)))
        height=(rounded(BOTTOM_PX - top)) fill-opacity=(opacity) {} }
    };
    let (x_middle, y_middle) = ((LEFT_PX + RIGHT_PX) / 2.0, (top + BOTTOM_PX) / 2.0);
    let svg = html! {
        svg xmlns="http://www.w3.org/2000/svg" width=(WIDTH_PX) height=(HEIGHT_PX)
            viewBox={ "0 0 " (WIDTH_PX) " " (HEIGHT_PX) }
            font-family="sans-serif" font-size="13" fill=(INK) {
            rect width=(WIDTH_PX) height=(HEIGHT_PX) fill=(PAPER) {}
            (legend)
            g stroke=(INK) stroke-opacity="0.13" {
                @for (at, _) in axes.x_ticks().iter().filter(|_| axes.places.is_empty()) {
                    line x1=(x(*at)) x2=(x(*at)) y1=(top) y2=(BOTTOM_PX) {}
                }
                @for (at, _) in axes.y_ticks() {
                    line x1=(LEFT_PX) x2=(RIGHT_PX) y1=(y(at)) y2=(y(at)) {}
                }
            }
            path d={ "M" (LEFT_PX) " " (top) "V" (BOTTOM_PX) "H" (RIGHT_PX) }
                fill="none" stroke=(INK) stroke-opacity="0.6" {}
            g text-anchor="middle" {
                @for (at, name) in axes.x_ticks() {
                    text x=(x(at)) y=(BOTTOM_PX + 17.0) { (name) }
                }
                text x=(x_middle) y=(HEIGHT_PX - 12.0) { (axes.x_name) }
                text transform={ "translate(15 " (y_middle) ") rotate(-90)" } { (axes.y_name) }
            }
            g text-anchor="end" {
                @for (at, name) in axes.y_ticks() {
                    text x=(LEFT_PX - 6.0) y=(y(at) + 4.5) { (name) }
                }
            }
            @for mark in marks { g fill=(mark.colour) stroke-width="2" {
                @match &mark.shape {
                    Shape::Line(points) => {
                        polyline points=(line(points)) fill="none" stroke=(mark.colour) {}
                    }
                    Shape::Dots(points) => @for &(at, value) in points {
                        circle cx=(x(at)) cy=(y(value)) r="3" fill-opacity="0.65" {}
                    },
                    Shape::Bars(bars) => @for &(from, to, height) in bars {
                        (block(from, to, y(height), 0.55))
                    },
                    Shape::Band(band) => (block(band.start, band.end, top, 0.25)),
                    Shape::Rule(at) => {
                        line x1=(x(*at)) x2=(x(*at)) y1=(top) y2=(BOTTOM_PX)
                            stroke=(mark.colour) stroke-dasharray="5 4" {}
                    }
                }
            } }
        }
    };
    svg.into_string()
}

/// The legend at the top, and its height in pixels.
fn legend(marks: &[Mark]) -> (Markup, f64) {
    const SWATCH_PX: f64 = 12.0;
    let (mut x, mut y, mut used) = (LEFT_PX, 12.0, 0.0);
    let mut entries = Vec::new();
    for (name, colour) in marks
        .iter()
        .filter_map(|mark| Some((mark.name.as_deref()?, mark.colour)))
    {
        let name = shortened(name);
        let width = SWATCH_PX + 6.0 + LETTER_PX * name.chars().count() as f64;
        if x > LEFT_PX && x + width > WIDTH_PX - 10.0 {
            (x, y) = (LEFT_PX, y + LEGEND_ROW_PX);
        }
        entries.push(html! {
            rect x=(x) y=(y - SWATCH_PX / 2.0) width=(SWATCH_PX) height=(SWATCH_PX) fill=(colour) {}
            text x=(x + SWATCH_PX + 6.0) y=(y + 4.5) { (name) }
        });
        x += width + 14.0;
        used = y + LEGEND_ROW_PX / 2.0;
    }
    (html! { @for entry in entries { (entry) } }, used)
}

/// A name for the legend: without control characters, which XML does not allow, and not too long.
fn shortened(name: &str) -> String {
    let mut letters = name.chars().filter(|letter| !letter.is_control());
    let mut short: String = letters.by_ref().take(LONGEST_NAME).collect();
    if letters.next().is_some() {
        short.push('…');
    }
    short
}

/// A tenth of a pixel is exact enough.
fn rounded(px: f64) -> f64 {
    (10.0 * px).round() / 10.0
}

/// The ticks of a linear axis, multiples of 1, 2 or 5 times a power of ten, with their names.
fn ticks(range: &Range<f64>) -> Vec<(f64, String)> {
    let finest = (range.end - range.start) / MOST_TICKS;
    let power = 10f64.powf(finest.log10().floor());
    let steps = [1.0, 2.0, 5.0, 10.0].map(|factor| factor * power);
    let step = steps.into_iter().find(|step| *step >= finest);
    let step = step.unwrap_or(finest);
    let places = (range.start / step).ceil() as i64..=(range.end / step).floor() as i64;
    let values = places.map(|place| place as f64 * step);
    values.map(|value| (value, number(value, step))).collect()
}

/// The ticks of a logarithmic axis, with their names.
fn log_ticks(range: &Range<f64>) -> Vec<(f64, String)> {
    let decades = range.start.log10().floor() as i32..=range.end.log10().floor() as i32;
    let steps: &[f64] = match decades.clone().count() {
        ..=3 => &[1.0, 2.0, 5.0],
        _ => &[1.0],
    };
    let values = decades.flat_map(|decade| steps.iter().map(move |step| step * 10f64.powi(decade)));
    let values = values.filter(|value| range.contains(value));
    values.map(|value| (value, number(value, value))).collect()
}

/// A number with the digits that numbers at a distance of `step` need.
fn number(value: f64, step: f64) -> String {
    let digits = (-(step.log10() + 1e-9).floor()).max(0.0) as usize;
    match digits {
        ..=4 => format!("{value:.digits$}"),
        _ => format!("{value:.1e}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_markup_stays_text() {
        let axes = Axes::new(0.0..1.0, 0.0..1.0, "<x>", "y & z");
        let line = Shape::Line(vec![(0.0, 0.0), (1.0, 1.0)]);
        let svg = draw(&axes, &[Mark::new(line, INK).named("</text><script>\u{7}")]);
        assert!(!svg.contains("<script"), "{svg}");
        assert!(!svg.contains('\u{7}'));
        assert!(svg.contains("&lt;script&gt;") && svg.contains("y &amp; z"));
    }

    #[test]
    fn ranges_hold_every_number_and_nothing_else_counts() {
        let held = range([1.0, f64::NAN, 3.0]);
        assert!(held.start < 1.0 && held.end > 3.0 && held.end < 3.5);
        assert!(range([2.0, 2.0]).contains(&2.0));
        assert_eq!(range([]), range([0.0, 1.0]));
    }

    #[test]
    fn ticks_have_the_digits_that_tell_them_apart() {
        let names = |ticks: Vec<(f64, String)>| -> Vec<String> {
            ticks.into_iter().map(|(_, name)| name).collect()
        };
        let linear = |range: Range<f64>| names(ticks(&range));
        assert_eq!(linear(0.0..1.0), ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]);
        assert_eq!(linear(0.0..500.0)[1], "100");
        assert_eq!(linear(0.0131..0.0259), ["0.015", "0.020", "0.025"]);
        assert_eq!(linear(-1.0..1.0)[2], "0.0");
        assert_eq!(linear(0.0..1e-4)[1], "2.0e-5");
        assert_eq!(
            names(log_ticks(&(0.008..200.0))),
            ["0.01", "0.1", "1", "10", "100"]
        );
        assert_eq!(names(log_ticks(&(0.03..0.3))), ["0.05", "0.1", "0.2"]);
    }
}
