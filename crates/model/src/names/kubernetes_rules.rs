//! Kubernetes' rules for names, keys and values (`k8s.io/apimachinery`, `pkg/util/validation`). Otherwise an invalid value would be rejected
//! only when it is applied, long after the review.

/// The maximum length of a DNS label, in characters (RFC 1123).
const MAX_LABEL: usize = 63;

/// The maximum length of a DNS name in Kubernetes.
const MAX_SUBDOMAIN: usize = 253;

fn lower(c: char) -> bool {
    c.is_ascii_lowercase() || c.is_ascii_digit()
}

fn is_label(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= MAX_LABEL
        && text.starts_with(lower)
        && text.ends_with(lower)
        && text.chars().all(|c| lower(c) || c == '-')
}

fn is_subdomain(text: &str) -> bool {
    text.len() <= MAX_SUBDOMAIN && text.split('.').all(is_label_of_subdomain)
}

/// In a subdomain, only the total length is limited.
fn is_label_of_subdomain(text: &str) -> bool {
    text.starts_with(lower) && text.ends_with(lower) && text.chars().all(|c| lower(c) || c == '-')
}

/// Checks the name of a namespace.
pub fn namespace(text: &str) -> Result<(), String> {
    if is_label(text) {
        return Ok(());
    }
    Err(format!(
        "`{text}` is not a valid Kubernetes namespace; allowed are a-z, 0-9 and `-`, a letter or digit at both ends, at most {MAX_LABEL} \
        characters"
    ))
}

/// Checks the name of a volume, a DNS label (Kubernetes, "Volumes").
pub fn volume_name(text: &str) -> Result<(), String> {
    if is_label(text) {
        return Ok(());
    }
    Err(format!(
        "`{text}` is not a valid name of a volume; use a-z, 0-9 and `-`, at most {MAX_LABEL} characters, such as `vault-token`"
    ))
}

/// Checks the name of an object of most kinds, for example a Secret.
pub fn object_name(text: &str) -> Result<(), String> {
    if is_subdomain(text) {
        return Ok(());
    }
    Err(format!(
        "`{text}` is not a valid Kubernetes name; allowed are a-z, 0-9, `-` and `.`, a letter or digit at both ends of each part, at most \
        {MAX_SUBDOMAIN} characters"
    ))
}

/// Checks the name of a resource that is never applied to a cluster itself: it must be a valid segment of an API path.
pub fn path_segment(text: &str) -> Result<(), String> {
    let is_wrong = |c: char| c.is_control() || c.is_whitespace() || matches!(c, '/' | '%');
    if !matches!(text, "." | "..") && text.len() <= MAX_SUBDOMAIN && !text.contains(is_wrong) {
        return Ok(());
    }
    Err(format!(
        "`{text}` is not a valid Kubernetes name; use at most {MAX_SUBDOMAIN} characters, no spaces, control characters, `/` or `%`, and not \
        `.` or `..`"
    ))
}

/// Checks a key of a ConfigMap or Secret.
pub fn data_key(text: &str) -> Result<(), String> {
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let is_key = !text.is_empty() && text.len() <= MAX_SUBDOMAIN && text.chars().all(legal);
    if is_key && text != "." && !text.starts_with("..") {
        return Ok(());
    }
    Err(format!(
        "`{text}` is not a valid key of a Secret; allowed are letters, digits, `-`, `_` and `.`, at most {MAX_SUBDOMAIN} characters, not \
        starting with `..`"
    ))
}

/// Checks the key of a label or an annotation, or the name of a compute resource such as `cpu`: `[PREFIX/]NAME`.
pub fn qualified_name(text: &str) -> Result<(), String> {
    let (prefix, name) = text.split_once('/').map_or((None, text), |(prefix, name)| (Some(prefix), name));
    let end = |c: char| c.is_ascii_alphanumeric();
    let is_name = !name.is_empty()
        && name.len() <= MAX_LABEL
        && name.starts_with(end)
        && name.ends_with(end)
        && name.chars().all(|c| end(c) || matches!(c, '-' | '_' | '.'));
    // Kubernetes validates the key of an annotation without regard to case.
    if is_name && prefix.is_none_or(|prefix| is_subdomain(&prefix.to_ascii_lowercase())) {
        return Ok(());
    }
    Err(format!(
        "`{text}` is not a valid Kubernetes key; write `NAME` or `DOMAIN/NAME`, where the name has letters, digits, `-`, `_` and `.`, at most \
        {MAX_LABEL} characters, a letter or digit at both ends"
    ))
}

/// Checks the name of an environment variable.
pub fn variable_name(text: &str) -> Result<(), String> {
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if !text.is_empty() && text.chars().all(legal) && !text.starts_with(|c: char| c.is_ascii_digit()) {
        return Ok(());
    }
    Err(format!(
        "`{text}` is not a valid name of an environment variable; allowed are letters, digits, `_`, `-` and `.`, not starting with a digit"
    ))
}

/// Checks a quantity, such as `20m`, `128Mi` or `0.5`.
pub fn quantity(text: &str) -> Result<(), String> {
    let number = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let suffix = &text[number.len()..];
    let is_number = number.starts_with(|c: char| c.is_ascii_digit())
        && number.ends_with(|c: char| c.is_ascii_digit())
        && number.chars().all(|c| c.is_ascii_digit() || c == '.')
        && number.matches('.').count() <= 1;
    let exponent = text
        .split_once(['e', 'E'])
        .is_some_and(|(number, exponent)| number.parse::<f64>().is_ok() && exponent.parse::<i8>().is_ok());
    let known = ["", "n", "u", "m", "k", "M", "G", "T", "P", "E", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];
    if exponent || is_number && known.contains(&suffix) {
        return Ok(());
    }
    Err(format!("`{text}` is not a quantity; write a number, optionally with a unit, such as `20m`, `0.5` or `128Mi`"))
}

/// Checks the reference of a container image.
pub fn image(text: &str) -> Result<(), String> {
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | ':' | '/' | '@' | '+' | '-');
    if text.starts_with(|c: char| c.is_ascii_alphanumeric()) && text.chars().all(legal) {
        return Ok(());
    }
    Err(format!("`{text}` is not an image reference; write it like `ghcr.io/acme/apigee-flux:v1` or with a digest"))
}

#[cfg(test)]
mod tests {
    use super::*;

    type Rule = fn(&str) -> Result<(), String>;

    #[track_caller]
    fn check(rule: Rule, right: &[&str], wrong: &[&str]) {
        for text in right {
            assert_eq!(rule(text), Ok(()));
        }
        for text in wrong {
            assert!(rule(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn names_are_those_of_kubernetes() {
        let long = "a".repeat(64);
        check(namespace, &["a", "team-1"], &["", "-a", "a-", "A", "a_b", "a.b", "../a", "a\n", "ä", &long]);
        check(volume_name, &["vault-token", "1"], &["", "-a", "a.b", "A", &long]);
        check(object_name, &["a", "a.b-c", &long], &["", ".a", "a..b", "A", "a/b", "a ", &"a.".repeat(128)]);
        check(path_segment, &["a", "Orders_v1", "a.b"], &[".", "..", "a/b", "a%b", "a b", "a\nb", "a\u{9b}b"]);
        check(data_key, &["tls.crt", ".a", "A_b"], &["", ".", "..", "..data", "a/b", "a b", "a\n"]);
    }

    #[test]
    fn keys_and_values_are_those_of_kubernetes() {
        check(
            qualified_name,
            &["a", "a.io/B_c", "cpu", "A.io/b"],
            &["", "/a", "a/", "a/b/c", "-a", "a_b/c", "a\n", "a b"],
        );
        check(variable_name, &["HTTPS_PROXY", "a.b-c", "_"], &["", "1A", "A=B", "A B", "A\n"]);
        check(
            quantity,
            &["20m", "128Mi", "0.5", "1", "1e3", "2E"],
            &["", "m", "1 Mi", "-1", "1mi", ".5", "1.2.3", "1\n"],
        );
        check(image, &["a", "ghcr.io/a/b:v1@sha256:00"], &["", "-a", "a b", "a\n", " a"]);
    }
}
