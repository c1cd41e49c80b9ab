//! Paths of API products: the part after the base path of a proxy, which is compared with the path of a request.

use apigee_flux_model::diag::{Code, Diagnostic, FieldPath, Report};

/// Reports a path that matches no request, although it looks as if it did. The wildcards are `*` for one segment and `**` for any number
/// of segments (<https://cloud.google.com/apigee/docs/api-platform/publish/create-api-products>); everything else is literal.
pub(super) fn check(path: &str, at: &FieldPath, report: &mut Report<'_>) {
    let Some((message, fix)) = fault(path) else { return };
    report.push(Diagnostic::error(Code::InvalidValue, message).at(at.clone()).help(fix));
}

/// What is wrong, and how to fix it.
fn fault(path: &str) -> Option<(String, String)> {
    if !path.starts_with('/') {
        let message = format!("`{path}` does not start with `/`");
        return Some((message, "write the path that follows the proxy's base path".to_owned()));
    }
    if let Some((before, _)) = path.split_once(['?', '#']) {
        let message = format!("`{path}` matches no request: the path of a product has no query and no fragment");
        return Some((message, format!("write `{before}`")));
    }
    if path.contains(|c: char| c.is_whitespace() || c.is_control()) {
        let message = format!("`{path}` has a space or a control character, which no request path contains");
        return Some((message, "write `*` for that segment".to_owned()));
    }
    let is_placeholder =
        |segment: &&str| segment.contains(['{', '}']) || (segment.starts_with(':') && segment.len() > 1);
    let placeholder = path.split('/').find(is_placeholder)?;
    let fixed: Vec<&str> =
        path.split('/').map(|segment| if is_placeholder(&segment) { "*" } else { segment }).collect();
    let message = format!(
        "`{placeholder}` is not a wildcard in the path of a product, so `{path}` matches no request that has a value there"
    );
    Some((message, format!("write `{}`", fixed.join("/"))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_for_itself_by_mistake_is_found() {
        for path in ["/", "/**", "/orders/*", "/a/**", "/a:b", "/a.json", "/%7Bid%7D", "/a/:"] {
            assert_eq!(fault(path), None, "{path}");
        }
        for (path, fix) in [
            ("orders", "write the path that follows the proxy's base path"),
            ("/{id}", "write `/*`"),
            ("/orders/{id}/items/{item}", "write `/orders/*/items/*`"),
            ("/orders/:id", "write `/orders/*`"),
            ("/a-{id}.json", "write `/*`"),
            ("/a?x=1", "write `/a`"),
            ("/a#b", "write `/a`"),
            ("/a b", "write `*` for that segment"),
        ] {
            assert_eq!(fault(path).map(|found| found.1).as_deref(), Some(fix), "{path}");
        }
    }
}
