//! Reads a line and answers with a JSON line, so that the driver can run two programs in turn.

use std::io::{self, Write};

use serde::Serialize;

/// Calls `step` for every line on standard input and prints its result. Prints `{}` first, when
/// everything is loaded.
pub(crate) fn answer<T: Serialize>(
    mut step: impl FnMut() -> anyhow::Result<T>,
) -> anyhow::Result<()> {
    say("{}")?;
    for line in io::stdin().lines() {
        line?;
        say(&serde_json::to_string(&step()?)?)?;
    }
    Ok(())
}

/// One line on standard output.
pub(crate) fn say(line: &str) -> anyhow::Result<()> {
    writeln!(io::stdout().lock(), "{line}")?;
    Ok(())
}
