//! How much memory a run will take, before it takes it.
//!
//! Counted are the values that the CPU's kernels keep: the weights with Adam's moments all the time,
//! and by turns the maps that the backward pass of the generator needs, those of the discriminator,
//! the gradients, and the copies that a checkpoint is made of. Burn's own operations on GPUs keep
//! somewhat more.

use sysinfo::{MemoryRefreshKind, Pid, Process, ProcessRefreshKind, ProcessesToUpdate, System};

use super::config::TrainConfig;
use crate::error::{Error, Result};
use crate::model::ModelConfig;

const VALUE_BYTES: u64 = 4;

/// The program itself, its threads' buffers, and what the allocator cannot give back.
const PROGRAM_BYTES: u64 = 48 << 20;

/// What a run will take, all of it approximate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MemoryEstimate {
    /// At its worst moment.
    pub peak_bytes: u64,
    /// The largest single tensor.
    pub largest_tensor_bytes: u64,
}

impl MemoryEstimate {
    /// Of a run that holds `cached_bytes` of decoded images.
    pub fn of(config: &TrainConfig, cached_bytes: u64) -> Self {
        let model = &config.model;
        let batch = config.batch_size as u64;
        let values = model.parameter_count() as u64;
        let (generator, discriminator) = (generator_maps(model), discriminator_maps(model));
        let image = 3 * (model.height_px * model.width_px) as u64;
        // The gradient of the largest map while all maps are there, as it comes and as it goes.
        let rising = 2 * largest_map(model);
        let backward = batch * (generator + discriminator + rising) + banks(model);
        // It sees what is real and what is rebuilt.
        let judging = batch * (2 * discriminator + 3 * image) + values;
        let accumulated = if config.accumulate > 1 { values } else { 0 };
        // What a checkpoint holds, read from the device, and again as a file's bytes; some of
        // what training gave back is not reused.
        let keeps_best = config.validation.is_some_and(|it| it.keep_best);
        let best = if keeps_best { values } else { 0 };
        let checkpoint = 13 * values / 2 + 2 * best;
        let moment = [
            backward + accumulated,
            judging + accumulated,
            2 * values,
            checkpoint,
        ];
        let moment = moment.into_iter().max().unwrap_or_default();
        let always = 3 * values + best + batch * image;
        Self {
            peak_bytes: PROGRAM_BYTES + VALUE_BYTES * (always + moment) + cached_bytes,
            largest_tensor_bytes: VALUE_BYTES
                * (batch * largest_map(model)).max(largest_parameter(model)),
        }
    }

    /// Compares with what this machine has left.
    ///
    /// # Errors
    ///
    /// [`Error::Memory`] where it is less.
    pub fn check(&self, available_bytes: u64) -> Result<()> {
        if self.peak_bytes <= available_bytes {
            return Ok(());
        }
        Err(Error::Memory(format!(
            "this run would take about {}, and {} are available; lower batch-size (accumulate \
             makes up for it), width or size, or try nevertheless with --ignore-memory",
            in_words(self.peak_bytes),
            in_words(available_bytes)
        )))
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

/// Values of the maps that the generator's backward pass needs, for one image.
fn generator_maps(model: &ModelConfig) -> u64 {
    let pixels = (model.height_px * model.width_px) as u64;
    // A convolution's output, and that normalized: twice two blocks.
    let blocks = |channels: usize, pixels: u64| 4 * channels as u64 * pixels;
    let mut values = 2 * 3 * pixels + blocks(model.base_width, pixels);
    for scale in 0..model.scales {
        let [channels, height, width] = model.map_shape(scale);
        let (fine, coarse) = (pixels >> (2 * scale), (height * width) as u64);
        let map = channels as u64 * coarse;
        values += blocks(channels, fine) + map;
        values += model.decoder_input(scale) as u64 * coarse + blocks(2 * channels, coarse);
        values += channels as u64 * fine;
        if model.has_memory(scale) {
            let queries = model.division_rate(scale).blocks() as u64;
            // Queries, their squares, the normalized ones, what is read; the steps to the weights.
            values += 4 * map + 4 * queries * model.memory.items as u64;
        }
    }
    values
}

/// Values of the maps that the discriminator's backward pass needs, for one image.
fn discriminator_maps(model: &ModelConfig) -> u64 {
    let Some(config) = model.adversarial else {
        return 0;
    };
    let pixels = (model.height_px * model.width_px) as u64;
    let stage = |stage: usize| {
        let map = (config.base_width << stage) as u64 * (pixels >> (2 * (stage + 1)));
        if stage == 0 { map } else { 2 * map }
    };
    (0..model.discriminator_stages()).map(stage).sum()
}

/// Values of memory banks as they are compared: normalized, turned, and their gradients.
fn banks(model: &ModelConfig) -> u64 {
    3 * (0..model.scales)
        .map(|scale| bank(model, scale))
        .sum::<u64>()
}

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
        // In small batches a checkpoint takes the most, whatever their size.
        let large = TrainConfig {
            batch_size: 16,
            ..TrainConfig::default()
        };
        let peak = |config: &TrainConfig| MemoryEstimate::of(config, 40 << 20).peak_bytes;
        let mut small = [large.clone(), large.clone(), large.clone()];
        small[0].batch_size = 8;
        small[1].model.base_width = 32;
        small[2].model.height_px = 128;
        small[2].model.width_px = 128;
        for config in &small {
            assert!(peak(config) < 3 * peak(&large) / 4, "{config:?}");
        }
    }

    #[test]
    fn what_does_not_fit_is_said_with_what_would_help() {
        let estimate = MemoryEstimate::of(&TrainConfig::default(), 40 << 20);
        estimate.check(estimate.peak_bytes).unwrap();
        let error = estimate.check(1 << 30).unwrap_err().to_string();
        for words in [
            "GiB, and 1.0 GiB are available",
            "accumulate",
            "--ignore-memory",
        ] {
            assert!(error.contains(words), "{error}");
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
