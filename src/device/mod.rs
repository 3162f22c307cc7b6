//! Chooses the device to compute on, for native programs.
//!
//! ```
//! use daad::device::DeviceChoice;
//!
//! # fn main() -> daad::Result<()> {
//! let device = DeviceChoice::Cpu.resolve()?;
//! println!("computing on {}", device.name);
//! # Ok(())
//! # }
//! ```

mod memory;

pub use memory::in_words;
pub(crate) use memory::{MemoryEstimate, available_bytes, device_error};

use std::fmt;
use std::str::FromStr;

use burn::tensor::Device;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// The user's choice of a device: `auto`, `cpu`, `gpu`, `gpu:N`, `cuda` or `cuda:N`.
///
/// ```
/// use daad::device::DeviceChoice;
///
/// assert_eq!("gpu:1".parse(), Ok(DeviceChoice::Gpu(1)));
/// assert_eq!(DeviceChoice::Gpu(1).to_string(), "gpu:1");
/// let error = "tpu".parse::<DeviceChoice>().unwrap_err();
/// assert!(error.contains("use auto, cpu, gpu, gpu:N, cuda or cuda:N"), "{error}");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum DeviceChoice {
    /// The first real GPU if there is one, otherwise the CPU.
    #[default]
    Auto,
    /// Burn's CPU back end.
    Cpu,
    /// The N-th of [`adapters`].
    Gpu(usize),
    /// The N-th NVIDIA GPU through CUDA, if this build supports CUDA.
    Cuda(usize),
}

impl FromStr for DeviceChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (kind, index) = text.split_once(':').unwrap_or((text, "0"));
        let choice = match (kind, index.parse()) {
            ("auto", _) if kind == text => Some(Self::Auto),
            ("cpu", _) if kind == text => Some(Self::Cpu),
            ("gpu", Ok(index)) => Some(Self::Gpu(index)),
            ("cuda", Ok(index)) => Some(Self::Cuda(index)),
            _ => None,
        };
        choice.ok_or_else(|| {
            format!("`{text}` is not a device; use auto, cpu, gpu, gpu:N, cuda or cuda:N")
        })
    }
}

/// Writes the choice in the form in which it is parsed.
impl fmt::Display for DeviceChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Cpu => f.write_str("cpu"),
            Self::Gpu(index) => write!(f, "gpu:{index}"),
            Self::Cuda(index) => write!(f, "cuda:{index}"),
        }
    }
}

/// A device with its name and properties.
///
/// ```
/// use daad::device::DeviceChoice;
///
/// let device = DeviceChoice::Cpu.resolve()?;
/// assert!(device.to_string().starts_with("CPU"));
/// assert!(!device.is_to_be_checked);
/// assert_eq!(device.max_tensor_bytes, None);
/// # Ok::<(), daad::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct NamedDevice {
    /// The device for tensors.
    pub device: Device,
    /// The name of the device, for people.
    pub name: String,
    /// Whether the device must be compared with the CPU before it is used.
    pub is_to_be_checked: bool,
    /// The largest tensor that the device supports, in bytes; None if this is unknown.
    pub max_tensor_bytes: Option<u64>,
}

impl fmt::Display for NamedDevice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

/// A graphics adapter.
///
/// ```
/// use daad::device::adapters;
///
/// // The best GPU is the first that is hardware.
/// match adapters().into_iter().find(|adapter| adapter.is_real) {
///     Some(gpu) => println!("{}", gpu.name),
///     None => println!("there is no GPU"),
/// }
/// ```
#[derive(Debug, Clone)]
pub struct Adapter {
    /// The device for tensors on this adapter.
    pub device: Device,
    /// The name that the driver reports.
    pub name: String,
    /// Whether the adapter is hardware; a software adapter is much slower than the CPU back end.
    pub is_real: bool,
    /// The limits and features of the adapter.
    pub limits: AdapterLimits,
}

/// The properties of an adapter that limit which networks it can compute.
///
/// ```
/// use daad::device::{adapters, in_words};
///
/// for adapter in adapters() {
///     let largest = in_words(adapter.limits.max_binding_bytes);
///     println!("{}: a tensor may have {largest}", adapter.name);
/// }
/// ```
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct AdapterLimits {
    /// The graphics interface through which the adapter is used.
    pub interface: String,
    /// The name that the driver reports for itself.
    pub driver: String,
    /// The largest buffer, in bytes.
    pub max_buffer_bytes: u64,
    /// The largest part of a buffer that one kernel can access, in bytes; this limits a tensor's
    /// size.
    pub max_binding_bytes: u64,
    /// The maximum number of threads in a workgroup.
    pub max_workgroup_threads: u32,
    /// Whether kernels may use half-precision numbers.
    pub half_precision: bool,
    /// Whether threads of a subgroup can read each other's registers.
    pub subgroups: bool,
}

impl DeviceChoice {
    /// Finds the device.
    ///
    /// ```
    /// use daad::device::DeviceChoice;
    ///
    /// assert_eq!(DeviceChoice::Cpu.resolve()?.max_tensor_bytes, None);
    /// let error = DeviceChoice::Gpu(99).resolve().unwrap_err().to_string();
    /// assert!(error.contains("there is no GPU 99"), "{error}");
    /// # Ok::<(), daad::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Device`] where there is no such GPU.
    pub fn resolve(&self) -> Result<NamedDevice> {
        let cpu = || NamedDevice {
            device: Device::flex(),
            name: format!("CPU, {} threads", rayon::current_num_threads()),
            is_to_be_checked: false,
            max_tensor_bytes: None,
        };
        let named = |adapter: &Adapter| NamedDevice {
            name: format!("GPU, {}", adapter.name),
            max_tensor_bytes: Some(adapter.limits.max_binding_bytes),
            device: adapter.device.clone(),
            is_to_be_checked: true,
        };
        match self {
            Self::Cpu => Ok(cpu()),
            Self::Cuda(index) => cuda(*index),
            Self::Auto => {
                let real = adapters().iter().find(|adapter| adapter.is_real);
                Ok(real.map_or_else(cpu, named))
            }
            Self::Gpu(index) => adapters()
                .get(*index)
                .map(named)
                .ok_or_else(|| Error::Device(format!("there is no GPU {index}; use --device cpu"))),
        }
    }
}

#[cfg(feature = "cuda")]
fn cuda(index: usize) -> Result<NamedDevice> {
    Ok(NamedDevice {
        device: Device::cuda(index),
        name: format!("GPU {index}, through CUDA"),
        is_to_be_checked: true,
        max_tensor_bytes: None,
    })
}

#[cfg(not(feature = "cuda"))]
fn cuda(_: usize) -> Result<NamedDevice> {
    Err(Error::Device(
        "this build cannot use CUDA; build it with --features cuda, or use --device gpu".into(),
    ))
}

/// The adapters that this build can compute on, the real ones first.
///
/// ```
/// use daad::device::adapters;
///
/// for (index, adapter) in adapters().iter().enumerate() {
///     println!("gpu:{index} is {}", adapter.name);
/// }
/// assert!(adapters().is_sorted_by_key(|adapter| !adapter.is_real));
/// ```
#[cfg(feature = "webgpu")]
pub fn adapters() -> &'static [Adapter] {
    use burn::tensor::wgpu::wgpu::Instance;
    use std::sync::OnceLock;

    static FOUND: OnceLock<(Instance, Vec<Adapter>)> = OnceLock::new();
    let (_instance, adapters) = FOUND.get_or_init(find_adapters);
    adapters
}

/// The adapters, and the instance that they come from. The instance must not be dropped: Vulkan's
/// loader crashes if several threads create and drop instances.
#[cfg(feature = "webgpu")]
fn find_adapters() -> (burn::tensor::wgpu::wgpu::Instance, Vec<Adapter>) {
    use burn::tensor::DeviceKind;
    use burn::tensor::wgpu::wgpu;

    let backends = wgpu::Backends::VULKAN | wgpu::Backends::METAL | wgpu::Backends::DX12;
    let instance = wgpu::Instance::new(wgpu::InstanceDescriptor {
        backends,
        ..wgpu::InstanceDescriptor::new_without_display_handle()
    });
    let found = pollster::block_on(instance.enumerate_adapters(backends));
    // Burn counts the adapters of each kind from zero.
    let (mut discrete, mut integrated, mut virtual_, mut software) = (0, 0, 0, 0);
    let next = |counter: &mut usize| {
        *counter += 1;
        *counter - 1
    };
    let mut adapters: Vec<Adapter> = found
        .into_iter()
        .filter_map(|adapter| {
            let info = adapter.get_info();
            let kind = match info.device_type {
                wgpu::DeviceType::DiscreteGpu => DeviceKind::DiscreteGpu(next(&mut discrete)),
                wgpu::DeviceType::IntegratedGpu => DeviceKind::IntegratedGpu(next(&mut integrated)),
                wgpu::DeviceType::VirtualGpu => DeviceKind::VirtualGpu(next(&mut virtual_)),
                wgpu::DeviceType::Cpu if next(&mut software) == 0 => DeviceKind::Cpu,
                _ => return None,
            };
            Some(Adapter {
                is_real: kind != DeviceKind::Cpu,
                device: Device::wgpu(kind),
                limits: limits(&adapter, &info),
                name: info.name,
            })
        })
        .collect();
    adapters.sort_by_key(|adapter| !adapter.is_real);
    (instance, adapters)
}

#[cfg(feature = "webgpu")]
fn limits(
    adapter: &burn::tensor::wgpu::wgpu::Adapter,
    info: &burn::tensor::wgpu::wgpu::AdapterInfo,
) -> AdapterLimits {
    use burn::tensor::wgpu::wgpu::Features;

    let (limits, features) = (adapter.limits(), adapter.features());
    AdapterLimits {
        interface: info.backend.to_string(),
        driver: format!("{} {}", info.driver, info.driver_info)
            .trim()
            .to_owned(),
        max_buffer_bytes: limits.max_buffer_size,
        max_binding_bytes: limits.max_storage_buffer_binding_size,
        max_workgroup_threads: limits.max_compute_invocations_per_workgroup,
        half_precision: features.contains(Features::SHADER_F16),
        subgroups: features.contains(Features::SUBGROUP),
    }
}

/// An empty list, because this build has no GPU back end.
#[cfg(not(feature = "webgpu"))]
pub fn adapters() -> &'static [Adapter] {
    &[]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_are_parsed_and_a_wrong_one_is_explained() {
        assert_eq!("auto".parse(), Ok(DeviceChoice::Auto));
        assert_eq!("gpu:1".parse(), Ok(DeviceChoice::Gpu(1)));
        assert_eq!("cuda".parse(), Ok(DeviceChoice::Cuda(0)));
        for wrong in ["tpu", "cpu:1", "gpu:x", ""] {
            let error = wrong.parse::<DeviceChoice>().unwrap_err();
            assert!(error.contains("use auto, cpu, gpu"), "{error}");
        }
    }

    #[test]
    fn the_cpu_is_always_there() {
        let device = DeviceChoice::Cpu.resolve().unwrap();
        assert!(device.to_string().starts_with("CPU"));
    }
}
