//! `daad score --watch`: scores each image that a camera writes into a folder.
//!
//! The folders are listed again and again: cameras write to network shares, and these send no
//! events about files that other machines write.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::Ordering;
use std::thread::sleep;
use std::time::{Duration, Instant, SystemTime};

use anyhow::Context;

use daad::dataset::{Listing, unread};
use daad::error::shown;

use super::pictures::Pictures;
use super::scorer::{Scored, Scorer};
use crate::cli::common::files::note_part;
use crate::cli::common::interrupt::{INTERRUPTED, stop_on_ctrl_c};
use crate::cli::common::output::note;

/// The time between two listings of the folders. If a listing takes long, the time is longer, so
/// that listings take at most a fifth of the time.
const LOOK: Duration = Duration::from_millis(100);

/// The number of attempts to score a file that does not change: the first after one [`LOOK`], each
/// further one after twice the time, so that the last is 3.2 s after the file's last change.
const TRIES: u32 = 6;

pub(super) fn run(
    scorer: &Scorer,
    folders: &[PathBuf],
    pictures: &mut Pictures,
    json: bool,
) -> anyhow::Result<ExitCode> {
    let stop = stop_on_ctrl_c("Stopping after this image; Ctrl-C again stops at once.")?;
    let mut watched = Watched::begin(folders)?;
    watched.announce();
    let stopped = || stop.load(Ordering::Relaxed);
    loop {
        let began = Instant::now();
        let ready = watched.look(began)?;
        let pause = LOOK.max(began.elapsed() * 4);
        pictures.forget(|path| watched.files.contains_key(path));
        for path in ready {
            if stopped() {
                break;
            }
            let Some(scored) = watched.score(scorer, &path, pictures.want_heat_maps()) else {
                continue;
            };
            scorer.print(&path, &scored, json)?;
            pictures.save(&path, &scored);
        }
        if stopped() {
            return Ok(ExitCode::from(INTERRUPTED));
        }
        sleep(pause);
    }
}

/// The properties that change if a file is written again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    bytes: u64,
    modified: Option<SystemTime>,
}

impl Stamp {
    /// None for a file that is gone.
    fn of(path: &Path) -> Option<Self> {
        let metadata = fs::metadata(path).ok()?;
        Some(Self {
            bytes: metadata.len(),
            modified: metadata.modified().ok(),
        })
    }
}

#[derive(Debug, Clone, Copy)]
struct File {
    stamp: Stamp,
    state: State,
}

#[derive(Debug, Clone, Copy)]
enum State {
    /// Not scored yet.
    Open {
        /// Counts files in the order in which they arrived.
        arrival: usize,
        unchanged_since: Instant,
        tries: u32,
    },
    /// Scored, reported as unreadable, or older than the start of the watch.
    Done,
}

impl State {
    fn open(arrival: usize, now: Instant) -> Self {
        Self::Open {
            arrival,
            unchanged_since: now,
            tries: 0,
        }
    }

    /// The file's place in the order of arrival, if an attempt is due now.
    fn due(self, now: Instant) -> Option<usize> {
        match self {
            Self::Open {
                arrival,
                unchanged_since,
                tries,
            } => (now - unchanged_since >= LOOK * (1 << tries)).then_some(arrival),
            Self::Done => None,
        }
    }

    /// Counts a failed attempt, and returns whether it was the last.
    fn fail(&mut self) -> bool {
        if let Self::Open { tries, .. } = self {
            *tries += 1;
            if *tries < TRIES {
                return false;
            }
        }
        *self = Self::Done;
        true
    }
}

/// The images in the folders, as of the last listing.
struct Watched {
    folders: Vec<PathBuf>,
    files: HashMap<PathBuf, File>,
    arrivals: usize,
}

impl Watched {
    /// Begins to watch; images that already exist are not scored.
    fn begin(folders: &[PathBuf]) -> anyhow::Result<Self> {
        let mut files = HashMap::new();
        for folder in folders {
            anyhow::ensure!(
                folder.is_dir(),
                "{} is no folder: --watch takes folders",
                shown(folder)
            );
            let found = Listing::of(folder)?;
            if let Some(sentence) = unread(&[found.folders, found.unread].concat()) {
                note(&sentence);
            }
            let state = State::Done;
            let there = found.images.into_iter();
            let there = there.filter_map(|path| Some((Stamp::of(&path)?, path)));
            files.extend(there.map(|(stamp, path)| (path, File { stamp, state })));
        }
        Ok(Self {
            folders: folders.to_owned(),
            files,
            arrivals: 0,
        })
    }

    /// Prints which folders are watched.
    fn announce(&self) {
        let folders: Vec<String> = self.folders.iter().map(|folder| shown(folder)).collect();
        let there = match self.files.len() {
            0 => String::new(),
            1 => " The image that is there already is passed over.".into(),
            count => format!(" The {count} images that are there already are passed over."),
        };
        note(&format!(
            "Watching {} for new images until Ctrl-C.{there}",
            folders.join(", ")
        ));
    }

    /// Lists the folders. Returns the images for which an attempt is due, in the order in which
    /// they arrived.
    fn look(&mut self, now: Instant) -> anyhow::Result<Vec<PathBuf>> {
        let mut found = Vec::new();
        for folder in &self.folders {
            // Not listed by `photographs`, which would look for masks: a camera writes no masks.
            let images = Listing::of(folder)?.images.into_iter();
            found.extend(images.filter_map(|path| Some((Stamp::of(&path)?, path))));
        }
        self.forget_all_but(&found);
        // Files that arrived between two listings are ordered by their modification time.
        found.sort_by(|(a, one), (b, other)| (a.modified, one).cmp(&(b.modified, other)));
        for (stamp, path) in found {
            let state = match self.files.get(&path) {
                Some(file) if file.stamp == stamp => continue,
                Some(File {
                    state: State::Open { arrival, .. },
                    ..
                }) => State::open(*arrival, now),
                _ => {
                    self.arrivals += 1;
                    State::open(self.arrivals, now)
                }
            };
            self.files.insert(path, File { stamp, state });
        }
        let mut ready: Vec<(usize, PathBuf)> = self
            .files
            .iter()
            .filter_map(|(path, file)| Some((file.state.due(now)?, path.clone())))
            .collect();
        ready.sort();
        Ok(ready.into_iter().map(|(_, path)| path).collect())
    }

    fn forget_all_but(&mut self, found: &[(Stamp, PathBuf)]) {
        let found: HashSet<&PathBuf> = found.iter().map(|(_, path)| path).collect();
        self.files.retain(|path, file| {
            let is_there = found.contains(path);
            if !is_there && matches!(file.state, State::Open { .. }) {
                note(&format!("{}: gone before it was scored", shown(path)));
            }
            is_there
        });
    }

    /// Scores a file that may be incomplete. None if the file needs another attempt, or if this was
    /// the last attempt, which is reported.
    fn score(&mut self, scorer: &Scorer, path: &Path, wants_map: bool) -> Option<Scored> {
        let file = self.files.get_mut(path)?;
        // If a file has changed or changes while it is read, the next attempt follows when it no
        // longer changes.
        let is_same = |file: &File| Stamp::of(path) == Some(file.stamp);
        if !is_same(file) {
            return None;
        }
        let bytes = fs::read(path).context("cannot read");
        if !is_same(file) {
            return None;
        }
        let scored = bytes.and_then(|bytes| {
            let scored = scorer.score(&bytes, wants_map)?;
            note_part(path, &bytes);
            Ok(scored)
        });
        match scored {
            Ok(scored) => {
                file.state = State::Done;
                Some(scored)
            }
            Err(error) => {
                if file.state.fail() {
                    note(&format!("{}: {error:#}", shown(path)));
                }
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_tried_in_the_order_of_arrival_once_they_no_longer_change() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let start = SystemTime::now();
        let write = |name: &str, bytes: &[u8], second: u64| {
            fs::write(path(name), bytes).unwrap();
            let file = fs::File::options().append(true).open(path(name)).unwrap();
            file.set_modified(start + Duration::from_secs(second))
                .unwrap();
        };
        write("there.png", b"1", 0);
        let mut watched = Watched::begin(&[folder.path().to_owned()]).unwrap();
        let mut now = Instant::now();
        let mut look = |watched: &mut Watched| {
            now += LOOK;
            watched.look(now).unwrap()
        };
        write("b.png", b"1", 1);
        write("a.png", b"1", 2);
        assert!(look(&mut watched).is_empty());
        write("early.png", b"1", 0);
        assert_eq!(look(&mut watched), [path("b.png"), path("a.png")]);
        // A file that grows is tried later, but keeps its place in the order.
        write("b.png", b"12", 3);
        assert_eq!(look(&mut watched), [path("a.png"), path("early.png")]);
        let all = ["b.png", "a.png", "early.png"].map(path);
        assert_eq!(look(&mut watched), all);
    }

    #[test]
    fn what_does_not_become_an_image_is_tried_for_some_seconds() {
        let mut now = Instant::now();
        let start = now;
        let mut state = State::open(1, now);
        let mut is_given_up = false;
        while !is_given_up {
            now += LOOK;
            is_given_up = state.due(now).is_some() && state.fail();
        }
        assert_eq!(now - start, LOOK * 32);
        assert_eq!(state.due(now + LOOK * 1000), None);
    }
}
