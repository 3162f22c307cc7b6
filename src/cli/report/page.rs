//! The report as one HTML file.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use maud::{DOCTYPE, Markup, PreEscaped, html};

use daad::metric::Label;
use daad::train::{CategoryFigures, Figures, ProtocolMetrics};

use super::Section;
use super::examples::Shown;
use super::plots::Figure;

const STYLE: &str = include_str!("report.css");

/// Everything is in it: no scripts, nothing to load.
pub(super) fn render(sections: &[Section], across: &[Figure]) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { "Divide-and-Assemble: report" }
                style { (PreEscaped(STYLE)) }
            }
            body {
                h1 { "Divide-and-Assemble: report" }
                @if sections.len() > 1 { (comparison(sections, across)) }
                @for section in sections { (one(section)) }
            }
        }
    };
    page.into_string()
}

fn comparison(sections: &[Section], across: &[Figure]) -> Markup {
    html! {
        section {
            h2 { "All runs" }
            div.wide {
                table {
                    thead {
                        tr {
                            th { "run" }
                            th { "AUROC, paper" }
                            th { "AUROC, deployed" }
                            th { "pixel AUROC" }
                            th { "AUPRO" }
                        }
                    }
                    tbody {
                        @for Section { run, .. } in sections {
                            @let mean = &run.evaluation.mean;
                            tr {
                                th { (run.label) }
                                td { (figure(mean.paper.auroc)) }
                                td { (figure(mean.deployed.auroc)) }
                                td { (figure(mean.pixel_auroc)) }
                                td { (figure(mean.aupro)) }
                            }
                        }
                    }
                }
            }
            (plots(across))
            h3 { "The same images, rebuilt by each (Fig. 2 and 5)" }
            div.wide {
                table.pictures {
                    thead {
                        tr {
                            th { "original" }
                            @for Section { run, .. } in sections { th { (run.label) } }
                        }
                    }
                    tbody {
                        @for index in 0..sections[0].examples.compared.len() {
                            (compared(sections, index))
                        }
                    }
                }
            }
        }
    }
}

/// One image, as each run rebuilds it. The originals differ where the models' sizes do.
fn compared(sections: &[Section], index: usize) -> Markup {
    let shown = |section: &'_ Section| {
        section.examples.compared[index].as_ref().map(|it| {
            picture(
                &it.reconstruction,
                &format!("reconstruction, score {:.3}", it.scored.deployed),
            )
        })
    };
    let Some(first) = &sections[0].examples.compared[index] else {
        return html! {};
    };
    html! {
        tr {
            td {
                (picture(&first.original, &format!("original, {}", kind(first))))
                div.caption { (kind(first)) }
            }
            @for section in sections { td { (shown(section).unwrap_or_default()) } }
        }
    }
}

fn one(section: &Section) -> Markup {
    let run = &section.run;
    let origin = &run.card.provenance;
    let facts = [
        ("file", run.name.clone()),
        ("data", origin.data.clone()),
        ("licence", origin.licence.clone()),
        ("attribution", origin.attribution.clone()),
        (
            "trained",
            format!(
                "{} epochs on {} images, on {}",
                origin.epochs, origin.trained_on, origin.device
            ),
        ),
        ("commit", origin.commit.clone()),
    ];
    html! {
        section {
            h2 { (run.label) }
            dl {
                @for (name, fact) in facts.iter().filter(|(_, fact)| !fact.is_empty()) {
                    dt { (name) }
                    dd { (fact) }
                }
            }
            @if let Some(settings) = &run.settings {
                details {
                    summary { "Settings" }
                    pre { (settings.to_toml().trim_end()) }
                }
            }
            (metrics(section))
            (plots(&section.figures))
            (examples(section))
        }
    }
}

/// A row for each category and protocol: no row has figures of two.
fn metrics(section: &Section) -> Markup {
    let evaluation = &section.run.evaluation;
    html! {
        h3 { "What it measures" }
        div.wide {
            table {
                thead {
                    tr {
                        th { "category" }
                        th { "protocol" }
                        th { "AUROC" }
                        th { "average precision" }
                        th { "best F1" }
                        th { "at threshold" }
                    }
                }
                tbody {
                    @for category in &evaluation.categories {
                        (protocols(&name(category), &category.figures))
                    }
                    @if evaluation.categories.len() > 1 { (protocols("mean", &evaluation.mean)) }
                }
            }
        }
        p {
            @for category in &evaluation.categories {
                @let figures = &category.figures;
                (name(category)) ": " (category.normal) " normal and " (category.anomalous)
                " anomalous images. At the model's own threshold "
                (percent(figures.false_alarms)) " of the normal ones are refused and "
                (percent(figures.detected)) " of the anomalous ones found."
                @if category.masks > 0 {
                    " Pixels: AUROC " (figure(figures.pixel_auroc))
                    ", AUPRO " (figure(figures.aupro)) "."
                }
                br;
            }
        }
    }
}

fn protocols(category: &str, figures: &Figures) -> Markup {
    let rows: [(&str, &ProtocolMetrics); 3] = [
        ("paper", &figures.paper),
        ("deployed", &figures.deployed),
        ("R alone", &figures.reconstruction),
    ];
    html! {
        @for (protocol, metrics) in rows {
            tr {
                th { (category) }
                td { (protocol) }
                td { (figure(metrics.auroc)) }
                td { (figure(metrics.average_precision)) }
                td { (figure(metrics.best_f1)) }
                td { (figure(metrics.best_f1_threshold)) }
            }
        }
    }
}

fn plots(figures: &[Figure]) -> Markup {
    html! {
        div.plots {
            @for plot in figures {
                figure {
                    div role="img" aria-label=(plot.caption) { (PreEscaped(&plot.svg)) }
                    figcaption { (plot.caption) }
                }
            }
        }
    }
}

fn examples(section: &Section) -> Markup {
    let examples = &section.examples;
    let threshold = section.run.card.calibration.threshold;
    html! {
        @if !examples.shown.is_empty() {
            h3 { "The clearest and the worst" }
            p {
                "Of the anomalous and of the normal test images those of the highest and of the "
                "lowest scores (deployed protocol, threshold " (format!("{threshold:.3}")) "): the "
                "image, its reconstruction, and where the two differ."
            }
            div.examples {
                @for shown in &examples.shown { (example(shown, threshold)) }
            }
        }
        @if !examples.missing.is_empty() {
            details {
                summary { (examples.missing.len()) " images cannot be shown" }
                ul { @for reason in &examples.missing { li { (reason) } } }
            }
        }
    }
}

fn example(shown: &Shown, threshold: f64) -> Markup {
    let scored = &shown.scored;
    let is_anomalous = scored.label == Label::Anomalous;
    let verdict = match (is_anomalous, scored.deployed > threshold) {
        (true, true) => "found",
        (true, false) => "missed",
        (false, true) => "false alarm",
        (false, false) => "passed",
    };
    html! {
        figure.example {
            div.three {
                @for (what, png) in shown.pictures() {
                    (picture(png, &format!("{what} of {}", scored.name)))
                }
            }
            figcaption {
                b { (kind(shown)) } ", score " (format!("{:.3}", scored.deployed)) ", " (verdict)
                div.caption { (scored.name) }
            }
        }
    }
}

fn picture(png: &[u8], alt: &str) -> Markup {
    let data = format!("data:image/png;base64,{}", STANDARD.encode(png));
    html! { img src=(data) alt=(alt); }
}

fn kind(shown: &Shown) -> String {
    let scored = &shown.scored;
    match (scored.label, scored.kind.as_str()) {
        (Label::Normal, _) => "normal".into(),
        (Label::Anomalous, "") => "anomalous".into(),
        (Label::Anomalous, kind) => kind.into(),
    }
}

fn name(category: &CategoryFigures) -> String {
    match category.category.as_str() {
        "" => "all".into(),
        name => name.into(),
    }
}

fn figure(value: Option<f64>) -> String {
    value.map_or("–".to_owned(), |value| format!("{value:.3}"))
}

fn percent(value: Option<f64>) -> String {
    value.map_or("–".to_owned(), |value| format!("{:.0} %", 100.0 * value))
}
