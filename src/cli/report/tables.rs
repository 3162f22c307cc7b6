//! The figures of runs, as tables on the page and as a CSV file.

use std::path::Path;

use maud::{Markup, html};

use daad::evaluate::{Evaluation, Figures, metric_rows};
use daad::file;

use super::runs::Run;
use crate::cli::common::table::figure;

/// A column: its heading and its figure.
type Column = (&'static str, fn(&Figures) -> Option<f64>);

/// Figures that may be shown in the same table.
struct Block {
    title: &'static str,
    about: &'static str,
    columns: Vec<Column>,
}

/// The tables. The two protocols are never mixed, so each has its own table.
fn blocks() -> [Block; 3] {
    [
        Block {
            title: "Deployed protocol",
            about: "Scores are scaled by held-out normal images, fixed before testing; the \
                    threshold is the model's own. AP is the average precision.",
            columns: vec![
                ("AUROC", |f| f.deployed.auroc),
                ("AP", |f| f.deployed.average_precision),
                ("best F1", |f| f.deployed.best_f1),
                ("false alarms", |f| f.false_alarms),
                ("detected", |f| f.detected),
            ],
        },
        Block {
            title: "Paper protocol",
            about: "Scores are scaled by minimum and maximum over the test set: for comparison \
                    with published numbers only.",
            columns: vec![
                ("AUROC", |f| f.paper.auroc),
                ("AP", |f| f.paper.average_precision),
                ("best F1", |f| f.paper.best_f1),
            ],
        },
        Block {
            title: "Without scaling",
            about: "R alone, and the error map against the masks, pixel by pixel.",
            columns: vec![
                ("AUROC of R", |f| f.reconstruction.auroc),
                ("pixel AUROC", |f| f.pixel_auroc),
                ("AUPRO", |f| f.aupro),
            ],
        },
    ]
}

/// The figures of one run, category by category.
pub(super) fn of_run(evaluation: &Evaluation) -> Markup {
    let categories = evaluation.categories.iter().map(|category| {
        let name = match category.category.as_str() {
            "" => "all",
            name => name,
        };
        let (normal, anomalous) = (category.normal, category.anomalous);
        let name = format!("{name} ({normal} normal, {anomalous} anomalous)");
        (name, category.figures)
    });
    let mut rows: Vec<(String, Figures)> = categories.collect();
    if rows.len() > 1 {
        rows.push(("mean".to_owned(), evaluation.mean));
    }
    tables("category", &rows)
}

/// The means of all runs.
pub(super) fn of_runs(runs: &[Run]) -> Markup {
    let rows = runs.iter().filter_map(|run| {
        let evaluation = run.evaluation.as_ref()?;
        Some((format!("{} ({})", run.name, run.label()), evaluation.mean))
    });
    tables("run", &rows.collect::<Vec<_>>())
}

fn tables(what: &str, rows: &[(String, Figures)]) -> Markup {
    html! {
        @for block in blocks() {
            h4 { (block.title) }
            p.fine { (block.about) }
            div.scroll {
                table {
                    thead { tr {
                        th scope="col" { (what) }
                        @for (head, _) in &block.columns { th.number scope="col" { (head) } }
                    } }
                    tbody { @for (name, figures) in rows { tr {
                        th scope="row" { (name) }
                        @for (_, of) in &block.columns { td.number { (figure(of(figures))) } }
                    } } }
                }
            }
        }
    }
}

/// Writes all figures of all runs, one row per figure: run, category, protocol, metric, value.
pub(super) fn write_csv(runs: &[Run], path: &Path) -> anyhow::Result<()> {
    let mut all = csv::Writer::from_writer(Vec::new());
    all.write_record(["run", "category", "protocol", "metric", "value"])?;
    for run in runs {
        for row in run.evaluation.iter().flat_map(metric_rows) {
            all.serialize((&run.name, row.category, row.protocol, row.metric, row.value))?;
        }
    }
    Ok(file::write(path, &all.into_inner()?)?)
}
