//! What can be asked on the command line.

use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Parser, Subcommand, value_parser};

use daad::TileOptions;
use daad::image::MIN_SIDE_PX;
use daad::detector::TileSize;
use daad::train::dataset::{DEFAULT_CACHE_BYTES, Texture, Unreadable};
use daad::train::settings::named;
use daad::train::{DeviceChoice, Flips, Settings};

/// Divide-and-Assemble anomaly detection: learn from normal images what normal looks like, and
/// find what does not.
///
/// Without a command it trains a small DAAD+ on textures that it makes itself, in minutes.
#[derive(Debug, Parser)]
#[command(version)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Train a model on a folder of images and write its file
    Train(Box<TrainArgs>),
    /// Show what a model file says of itself, and the settings that train one like it
    Info(super::info::InfoArgs),
    /// Measure a model on a labelled test folder, under both protocols
    Eval(EvalArgs),
    /// Score images or folders of images
    Score(ScoreArgs),
    /// Set a model's threshold anew, from the scores of normal images that its file holds
    Threshold(ThresholdArgs),
    /// Set a model's scaling and threshold anew, from other good images: another camera, another
    /// light
    Calibrate(CalibrateArgs),
    /// Show finished runs: curves, histograms, the best and the worst images, side by side
    Report(super::report::ReportArgs),
    /// Train and measure many models: any table of the paper, or any settings of your own
    Sweep(Box<super::sweep::SweepArgs>),
    /// List the devices there are, compare each with the CPU, and say which are fit to train on
    Doctor(super::doctor::DoctorArgs),
    /// Make images, normal and defective, to try all this on
    Synthesize(SynthesizeArgs),
}

#[derive(Debug, Args)]
pub(crate) struct CalibrateArgs {
    /// The model file, rewritten in place; its weights stay as they are
    #[arg(long, value_name = "FILE")]
    pub(crate) model: PathBuf,
    /// Good images that the network was not trained on, or folders of them
    #[arg(value_name = "PATH", required = true)]
    pub(crate) paths: Vec<PathBuf>,
    /// Which of their mirror images are normal too: both, horizontal, vertical or none
    #[arg(long, value_name = "NAME", default_value = "both", value_parser = named::<Flips>)]
    pub(crate) flips: Flips,
    #[command(flatten)]
    pub(crate) common: CommonArgs,
}

#[derive(Debug, Args)]
pub(crate) struct SynthesizeArgs {
    /// What they show
    #[arg(long, value_parser = PossibleValuesParser::new(Texture::ALL.map(|(_, name)| name)).map(texture), default_value = "floor")]
    pub(crate) texture: Texture,
    /// Where to write them, in MVTec AD's layout
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// Height and width in pixels
    #[arg(long, value_name = "PX", default_value_t = 64, value_parser = value_parser!(u32).range(8..=4096))]
    pub(crate) size: u32,
    /// Normal images to train on
    #[arg(long, value_name = "COUNT", default_value_t = 320)]
    pub(crate) train: usize,
    /// Images to test with: normal ones, and of each kind of defect
    #[arg(long, value_name = "COUNT", default_value_t = 20)]
    pub(crate) test: usize,
    /// The same seed gives the same images
    #[arg(long, default_value_t = 0)]
    pub(crate) seed: u64,
}

#[derive(Debug, Args)]
pub(crate) struct TrainArgs {
    /// Good images, or a data set: MVTec AD, PIPED, MNIST, CIFAR-10, class folders, videos with
    /// labels (docs/experiments.md has the layouts)
    #[arg(long, value_name = "DIR")]
    pub(crate) data: PathBuf,
    /// Train on these categories only (may be repeated); of MNIST, CIFAR-10 and class folders the
    /// one class that is normal
    #[arg(long, value_name = "NAME")]
    pub(crate) category: Vec<String>,
    /// What to do about an image that cannot be read: fail, or skip it; either way it is named
    #[arg(long, value_name = "NAME", default_value = "fail", value_parser = named::<Unreadable>)]
    pub(crate) unreadable: Unreadable,
    /// How many MiB of decoded images to keep from epoch to epoch
    #[arg(long, value_name = "MIB", default_value_t = DEFAULT_CACHE_BYTES >> 20)]
    pub(crate) cache_mib: usize,
    /// Where to write the model; the checkpoint lies beside it
    #[arg(long, value_name = "FILE", default_value = "model.safetensors")]
    pub(crate) out: PathBuf,
    /// Go on from the checkpoint beside --out; its settings are kept, --epochs may be raised
    #[arg(long)]
    pub(crate) resume: bool,
    /// Start anew although there is a checkpoint of an unfinished run
    #[arg(long, conflicts_with = "resume")]
    pub(crate) overwrite: bool,
    /// Stop as after Ctrl-C when standard input ends
    #[arg(long, hide = true)]
    pub(crate) stop_at_eof: bool,
    /// Store weights as f32; the default f16 takes half the room
    #[arg(long)]
    pub(crate) full_precision: bool,
    /// TOML file of settings, under the names of the flags below; flags go over it
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) settings: Settings,
    #[command(flatten)]
    pub(crate) provenance: ProvenanceArgs,
    #[command(flatten)]
    pub(crate) common: CommonArgs,
}

/// What the model file says of its origin.
#[derive(Debug, Args)]
#[command(next_help_heading = "Provenance, written into the model file")]
pub(crate) struct ProvenanceArgs {
    /// The data's name [default: the folder's]
    #[arg(long, value_name = "TEXT")]
    pub(crate) data_name: Option<String>,
    /// The data's licence
    #[arg(long, value_name = "TEXT")]
    pub(crate) licence: Option<String>,
    /// Whom to credit for the data
    #[arg(long, value_name = "TEXT")]
    pub(crate) attribution: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct EvalArgs {
    /// The model file
    #[arg(long, value_name = "FILE")]
    pub(crate) model: PathBuf,
    /// Folder with labelled test images, in any layout that `daad train` takes
    #[arg(long, value_name = "DIR")]
    pub(crate) data: PathBuf,
    /// Measure these categories only (may be repeated)
    #[arg(long, value_name = "NAME")]
    pub(crate) category: Vec<String>,
    /// What to do about an image that cannot be read: fail, or skip it; either way it is named
    #[arg(long, value_name = "NAME", default_value = "fail", value_parser = named::<Unreadable>)]
    pub(crate) unreadable: Unreadable,
    /// Write every image's scores and the figures beside the model file: NAME.scores.csv,
    /// NAME.metrics.csv, NAME.evaluation.json
    #[arg(long)]
    pub(crate) record: bool,
    #[command(flatten)]
    pub(crate) common: CommonArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ScoreArgs {
    /// The model file
    #[arg(long, value_name = "FILE")]
    pub(crate) model: PathBuf,
    /// Images, or folders of images
    #[arg(required = true, value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,
    /// Write NAME.heat.png here for each image
    #[arg(long, value_name = "DIR")]
    pub(crate) heat_maps: Option<PathBuf>,
    /// Write NAME.reconstruction.png here for each image
    #[arg(long, value_name = "DIR", conflicts_with = "tiles")]
    pub(crate) reconstructions: Option<PathBuf>,
    /// Call scores above this anomalous, instead of the model's own threshold
    #[arg(long, value_name = "SCORE", value_parser = finite, allow_negative_numbers = true)]
    pub(crate) threshold: Option<f64>,
    #[command(flatten)]
    pub(crate) tiles: TileArgs,
    #[command(flatten)]
    pub(crate) common: CommonArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ThresholdArgs {
    /// The model file, rewritten in place; its weights stay as they are. With --tiles it is only read
    #[arg(long, value_name = "FILE")]
    pub(crate) model: PathBuf,
    /// Share of normal images that the threshold may refuse
    #[arg(long, value_name = "SHARE", value_parser = share)]
    pub(crate) false_alarm_rate: f64,
    /// With --tiles: normal photographs, or folders of them, to cut and score; the threshold that
    /// this prints is for `daad score --tiles --threshold`
    #[arg(
        value_name = "PATH",
        requires = "tiles",
        required_if_eq("tiles", "true")
    )]
    pub(crate) paths: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) tiles: TileArgs,
    #[command(flatten)]
    pub(crate) common: CommonArgs,
}

/// How large photographs are cut.
#[derive(Debug, Args)]
#[command(next_help_heading = "Large photographs")]
pub(crate) struct TileArgs {
    /// Cut each image into tiles, each resized to the model's size and judged by itself; an image
    /// is as anomalous as its worst tile.
    ///
    /// The model's own threshold refuses its share of normal images. On tiles it is not calibrated:
    /// a photograph of a hundred normal tiles meets it a hundred times. `daad threshold --tiles`
    /// finds one from normal photographs cut in the same way, and `daad score --threshold` takes it.
    #[arg(long)]
    tiles: bool,
    /// Side of a square tile, or WxH, in pixels of the image: as much of the object as a training
    /// image showed [default: the model's size]
    #[arg(long, value_name = "PX", value_parser = tile_size, requires = "tiles")]
    tile_px: Option<TileSize>,
    /// Share of a tile's side that its neighbour sees too [default: 0.25]
    #[arg(long, value_name = "SHARE", value_parser = share, requires = "tiles", allow_negative_numbers = true)]
    tile_overlap: Option<f64>,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Everywhere")]
pub(crate) struct CommonArgs {
    /// Where to compute: auto (a real GPU, else the CPU), cpu, gpu, gpu:N, cuda, cuda:N
    #[arg(long, default_value = "auto")]
    pub(crate) device: DeviceChoice,
    /// Results as JSON lines on standard output, for machines
    #[arg(long)]
    pub(crate) json: bool,
}

impl TileArgs {
    /// None where images are to be judged whole.
    pub(crate) fn options(&self) -> Option<TileOptions> {
        let default = TileOptions::default();
        self.tiles.then(|| TileOptions {
            size: self.tile_px,
            overlap: self.tile_overlap.unwrap_or(default.overlap),
            ..default
        })
    }
}

fn texture(name: String) -> Texture {
    let known = Texture::ALL.into_iter().find(|(_, known)| *known == name);
    known.expect("clap lets known names through only").0
}

fn share(text: &str) -> Result<f64, String> {
    let share = text.parse().ok().filter(|share| (0.0..1.0).contains(share));
    share.ok_or_else(|| "expected a share, at least 0 and below 1".into())
}

fn finite(text: &str) -> Result<f64, String> {
    let number = text.parse().ok().filter(|number: &f64| number.is_finite());
    number.ok_or_else(|| "expected a number".into())
}

fn tile_size(text: &str) -> Result<TileSize, String> {
    let (width, height) = text.split_once('x').unwrap_or((text, text));
    let side = |text: &str| text.parse().ok().filter(|&side| side >= MIN_SIDE_PX);
    let (Some(width_px), Some(height_px)) = (side(width), side(height)) else {
        return Err(format!(
            "expected a side, or WxH, of at least {MIN_SIDE_PX} pixels"
        ));
    };
    Ok(TileSize {
        width_px,
        height_px,
    })
}
