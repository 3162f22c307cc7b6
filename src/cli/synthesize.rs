//! `daad synthesize`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, value_parser};
use image::RgbImage;

use daad::dataset::{SyntheticImages, Texture};
use daad::error::shown;

use super::common::files::write_png;
use super::common::output::line;

#[derive(Debug, Args)]
pub(crate) struct SynthesizeArgs {
    /// What they show
    #[arg(long, value_parser = PossibleValuesParser::new(Texture::ALL.map(|(_, name)| name)).map(texture), default_value = "floor")]
    texture: Texture,
    /// Where to write them, in MVTec AD's layout
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Height and width in pixels
    #[arg(long, value_name = "PX", default_value_t = 64, value_parser = value_parser!(u32).range(8..=4096))]
    size: u32,
    /// Normal images to train on
    #[arg(long, value_name = "COUNT", default_value_t = 320)]
    train: usize,
    /// Images to test with: normal ones, and of each kind of defect
    #[arg(long, value_name = "COUNT", default_value_t = 20)]
    test: usize,
    /// The same seed gives the same images
    #[arg(long, default_value_t = 0)]
    seed: u64,
}

/// Writes images in MVTec AD's layout, in the order in which they are drawn: first the images to
/// train on, then normal and defective images to test with.
pub(crate) fn run(args: &SynthesizeArgs) -> anyhow::Result<ExitCode> {
    let is_empty = std::fs::read_dir(&args.out).is_ok_and(|mut folder| folder.next().is_none());
    anyhow::ensure!(
        is_empty || !args.out.exists(),
        "{} is there already: images of two kinds would be mixed",
        shown(&args.out)
    );
    let mut images = SyntheticImages::new(args.texture, args.size as usize, args.seed);
    for (folder, count) in [("train/good", args.train), ("test/good", args.test)] {
        for index in 0..count {
            for labelled in images.normal(1) {
                write(&args.out, folder, index, &labelled.image)?;
            }
        }
    }
    for &defect in args.texture.defects() {
        for index in 0..args.test {
            let folder = format!("test/{}", defect.name());
            write(&args.out, &folder, index, &images.with(defect))?;
        }
    }
    let kinds = args.texture.defects().len();
    line(&format!(
        "{}: {} images to train on; to test, {} normal and {} defective ones of {kinds} kinds",
        shown(&args.out),
        args.train,
        args.test,
        args.test * kinds,
    ))?;
    Ok(ExitCode::SUCCESS)
}

fn write(out: &Path, folder: &str, index: usize, image: &RgbImage) -> anyhow::Result<()> {
    let path = out.join(folder).join(format!("{index:03}.png"));
    write_png(image, &path).map(drop)
}

fn texture(name: String) -> Texture {
    let known = Texture::ALL.into_iter().find(|(_, known)| *known == name);
    known.expect("clap lets known names through only").0
}
