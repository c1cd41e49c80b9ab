//! The provenance of the rendered state, read from Git if the command line asks for it.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, bail};

use apigee_flux_model::provenance::Provenance;

/// The commit that is checked out at a folder, its tag if it has one, its author and time, and the repository's address.
pub(super) fn provenance(folder: &Path) -> anyhow::Result<Provenance> {
    let commit = git(folder, &["log", "-1", "--format=%H%n%an <%ae>%n%cI"])?;
    let mut lines = commit.lines().map(str::to_owned);
    let (commit, author, time) = (lines.next(), lines.next(), lines.next());
    // The tag and the remote are optional.
    let tag = git(folder, &["describe", "--tags", "--exact-match"]).ok();
    let source = git(folder, &["remote", "get-url", "origin"]).ok().map(|url| without_credential(&url));
    Ok(Provenance { source, commit, tag, author, time })
}

fn git(folder: &Path, arguments: &[&str]) -> anyhow::Result<String> {
    let shown = || format!("git {}", arguments.join(" "));
    let output = Command::new("git")
        .arg("-C")
        .arg(folder)
        // This user setting would also print the signature.
        .args(["-c", "log.showSignature=false"])
        .args(arguments)
        .output()
        .with_context(|| format!("cannot run `{}`", shown()))?;
    if !output.status.success() {
        bail!("`{}`: {}", shown(), String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// A repository's URL without the credential: CI systems put their token into it.
fn without_credential(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    format!("{scheme}://{host}/{path}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_token_of_a_remote_is_published() {
        assert_eq!(without_credential("https://ci:t0ken@git.example.com/a/b.git"), "https://git.example.com/a/b.git");
        assert_eq!(without_credential("https://git.example.com/a/b@c.git"), "https://git.example.com/a/b@c.git");
        assert_eq!(without_credential("git@git.example.com:a/b.git"), "git@git.example.com:a/b.git");
    }
}
