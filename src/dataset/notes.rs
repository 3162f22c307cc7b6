//! Sentences about the unused parts of a data set, one line each.

use std::path::{Path, PathBuf};

use super::files;

/// The number of names in a sentence; the others are only counted.
const NAMED: usize = 3;

/// The first few of `names`, and how many more there are.
pub(crate) fn in_short(names: &[String]) -> String {
    let mut short = names[..names.len().min(NAMED)].join(", ");
    if names.len() > NAMED {
        short += &format!(" and {} more", names.len() - NAMED);
    }
    short
}

/// `1 image`, `2 images`.
pub(crate) fn count(count: usize, what: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {what}{plural}")
}

/// Names the files and folders that are not read, in one sentence; None if `paths` is empty.
///
/// ```
/// use daad::dataset::unread;
///
/// let sentence = unread(&["cables/list.csv".into(), "cables/notes.txt".into()]);
/// assert_eq!(sentence.as_deref(), Some("2 files are not read: list.csv, notes.txt."));
/// assert_eq!(unread(&[]), None);
/// ```
pub fn unread(paths: &[PathBuf]) -> Option<String> {
    let parent = paths.first()?.parent();
    let is_of_one_folder = paths.iter().all(|path| path.parent() == parent);
    let described = |path: &PathBuf| {
        let name = match is_of_one_folder {
            true => files::name(path),
            false => brief(path),
        };
        match what_else(path) {
            Some(what) => format!("{name} ({what})"),
            None => name,
        }
    };
    let named: Vec<String> = paths.iter().map(described).collect();
    let is = if paths.len() == 1 { "is" } else { "are" };
    let what = match paths.iter().any(|path| path.is_dir()) {
        true if paths.iter().all(|path| path.is_dir()) => count(paths.len(), "folder"),
        true => format!("{} files and folders", paths.len()),
        false => count(paths.len(), "file"),
    };
    Some(format!("{what} {is} not read: {}.", in_short(&named)))
}

/// The kind of a path that is neither a file nor a folder of its own.
fn what_else(path: &Path) -> Option<&'static str> {
    match (path.is_symlink(), path.metadata()) {
        (true, Err(_)) => Some("a link to what is not there"),
        (true, Ok(found)) if found.is_dir() => Some("a link to a folder"),
        (_, Ok(found)) if !found.is_dir() && !found.is_file() => Some("a pipe or device"),
        _ => None,
    }
}

/// The file name with its folder, which distinguishes files of the same name.
pub(crate) fn brief(path: &Path) -> String {
    let folder = path.parent().map(files::name).unwrap_or_default();
    match folder.is_empty() {
        true => files::name(path),
        false => format!("{folder}/{}", files::name(path)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_read_is_counted_and_the_first_few_are_named() {
        assert_eq!(unread(&[]), None);
        let paths = ["s/e.gif", "s/f.heic", "s/g.pgm", "s/h.avif"].map(PathBuf::from);
        assert_eq!(
            unread(&paths).unwrap(),
            "4 files are not read: e.gif, f.heic, g.pgm and 1 more."
        );
        assert_eq!(unread(&paths[..1]).unwrap(), "1 file is not read: e.gif.");
        let paths = ["s/e.gif", "t/e.gif"].map(PathBuf::from);
        assert_eq!(
            unread(&paths).unwrap(),
            "2 files are not read: s/e.gif, t/e.gif."
        );
    }
}
