//! A line in, a JSON line out: how the driver makes two programs take turns.

use std::io::{self, Write};

use serde::Serialize;

/// Calls `step` for every line on standard input and prints what it gives. Says `{}` first, once
/// all is loaded.
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
