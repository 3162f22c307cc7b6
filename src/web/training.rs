//! Training in the page, on the visitor's own images. It proceeds step by step, so that the page
//! can pause it.

use burn::tensor::Device;
use js_sys::{Array, Object, Uint8Array};
use serde::Deserialize;
use wasm_bindgen::prelude::*;

use crate::image::{Flips, decode};
use crate::learn::{InMemoryTraining, Schedule, StepReport, TrainConfig};
use crate::model::{Division, ModelConfig};
use crate::nn::DivisionRate;
use crate::weights::{Precision, Provenance};

use super::{js_error, rgba, set};

/// The settings that the page may choose; all other settings are as in the paper.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Plan {
    size_px: usize,
    scales: usize,
    base_width: usize,
    items: usize,
    division: usize,
    batch_size: usize,
    learning_rate: f64,
    flips: bool,
    false_alarm_rate: f64,
    seed: u64,
}

impl Plan {
    fn config(&self) -> TrainConfig {
        let mut model = ModelConfig {
            height_px: self.size_px,
            width_px: self.size_px,
            scales: self.scales,
            base_width: self.base_width,
            adversarial: None,
            ..ModelConfig::default()
        };
        model.memory.items = self.items;
        model.memory.division = Division::Blocks(DivisionRate::square(self.division));
        TrainConfig {
            model,
            batch_size: self.batch_size,
            learning_rate: self.learning_rate,
            // A run of minutes has few epochs, so the learning rate must fall until the end for the
            // weights to converge. The number of epochs depends on the time limit.
            schedule: Schedule::Cosine,
            flips: if self.flips { Flips::Both } else { Flips::None },
            false_alarm_rate: self.false_alarm_rate,
            alignment_score: false,
            seed: self.seed,
            ..TrainConfig::default()
        }
    }
}

/// A DAAD that is trained in the page.
#[wasm_bindgen(js_name = Training)]
pub struct WebTraining {
    training: InMemoryTraining,
}

#[wasm_bindgen(js_class = Training)]
impl WebTraining {
    /// Begins a new run. `images` are normal images, each as the bytes of a file.
    ///
    /// # Errors
    ///
    /// Where a setting of the plan is not allowed, or for an element that is not an image, saying
    /// which.
    #[wasm_bindgen(constructor)]
    pub fn new(plan: JsValue, images: &Array) -> Result<WebTraining, JsError> {
        let plan: Plan = serde_wasm_bindgen::from_value(plan)?;
        let side = plan.size_px as u32;
        let images = images.iter().enumerate().map(|(index, image)| {
            let bytes = Uint8Array::new(&image).to_vec();
            decode(&bytes, side, side).map_err(|error| {
                let text = format!("image {}: {error}", index + 1);
                JsError::new(&text)
            })
        });
        let images = images.collect::<Result<Vec<_>, _>>()?;
        let training = InMemoryTraining::new(plan.config(), images, &Device::flex());
        let training = training.map_err(|error| js_error(&error))?;
        Ok(Self { training })
    }

    /// The number of images to train on; the others are held out.
    #[wasm_bindgen(js_name = trainedOn, getter)]
    pub fn trained_on(&self) -> usize {
        self.training.trained_on()
    }

    /// The number of held-out images.
    #[wasm_bindgen(js_name = heldOut, getter)]
    pub fn held_out(&self) -> usize {
        self.training.held_out().len()
    }

    /// Trains on one batch. `share_done` is the share of the time that is over, from 0 to 1.
    /// Returns `{ loss, epochs }`.
    ///
    /// # Errors
    ///
    /// Where training diverges.
    pub async fn step(&mut self, share_done: f64) -> Result<Object, JsError> {
        let report = self.training.step_by_time(share_done).await;
        let StepReport { losses, epochs } = report.map_err(|error| js_error(&error))?;
        let object = Object::new();
        set(&object, "loss", losses.reconstruction.into());
        set(&object, "epochs", epochs.into());
        Ok(object)
    }

    /// A held-out image, and its reconstruction by the current network.
    ///
    /// # Errors
    ///
    /// Where there is no such image.
    pub async fn rebuild(&self, index: usize) -> Result<Object, JsError> {
        let image = self.training.held_out().get(index);
        let image = image.ok_or_else(|| JsError::new("there is no such held-out image"))?;
        let rebuilt = self.training.rebuild(image).await;
        let rebuilt = rebuilt.map_err(|error| js_error(&error))?;
        let object = Object::new();
        set(&object, "input", rgba(image).into());
        set(&object, "reconstruction", rgba(&rebuilt).into());
        set(&object, "width_px", image.width().into());
        set(&object, "height_px", image.height().into());
        Ok(object)
    }

    /// The model file of the current network, calibrated on the held-out images.
    ///
    /// # Errors
    ///
    /// Where a weight does not fit half precision.
    pub async fn finish(&self, data: String) -> Result<Uint8Array, JsError> {
        let provenance = Provenance {
            data,
            device: "a browser's CPU".into(),
            ..Provenance::default()
        };
        let finished = self.training.finish(provenance, Precision::F16).await;
        let finished = finished.map_err(|error| js_error(&error))?;
        Ok(Uint8Array::from(finished.bytes.as_slice()))
    }
}
