//! Plots of AUROC against a setting in which runs differ.

use std::collections::BTreeMap;

use daad::evaluate::{Evaluation, Figures};
use daad::model::MemoryPlacement;

use super::chart::{Axes, Mark, Plot, SERIES, Shape, range};
use super::runs::Run;

/// The plots of the paper's Fig. 7 and Table 4, for the given runs.
pub(super) fn plots(runs: &[Run]) -> Vec<Plot> {
    let axes = [
        Axis {
            file: "items",
            title: "Number of memory items",
            name: "memory items N",
            paper: "In the paper (Fig. 7) it rises with N and saturates after 500.",
            place: |run| {
                let memory = run.card.config.memory;
                let has_items = memory.placement != MemoryPlacement::None;
                has_items.then(|| (memory.items, String::new()))
            },
            others: |run| run.label(),
        },
        Axis {
            file: "division",
            title: "Division rate",
            name: "division rate r",
            paper: "In the paper (Table 4, mean of MVTec AD): 1 .716, 2 .784, 4 .821, 8 .845, \
                    16 .813.",
            place: |run| {
                // The number of blocks into which the finest map is divided.
                let blocks = run.card.config.division_rate(0).blocks();
                Some((blocks, run.division()?))
            },
            others: |run| {
                let config = &run.card.config;
                format!("{}, N = {}", config.system_name(), config.memory.items)
            },
        },
    ];
    let protocols: [Protocol; 2] = [
        ("deployed", |figures| figures.deployed.auroc),
        ("paper", |figures| figures.paper.auroc),
    ];
    let all = axes
        .iter()
        .flat_map(|axis| protocols.map(|protocol| (axis, protocol)));
    all.filter_map(|(axis, protocol)| auroc_along(runs, axis, protocol))
        .collect()
}

/// A setting in which runs may differ.
struct Axis {
    file: &'static str,
    title: &'static str,
    name: &'static str,
    /// A sentence about the paper's result for this setting.
    paper: &'static str,
    /// The value of the setting in a run, and the value's name; if the name is empty, the number is
    /// shown.
    place: fn(&Run) -> Option<(usize, String)>,
    /// The other settings of a run, by which runs are grouped.
    others: fn(&Run) -> String,
}

type Protocol = (&'static str, fn(&Figures) -> Option<f64>);

/// The AUROCs of runs that differ in one setting only, by the value of the setting, then by the
/// category of the test images.
#[derive(Default)]
struct Line(BTreeMap<usize, BTreeMap<String, Vec<f64>>>);

impl Line {
    fn dots(&self) -> Vec<(f64, f64)> {
        let places = self.0.iter();
        let dots = places.flat_map(|(&x, tests)| {
            let aurocs = tests.values().flatten();
            aurocs.map(move |&auroc| (x as f64, auroc))
        });
        dots.collect()
    }

    /// The mean for each value of the setting, over the categories that have a run for every value.
    /// Categories differ in difficulty, so a category that is missing for some values would distort
    /// the line. There is no mean if no category has a run for every value.
    fn means(&self) -> Vec<(f64, f64)> {
        let at_all = |test: &&String| self.0.values().all(|tests| tests.contains_key(*test));
        let first = self.0.values().next().into_iter();
        let shared: Vec<_> = first.flat_map(BTreeMap::keys).filter(at_all).collect();
        if shared.is_empty() {
            return Vec::new();
        }
        let places = self.0.iter().map(|(&x, tests)| {
            let each = shared.iter().map(|&test| mean(&tests[test]));
            (x as f64, mean(&each.collect::<Vec<_>>()))
        });
        places.collect()
    }
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// A text that identifies the test images of a run.
fn tests(evaluation: &Evaluation) -> String {
    let categories = evaluation.categories.iter();
    let names: Vec<&str> = categories.map(|of| of.category.as_str()).collect();
    names.join(", ")
}

/// A plot with a dot for each run and a line through the means. None if the setting has the same
/// value in all runs.
fn auroc_along(runs: &[Run], axis: &Axis, (protocol, auroc): Protocol) -> Option<Plot> {
    let measured = runs.iter().filter_map(|run| {
        let evaluation = run.evaluation.as_ref()?;
        let auroc = auroc(&evaluation.mean)?;
        Some((run, (axis.place)(run)?, auroc, tests(evaluation)))
    });
    let measured: Vec<_> = measured.collect();
    let mut places: Vec<&(usize, String)> = measured.iter().map(|(_, place, ..)| place).collect();
    places.sort_unstable();
    places.dedup();
    if places.len() < 2 {
        return None;
    }
    let mut lines: BTreeMap<String, Line> = BTreeMap::new();
    for (run, place, auroc, tests) in &measured {
        let x = places.binary_search(&place).ok()?;
        let line = lines.entry((axis.others)(run)).or_default();
        let at_place = line.0.entry(x).or_default();
        at_place.entry(tests.clone()).or_default().push(*auroc);
    }
    let mut marks = Vec::new();
    for (index, (name, line)) in lines.iter().enumerate() {
        let colour = SERIES[index % SERIES.len()];
        marks.push(Mark::new(Shape::Line(line.means()), colour).named(name));
        marks.push(Mark::new(Shape::Dots(line.dots()), colour));
    }
    let names = places.iter().map(|(value, name)| match name.as_str() {
        "" => value.to_string(),
        name => name.to_owned(),
    });
    let y = range(measured.iter().map(|(_, _, auroc, _)| *auroc));
    let x = -0.4..places.len() as f64 - 0.6;
    let axes = Axes {
        places: names.collect(),
        ..Axes::new(x, y, axis.name, "image AUROC")
    };
    let caption = format!(
        "A dot for each run; the lines are means over the categories that all places have. {}",
        axis.paper
    );
    let file = format!("auroc-{}-{protocol}", axis.file);
    let title = format!("{}, {protocol} protocol", axis.title);
    Some(Plot::new(file, title, caption, &axes, &marks))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_category_that_one_place_lacks_bends_no_line() {
        let mut line = Line::default();
        let runs = [
            (0, "bottle", 0.8),
            (1, "bottle", 0.6),
            (1, "bottle", 0.8),
            (1, "screw", 1.0),
        ];
        for (place, test, auroc) in runs {
            let tests = line.0.entry(place).or_default();
            tests.entry(test.to_owned()).or_default().push(auroc);
        }
        let means = line.means();
        assert_eq!(means[0], (0.0, 0.8));
        assert!((means[1].1 - 0.7).abs() < 1e-12, "{means:?}");
        assert_eq!(line.dots().len(), 4);
        line.0
            .entry(2)
            .or_default()
            .insert("wood".into(), vec![0.5]);
        assert!(line.means().is_empty());
    }
}
