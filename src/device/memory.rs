//! How much memory a run will take, before it takes it.

use sysinfo::{MemoryRefreshKind, Pid, Process, ProcessRefreshKind, ProcessesToUpdate, System};

use crate::error::{Error, Result};
use crate::learn::TrainConfig;
use crate::model::ModelConfig;

const VALUE_BYTES: u64 = 4;

/// The program itself, its threads' buffers, and what the allocator cannot give back.
const PROGRAM_BYTES: u64 = 48 << 20;

/// A parameter, its gradient and Adam's two moments.
const COPIES: u64 = 4;

/// How many maps as large as the first scale's the backward pass needs. Encoder, memory and decoder
/// of a scale keep about nine of its own, each scale has half the values of the one before, and the
/// two blocks and gradients at full size are six more.
const MAPS: u64 = 9 * 2 + 6;

/// What a run will take, all of it approximate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MemoryEstimate {
    /// At its worst moment.
    pub peak_bytes: u64,
    /// The largest single tensor.
    pub largest_tensor_bytes: u64,
}

impl MemoryEstimate {
    /// Of a run on so many `images`, of which it keeps `cached_bytes` decoded.
    pub fn of(config: &TrainConfig, images: usize, cached_bytes: u64) -> Self {
        let model = &config.model;
        let batch = config.batch_size.min(images) as u64;
        let parameters = model.parameter_count() as u64;
        let values = COPIES * parameters + batch * (MAPS * largest_map(model) + addressing(model));
        Self {
            peak_bytes: PROGRAM_BYTES + VALUE_BYTES * values + cached_bytes,
            largest_tensor_bytes: VALUE_BYTES
                * (batch * largest_map(model)).max(largest_parameter(model)),
        }
    }

    /// What to tell the user where that is more than this machine has left.
    pub fn warning(&self, available_bytes: u64) -> Option<String> {
        (self.peak_bytes > available_bytes).then(|| {
            format!(
                "warning: this run may take about {}, and {} are available; where it fails, lower \
                 batch-size (accumulate makes up for it), width or size.",
                in_words(self.peak_bytes),
                in_words(available_bytes)
            )
        })
    }

    /// Compares with the largest buffer that a device takes.
    ///
    /// # Errors
    ///
    /// [`Error::Memory`] where a tensor is larger.
    pub fn check_buffer(&self, limit_bytes: u64) -> Result<()> {
        if self.largest_tensor_bytes <= limit_bytes {
            return Ok(());
        }
        Err(Error::Memory(format!(
            "the largest tensor of this run has {}, and this device takes {} at most in one \
             piece; lower batch-size (accumulate makes up for it), width or items, or use \
             --device cpu",
            in_words(self.largest_tensor_bytes),
            in_words(limit_bytes)
        )))
    }
}

/// The memory that a program can still have here: what the system has left, or less where this
/// process is in a group with a limit. None where the system does not say.
pub fn available_bytes() -> Option<u64> {
    let mut system = System::new();
    system.refresh_memory_specifics(MemoryRefreshKind::nothing().with_ram());
    let process = Pid::from_u32(std::process::id());
    let this = ProcessesToUpdate::Some(&[process]);
    system.refresh_processes_specifics(this, false, ProcessRefreshKind::nothing());
    // In a container the process's own group may be unknown, and the root's is the one.
    let own = system.process(process).and_then(Process::cgroup_limits);
    let limits = own.or_else(|| system.cgroup_limits());
    // What the group uses beyond this is the cache of its files, and given up when needed.
    let left = limits.map(|limits| limits.total_memory.saturating_sub(limits.rss));
    let available = system.available_memory();
    let available = left.map_or(available, |left| available.min(left));
    (available > 0).then_some(available)
}

/// What a device said that failed, as an error that says what to do where memory was short.
pub fn device_error(said: &str) -> Error {
    const WORDS: [&str; 5] = [
        "out of memory",
        "out-of-memory",
        "out of device memory",
        "outofmemory",
        "buffertoobig",
    ];
    let lower = said.to_lowercase();
    match WORDS.iter().any(|word| lower.contains(word)) {
        true => Error::Memory(
            "the device has none left for this run; lower batch-size (accumulate makes up for \
             it), width or size, or use --device cpu"
                .into(),
        ),
        false => Error::Device(said.to_owned()),
    }
}

/// As people write it: `about 3.4 GiB` without the about.
pub fn in_words(bytes: u64) -> String {
    const MIB: f64 = (1 << 20) as f64;
    let mib = bytes as f64 / MIB;
    match mib < 1000.0 {
        true => format!("{mib:.0} MiB"),
        false => format!("{:.1} GiB", mib / 1024.0),
    }
}

/// Values of all addressing weights on their way from similarities, for one image.
fn addressing(model: &ModelConfig) -> u64 {
    let scales = (0..model.scales).filter(|&scale| model.has_memory(scale));
    let queries: usize = scales
        .map(|scale| model.division_rate(scale).blocks())
        .sum();
    4 * (queries * model.memory.items) as u64
}

/// Values of a memory bank.
fn bank(model: &ModelConfig, scale: usize) -> u64 {
    if !model.has_memory(scale) {
        return 0;
    }
    let map: usize = model.map_shape(scale).iter().product();
    (model.memory.items * (map / model.division_rate(scale).blocks())) as u64
}

/// Values of the largest map, for one image: the first and last scale have the most.
fn largest_map(model: &ModelConfig) -> u64 {
    (model.base_width.max(3) * model.height_px * model.width_px) as u64
}

/// Values of the largest learned tensor.
fn largest_parameter(model: &ModelConfig) -> u64 {
    let banks = (0..model.scales).map(|scale| bank(model, scale));
    let deepest = model.base_width << model.scales;
    let judge = model.adversarial.map_or(0, |config| {
        let last = config.base_width << (model.discriminator_stages() - 1);
        last * (last / 2).max(config.features) * 4 * 4
    });
    let convolutions = [deepest * deepest * 3 * 3, judge].map(|values| values as u64);
    banks.chain(convolutions).max().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_lowered_when_memory_is_short_lowers_the_estimate() {
        let large = TrainConfig {
            batch_size: 16,
            ..TrainConfig::default()
        };
        let peak =
            |config: &TrainConfig, images| MemoryEstimate::of(config, images, 40 << 20).peak_bytes;
        let mut small = [large.clone(), large.clone(), large.clone()];
        small[0].batch_size = 8;
        small[1].model.base_width = 32;
        small[2].model.height_px = 128;
        small[2].model.width_px = 128;
        for config in &small {
            assert!(peak(config, 100) < 3 * peak(&large, 100) / 4, "{config:?}");
        }
        // No batch has more images than there are.
        assert_eq!(peak(&large, 8), peak(&small[0], 8));
    }

    #[test]
    fn what_does_not_fit_is_said_with_what_would_help() {
        let estimate = MemoryEstimate::of(&TrainConfig::default(), 100, 40 << 20);
        assert_eq!(estimate.warning(estimate.peak_bytes), None);
        let warning = estimate.warning(1 << 30).unwrap();
        for words in ["GiB, and 1.0 GiB are available", "accumulate"] {
            assert!(warning.contains(words), "{warning}");
        }
        estimate.check_buffer(1 << 30).unwrap();
        let error = estimate.check_buffer(100 << 20).unwrap_err().to_string();
        assert!(error.contains("in one piece"), "{error}");
    }

    #[test]
    fn a_device_without_memory_is_told_from_one_that_fails() {
        for said in [
            "OutOfMemory { size: 5, backtrace: None }",
            "wgpu error: Out of Memory",
            "out of device memory allocating 9 bytes",
        ] {
            assert!(matches!(device_error(said), Error::Memory(_)), "{said}");
        }
        assert!(matches!(device_error("device lost"), Error::Device(_)));
    }

    #[test]
    fn this_machine_has_some_memory() {
        let available = available_bytes().unwrap();
        assert!(available > 1 << 24, "{available}");
    }
}
