//! Models to and from other runtimes. A test here writes ONNX files into the folder in
//! `DAAD_ONNX_CASES`; `tests/onnx/check.py` compares their results.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use burn::tensor::{Device, TensorData};
use daad::exchange::{from_pytorch, to_onnx};
use daad::image::{Flips, to_tensor};
use daad::learn::{Finished, TrainConfig, finish};
use daad::model::{Model, parameters};
use daad::score::Scoring;
use daad::settings::Settings;
use daad::weights::{Precision, Provenance, decode};
use image::RgbImage;
use pollster::block_on;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use safetensors::tensor::{Dtype, TensorView};

use crate::common::{data, error, run, score};
use crate::golden::{Golden, assert_close, systems};

/// Small networks of every system, as settings.
const CASES: [(&str, &str); 16] = [
    ("ae", "system = 'ae'\nparts = 'none'\nsize = 32"),
    (
        "ae-skip",
        "system = 'ae-skip'\nparts = 'none'\nsize = [64, 48]",
    ),
    (
        "mem-ae",
        "system = 'mem-ae'\nparts = 'none'\nsize = [48, 64]",
    ),
    (
        "mem-ae-skip",
        "system = 'mem-ae-skip'\nparts = 'none'\nsize = 32",
    ),
    (
        "mem-ae-skip, large",
        "system = 'mem-ae-skip'\nparts = 'none'\nsize = 128",
    ),
    ("daad", "parts = 'none'\nsize = 32\ndivision = 4"),
    (
        "daad, wide",
        "parts = 'none'\nsize = [64, 48]\ndivision = [4, 2, 1]",
    ),
    (
        "daad, channels",
        "parts = 'none'\nsize = 64\ndivision = [2, 4, 2]",
    ),
    ("daad, large", "parts = 'none'\nsize = 128\ndivision = 8"),
    (
        "daad, sharp",
        "parts = 'none'\nsize = 64\ndivision = 4\ntemperature = 0.3\nrenormalize = true",
    ),
    (
        "daad, smooth",
        "parts = 'none'\nsize = [64, 48]\ndivision = 2\nerror-smoothing = 3.5",
    ),
    ("daad+", "size = 32\ndivision = 4"),
    ("daad+, large", "size = 128\ndivision = 8"),
    (
        "daad+, by R alone",
        "parts = 'adv+ali'\nsize = 64\ndivision = 4",
    ),
    (
        "daad+, mirrored",
        "size = 64\ndivision = 4\ntest-time-flips = true\nerror-smoothing = 1.0",
    ),
    (
        "ae-skip+, one axis",
        "system = 'ae-skip'\nsize = 32\nflips = 'vertical'\ntest-time-flips = true",
    ),
];

/// Networks of these settings with random weights and running statistics, so that a missing term
/// changes the result.
fn random_model(config: &TrainConfig, rng: &mut ChaCha8Rng) -> Model {
    let model = config.model.init(&Device::flex()).unwrap();
    let mut values = HashMap::new();
    for (name, shape) in parameters::shapes(&model) {
        let fan_in = match name.ends_with("up.weight") {
            true => shape[0],
            false => shape[1..].iter().product(),
        };
        let (low, high) = match name.rsplit('.').next().unwrap() {
            "running_mean" | "bias" => (-0.2, 0.2),
            "running_var" => (0.5, 1.5),
            "items" => (-1.0, 1.0),
            _ if name.ends_with("norm.weight") => (0.8, 1.2),
            // With these weights, reconstructions are about in [−1, 1] and can be compared by
            // absolute difference.
            _ if name.ends_with("head.out.weight") => (-0.2, 0.2),
            // He's initialization, by a uniform distribution.
            _ => {
                let end = (6.0 / fan_in as f32).sqrt();
                (-end, end)
            }
        };
        let count = shape.iter().product();
        let drawn: Vec<f32> = (0..count).map(|_| rng.random_range(low..high)).collect();
        values.insert(name, TensorData::new(drawn, shape));
    }
    parameters::load(model, values)
}

/// Coloured rectangles with noise, so that the blocks differ from each other.
fn random_image(config: &TrainConfig, rng: &mut ChaCha8Rng) -> RgbImage {
    let patches: [[[u8; 3]; 4]; 4] = rng.random();
    let (width, height) = (config.model.width_px as u32, config.model.height_px as u32);
    RgbImage::from_fn(width, height, |x, y| {
        let patch = patches[(4 * y / height) as usize][(4 * x / width) as usize];
        image::Rgb(patch.map(|value| value / 2 + rng.random_range(0..128)))
    })
}

fn calibrated(config: &TrainConfig, model: &Model, rng: &mut ChaCha8Rng) -> Finished {
    let normal: Vec<RgbImage> = (0..6).map(|_| random_image(config, rng)).collect();
    let normal: Vec<&RgbImage> = normal.iter().collect();
    let origin = Provenance::default();
    let device = Device::flex();
    block_on(finish(
        model,
        config,
        origin,
        Precision::F32,
        &normal,
        &device,
    ))
    .unwrap()
}

#[test]
fn models_of_every_system_are_exported() {
    let folder = std::env::var_os("DAAD_ONNX_CASES");
    for (seed, (name, settings)) in CASES.into_iter().enumerate() {
        let text = format!("width = 4\nscales = 3\nitems = 11\n{settings}");
        let config = Settings::from_toml(&text).unwrap().resolve().unwrap();
        let mut rng = ChaCha8Rng::seed_from_u64(seed as u64);
        let model = random_model(&config, &mut rng);
        let finished = calibrated(&config, &model, &mut rng);
        let onnx = to_onnx(&finished.bytes).unwrap();
        if let Some(folder) = &folder {
            let images: Vec<RgbImage> = (0..3).map(|_| random_image(&config, &mut rng)).collect();
            let file = Path::new(folder).join(name);
            fs::write(file.with_extension("onnx"), onnx).unwrap();
            fs::write(
                file.with_extension("safetensors"),
                expected(&finished, &images),
            )
            .unwrap();
        }
    }
}

/// The input and this library's results, under the names in the ONNX file, as a safetensors file.
fn expected(finished: &Finished, images: &[RgbImage]) -> Vec<u8> {
    let device = Device::flex();
    let images: Vec<&RgbImage> = images.iter().collect();
    let detector = &finished.detector;
    let predictions = block_on(detector.predict(&images)).unwrap();
    let input = to_tensor(&images, &device);
    let model = decode(&finished.bytes, &device).unwrap().model.folded();
    let rebuilt = model.generator.forward(input.clone());
    let [batch, _, height, width] = input.dims();
    let floats = |values: Vec<f64>| values.into_iter().map(|value| value as f32).collect();
    let scores = predictions.iter().map(|each| each.raw);
    let anomaly_scores = scores
        .clone()
        .map(|raw| detector.anomaly_score(raw).unwrap());
    let image_shape = vec![batch, 3, height, width];
    let mut tensors: Vec<(&str, Vec<usize>, Vec<f32>)> = vec![
        (
            "image",
            image_shape.clone(),
            input.into_data().try_to_vec().unwrap(),
        ),
        (
            "reconstruction",
            image_shape,
            rebuilt.into_data().try_to_vec().unwrap(),
        ),
        (
            "error_map",
            vec![batch, height, width],
            predictions
                .iter()
                .flat_map(|each| each.error_map.clone())
                .collect(),
        ),
        (
            "reconstruction_score",
            vec![batch],
            floats(scores.clone().map(|raw| raw.reconstruction).collect()),
        ),
        (
            "anomaly_score",
            vec![batch],
            floats(anomaly_scores.collect()),
        ),
    ];
    let alignment: Option<Vec<f64>> = scores.map(|raw| raw.alignment).collect();
    if let Some(alignment) = alignment {
        tensors.push(("alignment_score", vec![batch], floats(alignment)));
    }
    let tensors = tensors.into_iter().map(|(name, shape, values)| {
        let data = TensorData::new(values, shape);
        (name.to_owned(), data)
    });
    serialized(tensors)
}

/// A safetensors file of f32.
fn serialized(tensors: impl IntoIterator<Item = (String, TensorData)>) -> Vec<u8> {
    let tensors = tensors.into_iter().map(|(name, data)| {
        let values = data.as_slice::<f32>().unwrap();
        let bytes: Vec<u8> = values
            .iter()
            .flat_map(|value| value.to_le_bytes())
            .collect();
        (name, data.shape().to_vec(), bytes)
    });
    let tensors: Vec<_> = tensors.collect();
    let views = tensors.iter().map(|(name, shape, bytes)| {
        let view = TensorView::new(Dtype::F32, shape.clone(), bytes).unwrap();
        (name.as_str(), view)
    });
    safetensors::serialize(views, None).unwrap()
}

#[test]
fn weights_of_pytorch_are_imported_and_rebuild_what_pytorch_does() {
    let golden = Golden::read("systems");
    let device = Device::flex();
    for (name, model) in systems() {
        let config = TrainConfig {
            model: daad::model::ModelConfig {
                adversarial: None,
                ..model
            },
            alignment_score: false,
            flips: Flips::None,
            scoring: Scoring::default(),
            ..TrainConfig::default()
        };
        let bytes = serialized(golden.under(&format!("{name}.weights")));
        let imported = from_pytorch(&bytes, &config.model, &device).unwrap();
        assert_eq!(imported.precision, Precision::F32);
        let mut rng = ChaCha8Rng::seed_from_u64(0);
        let finished = calibrated(&config, &imported.model, &mut rng);
        let model = decode(&finished.bytes, &device).unwrap().model;
        let input = golden.tensor(&format!("{name}.input"), &device);
        let output = model.folded().generator.forward(input);
        golden.check(&format!("{name}.output_eval"), output);
    }
}

#[test]
fn both_networks_of_pytorch_are_imported() {
    let mut tensors: HashMap<String, TensorData> = HashMap::new();
    let golden = Golden::read("step");
    for part in ["generator", "discriminator"] {
        let own = golden.under(part).into_iter();
        tensors.extend(own.map(|(name, data)| (format!("{part}.{name}"), data)));
    }
    let count = TensorData::new(vec![3.0f32], [1]);
    let counter = "generator.encoder.stages.0.conv1.norm.num_batches_tracked";
    tensors.insert(counter.to_owned(), count);
    let (_, config) = systems().pop().unwrap();
    let imported = from_pytorch(&serialized(tensors.clone()), &config, &Device::flex()).unwrap();
    for (name, got) in parameters::values(&imported.model) {
        assert_close(&name, &got, &tensors[&name]);
    }
}

#[test]
fn a_tensor_that_does_not_fit_is_named_with_its_shape() {
    let golden = Golden::read("systems");
    let (_, config) = systems().pop().unwrap();
    let config = daad::model::ModelConfig {
        adversarial: None,
        ..config
    };
    let weights = golden.under("daad.weights");
    let message = |edit: &dyn Fn(&mut HashMap<String, TensorData>)| {
        let mut weights = weights.clone();
        edit(&mut weights);
        let imported = from_pytorch(&serialized(weights), &config, &Device::flex());
        imported.unwrap_err().to_string()
    };
    let name = "decoder.head.out.bias";
    let missing = message(&|weights| drop(weights.remove(name)));
    assert!(
        missing.contains("decoder.head.out.bias is missing"),
        "{missing}"
    );
    assert!(missing.contains("[3]"), "{missing}");
    let two = TensorData::new(vec![0.0f32; 2], [2]);
    let wrong = message(&|weights| drop(weights.insert(name.to_owned(), two.clone())));
    assert!(
        wrong.contains("out.bias has shape [2]") && wrong.contains("[3]"),
        "{wrong}"
    );
    let stray = message(&|weights| drop(weights.insert("stray".to_owned(), two.clone())));
    assert!(
        stray.contains("stray of shape [2] does not belong"),
        "{stray}"
    );
}

#[test]
fn weights_are_imported_scored_and_exported_from_the_command_line() {
    let root = data();
    let root = root.path();
    let weights = Golden::read("systems").under("daad.weights");
    fs::write(root.join("weights.safetensors"), serialized(weights)).unwrap();
    let settings = "size = 32\nwidth = 3\nscales = 3\nitems = 7\ndivision = 2\nparts = \"none\"";
    fs::write(root.join("settings.toml"), settings).unwrap();
    let import = |extra: &[&str]| {
        let from = ["import", "--safetensors", "weights.safetensors"];
        let with = ["--normal", "train/good", "--device", "cpu"];
        run(root, &[&from[..], &with, extra].concat())
    };
    let output = import(&["--config", "settings.toml"]);
    assert!(output.status.success(), "{output:?}");
    let again = import(&["--config", "settings.toml"]);
    assert!(error(&again).contains("--overwrite"), "{again:?}");
    let other = import(&["--config", "settings.toml", "--items", "8", "--overwrite"]);
    let other = error(&other);
    assert!(
        other.contains("items has shape [7, 192]") && other.contains("[8, 192]"),
        "{other}"
    );

    let info = run(root, &["info", "model.safetensors"]);
    for output in [score(root, &["test/good"]), info] {
        assert!(output.status.success(), "{output:?}");
    }
    let export = |extra: &[&str]| {
        let export = [
            "export",
            "--model",
            "model.safetensors",
            "--onnx",
            "model.onnx",
        ];
        run(root, &[&export[..], extra].concat())
    };
    let output = export(&[]);
    assert!(output.status.success(), "{output:?}");
    let bytes = fs::read(root.join("model.onnx")).unwrap();
    let model = fs::read(root.join("model.safetensors")).unwrap();
    assert_eq!(bytes, to_onnx(&model).unwrap());
    assert!(error(&export(&[])).contains("--overwrite"));
    assert!(export(&["--overwrite"]).status.success());
    let itself = ["export", "--model", "./model.safetensors"];
    let onto = ["--onnx", "model.safetensors", "--overwrite"];
    let output = run(root, &[&itself[..], &onto].concat());
    assert!(error(&output).contains("the model file itself"));
    assert_eq!(fs::read(root.join("model.safetensors")).unwrap(), model);
}
