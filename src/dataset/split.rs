//! The images of a data set, divided into training and test images.

use std::collections::BTreeSet;

use super::Sample;
use crate::error::{Error, Result};
use crate::metric::Label;

/// The images to train on and those to test with.
#[derive(Debug, Clone, Default)]
pub struct Split {
    /// Normal images only.
    pub train: Vec<Sample>,
    /// Normal and anomalous images.
    pub test: Vec<Sample>,
}

impl Split {
    pub(super) fn is_empty(&self) -> bool {
        self.train.is_empty() && self.test.is_empty()
    }

    /// The categories' names, in order.
    pub(super) fn categories(&self) -> Vec<String> {
        let all = self.train.iter().chain(&self.test);
        let names: BTreeSet<&String> = all.map(|sample| &sample.category).collect();
        names.into_iter().cloned().collect()
    }

    /// The samples of the given categories, or of all categories if `categories` is empty.
    pub(super) fn of_categories(mut self, categories: &[String]) -> Result<Self> {
        if categories.is_empty() {
            return Ok(self);
        }
        self.check(categories)?;
        let chosen = |sample: &Sample| categories.contains(&sample.category);
        self.train.retain(chosen);
        self.test.retain(chosen);
        Ok(self)
    }

    /// The split for one class against all others: the training images of that class, and all test
    /// images, of which those of every other class are anomalous.
    pub(super) fn one_class(mut self, categories: &[String]) -> Result<Self> {
        self.check(categories)?;
        let [class] = categories else {
            let known = self.categories().join(", ");
            return Err(Error::Data(format!(
                "one class is normal and all others are not: name it with --category; there are: \
                 {known}"
            )));
        };
        self.train.retain(|sample| sample.category == *class);
        for sample in &mut self.test {
            if sample.category != *class {
                sample.label = Label::Anomalous;
            }
            sample.category.clone_from(class);
        }
        Ok(self)
    }

    fn check(&self, categories: &[String]) -> Result<()> {
        let known = self.categories();
        match categories.iter().find(|name| !known.contains(name)) {
            None => Ok(()),
            Some(unknown) => Err(Error::Data(format!(
                "there is no category {unknown}; there are: {}",
                known.join(", ")
            ))),
        }
    }
}
