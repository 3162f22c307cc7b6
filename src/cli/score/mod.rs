//! `daad score`: scores images and folders once, watches folders, or answers the requests of another
//! program.

mod json_lines;
mod pictures;
mod scorer;
mod watch;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use daad::error::shown;

use super::common::arguments::CommonArgs;
use super::common::files::{images, read_image};
use super::common::output::note;
use super::common::tiles::TileArgs;
use pictures::Pictures;
use scorer::Scorer;

#[derive(Debug, Args)]
#[command(allow_negative_numbers = true)]
pub(crate) struct ScoreArgs {
    /// The model file
    #[arg(long, value_name = "FILE")]
    model: PathBuf,
    /// Images, or folders of images; - reads an image from standard input; with --watch folders
    #[arg(required_unless_present = "json_lines", value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Write NAME.heat.png here for each image
    #[arg(long, value_name = "DIR")]
    heat_maps: Option<PathBuf>,
    /// Write NAME.reconstruction.png here for each image
    #[arg(long, value_name = "DIR", conflicts_with = "tiles")]
    reconstructions: Option<PathBuf>,
    /// Call scores above this anomalous, instead of the model's own threshold
    #[arg(long, value_name = "SCORE", value_parser = finite, allow_negative_numbers = true)]
    threshold: Option<f64>,
    /// Watch folders, and score each image that a camera writes there, until Ctrl-C
    ///
    /// Existing images are skipped. An image is scored when its size no longer changes and it can
    /// be decoded, and again when the file is overwritten. Folders on network shares can be watched
    /// too.
    #[arg(long, help_heading = "On the line")]
    watch: bool,
    /// Answer requests of another program: one JSON object a line on standard input, one a line on
    /// standard output, in the same order
    ///
    /// A request is {"path": "FILE"} or {"image": "BASE64 OF A FILE"}. It may also have an "id" of
    /// any kind, which the answer repeats, and "heat_map": "FILE", where the heat map is to be
    /// written. The answer is that of --json or, for a request that cannot be answered, {"error":
    /// "REASON"}. A line may have 64 MiB.
    #[arg(long, help_heading = "On the line")]
    #[arg(conflicts_with_all = ["paths", "watch", "heat_maps", "reconstructions"])]
    json_lines: bool,
    #[command(flatten)]
    tiles: TileArgs,
    #[command(flatten)]
    common: CommonArgs,
}

pub(crate) fn run(args: &ScoreArgs) -> anyhow::Result<ExitCode> {
    let scorer = Scorer::open(args)?;
    if args.json_lines {
        return json_lines::answer_all(&scorer);
    }
    let mut pictures = Pictures::new(&args.heat_maps, &args.reconstructions)?;
    if args.watch {
        return watch::run(&scorer, &args.paths, &mut pictures, args.common.json);
    }
    let images = images(&args.paths)?;
    let (mut failed, mut unwritten) = (0, 0);
    for path in &images {
        let scored =
            read_image(path).and_then(|bytes| scorer.score(&bytes, pictures.want_heat_maps()));
        // An image that cannot be read must not prevent the scoring of the others.
        let scored = match scored {
            Ok(scored) => scored,
            Err(error) => {
                note(&format!("{}: {error:#}", shown(path)));
                failed += 1;
                continue;
            }
        };
        scorer.print(path, &scored, args.common.json)?;
        unwritten += pictures.save(path, &scored);
    }
    if failed > 0 {
        anyhow::bail!("{failed} of {} images could not be scored", images.len());
    }
    anyhow::ensure!(unwritten == 0, "{unwritten} pictures could not be written");
    Ok(ExitCode::SUCCESS)
}

fn finite(text: &str) -> Result<f64, String> {
    let number = text.parse().ok().filter(|number: &f64| number.is_finite());
    number.ok_or_else(|| "expected a number".into())
}
