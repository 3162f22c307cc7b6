//! Lists the content of folders: images, folders, and files that are not read.

use std::collections::HashSet;
use std::fs::{self, FileType};
use std::io::Read;
use std::path::{Path, PathBuf};

use image::ImageFormat;

use super::links::{identity, leads_up};
use super::notes;
use crate::error::{Error, Result};

/// The endings of image files, in lower case. JPEG and BMP have several.
const ENDINGS: [&str; 10] = [
    "png", "jpg", "jpeg", "jpe", "jfif", "webp", "bmp", "dib", "tif", "tiff",
];

/// The endings of images that `daad score` and `daad report` write beside other images. They are
/// not photographs, so the next run must not score them; they are listed as not read.
const OWN_ENDINGS: [&str; 2] = [".heat.png", ".reconstruction.png"];

/// Files and folders that operating systems create beside the user's own, in lower case; others of
/// them begin with a dot. They are not reported, because the user did not put them there.
const OF_SYSTEMS: [&str; 17] = [
    "thumbs.db",
    "ehthumbs.db",
    "desktop.ini",
    "icon\r",
    "__macosx",
    "@eadir",
    "@tmp",
    "@recycle",
    "@recently-snapshot",
    "#recycle",
    "#snapshot",
    "$recycle.bin",
    "recycler",
    "lost+found",
    "system volume information",
    "network trash folder",
    "temporary items",
];

/// The maximum depth and the maximum number of folders of the search for images that are not read.
/// The search tells the user where they are.
pub(super) const SEARCH_DEPTH: usize = 6;
const SEARCHED_FOLDERS: usize = 1000;

/// The content of a folder, each part sorted by path, without the files and folders of operating
/// systems.
///
/// ```
/// use std::path::Path;
///
/// use daad::dataset::Listing;
///
/// let listing = Listing::of("www/gallery".as_ref())?;
/// assert!(listing.images.is_empty());
/// assert!(listing.folders.contains(&"www/gallery/piped".into()));
/// assert_eq!(listing.unread, [Path::new("www/gallery/gallery.json")]);
/// # Ok::<(), daad::Error>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct Listing {
    /// The image files: by their ending or, where a name has none, by their first bytes.
    pub images: Vec<PathBuf>,
    /// The folders.
    pub folders: Vec<PathBuf>,
    /// Everything else: other files, images that this program wrote, and links with a missing
    /// target.
    pub unread: Vec<PathBuf>,
}

impl Listing {
    /// Lists the content of `folder`, without its subfolders' content. A link to a folder that
    /// contains `folder` would cause an endless loop, so it is listed as not read.
    ///
    /// ```
    /// use daad::dataset::Listing;
    ///
    /// assert_eq!(Listing::of("www/gallery/piped".as_ref())?.images.len(), 14);
    /// assert!(Listing::of("missing".as_ref()).is_err());
    /// # Ok::<(), daad::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::File`] where the folder cannot be read.
    pub fn of(folder: &Path) -> Result<Self> {
        let mut listing = Self::default();
        for (path, kind) in entries(folder)? {
            let is = |kind_is: fn(&FileType) -> bool| kind.as_ref().is_some_and(kind_is);
            let part = if is(FileType::is_dir) && !leads_up(&path) {
                &mut listing.folders
            } else if is(FileType::is_file) && is_image(&path) {
                &mut listing.images
            } else {
                &mut listing.unread
            };
            part.push(path);
        }
        Ok(listing)
    }

    /// Lists the content of `folder` and of all folders below it; `folders` has all of these
    /// folders. A folder that can be reached in several ways is listed once. A link to another
    /// place in the data set `root` is listed as not read and not followed, because the place's own
    /// layout decides about its images.
    ///
    /// # Errors
    ///
    /// As [`Listing::of`].
    pub(super) fn below(folder: &Path, root: &Path) -> Result<Self> {
        Self::below_except(folder, root, &[])
    }

    /// As [`Listing::below`], but folders with one of these names, in any case, are listed as not
    /// read.
    pub(super) fn below_except(folder: &Path, root: &Path, names: &[&str]) -> Result<Self> {
        let mut all = Self::of(folder)?;
        let (own, root) = (identity(folder), identity(root));
        let mut seen = HashSet::from([own.clone()]);
        let mut open = std::mem::take(&mut all.folders);
        while let Some(folder) = open.pop() {
            let identity = identity(&folder);
            let leads_out = !identity.starts_with(&own)
                && (identity.starts_with(&root) || own.starts_with(&identity));
            if leads_out || is_named(&folder, names) {
                all.unread.push(folder);
                continue;
            }
            if !seen.insert(identity) {
                continue;
            }
            let listing = Self::of(&folder)?;
            all.images.extend(listing.images);
            all.unread.extend(listing.unread);
            all.folders.push(folder);
            open.extend(listing.folders);
        }
        all.images.sort();
        all.folders.sort();
        all.unread.sort();
        Ok(all)
    }

    /// The folder with the given name, in any case: file systems differ in whether case matters,
    /// but a folder's listed name is the same on all of them.
    pub(super) fn folder(&self, names: &[&str]) -> Option<PathBuf> {
        let mut names = names.iter();
        names.find_map(|wanted| {
            let named = |is: fn(&str, &str) -> bool| {
                let mut folders = self.folders.iter();
                folders.find(|folder| is(&name(folder), wanted))
            };
            let found = named(|a, b| a == b).or_else(|| named(str::eq_ignore_ascii_case));
            found.cloned()
        })
    }
}

/// Whether a folder has one of these names, in any case.
pub(super) fn is_named(folder: &Path, names: &[&str]) -> bool {
    let own = name(folder);
    names.iter().any(|name| own.eq_ignore_ascii_case(name))
}

/// A short text with the folders below `folder` that hold images, and the number of images in each;
/// empty if there are none. Folders that cannot be read are skipped.
///
/// ```
/// use daad::dataset::where_images_are;
///
/// assert!(where_images_are("www/gallery".as_ref()).contains("piped (14)"));
/// assert_eq!(where_images_are("www/gallery/piped".as_ref()), "");
/// ```
pub fn where_images_are(folder: &Path) -> String {
    let mut found = Vec::new();
    let mut level = vec![folder.to_owned()];
    let mut searched = 0;
    for _ in 0..SEARCH_DEPTH {
        let mut next = Vec::new();
        for inner in level {
            searched += 1;
            let Some(Ok(listing)) = (searched <= SEARCHED_FOLDERS).then(|| Listing::of(&inner))
            else {
                continue;
            };
            let place = inner.strip_prefix(folder).unwrap_or(&inner);
            if !listing.images.is_empty() && !place.as_os_str().is_empty() {
                found.push(format!("{} ({})", place.display(), listing.images.len()));
            }
            next.extend(listing.folders);
        }
        level = next;
    }
    notes::in_short(&found)
}

/// Whether there is an image in `folder` or in the folders in it, down to `depth` levels.
pub(super) fn holds_images(folder: &Path, depth: usize) -> bool {
    let listing = Listing::of(folder).unwrap_or_default();
    let mut folders = listing.folders.iter();
    !listing.images.is_empty() || (depth > 1 && folders.any(|inner| holds_images(inner, depth - 1)))
}

/// The content of `folder`, sorted, without the files of operating systems. Each path has its file
/// type, or that of its link's target; None if the target is missing.
fn entries(folder: &Path) -> Result<Vec<(PathBuf, Option<FileType>)>> {
    let failed = |error| Error::file("cannot read folder", folder, error);
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let path = entry.path();
        if !is_of_system(&name(&path)) {
            // For a path that is not a link, the listing already has the type, which saves a system
            // call for each file.
            let kind = match entry.file_type() {
                Ok(kind) if !kind.is_symlink() => Some(kind),
                _ => fs::metadata(&path).ok().map(|found| found.file_type()),
            };
            paths.push((path, kind));
        }
    }
    paths.sort_by(|(one, _), (other, _)| one.cmp(other));
    Ok(paths)
}

fn is_of_system(name: &str) -> bool {
    name.starts_with('.') || OF_SYSTEMS.contains(&name.to_lowercase().as_str())
}

fn is_image(path: &Path) -> bool {
    let name = name(path).to_ascii_lowercase();
    match path.extension() {
        Some(_) if OWN_ENDINGS.iter().any(|own| name.ends_with(own)) => false,
        Some(ending) => ENDINGS.contains(&&*ending.to_string_lossy().to_ascii_lowercase()),
        None => begins_as_image(path),
    }
}

fn begins_as_image(path: &Path) -> bool {
    let mut start = Vec::new();
    let read = fs::File::open(path).and_then(|file| file.take(16).read_to_end(&mut start));
    let format = read.ok().and_then(|_| image::guess_format(&start).ok());
    format.is_some_and(|format| {
        use ImageFormat::{Bmp, Jpeg, Png, Tiff, WebP};
        [Png, Jpeg, WebP, Bmp, Tiff].contains(&format)
    })
}

pub(super) fn name(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

/// A file's name without its ending.
pub(super) fn stem(path: &Path) -> String {
    let stem = path.file_stem().unwrap_or_default();
    stem.to_string_lossy().into_owned()
}

/// The first of `names` that is the name of a file in `root`.
pub(super) fn first_file(root: &Path, names: &[&str]) -> Option<PathBuf> {
    let files = names.iter().map(|name| root.join(name));
    files.into_iter().find(|file| file.is_file())
}

/// Sorts paths by the last number in their names, then by name: `2.jpg` before `10.jpg`.
pub(super) fn by_number(mut paths: Vec<PathBuf>) -> Vec<PathBuf> {
    paths.sort_by_cached_key(|path| (number(path), name(path)));
    paths
}

fn number(path: &Path) -> Option<u64> {
    let stem = path.file_stem()?.to_string_lossy().into_owned();
    let end = stem.rfind(|letter: char| letter.is_ascii_digit())? + 1;
    let start = stem[..end].rfind(|letter: char| !letter.is_ascii_digit());
    let start = start.map_or(0, |at| {
        at + stem[at..].chars().next().map_or(1, char::len_utf8)
    });
    stem[start..end].parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use tempfile::TempDir;

    fn names(paths: &[PathBuf]) -> Vec<String> {
        paths.iter().map(|path| name(path)).collect()
    }

    #[test]
    fn frames_are_ordered_by_number() {
        let paths = ["10.jpg", "frame_9.jpg", "é2.jpg", "x.jpg"].map(PathBuf::from);
        let ordered = names(&by_number(paths.to_vec()));
        assert_eq!(ordered, ["x.jpg", "é2.jpg", "frame_9.jpg", "10.jpg"]);
    }

    #[test]
    fn what_systems_hide_is_not_listed_and_what_is_not_read_is() {
        let root = TempDir::new().unwrap();
        let put = |name: &str, bytes: &[u8]| fs::write(root.path().join(name), bytes).unwrap();
        for file in ["a.png", "b.JPG", "c.jfif", "d.jpe", "e.gif", "f.heic"] {
            put(file, b"");
        }
        for hidden in ["._a.png", ".DS_Store", "Thumbs.db", "desktop.ini"] {
            put(hidden, b"");
        }
        for own in ["a.heat.png", "a.reconstruction.png"] {
            put(own, b"");
        }
        put("noending", b"\xFF\xD8\xFF\xE0 and so on");
        put("README", b"all about it");
        for folder in [".ipynb_checkpoints", "@eaDir", "__MACOSX", "$RECYCLE.BIN"] {
            fs::create_dir(root.path().join(folder)).unwrap();
        }
        fs::create_dir(root.path().join("Inner")).unwrap();
        let listing = Listing::of(root.path()).unwrap();
        let images = ["a.png", "b.JPG", "c.jfif", "d.jpe", "noending"];
        assert_eq!(names(&listing.images), images);
        assert_eq!(names(&listing.folders), ["Inner"]);
        let unread = [
            "README",
            "a.heat.png",
            "a.reconstruction.png",
            "e.gif",
            "f.heic",
        ];
        assert_eq!(names(&listing.unread), unread);
        assert_eq!(
            name(&listing.folder(&["other", "INNER"]).unwrap()),
            "Inner",
            "as it is written in the folder"
        );
    }
}
