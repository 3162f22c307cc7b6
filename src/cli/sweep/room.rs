//! How many jobs run side by side without taking each other's memory.

use std::collections::HashMap;
use std::path::Path;

use daad::train::dataset::{DEFAULT_CACHE_BYTES, DataSet};
use daad::train::memory::{MemoryEstimate, available_bytes};
use daad::train::{DeviceChoice, adapters};

use super::spec::Job;

/// As many as asked for, or fewer where the memory of this machine, if they use it, holds no more.
/// `devices` is as `daad train` takes it.
pub(crate) fn side_by_side(
    asked: usize,
    jobs: &[Job],
    data: &Path,
    devices: &str,
) -> anyhow::Result<usize> {
    let is_here = |device: &str| match device.parse() {
        Ok(DeviceChoice::Cpu) => true,
        Ok(DeviceChoice::Auto) => !adapters().iter().any(|adapter| adapter.is_real),
        _ => false,
    };
    if asked == 1 || !devices.split(',').any(is_here) {
        return Ok(asked);
    }
    let Some(available) = available_bytes() else {
        return Ok(asked);
    };
    let devices = devices.split(',').count();
    // Several jobs have the same images.
    let mut counts = HashMap::new();
    let mut peaks = Vec::new();
    for job in jobs {
        let config = job.settings.resolve()?;
        let place = (&job.data, &job.category);
        let count = match counts.get(&place) {
            Some(&count) => count,
            None => {
                let root = job
                    .data
                    .as_ref()
                    .map_or(data.into(), |part| data.join(part));
                let categories: Vec<String> = job.category.iter().cloned().collect();
                let split = DataSet::open(&root).and_then(|set| set.select(&categories));
                // What cannot be read, the job will say.
                let count = split.map_or(0, |split| split.train.len());
                counts.insert(place, count);
                count
            }
        };
        let images = 3 * config.model.width_px * config.model.height_px * count;
        let cached_bytes = images.min(DEFAULT_CACHE_BYTES) as u64;
        peaks.push(MemoryEstimate::of(&config, devices, cached_bytes).peak_bytes);
    }
    Ok(fitting(peaks, available).clamp(1, asked))
}

/// How many fit, whichever these are.
fn fitting(mut peaks: Vec<u64>, available: u64) -> usize {
    peaks.sort_unstable_by(|one, other| other.cmp(one));
    let mut left = available;
    let fits = peaks.iter().map_while(|peak| {
        left = left.checked_sub(*peak)?;
        Some(())
    });
    fits.count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_jobs_may_meet() {
        assert_eq!(fitting(vec![1, 5, 3, 5], 20), 4);
        assert_eq!(fitting(vec![1, 5, 3, 5], 12), 2);
        assert_eq!(fitting(vec![1, 5, 3, 5], 4), 0);
        assert_eq!(fitting(Vec::new(), 4), 0);
    }
}
