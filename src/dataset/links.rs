//! The targets of links. A link inside a data set would give its images a second label.

use std::fs;
use std::path::{Path, PathBuf};

/// The path of the target, after all links are followed.
pub(super) fn identity(path: &Path) -> PathBuf {
    fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}

/// Whether `path` is a link to a folder that contains the link.
pub(super) fn leads_up(path: &Path) -> bool {
    let parent = path.parent().filter(|_| path.is_symlink());
    parent.is_some_and(|parent| identity(parent).starts_with(identity(path)))
}

/// Whether `path` is a link to a place in one of `folders`; folders that are links themselves do
/// not count.
pub(super) fn leads_into(path: &Path, folders: &[&PathBuf]) -> bool {
    let mut folders = folders.iter().filter(|folder| !folder.is_symlink());
    path.is_symlink() && folders.any(|folder| identity(path).starts_with(identity(folder)))
}

/// Whether `path` is a link to a place in `root`, the folder of the data set.
pub(super) fn stays_within(path: &Path, root: &Path) -> bool {
    path.is_symlink() && identity(path).starts_with(identity(root))
}

#[cfg(all(test, unix))]
mod tests {
    use std::collections::HashSet;
    use std::os::unix::fs::symlink;

    use super::*;
    use crate::dataset::files::{Listing, name};
    use tempfile::TempDir;

    fn names(paths: &[PathBuf]) -> Vec<String> {
        paths.iter().map(|path| name(path)).collect()
    }

    #[test]
    fn a_link_to_nothing_is_named_and_a_circle_of_links_ends() {
        let root = TempDir::new().unwrap();
        let inner = root.path().join("inner");
        fs::create_dir(&inner).unwrap();
        fs::write(inner.join("a.png"), b"").unwrap();
        symlink("nowhere.png", root.path().join("b.png")).unwrap();
        symlink("..", inner.join("up")).unwrap();
        let listing = Listing::below(root.path(), root.path()).unwrap();
        assert_eq!(names(&listing.images), ["a.png"]);
        assert_eq!(names(&listing.unread), ["b.png", "up"]);
    }

    #[test]
    fn a_link_to_another_folder_of_the_data_set_is_not_followed_and_one_to_elsewhere_is() {
        let (root, elsewhere) = (TempDir::new().unwrap(), TempDir::new().unwrap());
        for folder in ["hole/inner", "cut"] {
            fs::create_dir_all(root.path().join(folder)).unwrap();
        }
        for image in ["hole/0.png", "hole/inner/1.png", "cut/2.png"] {
            fs::write(root.path().join(image), b"").unwrap();
        }
        fs::write(elsewhere.path().join("3.png"), b"").unwrap();
        let hole = root.path().join("hole");
        symlink("../cut", hole.join("aside")).unwrap();
        symlink("..", hole.join("up")).unwrap();
        symlink("inner", hole.join("again")).unwrap();
        symlink(elsewhere.path(), hole.join("disk")).unwrap();
        let listing = Listing::below(&hole, root.path()).unwrap();
        let images: HashSet<String> = names(&listing.images).into_iter().collect();
        assert_eq!(
            images,
            HashSet::from(["0.png", "1.png", "3.png"].map(String::from))
        );
        assert_eq!(listing.images.len(), 3);
        assert_eq!(names(&listing.unread), ["aside", "up"]);
    }
}
