//! What several runs show together.

use std::collections::BTreeMap;

use daad::metric::Label;
use daad::model::{MemoryPlacement, ModelConfig};
use daad::train::{Figures, ScoredImage};

use super::chart::{Axes, Mark, Plot, SERIES, Shape, draw, range};
use super::runs::Run;

/// Runs with the same test images.
pub(super) struct Group {
    /// Indices of runs, two at least.
    pub(super) runs: Vec<usize>,
    /// Some of the images, as the first of the runs scored them.
    pub(super) images: Vec<ScoredImage>,
}

/// The groups of runs that can be looked at side by side, each with `count` anomalous images and
/// half as many normal ones.
pub(super) fn groups(runs: &[Run], count: usize) -> Vec<Group> {
    type Names<'a> = Vec<(&'a str, &'a str)>;
    let mut groups: Vec<(Names, Vec<usize>)> = Vec::new();
    for (index, run) in runs.iter().enumerate() {
        let images = run.scores.iter();
        let mut names: Names = images
            .map(|image| (image.category.as_str(), image.name.as_str()))
            .collect();
        names.sort_unstable();
        match groups.iter_mut().find(|(known, _)| *known == names) {
            _ if names.is_empty() => {}
            Some((_, members)) => members.push(index),
            None => groups.push((names, vec![index])),
        }
    }
    let several = groups.into_iter().filter(|(_, members)| members.len() > 1);
    let groups = several.map(|(_, members)| {
        let scores = &runs[members[0]].scores;
        let mut images = one_of_each_kind(scores, Label::Anomalous, count);
        images.extend(one_of_each_kind(scores, Label::Normal, count.div_ceil(2)));
        Group {
            runs: members,
            images: images.into_iter().cloned().collect(),
        }
    });
    groups.collect()
}

/// `count` images, the first of each kind, then the second of each, and on: whatever their scores.
fn one_of_each_kind(images: &[ScoredImage], label: Label, count: usize) -> Vec<&ScoredImage> {
    let mut kinds: BTreeMap<(&str, &str, &str), usize> = BTreeMap::new();
    let members = images.iter().filter(|image| image.label == label);
    let mut turns: Vec<(usize, &ScoredImage)> = members
        .map(|image| {
            let kind = (&*image.category, &*image.kind, &*image.video);
            let seen = kinds.entry(kind).or_default();
            *seen += 1;
            (*seen, image)
        })
        .collect();
    turns.sort_by_key(|(turn, _)| *turn);
    turns
        .into_iter()
        .take(count)
        .map(|(_, image)| image)
        .collect()
}

/// The paper's Fig. 7 and Table 4, of the runs there are.
pub(super) fn plots(runs: &[Run]) -> Vec<Plot> {
    let axes = [
        Axis {
            file: "items",
            title: "Number of memory items",
            name: "memory items N",
            place: |run| has_memory(run).then(|| (run.card.config.memory.items, String::new())),
            others: |run| run.label(),
        },
        Axis {
            file: "division",
            title: "Division rate",
            name: "division rate r",
            place: |run| Some((blocks(&run.card.config), run.division()?)),
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
    let plots = axes.iter().flat_map(|axis| {
        let of = move |protocol: &Protocol| auroc_along(runs, axis, *protocol);
        protocols.iter().filter_map(of).collect::<Vec<_>>()
    });
    plots.collect()
}

/// A setting that runs may differ in.
struct Axis {
    file: &'static str,
    title: &'static str,
    name: &'static str,
    /// Its value, in order, and what that is called; the number itself where nothing.
    place: fn(&Run) -> Option<(usize, String)>,
    /// What else tells runs apart.
    others: fn(&Run) -> String,
}

type Protocol = (&'static str, fn(&Figures) -> Option<f64>);

fn has_memory(run: &Run) -> bool {
    run.card.config.memory.placement != MemoryPlacement::None
}

/// How many blocks the finest map is cut into.
fn blocks(config: &ModelConfig) -> usize {
    let rate = config.division_rate(0);
    rate.height * rate.width * rate.channel
}

/// A dot for each run, and a line through their means. None where all runs are at one place.
fn auroc_along(runs: &[Run], axis: &Axis, (protocol, auroc): Protocol) -> Option<Plot> {
    let mut measured = Vec::new();
    for run in runs {
        let figures = run.evaluation.as_ref().map(|evaluation| evaluation.mean);
        let auroc = figures.and_then(|figures| auroc(&figures));
        if let (Some(place), Some(auroc)) = ((axis.place)(run), auroc) {
            measured.push((place, (axis.others)(run), auroc));
        }
    }
    let mut places: Vec<&(usize, String)> = measured.iter().map(|(place, ..)| place).collect();
    places.sort_unstable();
    places.dedup();
    if places.len() < 2 {
        return None;
    }
    let mut lines: BTreeMap<&str, BTreeMap<usize, Vec<f64>>> = BTreeMap::new();
    for (place, others, auroc) in &measured {
        let x = places.iter().position(|known| *known == place)?;
        let line = lines.entry(others).or_default();
        line.entry(x).or_default().push(*auroc);
    }
    let mut marks = Vec::new();
    for (index, (name, places)) in lines.iter().enumerate() {
        let colour = SERIES[index % SERIES.len()];
        let means = places.iter().map(|(&x, aurocs)| {
            let mean = aurocs.iter().sum::<f64>() / aurocs.len() as f64;
            (x as f64, mean)
        });
        let dots = places.iter();
        let dots = dots.flat_map(|(&x, all)| all.iter().map(move |&auroc| (x as f64, auroc)));
        marks.push(Mark::new(Shape::Line(means.collect()), colour).named(*name));
        marks.push(Mark::new(Shape::Dots(dots.collect()), colour));
    }
    let names = places.iter().map(|(value, name)| match name.as_str() {
        "" => value.to_string(),
        name => name.to_owned(),
    });
    let y = range(measured.iter().map(|(.., auroc)| *auroc));
    let x = -0.4..places.len() as f64 - 0.6;
    let axes = Axes {
        places: names.collect(),
        ..Axes::new(x, y, axis.name, "image AUROC")
    };
    Some(Plot {
        file: format!("auroc-{}-{protocol}", axis.file),
        title: format!("{}, {protocol} protocol", axis.title),
        caption: "A dot for each run; the lines are means.".to_owned(),
        svg: draw(&axes, &marks),
    })
}

#[cfg(test)]
mod tests {
    use super::super::examples::tests::image;
    use super::*;

    #[test]
    fn compared_images_are_of_all_kinds_and_not_chosen_by_score() {
        let images = [("a1", "a"), ("a2", "a"), ("a3", "a"), ("b1", "b")]
            .map(|(name, kind)| image(name, kind, Label::Anomalous, 1.0));
        let chosen = one_of_each_kind(&images, Label::Anomalous, 3);
        let names: Vec<&str> = chosen.iter().map(|image| image.name.as_str()).collect();
        assert_eq!(names, ["a1", "b1", "a2"]);
        assert!(one_of_each_kind(&images, Label::Normal, 3).is_empty());
    }
}
