//! Base paths.

use apigee_flux_model::path_pattern::Fault;

/// Why a base path is none; Apigee's rules for wildcards are those of its page "Creating an API proxy".
pub(super) fn fault(path: &str) -> Option<Fault> {
    if !path.starts_with('/') {
        return Some((format!("`{path}` does not start with `/`"), "write the path from the host on, as `/v1/orders`"));
    }
    if let Some(bad) = path.chars().find(|c| c.is_whitespace() || c.is_control() || "?#\"<>\\^`|".contains(*c)) {
        return Some((
            format!("the character {bad:?} is not allowed in a path"),
            "a path has no query and no spaces; other characters are percent-encoded",
        ));
    }
    if path.contains("//") {
        return Some((format!("`{path}` has an empty segment"), "write one `/` between two segments"));
    }
    if path.len() > 1 && path.ends_with('/') {
        return Some((format!("`{path}` ends in `/`"), "write it without: both forms are served"));
    }
    for segment in path.split('/').skip(1) {
        if matches!(segment, "." | "..") {
            let message = format!("the segment `{segment}` never reaches Apigee: clients resolve it before");
            return Some((message, "write the path that remains without it"));
        }
        if segment.contains(['{', '}']) {
            let message = format!("`{segment}` is no wildcard in a base path");
            return Some((message, "write `*` for a segment of any text"));
        }
        if segment != "*" && segment.contains('*') {
            let message = format!("`{segment}` is not allowed in a base path");
            return Some((message, "`*` stands for one whole segment; what follows the base path needs no wildcard"));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base_paths() {
        for path in ["/", "/v1", "/v1/orders", "/team/*/members", "/a-b_c.d~e", "/a%20b"] {
            assert_eq!(fault(path), None, "{path}");
        }
        for (path, message) in [
            ("v1", "`v1` does not start with `/`"),
            ("", "`` does not start with `/`"),
            ("/v1/", "`/v1/` ends in `/`"),
            ("/v1//a", "`/v1//a` has an empty segment"),
            ("/v 1", "the character ' ' is not allowed in a path"),
            ("/v1?x=1", "the character '?' is not allowed in a path"),
            ("/v1/{id}", "`{id}` is no wildcard in a base path"),
            ("/v1/**", "`**` is not allowed in a base path"),
            ("/v1/..", "the segment `..` never reaches Apigee: clients resolve it before"),
            ("/v1/a*", "`a*` is not allowed in a base path"),
        ] {
            assert_eq!(fault(path).map(|fault| fault.0).as_deref(), Some(message), "{path}");
        }
    }
}
