//! Host names.

/// The maximum length of a label (RFC 1123, section 2.1, with RFC 1034, section 3.1).
const LABEL: usize = 63;

/// True for a host name of RFC 1123, or an IPv4 address, which has the same form.
pub(super) fn is_host(text: &str) -> bool {
    let is_label = |label: &str| {
        (1..=LABEL).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    text.split('.').all(is_label)
}

/// True for a host name, or `*.` and a host name.
pub(super) fn is_host_pattern(text: &str) -> bool {
    is_host(text.strip_prefix("*.").unwrap_or(text))
}

/// A host name of a length.
pub(super) fn sample(length: usize) -> String {
    let text: Vec<u8> =
        (0..length).map(|index| if index % 10 == 9 && index + 1 < length { b'.' } else { b'a' }).collect();
    text.into_iter().map(char::from).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts() {
        for host in ["a", "A-1.example.com", "10.0.0.1", "localhost"] {
            assert!(is_host(host), "{host}");
        }
        for host in ["", ".", "a.", "-a", "a-", "a_b", "2001:db8::1", " a", "https://a", "a:80", "a/b", "*.a"] {
            assert!(!is_host(host), "{host}");
        }
        assert!(is_host_pattern("*.example.com") && !is_host_pattern("a.*.com"));
    }
}
