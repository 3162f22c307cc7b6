//! The page's sections.

use maud::{Markup, PreEscaped, html};
use serde::Deserialize;

use daad::learn::TrainConfig;
use daad::metric::Label;
use daad::weights::ModelCard;

use super::chart::{ANOMALOUS, INK, NORMAL, PAPER, Plot};
use super::compare::Group;
use super::examples::{Example, Examples, Kind, Shown};
use super::picture::Picture;
use super::runs::Run;
use super::tables;
use crate::cli::common::output::settings_of;

/// Everything that the page shows about one run.
pub(super) struct RunPart<'a> {
    pub(super) run: &'a Run,
    pub(super) plots: Vec<Plot>,
    pub(super) examples: Examples,
}

/// The section of one run, from its origin to its examples.
pub(super) fn run(index: usize, part: &RunPart) -> Markup {
    let run = part.run;
    let (videos, plots_of_run): (Vec<&Plot>, Vec<&Plot>) = part
        .plots
        .iter()
        .partition(|plot| plot.file.starts_with("video-"));
    let kinds = &part.examples.kinds;
    html! {
        section.run id={ "run-" (index + 1) } {
            h2 { (run.name) }
            p.label { (run.label()) }
            (origin(&run.card))
            @for gap in &run.gaps { p.gap { (gap) } }
            @if let Some(evaluation) = &run.evaluation {
                h3 { "Figures" }
                (tables::of_run(evaluation))
            }
            @if !plots_of_run.is_empty() {
                h3 { "Plots" }
                (plots(plots_of_run.into_iter()))
            }
            @if !videos.is_empty() {
                h3 { "Scores over the frames of the test videos" }
                (plots(videos.into_iter()))
            }
            @if !kinds.is_empty() {
                h3 { "Examples" }
                p.fine {
                    "Each is the image at the model's size, its reconstruction, and the error map, "
                    "dark for none and light for errors beyond those of 99.9 % of the pixels of normal images. "
                    "Scores are deployed; the threshold is "
                    (score(run.card.calibration.threshold)) "."
                }
                (outdated(kinds))
                @for kind in kinds { (examples(kind)) }
            }
        }
    }
}

/// The information in the card of the model file.
fn origin(card: &ModelCard) -> Markup {
    let (config, origin) = (&card.config, &card.provenance);
    let size = format!("{} × {} pixels", config.width_px, config.height_px);
    let parameters = config.parameter_count() as f64 / 1e6;
    let facts = [
        ("Images", size),
        ("Parameters", format!("{parameters:.2} million")),
        (
            "Training",
            format!(
                "{} epochs, {} images, seed {}, on {}",
                origin.epochs, origin.trained_on, origin.seed, origin.device
            ),
        ),
        ("Data", origin.data.clone()),
        ("Licence", origin.licence.clone()),
        ("Attribution", origin.attribution.clone()),
        ("Commit", origin.commit.clone()),
        ("Command", origin.command.clone()),
    ];
    html! {
        dl { @for (name, fact) in facts.iter().filter(|(_, fact)| !fact.is_empty()) {
            dt { (name) } dd { (fact) }
        } }
        @if let Ok(config) = TrainConfig::deserialize(&origin.config) {
            details {
                summary { "Settings, a file for " code { "daad train --config" } }
                pre { (settings_of(&config)) }
            }
        }
    }
}

/// Plots, side by side if there is enough space.
pub(super) fn plots<'a>(plots: impl Iterator<Item = &'a Plot>) -> Markup {
    html! {
        div.plots { @for plot in plots {
            figure {
                figcaption { b { (plot.title) } span.fine { (plot.caption) } }
                div role="img" aria-label=(plot.title) { (PreEscaped(inline(&plot.svg))) }
            }
        } }
    }
}

/// The SVG to embed in the page: with the page's text colour, and without a background.
fn inline(svg: &str) -> String {
    let colours = [
        (INK, "currentColor"),
        (PAPER, "none"),
        (NORMAL, "var(--normal)"),
        (ANOMALOUS, "var(--anomalous)"),
    ];
    let replaced = |svg: String, (from, to): (&str, &str)| {
        svg.replace(&format!("\"{from}\""), &format!("\"{to}\""))
    };
    colours.into_iter().fold(svg.to_owned(), replaced)
}

/// The comparison of several runs on the same images, as in the paper's Fig. 2 and Fig. 5.
pub(super) fn compared(group: &Group, parts: &[RunPart]) -> Markup {
    let rows: Vec<(&RunPart, &[Example])> = (group.runs.iter())
        .map(|&run| (&parts[run], parts[run].examples.compared.as_slice()))
        .collect();
    let Some((_, first)) = rows.first().filter(|(_, first)| !first.is_empty()) else {
        return html! {};
    };
    html! {
        h3 {
            "The same images, reconstructed"
            @if let Some(category) = category_of(first) { ": " (category) }
        }
        p.fine {
            "Taken in turn from each kind of test image, not by score. Below each reconstruction "
            "its deployed score."
        }
        div.scroll { div.compared style={ "--columns: " (first.len()) } {
            p { "Original" }
            @for example in *first { figure class=(class(example.image.label)) {
                @match &example.shown {
                    Ok(shown) => (picture(&shown.input, &example.image.name)),
                    Err(_) => p.gone { "cannot be shown" },
                }
                figcaption { (kind_of(example)) }
            } }
            @for (part, examples) in &rows {
                p { b { (part.run.label()) } " " span.fine { (part.run.name) } }
                @for example in *examples { figure {
                    @if let Ok(shown) = &example.shown {
                        (picture(&shown.reconstruction, "reconstruction"))
                        figcaption { (verdict(shown)) }
                    }
                } }
            }
        } }
        (gone(first))
    }
}

/// The category of the examples, if all have the same category.
fn category_of(examples: &[Example]) -> Option<&str> {
    let category = examples.first()?.image.category.as_str();
    let mut all = examples.iter();
    let is_shared = all.all(|example| example.image.category == category);
    (is_shared && !category.is_empty()).then_some(category)
}

fn examples(kind: &Kind) -> Markup {
    html! {
        h4 class=(class(kind.label)) { (kind.title) }
        div.examples { @for example in &kind.examples {
            @if let Ok(shown) = &example.shown { figure {
                div {
                    (picture(&shown.input, &example.image.name))
                    (picture(&shown.reconstruction, "reconstruction"))
                    (picture(&shown.heat_map, "error map"))
                }
                figcaption {
                    (verdict(shown)) " " (kind_of(example))
                    span.fine title=(example.image.name) { (short_name(&example.image.name)) }
                }
            } }
        } }
        (gone(&kind.examples))
    }
}

/// Lists the examples that cannot be shown.
fn gone(examples: &[Example]) -> Markup {
    html! {
        @if examples.iter().any(|example| example.shown.is_err()) {
            ul.gap { @for example in examples {
                @if let Err(reason) = &example.shown {
                    li { (example.image.name) " is not shown: " (reason) " (recorded score "
                        (score(example.image.deployed)) ")." }
                }
            } }
        }
    }
}

fn outdated(kinds: &[Kind]) -> Markup {
    let shown = kinds.iter().flat_map(|kind| &kind.examples);
    let mut shown = shown.filter(|example| example.shown.is_ok());
    html! {
        @if shown.any(|example| !example.agrees()) {
            p.gap {
                "The model, or some images, changed since the scores were recorded: run "
                code { "daad eval --record" } " again."
            }
        }
    }
}

fn picture(picture: &Picture, alt: &str) -> Markup {
    html! {
        img src=(picture.url) alt=(alt) width=(picture.width_px) height=(picture.height_px);
    }
}

fn verdict(shown: &Shown) -> Markup {
    let label = match shown.is_anomalous {
        true => Label::Anomalous,
        false => Label::Normal,
    };
    html! { b class=(class(label)) title="deployed anomaly score" { (score(shown.score)) } }
}

/// The kind of an image; if that is unknown, its video or its category.
fn kind_of(example: &Example) -> String {
    let image = &example.image;
    match (image.kind.as_str(), image.video.as_str()) {
        ("", "") => image.category.clone(),
        ("", video) => format!("video {video}"),
        (kind, _) => kind.to_owned(),
    }
}

/// The last part of a path: the file name with its folder.
fn short_name(name: &str) -> &str {
    let mut slashes = name.rmatch_indices(['/', '\\']);
    let second = slashes.nth(1);
    second.map_or(name, |(at, _)| &name[at + 1..])
}

const fn class(label: Label) -> &'static str {
    match label {
        Label::Normal => "normal",
        Label::Anomalous => "anomalous",
    }
}

fn score(score: f64) -> String {
    format!("{score:.3}")
}

#[cfg(test)]
mod tests {
    use super::super::examples::tests::image;
    use super::*;

    #[test]
    fn a_hostile_name_is_text_on_the_page() {
        let mut image = image("\"><script>x</script>", "<b>", Label::Normal, 1.0);
        image.category = "a&b".into();
        let shown = Err("<gone>".to_owned());
        let page = gone(&[Example { image, shown }]).into_string();
        assert!(
            !page.contains("<script") && !page.contains("<gone"),
            "{page}"
        );
        assert!(page.contains("&lt;script&gt;"));
    }

    #[test]
    fn a_name_is_shortened_to_its_file_and_folder() {
        assert_eq!(short_name("data/test/good/1.png"), "good/1.png");
        assert_eq!(short_name("good/1.png"), "good/1.png");
        assert_eq!(short_name("1.png"), "1.png");
    }

    #[test]
    fn inside_the_page_a_drawing_has_its_ink_and_no_paper() {
        let svg = "<rect fill=\"#ffffff\"/><text fill=\"#1c1f23\"/>";
        let expected = "<rect fill=\"none\"/><text fill=\"currentColor\"/>";
        assert_eq!(inline(svg), expected);
    }
}
