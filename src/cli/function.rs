//! The KRM function, which runs if no command is given. It reads a ResourceList or a stream of documents from standard input, and writes the
//! same to standard output, expanded.

use std::io::{self, BufWriter};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

use super::out;
use super::source::Source;
use apigee_flux_function::expand::{ExpandOptions, expand, texts};
use apigee_flux_model::diag::{Code, Diagnostic, has_errors, human};
use apigee_flux_model::krm::Input;

/// Runs the function on the standard streams of this process. Exit codes: 0 success, 1 an error was found and nothing was changed.
pub(super) fn run() -> io::Result<ExitCode> {
    let mut source = Source::default();
    if let Err(diagnostic) = source.read(io::stdin().lock())? {
        return report(&[diagnostic]);
    }
    let text = match source.text() {
        Ok(text) => text,
        Err(diagnostic) => return report(&[diagnostic]),
    };
    let input = match Input::read(text) {
        Ok(input) => input,
        Err(diagnostic) => return report(&[diagnostic]),
    };
    let out = BufWriter::with_capacity(1 << 16, out::document());
    write(&input, &ExpandOptions::default(), out)
}

/// Expands the input and writes the output. Diagnostics are also written to standard error, the only output that kustomize shows.
fn write(input: &Input<'_>, options: &ExpandOptions<'_>, mut out: impl io::Write) -> io::Result<ExitCode> {
    // A panic must not look like a result: the orchestrator gets its input back, and a message.
    let expansion = catch_unwind(AssertUnwindSafe(|| {
        let mut expansion = expand(input, options);
        let texts = texts(std::mem::take(&mut expansion.objects), options.threads);
        (expansion, texts)
    }));
    let (expansion, texts) = match expansion {
        Ok((expansion, Ok(texts))) => (expansion, texts),
        Ok((mut expansion, Err(why))) => {
            expansion.changes.clear();
            expansion.diagnostics.push(internal(&why));
            (expansion, Vec::new())
        }
        Err(_) => {
            let expansion = apigee_flux_function::expand::Expansion {
                diagnostics: vec![internal("the expansion panicked")],
                ..Default::default()
            };
            (expansion, Vec::new())
        }
    };
    let failed = has_errors(&expansion.diagnostics);
    // In a pipe nothing reads the `results` field: an unexpanded stream would be applied as if it were the result.
    if !failed || matches!(input, Input::List(_)) {
        input.write(&mut out, &expansion.changes, &texts, &expansion.diagnostics)?;
        out.flush()?;
    }
    report(&expansion.diagnostics)
}

fn internal(why: &str) -> Diagnostic {
    Diagnostic::error(Code::Internal, format!("internal error of apigee-flux: {why}"))
        .help("please report this bug with the input that causes it")
}

fn report(diagnostics: &[Diagnostic]) -> io::Result<ExitCode> {
    report_in(diagnostics, &|_| None)
}

/// Prints diagnostics to standard error and returns the exit code.
pub(super) fn report_in(diagnostics: &[Diagnostic], locate: human::Locate<'_>) -> io::Result<ExitCode> {
    out::stderr(&human::report(diagnostics, locate))?;
    Ok(if has_errors(diagnostics) { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}
