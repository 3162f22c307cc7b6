//! The page: one file that loads no other file.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::chart::Plot;
use super::compare::Group;
use super::runs::Found;
use super::sections::{self, RunPart};
use super::tables;

/// The content of the page.
pub(super) struct Page<'a> {
    pub(super) found: &'a Found,
    pub(super) parts: &'a [RunPart<'a>],
    pub(super) groups: &'a [Group],
    pub(super) compared: &'a [Plot],
}

/// The content security policy: the page loads no files and runs no scripts, even if a name from a
/// data set should contain markup.
const POLICY: &str = "default-src 'none'; img-src data:; style-src 'unsafe-inline'";

impl Page<'_> {
    pub(super) fn to_html(&self) -> String {
        let title = match self.parts {
            [part] => format!("{}: {}", part.run.label(), part.run.name),
            parts => format!("{} runs", parts.len()),
        };
        let page = html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta http-equiv="Content-Security-Policy" content=(POLICY);
                    meta name="color-scheme" content="light dark";
                    title { (title) }
                    style { (PreEscaped(include_str!("style.css"))) }
                }
                body {
                    header { h1 { (title) } (self.contents()) }
                    main {
                        @if self.parts.len() > 1 || !self.found.sweeps.is_empty() { (self.all_runs()) }
                        @for (index, part) in self.parts.iter().enumerate() {
                            (sections::run(index, part))
                        }
                    }
                    footer { p.fine {
                        "Beside this page lie metrics.csv with all figures, every plot as .svg, and "
                        "every picture as .png in full size."
                    } }
                }
            }
        };
        page.into_string()
    }

    fn contents(&self) -> Markup {
        html! {
            @if self.parts.len() > 1 {
                nav aria-label="Runs" { ol {
                    @for (index, part) in self.parts.iter().enumerate() {
                        li { a href={ "#run-" (index + 1) } { (part.run.name) } }
                    }
                } }
            }
        }
    }

    fn all_runs(&self) -> Markup {
        html! {
            section {
                h2 { "All runs" }
                @for sweep in &self.found.sweeps {
                    @if sweep.unfinished > 0 {
                        p.gap {
                            (sweep.unfinished) " jobs of the sweep in " (sweep.folder.display())
                            " were begun and are not finished, so they are not here. Jobs that "
                            "were not begun are not counted."
                        }
                    }
                }
                h3 { "Figures" }
                p.fine { "Means over each run's categories." }
                (tables::of_runs(&self.found.runs))
                @for sweep in &self.found.sweeps { @if let Some(table) = &sweep.table {
                    h3 { "Tables of the sweep in " (sweep.folder.display()) }
                    div.scroll { pre { (table.trim_end()) } }
                } }
                @if !self.compared.is_empty() {
                    h3 { "What a setting changes" }
                    (sections::plots(self.compared.iter()))
                }
                @for group in self.groups {
                    (sections::compared(group, self.parts))
                }
            }
        }
    }
}
