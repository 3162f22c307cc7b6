//! Names the images whose masks do not say where the defect is.

use crate::dataset::{LabelledImage, MaskFlaw, in_short};

/// The images with a mask that is of no use.
#[derive(Debug, Default)]
pub(super) struct Flaws {
    empty: Vec<String>,
    full: Vec<String>,
    misshapen: Vec<String>,
}

impl Flaws {
    pub(super) fn add(&mut self, labelled: &LabelledImage) {
        let name = labelled.brief_name();
        match labelled.mask_flaw {
            None => {}
            Some(MaskFlaw::Empty) => self.empty.push(name),
            Some(MaskFlaw::Full) => self.full.push(name),
            Some(flaw @ MaskFlaw::Shape { .. }) => self.misshapen.push(format!("{name}: {flaw}")),
        }
    }

    /// A sentence for each kind of flaw.
    pub(super) fn notes(&self) -> Vec<String> {
        let note = |names: &[String], what: &str| {
            let (count, names) = (names.len(), in_short(names));
            let plural = if count == 1 { "image is" } else { "images are" };
            (count > 0).then(|| {
                format!(
                    "{count} anomalous {plural} left out of pixel AUROC and AUPRO, {what}: {names}."
                )
            })
        };
        let notes = [
            note(&self.empty, "for no pixel of the mask is set"),
            note(
                &self.full,
                "for every pixel of the mask is set (its background must be black)",
            ),
            note(&self.misshapen, "for the mask has another shape"),
        ];
        notes.into_iter().flatten().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluate::scored::tests::labelled;
    use crate::metric::Label;

    #[test]
    fn each_kind_of_flaw_is_counted_and_the_first_images_are_named() {
        let mut flaws = Flaws::default();
        let shape = MaskFlaw::Shape {
            mask: (64, 32),
            image: (64, 64),
        };
        let all = [Some(shape), None, Some(MaskFlaw::Empty), Some(shape)];
        for (index, mask_flaw) in all.into_iter().enumerate() {
            flaws.add(&LabelledImage {
                name: format!("test/hole/{index}.png"),
                mask_flaw,
                ..labelled(Label::Anomalous, None)
            });
        }
        let [empty, misshapen] = &flaws.notes()[..] else {
            panic!("{:?}", flaws.notes())
        };
        assert!(
            empty.starts_with("1 anomalous image is left out"),
            "{empty}"
        );
        assert!(empty.contains("hole/2.png."), "{empty}");
        assert!(
            misshapen.contains("hole/0.png: the mask has 64×32 pixels, the image 64×64"),
            "{misshapen}"
        );
    }
}
