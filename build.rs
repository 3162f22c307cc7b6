//! Tells the program which commit it was built from, for the provenance of the models it trains.

use std::process::Command;

fn main() {
    // The page trains nothing; it need not be built anew for every commit.
    let is_wasm = std::env::var("CARGO_CFG_TARGET_FAMILY").is_ok_and(|family| family == "wasm");
    if is_wasm {
        println!("cargo::rerun-if-changed=build.rs");
        return;
    }
    println!("cargo::rerun-if-changed=.git/logs/HEAD");
    let git = Command::new("git")
        .args(["rev-parse", "--short=12", "HEAD"])
        .output();
    // Without git, or outside a clone, the commit stays unknown.
    if let Ok(output) = git
        && output.status.success()
        && let Ok(commit) = String::from_utf8(output.stdout)
    {
        println!("cargo::rustc-env=DAAD_COMMIT={}", commit.trim());
    }
}
