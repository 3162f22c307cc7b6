//! The wasm-bindgen interface of an engine, on which the npm package is built.
//!
//! An image is either a `Uint8Array`, the bytes of a file, or an object like `ImageData` with
//! `data` (RGBA, row by row), `width` and `height`. Errors are JavaScript's `Error` with a `code`.

use std::rc::Rc;

use js_sys::{Array, Float32Array, Function, Object, Reflect, Uint8Array, Uint8ClampedArray};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use wasm_bindgen::prelude::*;

use image::RgbImage;

use crate::detector::{
    BlockPlace, InspectedBlock, InspectedItem, Inspector, ScoredTile, TileSize, TiledDetection,
};
use crate::image::{decode_original, from_rgba, is_stretched, only_part_read, resize, to_rgba};
use crate::model::{Division, MemoryPlacement, ModelConfig};
use crate::nn::DivisionRate;
use crate::score::{Range, RawScore};
use crate::weights::Provenance;
use crate::{Detection, Detector, Error, TileOptions};

#[cfg_attr(feature = "webgpu", path = "webgpu.rs")]
#[cfg_attr(not(feature = "webgpu"), path = "cpu.rs")]
mod device;
#[cfg(feature = "threads")]
pub mod threads;
#[cfg(feature = "learn")]
pub mod training;

/// The initialization, which runs once when the module is loaded.
#[wasm_bindgen(start)]
fn start() {
    #[cfg(feature = "webgpu")]
    device::register();
    // The hook has an effect only in builds with the precompiled standard library. If the standard
    // library is built with the program, panics have no messages.
    console_error_panic_hook::set_once();
    // An error of a shader that does not compile is only logged, so without a logger it would be
    // lost. At a second start the logger is set already; that error can be ignored.
    let _ = console_log::init_with_level(log::Level::Error);
}

/// Scores an image with an untrained model, before the first real model is loaded.
///
/// # Errors
///
/// Where the device fails.
#[cfg(not(feature = "webgpu"))]
#[wasm_bindgen(js_name = warmUp)]
pub async fn warm_up() -> Result<(), JsValue> {
    device::warm_up().await.map_err(js_error)
}

/// A model on a device.
#[wasm_bindgen(js_name = Detector)]
pub struct WebDetector {
    detector: Rc<Detector>,
}

/// The feature maps of one image, kept for inspection.
#[wasm_bindgen(js_name = Inspector)]
pub struct WebInspector {
    detector: Rc<Detector>,
    inspector: Inspector,
}

#[wasm_bindgen(js_class = Detector)]
impl WebDetector {
    /// Reads a model file onto the engine's device.
    ///
    /// # Errors
    ///
    /// Where the bytes are not a model, or the device is not available or computes wrong values.
    pub async fn load(model: Vec<u8>) -> Result<WebDetector, JsValue> {
        let detector = device::detector(&model).await.map_err(js_error)?;
        Ok(Self {
            detector: Rc::new(detector),
        })
    }

    /// The model's configuration, calibration and provenance, as a plain object.
    ///
    /// # Errors
    ///
    /// Where they cannot be converted to a plain object.
    pub fn info(&self) -> Result<JsValue, JsError> {
        let card = self.detector.card();
        let config = &card.config;
        let calibration = &card.calibration;
        let info = Info {
            system: config.system_name(),
            width: config.width_px,
            height: config.height_px,
            parameters: config.parameter_count() as f64,
            scales: config.scales,
            base_width: config.base_width,
            memory_items: config.memory.items,
            division: divided(config),
            gamma: calibration.fusion.gamma,
            threshold: calibration.threshold,
            false_alarm_rate: calibration.false_alarm_rate,
            normal_scores: &calibration.normal_scores,
            normal_raw_scores: &calibration.normal_raw_scores,
            reconstruction: calibration.fusion.reconstruction,
            alignment: calibration.fusion.alignment,
            provenance: &card.provenance,
        };
        let serializer = serde_wasm_bindgen::Serializer::json_compatible();
        Ok(info.serialize(&serializer)?)
    }

    /// Scores an image; returns a plain object.
    ///
    /// # Errors
    ///
    /// Where it is not an image, or the device fails.
    pub async fn detect(&self, image: JsValue) -> Result<JsValue, JsValue> {
        let Picture { image, note } = self.picture(&image)?;
        let detection = self.detector.detect_image(image).await.map_err(js_error)?;
        Ok(self.detection(&detection, &note).into())
    }

    /// Scores several images in one pass; returns an array of what `detect` returns.
    ///
    /// # Errors
    ///
    /// As `detect`, for the first image with an error; its number is the error's `index`.
    #[wasm_bindgen(js_name = detectBatch)]
    pub async fn detect_batch(&self, images: &Array) -> Result<Array, JsValue> {
        let pictures = images.iter().enumerate().map(|(index, image)| {
            let picture = self.picture(&image);
            picture.inspect_err(|error| set(error, "index", index.into()))
        });
        let pictures = pictures.collect::<Result<Vec<_>, _>>()?;
        let pictures = pictures
            .into_iter()
            .map(|Picture { image, note }| (image, note));
        let (images, notes): (Vec<_>, Vec<_>) = pictures.unzip();
        let detections = self.detector.detect_batch(images).await;
        let detections = detections.map_err(js_error)?;
        let both = detections.iter().zip(&notes);
        Ok(both.map(|(one, note)| self.detection(one, note)).collect())
    }

    /// Cuts a large image into tiles and scores each of them; returns a plain object. `on_scored`
    /// is called with the number of tiles that are done and of all tiles.
    ///
    /// # Errors
    ///
    /// Where it is not an image, it cannot be cut in this way, or the device fails.
    #[wasm_bindgen(js_name = detectTiled)]
    pub async fn detect_tiled(
        &self,
        image: JsValue,
        options: JsValue,
        on_scored: &Function,
    ) -> Result<JsValue, JsValue> {
        let options = Tiling::from_js(options)?;
        let Picture { image, note } = photograph(&image)?;
        let (width, height) = image.dimensions();
        let grid = self.detector.tile_grid(width, height, &options);
        let all = grid.map_err(js_error)?.len();
        let mut done = 0;
        let count = |tiles| {
            done += tiles;
            // If the callback throws an error, only the progress display is lost.
            let _ = on_scored.call2(&JsValue::NULL, &done.into(), &all.into());
        };
        let tiled = self.detector.detect_tiles(&image, &options, count).await;
        Ok(self.tiled(&tiled.map_err(js_error)?, &note).into())
    }

    /// Encodes an image for inspection: RGBA pixels of the model's size, such as `input` of what
    /// `detect` returns.
    ///
    /// # Errors
    ///
    /// Where the pixels do not have this size, or the size is not the model's.
    pub fn inspector(
        &self,
        pixels: Vec<u8>,
        width: u32,
        height: u32,
    ) -> Result<WebInspector, JsValue> {
        let image = from_rgba(pixels, width, height).map_err(js_error)?;
        let inspector = self.detector.inspector(&image).map_err(js_error)?;
        Ok(WebInspector {
            detector: Rc::clone(&self.detector),
            inspector,
        })
    }
}

#[wasm_bindgen(js_class = Inspector)]
impl WebInspector {
    /// Inspects one block of the image. Returns a plain object, or null if there is no memory at
    /// this scale.
    ///
    /// # Errors
    ///
    /// Where there is no such block, or the device fails.
    pub async fn block(
        &self,
        scale: usize,
        row: usize,
        column: usize,
        strongest: usize,
    ) -> Result<JsValue, JsValue> {
        let place = BlockPlace {
            scale,
            row,
            column,
            channel: 0,
        };
        let block = self.detector.inspect(&self.inspector, place, strongest);
        let block = block.await.map_err(js_error)?;
        Ok(block.map_or(JsValue::NULL, |block| inspected(&block).into()))
    }
}

/// An image, and the note for the user about its file.
struct Picture {
    image: RgbImage,
    note: String,
}

/// An image in its own size.
fn photograph(image: &JsValue) -> Result<Picture, JsValue> {
    let Some(bytes) = image.dyn_ref::<Uint8Array>() else {
        return pixels(image);
    };
    let bytes = bytes.to_vec();
    Ok(Picture {
        image: decode_original(&bytes).map_err(js_error)?,
        note: only_part_read(&bytes).unwrap_or_default().to_owned(),
    })
}

/// An image from an object like `ImageData`; transparent pixels are drawn on white.
fn pixels(image: &JsValue) -> Result<Picture, JsValue> {
    let data = Reflect::get(image, &"data".into())?;
    let data = match data.dyn_ref::<Uint8ClampedArray>() {
        Some(clamped) => clamped.to_vec(),
        None => Uint8Array::new(&data).to_vec(),
    };
    let side = |name: &str| Reflect::get(image, &name.into()).map(|side| side.as_f64());
    let (width, height) = (side("width")?, side("height")?);
    let image = from_rgba(
        data,
        width.unwrap_or(0.0) as u32,
        height.unwrap_or(0.0) as u32,
    );
    Ok(Picture {
        image: image.map_err(js_error)?,
        note: String::new(),
    })
}

/// The options for cutting a large image, as JavaScript passes them.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Tiling {
    /// Side of a tile in pixels of the image; None stands for the model's size.
    tile: Option<u32>,
    overlap: Option<f64>,
    #[serde(default)]
    error_map: bool,
}

impl Tiling {
    fn from_js(options: JsValue) -> Result<TileOptions, JsValue> {
        let Self {
            tile,
            overlap,
            error_map,
        } = from_js(options)?;
        Ok(TileOptions {
            size: tile.map(|side| TileSize {
                width_px: side,
                height_px: side,
            }),
            overlap: overlap.unwrap_or(TileOptions::default().overlap),
            error_map,
        })
    }
}

impl WebDetector {
    /// An image in the model's size.
    fn picture(&self, image: &JsValue) -> Result<Picture, JsValue> {
        let config = &self.detector.card().config;
        let (width, height) = (config.width_px as u32, config.height_px as u32);
        let Picture { image, mut note } = photograph(image)?;
        let (from_width, from_height) = image.dimensions();
        if is_stretched((from_width, from_height), (width, height)) {
            let separator = if note.is_empty() { "" } else { "; " };
            note += &format!(
                "{separator}its {from_width} × {from_height} pixels were stretched to this model’s \
                 shape, {width} × {height}"
            );
        }
        // Resized immediately, because several images in full size would take much memory.
        let image = resize(image, width, height);
        Ok(Picture { image, note })
    }

    fn detection(&self, detection: &Detection, note: &str) -> Object {
        let prediction = &detection.prediction;
        let object = self.scored(
            detection.anomaly_score,
            detection.is_anomalous,
            detection.unfamiliarity,
            note,
        );
        set_raw(&object, prediction.raw);
        let (width, height) = detection.input.dimensions();
        set(&object, "width", width.into());
        set(&object, "height", height.into());
        set(&object, "input", rgba(&detection.input).into());
        let reconstruction = rgba(&prediction.reconstruction);
        set(&object, "reconstruction", reconstruction.into());
        let map = Float32Array::from(prediction.error_map.as_slice());
        set(&object, "errorMap", map.into());
        let heat_map = rgba(&self.detector.heat_map(detection));
        set(&object, "heatMap", heat_map.into());
        object
    }

    fn tiled(&self, tiled: &TiledDetection, note: &str) -> Object {
        let object = self.scored(
            tiled.anomaly_score,
            tiled.is_anomalous,
            tiled.unfamiliarity,
            note,
        );
        set(&object, "width", tiled.width_px.into());
        set(&object, "height", tiled.height_px.into());
        let tiles: Array = tiled.tiles.iter().map(scored_tile).collect();
        set(&object, "tiles", tiles.into());
        let map = tiled.error_map.as_deref().map(Float32Array::from);
        set(&object, "errorMap", map.map_or(JsValue::NULL, Into::into));
        let heat_map = self.detector.tiled_heat_map(tiled);
        let heat_map = heat_map.map_or(JsValue::NULL, |map| rgba(&map).into());
        set(&object, "heatMap", heat_map);
        object
    }

    fn scored(&self, score: f64, anomalous: bool, unfamiliarity: f64, note: &str) -> Object {
        let object = Object::new();
        let threshold = self.detector.card().calibration.threshold;
        set(&object, "score", score.into());
        set(&object, "threshold", threshold.into());
        set(&object, "anomalous", anomalous.into());
        set(&object, "unfamiliarity", unfamiliarity.into());
        set(&object, "note", note.into());
        object
    }
}

fn scored_tile(scored: &ScoredTile) -> Object {
    let object = Object::new();
    set(&object, "x", scored.tile.x_px.into());
    set(&object, "y", scored.tile.y_px.into());
    set(&object, "width", scored.tile.width_px.into());
    set(&object, "height", scored.tile.height_px.into());
    set(&object, "score", scored.anomaly_score.into());
    set(&object, "anomalous", scored.is_anomalous.into());
    set(&object, "unfamiliarity", scored.unfamiliarity.into());
    set_raw(&object, scored.raw);
    object
}

fn set_raw(object: &Object, raw: RawScore) {
    let alignment = raw.alignment.map_or(JsValue::NULL, Into::into);
    set(object, "reconstructionScore", raw.reconstruction.into());
    set(object, "alignmentScore", alignment);
}

fn inspected(block: &InspectedBlock) -> Object {
    let object = Object::new();
    let addressing = &block.addressing;
    set(&object, "dim", block.dim.into());
    set(&object, "count", addressing.weights.len().into());
    set(&object, "temperature", block.temperature.into());
    set(&object, "survivors", addressing.survivors().into());
    set(
        &object,
        "effectiveItems",
        addressing.effective_items().into(),
    );
    set(&object, "weightSum", addressing.weight_sum().into());
    set(&object, "likeness", block.likeness.into());
    set(&object, "width", block.query.width().into());
    set(&object, "height", block.query.height().into());
    set(&object, "query", rgba(&block.query).into());
    set(&object, "answer", rgba(&block.answer).into());
    let items: Array = block.items.iter().map(inspected_item).collect();
    set(&object, "items", items.into());
    let similarities = Float32Array::from(addressing.similarities.as_slice());
    set(&object, "similarities", similarities.into());
    object
}

fn inspected_item(item: &InspectedItem) -> Object {
    let object = Object::new();
    set(&object, "index", item.index.into());
    set(&object, "similarity", item.similarity.into());
    set(&object, "weight", item.weight.into());
    set(&object, "picture", rgba(&item.picture).into());
    object
}

fn set(object: &JsValue, name: &str, value: JsValue) {
    // Setting a property of a plain object cannot fail.
    let _ = Reflect::set(object, &name.into(), &value);
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Info<'a> {
    system: String,
    width: usize,
    height: usize,
    parameters: f64,
    scales: usize,
    base_width: usize,
    memory_items: usize,
    /// The division into blocks; None if no map is divided into blocks that are large enough to
    /// see.
    division: Option<DivisionRate>,
    gamma: f64,
    threshold: f64,
    false_alarm_rate: f64,
    normal_scores: &'a [f64],
    /// R and L of each of these images and of its mirror images.
    normal_raw_scores: &'a [Vec<RawScore>],
    reconstruction: Range,
    alignment: Option<Range>,
    provenance: &'a Provenance,
}

fn divided(config: &ModelConfig) -> Option<DivisionRate> {
    match (config.memory.placement, config.memory.division) {
        (MemoryPlacement::Everywhere, Division::Blocks(rate)) => Some(rate),
        _ => None,
    }
}

/// The pixels of an image as RGBA, which a canvas can show.
fn rgba(image: &RgbImage) -> Uint8ClampedArray {
    Uint8ClampedArray::from(to_rgba(image).as_slice())
}

/// A plain object of JavaScript as a struct.
fn from_js<T: DeserializeOwned>(object: JsValue) -> Result<T, JsValue> {
    let read = serde_wasm_bindgen::from_value(object);
    read.map_err(|error| js_error(Error::Config(error.to_string())))
}

/// JavaScript's `Error`, with the kind of the error as its `code`.
fn js_error(error: Error) -> JsValue {
    let code = match error {
        Error::Image(_) => "image",
        Error::Model(_) => "model",
        Error::Config(_) | Error::Data(_) => "argument",
        _ => "engine",
    };
    let object = js_sys::Error::new(&error.to_string());
    set(&object, "code", code.into());
    object.into()
}
