//! The pages of the function's documentation that are generated from the source: the reference, and the XML on the pages of
//! features. `UPDATE=1` writes them again.
//!
//! On a page of `features`, a YAML block with an ApigeeProxy or an ApigeeSharedFlow is rendered, and each XML block after it, whose
//! first line names a file, must be that file of its bundle, or every element of it that the first line names.

use std::fs;
use std::path::{Path, PathBuf};

use apigee_flux_function::expand::{ExpandOptions, bundles};
use apigee_flux_function::reference;
use apigee_flux_model::bundle::Files;
use apigee_flux_model::diag::human;
use apigee_flux_model::krm::Input;
use libtest_mimic::{Failed, Trial};

use super::golden::expect;
use super::repository;

pub(crate) fn trials() -> Vec<Trial> {
    let folder = repository("functions/expand-apigee");
    let mut trials = Vec::new();
    for (name, text) in reference::pages() {
        let path = folder.join("reference").join(&name);
        trials.push(Trial::test(format!("reference::{name}"), move || Ok(expect(&path, &text)?)));
    }
    let order = folder.join("order.md");
    trials.push(Trial::test("reference::order.md", move || Ok(expect(&order, &reference::order())?)));
    let pages = reference::pages();
    let reference = folder.join("reference");
    trials.push(Trial::test("reference::no-page-is-left-over", move || {
        for path in files(&reference) {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if !pages.iter().any(|(known, _)| *known == name) {
                return Err(format!("{} is not generated any more: remove it", path.display()).into());
            }
        }
        Ok(())
    }));
    for path in files(&folder.join("features")) {
        let name = format!("reference::features/{}", path.file_name().unwrap_or_default().display());
        trials.push(Trial::test(name, move || feature(&path)));
    }
    trials
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut found: Vec<PathBuf> = entries.map(|entry| entry.path()).filter(|path| path.is_file()).collect();
    found.sort();
    found
}

/// Compares a page with the same page whose XML blocks are generated again.
fn feature(path: &Path) -> Result<(), Failed> {
    let page = fs::read_to_string(path)?;
    let mut written = String::new();
    let mut bundle: Option<Files> = None;
    let mut rest = page.as_str();
    let mut shown = 0;
    while let Some((before, after)) = rest.split_once("\n```") {
        let (language, after) = after.split_once('\n').ok_or("a block has no end")?;
        let (block, after) = after.split_once("\n```").ok_or("a block has no end")?;
        let block = match language {
            "yaml" if block.contains("kind: Apigee") => {
                bundle = Some(expand(block)?);
                block.to_owned()
            }
            "xml" => {
                shown += 1;
                let bundle = bundle.as_ref().ok_or("an XML block comes before any spec")?;
                current(block, bundle)?
            }
            _ => block.to_owned(),
        };
        written.extend([before, "\n```", language, "\n", &block, "\n```"]);
        rest = after;
    }
    written.push_str(rest);
    if shown == 0 {
        return Err("the page shows no XML".into());
    }
    Ok(expect(path, &written)?)
}

/// The files of the last bundle that is rendered from the block's resources.
fn expand(block: &str) -> Result<Files, Failed> {
    let input = Input::read(block).map_err(|diagnostic| diagnostic.text())?;
    let (made, diagnostics) = bundles(&input, &ExpandOptions::default());
    let diagnostics = human::report(&diagnostics, &|_| None).to_string();
    match made.into_iter().last() {
        Some(made) if diagnostics.is_empty() => Ok(made.files),
        _ => Err(format!("the resources of the page have findings\n{diagnostics}\n{block}").into()),
    }
}

/// A block whose first line is `<!-- FILE -->` or `<!-- FILE: ELEMENT -->`, with the current content of the file: all of it, or every such element.
fn current(block: &str, bundle: &Files) -> Result<String, Failed> {
    let head = block.lines().next().unwrap_or_default();
    let what = head.strip_prefix("<!-- ").and_then(|head| head.strip_suffix(" -->"));
    let what = what.ok_or_else(|| format!("an XML block starts with `<!-- FILE -->`, found {head}"))?;
    let (file, element) = what.split_once(": ").map_or((what, None), |(file, element)| (file, Some(element)));
    let known = || bundle.iter().map(|(path, _)| path.as_str()).collect::<Vec<_>>().join(", ");
    let bytes = bundle.get(file).ok_or_else(|| format!("no file `{file}`; the files are {}", known()))?;
    let text = std::str::from_utf8(bytes)?;
    let body = match element {
        None => text.split_once('\n').map_or(text, |(_, rest)| rest).trim_end().to_owned(),
        Some(element) => {
            let part = elements(text, element);
            if part.is_empty() {
                return Err(format!("`{file}` has no <{element}>").into());
            }
            part
        }
    };
    Ok(format!("{head}\n{body}"))
}

/// Every element with a name, unindented. In rendered files every element starts on a line of its own.
fn elements(text: &str, name: &str) -> String {
    let mut found = Vec::new();
    let mut end: Option<(usize, String)> = None;
    for line in text.lines() {
        let indent = line.len() - line.trim_start().len();
        let start = line.trim_start();
        if end.is_none()
            && (start.starts_with(&format!("<{name}>"))
                || start.starts_with(&format!("<{name} "))
                || start.starts_with(&format!("<{name}/>")))
        {
            end = Some((indent, format!("</{name}>")));
        }
        if let Some((left, closing)) = &end {
            found.push(line[(*left).min(line.len())..].to_owned());
            let closed =
                start.ends_with(closing.as_str()) && (indent == *left) || (found.len() == 1 && start.ends_with("/>"));
            if closed {
                end = None;
            }
        }
    }
    found.join("\n")
}
