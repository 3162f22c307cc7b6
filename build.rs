//! Passes the commit of the source code to the program, for the provenance of the models it trains.

use std::path::Path;
use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    // Only the command line uses the commit, so wasm modules need not be rebuilt for every commit.
    let is_wasm = std::env::var("CARGO_CFG_TARGET_FAMILY").is_ok_and(|family| family == "wasm");
    if is_wasm {
        return;
    }
    // Without git, or outside a clone, the commit is unknown.
    let Some(log) = git(&["rev-parse", "--git-path", "logs/HEAD"]) else {
        return;
    };
    if Path::new(&log).exists() {
        println!("cargo::rerun-if-changed={log}");
        println!("cargo::rerun-if-changed=src");
    }
    let Some(commit) = git(&["rev-parse", "--short=12", "HEAD"]) else {
        return;
    };
    let changes = git(&["status", "--porcelain", "src", "Cargo.toml", "Cargo.lock"]);
    let is_dirty = changes.is_some_and(|changes| !changes.is_empty());
    let mark = if is_dirty { "-dirty" } else { "" };
    println!("cargo::rustc-env=DAAD_COMMIT={commit}{mark}");
}

fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}
