//! Exports a model file as an ONNX graph that contains everything needed for scoring: networks,
//! memories, scores and their calibration.
//!
//! The graph has the same operations as [`crate::detector::Inference`]. There too, batch
//! normalizations are merged into the convolutions before them.

use std::collections::HashMap;

use burn::tensor::{Device, TensorData};
use prost::Message;

use super::graph::{Graph, Value, float, int, ints};
use super::protobuf::{ModelProto, OperatorSetIdProto, StringStringEntryProto};
use crate::error::{Error, Result};
use crate::image::Mirror;
use crate::kernel::Window;
use crate::model::decoder::UP;
use crate::model::discriminator::{DOWN, LEAKY_SLOPE, WHOLE};
use crate::model::{ModelConfig, parameters};
use crate::nn::ConvBlockConfig;
use crate::nn::memory::{MIN_NORM, cut};
use crate::score::{Range, gaussian};
use crate::weights::{Decoded, ModelCard, decode};

/// The version of the file format, that of ONNX 1.13.
const IR_VERSION: i64 = 8;

/// The version of the operators, that of ONNX 1.13.
const OPSET: i64 = 18;

/// The most bytes that a protobuf message may have.
const MAX_BYTES: usize = i32::MAX as usize;

/// Describes, for readers of the file, how an image is converted to the graph's input.
const PREPARATION: &str = "decode to 8-bit RGB, turn upright by the EXIF orientation, lay what is \
                           transparent on white, resize to input_height and input_width (the aspect \
                           ratio is not kept) with an antialiased linear (triangle) filter, then \
                           value / 127.5 - 1";

/// Converts a model file to an ONNX file of opset 18, weights in f32.
///
/// Input: `image`, `[B, 3, H, W]` in [−1, 1] with H and W of the model. Outputs, all f32:
/// `reconstruction` `[B, 3, H, W]`, not clamped; `error_map` `[B, H, W]`; `reconstruction_score`
/// (R), `alignment_score` (L, only where the model scores with it) and `anomaly_score` (A of
/// Eq. 7), each `[B]`. Threshold and preparation of the input are in the metadata.
///
/// ```
/// use daad::exchange::to_onnx;
///
/// let onnx = to_onnx(&std::fs::read("models/series/floors-r32.safetensors")?)?;
/// let folder = tempfile::tempdir()?;
/// std::fs::write(folder.path().join("model.onnx"), &onnx)?;
/// assert!(matches!(to_onnx(b"no model"), Err(daad::Error::Model(_))));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// [`Error::Model`] saying what is wrong with the file, or that the ONNX file would exceed the 2
/// GiB that its format allows.
pub fn to_onnx(bytes: &[u8]) -> Result<Vec<u8>> {
    let Decoded { model, card } = decode(bytes, &Device::flex())?;
    let weights = parameters::values(&model.folded()).into_iter().collect();
    let proto = model_proto(weights, &card);
    let size = proto.encoded_len();
    if size > MAX_BYTES {
        return Err(Error::Model(format!(
            "as ONNX it would have {size} bytes, more than the 2 GiB that the format allows"
        )));
    }
    Ok(proto.encode_to_vec())
}

fn model_proto(weights: HashMap<String, TensorData>, card: &ModelCard) -> ModelProto {
    let mut export = Export {
        graph: Graph::new("daad"),
        weights,
        card,
        config: &card.config,
    };
    export.score();
    let metadata = metadata(card).into_iter();
    let metadata = metadata.map(|(key, value)| StringStringEntryProto {
        key: key.to_owned(),
        value,
    });
    ModelProto {
        ir_version: IR_VERSION,
        producer_name: "daad".to_owned(),
        producer_version: env!("CARGO_PKG_VERSION").to_owned(),
        graph: Some(export.graph.finish()),
        opset_import: vec![OperatorSetIdProto {
            domain: String::new(),
            version: OPSET,
        }],
        metadata_props: metadata.collect(),
    }
}

/// The metadata: values that a user of the graph needs in addition to its outputs.
fn metadata(card: &ModelCard) -> Vec<(&'static str, String)> {
    let (config, calibration, origin) = (&card.config, &card.calibration, &card.provenance);
    let mut entries = vec![
        ("system", config.system_name()),
        ("threshold", calibration.threshold.to_string()),
        ("false_alarm_rate", calibration.false_alarm_rate.to_string()),
        ("input_height", config.height_px.to_string()),
        ("input_width", config.width_px.to_string()),
        ("value_range", "[-1, 1]".to_owned()),
        ("colour_order", "RGB".to_owned()),
        ("preparation", PREPARATION.to_owned()),
    ];
    let origin = [
        ("data", &origin.data),
        ("licence", &origin.licence),
        ("attribution", &origin.attribution),
    ];
    let known = origin.into_iter().filter(|(_, text)| !text.is_empty());
    entries.extend(known.map(|(key, text)| (key, text.clone())));
    entries
}

/// A graph under construction, with the model that is exported.
struct Export<'a> {
    graph: Graph,
    /// The weights of the folded model, by name.
    weights: HashMap<String, TensorData>,
    card: &'a ModelCard,
    config: &'a ModelConfig,
}

/// The results for a batch of images, before calibration.
struct Prediction {
    /// `[B, 3, H, W]`.
    reconstruction: Value,
    /// `[B, H, W]`.
    error_map: Value,
    /// R, `[B]`.
    reconstruction_score: Value,
    /// L, `[B]`.
    alignment_score: Option<Value>,
}

impl Export<'_> {
    /// Adds everything from the input to the outputs.
    fn score(&mut self) {
        let (height, width) = (self.config.height_px, self.config.width_px);
        let image = self.graph.input("image", &[3, height, width]);
        let prediction = self.predict_mirrored(&image);
        let score = self.anomaly_score(&prediction);
        let mut output = |name, value: &Value, dims: &[usize]| self.graph.output(name, value, dims);
        let Prediction {
            reconstruction,
            error_map,
            reconstruction_score,
            alignment_score,
        } = prediction;
        output("reconstruction", &reconstruction, &[3, height, width]);
        output("error_map", &error_map, &[height, width]);
        output("reconstruction_score", &reconstruction_score, &[]);
        if let Some(alignment) = alignment_score {
            output("alignment_score", &alignment, &[]);
        }
        output("anomaly_score", &score, &[]);
    }

    /// The means over the image and those mirror images that the scoring asks for.
    fn predict_mirrored(&mut self, image: &Value) -> Prediction {
        let mut predictions = vec![self.predict(image)];
        for mirror in self.card.scoring.flips.mirrors() {
            let mirrored = self.mirror(image, mirror);
            let mut prediction = self.predict(&mirrored);
            prediction.error_map = self.mirror(&prediction.error_map, mirror);
            predictions.push(prediction);
        }
        let error_maps = predictions.iter().map(|each| &each.error_map).collect();
        let error_map = self.mean(error_maps);
        let scores = predictions.iter().map(|each| &each.reconstruction_score);
        let reconstruction_score = self.mean(scores.collect());
        let scores: Option<Vec<&Value>> = predictions
            .iter()
            .map(|each| each.alignment_score.as_ref())
            .collect();
        let alignment_score = scores.map(|scores| self.mean(scores));
        Prediction {
            reconstruction: predictions.swap_remove(0).reconstruction,
            error_map,
            reconstruction_score,
            alignment_score,
        }
    }

    fn mean(&mut self, values: Vec<&Value>) -> Value {
        if let [value] = values[..] {
            return value.clone();
        }
        let sum = self.graph.node("Sum", &values, Vec::new());
        self.graph.with_number("Div", &sum, values.len() as f32)
    }

    /// Mirrors values whose last two axes are height and width.
    fn mirror(&mut self, value: &Value, mirror: Mirror) -> Value {
        let axes = [(mirror.vertical(), -2), (mirror.horizontal(), -1)];
        let axes = axes.into_iter().filter(|(is_mirrored, _)| *is_mirrored);
        let axes: Vec<i64> = axes.map(|(_, axis)| axis).collect();
        // From the last index to the first, in steps of −1.
        let backwards = self.graph.integers(&vec![-1; axes.len()]);
        let end = self.graph.integers(&vec![-i64::MAX; axes.len()]);
        let axes = self.graph.integers(&axes);
        let inputs = [value, &backwards, &end, &axes, &backwards];
        self.graph.node("Slice", &inputs, Vec::new())
    }

    /// The results for the image itself, `[B, 3, H, W]`.
    fn predict(&mut self, image: &Value) -> Prediction {
        let reconstruction = self.reconstruct(image);
        let difference = self.graph.binary("Sub", image, &reconstruction);
        let squared = self.graph.binary("Mul", &difference, &difference);
        let error_map = self.graph.reduce("ReduceMean", &squared, &[1], false);
        let (error_map, reconstruction_score) = match self.card.scoring.error_smoothing_px {
            0.0 => {
                let score = self.graph.reduce("ReduceMean", &squared, &[1, 2, 3], false);
                (error_map, score)
            }
            sigma_px => {
                let smoothed = self.smooth(&error_map, sigma_px);
                let score = self.graph.reduce("ReduceMax", &smoothed, &[1, 2], false);
                (smoothed, score)
            }
        };
        let scores_alignment = self.card.calibration.fusion.alignment.is_some();
        let alignment_score = scores_alignment.then(|| {
            let [real, fake] = [image, &reconstruction].map(|images| self.features(images));
            let difference = self.graph.binary("Sub", &real, &fake);
            let squared = self.graph.binary("Mul", &difference, &difference);
            self.graph.reduce("ReduceSum", &squared, &[1], false)
        });
        Prediction {
            reconstruction,
            error_map,
            reconstruction_score,
            alignment_score,
        }
    }

    /// Smooths maps `[B, H, W]` along both axes; see [`gaussian::smooth`].
    fn smooth(&mut self, maps: &Value, sigma_px: f64) -> Value {
        let weights = gaussian::weights(sigma_px);
        let (taps, radius) = (weights.len(), weights.len() / 2);
        let [height, width] = [self.config.height_px, self.config.width_px];
        let [rows, columns] = [height as i64, width as i64];
        let mut map = self.graph.reshape(maps, &[-1, 1, rows, columns]);
        for (axis, length, shape) in [(2, height, [1, 1, taps, 1]), (3, width, [1, 1, 1, taps])] {
            // ONNX has no padding mode that mirrors in this way, so the values beyond the edges are
            // gathered.
            let sources = (0..length + 2 * radius)
                .map(|index| gaussian::mirrored(index, radius, length) as i64);
            let sources = self.graph.integers(&sources.collect::<Vec<i64>>());
            let widened = self
                .graph
                .node("Gather", &[&map, &sources], vec![int("axis", axis)]);
            let name = format!("gaussian along axis {axis}");
            let weights = self.graph.floats(&name, &shape, &weights);
            map = self.graph.node("Conv", &[&widened, &weights], Vec::new());
        }
        self.graph.reshape(&map, &[-1, rows, columns])
    }

    /// A of Eq. 7 from R and L.
    fn anomaly_score(&mut self, prediction: &Prediction) -> Value {
        let fusion = self.card.calibration.fusion;
        let reconstruction = self.scale(&prediction.reconstruction_score, fusion.reconstruction);
        let alignment = fusion.alignment.zip(prediction.alignment_score.as_ref());
        let Some((range, alignment)) = alignment else {
            return reconstruction;
        };
        let alignment = self.scale(alignment, range);
        let gamma = fusion.gamma;
        let reconstruction = self.graph.with_number("Mul", &reconstruction, gamma as f32);
        let alignment = self
            .graph
            .with_number("Mul", &alignment, (1.0 - gamma) as f32);
        self.graph.binary("Add", &reconstruction, &alignment)
    }

    /// See [`Range::scale`].
    fn scale(&mut self, score: &Value, range: Range) -> Value {
        let shifted = self.graph.with_number("Sub", score, range.min as f32);
        self.graph.with_number("Div", &shifted, range.unit() as f32)
    }

    /// The generator: images `[B, 3, H, W]` to reconstructions of the same shape.
    fn reconstruct(&mut self, image: &Value) -> Value {
        let same = ConvBlockConfig::same(0, 0).window;
        let mut maps = Vec::new();
        let mut x = image.clone();
        for scale in 0..self.config.scales {
            let stage = format!("generator.encoder.stages.{scale}");
            x = self.block(&format!("{stage}.conv1"), &x, same, 0.0);
            x = self.block(&format!("{stage}.conv2"), &x, same, 0.0);
            let halved = vec![ints("kernel_shape", &[2, 2]), ints("strides", &[2, 2])];
            x = self.graph.node("MaxPool", &[&x], halved);
            maps.push(x.clone());
        }
        let last = self.config.scales - 1;
        x = self.recall(last, &maps[last]);
        for scale in (0..self.config.scales).rev() {
            if scale < last && self.config.skip_connections {
                let skip = self.recall(scale, &maps[scale]);
                let channels = vec![int("axis", 1)];
                x = self.graph.node("Concat", &[&x, &skip], channels);
            }
            let stage = format!("generator.decoder.stages.{scale}");
            x = self.block(&format!("{stage}.conv1"), &x, same, 0.0);
            x = self.block(&format!("{stage}.conv2"), &x, same, 0.0);
            x = self.convolve("ConvTranspose", &format!("{stage}.up"), &x, UP);
        }
        x = self.block("generator.decoder.head.conv1", &x, same, 0.0);
        x = self.block("generator.decoder.head.conv2", &x, same, 0.0);
        self.convolve("Conv", "generator.decoder.head.out", &x, Window::POINT)
    }

    /// The features f_D of images `[B, 3, H, W]`, `[B, F]`.
    fn features(&mut self, images: &Value) -> Value {
        let mut x = images.clone();
        for stage in 0..self.config.discriminator_stages() {
            let name = format!("discriminator.stages.{stage}");
            x = self.block(&name, &x, DOWN, LEAKY_SLOPE);
        }
        x = self.convolve("Conv", "discriminator.features", &x, WHOLE);
        self.graph.node("Flatten", &[&x], Vec::new())
    }

    /// A convolution with merged batch normalization, then a leaky ReLU with `slope`.
    fn block(&mut self, name: &str, x: &Value, window: Window, slope: f32) -> Value {
        let x = self.convolve("Conv", &format!("{name}.conv"), x, window);
        match slope {
            0.0 => self.graph.node("Relu", &[&x], Vec::new()),
            slope => {
                let slope = vec![float("alpha", slope)];
                self.graph.node("LeakyRelu", &[&x], slope)
            }
        }
    }

    fn convolve(&mut self, operator: &str, name: &str, x: &Value, window: Window) -> Value {
        let weight = self.weight(&format!("{name}.weight"));
        let bias = self.weight(&format!("{name}.bias"));
        let Window {
            kernel,
            stride,
            padding,
        } = window;
        let attributes = vec![
            ints("kernel_shape", &[kernel as i64; 2]),
            ints("strides", &[stride as i64; 2]),
            ints("pads", &[padding as i64; 4]),
        ];
        self.graph.node(operator, &[x, &weight, &bias], attributes)
    }

    /// Applies the memory of this scale to a map, `[B, C, H, W]` to `[B, C, H, W]`. Without a
    /// memory, the map is unchanged.
    fn recall(&mut self, scale: usize, map: &Value) -> Value {
        if !self.config.has_memory(scale) {
            return map.clone();
        }
        let memory = self.config.memory;
        let items = self.weight(&format!("generator.memories.{scale}.items"));
        let shape = self.config.map_shape(scale);
        let rate = self.config.division_rate(scale);
        let dim = rate.block_dim(shape).expect("the configuration is checked");
        let [channels, height, width] = shape.map(|size| size as i64);
        let [down, across, deep] = [rate.height, rate.width, rate.channel].map(|rate| rate as i64);
        let [block_channels, block_height, block_width] =
            [channels / deep, height / down, width / across];

        // Divide: see `nn::divide`. Batch and channel blocks are one axis.
        let grid = [-1, block_channels, down, block_height, across, block_width];
        let divided = self.graph.reshape(map, &grid);
        let divided = self.graph.transpose(&divided, &[0, 2, 4, 1, 3, 5]);
        let queries = self.graph.reshape(&divided, &[-1, dim as i64]);

        // Address and shrink: see `MemoryBank::address_one`.
        let queries = self.unit_rows(&queries);
        let unit_items = self.unit_rows(&items);
        let unit_items = self.graph.transpose(&unit_items, &[1, 0]);
        let mut similarity = self.graph.binary("MatMul", &queries, &unit_items);
        if memory.temperature != 1.0 {
            let temperature = memory.temperature as f32;
            similarity = self.graph.with_number("Div", &similarity, temperature);
        }
        let across_items = vec![int("axis", 1)];
        let weights = self.graph.node("Softmax", &[&similarity], across_items);
        let cut = cut(memory.items) as f32;
        let is_dropped = self.graph.with_number("Less", &weights, cut);
        let zero = self.graph.number(0.0);
        let mut weights = self
            .graph
            .node("Where", &[&is_dropped, &zero, &weights], Vec::new());
        if memory.renormalize {
            let sum = self.graph.reduce("ReduceSum", &weights, &[1], true);
            weights = self.graph.binary("Div", &weights, &sum);
        }

        // Read and assemble: see `nn::assemble`.
        let blocks = self.graph.binary("MatMul", &weights, &items);
        let grid = [-1, down, across, block_channels, block_height, block_width];
        let blocks = self.graph.reshape(&blocks, &grid);
        let blocks = self.graph.transpose(&blocks, &[0, 3, 1, 4, 2, 5]);
        self.graph.reshape(&blocks, &[-1, channels, height, width])
    }

    /// Rows of unit length; rows of zeros stay zero.
    fn unit_rows(&mut self, rows: &Value) -> Value {
        let squared = self.graph.binary("Mul", rows, rows);
        let sum = self.graph.reduce("ReduceSum", &squared, &[1], true);
        let sum = self.graph.with_number("Max", &sum, MIN_NORM * MIN_NORM);
        let norm = self.graph.node("Sqrt", &[&sum], Vec::new());
        self.graph.binary("Div", rows, &norm)
    }

    fn weight(&mut self, name: &str) -> Value {
        let data = &self.weights[name];
        let values = data.as_slice::<f32>().expect("weights are read as f32");
        let shape = data.shape().to_vec();
        self.graph.floats(name, &shape, values)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::image::Flips;
    use crate::model::{AdversarialConfig, Division, MemoryPlacement};
    use crate::nn::{DivisionRate, drawn};
    use crate::score::{Calibration, NormalStatistics, RawScore, Scoring};
    use crate::weights::{FORMAT_VERSION, Normalization, Precision, Provenance, encode};

    /// The card of a DAAD+; its score uses L if `alignment` is given.
    fn card(alignment: Option<f64>) -> ModelCard {
        let mut config = ModelConfig {
            height_px: 32,
            width_px: 32,
            scales: 2,
            base_width: 2,
            ..ModelConfig::default()
        };
        config.memory.items = 5;
        config.memory.division = Division::Blocks(DivisionRate::square(4));
        config.adversarial = Some(AdversarialConfig {
            base_width: 2,
            features: 3,
        });
        let score = RawScore {
            reconstruction: 0.5,
            alignment,
        };
        ModelCard {
            version: FORMAT_VERSION,
            config,
            normalization: Normalization::default(),
            scoring: Scoring::default(),
            calibration: Calibration::from_normal(
                NormalStatistics::of_scores(vec![vec![score]]),
                0.9,
                0.01,
                score,
            ),
            provenance: Provenance::default(),
        }
    }

    /// The ONNX file of a model with random weights, parsed again.
    fn exported(card: &ModelCard) -> ModelProto {
        let model = drawn(card.config.init(&Device::flex()).unwrap());
        let bytes = encode(&model, card, Precision::F32).unwrap();
        let onnx = to_onnx(&bytes).unwrap();
        let proto = ModelProto::decode(onnx.as_slice()).unwrap();
        assert_eq!(proto.encode_to_vec(), onnx);
        proto
    }

    fn outputs(proto: &ModelProto) -> Vec<&str> {
        let graph = proto.graph.as_ref().unwrap();
        let names = graph.output.iter().map(|output| output.name.as_str());
        names.collect()
    }

    #[test]
    fn every_value_is_made_before_it_is_used_and_every_constant_is_used() {
        let mut extended = card(Some(1.0));
        extended.scoring.flips = Flips::Both;
        extended.scoring.error_smoothing_px = 2.0;
        extended.config.memory.temperature = 0.5;
        extended.config.memory.renormalize = true;
        let mut bottleneck = card(None);
        bottleneck.config.skip_connections = false;
        bottleneck.config.memory.placement = MemoryPlacement::Bottleneck;
        for card in [card(Some(1.0)), extended, bottleneck] {
            let graph = exported(&card).graph.unwrap();
            let mut made: HashSet<&str> = HashSet::from(["image"]);
            for constant in &graph.initializer {
                assert!(made.insert(&constant.name), "{} is twice", constant.name);
                let bytes = if constant.data_type == 1 { 4 } else { 8 };
                let count = constant.dims.iter().product::<i64>() as usize;
                assert_eq!(constant.raw_data.len(), bytes * count, "{}", constant.name);
            }
            let mut used: HashSet<&str> = HashSet::new();
            for node in &graph.node {
                for input in &node.input {
                    assert!(made.contains(input.as_str()), "{input} is not made");
                    used.insert(input);
                }
                for output in &node.output {
                    assert!(made.insert(output), "{output} is made twice");
                }
            }
            used.extend(graph.output.iter().map(|output| output.name.as_str()));
            let idle: Vec<_> = made.difference(&used).collect();
            assert!(idle.is_empty(), "{idle:?}");
        }
    }

    #[test]
    fn there_is_an_alignment_score_only_where_the_model_scores_with_it() {
        let scores = ["reconstruction", "error_map", "reconstruction_score"];
        let with = exported(&card(Some(1.0)));
        assert_eq!(outputs(&with)[..3], scores);
        assert_eq!(outputs(&with)[3..], ["alignment_score", "anomaly_score"]);
        let without = exported(&card(None));
        assert_eq!(outputs(&without)[3..], ["anomaly_score"]);
        let weights = &without.graph.as_ref().unwrap().initializer;
        let is_needless = |name: &str| name.starts_with("discriminator");
        assert!(!weights.iter().any(|weight| is_needless(&weight.name)));
    }

    #[test]
    fn the_metadata_says_how_to_use_the_graph() {
        let mut card = card(None);
        card.provenance.licence = "CC0".to_owned();
        let proto = exported(&card);
        let value = |key: &str| {
            let mut entries = proto.metadata_props.iter();
            let entry = entries.find(|entry| entry.key == key);
            entry.map(|entry| entry.value.as_str())
        };
        let threshold = card.calibration.threshold.to_string();
        assert_eq!(value("threshold"), Some(threshold.as_str()));
        assert_eq!(value("system"), Some("DAAD+"));
        assert_eq!(value("input_width"), Some("32"));
        assert_eq!(value("licence"), Some("CC0"));
        assert_eq!(value("data"), None);
        assert!(value("preparation").unwrap().contains("127.5"));
    }
}
