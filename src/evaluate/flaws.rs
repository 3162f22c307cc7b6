//! Names the test images with unusable or doubtful masks, and those of which only a part is read.

use crate::dataset::{LabelledImage, MaskFlaw, in_short};

/// The images with an unusable or doubtful mask, and the images of which only a part is read.
#[derive(Debug, Default)]
pub(super) struct Flaws {
    empty: Vec<String>,
    full: Vec<String>,
    misshapen: Vec<String>,
    unreadable: Vec<String>,
    turn_guessed: Vec<String>,
    partial: Vec<String>,
}

impl Flaws {
    pub(super) fn add(&mut self, labelled: &LabelledImage) {
        let name = labelled.brief_name();
        if labelled.is_mask_turn_guessed {
            self.turn_guessed.push(name.clone());
        }
        if labelled.part.is_some() {
            self.partial.push(name.clone());
        }
        match &labelled.mask_flaw {
            None => {}
            Some(MaskFlaw::Empty) => self.empty.push(name),
            Some(MaskFlaw::Full) => self.full.push(name),
            Some(MaskFlaw::Unreadable(reason)) => {
                self.unreadable.push(format!("{name} ({reason})"));
            }
            Some(flaw @ MaskFlaw::Shape { .. }) => self.misshapen.push(format!("{name}: {flaw}")),
        }
    }

    /// One sentence for each kind of problem.
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
            note(&self.unreadable, "for the mask cannot be read"),
            turn_guessed(&self.turn_guessed),
            partial(&self.partial),
        ];
        notes.into_iter().flatten().collect()
    }
}

fn turn_guessed(names: &[String]) -> Option<String> {
    let (masks, are) = match names.len() {
        0 => return None,
        1 => ("The mask of 1 photograph".to_owned(), "is"),
        count => (format!("The masks of {count} photographs"), "are"),
    };
    Some(format!(
        "{masks} that EXIF turns or mirrors {are} taken to be drawn on the pixels as they are stored, \
         for the sides do not tell: {}.",
        in_short(names)
    ))
}

fn partial(names: &[String]) -> Option<String> {
    let files = match names.len() {
        0 => return None,
        1 => "1 test image is a file".to_owned(),
        count => format!("{count} test images are files"),
    };
    Some(format!(
        "{files} of several pages or frames, of which only the first is used: {}.",
        in_short(names)
    ))
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
        let unreadable = MaskFlaw::Unreadable("3_mask.png: cut off".into());
        let all = [
            Some(shape.clone()),
            None,
            Some(MaskFlaw::Empty),
            Some(shape),
            Some(unreadable),
        ];
        for (index, mask_flaw) in all.into_iter().enumerate() {
            flaws.add(&LabelledImage {
                name: format!("test/hole/{index}.png"),
                mask_flaw,
                is_mask_turn_guessed: index == 1,
                part: (index < 2).then_some("only the first page"),
                ..labelled(Label::Anomalous, None)
            });
        }
        let [empty, misshapen, unreadable, guessed, partial] = &flaws.notes()[..] else {
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
        let named = "hole/4.png (3_mask.png: cut off).";
        assert!(unreadable.contains(named), "{unreadable}");
        assert!(guessed.contains("tell: hole/1.png."), "{guessed}");
        assert!(
            partial.starts_with("2 test images are files of"),
            "{partial}"
        );
    }
}
