//! Access to a module's parameters by name. The names are those that PyTorch gives the same layers.
//!
//! All code that reads or writes weights by name uses this module: the model file, the golden tests
//! and the gradient checks. Running statistics are included; [`is_learned`] distinguishes them from
//! learned parameters.
//!
//! ```
//! use burn::tensor::Device;
//! use daad::model::parameters;
//!
//! let file = std::fs::read("models/piped.safetensors")?;
//! let model = daad::weights::decode(&file, &Device::flex())?.model;
//! let name = "generator.memories.0.items";
//! let mut shapes = parameters::shapes(&model).into_iter();
//! let (_, shape) = shapes.find(|(it, _)| it == name).ok_or("no such parameter")?;
//! assert_eq!(shape, [300, 12 * 8 * 8]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::collections::HashMap;

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::{DType, Tensor, TensorData};

/// A visitor of every parameter and running statistic of a module, with its name.
///
/// ```
/// use burn::module::Param;
/// use burn::tensor::{Device, Tensor};
/// use daad::model::parameters::{ParameterVisitor, visit_parameters};
/// # use daad::nn::{DivisionRate, MemoryBankConfig};
///
/// /// Counts values.
/// struct Count(usize);
///
/// impl ParameterVisitor for Count {
///     fn visit<const D: usize>(&mut self, _: &str, param: &Param<Tensor<D>>) {
///         self.0 += param.lazy_shape().num_elements();
///     }
/// }
///
/// # let rate = DivisionRate::square(2);
/// # let config = MemoryBankConfig {
/// #     items: 5,
/// #     dim: 12,
/// #     rate,
/// #     temperature: 1.0,
/// #     renormalize: false,
/// # };
/// // Of 5 items with 12 values each.
/// let bank = config.init(&Device::flex());
/// let mut count = Count(0);
/// visit_parameters(&bank, &mut count);
/// assert_eq!(count.0, 5 * 12);
/// ```
pub trait ParameterVisitor {
    /// `name` is for instance `generator.encoder.stages.0.conv1.conv.weight`.
    fn visit<const D: usize>(&mut self, name: &str, param: &Param<Tensor<D>>);
}

/// Shows `visitor` every parameter of `module`, in the order of the module's fields.
///
/// ```
/// use burn::module::Param;
/// use burn::tensor::{Device, Tensor};
/// use daad::model::parameters::{ParameterVisitor, visit_parameters};
/// # use daad::nn::{DivisionRate, MemoryBankConfig};
///
/// struct Names(Vec<String>);
///
/// impl ParameterVisitor for Names {
///     fn visit<const D: usize>(&mut self, name: &str, _: &Param<Tensor<D>>) {
///         self.0.push(name.to_owned());
///     }
/// }
///
/// # let rate = DivisionRate::square(2);
/// # let config = MemoryBankConfig {
/// #     items: 5,
/// #     dim: 12,
/// #     rate,
/// #     temperature: 1.0,
/// #     renormalize: false,
/// # };
/// // Of 5 items with 12 values each.
/// let bank = config.init(&Device::flex());
/// let mut names = Names(Vec::new());
/// visit_parameters(&bank, &mut names);
/// assert_eq!(names.0, ["items"]);
/// ```
pub fn visit_parameters<M: Module, V: ParameterVisitor>(module: &M, visitor: &mut V) {
    let path = Path::default();
    module.visit(&mut Walk { path, visitor });
}

/// Replaces parameters and running statistics of a module, knowing their names.
pub(crate) trait ParameterMapper {
    /// Like [`ParameterVisitor::visit`], but returns the parameter that replaces the old one.
    fn map<const D: usize>(&mut self, name: &str, param: Param<Tensor<D>>) -> Param<Tensor<D>>;
}

/// Has `mapper` replace every parameter of `module`, in the order of the module's fields.
pub(crate) fn map_parameters<M: Module, P: ParameterMapper>(module: M, mapper: &mut P) -> M {
    let path = Path::default();
    module.map(&mut Rewrite { path, mapper })
}

/// The names and shapes of all parameters. This does not initialize a parameter.
///
/// ```
/// # use burn::tensor::Device;
/// use daad::model::parameters;
/// # use daad::nn::{DivisionRate, MemoryBankConfig};
///
/// # let rate = DivisionRate::square(2);
/// # let config = MemoryBankConfig {
/// #     items: 5,
/// #     dim: 12,
/// #     rate,
/// #     temperature: 1.0,
/// #     renormalize: false,
/// # };
/// // Of 5 items with 12 values each.
/// let bank = config.init(&Device::flex());
/// assert_eq!(parameters::shapes(&bank), [("items".to_owned(), vec![5, 12])]);
/// ```
pub fn shapes<M: Module>(module: &M) -> Vec<(String, Vec<usize>)> {
    struct Shapes(Vec<(String, Vec<usize>)>);
    impl ParameterVisitor for Shapes {
        fn visit<const D: usize>(&mut self, name: &str, param: &Param<Tensor<D>>) {
            self.0.push((name.to_owned(), param.lazy_shape().to_vec()));
        }
    }
    let mut shapes = Shapes(Vec::new());
    visit_parameters(module, &mut shapes);
    shapes.0
}

/// Initializes every parameter that otherwise would be initialized when it is first read.
///
/// ```
/// # use burn::tensor::Device;
/// use daad::model::parameters;
/// # use daad::nn::{DivisionRate, MemoryBankConfig};
///
/// # let rate = DivisionRate::square(2);
/// # let config = MemoryBankConfig {
/// #     items: 5,
/// #     dim: 12,
/// #     rate,
/// #     temperature: 1.0,
/// #     renormalize: false,
/// # };
/// // Of 5 items with 12 values each.
/// let bank = config.init(&Device::flex());
/// parameters::initialize(&bank); // its items are allocated
/// ```
pub fn initialize<M: Module>(module: &M) {
    struct Read;
    impl ParameterVisitor for Read {
        fn visit<const D: usize>(&mut self, _: &str, param: &Param<Tensor<D>>) {
            drop(param.val());
        }
    }
    visit_parameters(module, &mut Read);
}

/// Names and values (f32) of all parameters, read back from the device.
///
/// ```
/// # use burn::tensor::Device;
/// use daad::model::parameters;
/// # use daad::nn::{DivisionRate, MemoryBankConfig};
///
/// # let rate = DivisionRate::square(2);
/// # let config = MemoryBankConfig {
/// #     items: 5,
/// #     dim: 12,
/// #     rate,
/// #     temperature: 1.0,
/// #     renormalize: false,
/// # };
/// // Of 5 items with 12 values each.
/// let bank = config.init(&Device::flex());
/// let values = parameters::values(&bank);
/// assert_eq!(values[0].0, "items");
/// assert_eq!(values[0].1.as_slice::<f32>().unwrap(), [0.0; 5 * 12]);
/// ```
pub fn values<M: Module>(module: &M) -> Vec<(String, TensorData)> {
    struct Values(Vec<(String, TensorData)>);
    impl ParameterVisitor for Values {
        fn visit<const D: usize>(&mut self, name: &str, param: &Param<Tensor<D>>) {
            let data = param.val().into_data().convert_dtype(DType::F32);
            self.0.push((name.to_owned(), data));
        }
    }
    let mut values = Values(Vec::new());
    visit_parameters(module, &mut values);
    values.0
}

/// The number of learned values: running statistics are not counted.
#[cfg(test)]
pub(crate) fn learned_count<M: Module>(module: &M) -> usize {
    shapes(module)
        .iter()
        .filter(|(name, _)| is_learned(name))
        .map(|(_, shape)| shape.iter().product::<usize>())
        .sum()
}

/// Replaces every parameter by the values with its name.
///
/// ```
/// use std::collections::HashMap;
///
/// use burn::tensor::{Device, TensorData};
/// use daad::model::parameters;
/// # use daad::nn::{DivisionRate, MemoryBankConfig};
///
/// # let rate = DivisionRate::square(2);
/// # let config = MemoryBankConfig {
/// #     items: 5,
/// #     dim: 12,
/// #     rate,
/// #     temperature: 1.0,
/// #     renormalize: false,
/// # };
/// // Of 5 items with 12 values each.
/// let bank = config.init(&Device::flex());
/// let ones = TensorData::ones::<f32, _>([5, 12]);
/// let bank = parameters::load(bank, HashMap::from([("items".to_owned(), ones)]));
/// assert_eq!(parameters::values(&bank)[0].1.as_slice::<f32>().unwrap(), [1.0; 5 * 12]);
/// ```
///
/// # Panics
///
/// Where a name is missing or a shape differs: compare with [`shapes`] before.
pub fn load<M: Module>(module: M, values: HashMap<String, TensorData>) -> M {
    struct Load(HashMap<String, TensorData>);
    impl ParameterMapper for Load {
        fn map<const D: usize>(&mut self, name: &str, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
            let data = self
                .0
                .remove(name)
                .unwrap_or_else(|| panic!("no values for {name}"));
            assert_eq!(
                data.shape().to_vec(),
                param.lazy_shape().to_vec(),
                "shape of {name}: got and expected"
            );
            let tensor = Tensor::from_data(data, &param.lazy_device());
            let id = param.id;
            param.transform_for_load(tensor, id)
        }
    }
    map_parameters(module, &mut Load(values))
}

/// A copy of the module with the same values, whose learned parameters automatic differentiation
/// tracks separately. The copy shares the running statistics with `module`.
#[cfg(feature = "learn")]
pub(crate) fn separate<M: Module>(module: M) -> M {
    struct Separate;
    impl ParameterMapper for Separate {
        fn map<const D: usize>(&mut self, name: &str, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
            if !is_learned(name) {
                return param;
            }
            param.map(|value| value.detach().require_grad())
        }
    }
    map_parameters(module, &mut Separate)
}

/// Whether gradient descent changes this parameter.
///
/// ```
/// use daad::model::parameters::is_learned;
///
/// assert!(is_learned("generator.encoder.stages.0.conv1.conv.weight"));
/// assert!(!is_learned("generator.encoder.stages.0.conv1.norm.running_mean"));
/// ```
pub fn is_learned(name: &str) -> bool {
    !name.ends_with("running_mean") && !name.ends_with("running_var")
}

/// The position of a traversal in the module tree.
#[derive(Default)]
struct Path(Vec<String>);

impl Path {
    fn enter(&mut self, name: &str) {
        self.0.push(name.to_owned());
    }

    fn name(&self) -> String {
        self.0.join(".")
    }
}

struct Walk<'a, V> {
    path: Path,
    visitor: &'a mut V,
}

impl<V: ParameterVisitor> ModuleVisitor for Walk<'_, V> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        self.visitor.visit(&self.path.name(), param);
    }

    fn enter_module(&mut self, name: &str, _container: &str) {
        self.path.enter(name);
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.0.pop();
    }
}

struct Rewrite<'a, P> {
    path: Path,
    mapper: &'a mut P,
}

impl<P: ParameterMapper> ModuleMapper for Rewrite<'_, P> {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        self.mapper.map(&self.path.name(), param)
    }

    fn enter_module(&mut self, name: &str, _container: &str) {
        self.path.enter(name);
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.0.pop();
    }
}
