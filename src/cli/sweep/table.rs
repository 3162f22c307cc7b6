//! The table of a sweep's results beside the paper's numbers.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::result::{JobResult, Protocol};
use super::spec::{Job, SEED, Spec};
use crate::cli::common::table::figure;

/// The paper's name for the row of means.
const MEAN: &str = "mean";

/// One cell of a table.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Cell {
    /// The mean over the seeds. The value of a seed is the mean over all axes that are neither rows
    /// nor columns.
    mean: Option<f64>,
    /// The standard deviation over the seeds (divisor n − 1), if there are at least two seeds.
    deviation: Option<f64>,
    /// The number of finished jobs of this cell.
    done: usize,
    /// The number of all jobs of this cell.
    jobs: usize,
    /// The number in the paper.
    paper: Option<f64>,
}

/// A table of image AUROCs under one protocol.
#[derive(Debug)]
pub(crate) struct Table {
    title: String,
    corner: String,
    columns: Vec<String>,
    rows: Vec<(String, Vec<Cell>)>,
    protocol: Protocol,
}

impl Table {
    /// The table of the available results.
    pub(crate) fn new(
        spec: &Spec,
        jobs: &[Job],
        results: &[JobResult],
        protocol: Protocol,
    ) -> Self {
        let columns = labels(jobs, &spec.columns);
        let row_labels = labels(jobs, &spec.rows);
        let cell = |row: Option<&str>, column: &str| {
            let here = |labels: &BTreeMap<String, String>| {
                value(labels, &spec.columns) == column
                    && row.is_none_or(|row| value(labels, &spec.rows) == row)
            };
            let paper = spec.paper.get(column);
            let paper = paper.and_then(|rows| rows.get(row.unwrap_or(MEAN)));
            Cell {
                jobs: jobs.iter().filter(|job| here(&job.labels)).count(),
                ..Cell::of(
                    results.iter().filter(|result| here(&result.labels)),
                    protocol,
                    paper.copied(),
                )
            }
        };
        let row = |row: Option<&str>| -> Vec<Cell> {
            columns.iter().map(|column| cell(row, column)).collect()
        };
        let mut rows: Vec<_> = row_labels
            .iter()
            .map(|label| (label.clone(), row(Some(label))))
            .collect();
        if spec.mean {
            rows.push((MEAN.to_owned(), row(None)));
        }
        Self {
            title: spec.title.clone(),
            corner: spec.rows.clone(),
            columns,
            rows,
            protocol,
        }
    }

    /// The table as Markdown, which people can also read as plain text.
    pub(crate) fn to_markdown(&self) -> String {
        let mut lines = vec![vec![self.corner.clone()]];
        lines[0].extend(self.columns.clone());
        for (label, cells) in &self.rows {
            let mut line = vec![label.clone()];
            line.extend(cells.iter().map(|cell| cell.text(self.protocol)));
            lines.push(line);
        }
        let width = |column: usize| {
            let cells = lines.iter().map(|line| line[column].chars().count());
            cells.max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..=self.columns.len()).map(width).collect();
        let note = match self.protocol {
            Protocol::Paper => "paper protocol; in brackets the paper's number",
            Protocol::Deployed => "deployed protocol",
        };
        let title = match self.title.as_str() {
            "" => "Image AUROC",
            title => title,
        };
        let mut text = format!("{title} ({note})\n\n");
        for (index, line) in lines.iter().enumerate() {
            let cells = line.iter().zip(&widths);
            let cells: Vec<String> = cells
                .map(|(cell, &width)| format!("{cell:<width$}"))
                .collect();
            let _ = writeln!(text, "| {} |", cells.join(" | "));
            if index == 0 {
                let rule: Vec<String> = widths.iter().map(|&width| "-".repeat(width)).collect();
                let _ = writeln!(text, "| {} |", rule.join(" | "));
            }
        }
        text
    }

    /// Writes the cells for programs, one line per cell: protocol, row, column, mean, deviation,
    /// number of finished jobs, number of jobs, the paper's number.
    pub(crate) fn write_csv(&self, csv: &mut csv::Writer<Vec<u8>>) -> csv::Result<()> {
        for (row, cells) in &self.rows {
            for (column, cell) in self.columns.iter().zip(cells) {
                csv.serialize((
                    self.protocol.name(),
                    row,
                    column,
                    cell.mean,
                    cell.deviation,
                    cell.done,
                    cell.jobs,
                    cell.paper.filter(|_| self.protocol == Protocol::Paper),
                ))?;
            }
        }
        Ok(())
    }
}

/// The headings of the columns that [`Table::write_csv`] writes.
pub(crate) const CSV_HEADER: [&str; 8] = [
    "protocol",
    "row",
    "column",
    "auroc",
    "deviation",
    "done",
    "jobs",
    "paper",
];

impl Cell {
    fn of<'a>(
        results: impl Iterator<Item = &'a JobResult>,
        protocol: Protocol,
        paper: Option<f64>,
    ) -> Self {
        let mut seeds: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
        for result in results {
            if let Some(auroc) = result.auroc(protocol) {
                let seed = value(&result.labels, SEED);
                seeds.entry(seed).or_default().push(auroc);
            }
        }
        let done = seeds.values().map(Vec::len).sum();
        let means: Vec<f64> = seeds.values().map(|values| mean(values)).collect();
        let mean_of_all = (!means.is_empty()).then(|| mean(&means));
        let deviation = mean_of_all.filter(|_| means.len() > 1).map(|center| {
            let squares: f64 = means.iter().map(|value| (value - center).powi(2)).sum();
            (squares / (means.len() - 1) as f64).sqrt()
        });
        Self {
            mean: mean_of_all,
            deviation,
            done,
            jobs: 0,
            paper,
        }
    }

    fn text(&self, protocol: Protocol) -> String {
        let mut text = figure(self.mean);
        if let Some(deviation) = self.deviation {
            let _ = write!(text, " ± {deviation:.3}");
        }
        if let Some(paper) = self.paper.filter(|_| protocol == Protocol::Paper) {
            let _ = write!(text, " ({paper:.3})");
        }
        if self.done > 0 && self.done < self.jobs {
            let _ = write!(text, " [{} of {} jobs]", self.done, self.jobs);
        }
        text
    }
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// The values on `axis`, in the order of the jobs; one empty value if there is no axis.
fn labels(jobs: &[Job], axis: &str) -> Vec<String> {
    let mut labels: Vec<String> = Vec::new();
    for job in jobs {
        let label = value(&job.labels, axis);
        if !labels.iter().any(|known| known == label) {
            labels.push(label.to_owned());
        }
    }
    labels
}

fn value<'a>(labels: &'a BTreeMap<String, String>, axis: &str) -> &'a str {
    labels.get(axis).map_or("", String::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;
    use daad::evaluate::{Evaluation, Figures, ProtocolMetrics};
    use daad::settings::Settings;

    const SPEC: &str = "title = 'T'\nrows = 'category'\ncolumns = 'division'\nmean = true\n\
        [grid]\ncategory = ['a', 'b']\ndivision = [4]\nseed = [0, 1]\n\
        [paper.4]\na = 0.9\nmean = 0.8";

    fn jobs() -> (Spec, Vec<Job>) {
        let spec = Spec::from_toml(SPEC).unwrap();
        let jobs = spec.jobs(&Settings::default(), |_| Ok(Vec::new()));
        (spec, jobs.unwrap())
    }

    fn result(job: &Job, paper: f64) -> JobResult {
        let auroc = |auroc| ProtocolMetrics {
            auroc: Some(auroc),
            ..ProtocolMetrics::default()
        };
        JobResult {
            job: job.index,
            name: job.name.clone(),
            labels: job.labels.clone(),
            settings: job.settings.clone(),
            seconds: 1.0,
            data: String::new(),
            model: String::new(),
            evaluation: Evaluation {
                categories: Vec::new(),
                mean: Figures {
                    paper: auroc(paper),
                    deployed: auroc(paper - 0.1),
                    ..Figures::default()
                },
            },
        }
    }

    #[test]
    fn seeds_are_a_spread_and_categories_a_mean() {
        let (spec, jobs) = jobs();
        // a: seeds 0 and 1, b: seeds 0 and 1.
        let results: Vec<_> = jobs
            .iter()
            .zip([0.7, 0.9, 0.5, 0.5])
            .map(|(job, auroc)| result(job, auroc))
            .collect();
        let table = Table::new(&spec, &jobs, &results, Protocol::Paper);
        let text = table.to_markdown();
        assert!(
            text.contains("| a        | 0.800 ± 0.141 (0.900) |"),
            "{text}"
        );
        assert!(
            text.contains("| b        | 0.500 ± 0.000         |"),
            "{text}"
        );
        // By seed 0.6 and 0.7.
        assert!(
            text.contains("| mean     | 0.650 ± 0.071 (0.800) |"),
            "{text}"
        );
        let deployed = Table::new(&spec, &jobs, &results, Protocol::Deployed).to_markdown();
        assert!(deployed.contains("0.700 ± 0.141 |"), "{deployed}");
        assert!(!deployed.contains("(0.900)"), "{deployed}");
    }

    #[test]
    fn what_is_not_done_yet_is_said() {
        let (spec, jobs) = jobs();
        let results = [result(&jobs[0], 0.7)];
        let text = Table::new(&spec, &jobs, &results, Protocol::Paper).to_markdown();
        assert!(text.contains("0.700 (0.900) [1 of 2 jobs]"), "{text}");
        assert!(text.contains("| b        | – "), "{text}");
    }
}
