//! Paths of operations that are probably mistakes: with the placeholders of other frameworks, or with the base path in
//! front.

use std::collections::HashSet;

use super::contract::Contract;
use crate::spec::ApigeeProxySpec;
use apigee_flux_model::diag::{Code, Diagnostic, FieldPath, Report};
use apigee_flux_model::path_pattern::OperationPattern;

/// Warns about paths that are probably mistakes.
pub(super) fn check(
    spec: &ApigeeProxySpec,
    contract: Option<&Contract>,
    base_path: Option<&str>,
    report: &mut Report<'_>,
    at: &FieldPath,
) {
    let base_path = base_path.filter(|path| path.len() > 1);
    for (name, operation) in &spec.operations {
        let Some(matches) = &operation.matches else { continue };
        let at = at.key("operations").key(name.as_str()).key("match").key("path");
        if let Some(segment) = OperationPattern::foreign_placeholder(&matches.path) {
            report.push(foreign(segment, &format!("`{}`", matches.path)).at(&at));
        }
        if let Some((base_path, rest)) = base_path.and_then(|base| Some((base, below(base, &matches.path)?))) {
            let message = format!(
                "`{}` repeats the base path `{base_path}`: the operation only matches requests for `{base_path}{}`",
                matches.path, matches.path
            );
            report.push(
                Diagnostic::warning(Code::RepeatedBasePath, message)
                    .at(&at)
                    .help(format!("write the path relative to the base path: `{rest}`")),
            );
        }
    }
    slashes_at_the_end(spec, report, at);
    let Some(contract) = contract else { return };
    let paths = || contract.document.operations.iter().map(|operation| operation.path.as_str());
    let mut with_colon = paths().filter_map(|path| Some((OperationPattern::foreign_placeholder(path)?, path)));
    if let Some((segment, path)) = with_colon.next() {
        let more = match with_colon.count() {
            0 => format!("`{path}` of the document"),
            more => format!("`{path}` of the document and in {more} more paths"),
        };
        report.push(foreign(segment, &more).at(&contract.at));
    }
    let Some(base_path) = base_path else { return };
    if let Some(first) = paths().next()
        && paths().all(|path| below(base_path, path).is_some())
    {
        let message = format!(
            "all paths of the document repeat the base path `{base_path}`: the operation `{first}` is served at \
             `{base_path}{first}`"
        );
        report.push(Diagnostic::warning(Code::RepeatedBasePath, message).at(&contract.at).help(
            "the paths of a document are relative to its server: remove the base path from the paths or from the \
             server",
        ));
    }
}

/// Warns about a path with a slash at its end if no operation has the same path without it: it is probably a mistake.
fn slashes_at_the_end(spec: &ApigeeProxySpec, report: &mut Report<'_>, at: &FieldPath) {
    let paths = spec.operations.values().filter_map(|operation| Some(operation.matches.as_ref()?.path.as_str()));
    let paths: HashSet<&str> = paths.collect();
    for (name, operation) in &spec.operations {
        let path = operation.matches.as_ref().map(|matches| matches.path.as_str()).unwrap_or_default();
        let Some(without) = path.strip_suffix('/').filter(|without| !without.is_empty()) else { continue };
        if !paths.contains(without) {
            let message = format!("`{path}` ends with a slash: the operation does not match requests for `{without}`");
            let at = at.key("operations").key(name.as_str()).key("match").key("path");
            report.push(
                Diagnostic::warning(Code::TrailingSlash, message)
                    .at(at)
                    .help(format!("write `{without}`; if clients send both forms, define an operation for each")),
            );
        }
    }
}

fn foreign(segment: &str, place: &str) -> Diagnostic {
    let name = segment.trim_start_matches(':');
    let name = name.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).next().unwrap_or(name);
    Diagnostic::warning(
        Code::ForeignPlaceholder,
        format!("`{segment}` in {place} is plain text: the operation only matches requests with exactly this segment"),
    )
    .help(format!("write `{{{name}}}` for a placeholder"))
}

/// The part of a path that follows the base path, if the path starts with it.
fn below(base_path: &str, path: &str) -> Option<String> {
    let mut rest = path.split('/');
    let same = base_path.split('/').all(|wanted| rest.next().is_some_and(|found| wanted == "*" || wanted == found));
    same.then(|| format!("/{}", rest.collect::<Vec<_>>().join("/")))
}
