//! Shows in detail what a memory returns for one block of one image: which items it uses, with
//! which weights, and what the items look like (Eq. 1 and 2).

use burn::tensor::{Tensor, TensorData};
use image::{GenericImageView, RgbImage};

use super::inference::{Inference, read};
use crate::error::Result;
use crate::image::{from_values, to_tensor};
use crate::nn::{Addressing, DivisionRate};

/// A block of the map at one scale. If the channels are divided too, several blocks have the same
/// row and column and differ in `channel`.
///
/// ```
/// use daad::detector::BlockPlace;
///
/// // The blocks of the finest map of a model, row by row.
/// let card = daad::weights::read_card(&std::fs::read("models/piped.safetensors")?)?;
/// let rate = card.config.division_rate(0);
/// let places = (0..rate.height).flat_map(|row| {
///     (0..rate.width).map(move |column| BlockPlace { scale: 0, row, column, channel: 0 })
/// });
/// assert_eq!(places.count(), 8 * 8);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlockPlace {
    /// The scale; 0 is the finest.
    pub scale: usize,
    /// The row of blocks, below `rate.height`.
    pub row: usize,
    /// The column of blocks, below `rate.width`.
    pub column: usize,
    /// The channel block, below `rate.channel`.
    pub channel: usize,
}

/// The memory's result for one block.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> { pollster::block_on(async {
/// # use burn::tensor::Device;
/// # use daad::Detector;
/// # let file = std::fs::read("models/piped.safetensors")?;
/// # let detector = Detector::from_bytes(&file, &Device::flex())?;
/// # use daad::detector::BlockPlace;
/// # let image = std::fs::read("www/gallery/piped/PA_GLA01_TL_S_D_02_2.png")?;
/// let inspector = detector.inspector(&detector.prepare(&image)?)?;
/// let place = BlockPlace { scale: 0, row: 2, column: 1, channel: 0 };
/// let block = detector.inspect(&inspector, place, 5).await?.ok_or("no memory there")?;
/// assert_eq!(block.addressing.weights.len(), 300); // of all items of the memory
/// assert_eq!(block.dim, 12 * 8 * 8);
/// assert_eq!(block.answer.dimensions(), (16, 16)); // an eighth of the image
/// # Ok(()) }) }
/// ```
#[derive(Debug, Clone)]
pub struct InspectedBlock {
    /// The similarities and weights of all items for this block.
    pub addressing: Addressing,
    /// The temperature by which similarities are divided before the softmax; 1 in the paper.
    pub temperature: f64,
    /// D, the number of values of the query.
    pub dim: usize,
    /// The cosine of the query q and the answer q̂: 1 if the memory returns the query unchanged.
    pub likeness: f64,
    /// The reconstruction at the block, with the query itself in place of the memory's answer.
    pub query: RgbImage,
    /// The reconstruction at the block with the memory's answer, as the network computes it.
    pub answer: RgbImage,
    /// The strongest items, strongest first.
    pub items: Vec<InspectedItem>,
}

/// One item's part in an answer.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> { pollster::block_on(async {
/// # use burn::tensor::Device;
/// # use daad::Detector;
/// # let file = std::fs::read("models/piped.safetensors")?;
/// # let detector = Detector::from_bytes(&file, &Device::flex())?;
/// # use daad::detector::BlockPlace;
/// # let image = std::fs::read("www/gallery/piped/PA_GLA01_TL_S_D_02_2.png")?;
/// let inspector = detector.inspector(&detector.prepare(&image)?)?;
/// let place = BlockPlace { scale: 0, row: 2, column: 1, channel: 0 };
/// let block = detector.inspect(&inspector, place, 5).await?.ok_or("no memory there")?;
/// let strongest = &block.items[0];
/// assert_eq!(strongest.weight, block.addressing.weights[strongest.index]);
/// assert_eq!(strongest.picture.dimensions(), block.answer.dimensions());
/// # Ok(()) }) }
/// ```
#[derive(Debug, Clone)]
pub struct InspectedItem {
    /// The index of the item among the N items.
    pub index: usize,
    /// s, the cosine of query and item.
    pub similarity: f32,
    /// w, its share in the softmax of the similarities.
    pub weight: f32,
    /// The reconstruction at the block with this item alone in place of the mixture, scaled to the
    /// norm of the answer.
    pub picture: RgbImage,
}

/// The feature maps of one image, kept for inspection.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> { pollster::block_on(async {
/// # use burn::tensor::Device;
/// # use daad::Detector;
/// # let file = std::fs::read("models/piped.safetensors")?;
/// # let detector = Detector::from_bytes(&file, &Device::flex())?;
/// # use daad::detector::BlockPlace;
/// # let image = std::fs::read("www/gallery/piped/PA_GLA01_TL_S_D_02_2.png")?;
/// let inspector = detector.inspector(&detector.prepare(&image)?)?;
/// let place = BlockPlace { scale: 0, row: 2, column: 1, channel: 0 };
/// // The image is encoded once for all of its blocks.
/// for column in 0..2 {
///     let place = BlockPlace { column, ..place };
///     assert!(detector.inspect(&inspector, place, 1).await?.is_some());
/// }
/// # Ok(()) }) }
/// ```
#[derive(Debug)]
pub struct Inspector {
    size_px: (u32, u32),
    maps: Vec<Tensor<4>>,
    assembled: Vec<Tensor<4>>,
}

impl Inspector {
    /// Encodes an image of the model's size and computes the memory's answers to all of its blocks.
    pub(super) fn new(inference: &Inference, image: &RgbImage) -> Self {
        let generator = inference.generator();
        let maps = generator.encode(to_tensor(&[image], inference.device()));
        let recalled = maps.iter().cloned().enumerate();
        Self {
            size_px: image.dimensions(),
            assembled: recalled
                .map(|(scale, map)| generator.recall(scale, map))
                .collect(),
            maps,
        }
    }

    /// Inspects one block of an image that `inference` encoded, with pictures of its `strongest`
    /// items. None where no memory is at this scale.
    ///
    /// # Errors
    ///
    /// [`crate::Error::Device`] where the device fails.
    ///
    /// # Panics
    ///
    /// Where the block lies outside the map.
    pub(super) async fn block(
        &self,
        inference: &Inference,
        place: BlockPlace,
        strongest: usize,
    ) -> Result<Option<InspectedBlock>> {
        let Some(memory) = inference.generator().memory(place.scale) else {
            return Ok(None);
        };
        let values = read([
            self.maps[place.scale].clone(),
            self.assembled[place.scale].clone(),
        ]);
        let [map, assembled] = values.await?;
        let [items] = read([memory.items()]).await?;
        let [_, channels, height, width] = self.maps[place.scale].dims();
        let block = Block::new([channels, height, width], memory.rate(), place);
        let query = block.cut(&map);
        let answer = block.cut(&assembled);
        let dim = query.len();
        let addressing = memory.address_one(&query, &items);

        let item = |index: usize| &items[index * dim..(index + 1) * dim];
        let chosen: Vec<usize> = addressing.strongest().take(strongest).collect();
        let mut fillings = vec![query.clone(), answer.clone()];
        fillings.extend(chosen.iter().map(|&index| {
            let strength = norm(&answer) / norm(item(index)).max(f32::MIN_POSITIVE);
            item(index).iter().map(|value| value * strength).collect()
        }));
        let mut pictures = Vec::with_capacity(fillings.len());
        for filling in &fillings {
            let mut map = assembled.clone();
            block.paste(filling, &mut map);
            pictures.push(self.picture(inference, map, &block).await?);
        }

        let mut pictures = pictures.into_iter();
        let mut next = || pictures.next().expect("a picture for each filling");
        Ok(Some(InspectedBlock {
            likeness: f64::from(cosine(&query, &answer)),
            dim,
            temperature: memory.temperature(),
            query: next(),
            answer: next(),
            items: chosen
                .into_iter()
                .map(|index| InspectedItem {
                    index,
                    similarity: addressing.similarities[index],
                    weight: addressing.weights[index],
                    picture: next(),
                })
                .collect(),
            addressing,
        }))
    }

    /// The reconstruction at the block, decoded with another map at the block's scale.
    async fn picture(
        &self,
        inference: &Inference,
        map: Vec<f32>,
        block: &Block,
    ) -> Result<RgbImage> {
        let scale = block.place.scale;
        let mut maps = self.assembled.clone();
        let data = TensorData::new(map, maps[scale].dims());
        maps[scale] = Tensor::from_data(data, inference.device());
        let [values] = read([inference.generator().decode(maps)]).await?;
        let (width, height) = self.size_px;
        let image = from_values(&values, width, height);
        let (tall, wide) = (
            height as usize / block.rate.height,
            width as usize / block.rate.width,
        );
        let (top, left) = (block.place.row * tall, block.place.column * wide);
        let part = image.view(left as u32, top as u32, wide as u32, tall as u32);
        Ok(part.to_image())
    }
}

/// The position of a block in the values of a map.
struct Block {
    map: [usize; 3],
    rate: DivisionRate,
    place: BlockPlace,
}

impl Block {
    fn new(map: [usize; 3], rate: DivisionRate, place: BlockPlace) -> Self {
        let BlockPlace {
            row,
            column,
            channel,
            ..
        } = place;
        assert!(
            row < rate.height && column < rate.width && channel < rate.channel,
            "there is no block {place:?} at {rate:?}"
        );
        Self { map, rate, place }
    }

    /// The rows of the block, in the order that [`crate::nn::divide`] has: where each begins in the
    /// map, and their length.
    fn rows(&self) -> (impl Iterator<Item = usize>, usize) {
        let [channels, height, width] = self.map;
        let (deep, tall, wide) = (
            channels / self.rate.channel,
            height / self.rate.height,
            width / self.rate.width,
        );
        let BlockPlace {
            row,
            column,
            channel,
            ..
        } = self.place;
        let planes = channel * deep..(channel + 1) * deep;
        let starts = planes.flat_map(move |plane| {
            (row * tall..(row + 1) * tall)
                .map(move |y| (plane * height + y) * width + column * wide)
        });
        (starts, wide)
    }

    fn cut(&self, map: &[f32]) -> Vec<f32> {
        let (starts, wide) = self.rows();
        starts
            .flat_map(|start| map[start..start + wide].iter().copied())
            .collect()
    }

    fn paste(&self, block: &[f32], map: &mut [f32]) {
        let (starts, wide) = self.rows();
        for (start, row) in starts.zip(block.chunks_exact(wide)) {
            map[start..start + wide].copy_from_slice(row);
        }
    }
}

fn norm(values: &[f32]) -> f32 {
    values.iter().map(|value| value * value).sum::<f32>().sqrt()
}

fn cosine(a: &[f32], b: &[f32]) -> f32 {
    let dot: f32 = a.iter().zip(b).map(|(a, b)| a * b).sum();
    dot / (norm(a) * norm(b)).max(f32::MIN_POSITIVE)
}
