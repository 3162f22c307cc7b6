//! Finds photographs that occur twice: through a link, or as a copy with the same or another name.

use std::collections::{HashMap, HashSet};
use std::io::{self, Read};
use std::path::PathBuf;

use sha2::{Digest, Sha256};

use super::images::hex;
use super::notes::{self, in_short};
use super::sample::open_file;
use super::{Sample, Source};
use crate::metric::Label;

/// These files without copies: of several files with the same bytes, only the first.
///
/// ```
/// use daad::dataset::without_copies;
///
/// let folder = tempfile::tempdir()?;
/// let [first, copy, other] = ["a.png", "b.png", "c.png"].map(|name| folder.path().join(name));
/// std::fs::write(&first, b"one image")?;
/// std::fs::write(&copy, b"one image")?;
/// std::fs::write(&other, b"another image")?;
/// assert_eq!(without_copies(vec![first.clone(), copy, other.clone()]), [first, other]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn without_copies(paths: Vec<PathBuf>) -> Vec<PathBuf> {
    let samples: Vec<Sample> = paths
        .into_iter()
        .map(|path| Sample::of_file(path, "", Label::Normal))
        .collect();
    let copies = same(&samples.iter().collect::<Vec<_>>()).into_iter();
    let copies: HashSet<usize> = copies.flat_map(|group| group.into_iter().skip(1)).collect();
    let samples = samples.into_iter().enumerate();
    samples
        .filter(|(index, _)| !copies.contains(index))
        .filter_map(|(_, sample)| match sample.source {
            Source::File(path) => Some(path),
            Source::Record { .. } => None,
        })
        .collect()
}

/// The groups of samples with identical files, as indices in ascending order. Only files of equal
/// length are compared by their first and last bytes, and only files that agree there too are
/// compared by all bytes.
fn same(samples: &[&Sample]) -> Vec<Vec<usize>> {
    let all = (0..samples.len()).collect();
    let by_length = groups(all, |index| length(samples[index]));
    let by_ends = by_length
        .into_iter()
        .flat_map(|group| groups(group, |index| samples[index].source.ends()));
    let same = by_ends.flat_map(|group| groups(group, |index| hash(samples[index])));
    same.collect()
}

/// The warnings about photographs that occur twice.
pub(super) fn notes(train: &[Sample], test: &[Sample]) -> Vec<String> {
    let samples: Vec<&Sample> = train.iter().chain(test).collect();
    let (mut tested, mut copied) = (Vec::new(), Vec::new());
    for group in same(&samples) {
        let (mut trained, others): (Vec<usize>, Vec<_>) =
            group.into_iter().partition(|&index| index < train.len());
        if !trained.is_empty() {
            tested.extend(others);
            copied.extend(trained.drain(1..));
        }
    }
    let names = |mut indices: Vec<usize>| {
        indices.sort_unstable();
        let names = indices
            .into_iter()
            .map(|index| samples[index].source.brief());
        names.collect::<Vec<_>>()
    };
    let (tested, copied) = (names(tested), names(copied));
    let is = |count| if count == 1 { "is a" } else { "are" };
    let plural = |count| if count == 1 { "" } else { "s" };
    let tested = (!tested.is_empty()).then(|| {
        format!(
            "{} {} training image{} too, which makes the figures too good: {}.",
            notes::count(tested.len(), "test image"),
            is(tested.len()),
            plural(tested.len()),
            in_short(&tested)
        )
    });
    let copied = (!copied.is_empty()).then(|| {
        format!(
            "{} of the {} good images {} cop{} of others, which makes the threshold too low where \
             one of them is held out: {}.",
            copied.len(),
            train.len(),
            is(copied.len()),
            if copied.len() == 1 { "y" } else { "ies" },
            in_short(&copied)
        )
    });
    [tested, copied].into_iter().flatten().collect()
}

/// The groups of at least two indices with the same key, each in ascending order. Indices without a
/// key are left out.
fn groups<Key: Eq + std::hash::Hash>(
    indices: Vec<usize>,
    key: impl Fn(usize) -> Option<Key>,
) -> Vec<Vec<usize>> {
    let mut groups: HashMap<Key, Vec<usize>> = HashMap::new();
    for index in indices {
        if let Some(key) = key(index) {
            groups.entry(key).or_default().push(index);
        }
    }
    groups
        .into_values()
        .filter(|group| group.len() > 1)
        .collect()
}

/// The length of the sample's file. None if the file is empty, or if it holds many images and needs
/// no comparison.
fn length(sample: &Sample) -> Option<u64> {
    let Source::File(path) = &sample.source else {
        return None;
    };
    let found = path.metadata().ok()?;
    (found.is_file() && found.len() > 0).then_some(found.len())
}

fn hash(sample: &Sample) -> Option<String> {
    let Source::File(path) = &sample.source else {
        return None;
    };
    let read = || -> io::Result<String> {
        let mut file = open_file(path)?;
        let mut hash = Sha256::new();
        let mut bytes = vec![0; 1 << 16];
        loop {
            match file.read(&mut bytes)? {
                0 => return Ok(hex(hash)),
                count => hash.update(&bytes[..count]),
            }
        }
    };
    read().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use tempfile::TempDir;

    #[test]
    fn copies_are_counted_and_named_by_their_bytes() {
        let root = TempDir::new().unwrap();
        let sample = |name: &str, bytes: &[u8]| {
            let path = root.path().join(name);
            std::fs::write(&path, bytes).unwrap();
            Sample::of_file(path, "", Label::Normal)
        };
        // Files of the same length with the same first and last bytes.
        let large = |middle: u8| [vec![7; 50_000], vec![middle], vec![7; 50_000]].concat();
        let train = [
            sample("a.png", b"one"),
            sample("b.png", b"two"),
            sample("c.png", &large(1)),
            sample("d.png", b"one"),
            sample("e.png", b""),
        ];
        let test = [
            sample("f.png", b"six"),
            sample("g.png", &large(2)),
            sample("h.png", b""),
        ];
        let found = notes(&train, &test);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].starts_with("1 of the 5 good images is a copy of others"));
        assert!(found[0].ends_with("/d.png."), "{found:?}");
        let test = [
            sample("f.png", b"two"),
            sample("g.png", &large(1)),
            sample("h.png", b"two"),
        ];
        let found = notes(&train[..3], &test);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(
            found[0].starts_with("3 test images are training images too"),
            "{found:?}"
        );
    }
}
