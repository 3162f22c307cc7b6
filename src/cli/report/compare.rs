//! Chooses test images on which several runs can be compared.

use std::collections::BTreeMap;

use daad::evaluate::ScoredImage;
use daad::metric::Label;

use super::runs::Run;

/// Runs with the same test images.
pub(super) struct Group {
    /// The indices of the runs, at least two.
    pub(super) runs: Vec<usize>,
    /// Some of the test images, with the scores of the first run.
    pub(super) images: Vec<ScoredImage>,
}

/// The groups of runs that can be compared, each with `count` anomalous images and half as many
/// normal images.
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
        let mut images = in_turn_by_kind(scores, Label::Anomalous, count);
        images.extend(in_turn_by_kind(scores, Label::Normal, count.div_ceil(2)));
        Group {
            runs: members,
            images: images.into_iter().cloned().collect(),
        }
    });
    groups.collect()
}

/// `count` images, independent of their scores: the first image of each kind, then the second of
/// each kind, and so on.
fn in_turn_by_kind(images: &[ScoredImage], label: Label, count: usize) -> Vec<&ScoredImage> {
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

#[cfg(test)]
mod tests {
    use super::super::examples::tests::image;
    use super::*;

    #[test]
    fn compared_images_are_of_all_kinds_and_not_chosen_by_score() {
        let images = [("a1", "a"), ("a2", "a"), ("a3", "a"), ("b1", "b")]
            .map(|(name, kind)| image(name, kind, Label::Anomalous, 1.0));
        let chosen = in_turn_by_kind(&images, Label::Anomalous, 3);
        let names: Vec<&str> = chosen.iter().map(|image| image.name.as_str()).collect();
        assert_eq!(names, ["a1", "b1", "a2"]);
        assert!(in_turn_by_kind(&images, Label::Normal, 3).is_empty());
    }
}
