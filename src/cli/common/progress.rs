//! Progress bars, shown only on a terminal.

use std::time::Instant;

use indicatif::{ProgressBar, ProgressStyle};

/// A progress bar that counts up to `count`; `what` names the things that it counts.
pub(crate) fn progress_bar(count: usize, what: &str) -> ProgressBar {
    let style = format!("{{bar:24}} {{pos}}/{{len}} {what}");
    let style = ProgressStyle::with_template(&style).expect("the template is sound");
    ProgressBar::new(count as u64).with_style(style)
}

/// The rate in images per second, measured over the last seconds and not over the whole run.
pub(crate) struct Rate {
    since: Instant,
    images: usize,
    per_sec: f64,
}

impl Rate {
    pub(crate) fn new() -> Self {
        Self {
            since: Instant::now(),
            images: 0,
            per_sec: 0.0,
        }
    }

    pub(crate) fn add(&mut self, images: usize) {
        self.images += images;
        let elapsed = self.since.elapsed().as_secs_f64();
        if elapsed >= 2.0 || self.per_sec == 0.0 {
            self.per_sec = self.images as f64 / elapsed.max(1e-9);
            self.images = 0;
            self.since = Instant::now();
        }
    }

    pub(crate) fn per_sec(&self) -> f64 {
        self.per_sec
    }
}
