//! The types of settings that are neither numbers nor enumerations of other modules.

use std::fmt;
use std::str::FromStr;

use serde::de::{DeserializeOwned, IntoDeserializer, value};
use serde::{Deserialize, Serialize};

/// Which parts of DAAD+ are added to a generator: the rows of Table 5.
///
/// ```
/// use daad::settings::{Parts, Settings, named};
///
/// let settings = Settings {
///     parts: Some(Parts::Adversarial),
///     ..Settings::default()
/// };
/// assert_eq!(settings.resolve()?.objective.alignment, 0.0);
/// assert_eq!(named("adv+ali"), Ok(Parts::Alignment));
/// # Ok::<(), daad::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Parts {
    /// The generator alone.
    #[serde(rename = "none")]
    None,
    /// Ladv.
    #[serde(rename = "adv")]
    Adversarial,
    /// Ladv and Lali.
    #[serde(rename = "adv+ali")]
    Alignment,
    /// Ladv, and the score L(x).
    #[serde(rename = "adv+score")]
    AlignmentScore,
    /// Ladv, Lali and L(x): the "+" of DAAD+.
    #[default]
    #[serde(rename = "all")]
    All,
}

impl Parts {
    /// Whether there is a discriminator.
    pub(super) const fn discriminator(self) -> bool {
        !matches!(self, Self::None)
    }

    /// Whether Lali trains.
    pub(super) const fn alignment_loss(self) -> bool {
        matches!(self, Self::Alignment | Self::All)
    }

    /// Whether L(x) is part of the score.
    pub(super) const fn alignment_score(self) -> bool {
        matches!(self, Self::AlignmentScore | Self::All)
    }

    /// The parts of a configuration with or without discriminator, Lali and L(x).
    pub(super) const fn of(discriminator: bool, loss: bool, score: bool) -> Self {
        match (discriminator, loss, score) {
            (false, ..) => Self::None,
            (true, false, false) => Self::Adversarial,
            (true, true, false) => Self::Alignment,
            (true, false, true) => Self::AlignmentScore,
            (true, true, true) => Self::All,
        }
    }
}

/// The names of the [`Schedule`](crate::learn::Schedule)s.
///
/// ```
/// use daad::learn::Schedule;
/// use daad::settings::{ScheduleName, Settings};
///
/// let settings = Settings {
///     schedule: Some(ScheduleName::Cosine),
///     ..Settings::default()
/// };
/// assert_eq!(settings.resolve()?.schedule, Schedule::Cosine);
/// # Ok::<(), daad::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ScheduleName {
    /// The learning rate is constant.
    #[default]
    Constant,
    /// The learning rate falls along half a cosine to zero.
    Cosine,
    /// The learning rate falls in steps, at regular intervals.
    Step,
}

/// One number for all axes, or one number per axis: `8` or `8,8,1`; in TOML `8` or `[8, 8, 1]`.
///
/// ```
/// use daad::settings::Counts;
///
/// assert_eq!("8".parse(), Ok(Counts::One(8)));
/// assert_eq!("8,8,1".parse(), Ok(Counts::Each(vec![8, 8, 1])));
/// assert_eq!(Counts::Each(vec![64, 128]).to_string(), "64,128");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged, expecting = "expected a number, or numbers in brackets")]
pub enum Counts {
    /// One number for all axes.
    One(usize),
    /// One number per axis.
    Each(Vec<usize>),
}

impl FromStr for Counts {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let counts: Result<Vec<usize>, _> = text.split(',').map(str::parse).collect();
        match counts {
            Ok(counts) if counts.len() == 1 => Ok(Self::One(counts[0])),
            Ok(counts) => Ok(Self::Each(counts)),
            Err(_) => Err("expected a number, or numbers with commas between".into()),
        }
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::One(count) => write!(f, "{count}"),
            Self::Each(counts) => {
                let counts: Vec<String> = counts.iter().map(usize::to_string).collect();
                f.write_str(&counts.join(","))
            }
        }
    }
}

/// Parses a value of an enumeration from the name that it has in files.
///
/// ```
/// use daad::settings::{ScheduleName, named};
///
/// assert_eq!(named("cosine"), Ok(ScheduleName::Cosine));
/// let error = named::<ScheduleName>("linear").unwrap_err();
/// assert!(error.contains("`constant`, `cosine`, `step`"), "{error}");
/// ```
///
/// # Errors
///
/// A sentence that lists the allowed names.
pub fn named<T: DeserializeOwned>(name: &str) -> Result<T, String> {
    T::deserialize(name.into_deserializer()).map_err(|error: value::Error| error.to_string())
}
