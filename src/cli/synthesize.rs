//! `daad synthesize`.

use std::io::Cursor;
use std::path::Path;
use std::process::ExitCode;

use image::{ImageFormat, RgbImage};

use daad::train::atomic_file;
use daad::train::dataset::SyntheticImages;

use super::args::SynthesizeArgs;
use super::output::line;

/// In MVTec AD's layout: images to train on, then normal and defective ones to test with, in the
/// order in which they are drawn.
pub(crate) fn run(args: &SynthesizeArgs) -> anyhow::Result<ExitCode> {
    let is_empty = std::fs::read_dir(&args.out).is_ok_and(|mut folder| folder.next().is_none());
    anyhow::ensure!(
        is_empty || !args.out.exists(),
        "{} is there already: images of two kinds would be mixed",
        args.out.display()
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
        args.out.display(),
        args.train,
        args.test,
        args.test * kinds,
    ))?;
    Ok(ExitCode::SUCCESS)
}

fn write(out: &Path, folder: &str, index: usize, image: &RgbImage) -> anyhow::Result<()> {
    let mut bytes = Cursor::new(Vec::new());
    image.write_to(&mut bytes, ImageFormat::Png)?;
    let path = out.join(folder).join(format!("{index:03}.png"));
    Ok(atomic_file::write(&path, &bytes.into_inner())?)
}
