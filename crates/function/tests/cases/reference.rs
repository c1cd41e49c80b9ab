//! The pages of the function's documentation that are made from the source: the reference, and the XML on the pages of
//! features. `UPDATE=1` writes them anew.
//!
//! On a page of `features`, a YAML block that holds an ApigeeProxy or an ApigeeSharedFlow is expanded, and each block of XML after it, whose
//! first line names a file, must be that file of its bundle, or the part of it that is shown between `…` lines.

use std::fs;
use std::path::{Path, PathBuf};

use apigee_flux_function::expand::{Options, bundles};
use apigee_flux_function::reference;
use apigee_flux_model::bundle::Files;
use apigee_flux_model::diag::human;
use apigee_flux_model::krm::Input;
use libtest_mimic::{Failed, Trial};

use super::repository;

pub(crate) fn trials() -> Vec<Trial> {
    let folder = repository("functions/expand-apigee");
    let mut trials = Vec::new();
    for (name, text) in reference::pages() {
        let path = folder.join("reference").join(&name);
        trials.push(Trial::test(format!("reference::{name}"), move || same(&path, &text)));
    }
    let order = folder.join("order.md");
    trials.push(Trial::test("reference::order.md", move || same(&order, &reference::order())));
    let pages = reference::pages();
    let reference = folder.join("reference");
    trials.push(Trial::test("reference::no-page-is-left-over", move || {
        for path in files(&reference) {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if !pages.iter().any(|(known, _)| *known == name) {
                return Err(format!("{} is not made any more: remove it", path.display()).into());
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

fn same(path: &Path, text: &str) -> Result<(), Failed> {
    if std::env::var_os("UPDATE").is_some() {
        fs::create_dir_all(path.parent().unwrap_or(path))?;
        fs::write(path, text)?;
    }
    let found = fs::read_to_string(path).unwrap_or_default();
    if found == text {
        return Ok(());
    }
    let line = found.lines().zip(text.lines()).position(|(a, b)| a != b).unwrap_or_default();
    let message = format!(
        "{} is not current; UPDATE=1 writes it anew\nline {}\nfound:    {}\nexpected: {}",
        path.display(),
        line + 1,
        found.lines().nth(line).unwrap_or("(nothing)"),
        text.lines().nth(line).unwrap_or("(nothing)"),
    );
    Err(message.into())
}

/// The page with each block of XML as it is made now.
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
                let bundle = bundle.as_ref().ok_or("a block of XML stands before any spec")?;
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
    same(path, &written)
}

/// The files of the last bundle that the block's resources give.
fn expand(block: &str) -> Result<Files, Failed> {
    let input = Input::read(block).map_err(|diagnostic| diagnostic.text())?;
    let (made, diagnostics) = bundles(&input, &Options::default());
    let diagnostics = human::report(&diagnostics, &|_| None).to_string();
    match made.into_iter().last() {
        Some(made) if diagnostics.is_empty() => Ok(made.files),
        _ => Err(format!("the resources of the page are not sound\n{diagnostics}\n{block}").into()),
    }
}

/// A block whose first line is `<!-- FILE -->` or `<!-- FILE: ELEMENT -->`, with what the file holds now: all of it, or every such element.
fn current(block: &str, bundle: &Files) -> Result<String, Failed> {
    let head = block.lines().next().unwrap_or_default();
    let what = head.strip_prefix("<!-- ").and_then(|head| head.strip_suffix(" -->"));
    let what = what.ok_or_else(|| format!("a block of XML starts with `<!-- FILE -->`, found {head}"))?;
    let (file, element) = what.split_once(": ").map_or((what, None), |(file, element)| (file, Some(element)));
    let known = || bundle.iter().map(|(path, _)| path.as_str()).collect::<Vec<_>>().join(", ");
    let bytes = bundle.get(file).ok_or_else(|| format!("no file `{file}`; there are {}", known()))?;
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

/// Every element of a name, with its lines moved to the left. Elements of files that we write start on a line of their own.
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
