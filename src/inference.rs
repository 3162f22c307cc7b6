//! The networks at work on images: raw scores, reconstruction and error map, before any
//! calibration gives them a meaning.

use burn::module::Module;
use burn::tensor::{Device, Tensor, Transaction};
use image::RgbImage;

use crate::error::{Error, Result};
use crate::image::{from_values, to_tensor};
use crate::model::{Autoencoder, Model};
use crate::score::{self, RawScore};

/// A model on a device, ready to examine images.
#[derive(Debug)]
pub struct Inference {
    model: Model,
    device: Device,
    scores_alignment: bool,
}

/// What the networks make of one image.
#[derive(Debug, Clone)]
pub struct Examination {
    /// R and L before scaling.
    pub raw: RawScore,
    /// What the generator made of the image.
    pub reconstruction: RgbImage,
    /// Squared error per pixel, mean over the channels, row by row, `H·W`.
    pub error_map: Vec<f32>,
}

/// An examination without the reconstruction.
#[derive(Debug, Clone)]
pub struct ScoredMap {
    /// R and L before scaling.
    pub raw: RawScore,
    /// Squared error per pixel, mean over the channels, row by row, `H·W`.
    pub error_map: Vec<f32>,
}

/// The result for a batch, still on the device.
struct Batch {
    reconstructions: Tensor<4>,
    error_maps: Tensor<3>,
    reconstruction_scores: Tensor<1>,
    alignment_scores: Option<Tensor<1>>,
}

impl Inference {
    /// Takes a snapshot of a model, in training or not. `scores_alignment` says whether L is
    /// computed too, which needs the discriminator.
    ///
    /// # Panics
    ///
    /// Where L is asked of a model without a discriminator.
    pub fn new(model: &Model, device: &Device, scores_alignment: bool) -> Self {
        assert!(
            !scores_alignment || model.discriminator.is_some(),
            "the alignment score needs a discriminator"
        );
        Self {
            model: model.valid().folded(),
            device: device.clone().without_autodiff(),
            scores_alignment,
        }
    }

    /// The part that rebuilds images.
    pub fn generator(&self) -> &Autoencoder {
        &self.model.generator
    }

    /// Where the model is.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// Examines one image of the model's size.
    ///
    /// # Errors
    ///
    /// [`Error::Device`] where the device fails.
    pub async fn examine(&self, image: &RgbImage) -> Result<Examination> {
        let batch = self.run(&[image]);
        let mut read = Transaction::default()
            .register(batch.reconstructions)
            .register(batch.error_maps)
            .register(batch.reconstruction_scores);
        if let Some(alignment) = batch.alignment_scores {
            read = read.register(alignment);
        }
        let mut read = floats(read).await?;
        let raw = RawScore {
            reconstruction: f64::from(read[2][0]),
            alignment: read.get(3).map(|scores| f64::from(scores[0])),
        };
        let (width, height) = image.dimensions();
        Ok(Examination {
            raw,
            reconstruction: from_values(&read[0], width, height),
            error_map: read.swap_remove(1),
        })
    }

    /// R and L of a batch of images of the model's size.
    ///
    /// # Errors
    ///
    /// [`Error::Device`] where the device fails.
    pub async fn raw_scores(&self, images: &[&RgbImage]) -> Result<Vec<RawScore>> {
        let batch = self.run(images);
        let mut read = Transaction::default().register(batch.reconstruction_scores);
        if let Some(alignment) = batch.alignment_scores {
            read = read.register(alignment);
        }
        let read = floats(read).await?;
        Ok((0..images.len())
            .map(|index| RawScore {
                reconstruction: f64::from(read[0][index]),
                alignment: read.get(1).map(|scores| f64::from(scores[index])),
            })
            .collect())
    }

    /// R, L and error map of each image of a batch, all of the model's size.
    ///
    /// # Errors
    ///
    /// [`Error::Device`] where the device fails.
    pub async fn scored_maps(&self, images: &[&RgbImage]) -> Result<Vec<ScoredMap>> {
        let batch = self.run(images);
        let mut read = Transaction::default()
            .register(batch.error_maps)
            .register(batch.reconstruction_scores);
        if let Some(alignment) = batch.alignment_scores {
            read = read.register(alignment);
        }
        let read = floats(read).await?;
        let maps = read[0].chunks_exact(read[0].len() / images.len());
        Ok(maps
            .enumerate()
            .map(|(index, map)| ScoredMap {
                raw: RawScore {
                    reconstruction: f64::from(read[1][index]),
                    alignment: read.get(2).map(|scores| f64::from(scores[index])),
                },
                error_map: map.to_vec(),
            })
            .collect())
    }

    fn run(&self, images: &[&RgbImage]) -> Batch {
        let x = to_tensor(images, &self.device);
        let rebuilt = self.model.generator.forward(x.clone());
        let alignment_scores = match &self.model.discriminator {
            Some(discriminator) if self.scores_alignment => {
                // Both in one pass: the features of images first, then of reconstructions.
                let both = Tensor::cat(vec![x.clone(), rebuilt.clone()], 0);
                let features = discriminator.forward(both).features;
                let mut halves = features.chunk(2, 0).into_iter();
                let (real, fake) = halves.next().zip(halves.next()).expect("two halves");
                Some(score::alignment(real, fake))
            }
            _ => None,
        };
        Batch {
            error_maps: score::error_map(x.clone(), rebuilt.clone()),
            reconstruction_scores: score::reconstruction(x, rebuilt.clone()),
            reconstructions: rebuilt,
            alignment_scores,
        }
    }
}

/// One readback for all that was registered.
async fn floats(transaction: Transaction) -> Result<Vec<Vec<f32>>> {
    let failed = |error: &dyn std::fmt::Debug| Error::Device(format!("{error:?}"));
    let data = transaction.execute_async().await;
    data.map_err(|error| failed(&error))?
        .into_iter()
        .map(|data| data.try_to_vec::<f32>().map_err(|error| failed(&error)))
        .collect()
}

/// The values of a few tensors, in one readback.
pub(crate) async fn read<const D: usize, const COUNT: usize>(
    tensors: [Tensor<D>; COUNT],
) -> Result<[Vec<f32>; COUNT]> {
    let start = Transaction::default();
    let transaction = tensors.into_iter().fold(start, Transaction::register);
    let values = floats(transaction).await?;
    Ok(values.try_into().expect("as many as were asked for"))
}
