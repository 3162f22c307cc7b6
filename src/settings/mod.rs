//! The settings of a training run. They are the flags of `daad train`, the keys of its TOML file,
//! and the keys that a sweep can vary.
//!
//! ```
//! use daad::settings::Settings;
//!
//! # fn main() -> daad::Result<()> {
//! let file = Settings::from_toml("epochs = 20\nbatch-size = 4")?;
//! let flags = Settings::from_toml("epochs = 5")?;
//! let settings = flags.over(&file); // flags count more than the file
//! assert_eq!(settings.keys().len(), 2);
//! assert!(settings.to_toml().contains("epochs = 5"));
//! assert!(Settings::from_toml("epoch = 5").is_err()); // unknown keys are named
//! # Ok(())
//! # }
//! ```

mod choices;
mod effect;
mod resolve;

pub use choices::{Counts, Parts, ScheduleName, named};

use clap::Args;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::image::Flips;
use crate::loss::AdversarialForm;
use crate::model::System;

/// All fields are optional; the default of each is the paper's value.
///
/// ```
/// use daad::settings::{Counts, Settings};
///
/// let settings = Settings {
///     epochs: Some(20),
///     size: Some(Counts::One(128)),
///     ..Settings::default()
/// };
/// let config = settings.resolve()?;
/// assert_eq!((config.epochs, config.model.height_px), (20, 128));
/// assert_eq!(config.batch_size, 8); // the paper's
/// # Ok::<(), daad::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, Args)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
#[command(next_help_heading = "Training")]
pub struct Settings {
    /// Passes over the training images [default: 1000]
    #[arg(long)]
    pub epochs: Option<usize>,
    /// Images a step [default: 8]
    #[arg(long)]
    pub batch_size: Option<usize>,
    /// Adam's learning rate [default: 2e-4 with the discriminator, 1e-4 without]
    #[arg(long)]
    pub learning_rate: Option<f64>,
    /// Batches whose gradients are averaged for one update of the weights: the effect of a larger
    /// batch with the memory of a small one; batch normalization uses each batch separately
    /// [default: 1]
    #[arg(long, value_name = "COUNT")]
    pub accumulate: Option<usize>,
    /// The learning rate over the run: constant, falling to zero along a cosine, or falling in
    /// steps (constant, cosine, step) [default: constant]
    #[arg(long, value_name = "NAME", value_parser = named::<ScheduleName>)]
    pub schedule: Option<ScheduleName>,
    /// With the schedule step: epochs between two falls
    #[arg(long, value_name = "EPOCHS")]
    pub step_epochs: Option<usize>,
    /// With the schedule step: the factor of the learning rate at each fall [default: 0.1]
    #[arg(long, value_name = "FACTOR")]
    pub step_factor: Option<f64>,
    /// Epochs at the beginning during which the learning rate rises from zero [default: 0]
    #[arg(long, value_name = "EPOCHS")]
    pub warm_up: Option<usize>,
    /// Epochs between two validations, which measure R of held-out images [default: never]
    #[arg(long, value_name = "EPOCHS")]
    pub validate_every: Option<usize>,
    /// Stop after this many validations in a row without a lower error [default: never]; half of
    /// the held-out images are then the validation split, the others the calibration split
    #[arg(long, value_name = "COUNT")]
    pub patience: Option<usize>,
    /// The finished model is that of the epoch with the lowest held-out error, not of the last
    /// epoch; half of the held-out images are then the validation split, the others the calibration
    /// split [default: false]
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub keep_best: Option<bool>,
    /// Seed of weights, order, flips and shifts [default: 0]
    #[arg(long)]
    pub seed: Option<u64>,
    /// Mirror images at random: both, horizontal, vertical or none [default: both]
    #[arg(long, value_name = "NAME", value_parser = named::<Flips>)]
    pub flips: Option<Flips>,
    /// Share of the normal training images held out for calibration [default: 0.15]
    #[arg(long, value_name = "SHARE")]
    pub held_out: Option<f64>,
    /// Share of normal images that the threshold may refuse [default: 0.01]
    #[arg(long, value_name = "SHARE")]
    pub false_alarm_rate: Option<f64>,

    /// Shorter side of the network's images in pixels; the longer one follows the shape of the
    /// first photograph, but with a discriminator images are square. Or HEIGHT,WIDTH [default: 256]
    #[arg(long, value_name = "PX", help_heading = "Network")]
    pub size: Option<Counts>,
    /// Width w: channels of the first scale [default: 64]
    #[arg(long, help_heading = "Network")]
    pub width: Option<usize>,
    /// Scales L [default: 4]
    #[arg(long, help_heading = "Network")]
    pub scales: Option<usize>,
    /// Which of the paper's generators: ae, ae-skip, mem-ae, mem-ae-skip or daad [default: daad]
    #[arg(long, value_name = "NAME", value_parser = named::<System>, help_heading = "Network")]
    pub system: Option<System>,
    /// Memory items N per bank [default: 500]
    #[arg(long, value_name = "N", help_heading = "Network")]
    pub items: Option<usize>,
    /// Division rate of DAAD: R for R×R×1, or RH,RW,RC [default: 8]
    #[arg(long, value_name = "R", help_heading = "Network")]
    pub division: Option<Counts>,

    /// Which parts of DAAD+ are added to the generator: none, adv (the adversarial loss), adv+ali
    /// (and the alignment loss), adv+score (the alignment score instead) or all [default: all]
    #[arg(long, value_name = "NAME", value_parser = named::<Parts>, help_heading = "Discriminator")]
    pub parts: Option<Parts>,
    /// Channels of the discriminator's first stage [default: as --width]
    #[arg(long, value_name = "WIDTH", help_heading = "Discriminator")]
    pub discriminator_width: Option<usize>,
    /// Dimension of the discriminator's features f_D [default: 100]
    #[arg(long, value_name = "F", help_heading = "Discriminator")]
    pub discriminator_features: Option<usize>,
    /// λrec [default: 50]
    #[arg(long, value_name = "WEIGHT", help_heading = "Discriminator")]
    pub lambda_reconstruction: Option<f64>,
    /// λadv [default: 0.5]
    #[arg(long, value_name = "WEIGHT", help_heading = "Discriminator")]
    pub lambda_adversarial: Option<f64>,
    /// λali [default: 0.5]
    #[arg(long, value_name = "WEIGHT", help_heading = "Discriminator")]
    pub lambda_alignment: Option<f64>,
    /// Form of the adversarial loss: non-saturating, or minimax as Eq. 5 is written
    /// [default: non-saturating]
    #[arg(long, value_name = "NAME", value_parser = named::<AdversarialForm>, help_heading = "Discriminator")]
    pub adversarial_form: Option<AdversarialForm>,
    /// Let the alignment loss train the discriminator too [default: false]
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", help_heading = "Discriminator")]
    pub alignment_trains_discriminator: Option<bool>,
    /// Weight γ of the reconstruction score against the alignment score [default: 0.9]
    #[arg(long, help_heading = "Discriminator")]
    pub gamma: Option<f64>,

    /// Addressing weights sum to one again after the shrinkage [default: false]
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", help_heading = EXTENSIONS)]
    pub renormalize: Option<bool>,
    /// Similarities are divided by T before the softmax: below 1 the weights are less flat
    /// [default: 1]
    #[arg(long, value_name = "T", help_heading = EXTENSIONS)]
    pub temperature: Option<f64>,
    /// Weight λ of a fourth loss, one minus the structural similarity (SSIM) of image and
    /// reconstruction [default: 0]
    #[arg(long, value_name = "WEIGHT", help_heading = EXTENSIONS)]
    pub structural_similarity: Option<f64>,
    /// Shift images at random by up to this many pixels along each axis; the pixels at their edges
    /// are repeated [default: 0]
    #[arg(long, value_name = "PX", help_heading = EXTENSIONS)]
    pub shift: Option<usize>,
    /// Smooth the error map by a Gaussian of σ pixels; the reconstruction score is then the
    /// maximum of that map, not its mean [default: 0]
    #[arg(long, value_name = "PX", help_heading = EXTENSIONS)]
    pub error_smoothing: Option<f64>,
    /// Score an image by the mean over the image and those mirror images that --flips trains on: up
    /// to 4 times the time [default: false]
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", help_heading = EXTENSIONS)]
    pub test_time_flips: Option<bool>,
}

const EXTENSIONS: &str = "Extensions, not in the paper";

impl Settings {
    /// Parses the text of a TOML file.
    ///
    /// ```
    /// use daad::settings::Settings;
    ///
    /// let settings = Settings::from_toml("epochs = 20\nsystem = \"mem-ae\"\nsize = [64, 128]")?;
    /// assert_eq!(settings.epochs, Some(20));
    /// let error = Settings::from_toml("epochs = \"many\"").unwrap_err().to_string();
    /// assert!(error.contains("epochs: invalid type: string"), "{error}");
    /// # Ok::<(), daad::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Config`] naming the key that is unknown or whose value is of the wrong kind.
    pub fn from_toml(text: &str) -> Result<Self> {
        let wrong = |reason: String| Error::Config(reason.trim().replace('\n', "; "));
        let document = toml::Deserializer::parse(text).map_err(|error| wrong(error.to_string()))?;
        let settings: Self = serde_path_to_error::deserialize(document).map_err(|error| {
            let key = error.path().to_string();
            let reason = error.into_inner();
            let reason = reason.message();
            // The reason for an unknown key already contains the name of the key.
            let is_named = key == "." || reason.contains(&format!("`{key}`"));
            wrong(match is_named {
                true => reason.to_owned(),
                false => format!("{key}: {reason}"),
            })
        })?;
        settings.check_numbers()?;
        Ok(settings)
    }

    /// Checks that every number can be written as TOML.
    ///
    /// ```
    /// use daad::settings::Settings;
    ///
    /// let settings = Settings {
    ///     seed: Some(u64::MAX),
    ///     ..Settings::default()
    /// };
    /// let error = settings.check_numbers().unwrap_err().to_string();
    /// assert!(error.contains("seed is too large"), "{error}");
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Config`] naming a number that is too large for that.
    pub fn check_numbers(&self) -> Result<()> {
        let is_too_large = |value: &serde_json::Value| {
            let is_too_large = |value: &serde_json::Value| value.is_u64() && !value.is_i64();
            let values = value.as_array().map_or(&[][..], Vec::as_slice);
            is_too_large(value) || values.iter().any(is_too_large)
        };
        let keys = serde_json::to_value(self).unwrap_or_default();
        let keys = keys.as_object().into_iter().flatten();
        match keys.into_iter().find(|(_, value)| is_too_large(value)) {
            None => Ok(()),
            Some((key, value)) => Err(Error::Config(format!("{key} is too large: {value}"))),
        }
    }

    /// The keys that are set, as text that [`Self::from_toml`] reads.
    ///
    /// ```
    /// use daad::settings::Settings;
    ///
    /// let settings = Settings {
    ///     epochs: Some(20),
    ///     ..Settings::default()
    /// };
    /// assert_eq!(settings.to_toml(), "epochs = 20\n");
    /// ```
    pub fn to_toml(&self) -> String {
        toml::to_string(self).expect("settings are plain values")
    }

    /// These settings, completed by those of `base` for keys that are not set here.
    ///
    /// ```
    /// use daad::settings::Settings;
    ///
    /// let file = Settings::from_toml("epochs = 20\nseed = 3")?;
    /// let flags = Settings::from_toml("epochs = 5")?;
    /// let settings = flags.over(&file);
    /// assert_eq!((settings.epochs, settings.seed), (Some(5), Some(3)));
    /// # Ok::<(), daad::Error>(())
    /// ```
    #[must_use]
    pub fn over(&self, base: &Self) -> Self {
        let mut merged = base.to_table();
        merged.extend(self.to_table());
        Self::from_table(merged)
    }

    /// The keys that are set.
    ///
    /// ```
    /// use daad::settings::Settings;
    ///
    /// let settings = Settings::from_toml("seed = 3\nbatch-size = 4")?;
    /// assert_eq!(settings.keys(), ["batch-size", "seed"]);
    /// # Ok::<(), daad::Error>(())
    /// ```
    pub fn keys(&self) -> Vec<String> {
        self.to_table().keys().cloned().collect()
    }

    fn to_table(&self) -> toml::Table {
        toml::Table::try_from(self).expect("settings are plain values")
    }

    fn from_table(table: toml::Table) -> Self {
        table
            .try_into()
            .expect("the table was made of sound settings")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::learn::{Schedule, Steps, TrainConfig, Validation};

    #[test]
    fn a_file_and_flags_have_the_same_keys() {
        let command = Settings::augment_args(clap::Command::new("train"));
        let mut flags: Vec<_> = command
            .get_arguments()
            .filter_map(|argument| argument.get_long())
            .collect();
        let all = TrainConfig {
            schedule: Schedule::Step(Steps {
                epochs: 9,
                factor: 0.5,
            }),
            validation: Some(Validation {
                every: 2,
                patience: Some(3),
                keep_best: true,
            }),
            ..TrainConfig::default()
        };
        let keys = Settings::of(&all).unwrap().to_table();
        let mut keys: Vec<&str> = keys.keys().map(String::as_str).collect();
        flags.sort_unstable();
        keys.sort_unstable();
        assert_eq!(flags, keys);
    }

    #[test]
    fn what_is_wrong_in_a_file_is_named() {
        let message = |text| Settings::from_toml(text).unwrap_err().to_string();
        assert!(message("epoch = 3").contains("unknown field `epoch`"));
        let kind = message("epochs = \"many\"");
        assert!(kind.contains("epochs: invalid type: string"), "{kind}");
        let system = message("system = \"gan\"");
        assert!(system.contains("unknown variant `gan`"), "{system}");
        assert!(system.contains("mem-ae-skip"), "{system}");
        let rate = message("division = [8, -1, 1]");
        assert!(rate.contains("division: expected a number"), "{rate}");
        assert!(message("epochs = ").contains("line 1"));
        let large = message("seed = 18446744073709551615");
        assert!(large.contains("seed"), "{large}");
    }

    #[test]
    fn what_is_set_goes_over_what_is_below() {
        let file = Settings::from_toml("epochs = 3\nsystem = \"ae\"\nparts = \"none\"").unwrap();
        let flags = Settings {
            epochs: Some(5),
            ..Settings::default()
        };
        let merged = flags.over(&file);
        assert_eq!((merged.epochs, merged.system), (Some(5), Some(System::Ae)));
        assert_eq!(merged.seed, None);
    }
}
