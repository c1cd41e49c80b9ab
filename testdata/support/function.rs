//! The function as the library runs it: text in, text out, as `src/cli/function.rs` does with standard input and output.

use std::num::NonZeroUsize;

use apigee_flux_function::expand::{ExpandOptions, expand, texts};
use apigee_flux_model::diag::{Diagnostic, has_errors, human};
use apigee_flux_model::krm::Input;

/// What the program would print, and whether it would fail.
pub(crate) struct Ran {
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) failed: bool,
}

/// Expands `input`.
pub(crate) fn function(input: &str) -> Ran {
    function_in(input, None)
}

/// Expands `input` in a number of threads.
pub(crate) fn function_in(input: &str, threads: Option<NonZeroUsize>) -> Ran {
    let input = match Input::read(input) {
        Ok(input) => input,
        Err(diagnostic) => return ran(String::new(), &[diagnostic]),
    };
    let mut expansion = expand(&input, &ExpandOptions { threads, ..ExpandOptions::default() });
    let mut stdout = Vec::new();
    // For a stream with an error nothing is printed, because a pipe has no place for results.
    if !has_errors(&expansion.diagnostics) || matches!(input, Input::List(_)) {
        let texts = texts(std::mem::take(&mut expansion.objects), threads).unwrap();
        input.write(&mut stdout, &expansion.changes, &texts, &expansion.diagnostics).unwrap();
    }
    ran(String::from_utf8(stdout).unwrap(), &expansion.diagnostics)
}

fn ran(stdout: String, diagnostics: &[Diagnostic]) -> Ran {
    let stderr = human::report(diagnostics, &|_| None).as_str().to_owned();
    Ran { stdout, stderr, failed: has_errors(diagnostics) }
}
