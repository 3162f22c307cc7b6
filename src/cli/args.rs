//! What can be asked on the command line.

use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Parser, Subcommand, value_parser};

use daad::TileOptions;
use daad::image::MIN_SIDE_PX;
use daad::loss::AdversarialForm;
use daad::model::{AdversarialConfig, MemoryConfig, ModelConfig, System};
use daad::nn::DivisionRate;
use daad::tiling::TileSize;
use daad::train::dataset::Texture;
use daad::train::{DeviceChoice, Objective, Schedule, TrainConfig};

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
    /// Measure a model on a labelled test folder, under both protocols
    Eval(EvalArgs),
    /// Score images or folders of images
    Score(ScoreArgs),
    /// Set a model's threshold anew, from the scores of normal images that its file holds
    Threshold(ThresholdArgs),
    /// Set a model's scaling and threshold anew, from other good images: another camera, another
    /// light
    Calibrate(CalibrateArgs),
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
    /// Judge them as they are; without this their mirror images count as normal too
    #[arg(long)]
    pub(crate) no_flips: bool,
    #[command(flatten)]
    pub(crate) common: CommonArgs,
}

#[derive(Debug, Args)]
pub(crate) struct SynthesizeArgs {
    /// What they show
    #[arg(long, value_parser = PossibleValuesParser::new(Texture::ALL.map(|(_, name)| name)).map(|name| named(Texture::ALL, &name)), default_value = "floor")]
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
    /// Folder in MVTec AD's or PIPED's layout, folders of these, or simply good images
    #[arg(long, value_name = "DIR")]
    pub(crate) data: PathBuf,
    /// Train on these categories only (may be repeated)
    #[arg(long, value_name = "NAME")]
    pub(crate) category: Vec<String>,
    /// Where to write the model; the checkpoint lies beside it
    #[arg(long, value_name = "FILE", default_value = "model.safetensors")]
    pub(crate) out: PathBuf,
    /// Go on from the checkpoint beside --out; its settings are kept, --epochs may be raised
    #[arg(long)]
    pub(crate) resume: bool,
    /// Start anew although there is a checkpoint of an unfinished run
    #[arg(long, conflicts_with = "resume")]
    pub(crate) overwrite: bool,
    /// Store weights as f32; the default f16 takes half the room
    #[arg(long)]
    pub(crate) full_precision: bool,
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
    #[command(flatten)]
    pub(crate) provenance: ProvenanceArgs,
    #[command(flatten)]
    pub(crate) common: CommonArgs,
}

/// The paper's defaults, all changeable.
#[derive(Debug, Args)]
#[command(next_help_heading = "Training")]
pub(crate) struct ConfigArgs {
    /// Passes over the training images [default: 1000]
    #[arg(long)]
    pub(crate) epochs: Option<usize>,
    /// Images a step
    #[arg(long, default_value_t = 8)]
    batch_size: usize,
    /// Adam's learning rate [default: 2e-4 with the discriminator, 1e-4 without]
    #[arg(long)]
    learning_rate: Option<f64>,
    /// Let the learning rate fall along a cosine to zero at the last epoch
    #[arg(long)]
    cosine: bool,
    /// Seed of weights, order and flips
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Do not mirror images at random
    #[arg(long)]
    no_flips: bool,
    /// Share of the normal training images held out for calibration
    #[arg(long, default_value_t = 0.15, value_name = "SHARE")]
    held_out: f64,
    /// Weight γ of the reconstruction score against the alignment score
    #[arg(long, default_value_t = 0.9)]
    gamma: f64,
    /// Share of normal images that the threshold may refuse
    #[arg(long, default_value_t = 0.01, value_name = "SHARE")]
    false_alarm_rate: f64,

    /// Image height and width in pixels
    #[arg(
        long,
        default_value_t = 256,
        value_name = "PX",
        help_heading = "Network"
    )]
    size: usize,
    /// Width w: channels of the first scale
    #[arg(long, default_value_t = 64, help_heading = "Network")]
    width: usize,
    /// Scales L
    #[arg(long, default_value_t = 4, help_heading = "Network")]
    scales: usize,
    /// Which of the paper's generators
    #[arg(long, default_value = "daad", value_parser = systems(), help_heading = "Network")]
    system: String,
    /// Memory items N per bank
    #[arg(
        long,
        default_value_t = 500,
        value_name = "N",
        help_heading = "Network"
    )]
    items: usize,
    /// Division rate of DAAD: R for R×R×1, or RH,RW,RC [default: 8]
    #[arg(long, value_name = "R", value_parser = division, help_heading = "Network")]
    division: Option<DivisionRate>,
    /// Extension: addressing weights sum to one again after the shrinkage
    #[arg(long, help_heading = "Network")]
    renormalize: bool,

    /// Train without the discriminator: DAAD instead of DAAD+
    #[arg(long, help_heading = "Discriminator")]
    no_discriminator: bool,
    /// Channels of the discriminator's first stage [default: as --width]
    #[arg(long, value_name = "WIDTH", help_heading = "Discriminator")]
    discriminator_width: Option<usize>,
    /// λrec
    #[arg(long, default_value_t = 50.0, help_heading = "Discriminator")]
    lambda_reconstruction: f64,
    /// λadv
    #[arg(long, default_value_t = 0.5, help_heading = "Discriminator")]
    lambda_adversarial: f64,
    /// λali
    #[arg(long, default_value_t = 0.5, help_heading = "Discriminator")]
    lambda_alignment: f64,
    /// The minimax form of the adversarial loss, as Eq. 5 is written
    #[arg(long, help_heading = "Discriminator")]
    minimax: bool,
    /// Let the alignment loss train the discriminator too
    #[arg(long, help_heading = "Discriminator")]
    alignment_trains_discriminator: bool,
    /// Score with the reconstruction alone
    #[arg(long, help_heading = "Discriminator")]
    no_alignment_score: bool,
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
    /// Folder with labelled test images, in MVTec AD's or PIPED's layout
    #[arg(long, value_name = "DIR")]
    pub(crate) data: PathBuf,
    /// Measure these categories only (may be repeated)
    #[arg(long, value_name = "NAME")]
    pub(crate) category: Vec<String>,
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

impl ConfigArgs {
    pub(crate) fn to_config(&self) -> TrainConfig {
        let system = named(System::ALL, &self.system);
        let (skip_connections, placement) = system.connections();
        let division = system.division(self.division.unwrap_or_default());
        let adversarial = (!self.no_discriminator).then(|| AdversarialConfig {
            base_width: self.discriminator_width.unwrap_or(self.width),
            ..AdversarialConfig::default()
        });
        let default_rate = match adversarial {
            Some(_) => TrainConfig::DAAD_PLUS_LEARNING_RATE,
            None => TrainConfig::DAAD_LEARNING_RATE,
        };
        TrainConfig {
            alignment_score: adversarial.is_some() && !self.no_alignment_score,
            model: ModelConfig {
                height_px: self.size,
                width_px: self.size,
                scales: self.scales,
                base_width: self.width,
                skip_connections,
                memory: MemoryConfig {
                    placement,
                    items: self.items,
                    division,
                    renormalize: self.renormalize,
                },
                adversarial,
            },
            objective: Objective {
                reconstruction: self.lambda_reconstruction,
                adversarial: self.lambda_adversarial,
                alignment: self.lambda_alignment,
                adversarial_form: if self.minimax {
                    AdversarialForm::Minimax
                } else {
                    AdversarialForm::NonSaturating
                },
                alignment_trains_discriminator: self.alignment_trains_discriminator,
            },
            epochs: self.epochs.unwrap_or(TrainConfig::default().epochs),
            batch_size: self.batch_size,
            learning_rate: self.learning_rate.unwrap_or(default_rate),
            schedule: if self.cosine {
                Schedule::Cosine
            } else {
                Schedule::Constant
            },
            flip_horizontal: !self.no_flips,
            flip_vertical: !self.no_flips,
            seed: self.seed,
            held_out: self.held_out,
            gamma: self.gamma,
            false_alarm_rate: self.false_alarm_rate,
        }
    }
}

fn systems() -> PossibleValuesParser {
    PossibleValuesParser::new(System::ALL.map(|(_, name)| name))
}

fn named<T, const COUNT: usize>(all: [(T, &str); COUNT], name: &str) -> T {
    let known = all.into_iter().find(|(_, known)| *known == name);
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

fn division(text: &str) -> Result<DivisionRate, String> {
    let parts: Result<Vec<usize>, _> = text.split(',').map(str::parse).collect();
    match parts.as_deref() {
        Ok(&[rate]) if rate > 0 => Ok(DivisionRate::square(rate)),
        Ok(&[height, width, channel]) if height > 0 && width > 0 && channel > 0 => {
            Ok(DivisionRate {
                height,
                width,
                channel,
            })
        }
        _ => Err("expected R, or RH,RW,RC, all above 0".into()),
    }
}
