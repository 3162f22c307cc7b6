//! Finds settings that are given but have no effect. They are refused, because the user would
//! expect another training run than the one that takes place.

use super::{ScheduleName, Settings};
use crate::error::{Error, Result};
use crate::image::Flips;
use crate::model::System;

impl Settings {
    /// Refuses keys that have no effect together with the other keys.
    ///
    /// ```
    /// use daad::settings::Settings;
    ///
    /// let settings = Settings::from_toml("parts = \"none\"\ngamma = 0.5")?;
    /// let error = settings.check_effect().unwrap_err().to_string();
    /// assert!(error.contains("gamma has no effect: parts is none"), "{error}");
    /// # Ok::<(), daad::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Config`] naming the first key without effect.
    pub fn check_effect(&self) -> Result<()> {
        match self.idle().first() {
            None => Ok(()),
            Some((key, reason)) => Err(Error::Config(format!("{key} has no effect: {reason}"))),
        }
    }

    /// These settings without the keys that have no effect together with the other keys.
    ///
    /// ```
    /// use daad::settings::Settings;
    ///
    /// let settings = Settings::from_toml("parts = \"none\"\ngamma = 0.5")?;
    /// assert_eq!(settings.without_idle().keys(), ["parts"]);
    /// # Ok::<(), daad::Error>(())
    /// ```
    #[must_use]
    pub fn without_idle(&self) -> Self {
        let mut table = self.to_table();
        for (key, _) in self.idle() {
            table.remove(key);
        }
        Self::from_table(table)
    }

    /// Keys that are set and have no effect, each with the reason.
    fn idle(&self) -> Vec<(&'static str, String)> {
        let system = self.system.unwrap_or(System::Daad);
        let parts = self.parts.unwrap_or_default();
        let set = self.to_table();
        let mut idle = Vec::new();
        let mut unless = |has_effect: bool, keys: &[&'static str], reason: &str| {
            let keys = keys
                .iter()
                .filter(|key| !has_effect && set.contains_key(**key));
            idle.extend(keys.map(|key| (*key, reason.to_owned())));
        };
        unless(
            !matches!(system, System::Ae | System::AeSkip),
            &["items", "renormalize", "temperature"],
            "this system has no memory",
        );
        unless(
            system == System::Daad,
            &["division"],
            "only the system daad divides by a rate of choice",
        );
        unless(
            self.flips != Some(Flips::None),
            &["test-time-flips"],
            "flips is none, so there are no mirror images",
        );
        unless(
            parts.discriminator(),
            &[
                "discriminator-width",
                "discriminator-features",
                "lambda-adversarial",
                "adversarial-form",
                "alignment-trains-discriminator",
                "lambda-alignment",
                "gamma",
            ],
            "parts is none, so there is no discriminator",
        );
        unless(
            parts.alignment_loss() || !parts.discriminator(),
            &["lambda-alignment", "alignment-trains-discriminator"],
            "the parts chosen are without the alignment loss",
        );
        unless(
            parts.alignment_score() || !parts.discriminator(),
            &["gamma"],
            "the parts chosen are without the alignment score",
        );
        unless(
            self.schedule == Some(ScheduleName::Step),
            &["step-epochs", "step-factor"],
            "only the schedule step falls in steps",
        );
        unless(
            self.validate_every.is_some(),
            &["patience", "keep-best"],
            "without validate-every no epoch is validated",
        );
        idle
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_without_effect_are_named() {
        let message = |text| {
            let settings = Settings::from_toml(text).unwrap();
            settings.check_effect().unwrap_err().to_string()
        };
        let cases = [
            ("system = \"ae\"\ndivision = 8", "division"),
            ("system = \"ae-skip\"\nitems = 8", "items"),
            ("system = \"ae\"\ntemperature = 0.1", "temperature"),
            (
                "flips = \"none\"\ntest-time-flips = true",
                "test-time-flips",
            ),
            ("system = \"mem-ae\"\ndivision = 8", "division"),
            ("parts = \"none\"\ngamma = 0.5", "gamma"),
            (
                "parts = \"adv\"\nlambda-alignment = 1.0",
                "lambda-alignment",
            ),
            ("parts = \"adv+ali\"\ngamma = 0.5", "gamma"),
            ("schedule = \"cosine\"\nstep-epochs = 5", "step-epochs"),
            ("patience = 5", "patience"),
            ("keep-best = true", "keep-best"),
        ];
        for (text, key) in cases {
            let message = message(text);
            assert!(
                message.contains(&format!("{key} has no effect")),
                "{message}"
            );
        }
    }

    #[test]
    fn what_is_left_without_them_has_an_effect() {
        let settings = Settings::from_toml("system = \"ae\"\ndivision = 8\nwidth = 4").unwrap();
        let left = settings.without_idle();
        left.check_effect().unwrap();
        assert_eq!((left.division, left.width), (None, Some(4)));
    }
}
