//! `openapi`: generates a spec from an OpenAPI document.

use std::fmt::Write as _;
use std::fs;
use std::path::{Component, Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, anyhow, bail};

use super::function::report_in;
use super::out;
use super::package::MAX_INPUT_BYTES;
use apigee_flux_disk::{create_file, read_named};
use apigee_flux_function::expand::{ExpandOptions, ReadBeside, bundles};
use apigee_flux_function::openapi::{self, OpenApiDocument, SecurityScheme, Version};
use apigee_flux_function::proxy::is_base_path;
use apigee_flux_function::spec::credential::credential;
use apigee_flux_function::spec::{GROUP, VERSION};
use apigee_flux_model::bundle::Files;
use apigee_flux_model::diag::plain::{PlainText, is_active};
use apigee_flux_model::diag::{Code, Diagnostic, Subject, has_errors};
use apigee_flux_model::krm::Input;
use apigee_flux_model::yaml;

/// Generate an ApigeeProxy from an OpenAPI 3 or Swagger 2 document, as a starting point.
#[derive(Debug, clap::Args)]
pub(super) struct OpenapiArgs {
    /// The OpenAPI or Swagger document.
    file: PathBuf,
    /// The proxy's name. Default: derived from the document's title and the version in its server's path.
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// The file to write, which must not exist. Default: standard output; the spec then names the document as a file in its own folder.
    #[arg(short, long, value_name = "OUT")]
    output: Option<PathBuf>,
}

/// Runs the command. Exit codes: 0 success, 1 the document cannot be used and nothing was written.
pub(super) fn run(args: &OpenapiArgs) -> anyhow::Result<ExitCode> {
    let bytes = read_named(&args.file, MAX_INPUT_BYTES).map_err(|why| anyhow!("{} {why}", args.file.display()))?;
    let document = match openapi::read(&bytes) {
        Ok(document) => document,
        Err(faults) => {
            let file = Some(args.file.display().to_string());
            let subject = Subject { file, ..Subject::default() };
            let error = |fault: openapi::DocumentFault| {
                Diagnostic::error(Code::InvalidValue, fault.message).help(fault.help).of(&subject)
            };
            return Ok(report_in(&faults.into_iter().map(error).collect::<Vec<_>>(), &|_| None)?);
        }
    };
    let file = match &args.output {
        Some(out) => {
            if out.symlink_metadata().is_ok() {
                bail!("{} exists; choose another name or remove it", out.display());
            }
            let folder = out.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
            fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
            let real = |path: &Path| {
                fs::canonicalize(path).with_context(|| format!("cannot resolve the path {}", path.display()))
            };
            relative(&real(folder)?, &real(&args.file)?)
        }
        None => args.file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default(),
    };
    let text = spec(&document, &file, args.name.as_deref())?;
    let findings = check(&text, &bytes, &args.file)?;
    if !has_errors(&findings) {
        match &args.output {
            Some(out) => {
                create_file(out, text.as_bytes()).with_context(|| format!("cannot write {}", out.display()))?;
            }
            None => out::stdout(&PlainText::of_lines(&text))?,
        }
    }
    Ok(report_in(&findings, &|_| None)?)
}

/// Reads the document for the spec that refers to it.
#[derive(Debug)]
struct Beside<'b> {
    bytes: &'b [u8],
}

impl ReadBeside for Beside<'_> {
    fn bundle(&self, _: &Subject, path: &str) -> Result<Files, String> {
        Err(format!("there is no bundle at {path}"))
    }

    fn file(&self, _: &Subject, _: &str) -> Result<Vec<u8>, String> {
        Ok(self.bytes.to_vec())
    }

    fn findings(&self) -> Vec<Diagnostic> {
        Vec::new()
    }
}

/// The findings of `check` for the spec. A document for which no valid spec exists is refused here and not later.
fn check(text: &str, bytes: &[u8], document: &Path) -> anyhow::Result<Vec<Diagnostic>> {
    let input = Input::read(text).map_err(|why| anyhow!("the spec cannot be read: {}", why.text()))?;
    let beside = Beside { bytes };
    let options = ExpandOptions { beside: Some(&beside), ..ExpandOptions::default() };
    let (_, mut findings) = bundles(&input, &options);
    for finding in &mut findings {
        finding.subject = Some(Subject { file: Some(document.display().to_string()), ..Subject::default() });
    }
    findings.sort_by(Diagnostic::report_order);
    Ok(findings)
}

/// The relative path from a folder to a file, with `/` as the separator.
fn relative(folder: &Path, file: &Path) -> String {
    let parts = |path: &Path| path.components().map(|part| part.as_os_str().to_owned()).collect::<Vec<_>>();
    let (from, to) = (parts(folder), parts(file));
    let common = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
    let up = from[common..].iter().map(|_| Component::ParentDir.as_os_str().to_string_lossy().into_owned());
    let down = to[common..].iter().map(|part| part.to_string_lossy().into_owned());
    up.chain(down).collect::<Vec<_>>().join("/")
}

/// The spec as text: what the document defines, with comments on what it leaves open.
fn spec(document: &OpenApiDocument, file: &str, name: Option<&str>) -> anyhow::Result<String> {
    let server = document.servers.first();
    let path = server.and_then(openapi::DocumentServer::path).filter(|path| is_base_path(path) && is_plain(path));
    let name = name.map_or_else(|| made_name(&document.title, path), str::to_owned);
    let mut text = format!(
        "# Generated from {} by `apigee-flux openapi`: a starting point, edit it as needed.\n\
         apiVersion: {GROUP}/{VERSION}\nkind: ApigeeProxy\nmetadata:\n  name: {}\nspec:\n",
        one_line(file),
        scalar(&name)?
    );
    let shown = |text: &&str| !text.trim().is_empty() && is_plain(text);
    if let Some(title) = Some(document.title.trim()).filter(shown) {
        writeln!(text, "  displayName: {}", scalar(title)?)?;
    }
    let description = document.description.as_deref().and_then(|text| text.lines().find(shown));
    if let Some(description) = description {
        writeln!(text, "  description: {}", scalar(description.trim())?)?;
    }
    match path {
        Some(path) => writeln!(text, "  basePath: {}", scalar(path)?)?,
        None => {
            writeln!(
                text,
                "  basePath: {}  # the document has no server with a usable path: choose one",
                scalar(&format!("/{}", made_name(&name, None)))?
            )?;
        }
    }
    let apart = if file.starts_with("../") { "  # render and check a folder that contains both files" } else { "" };
    writeln!(text, "  openapi:\n    file: {}{apart}", scalar(file)?)?;
    if document.version == Version::Later {
        writeln!(text, "    validate: none  # Apigee validates against OpenAPI 3.0 only")?;
    } else if !document.external_references.is_empty() {
        writeln!(
            text,
            "    validate: none  # Apigee does not resolve references to other documents: `redocly bundle` merges them into one"
        )?;
    }
    security(&mut text, document)?;
    text.push_str("  traffic:\n    spikeArrest: 100ps\n");
    // Prefer a server with TLS.
    let mut backends: Vec<String> = document.servers.iter().filter_map(openapi::DocumentServer::backend).collect();
    backends.retain(|url| is_plain(url));
    backends.sort_by_key(|url| !url.starts_with("https://"));
    match backends.first() {
        Some(url) => writeln!(text, "  target: {}  # the document's server: set your backend's URL", scalar(url)?)?,
        None => writeln!(
            text,
            "  target: https://backend.example.com  # the document names no host: set your backend's URL"
        )?,
    }
    Ok(text)
}

/// Whether a spec can contain a text unchanged: `$(values.NAME)` would be replaced, and what looks like a credential is refused.
fn is_plain(text: &str) -> bool {
    !text.contains("$(") && credential(None, text).is_none()
}

/// The credentials that the operations require, or all that the document defines if the operations require none.
fn security(text: &mut String, document: &OpenApiDocument) -> anyhow::Result<()> {
    let asked = || document.operations.iter().filter_map(|operation| operation.security.as_ref()).flatten();
    let is_asked = |name: &str| asked().any(|requirement| requirement.contains_key(name));
    let any = document.security_schemes.keys().any(|name| is_asked(name));
    let schemes = document.security_schemes.iter().filter(|(name, _)| !any || is_asked(name));
    let mut key = None;
    let mut open = Vec::new();
    for (name, scheme) in schemes {
        let (what, example) = match scheme {
            SecurityScheme::ApiKey { location, name: field }
                if matches!(location.as_str(), "header" | "query") && is_token(field) =>
            {
                if key.is_none() {
                    key = Some((location, field));
                } else {
                    open.push((name, "another API key".to_owned(), None));
                }
                continue;
            }
            SecurityScheme::ApiKey { location, .. } => (format!("an API key in the {location}"), None),
            SecurityScheme::Http { scheme } if scheme == "bearer" => ("a bearer token".to_owned(), Some(None)),
            SecurityScheme::Http { scheme } => (format!("HTTP authentication `{scheme}`"), None),
            SecurityScheme::OAuth2 => ("an OAuth 2.0 token".to_owned(), Some(None)),
            SecurityScheme::OpenIdConnect { url } => ("an OpenID Connect token".to_owned(), Some(Some(url.as_str()))),
            SecurityScheme::Other(kind) => (format!("`{kind}`"), None),
        };
        open.push((name, what, example));
    }
    text.push_str("  security:\n");
    if let Some((location, field)) = key {
        writeln!(text, "    apiKey: {{in: {location}, name: {}}}", scalar(field)?)?;
    }
    for (name, what, example) in open {
        writeln!(text, "    # The document also defines {what} (`{}`).", one_line(name))?;
        if let Some(discovery) = example {
            let issuer = discovery.and_then(|url| url.strip_suffix("/.well-known/openid-configuration"));
            let issuer = one_line(issuer.unwrap_or("https://issuer.example.com"));
            writeln!(
                text,
                "    # If it is a JWT, fill in: jwt: {{issuer: \"{issuer}\", audience: …, jwks: \"{issuer}/…\"}}"
            )?;
        }
    }
    text.push_str("    headers: default\n");
    Ok(())
}

/// Whether a text is a valid header name (RFC 9110).
fn is_token(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_.~".contains(c))
}

/// A name that is valid in Kubernetes and Apigee: the title's words, and the version in the path.
fn made_name(title: &str, path: Option<&str>) -> String {
    let lower = title.to_lowercase();
    let words = lower.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let mut name = words.collect::<Vec<_>>().join("-");
    name.truncate(50);
    let name = name.trim_matches('-');
    let name = if name.is_empty() { "api" } else { name };
    let is_version = |segment: &&str| {
        segment.strip_prefix('v').is_some_and(|rest| {
            rest.starts_with(|c: char| c.is_ascii_digit()) && rest.chars().all(|c| c.is_ascii_alphanumeric())
        })
    };
    let version = path.into_iter().flat_map(|path| path.split('/')).find(is_version).map(str::to_lowercase);
    match version.filter(|version| name != *version && !name.ends_with(&format!("-{version}"))) {
        Some(version) => format!("{name}-{version}"),
        None => name.to_owned(),
    }
}

/// A text as a YAML scalar on one line.
fn scalar(text: &str) -> anyhow::Result<String> {
    let text = yaml::encode(&one_line(text)).map_err(|why| anyhow!("`{text}` cannot be written as YAML: {why}"))?;
    Ok(text.trim_end().to_owned())
}

/// A text on one line, without characters that XML does not allow.
fn one_line(text: &str) -> String {
    let words = text.split(|c: char| c.is_whitespace() || is_active(c)).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join(" ").replace(['\u{fffe}', '\u{ffff}'], "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_from_the_title_and_the_path() {
        for (title, path, expected) in [
            ("Swagger Petstore", Some("/api/v3"), "swagger-petstore-v3"),
            ("Orders v1", Some("/v1"), "orders-v1"),
            ("GitHub's v3 REST API", None, "github-s-v3-rest-api"),
            ("日本", Some("/v1beta1/x"), "api-v1beta1"),
            ("", Some("/vehicles"), "api"),
        ] {
            assert_eq!(made_name(title, path), expected);
        }
    }

    #[test]
    fn a_path_leads_from_the_spec_to_the_document() {
        for (folder, file, expected) in [
            ("/a/b", "/a/b/o.yaml", "o.yaml"),
            ("/a/b", "/a/c/o.yaml", "../c/o.yaml"),
            ("/a", "/a/b/o.yaml", "b/o.yaml"),
        ] {
            assert_eq!(relative(Path::new(folder), Path::new(file)), expected);
        }
    }
}
