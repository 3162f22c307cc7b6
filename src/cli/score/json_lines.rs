//! `daad score --json-lines`: answers another program's requests, a JSON object a line.

use std::io::{self, BufRead, Read};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail, ensure};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::scorer::{Line, Scorer};
use crate::cli::common::files::{is_same_file, note_part, read, write_png};
use crate::cli::common::output::line;

/// The maximum length of a request: the length of a camera's image of 48 MB in base64.
const MAX_LINE_BYTES: usize = 64 << 20;

/// A request, without its `id`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Request {
    /// An image file.
    path: Option<PathBuf>,
    /// The bytes of an image file, in base64.
    image: Option<String>,
    /// Where to write the heat map.
    heat_map: Option<PathBuf>,
}

/// The answer to a request, with its `id` if it had one.
#[derive(Serialize)]
struct Answer<T> {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<Value>,
    #[serde(flatten)]
    result: T,
}

#[derive(Serialize)]
struct Failed {
    error: String,
}

/// Answers the requests on standard input, in order, until it ends.
pub(super) fn answer_all(scorer: &Scorer) -> anyhow::Result<ExitCode> {
    let mut input = io::stdin().lock();
    loop {
        let request = next_line(&mut input, MAX_LINE_BYTES);
        match request.context("cannot read standard input")? {
            Input::End => return Ok(ExitCode::SUCCESS),
            Input::Line(bytes) if bytes.trim_ascii().is_empty() => {}
            Input::Line(bytes) => line(&answer(scorer, bytes)?)?,
            Input::TooLong => {
                let error = format!("a line may have {} MiB at most", MAX_LINE_BYTES >> 20);
                line(&failed(None, error)?)?;
            }
        }
    }
}

/// The answer to one request, as JSON.
fn answer(scorer: &Scorer, bytes: Vec<u8>) -> serde_json::Result<String> {
    let mut request: Map<String, Value> = match serde_json::from_slice(&bytes) {
        Ok(request) => request,
        Err(error) => return failed(None, format!("not a JSON object: {error}")),
    };
    // A request may have the maximum length, so it must not be in memory twice.
    drop(bytes);
    let id = request.remove("id");
    let request = match serde_json::from_value::<Request>(Value::Object(request)) {
        Ok(request) => request,
        Err(error) => return failed(id, format!("not a request: {error}")),
    };
    match score(scorer, &request) {
        Ok(result) => serde_json::to_string(&Answer { id, result }),
        Err(error) => failed(id, format!("{error:#}")),
    }
}

fn failed(id: Option<Value>, error: String) -> serde_json::Result<String> {
    let result = Failed { error };
    serde_json::to_string(&Answer { id, result })
}

fn score<'a>(scorer: &Scorer, request: &'a Request) -> anyhow::Result<Line<'a>> {
    let path = request.path.as_deref();
    if let (Some(path), Some(heat_map)) = (path, &request.heat_map) {
        ensure!(
            !is_same_file(path, heat_map),
            "heat_map names the image itself"
        );
    }
    let bytes = match (path, &request.image) {
        (Some(path), None) => read(path)?,
        (None, Some(image)) => STANDARD.decode(image).context("image is not base64")?,
        _ => bail!("a request has either path or image"),
    };
    note_part(path.unwrap_or(Path::new("image")), &bytes);
    let scored = scorer.score(&bytes, request.heat_map.is_some())?;
    if let (Some(file), Some(map)) = (&request.heat_map, &scored.heat_map) {
        write_png(map, file)?;
    }
    Ok(scorer.line(path, &scored))
}

/// The result of reading a line.
#[derive(Debug, PartialEq, Eq)]
enum Input {
    Line(Vec<u8>),
    /// A line longer than the limit, which is skipped without storing it.
    TooLong,
    End,
}

fn next_line(input: &mut impl BufRead, max_bytes: usize) -> io::Result<Input> {
    let mut line = Vec::new();
    let mut limited = input.by_ref().take(max_bytes as u64 + 1);
    limited.read_until(b'\n', &mut line)?;
    if line.len() > max_bytes && !line.ends_with(b"\n") {
        input.skip_until(b'\n')?;
        return Ok(Input::TooLong);
    }
    Ok(match line.is_empty() {
        true => Input::End,
        false => Input::Line(line),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_is_too_long_is_passed_over_and_the_next_is_read() {
        let mut input = &b"1234\n12345\n123456789\n\n12"[..];
        let mut next = || next_line(&mut input, 4).unwrap();
        assert_eq!(next(), Input::Line(b"1234\n".to_vec()));
        assert_eq!(next(), Input::TooLong);
        assert_eq!(next(), Input::TooLong);
        assert_eq!(next(), Input::Line(b"\n".to_vec()));
        assert_eq!(next(), Input::Line(b"12".to_vec()));
        assert_eq!(next(), Input::End);
    }
}
