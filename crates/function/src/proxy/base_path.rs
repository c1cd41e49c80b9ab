//! Base paths.

use apigee_flux_model::path_pattern::PathSyntaxError;

/// Why a path is not a valid base path. The rules for wildcards are those of Apigee's page "Creating an API proxy".
pub(super) fn fault(path: &str) -> Option<PathSyntaxError> {
    if !path.starts_with('/') {
        return Some((
            format!("`{path}` does not start with `/`"),
            "write the path without the host, for example `/v1/orders`",
        ));
    }
    if let Some(bad) = path.chars().find(|c| c.is_whitespace() || c.is_control() || "?#\"<>\\^`|".contains(*c)) {
        return Some((
            format!("the character {bad:?} is not allowed in a path"),
            "a base path has no query and no spaces; percent-encode other characters",
        ));
    }
    if path.contains("//") {
        return Some((format!("`{path}` has an empty segment"), "write one `/` between two segments"));
    }
    if path.len() > 1 && path.ends_with('/') {
        return Some((format!("`{path}` ends in `/`"), "remove the `/` at the end: Apigee serves both forms"));
    }
    for segment in path.split('/').skip(1) {
        if matches!(segment, "." | "..") {
            let message =
                format!("the segment `{segment}` never reaches Apigee: clients resolve it before they send a request");
            return Some((message, "write the path that is left when it is resolved"));
        }
        if segment.contains(['{', '}']) {
            let message = format!("`{segment}` is not a wildcard in a base path");
            return Some((message, "write `*` for a segment with any text"));
        }
        if segment != "*" && segment.contains('*') {
            let message = format!("`{segment}` is not allowed in a base path");
            return Some((
                message,
                "`*` matches one whole segment; paths below the base path match without a wildcard",
            ));
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
            ("/v1/{id}", "`{id}` is not a wildcard in a base path"),
            ("/v1/**", "`**` is not allowed in a base path"),
            ("/v1/..", "the segment `..` never reaches Apigee: clients resolve it before they send a request"),
            ("/v1/a*", "`a*` is not allowed in a base path"),
        ] {
            assert_eq!(fault(path).map(|fault| fault.0).as_deref(), Some(message), "{path}");
        }
    }
}
