//! Information in a model file about the program that made it.

/// The commit that this program was built from.
pub(crate) fn commit() -> String {
    option_env!("DAAD_COMMIT").unwrap_or_default().to_owned()
}

/// The command line, with the program's name in place of its path.
pub(crate) fn command() -> String {
    let arguments = std::env::args_os().skip(1);
    let arguments = arguments.map(|word| word.to_string_lossy().into_owned());
    let words: Vec<String> = ["daad".to_owned()].into_iter().chain(arguments).collect();
    words.join(" ")
}
