//! Decodes training images in threads before the trainer asks for them.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use image::RgbImage;
use sha2::{Digest, Sha256};

use super::images::{TrainingImages, hex};
use super::{Sample, Unreadable};
use crate::error::{Error, Result};
use crate::learn::order::Draw;

/// The default size of the cache of decoded images, which are kept from epoch to epoch: 4 GiB.
pub const DEFAULT_CACHE_BYTES: usize = 4 << 30;

/// The maximum number of threads. More threads would decode images faster than training uses them,
/// and take cores from training.
const MAX_WORKERS: usize = 4;

/// The maximum number of images that are decoded before the trainer asks for them.
const AHEAD: usize = 64;

/// Training images that are stored in files.
///
/// The loader has its own threads, which decode and resize the images in the order in which the
/// trainer will ask for them. Decoded images are kept until the cache is full, so that later epochs
/// decode only the other images. Neither the threads nor the cache change the images that the
/// trainer gets.
///
/// ```
/// use daad::dataset::{DEFAULT_CACHE_BYTES, DataSet, Loader, TrainingImages, Unreadable};
/// use daad::learn::TrainConfig;
/// use daad::learn::order::draws;
///
/// let samples = DataSet::open("www/gallery/piped".as_ref())?.select(&[])?.train;
/// let loader = Loader::new(samples, (64, 48), Unreadable::Fail, DEFAULT_CACHE_BYTES);
/// let draws = draws(&TrainConfig::default(), 0, loader.count());
/// loader.expect(&draws);
/// for draw in &draws {
///     let image = loader.draw(draw)?.expect("an image that can be read");
///     assert_eq!(image.dimensions(), (64, 48));
/// }
/// # Ok::<(), daad::Error>(())
/// ```
#[derive(Debug)]
pub struct Loader {
    shared: Arc<Shared>,
    workers: Vec<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    samples: Vec<Sample>,
    width_px: usize,
    height_px: usize,
    unreadable: Unreadable,
    cache_bytes: usize,
    state: Mutex<State>,
    /// Notified when the state has changed.
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// The images that the trainer has not asked for yet, in order.
    expected: VecDeque<usize>,
    decoded: HashMap<usize, Decoded>,
    /// The images that are being decoded.
    pending: HashSet<usize>,
    /// The size of the images in the cache, in bytes.
    kept_bytes: usize,
    /// The images that cannot be read, with the reason.
    unreadable: HashMap<usize, String>,
    untold: Vec<String>,
    decodings: usize,
    is_over: bool,
}

#[derive(Debug)]
struct Decoded {
    image: Arc<RgbImage>,
    is_kept: bool,
}

impl Loader {
    /// Starts the threads, which wait until `expect` is called.
    ///
    /// ```
    /// use daad::dataset::{DEFAULT_CACHE_BYTES, Loader, Sample, TrainingImages, Unreadable};
    /// use daad::learn::TrainConfig;
    /// use daad::learn::order::draws;
    /// use daad::metric::Label;
    ///
    /// let samples = vec![Sample::of_file("missing.png".into(), "", Label::Normal)];
    /// let loader = Loader::new(samples, (64, 48), Unreadable::Skip, DEFAULT_CACHE_BYTES);
    /// let draw = draws(&TrainConfig::default(), 0, 1)[0];
    /// assert_eq!(loader.draw(&draw)?, None);
    /// assert!(loader.take_unreadable()[0].contains("missing.png"));
    /// # Ok::<(), daad::Error>(())
    /// ```
    pub fn new(
        samples: Vec<Sample>,
        (width_px, height_px): (usize, usize),
        unreadable: Unreadable,
        cache_bytes: usize,
    ) -> Self {
        let shared = Arc::new(Shared {
            samples,
            width_px,
            height_px,
            unreadable,
            cache_bytes,
            state: Mutex::default(),
            changed: Condvar::new(),
        });
        let cores = thread::available_parallelism().map_or(1, usize::from);
        let workers = (0..cores.clamp(1, MAX_WORKERS)).map(|_| {
            let shared = Arc::clone(&shared);
            thread::spawn(move || shared.work())
        });
        Self {
            workers: workers.collect(),
            shared,
        }
    }

    /// The number of decoding operations so far.
    ///
    /// ```
    /// use daad::dataset::{DataSet, Loader, TrainingImages, Unreadable};
    /// use daad::learn::TrainConfig;
    /// use daad::learn::order::draws;
    ///
    /// let samples = DataSet::open("www/gallery/piped".as_ref())?.select(&[])?.train;
    /// let cache_bytes = 10 * 64 * 48 * 3; // ten images
    /// let loader = Loader::new(samples, (64, 48), Unreadable::Fail, cache_bytes);
    /// for epoch in 0..2 {
    ///     for draw in draws(&TrainConfig::default(), epoch, 14) {
    ///         loader.draw(&draw)?;
    ///     }
    /// }
    /// assert_eq!(loader.decodings(), 14 + 4);
    /// # Ok::<(), daad::Error>(())
    /// ```
    pub fn decodings(&self) -> usize {
        self.shared.state().decodings
    }
}

impl Drop for Loader {
    fn drop(&mut self) {
        self.shared.state().is_over = true;
        self.shared.changed.notify_all();
        for worker in self.workers.drain(..) {
            let _ = worker.join();
        }
    }
}

impl TrainingImages for Loader {
    fn count(&self) -> usize {
        self.shared.samples.len()
    }

    /// A hash of the properties that identify the files without decoding them.
    fn fingerprint(&self) -> String {
        let mut hash = Sha256::new();
        hash.update(format!(
            "{}×{}",
            self.shared.width_px, self.shared.height_px
        ));
        for sample in &self.shared.samples {
            hash.update(sample.source.fingerprint());
            hash.update("\n");
        }
        hex(hash)
    }

    fn expect(&self, draws: &[Draw]) {
        let mut state = self.shared.state();
        state.expected = draws.iter().map(|draw| draw.index).collect();
        self.shared.changed.notify_all();
    }

    fn take_unreadable(&self) -> Vec<String> {
        std::mem::take(&mut self.shared.state().untold)
    }

    fn draw(&self, draw: &Draw) -> Result<Option<RgbImage>> {
        let image = self.shared.take(draw.index)?;
        Ok(image.map(|image| draw.apply(&image)))
    }
}

impl Shared {
    /// Locks the state. A poisoned lock is accepted, because a thread that panics leaves the state
    /// consistent.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&self, state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        self.changed
            .wait(state)
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// The loop of a thread: decodes the expected images until the loader is dropped.
    fn work(&self) {
        let mut state = self.state();
        while !state.is_over {
            match state.next() {
                Some(index) => state = self.decode(state, index),
                None => state = self.wait(state),
            }
        }
    }

    /// Decodes one image; the lock is released while it does so.
    fn decode<'a>(
        &'a self,
        mut state: MutexGuard<'a, State>,
        index: usize,
    ) -> MutexGuard<'a, State> {
        state.pending.insert(index);
        state.decodings += 1;
        drop(state);
        let read = self.samples[index]
            .source
            .read(self.width_px, self.height_px);
        let mut state = self.state();
        state.pending.remove(&index);
        match read {
            Ok(image) => {
                let bytes = image.as_raw().len();
                let is_kept = state.kept_bytes + bytes <= self.cache_bytes;
                state.kept_bytes += if is_kept { bytes } else { 0 };
                let image = Arc::new(image);
                state.decoded.insert(index, Decoded { image, is_kept });
            }
            Err(error) => {
                state.untold.push(error.to_string());
                state.unreadable.insert(index, error.reason());
            }
        }
        self.changed.notify_all();
        state
    }

    /// The image, from the cache if it is there. Otherwise this waits for the thread that decodes
    /// it, or decodes it in the calling thread if no other thread does.
    fn take(&self, index: usize) -> Result<Option<Arc<RgbImage>>> {
        let mut state = self.state();
        if state.expected.front() == Some(&index) {
            state.expected.pop_front();
            self.changed.notify_all();
        }
        loop {
            if let Some(reason) = state.unreadable.get(&index) {
                return match self.unreadable {
                    Unreadable::Skip => Ok(None),
                    Unreadable::Fail => Err(Error::Data(reason.clone())),
                };
            }
            if let Some(decoded) = state.decoded.get(&index) {
                let image = Arc::clone(&decoded.image);
                if !decoded.is_kept {
                    state.decoded.remove(&index);
                }
                return Ok(Some(image));
            }
            state = match state.pending.contains(&index) {
                true => self.wait(state),
                false => self.decode(state, index),
            };
        }
    }
}

impl State {
    /// The next expected image that no thread has decoded or is decoding.
    fn next(&self) -> Option<usize> {
        let ahead = self.expected.iter().take(AHEAD);
        let is_open = |index: &&usize| {
            !self.decoded.contains_key(index)
                && !self.pending.contains(index)
                && !self.unreadable.contains_key(index)
        };
        ahead.copied().find(|index| is_open(&index))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::{SyntheticImages, Texture};
    use crate::learn::TrainConfig;
    use crate::learn::order::draws;
    use crate::metric::Label;
    use tempfile::TempDir;

    const COUNT: usize = 100;

    fn files() -> (TempDir, Vec<Sample>, Vec<RgbImage>) {
        let root = TempDir::new().unwrap();
        let images = SyntheticImages::new(Texture::Cloth, 16, 1).normal(COUNT);
        let images: Vec<RgbImage> = images.into_iter().map(|labelled| labelled.image).collect();
        let samples = images.iter().enumerate().map(|(index, image)| {
            let path = root.path().join(format!("{index}.png"));
            image.save(&path).unwrap();
            Sample::of_file(path, "", Label::Normal)
        });
        let samples = samples.collect();
        (root, samples, images)
    }

    fn epoch(loader: &Loader, number: usize) -> Result<Vec<Option<RgbImage>>> {
        let draws = draws(&TrainConfig::default(), number, COUNT);
        loader.expect(&draws);
        draws.iter().map(|draw| loader.draw(draw)).collect()
    }

    #[test]
    fn images_come_as_drawn_whatever_the_cache_holds_and_a_cached_epoch_decodes_nothing() {
        let (_root, samples, images) = files();
        let image_bytes = 16 * 16 * 3;
        for (cached, decodings) in [(COUNT, COUNT), (30, 30 + 2 * 70), (0, 2 * COUNT)] {
            let cache_bytes = cached * image_bytes;
            let loader = Loader::new(samples.clone(), (16, 16), Unreadable::Fail, cache_bytes);
            for number in 0..2 {
                let draws = draws(&TrainConfig::default(), number, COUNT);
                let expected: Vec<_> = draws
                    .iter()
                    .map(|draw| Some(draw.apply(&images[draw.index])))
                    .collect();
                assert!(epoch(&loader, number).unwrap() == expected);
            }
            assert_eq!(loader.decodings(), decodings, "{cached} cached");
        }
    }

    #[test]
    fn an_unreadable_image_is_named_once_and_passed_over_or_fatal() {
        let (root, samples, _) = files();
        std::fs::write(root.path().join("7.png"), "no image").unwrap();
        let loader = Loader::new(samples.clone(), (16, 16), Unreadable::Skip, 0);
        for number in 0..2 {
            let images = epoch(&loader, number).unwrap();
            assert_eq!(images.iter().flatten().count(), COUNT - 1);
        }
        let told = loader.take_unreadable();
        assert!(told.len() == 1 && told[0].contains("7.png"), "{told:?}");
        let loader = Loader::new(samples, (16, 16), Unreadable::Fail, 0);
        let error = epoch(&loader, 0).unwrap_err().to_string();
        assert!(error.contains("7.png"), "{error}");
        assert_eq!(error.matches("cannot use this data").count(), 1, "{error}");
    }

    #[test]
    fn other_files_have_another_fingerprint() {
        let (root, samples, _) = files();
        let fingerprint = |samples: &[Sample]| {
            Loader::new(samples.to_vec(), (16, 16), Unreadable::Fail, 0).fingerprint()
        };
        let before = fingerprint(&samples);
        assert_eq!(fingerprint(&samples), before);
        assert_ne!(fingerprint(&samples[1..]), before);
        let path = root.path().join("7.png");
        let mut bytes = std::fs::read(&path).unwrap();
        // A different picture with the same name and the same length.
        let last_pixels = bytes.len() - 20;
        bytes[last_pixels] ^= 1;
        std::fs::write(&path, bytes).unwrap();
        assert_ne!(fingerprint(&samples), before);
        std::fs::write(path, "longer or shorter").unwrap();
        assert_ne!(fingerprint(&samples), before);
    }
}
