//! Converts settings to a configuration, and back.

use super::{Counts, Parts, ScheduleName, Settings};
use crate::error::{Error, Result};
use crate::image::Flips;
use crate::learn::Validation;
use crate::learn::{Objective, TrainConfig};
use crate::learn::{Schedule, Steps};
use crate::model::{AdversarialConfig, Division, MemoryConfig, ModelConfig, System};
use crate::nn::DivisionRate;
use crate::score::Scoring;

impl Settings {
    /// The configuration of these settings; a setting that is not set has the paper's value.
    ///
    /// ```
    /// use daad::settings::Settings;
    ///
    /// let config = Settings::from_toml("system = \"ae\"\nparts = \"none\"")?.resolve()?;
    /// assert_eq!(config.learning_rate, 1e-4); // the paper's without a discriminator
    /// let error = Settings::from_toml("schedule = \"step\"")?.resolve().unwrap_err();
    /// assert!(error.to_string().contains("the schedule step needs step-epochs too"));
    /// # Ok::<(), daad::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Config`] naming the setting that is not allowed.
    pub fn resolve(&self) -> Result<TrainConfig> {
        let paper = TrainConfig::default();
        let parts = self.parts.unwrap_or_default();
        let flips = self.flips.unwrap_or_default();
        let alignment = self.lambda_alignment.unwrap_or(paper.objective.alignment);
        let config = TrainConfig {
            model: self.model(parts, &paper.model)?,
            objective: Objective {
                reconstruction: self
                    .lambda_reconstruction
                    .unwrap_or(paper.objective.reconstruction),
                adversarial: self
                    .lambda_adversarial
                    .unwrap_or(paper.objective.adversarial),
                alignment: if parts.alignment_loss() {
                    alignment
                } else {
                    0.0
                },
                adversarial_form: self.adversarial_form.unwrap_or_default(),
                alignment_trains_discriminator: self
                    .alignment_trains_discriminator
                    .unwrap_or_default(),
                structural_similarity: self.structural_similarity.unwrap_or_default(),
            },
            epochs: self.epochs.unwrap_or(paper.epochs),
            batch_size: self.batch_size.unwrap_or(paper.batch_size),
            learning_rate: self.learning_rate.unwrap_or(match parts.discriminator() {
                true => TrainConfig::DAAD_PLUS_LEARNING_RATE,
                false => TrainConfig::DAAD_LEARNING_RATE,
            }),
            schedule: self.schedule()?,
            warm_up: self.warm_up.unwrap_or(paper.warm_up),
            accumulate: self.accumulate.unwrap_or(paper.accumulate),
            validation: self.validate_every.map(|every| Validation {
                every,
                patience: self.patience,
                keep_best: self.keep_best.unwrap_or_default(),
            }),
            flips,
            shift_px: self.shift.unwrap_or_default(),
            seed: self.seed.unwrap_or(paper.seed),
            held_out: self.held_out.unwrap_or(paper.held_out),
            alignment_score: parts.alignment_score(),
            gamma: self.gamma.unwrap_or(paper.gamma),
            false_alarm_rate: self.false_alarm_rate.unwrap_or(paper.false_alarm_rate),
            scoring: Scoring {
                error_smoothing_px: self.error_smoothing.unwrap_or_default(),
                flips: match self.test_time_flips {
                    Some(true) => flips,
                    _ => Flips::None,
                },
            },
        };
        config.validate()?;
        Ok(config)
    }

    fn schedule(&self) -> Result<Schedule> {
        Ok(match self.schedule.unwrap_or_default() {
            ScheduleName::Constant => Schedule::Constant,
            ScheduleName::Cosine => Schedule::Cosine,
            ScheduleName::Step => Schedule::Step(Steps {
                epochs: self.step_epochs.ok_or_else(|| {
                    Error::Config("the schedule step needs step-epochs too".into())
                })?,
                factor: self.step_factor.unwrap_or(Steps::DEFAULT_FACTOR),
            }),
        })
    }

    fn model(&self, parts: Parts, paper: &ModelConfig) -> Result<ModelConfig> {
        let system = self.system.unwrap_or(System::Daad);
        let (skip_connections, placement) = system.connections();
        let (height_px, width_px) = match &self.size {
            None => (paper.height_px, paper.width_px),
            Some(Counts::One(side)) => (*side, *side),
            Some(Counts::Each(sides)) => match sides[..] {
                [height, width] => (height, width),
                _ => return Err(wrong_count("size", "a side, or height and width")),
            },
        };
        let rate = match &self.division {
            None => DivisionRate::default(),
            Some(Counts::One(rate)) => DivisionRate::square(*rate),
            Some(Counts::Each(rates)) => match rates[..] {
                [height, width, channel] => DivisionRate {
                    height,
                    width,
                    channel,
                },
                _ => return Err(wrong_count("division", "a rate R, or RH, RW and RC")),
            },
        };
        let base_width = self.width.unwrap_or(paper.base_width);
        Ok(ModelConfig {
            height_px,
            width_px,
            scales: self.scales.unwrap_or(paper.scales),
            base_width,
            skip_connections,
            memory: MemoryConfig {
                placement,
                items: self.items.unwrap_or(paper.memory.items),
                division: system.division(rate),
                temperature: self.temperature.unwrap_or(paper.memory.temperature),
                renormalize: self.renormalize.unwrap_or_default(),
            },
            adversarial: parts.discriminator().then(|| AdversarialConfig {
                base_width: self.discriminator_width.unwrap_or(base_width),
                features: self
                    .discriminator_features
                    .unwrap_or(AdversarialConfig::default().features),
            }),
        })
    }

    /// The settings that resolve to `config`. Every setting that has an effect is set. None for a
    /// network that is not one of the paper's systems, and for scores that are means over other
    /// mirror images than those of training.
    ///
    /// ```
    /// use daad::learn::TrainConfig;
    /// use daad::settings::Settings;
    ///
    /// let config = TrainConfig::default();
    /// let settings = Settings::of(&config).expect("one of the paper's systems");
    /// assert_eq!(settings.epochs, Some(1000));
    /// assert_eq!(settings.resolve()?, config);
    /// # Ok::<(), daad::Error>(())
    /// ```
    pub fn of(config: &TrainConfig) -> Option<Self> {
        let TrainConfig {
            model, objective, ..
        } = config;
        let system = System::of(model)?;
        if ![Flips::None, config.flips].contains(&config.scoring.flips) {
            return None;
        }
        let parts = Parts::of(
            model.adversarial.is_some(),
            objective.alignment > 0.0,
            config.alignment_score,
        );
        let rate = match model.memory.division {
            Division::Blocks(rate) => rate,
            Division::PixelWise => DivisionRate::default(),
        };
        let (schedule, steps) = match config.schedule {
            Schedule::Constant => (ScheduleName::Constant, None),
            Schedule::Cosine => (ScheduleName::Cosine, None),
            Schedule::Step(steps) => (ScheduleName::Step, Some(steps)),
        };
        let validation = config.validation;
        let settings = Self {
            epochs: Some(config.epochs),
            batch_size: Some(config.batch_size),
            learning_rate: Some(config.learning_rate),
            accumulate: Some(config.accumulate),
            schedule: Some(schedule),
            step_epochs: steps.map(|steps| steps.epochs),
            step_factor: steps.map(|steps| steps.factor),
            warm_up: Some(config.warm_up),
            validate_every: validation.map(|validation| validation.every),
            patience: validation.and_then(|validation| validation.patience),
            keep_best: validation.map(|validation| validation.keep_best),
            seed: Some(config.seed),
            flips: Some(config.flips),
            held_out: Some(config.held_out),
            false_alarm_rate: Some(config.false_alarm_rate),
            size: Some(match model.height_px == model.width_px {
                true => Counts::One(model.height_px),
                false => Counts::Each(vec![model.height_px, model.width_px]),
            }),
            width: Some(model.base_width),
            scales: Some(model.scales),
            system: Some(system),
            items: Some(model.memory.items),
            division: Some(match rate == DivisionRate::square(rate.height) {
                true => Counts::One(rate.height),
                false => Counts::Each(vec![rate.height, rate.width, rate.channel]),
            }),
            parts: Some(parts),
            discriminator_width: model.adversarial.map(|shape| shape.base_width),
            discriminator_features: model.adversarial.map(|shape| shape.features),
            lambda_reconstruction: Some(objective.reconstruction),
            lambda_adversarial: Some(objective.adversarial),
            lambda_alignment: Some(objective.alignment),
            adversarial_form: Some(objective.adversarial_form),
            alignment_trains_discriminator: Some(objective.alignment_trains_discriminator),
            gamma: Some(config.gamma),
            renormalize: Some(model.memory.renormalize),
            temperature: Some(model.memory.temperature),
            structural_similarity: Some(objective.structural_similarity),
            shift: Some(config.shift_px),
            error_smoothing: Some(config.scoring.error_smoothing_px),
            test_time_flips: Some(config.scoring.flips != Flips::None),
        };
        Some(settings.without_idle())
    }
}

fn wrong_count(key: &str, expected: &str) -> Error {
    Error::Config(format!("{key} must be {expected}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SYSTEMS: [&str; 5] = ["ae", "ae-skip", "mem-ae", "mem-ae-skip", "daad"];
    const PARTS: [&str; 5] = ["none", "adv", "adv+ali", "adv+score", "all"];

    #[test]
    fn nothing_set_is_daad_plus_as_in_the_paper() {
        assert_eq!(
            Settings::default().resolve().unwrap(),
            TrainConfig::default()
        );
    }

    #[test]
    fn every_system_with_all_parts_of_table_5_comes_back_from_its_configuration() {
        for system in SYSTEMS {
            for parts in PARTS {
                let text = format!("system = \"{system}\"\nparts = \"{parts}\"\nwidth = 8");
                let config = Settings::from_toml(&text).unwrap().resolve().unwrap();
                assert_eq!(config.model.adversarial.is_some(), parts != "none");
                let full = Settings::of(&config).unwrap();
                full.check_effect().unwrap();
                let again = Settings::from_toml(&full.to_toml()).unwrap();
                assert_eq!(again.resolve().unwrap(), config, "{text}");
            }
        }
    }

    #[test]
    fn what_long_runs_need_comes_back_from_its_configuration() {
        for text in [
            "schedule = \"step\"\nstep-epochs = 30\nwarm-up = 5",
            "schedule = \"step\"\nstep-epochs = 1\nstep-factor = 0.5\naccumulate = 4",
            "validate-every = 5",
            "validate-every = 1\npatience = 3\nkeep-best = true",
        ] {
            let config = Settings::from_toml(text).unwrap().resolve().unwrap();
            assert_ne!(config, TrainConfig::default(), "{text}");
            let full = Settings::of(&config).unwrap();
            full.check_effect().unwrap();
            let again = Settings::from_toml(&full.to_toml()).unwrap();
            assert_eq!(again.resolve().unwrap(), config, "{text}");
        }
        for (text, word) in [
            ("schedule = \"step\"", "needs step-epochs"),
            ("validate-every = 0", "validate-every"),
            ("validate-every = 1\npatience = 0", "patience"),
            ("accumulate = 0", "accumulate"),
            ("epochs = 3\nwarm-up = 4", "warm-up"),
        ] {
            let error = Settings::from_toml(text).unwrap().resolve().unwrap_err();
            assert!(error.to_string().contains(word), "{error}");
        }
    }

    #[test]
    fn extensions_come_back_from_their_configuration() {
        let text = "renormalize = true\ntemperature = 0.1\nstructural-similarity = 0.5\n\
                    shift = 3\nerror-smoothing = 2.0\ntest-time-flips = true\nflips = \"vertical\"";
        let config = Settings::from_toml(text).unwrap().resolve().unwrap();
        assert!(config.model.memory.renormalize && config.model.memory.temperature == 0.1);
        assert_eq!(config.objective.structural_similarity, 0.5);
        assert_eq!(config.shift_px, 3);
        assert_eq!(config.scoring.error_smoothing_px, 2.0);
        assert_eq!(config.scoring.flips, Flips::Vertical);
        assert_eq!(Settings::of(&config).unwrap().resolve().unwrap(), config);
    }

    #[test]
    fn axes_may_differ() {
        let text = "size = [64, 128]\nscales = 2\ndivision = [4, 8, 2]\nparts = \"none\"";
        let config = Settings::from_toml(text).unwrap().resolve().unwrap();
        assert_eq!((config.model.height_px, config.model.width_px), (64, 128));
        let full = Settings::of(&config).unwrap();
        assert_eq!(full.division, Some(Counts::Each(vec![4, 8, 2])));
        assert_eq!(full.resolve().unwrap(), config);
        for (text, key) in [
            ("size = [1, 2, 3]", "size"),
            ("division = [8, 8]", "division"),
        ] {
            let error = Settings::from_toml(text).unwrap().resolve().unwrap_err();
            assert!(error.to_string().contains(key), "{error}");
        }
    }
}
