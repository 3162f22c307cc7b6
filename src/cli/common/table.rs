//! An evaluation as a table for people.

use comfy_table::{CellAlignment, Table, presets};

use daad::evaluate::{Evaluation, Figures};

/// A table with a row for each category and one for their means. It has columns for pixel metrics
/// only if there are masks.
pub(crate) fn evaluation(evaluation: &Evaluation) -> String {
    let categories = &evaluation.categories;
    let has_masks = categories.iter().any(|category| category.masks > 0);
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    let mut header = vec![
        "",
        "\nnormal",
        "\ndefective",
        "AUROC\ndeployed",
        "AUROC\npaper",
        "AUROC\nR alone",
        "\nAP",
        "best\nF1",
        "false\nalarms",
        "\ndetected",
    ];
    if has_masks {
        header.extend(["pixel\nAUROC", "\nAUPRO"]);
    }
    table.set_header(header);
    let row = |name: &str, normal: String, anomalous: String, figures: &Figures| {
        let mut row = vec![name.to_owned(), normal, anomalous];
        row.extend([
            figure(figures.deployed.auroc),
            figure(figures.paper.auroc),
            figure(figures.reconstruction.auroc),
            figure(figures.deployed.average_precision),
            figure(figures.deployed.best_f1),
            percent(figures.false_alarms),
            percent(figures.detected),
        ]);
        if has_masks {
            row.extend([figure(figures.pixel_auroc), figure(figures.aupro)]);
        }
        row
    };
    for category in categories {
        let name = match category.category.as_str() {
            "" => "all",
            name => name,
        };
        let counts = [category.normal, category.anomalous];
        let [normal, anomalous] = counts.map(|count| count.to_string());
        table.add_row(row(name, normal, anomalous, &category.figures));
    }
    if categories.len() > 1 {
        let none = String::new;
        table.add_row(row("mean", none(), none(), &evaluation.mean));
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 1));
        if column.index > 0 {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table.trim_fmt()
}

/// A figure with three digits after the point.
pub(crate) fn figure(value: Option<f64>) -> String {
    value.map_or("–".to_owned(), |value| format!("{value:.3}"))
}

fn percent(value: Option<f64>) -> String {
    value.map_or("–".to_owned(), |value| format!("{:.0} %", 100.0 * value))
}
