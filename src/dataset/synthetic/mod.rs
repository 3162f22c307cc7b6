//! Images that the program draws itself, with and without defects, to try everything from training
//! to scoring without a data set.

mod cloth;
mod defect;
mod floor;

use image::RgbImage;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

pub use defect::Defect;

use super::LabelledImage;
use crate::metric::Label;

/// The texture that the images show.
///
/// ```
/// use daad::dataset::{Defect, Texture};
///
/// assert!(Texture::Floor.defects().contains(&Defect::MissingTile));
/// assert!(!Texture::Cloth.defects().contains(&Defect::MissingTile));
/// let named = Texture::ALL.into_iter().find(|(_, name)| *name == "floor");
/// assert_eq!(named.map(|(texture, _)| texture), Some(Texture::Floor));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Texture {
    /// Woven cloth: all images are nearly the same.
    Cloth,
    /// A floor of 4×4 tiles: the kinds of tiles are always the same, their arrangement differs.
    Floor,
}

impl Texture {
    /// All textures, with the names that the command line uses.
    pub const ALL: [(Self, &'static str); 2] = [(Self::Cloth, "cloth"), (Self::Floor, "floor")];

    /// The kinds of defects that this texture can have.
    pub const fn defects(self) -> &'static [Defect] {
        match self {
            Self::Cloth => &[Defect::Stain, Defect::Scratch, Defect::Hole],
            Self::Floor => &[
                Defect::Stain,
                Defect::Scratch,
                Defect::Hole,
                Defect::MissingTile,
                Defect::MixedTile,
            ],
        }
    }
}

/// A generator of images; the same seed gives the same images.
///
/// ```
/// use daad::dataset::{SyntheticImages, Texture};
/// use daad::metric::Label;
///
/// let mut floors = SyntheticImages::new(Texture::Floor, 64, 1);
/// let (normal, defective) = (floors.normal(3), floors.defective(2));
/// assert_eq!((normal[0].label, defective[0].label), (Label::Normal, Label::Anomalous));
/// assert_ne!(normal[0].image, normal[1].image);
/// let again = SyntheticImages::new(Texture::Floor, 64, 1).normal(1);
/// assert_eq!(again[0].image, normal[0].image);
/// ```
#[derive(Debug, Clone)]
pub struct SyntheticImages {
    texture: Texture,
    size_px: u32,
    rng: ChaCha8Rng,
}

impl SyntheticImages {
    /// A generator of square images with sides of `size_px` pixels.
    pub fn new(texture: Texture, size_px: usize, seed: u64) -> Self {
        Self {
            texture,
            size_px: size_px as u32,
            rng: ChaCha8Rng::seed_from_u64(seed),
        }
    }

    /// `count` images without a defect.
    pub fn normal(&mut self, count: usize) -> Vec<LabelledImage> {
        (0..count)
            .map(|_| labelled(self.draw(), Label::Normal))
            .collect()
    }

    /// `count` images with one defect each; the texture's kinds of defects alternate.
    pub fn defective(&mut self, count: usize) -> Vec<LabelledImage> {
        let kinds = self.texture.defects().iter().cycle();
        kinds
            .take(count)
            .map(|&kind| labelled(self.with(kind), Label::Anomalous))
            .collect()
    }

    /// An image with a defect of this kind.
    ///
    /// ```
    /// use daad::dataset::{SyntheticImages, Texture};
    ///
    /// let mut floors = SyntheticImages::new(Texture::Floor, 64, 1);
    /// for &defect in Texture::Floor.defects() {
    ///     println!("{}: {:?}", defect.name(), floors.with(defect).dimensions());
    /// }
    /// ```
    pub fn with(&mut self, defect: Defect) -> RgbImage {
        let mut image = self.draw();
        match defect {
            Defect::MissingTile => floor::take_out(&mut image, &mut self.rng),
            Defect::MixedTile => floor::mix(&mut image, &mut self.rng),
            Defect::Stain | Defect::Scratch | Defect::Hole => {
                defect::damage(&mut image, defect, &mut self.rng);
            }
        }
        image
    }

    fn draw(&mut self) -> RgbImage {
        match self.texture {
            Texture::Cloth => cloth::draw(self.size_px, &mut self.rng),
            Texture::Floor => floor::draw(self.size_px, &mut self.rng),
        }
    }
}

fn labelled(image: RgbImage, label: Label) -> LabelledImage {
    LabelledImage {
        name: String::new(),
        category: String::new(),
        kind: String::new(),
        label,
        video: String::new(),
        mask: None,
        mask_flaw: None,
        is_mask_turn_guessed: false,
        part: None,
        image,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_images_and_another_seed_others() {
        for (texture, _) in Texture::ALL {
            let image = |seed| {
                SyntheticImages::new(texture, 32, seed)
                    .normal(1)
                    .remove(0)
                    .image
            };
            assert_eq!(image(1), image(1));
            assert_ne!(image(1), image(2));
        }
    }

    #[test]
    fn defects_change_a_visible_part_of_the_image() {
        for (texture, _) in Texture::ALL {
            for &defect in texture.defects() {
                let mut images = SyntheticImages::new(texture, 64, 3);
                let whole = images.clone().draw();
                let damaged = images.with(defect);
                let pairs = whole.pixels().zip(damaged.pixels());
                let changed = pairs.filter(|(before, after)| before != after).count();
                assert!(
                    (40..1000).contains(&changed),
                    "{texture:?} {defect:?}: {changed}"
                );
            }
        }
    }
}
