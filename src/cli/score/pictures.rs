//! The pictures that are written for each image: heat maps and reconstructions.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use daad::file;

use super::scorer::Scored;
use crate::cli::common::files::{STANDARD_INPUT, write_png};
use crate::cli::common::output::note;

/// The endings of the pictures that are written.
const HEAT_MAP: &str = ".heat.png";
const RECONSTRUCTION: &str = ".reconstruction.png";

/// Where pictures are written, and under which names.
pub(super) struct Pictures<'a> {
    heat_maps: Option<&'a Path>,
    reconstructions: Option<&'a Path>,
    /// The image of each name, so that images of the same name from several folders do not
    /// overwrite each other's pictures.
    names: HashMap<String, PathBuf>,
}

impl<'a> Pictures<'a> {
    /// Creates the folders that are not there yet.
    pub(super) fn new(
        heat_maps: &'a Option<PathBuf>,
        reconstructions: &'a Option<PathBuf>,
    ) -> anyhow::Result<Self> {
        for folder in [heat_maps, reconstructions].into_iter().flatten() {
            file::check_folder(folder)?;
        }
        Ok(Self {
            heat_maps: heat_maps.as_deref(),
            reconstructions: reconstructions.as_deref(),
            names: HashMap::new(),
        })
    }

    pub(super) fn want_heat_maps(&self) -> bool {
        self.heat_maps.is_some()
    }

    /// Writes the pictures of an image. One that cannot be written is named and must not prevent
    /// the scoring of other images; returns how many could not be written.
    pub(super) fn save(&mut self, path: &Path, scored: &Scored) -> usize {
        let name = self.name(path);
        let pictures = [
            (self.heat_maps, &scored.heat_map, HEAT_MAP),
            (self.reconstructions, &scored.reconstruction, RECONSTRUCTION),
        ];
        let mut unwritten = 0;
        for (folder, picture, ending) in pictures {
            let (Some(folder), Some(picture)) = (folder, picture) else {
                continue;
            };
            let path = file::with_ending(&folder.join(&name), ending);
            if let Err(error) = write_png(picture, &path) {
                note(&format!("{error:#}"));
                unwritten += 1;
            }
        }
        unwritten
    }

    /// Releases the names of images that no longer exist, so that the map does not grow without
    /// limit.
    pub(super) fn forget(&mut self, is_there: impl Fn(&Path) -> bool) {
        self.names.retain(|_, path| is_there(path));
    }

    /// A file name that no other image has; an image keeps its name.
    fn name(&mut self, path: &Path) -> String {
        let stem = match path == Path::new(STANDARD_INPUT) {
            true => "standard-input".into(),
            false => path.file_stem().unwrap_or_default().to_string_lossy(),
        };
        let candidates = (2..).map(|count| format!("{stem}-{count}"));
        let mut candidates = [stem.to_string()].into_iter().chain(candidates);
        let is_free = |name: &String| self.names.get(name).is_none_or(|taken| taken == path);
        let name = candidates.find(is_free);
        let name = name.expect("there are endless numbers");
        self.names.insert(name.clone(), path.to_owned());
        name
    }
}
