//! The images of a data set, divided into training and test images.

use std::collections::BTreeSet;
use std::path::PathBuf;

use super::files::{SEARCH_DEPTH, holds_images};
use super::{Sample, copies, notes, parts};
use crate::error::{Error, Result};
use crate::metric::Label;

/// The images to train on and those to test with.
///
/// ```
/// use daad::dataset::DataSet;
/// use daad::metric::Label;
///
/// let split = DataSet::open("www/gallery/piped".as_ref())?.select(&[])?;
/// assert!(split.train.iter().all(|sample| sample.label == Label::Normal));
/// assert!(split.test.is_empty());
/// # Ok::<(), daad::Error>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct Split {
    /// Normal images only.
    pub train: Vec<Sample>,
    /// Normal and anomalous images.
    pub test: Vec<Sample>,
    /// Whether the layout has a place for masks of anomalous images.
    pub(super) expects_masks: bool,
    /// The anomalous test images that have no mask because the names of other images differ from
    /// theirs only in case or ending.
    pub(super) sharing: Vec<Sample>,
    /// Files and folders that are not read, each with the category in whose folder they are; the
    /// category is empty for those of the whole data set.
    pub(super) unread: Vec<(String, PathBuf)>,
}

impl Split {
    /// Describes the data that is not used, one sentence for each kind: files that are not read,
    /// anomalous test images without a mask, training images of which only a part is read, and
    /// copies.
    ///
    /// ```
    /// use daad::dataset::DataSet;
    /// use image::RgbImage;
    ///
    /// let folder = tempfile::tempdir()?;
    /// RgbImage::new(8, 8).save(folder.path().join("000.png"))?;
    /// std::fs::write(folder.path().join("readme.txt"), "Taken in May")?;
    /// let split = DataSet::open(folder.path())?.select(&[])?;
    /// assert_eq!(split.notes(), ["1 file is not read: readme.txt."]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn notes(&self) -> Vec<String> {
        let unread: Vec<PathBuf> = self.unread.iter().map(|(_, path)| path.clone()).collect();
        let notes = [
            notes::unread(&unread),
            self.without_normal(),
            self.sharing_masks(),
            self.without_mask(),
            parts::note(&self.train),
        ];
        let mut notes: Vec<String> = notes.into_iter().flatten().collect();
        notes.extend(copies::notes(&self.train, &self.test));
        notes
    }

    fn without_mask(&self) -> Option<String> {
        let anomalous = self
            .test
            .iter()
            .filter(|sample| sample.label == Label::Anomalous);
        let total = anomalous.clone().count();
        let bare = anomalous.filter(|sample| sample.masks.is_empty());
        let names: Vec<String> = bare.map(|sample| sample.source.brief()).collect();
        (self.expects_masks && !names.is_empty()).then(|| {
            format!(
                "{} of {} anomalous test images have no mask and are left out of pixel AUROC and \
                 AUPRO: {}.",
                names.len(),
                total,
                notes::in_short(&names)
            )
        })
    }

    fn sharing_masks(&self) -> Option<String> {
        let sharing = self.sharing.iter();
        let names: Vec<String> = sharing.map(|sample| sample.source.brief()).collect();
        (!names.is_empty()).then(|| {
            format!(
                "By their names, several images would share a mask, so these have none: {}.",
                notes::in_short(&names)
            )
        })
    }

    /// A warning if all test images count as anomalous because no folder has a name for normal
    /// images.
    fn without_normal(&self) -> Option<String> {
        let kinds: BTreeSet<&str> = self.test.iter().map(|sample| &*sample.kind).collect();
        let kinds: Vec<String> = kinds.into_iter().map(str::to_owned).collect();
        let mut test = self.test.iter();
        let is_missing = self.expects_masks
            && !kinds.is_empty()
            && test.all(|sample| sample.label == Label::Anomalous && !sample.kind.is_empty());
        is_missing.then(|| {
            format!(
                "All test images count as anomalous, for no folder of them is called good, ok or \
                 normal: {}.",
                notes::in_short(&kinds)
            )
        })
    }

    /// Records files and folders that are not read.
    pub(super) fn pass_over(&mut self, category: &str, paths: impl IntoIterator<Item = PathBuf>) {
        let paths = paths.into_iter();
        self.unread
            .extend(paths.map(|path| (category.to_owned(), path)));
    }

    /// Records those folders that hold images; they are not read.
    pub(super) fn pass_over_folders(
        &mut self,
        category: &str,
        folders: impl IntoIterator<Item = PathBuf>,
    ) {
        let folders = folders.into_iter();
        let with_images = folders.filter(|folder| holds_images(folder, SEARCH_DEPTH));
        self.pass_over(category, with_images);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.train.is_empty() && self.test.is_empty()
    }

    /// The categories' names, in order.
    pub(super) fn categories(&self) -> Vec<String> {
        let all = self.train.iter().chain(&self.test);
        let names: BTreeSet<&String> = all.map(|sample| &sample.category).collect();
        names.into_iter().cloned().collect()
    }

    /// The samples of the given categories, or of all categories if `categories` is empty.
    pub(super) fn of_categories(mut self, categories: &[String]) -> Result<Self> {
        if categories.is_empty() {
            return Ok(self);
        }
        self.check(categories)?;
        let chosen = |sample: &Sample| categories.contains(&sample.category);
        self.train.retain(chosen);
        self.test.retain(chosen);
        self.sharing.retain(chosen);
        self.unread
            .retain(|(category, _)| category.is_empty() || categories.contains(category));
        Ok(self)
    }

    /// The split for one class against all others: the training images of that class, and all test
    /// images, of which those of every other class are anomalous.
    pub(super) fn one_class(mut self, categories: &[String]) -> Result<Self> {
        self.check(categories)?;
        let [class] = categories else {
            let known = self.categories().join(", ");
            return Err(Error::Data(format!(
                "one class is normal and all others are not: name it with --category; there are: \
                 {known}"
            )));
        };
        self.train.retain(|sample| sample.category == *class);
        for sample in &mut self.test {
            if sample.category != *class {
                sample.label = Label::Anomalous;
            }
            sample.category.clone_from(class);
        }
        Ok(self)
    }

    fn check(&self, categories: &[String]) -> Result<()> {
        let known = self.categories();
        match categories.iter().find(|name| !known.contains(name)) {
            None => Ok(()),
            Some(unknown) if known.iter().all(String::is_empty) => Err(Error::Data(format!(
                "there is no category {unknown}: the data is not divided into categories"
            ))),
            Some(unknown) => Err(Error::Data(format!(
                "there is no category {unknown}; there are: {}",
                known.join(", ")
            ))),
        }
    }
}
