//! Whether output is coloured.

use apigee_flux_model::diag::snippet::Colour;

/// Colours are used on terminals, unless `NO_COLOR` is set to a non-empty value (<https://no-color.org>).
pub(super) fn colour(is_terminal: bool) -> Colour {
    let unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    if is_terminal && !unwanted { Colour::Always } else { Colour::Never }
}
