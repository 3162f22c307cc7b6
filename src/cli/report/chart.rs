//! Draws charts as SVG. A chart consists of axes and marks.
//!
//! Two colours are reserved for normal and anomalous. All colours differ in lightness or between
//! blue and yellow, so that readers with red-green colour blindness can distinguish them, and have
//! enough contrast on a white and on a black page.

use std::error::Error;
use std::ops::Range;

use plotters::coord::ranged1d::{DefaultFormatting, KeyPointHint, Ranged};
use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

pub(super) const NORMAL: RGBColor = RGBColor(0x2a, 0x7f, 0xbf);
pub(super) const ANOMALOUS: RGBColor = RGBColor(0xdd, 0x6b, 0x10);
/// The colours of marks that are neither normal nor anomalous.
pub(super) const SERIES: [RGBColor; 5] = [
    RGBColor(0x13, 0x9a, 0x74),
    RGBColor(0xb9, 0x5f, 0x9c),
    RGBColor(0x8c, 0x7a, 0x00),
    RGBColor(0x6f, 0x63, 0xc9),
    RGBColor(0x80, 0x80, 0x80),
];
/// The colour of text and axes; the page replaces it by its own text colour.
pub(super) const INK: RGBColor = RGBColor(0x1c, 0x1f, 0x23);

const SIZE_PX: (u32, u32) = (420, 300);
const FONT: (&str, u32) = ("sans-serif", 16);
/// The estimated width of a letter; no font is measured.
const LETTER_PX: i32 = 7;
const LEGEND_ROW_PX: i32 = 18;
const LONGEST_NAME: usize = 48;

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
    pub(super) x_name: String,
    pub(super) y_name: String,
    /// The names of x = 0, 1, …, if x is not a number.
    pub(super) places: Vec<String>,
    /// Whether the axis of y is logarithmic for lines and dots; y must then be above 0.
    pub(super) is_log: bool,
}

pub(super) struct Mark {
    pub(super) shape: Shape,
    pub(super) colour: RGBColor,
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

impl Axes {
    pub(super) fn new(x: Range<f64>, y: Range<f64>, x_name: &str, y_name: &str) -> Self {
        Self {
            x,
            y,
            x_name: x_name.to_owned(),
            y_name: y_name.to_owned(),
            places: Vec::new(),
            is_log: false,
        }
    }

    /// The coordinate at which y is drawn: y or its logarithm.
    fn height(&self, y: f64) -> f64 {
        if self.is_log { y.log10() } else { y }
    }

    fn x_marks(&self) -> Vec<f64> {
        match self.places.len() {
            0 => RangedCoordf64::from(self.x.clone()).key_points(6),
            count => (0..count).map(|place| place as f64).collect(),
        }
    }

    fn y_marks(&self) -> Vec<f64> {
        if !self.is_log {
            return RangedCoordf64::from(self.y.clone()).key_points(6);
        }
        let decades = self.y.start.log10().floor() as i32..=self.y.end.log10().floor() as i32;
        let steps: &[f64] = match decades.clone().count() {
            ..=3 => &[1.0, 2.0, 5.0],
            _ => &[1.0],
        };
        let marks =
            decades.flat_map(|decade| steps.iter().map(move |step| step * 10f64.powi(decade)));
        marks
            .filter(|mark| self.y.contains(mark))
            .map(f64::log10)
            .collect()
    }
}

impl Mark {
    pub(super) fn new(shape: Shape, colour: RGBColor) -> Self {
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

/// A range with the positions of the ticks on its axis.
struct Marked {
    range: RangedCoordf64,
    marks: Vec<f64>,
}

impl Marked {
    fn new(range: &Range<f64>, marks: Vec<f64>) -> Self {
        Self {
            range: range.clone().into(),
            marks,
        }
    }
}

impl Ranged for Marked {
    type FormatOption = DefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, limit_px: (i32, i32)) -> i32 {
        self.range.map(value, limit_px)
    }

    fn key_points<Hint: KeyPointHint>(&self, _: Hint) -> Vec<f64> {
        self.marks.clone()
    }

    fn range(&self) -> Range<f64> {
        self.range.range()
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
pub(super) fn draw(axes: &Axes, marks: &[Mark]) -> String {
    let mut svg = String::new();
    render(&mut svg, axes, marks).expect("memory takes every shape");
    svg
}

fn render(svg: &mut String, axes: &Axes, marks: &[Mark]) -> Result<(), Box<dyn Error>> {
    let area = SVGBackend::with_string(svg, SIZE_PX).into_drawing_area();
    area.fill(&WHITE)?;
    let legend_px = draw_legend(&area, marks)?;
    let y = axes.height(axes.y.start)..axes.height(axes.y.end);
    let mut chart = ChartBuilder::on(&area)
        .margin(6)
        .margin_right(14)
        .margin_top(legend_px + 8)
        .x_label_area_size(46)
        .y_label_area_size(60)
        .build_cartesian_2d(
            Marked::new(&axes.x, axes.x_marks()),
            Marked::new(&y, axes.y_marks()),
        )?;
    let (x_tick, y_tick) = (ticks(&axes.x), ticks(&axes.y));
    let x_label = |x: &f64| match axes.places.is_empty() {
        true => x_tick(*x),
        false => axes.places[x.round() as usize].clone(),
    };
    let y_label = |y: &f64| match axes.is_log {
        true => power_of_ten(*y),
        false => y_tick(*y),
    };
    let mut mesh = chart.configure_mesh();
    mesh.light_line_style(TRANSPARENT)
        .bold_line_style(INK.mix(0.13))
        .axis_style(INK.mix(0.6))
        .label_style(FONT.into_font().color(&INK))
        .axis_desc_style(FONT.into_font().color(&INK))
        .x_desc(&axes.x_name)
        .y_desc(&axes.y_name)
        .x_label_formatter(&x_label)
        .y_label_formatter(&y_label);
    if !axes.places.is_empty() {
        mesh.disable_x_mesh();
    }
    mesh.draw()?;
    for mark in marks {
        let colour = mark.colour;
        match &mark.shape {
            Shape::Line(points) => {
                let points = points.iter().map(|&(x, y)| (x, axes.height(y)));
                let line = LineSeries::new(points, colour.stroke_width(2));
                chart.draw_series(line)?;
            }
            Shape::Dots(points) => {
                let dot = |&(x, y): &(f64, f64)| {
                    Circle::new((x, axes.height(y)), 3, colour.mix(0.65).filled())
                };
                chart.draw_series(points.iter().map(dot))?;
            }
            Shape::Bars(bars) => {
                let bars = bars.iter().filter(|(_, _, height)| *height > 0.0);
                let bar = |&(from, to, height): &(f64, f64, f64)| {
                    Rectangle::new([(from, 0.0), (to, height)], colour.mix(0.55).filled())
                };
                chart.draw_series(bars.map(bar))?;
            }
            Shape::Band(band) => {
                let corners = [(band.start, y.start), (band.end, y.end)];
                let band = Rectangle::new(corners, colour.mix(0.25).filled());
                chart.draw_series([band])?;
            }
            Shape::Rule(x) => {
                let ends = [(*x, y.start), (*x, y.end)];
                let rule = DashedLineSeries::new(ends, 5, 4, colour.stroke_width(2));
                chart.draw_series(rule)?;
            }
        }
    }
    area.present()?;
    Ok(())
}

/// Draws the legend at the top and returns its height in pixels.
fn draw_legend<DB: DrawingBackend>(
    area: &DrawingArea<DB, plotters::coord::Shift>,
    marks: &[Mark],
) -> Result<i32, DrawingAreaErrorKind<DB::ErrorType>> {
    const SWATCH_PX: i32 = 12;
    let (left, right) = (64, SIZE_PX.0 as i32 - 10);
    let (mut x, mut y) = (left, 12);
    let middle = Pos::new(HPos::Left, VPos::Center);
    let style = FONT.into_font().color(&INK).pos(middle);
    let named = marks
        .iter()
        .filter_map(|mark| mark.name.as_deref().map(|name| (name, mark.colour)));
    let mut used = 0;
    for (name, colour) in named {
        let name = shortened(name);
        let width = SWATCH_PX + 6 + LETTER_PX * name.chars().count() as i32;
        if x > left && x + width > right {
            (x, y) = (left, y + LEGEND_ROW_PX);
        }
        let swatch = [(x, y - SWATCH_PX / 2), (x + SWATCH_PX, y + SWATCH_PX / 2)];
        area.draw(&Rectangle::new(swatch, colour.filled()))?;
        area.draw(&Text::new(name, (x + SWATCH_PX + 6, y), style.clone()))?;
        x += width + 14;
        used = y + LEGEND_ROW_PX / 2;
    }
    Ok(used)
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

/// A function that formats numbers of a range with enough digits to distinguish its ticks.
fn ticks(range: &Range<f64>) -> impl Fn(f64) -> String + use<> {
    let extent = range.end - range.start;
    let digits = (1.0 - extent.log10().floor()).clamp(0.0, 12.0) as usize;
    let is_tiny = extent < 1e-3;
    move |value| {
        let value = if value.abs() < extent * 1e-9 {
            0.0
        } else {
            value
        };
        let text = match is_tiny {
            true => return format!("{value:.1e}"),
            false => format!("{value:.digits$}"),
        };
        match text.contains('.') {
            true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
            false => text,
        }
    }
}

/// Formats a power of ten from its logarithm.
fn power_of_ten(logarithm: f64) -> String {
    let value = 10f64.powf(logarithm);
    let digits = (-(logarithm + 1e-9).floor()).max(0.0) as usize;
    match digits {
        ..=4 => format!("{value:.digits$}"),
        _ => format!("{value:.0e}"),
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
        assert_eq!(ticks(&(0.0..1.0))(0.2), "0.2");
        assert_eq!(ticks(&(0.0..500.0))(100.0), "100");
        assert_eq!(ticks(&(0.01..0.05))(0.015), "0.015");
        assert_eq!(ticks(&(-1.0..1.0))(-1e-17), "0");
        assert_eq!([-2.0, 0.0, 2.0].map(power_of_ten), ["0.01", "1", "100"]);
        assert_eq!(power_of_ten(0.05f64.log10()), "0.05");
    }
}
