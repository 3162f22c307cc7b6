//! The tables of the paper as presets, each with its own file.

use super::spec::Spec;

macro_rules! presets {
    ($($name:literal),* $(,)?) => {
        /// The name and the file's text of each preset.
        pub(crate) const PRESETS: &[(&str, &str)] =
            &[$(($name, include_str!(concat!("presets/", $name, ".toml")))),*];
    };
}

presets![
    "table1-mvtec",
    "table2",
    "table3",
    "table4-block-size",
    "table5-parts",
    "fig7-memory-size",
    "table6-video",
];

/// The text of the preset with this name.
pub(crate) fn find(name: &str) -> Option<&'static str> {
    let preset = PRESETS.iter().find(|(known, _)| *known == name);
    preset.map(|(_, text)| *text)
}

/// The names and titles of all presets, one per line.
pub(crate) fn list() -> String {
    let lines = PRESETS.iter().map(|(name, text)| {
        let spec = Spec::from_toml(text).expect("presets are sound");
        format!("{name:<18} {}", spec.title)
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use daad::settings::Settings;

    #[test]
    fn every_preset_makes_jobs_and_names_the_papers_numbers_by_its_own_labels() {
        for (name, text) in PRESETS {
            let spec = Spec::from_toml(text).unwrap();
            let categories = |_: Option<&str>| {
                let first = spec.paper.values().next();
                let known = first.map(|column| column.keys().cloned().collect::<Vec<_>>());
                Ok(known.unwrap_or_else(|| vec!["bottle".into()]))
            };
            let jobs = spec.jobs(&Settings::default(), categories).unwrap();
            for (column, rows) in &spec.paper {
                for row in rows.keys() {
                    let has = jobs.iter().any(|job| {
                        job.labels[&spec.columns] == *column && job.labels[&spec.rows] == *row
                    });
                    assert!(has || row == "mean", "{name}: {column} {row}");
                }
            }
        }
    }
}
