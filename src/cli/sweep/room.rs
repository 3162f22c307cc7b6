//! How many jobs run side by side without taking each other's memory.

use daad::train::memory::{MemoryEstimate, available_bytes};
use daad::train::{DeviceChoice, adapters};

use super::spec::Job;

/// As many as asked for, or fewer where the memory of this machine, if they use it, holds no more.
pub(crate) fn side_by_side(asked: usize, jobs: &[Job], device: &str) -> anyhow::Result<usize> {
    let is_here = match device.parse() {
        Ok(DeviceChoice::Cpu) => true,
        Ok(DeviceChoice::Auto) => !adapters().iter().any(|adapter| adapter.is_real),
        _ => false,
    };
    let (true, Some(available)) = (is_here && asked > 1, available_bytes()) else {
        return Ok(asked);
    };
    let peak = |job: &Job| Ok(MemoryEstimate::of(&job.settings.resolve()?, 1, 0).peak_bytes);
    let peaks: Vec<u64> = jobs.iter().map(peak).collect::<anyhow::Result<_>>()?;
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
