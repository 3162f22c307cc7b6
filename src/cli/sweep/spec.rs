//! The specification of a sweep: what it varies, and the resulting jobs.

use std::collections::BTreeMap;

use anyhow::{Context, bail, ensure};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use toml::{Table, Value};

use daad::settings::Settings;

/// The keys of a variant or an axis that are not settings of the training run.
const NAME: &str = "name";
const DATA: &str = "data";
const CATEGORY: &str = "category";

/// The name of the axis whose values are the variants.
pub(crate) const VARIANT: &str = "variant";

/// The name of the axis of seeds. A table shows mean and deviation over the seeds, not a row for
/// each.
pub(crate) const SEED: &str = "seed";

/// The value of the category axis that stands for all categories of the data set.
const EACH: &str = "each";

/// The content of a sweep's file.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Spec {
    /// The title of the table.
    pub(crate) title: String,
    /// The axis of the table's rows.
    pub(crate) rows: String,
    /// The axis of the table's columns.
    pub(crate) columns: String,
    /// Whether the table has a last row with the means of the columns.
    pub(crate) mean: bool,
    /// The settings of all jobs; a job ignores those that have no effect on it.
    base: Table,
    /// The axes with their values: settings, or the category. There is a job for every combination;
    /// `category = "each"` stands for every category of the data set.
    grid: Table,
    /// The variants, each combined with the whole grid: a name, settings, and the folder of the
    /// variant's data inside the sweep's data folder.
    #[serde(rename = "variant")]
    variants: Vec<Table>,
    /// The paper's numbers by column and row; `mean` is the row of the means.
    pub(crate) paper: BTreeMap<String, BTreeMap<String, f64>>,
}

/// One training run.
#[derive(Debug, Clone)]
pub(crate) struct Job {
    /// The position of the job in the sweep, counted from 1.
    pub(crate) index: usize,
    /// The name of the job, for people.
    pub(crate) name: String,
    /// The job's value on every axis.
    pub(crate) labels: BTreeMap<String, String>,
    /// The folder of the job's data inside the sweep's data folder.
    pub(crate) data: Option<String>,
    /// The category to train on, if there is exactly one.
    pub(crate) category: Option<String>,
    /// All settings of the job that differ from the paper's.
    pub(crate) settings: Settings,
}

impl Spec {
    /// Reads a sweep's file.
    pub(crate) fn from_toml(text: &str) -> anyhow::Result<Self> {
        let spec: Self = toml::from_str(text).map_err(|error| {
            let line = error
                .span()
                .map(|span| text[..span.start].matches('\n').count() + 1);
            let place = line.map_or(String::new(), |line| format!("line {line}: "));
            anyhow::anyhow!("{place}{}", error.message())
        })?;
        ensure!(
            !spec.grid.is_empty() || !spec.variants.is_empty(),
            "a sweep needs a [grid] or [[variant]]s"
        );
        Ok(spec)
    }

    /// Adds an axis, or replaces the values of an existing axis.
    pub(crate) fn vary(&mut self, axis: &str, values: Vec<Value>) {
        self.grid.insert(axis.to_owned(), Value::Array(values));
        // If the file does not define rows and columns, the table shows the settings that vary.
        // Categories and seeds are averaged, unless nothing else varies.
        let place = match (self.rows.as_str(), self.columns.as_str()) {
            _ if axis == SEED || axis == self.rows => return,
            ("", _) => &mut self.rows,
            (CATEGORY, "") => {
                self.columns = std::mem::take(&mut self.rows);
                &mut self.rows
            }
            (_, "") => &mut self.columns,
            _ => return,
        };
        axis.clone_into(place);
    }

    /// Keeps some of the variants.
    pub(crate) fn keep_variants(&mut self, names: &[String]) -> anyhow::Result<()> {
        if names.is_empty() {
            return Ok(());
        }
        let known: Vec<&str> = self.variants.iter().filter_map(name).collect();
        if let Some(unknown) = names.iter().find(|name| !known.contains(&name.as_str())) {
            bail!(
                "there is no variant {unknown}; there are: {}",
                known.join(", ")
            );
        }
        let chosen = |variant: &Table| {
            name(variant).is_some_and(|name| names.iter().any(|wanted| wanted == name))
        };
        self.variants.retain(chosen);
        Ok(())
    }

    /// All jobs in order. `overrides` replace settings of the base; `categories` lists the
    /// categories of a data folder.
    pub(crate) fn jobs(
        &self,
        overrides: &Settings,
        categories: impl Fn(Option<&str>) -> anyhow::Result<Vec<String>>,
    ) -> anyhow::Result<Vec<Job>> {
        let base = overrides.over(&settings(&self.base).context("[base]")?);
        let nothing = [Table::new()];
        let variants: &[Table] = match self.variants.is_empty() {
            true => &nothing,
            false => &self.variants,
        };
        let mut jobs = Vec::new();
        for variant in variants {
            let data = match variant.get(DATA) {
                Some(Value::String(folder)) => Some(folder.as_str()),
                Some(_) => bail!("the data of a [[variant]] is the name of a folder"),
                None => None,
            };
            for point in self.points(|| categories(data))? {
                jobs.push(job(variant, point, &base, overrides, jobs.len() + 1)?);
            }
        }
        for axis in [&self.rows, &self.columns] {
            ensure!(
                axis.is_empty() || jobs.iter().all(|job| job.labels.contains_key(axis)),
                "the table is to show {axis}, which neither [grid] nor every [[variant]] sets"
            );
        }
        Ok(jobs)
    }

    /// The combinations of the grid; the last axis varies fastest.
    fn points(
        &self,
        categories: impl Fn() -> anyhow::Result<Vec<String>>,
    ) -> anyhow::Result<Vec<Table>> {
        let mut points = vec![Table::new()];
        for (axis, values) in &self.grid {
            let values = match values {
                Value::Array(values) if !values.is_empty() => values.clone(),
                Value::String(each) if axis == CATEGORY && each == EACH => {
                    categories()?.into_iter().map(Value::String).collect()
                }
                _ => bail!("[grid] {axis} must be a list of values"),
            };
            let twice = (1..values.len()).find(|&at| values[..at].contains(&values[at]));
            if let Some(at) = twice {
                bail!("{axis} is to be {} twice", label(&values[at]));
            }
            let extended = points.iter().flat_map(|point| {
                values.iter().map(move |value| {
                    let mut point = point.clone();
                    point.insert(axis.clone(), value.clone());
                    point
                })
            });
            points = extended.collect();
        }
        Ok(points)
    }
}

fn job(
    variant: &Table,
    point: Table,
    base: &Settings,
    overrides: &Settings,
    index: usize,
) -> anyhow::Result<Job> {
    let values = point.iter().map(|(axis, value)| match axis.as_str() {
        CATEGORY => label(value),
        axis => format!("{axis} {}", label(value)),
    });
    let job_name: Vec<String> = name(variant)
        .map(str::to_owned)
        .into_iter()
        .chain(values)
        .collect();
    let mut keys = variant.clone();
    keys.extend(point);
    let mut labels: BTreeMap<String, String> = keys
        .iter()
        .filter(|(key, _)| ![NAME, DATA].contains(&key.as_str()))
        .map(|(key, value)| (key.clone(), label(value)))
        .collect();
    let mut take = |key: &str| keys.remove(key).map(|value| label(&value));
    let (variant, data, category) = (take(NAME), take(DATA), take(CATEGORY));
    labels.insert(
        VARIANT.to_owned(),
        variant.unwrap_or_else(|| "AUROC".into()),
    );
    let chosen = settings(&keys)?;
    let said = overrides.keys();
    if let Some(key) = chosen.keys().iter().find(|key| said.contains(key)) {
        bail!("{key} is what this sweep varies; say --vary {key}=… instead of --{key}");
    }
    let full = chosen.over(base);
    let settings = full.without_idle();
    if chosen.over(&settings) != settings {
        full.check_effect()?;
    }
    settings.resolve()?;
    Ok(Job {
        index,
        name: job_name.join(", "),
        labels,
        data,
        category: category.filter(|category| !category.is_empty()),
        settings,
    })
}

impl Job {
    /// An identifier of the training run, independent of the job's position in the sweep.
    pub(crate) fn identity(&self) -> String {
        let mut hash = Sha256::new();
        for part in [&self.data, &self.category] {
            hash.update(part.as_deref().unwrap_or_default());
            hash.update([0]);
        }
        hash.update(self.settings.to_toml());
        let hash = hash.finalize();
        hash[..6].iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

fn settings(table: &Table) -> anyhow::Result<Settings> {
    Ok(Settings::from_toml(&table.to_string())?)
}

fn name(variant: &Table) -> Option<&str> {
    variant.get(NAME).and_then(Value::as_str)
}

/// A value as text for a heading of the table.
fn label(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        value => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn jobs(text: &str, flags: &str) -> anyhow::Result<Vec<Job>> {
        let spec = Spec::from_toml(text)?;
        let flags = Settings::from_toml(flags).unwrap();
        spec.jobs(&flags, |_| Ok(vec!["bottle".into(), "screw".into()]))
    }

    const SYSTEMS: &str = "rows = 'category'\ncolumns = 'variant'\n\
        [base]\nitems = 9\n\
        [grid]\ncategory = 'each'\nseed = [0, 1]\n\
        [[variant]]\nname = 'AE'\nsystem = 'ae'\n\
        [[variant]]\nname = 'DAAD'\ndivision = 4";

    #[test]
    fn a_grid_and_variants_multiply() {
        let jobs = jobs(SYSTEMS, "width = 2").unwrap();
        assert_eq!(jobs.len(), 8);
        assert_eq!(jobs[0].name, "AE, bottle, seed 0");
        assert_eq!(jobs[7].labels["category"], "screw");
        assert_eq!(jobs[7].settings.width, Some(2));
        let indices: Vec<usize> = jobs.iter().map(|job| job.index).collect();
        assert_eq!(indices, (1..=8).collect::<Vec<_>>());
        let mut identities: Vec<String> = jobs.iter().map(Job::identity).collect();
        identities.sort_unstable();
        identities.dedup();
        assert_eq!(identities.len(), 8);
    }

    #[test]
    fn the_base_goes_only_where_it_has_an_effect() {
        let jobs = jobs(SYSTEMS, "").unwrap();
        assert_eq!(
            (jobs[0].settings.items, jobs[7].settings.items),
            (None, Some(9))
        );
    }

    #[test]
    fn a_table_that_nobody_laid_out_shows_what_varies() {
        let mut spec = Spec::default();
        for axis in ["seed", "category", "division"] {
            spec.vary(axis, vec![Value::Integer(1)]);
        }
        assert_eq!(
            (spec.rows.as_str(), spec.columns.as_str()),
            ("division", "category")
        );
        let mut one = Spec::default();
        one.vary("items", vec![Value::Integer(1)]);
        assert_eq!((one.rows.as_str(), one.columns.as_str()), ("items", ""));
    }

    #[test]
    fn what_cannot_be_meant_is_named() {
        let message = |text: &str, flags: &str| format!("{:#}", jobs(text, flags).unwrap_err());
        assert!(message("[grid]\nitem = [1]", "").contains("unknown field `item`"));
        assert!(message("[grid]\nitems = 1", "").contains("items must be a list"));
        assert!(message("gird = 1", "").contains("line 1: unknown field `gird`"));
        assert!(message("title = ''\ngird = 1", "").contains("line 2: unknown field `gird`"));
        assert!(message("title = ''", "").contains("needs a [grid]"));
        let idle = "[base]\nsystem = 'ae'\n[grid]\ndivision = [4]";
        assert!(message(idle, "").contains("division has no effect"));
        assert!(message("[grid]\nitems = [1]", "items = 2").contains("--vary items="));
        let axis = "rows = 'scales'\n[grid]\nitems = [1]";
        assert!(message(axis, "").contains("to show scales"));
        assert!(message("[grid]\nwidth = [0]", "").contains("base_width is 0"));
    }
}
