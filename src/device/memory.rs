//! Estimates how much memory a training run needs before it starts.

use sysinfo::{MemoryRefreshKind, Pid, Process, ProcessRefreshKind, ProcessesToUpdate, System};

use crate::error::{Error, Result};
use crate::learn::TrainConfig;
use crate::model::ModelConfig;

const VALUE_BYTES: u64 = 4;

/// The memory of the program itself, its threads' buffers, and what the allocator cannot release.
const PROGRAM_BYTES: u64 = 48 << 20;

/// The number of tensors per parameter: the parameter, its gradient and Adam's two moments.
const COPIES: u64 = 4;

/// The number of tensors per parameter that lie in one buffer of a GPU: the parameter and Adam's
/// two moments.
const STATE: u64 = 3;

/// The number of maps that the backward pass keeps, in units of a map of the first scale. Encoder,
/// memory and decoder keep about nine maps per scale, and a map has half as many values as one of
/// the scale before, which gives 9 · 2. The two blocks at full size and their gradients are six
/// more.
const MAPS: u64 = 9 * 2 + 6;

/// The estimated memory of a training run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct MemoryEstimate {
    /// The peak memory of the run, in bytes.
    pub(crate) peak_bytes: u64,
    /// The size of the largest single tensor, in bytes.
    pub(crate) largest_tensor_bytes: u64,
}

impl MemoryEstimate {
    /// The estimate for a run on `images` images that keeps `cached_bytes` of decoded images.
    pub(crate) fn of(config: &TrainConfig, images: usize, cached_bytes: u64) -> Self {
        let model = &config.model;
        let batch = config.batch_size.min(images) as u64;
        let parameters = model.parameter_count() as u64;
        let values = COPIES * parameters + batch * (MAPS * largest_map(model) + addressing(model));
        Self {
            peak_bytes: PROGRAM_BYTES + VALUE_BYTES * values + cached_bytes,
            largest_tensor_bytes: VALUE_BYTES
                * (batch * largest_map(model).max(largest_addressing(model)))
                    .max(STATE * largest_parameter(model)),
        }
    }

    /// A warning for the user if the run needs more memory than `available_bytes`.
    pub(crate) fn warning(&self, available_bytes: u64) -> Option<String> {
        (self.peak_bytes > available_bytes).then(|| {
            format!(
                "warning: this run may take about {}, and {} are available; where it fails, lower \
                 batch-size (accumulate makes up for it), width or size.",
                in_words(self.peak_bytes),
                in_words(available_bytes)
            )
        })
    }

    /// Compares the largest tensor with the largest buffer of a device.
    ///
    /// # Errors
    ///
    /// [`Error::Memory`] where the tensor is larger than `limit_bytes`.
    pub(crate) fn check_buffer(&self, limit_bytes: u64) -> Result<()> {
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

/// The memory that this process can still allocate: the system's free memory, or less if the
/// process is in a control group with a limit. None if the system does not provide the number.
pub(crate) fn available_bytes() -> Option<u64> {
    let mut system = System::new();
    system.refresh_memory_specifics(MemoryRefreshKind::nothing().with_ram());
    let process = Pid::from_u32(std::process::id());
    let this = ProcessesToUpdate::Some(&[process]);
    system.refresh_processes_specifics(this, false, ProcessRefreshKind::nothing());
    // In a container the process's own group may be unknown; the root group is used then.
    let own = system.process(process).and_then(Process::cgroup_limits);
    let limits = own.or_else(|| system.cgroup_limits());
    // Only `rss` counts: the group's remaining memory is file cache, which the system can release.
    let left = limits.map(|limits| limits.total_memory.saturating_sub(limits.rss));
    let available = system.available_memory();
    let available = left.map_or(available, |left| available.min(left));
    (available > 0).then_some(available)
}

/// Makes an error from the message of a failed device. If memory was too small, the error says what
/// to do.
pub(crate) fn device_error(said: &str) -> Error {
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

/// A number of bytes as text for people, for instance `3.4 GiB`.
///
/// ```
/// use daad::device::in_words;
///
/// assert_eq!(in_words(300 << 20), "300 MiB");
/// assert_eq!(in_words(3_650_722_201), "3.4 GiB");
/// ```
pub fn in_words(bytes: u64) -> String {
    const MIB: f64 = (1 << 20) as f64;
    let mib = bytes as f64 / MIB;
    match mib < 1000.0 {
        true => format!("{mib:.0} MiB"),
        false => format!("{:.1} GiB", mib / 1024.0),
    }
}

/// The number of values that the computation of all addressing weights keeps, for one image.
fn addressing(model: &ModelConfig) -> u64 {
    let scales = (0..model.scales).filter(|&scale| model.has_memory(scale));
    let queries: usize = scales
        .map(|scale| model.division_rate(scale).blocks())
        .sum();
    4 * (queries * model.memory.items) as u64
}

/// The number of values of a memory bank.
fn bank(model: &ModelConfig, scale: usize) -> u64 {
    if !model.has_memory(scale) {
        return 0;
    }
    let map: usize = model.map_shape(scale).iter().product();
    (model.memory.items * (map / model.division_rate(scale).blocks())) as u64
}

/// The number of values of the largest map, for one image.
fn largest_map(model: &ModelConfig) -> u64 {
    let pixels = model.height_px * model.width_px;
    let generator = model.base_width.max(3) * pixels;
    // The discriminator's first convolution halves both sides.
    let discriminator = model
        .adversarial
        .map_or(0, |config| config.base_width * pixels / 4);
    generator.max(discriminator) as u64
}

/// The number of values of the largest matrix of addressing weights, for one image.
fn largest_addressing(model: &ModelConfig) -> u64 {
    let scales = (0..model.scales).filter(|&scale| model.has_memory(scale));
    let queries = scales.map(|scale| model.division_rate(scale).blocks());
    (queries.max().unwrap_or_default() * model.memory.items) as u64
}

/// The number of values of the largest learned tensor.
fn largest_parameter(model: &ModelConfig) -> u64 {
    let banks = (0..model.scales).map(|scale| bank(model, scale));
    let deepest = model.base_width << model.scales;
    let discriminator = model.adversarial.map_or(0, |config| {
        let last = config.base_width << (model.discriminator_stages() - 1);
        last * (last / 2).max(config.features) * 4 * 4
    });
    let convolutions = [deepest * deepest * 3 * 3, discriminator].map(|values| values as u64);
    banks.chain(convolutions).max().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Division;

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
        // A batch cannot have more images than the data set.
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
        // A memory of pixels has a weight for each pixel and item.
        let mut small = TrainConfig::default();
        (small.model.base_width, small.model.adversarial) = (16, None);
        let largest =
            |config: &TrainConfig| MemoryEstimate::of(config, 100, 40 << 20).largest_tensor_bytes;
        let of_blocks = largest(&small);
        small.model.memory.division = Division::PixelWise;
        assert!(largest(&small) > 2 * of_blocks);
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
